"""Connection strings as providers and tools print them: where each leads, or why it is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from langgraph_agentstore import AgentStore, PoolConfig
from langgraph_agentstore.config.dsn import read_dsn
from langgraph_agentstore.config.dsn_options import (
    ConnectOptions,
    Host,
    connect_options,
    merged,
    shown_dsn,
)
from langgraph_agentstore.config.dsn_parameters import (
    HONOURED,
    OTHER_TOOLS,
    REFUSED_BY_NAME,
    WITHOUT_EFFECT,
)
from langgraph_agentstore.config.store_options import session_settings
from langgraph_agentstore.errors import ConfigurationError

IAM_TOKEN = (
    "mydb.c1x.eu-west-1.rds.amazonaws.com%3A5432%2F%3FAction%3Dconnect%26DBUser%3Dapp"
    "%26X-Amz-Signature%3Dab12"
)
IAM_PASSWORD = (
    "mydb.c1x.eu-west-1.rds.amazonaws.com:5432/?Action=connect&DBUser=app&X-Amz-Signature=ab12"
)


@dataclass(frozen=True)
class Leads:
    """Where a connection string leads; what is not named here is not asked."""

    hosts: str
    user: str = ""
    password: str = ""
    database: str = ""
    mode: str = "prefer"
    settings: Mapping[str, str] = field(default_factory=dict)


def hosts_of(options: ConnectOptions) -> str:
    return ",".join(f"{host.name}:{host.port}" for host in options.hosts)


def leads(options: ConnectOptions) -> Leads:
    login = (options.user, options.password, options.database)
    return Leads(hosts_of(options), *login, options.tls.mode, options.settings)


def options_of(dsn: str, environment: Mapping[str, str] | None = None) -> ConnectOptions:
    return connect_options(merged(read_dsn(dsn), {}, environment or {}))


NEON = "ep-cool-dawn-123456.eu-central-1.aws.neon.tech"
POOLER = "aws-0-eu-central-1.pooler.supabase.com"

PROVIDERS = {
    "Neon": (
        f"postgresql://app:npg_x@{NEON}/neondb?sslmode=require&channel_binding=require",
        Leads(f"{NEON}:5432", "app", "npg_x", "neondb", "require"),
    ),
    "Neon, endpoint among the options": (
        f"postgres://app:x@{NEON}/neondb?sslmode=require&options=endpoint%3Dep-cool-dawn-123456",
        Leads(
            f"{NEON}:5432",
            *("app", "x", "neondb", "require"),
            {"options": "endpoint=ep-cool-dawn-123456"},
        ),
    ),
    "Supabase, direct": (
        "postgresql://postgres:x@db.abcdefgh.supabase.co:5432/postgres",
        Leads("db.abcdefgh.supabase.co:5432", "postgres", "x", "postgres"),
    ),
    "Supabase, session pooler": (
        f"postgresql://postgres.abcdefgh:x@{POOLER}:5432/postgres",
        Leads(f"{POOLER}:5432", "postgres.abcdefgh", "x", "postgres"),
    ),
    "Supabase, transaction pooler": (
        f"postgres://postgres.abcdefgh:x@{POOLER}:6543/postgres?sslmode=require",
        Leads(f"{POOLER}:6543", "postgres.abcdefgh", "x", "postgres", "require"),
    ),
    "RDS": (
        "postgresql://app:x@mydb.c1x.eu-west-1.rds.amazonaws.com:5432/app"
        "?sslmode=verify-full&sslrootcert=/etc/ssl/global-bundle.pem",
        Leads("mydb.c1x.eu-west-1.rds.amazonaws.com:5432", "app", "x", "app", "verify-full"),
    ),
    "RDS, a token of IAM": (
        f"postgresql://app:{IAM_TOKEN}@mydb.c1x.eu-west-1.rds.amazonaws.com:5432/app"
        "?sslmode=require",
        Leads("mydb.c1x.eu-west-1.rds.amazonaws.com:5432", "app", IAM_PASSWORD, "app", "require"),
    ),
    "Azure, single server": (
        "postgresql://app@srv:x@srv.postgres.database.azure.com:5432/app?sslmode=require",
        Leads("srv.postgres.database.azure.com:5432", "app@srv", "x", "app", "require"),
    ),
    "Azure, keyword form": (
        "host=srv.postgres.database.azure.com port=5432 dbname=app user=app@srv "
        "password='{it''s}' sslmode=require".replace("''", "\\'"),
        Leads("srv.postgres.database.azure.com:5432", "app@srv", "{it's}", "app", "require"),
    ),
    "Heroku": (
        "postgres://uabc:p0123@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d9abc",
        Leads("ec2-1-2-3-4.compute-1.amazonaws.com:5432", "uabc", "p0123", "d9abc"),
    ),
    "Railway": (
        "postgresql://postgres:x@monorail.proxy.rlwy.net:41234/railway",
        Leads("monorail.proxy.rlwy.net:41234", "postgres", "x", "railway"),
    ),
    "Fly": (
        "postgres://app:x@app-db.flycast:5432/app?sslmode=disable",
        Leads("app-db.flycast:5432", "app", "x", "app", "disable"),
    ),
    "Fly, an address": (
        "postgres://app:x@[fdaa:0:1::3]:5433/app",
        Leads("fdaa:0:1::3:5433", "app", "x", "app"),
    ),
    "Render": (
        "postgresql://app:x@dpg-abc-a.frankfurt-postgres.render.com/app_db",
        Leads("dpg-abc-a.frankfurt-postgres.render.com:5432", "app", "x", "app_db"),
    ),
    "Aiven": (
        "postgres://avnadmin:AVNS_x@pg-1-acme.aivencloud.com:28467/defaultdb?sslmode=require",
        Leads("pg-1-acme.aivencloud.com:28467", "avnadmin", "AVNS_x", "defaultdb", "require"),
    ),
    "Crunchy": (
        "postgres://application:x@p.abc.db.postgresbridge.com:5432/postgres",
        Leads("p.abc.db.postgresbridge.com:5432", "application", "x", "postgres"),
    ),
    "Timescale": (
        "postgres://tsdbadmin:x@abc.def.tsdb.cloud.timescale.com:34567/tsdb?sslmode=require",
        Leads("abc.def.tsdb.cloud.timescale.com:34567", "tsdbadmin", "x", "tsdb", "require"),
    ),
    "DigitalOcean": (
        "postgresql://doadmin:AVNS_x@db-1-do-user-9-0.b.db.ondigitalocean.com:25060/defaultdb"
        "?sslmode=require",
        Leads(
            "db-1-do-user-9-0.b.db.ondigitalocean.com:25060",
            *("doadmin", "AVNS_x", "defaultdb", "require"),
        ),
    ),
    "Google Cloud SQL, a socket": (
        "postgresql://app:x@/app?host=/cloudsql/project:europe-west1:instance",
        Leads("/cloudsql/project:europe-west1:instance:5432", "app", "x", "app"),
    ),
    "Google Cloud SQL, a quoted socket": (
        "postgresql://app:x@%2Fcloudsql%2Fproject%3Aeurope-west1%3Ainstance/app",
        Leads("/cloudsql/project:europe-west1:instance:5432", "app", "x", "app"),
    ),
    "CockroachDB": (
        "postgresql://app:x@free-tier.cockroachlabs.cloud:26257/defaultdb"
        "?sslmode=verify-full&sslrootcert=system&options=--cluster%3Dacme-12",
        Leads(
            "free-tier.cockroachlabs.cloud:26257",
            *("app", "x", "defaultdb", "verify-full", {"options": "--cluster=acme-12"}),
        ),
    ),
    "SQLAlchemy, asyncpg": (
        "postgresql+asyncpg://app:x@db.internal/app?ssl=require",
        Leads("db.internal:5432", "app", "x", "app", "require"),
    ),
    "SQLAlchemy, psycopg2": (
        "postgresql+psycopg2://app:x@db.internal/app",
        Leads("db.internal:5432", "app", "x", "app"),
    ),
    "SQLAlchemy, several hosts": (
        "postgresql+psycopg://app:x@/app?host=one:5433&host=two:5434",
        Leads("one:5433,two:5434", "app", "x", "app"),
    ),
    "JDBC's ssl=true, as libpq reads it": (
        "postgresql://db.internal/app?user=app&password=x&ssl=true",
        Leads("db.internal:5432", "app", "x", "app", "require"),
    ),
    "keyword form": (
        "host=db.internal port=5433 dbname=app user=app password='it\\'s \\\\ quoted'",
        Leads("db.internal:5433", "app", "it's \\ quoted", "app"),
    ),
    "keyword form, with spaces around": (
        " host = db.internal\n dbname = 'my app' user=app ",
        Leads("db.internal:5432", "app", "", "my app"),
    ),
    "keyword form, a password like a URI": (
        "host=db.internal password=a://b user=app",
        Leads("db.internal:5432", "app", "a://b"),
    ),
    "keyword form, several hosts": (
        "host=one,two port=5433 dbname=app",
        Leads("one:5433,two:5433", "", "", "app"),
    ),
    "a socket among the options": (
        "postgresql:///app?host=/var/run/postgresql",
        Leads("/var/run/postgresql:5432", database="app"),
    ),
    "a socket as the host": (
        "postgresql://%2Fvar%2Frun/app",
        Leads("/var/run:5432", database="app"),
    ),
    "a socket with a port": (
        "postgresql:///app?host=/tmp&port=5499",
        Leads("/tmp:5499", database="app"),
    ),
    "several hosts": (
        "postgresql://app@one:5433,two,[::1]:5434/app?target_session_attrs=any",
        Leads("one:5433,two:5432,::1:5434", "app", "", "app"),
    ),
    "several hosts, one port": (
        "postgresql://app@/app?host=one,two&port=6000",
        Leads("one:6000,two:6000", "app", "", "app"),
    ),
    "IPv6": (
        "postgresql://app:x@[2001:db8::1234]:5433/app",
        Leads("2001:db8::1234:5433", "app", "x", "app"),
    ),
    "IPv6 without a port": ("postgresql://[::1]/app", Leads("::1:5432", database="app")),
    "IPv6 among the options": (
        "postgresql:///app?host=::1&port=5433",
        Leads("::1:5433", database="app"),
    ),
    "nothing": ("postgresql://", Leads("")),
    "a database": ("postgresql:///app", Leads("", database="app")),
    "a user": ("postgresql://app@", Leads("", "app")),
    "a host with an empty port": ("postgresql://db:/app", Leads("db:5432", database="app")),
    "empty options": ("postgresql://db/app?&", Leads("db:5432", database="app")),
    "an empty password": ("postgresql://app:@db/app", Leads("db:5432", "app", "", "app")),
    "a database by asyncpg's name": (
        "postgresql://db?database=app",
        Leads("db:5432", "", "", "app"),
    ),
    "everything quoted": (
        "postgresql://%61pp:%70%40ss@%64b:5433/%6Dy%2Fapp?application_name=%73vc",
        Leads("db:5433", "app", "p@ss", "my/app", settings={"application_name": "svc"}),
    ),
    "an unquoted @ in the password": (
        "postgresql://app:p@ss@db/app",
        Leads("db:5432", "app", "p@ss", "app"),
    ),
    "an unquoted # in the password": (
        "postgresql://app:p#ss@db/app",
        Leads("db:5432", "app", "p#ss", "app"),
    ),
    "an unquoted % in the password": (
        "postgresql://app:100%@db/app",
        Leads("db:5432", "app", "100%", "app"),
    ),
    "an unquoted : and [ in the password": (
        "postgresql://app:a:b[c]@db/app",
        Leads("db:5432", "app", "a:b[c]", "app"),
    ),
    "a + in the options is a plus": (
        "postgresql://db/app?password=a+b",
        Leads("db:5432", "", "a+b", "app"),
    ),
    "a + within options, quoted as a form": (
        "postgresql://db/app?options=-c+geqo%3Doff+-c+jit%3Don",
        Leads("db:5432", database="app", settings={"options": "-c geqo=off -c jit=on"}),
    ),
    "settings of the server": (
        "postgresql://db/app?search_path=other&app.tenant=7&statement_timeout=5000",
        Leads(
            "db:5432",
            database="app",
            settings={"search_path": "other", "app.tenant": "7", "statement_timeout": "5000"},
        ),
    ),
    "a line's end": ("postgresql://db/app\n", Leads("db:5432", database="app")),
    "sslrootcert=system": (
        "postgresql://db/app?sslrootcert=system",
        Leads("db:5432", database="app", mode="verify-full"),
    ),
    "channel_binding without sslmode": (
        "postgresql://db/app?channel_binding=require",
        Leads("db:5432", database="app", mode="require"),
    ),
    "channel_binding that asks for nothing": (
        "postgresql://db/app?channel_binding=prefer",
        Leads("db:5432", database="app"),
    ),
    "what only tunes": (
        "postgresql://db/app?gssencmode=prefer&load_balance_hosts=random&client_encoding=LATIN1"
        "&sslcompression=0&gssdelegation=0&sslsni=1&replication=false&max_protocol_version=3.2"
        "&connect_timeout=10&keepalives=1&keepalives_idle=30&tcp_user_timeout=5000"
        "&krbsrvname=postgres&gsslib=gssapi",
        Leads("db:5432", database="app"),
    ),
}


@pytest.mark.parametrize("printed", PROVIDERS)
def test_a_connection_string_leads_where_it_says(printed: str) -> None:
    dsn, expected = PROVIDERS[printed]
    AgentStore(dsn)
    assert leads(options_of(dsn)) == expected


DB = "postgresql://app:s3cret@db/app"

REFUSED = {
    f"{DB}?pgbouncer=true": r"pgbouncer is a parameter of Prisma.*recognises poolers by itself",
    f"{DB}?connection_limit=5": r"connection_limit is a parameter of Prisma.*max_size",
    f"{DB}?pool_timeout=5": r"pool_timeout is a parameter of Prisma.*acquire_timeout_s",
    f"{DB}?schema=public": r"schema is a parameter of Prisma.*schema='…'",
    f"{DB}?sslaccept=strict": r"sslaccept is a parameter of Prisma.*sslmode=verify-full",
    f"{DB}?prepareThreshold=0": r"prepareThreshold is a parameter of JDBC.*statement_cache",
    f"{DB}?currentSchema=x": r"currentSchema is a parameter of JDBC",
    f"{DB}?ssl=false": r"ssl is a parameter of another driver.*sslmode=disable",
    f"{DB}?supa=base-pooler.x": r"supa is a parameter of Supabase.*leave it out",
    f"{DB}?workaround=supabase-pooler.vercel": r"workaround is a parameter of Supabase",
    f"{DB}?pool_size=5": r"pool_size is a parameter of SQLAlchemy.*max_size",
    f"{DB}?prepared_statement_cache_size=0": r"SQLAlchemy.*statement_cache",
    f"{DB}?uselibpqcompat=true": r"uselibpqcompat is a parameter of node-postgres",
    f"{DB}?conn_max_age=600": r"conn_max_age is a parameter of Django",
    f"{DB}?sslmod=require": r"^sslmod is no parameter of libpq",
    f"{DB}?sslmode=no-verify": r"^sslmode is one of disable, allow, prefer",
    f"{DB}?sslmode=s3cret": r"^sslmode is one of",
    f"{DB}?connect_timeout=soon": r"^connect_timeout is a whole number",
    f"{DB}?require_auth=scram-sha-256": r"^require_auth cannot be held",
    f"{DB}?requirepeer=postgres": r"^requirepeer cannot be held",
    f"{DB}?gssencmode=require": r"^gssencmode=require cannot be held",
    f"{DB}?sslcertmode=require": r"^sslcertmode=require cannot be held",
    f"{DB}?sslsni=0": r"^sslsni=0 cannot be held",
    f"{DB}?min_protocol_version=3.2": r"^min_protocol_version=3.2 cannot be held",
    f"{DB}?replication=database": r"^replication=database cannot be held",
    f"{DB}?scram_client_key=abc": r"^scram_client_key cannot be held",
    f"{DB}?oauth_issuer=https://x": r"^oauth_issuer cannot be held.*OAuth",
    f"{DB}?sslrootcert=system&sslmode=require": r"sslrootcert=system needs sslmode=verify-full",
    f"{DB}?channel_binding=require&sslmode=disable": r"channel_binding=require needs TLS",
    "postgresql:///app?host=/tmp&channel_binding=require": r"channel_binding=require needs TLS",
    f"{DB}?sslnegotiation=direct": r"sslnegotiation=direct needs sslmode=require",
    f"{DB}?hostaddr=10.0.0.1,10.0.0.2": r"1 hosts have 2 addresses in hostaddr",
    f"{DB}?host=@abstract": r"abstract sockets",
    "jdbc:postgresql://db:5432/app?user=app&password=s3cret": r"JDBC's form: leave 'jdbc:' out",
    "prisma+postgres://accelerate.prisma-data.net/?api_key=s3cret": r"Prisma's own proxy",
    "mysql://app:s3cret@db/app": r"this one with 'mysql'",
    "postgresql+nodriver://db/app": r"this one with 'postgresql\+nodriver'",
    "'postgresql://app:s3cret@db/app'": r"wrapped in quotes",
    "psql 'postgresql://app:s3cret@db/app'": r"is a command of psql",
    "Host=db;Username=app;Password=s3cret": r"as \.NET writes it",
    "db/app": r"this one is neither",
    "": r"this one is neither",
    "host=db dbname=my app": r"written 'in quotes'",
    "host=db password='s3cret": r"written 'in quotes'",
    "host=db password=s3 cret=1": r"parameter that libpq does not know; or is its password",
    "host=db no_such=1": r"^no_such is no parameter of libpq",
    "postgresql://app:[YOUR-PASSWORD]@db.abc.supabase.co:5432/postgres": r"placeholder",
    "postgresql://app:************@db/app": r"placeholder",
    "postgresql://app:s3/cret@db/app": r"in a password @ / \? # \[ \] % are quoted",
    "postgresql://app:s3?cret@db/app": r"cannot be read",
    "postgresql://app:s3@cret/x@db/app": r"cannot be read",
    "postgresql://app:p@1?s3cret=x@db/app": r"parameter that libpq does not know",
    "postgresql://db/app#frag": r"cannot be read",
    "postgresql://db/app?=x": r"cannot be read",
    "postgresql://::1/app": r"an IPv6 address stands in brackets",
    "postgresql://db:0/app": r"ports are numbers up to 65535",
    "postgresql://db:65536/app": r"ports are numbers up to 65535",
    "postgresql:///app?port=x": r"ports are numbers up to 65535",
    "postgresql://one,,two/app": r"empty entry",
    "postgresql://one,two/app?port=1,2,3": r"2 hosts have 3 ports",
    "postgresql://app:%00@db/app": r"NUL",
    f"{DB}?s3%20cret=1": r"parameter that libpq does not know",
}


@pytest.mark.parametrize("dsn", REFUSED)
def test_what_cannot_be_held_is_refused_by_name_when_the_store_is_made(dsn: str) -> None:
    with pytest.raises(ConfigurationError, match=REFUSED[dsn]) as caught:
        AgentStore(dsn)
    assert "s3" not in str(caught.value)
    assert "cret" not in str(caught.value)


def test_a_dsn_that_is_no_text_is_refused_with_its_type() -> None:
    with pytest.raises(ConfigurationError, match="got bytes"):
        AgentStore(b"postgresql://")


def test_parameters_are_shown_without_values_and_without_what_may_be_a_password() -> None:
    shown = repr(read_dsn("host=db password=s3 cret=1"))
    assert shown == "Parameters(host, password)"


def test_a_host_has_the_address_that_stands_beside_it() -> None:
    options = options_of("host=one,two hostaddr=10.0.0.1,10.0.0.2 port=5433")
    assert options.hosts == (Host("one", 5433, "10.0.0.1"), Host("two", 5433, "10.0.0.2"))


def test_an_address_alone_is_the_host() -> None:
    assert options_of("hostaddr=10.0.0.1").hosts == (Host("10.0.0.1", 5432, "10.0.0.1"),)


def test_what_the_environment_says_is_below_what_the_dsn_says() -> None:
    environment = {"PGUSER": "env", "PGDATABASE": "env", "PGAPPNAME": "env", "PGPORT": "6000"}
    options = options_of("postgresql://own@db", environment)
    assert leads(options) == Leads(
        "db:6000", "own", "", "env", "prefer", {"application_name": "env"}
    )


def test_a_variable_that_names_another_address_does_not_lead_a_named_host_elsewhere() -> None:
    environment = {"PGHOST": "other", "PGHOSTADDR": "10.9.9.9"}
    assert options_of("postgresql://db", environment).hosts == (Host("db", 5432),)


def test_a_name_of_the_environment_is_above_a_fallback_of_the_dsn() -> None:
    options = options_of("postgresql://db?fallback_application_name=own", {"PGAPPNAME": "env"})
    assert options.settings == {"application_name": "env"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PGSSLMODE", "s3cret"),
        ("PGPORT", "s3cret"),
        ("PGREQUIREAUTH", "md5"),
        ("PGGSSENCMODE", "require"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{variable}") as caught:
        options_of("postgresql://db", {variable: value})
    assert "s3cret" not in str(caught.value)


def test_the_options_of_tls_are_taken_as_they_are_given() -> None:
    tls = options_of(
        f"{DB}?sslmode=verify-ca&sslnegotiation=direct&sslrootcert=r&sslcert=c&sslkey=k"
        "&sslpassword=s3cret&sslcrl=l&sslcrldir=d&sslcertmode=disable&sslkeylogfile=f"
        "&ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.3"
    ).tls
    assert (tls.mode, tls.direct, tls.root, tls.certificate) == ("verify-ca", True, "r", "c")
    assert (tls.key, tls.key_password, tls.revoked, tls.revoked_folder) == ("k", "s3cret", "l", "d")
    assert (tls.with_certificate, tls.key_log) == (False, "f")
    assert (tls.oldest, tls.newest) == ("TLSv1.3", "TLSv1.3")
    assert "s3cret" not in repr(tls)


def test_when_tcp_gives_up_is_taken_as_it_is_given() -> None:
    kept = options_of(
        f"{DB}?keepalives=0&keepalives_idle=30&keepalives_interval=-1&keepalives_count=3"
        "&tcp_user_timeout=5000&connect_timeout=-1"
    )
    alive = kept.keep_alive
    assert (alive.wanted, alive.idle_s, alive.interval_s, alive.count) == (False, 30, 0, 3)
    assert (alive.unanswered_ms, kept.connect_timeout_s) == (5000, 0)


SHOWN = {
    "postgresql://ann%40x:s3cret@db:6543/a%2Fb?sslmode=require": "postgresql://ann%40x@db:6543/a%2Fb",
    "host=one,two port=1,2 password=s3cret": "postgresql://one:1,two:2/",
    "hostaddr=10.0.0.1": "postgresql://10.0.0.1/",
    "postgresql://[::1]:5433/db": "postgresql://[::1]:5433/db",
    "postgresql:///db?port=1,2": "postgresql://:1/db",
    "host=one,two port=5433": "postgresql://one:5433,two:5433/",
}


@pytest.mark.parametrize("dsn", SHOWN)
def test_user_hosts_and_database_are_shown(dsn: str) -> None:
    assert shown_dsn(read_dsn(dsn).values) == SHOWN[dsn]


def test_a_service_stands_between_the_dsn_and_the_environment() -> None:
    service = {"host": "service", "user": "service", "dbname": "service"}
    found = merged(read_dsn("postgresql://own@"), service, {"PGDATABASE": "env", "PGPORT": "6000"})
    options = connect_options(found)
    assert leads(options) == Leads("service:6000", "own", "", "service")


def test_a_setting_of_the_dsn_is_above_the_default_of_the_store() -> None:
    given = options_of(f"{DB}?options=-c%20lock_timeout%3D5s%20--jit%3Don&application_name=svc")
    told = session_settings(PoolConfig(), given.settings)
    assert told["application_name"] == "svc"
    assert told["options"] == "-c lock_timeout=5s --jit=on"
    assert "enable_seqscan" in told
    assert not {"lock_timeout", "jit"} & set(told)


def test_session_settings_of_the_pool_are_above_the_dsn() -> None:
    pool = PoolConfig(session_settings={"application_name": "code"})
    given = {"application_name": "dsn", "search_path": "x"}
    assert session_settings(pool, given) == {"application_name": "code", "search_path": "x"}


PAGE = Path(__file__).parents[2] / "docs" / "howto" / "connection_strings.md"


@pytest.mark.parametrize("named", [HONOURED, WITHOUT_EFFECT, REFUSED_BY_NAME, OTHER_TOOLS])
def test_every_parameter_is_on_the_page(named: Iterable[str]) -> None:
    told = set(re.findall(r"`(\w+)`", PAGE.read_text(encoding="utf-8")))
    assert set(named) - told == set()
