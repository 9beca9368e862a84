CREATE OR REPLACE TRIGGER agentstore_erased AFTER INSERT ON "it's"."item" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "it's".refuse_erased();
CREATE OR REPLACE TRIGGER agentstore_erased AFTER INSERT ON "it's"."item_lock" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "it's".refuse_erased();
CREATE OR REPLACE TRIGGER agentstore_erased AFTER INSERT ON "it's"."watch" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "it's".refuse_erased();
CREATE OR REPLACE TRIGGER agentstore_erased AFTER INSERT ON "it's"."quarantined_item" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "it's".refuse_erased();
CREATE OR REPLACE TRIGGER agentstore_erased AFTER INSERT ON "it's"."share" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "it's".refuse_erased();
CREATE OR REPLACE TRIGGER agentstore_erased BEFORE INSERT ON "it's"."item_access" FOR EACH ROW EXECUTE FUNCTION "it's".leave_out_erased();
CREATE OR REPLACE TRIGGER agentstore_erased BEFORE INSERT ON "it's"."item_read" FOR EACH ROW EXECUTE FUNCTION "it's".leave_out_erased();
CREATE OR REPLACE TRIGGER agentstore_erased AFTER INSERT ON "it's_keys"."user_key" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "it's".refuse_erased('it''s');
CREATE OR REPLACE TRIGGER agentstore_hold BEFORE DELETE ON "it's"."item" FOR EACH ROW EXECUTE FUNCTION "it's".keep_held();
CREATE OR REPLACE TRIGGER agentstore_usage_of_insert AFTER INSERT ON "it's"."item" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "it's".count_usage();
CREATE OR REPLACE TRIGGER agentstore_usage_of_update AFTER UPDATE ON "it's"."item" REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "it's".count_usage();
CREATE OR REPLACE TRIGGER agentstore_usage_of_delete AFTER DELETE ON "it's"."item" REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION "it's".count_usage()
