-- Who watches what another user shares; null: the user itself. A revoke ends such watches.
ALTER TABLE {schema}.watch ADD COLUMN IF NOT EXISTS watcher text COLLATE "C";
