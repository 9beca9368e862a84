"""The parameters of connection strings: honoured, without effect, refused, other tools'.

They have libpq's names (PostgreSQL 18 manual, "Parameter Key Words"). A tuning parameter that the
driver lacks is ignored. A protecting parameter is honoured or refused by name. Parameters of
other tools are refused with their counterpart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ..errors import ConfigurationError
from .dsn import Parameters

SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SESSION_ATTRIBUTES = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")
_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
SYSTEM: Final = "system"

_CHOICES: dict[str, tuple[str, ...]] = {
    "sslmode": SSL_MODES,
    "sslnegotiation": ("postgres", "direct"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "sslcertmode": ("disable", "allow", "require"),
    "target_session_attrs": _SESSION_ATTRIBUTES,
    "load_balance_hosts": ("disable", "random"),
    "ssl_min_protocol_version": _TLS_VERSIONS,
    "ssl_max_protocol_version": _TLS_VERSIONS,
    "gsslib": ("gssapi", "sspi"),
    "keepalives": ("0", "1"),
    "min_protocol_version": ("3.0", "3.2", "latest"),
    "max_protocol_version": ("3.0", "3.2", "latest"),
}

NUMBERS: Final = (
    "connect_timeout",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)

HONOURED: Final = frozenset(
    (
        *("host", "hostaddr", "port", "dbname", "user", "password", "passfile"),
        *("service", "servicefile", "options", "application_name", "fallback_application_name"),
        *("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval"),
        *("keepalives_count", "tcp_user_timeout", "target_session_attrs", "channel_binding"),
        *("sslmode", "sslnegotiation", "sslcert", "sslkey", "sslpassword", "sslcertmode"),
        *("sslrootcert", "sslcrl", "sslcrldir", "sslkeylogfile"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "krbsrvname", "gsslib"),
    )
)
"""Parameters of libpq that mean here what they mean there."""

WITHOUT_EFFECT: Final = frozenset(
    (
        "client_encoding",  # the driver speaks UTF-8
        "load_balance_hosts",  # all hosts are tried at once
        "sslcompression",  # no server has it any more
        "gssdelegation",
        "gssencmode",
        "sslsni",
        "replication",
        "min_protocol_version",
        "max_protocol_version",
    )
)
"""Parameters of libpq that only tune, or whose other values are refused."""

_REFUSED_VALUES: dict[str, tuple[tuple[str, ...], str]] = {
    "gssencmode": (("require",), "the driver has no GSSAPI encryption; use sslmode=verify-full"),
    "sslcertmode": (("require",), "the driver cannot tell whether the server asked for it"),
    "sslsni": (("0",), "the driver always names the host to the server"),
    "min_protocol_version": (("3.2", "latest"), "the driver speaks version 3.0"),
    "replication": (
        ("true", "on", "yes", "1", "database"),
        "a store cannot work on a connection for replication; leave it out",
    ),
}
"""Values that the driver cannot hold, and why."""

_NO_OAUTH = "the driver has no OAuth; pass a token as pool={'connect_options': {'password': …}}"

REFUSED_BY_NAME: Final[Mapping[str, str]] = {
    "require_auth": "the driver answers whatever the server asks; leave it out and let "
    "sslmode=verify-full keep others from asking",
    "requirepeer": "the driver cannot tell who owns a socket; leave it out",
    "scram_client_key": "the driver logs in by a password only; give password",
    "scram_server_key": "the driver logs in by a password only; give password",
    "oauth_issuer": _NO_OAUTH,
    "oauth_client_id": _NO_OAUTH,
    "oauth_client_secret": _NO_OAUTH,
    "oauth_scope": _NO_OAUTH,
}
"""Parameters of libpq that protect and that the driver cannot hold."""

_POOL = "pool={'max_size': …} of the store says how many connections there are"
_LEAVE_OUT = "leave it out"
_PREPARED = "leave it out; pool={'statement_cache': 0} of the store prepares no statements"
_WAITING = "pool={'acquire_timeout_s': …} of the store limits the wait for a connection"

OTHER_TOOLS: Final[Mapping[str, tuple[str, str]]] = {
    "pgbouncer": ("Prisma", "leave it out; the store recognises poolers by itself"),
    "connection_limit": ("Prisma", _POOL),
    "pool_timeout": ("Prisma", _WAITING),
    "schema": ("Prisma", "the store takes it as schema='…'"),
    "sslaccept": ("Prisma", "strict is sslmode=verify-full, accept_invalid_certs sslmode=require"),
    "sslidentity": ("Prisma", "write sslcert=…&sslkey=…"),
    "socket_timeout": ("Prisma", "pool={'command_timeout_s': …} of the store limits statements"),
    "statement_cache_size": ("Prisma", "the store takes it as pool={'statement_cache': …}"),
    "single_use_connections": ("Prisma", _LEAVE_OUT),
    "ssl": ("another driver", "write sslmode=require, or sslmode=disable"),
    "prepareThreshold": ("JDBC", _PREPARED),
    "preparedStatementCacheQueries": ("JDBC", _PREPARED),
    "preferQueryMode": ("JDBC", _PREPARED),
    "currentSchema": ("JDBC", "the store takes its own as schema='…'"),
    "ApplicationName": ("JDBC", "write application_name=…"),
    "loginTimeout": ("JDBC", "write connect_timeout=…"),
    "connectTimeout": ("JDBC", "write connect_timeout=…"),
    "socketTimeout": ("JDBC", "pool={'command_timeout_s': …} of the store limits statements"),
    "tcpKeepAlive": ("JDBC", "write keepalives=1"),
    "targetServerType": ("JDBC", "write target_session_attrs=…"),
    "loadBalanceHosts": ("JDBC", "write load_balance_hosts=random"),
    "sslfactory": ("JDBC", "write sslmode=… and sslrootcert=…"),
    "stringtype": ("JDBC", _LEAVE_OUT),
    "reWriteBatchedInserts": ("JDBC", _LEAVE_OUT),
    "pool_size": ("SQLAlchemy", _POOL),
    "max_overflow": ("SQLAlchemy", _POOL),
    "pool_recycle": ("SQLAlchemy", "pool={'max_idle_s': …} of the store closes what is idle"),
    "pool_pre_ping": ("SQLAlchemy", "leave it out; lost connections are replaced"),
    "prepared_statement_cache_size": ("SQLAlchemy", _PREPARED),
    "prepared_statement_name_func": ("SQLAlchemy", "leave it out; names are random already"),
    "async_fallback": ("SQLAlchemy", _LEAVE_OUT),
    "command_timeout": ("asyncpg", "the store takes it as pool={'command_timeout_s': …}"),
    "timeout": ("asyncpg", "write connect_timeout=…"),
    "server_settings": ("asyncpg", "write options=-c%20name=value"),
    "supa": ("Supabase", _LEAVE_OUT),
    "workaround": ("Supabase", _LEAVE_OUT),
    "uselibpqcompat": ("node-postgres", "leave it out; sslmode means what libpq says"),
    "max": ("postgres.js", _POOL),
    "prepare": ("postgres.js", _PREPARED),
    "idle_timeout": ("postgres.js", "pool={'max_idle_s': …} of the store closes what is idle"),
    "pool_max_conns": ("pgx", _POOL),
    "pool_min_conns": ("pgx", "pool={'min_size': …} of the store keeps connections open"),
    "default_query_exec_mode": ("pgx", _PREPARED),
    "statement_cache_mode": ("pgx", _PREPARED),
    "binary_parameters": ("lib/pq", _PREPARED),
    "sslinline": ("lib/pq", "sslcert=… and sslkey=… name files"),
    "pool": ("Rails", _POOL),
    "checkout_timeout": ("Rails", _WAITING),
    "prepared_statements": ("Rails", _PREPARED),
    "encoding": ("Rails", "leave it out; text is UTF-8"),
    "conn_max_age": ("Django", "pool={'max_idle_s': …} of the store closes what is idle"),
    "conn_health_checks": ("Django", "leave it out; lost connections are replaced"),
    "ssl_require": ("Django", "write sslmode=require"),
}
"""Parameters of other tools: whose, and what to write in their place."""

_SERVER_SETTINGS = frozenset(
    (
        *("search_path", "role", "timezone", "datestyle", "intervalstyle", "work_mem", "jit"),
        *("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"),
        *("idle_session_timeout", "transaction_timeout", "default_transaction_read_only"),
        *("default_transaction_isolation", "row_security", "tcp_keepalives_idle"),
        *("plan_cache_mode", "enable_seqscan", "synchronous_commit"),
    )
)
"""Settings of the server that asyncpg and pgx take as parameters, beside those with a period."""

ENVIRONMENT: Final[Mapping[str, str]] = {
    "PGHOST": "host",
    "PGHOSTADDR": "hostaddr",
    "PGPORT": "port",
    "PGDATABASE": "dbname",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGPASSFILE": "passfile",
    "PGREQUIREAUTH": "require_auth",
    "PGCHANNELBINDING": "channel_binding",
    "PGSERVICE": "service",
    "PGSERVICEFILE": "servicefile",
    "PGOPTIONS": "options",
    "PGAPPNAME": "application_name",
    "PGSSLMODE": "sslmode",
    "PGSSLNEGOTIATION": "sslnegotiation",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
    "PGSSLCERTMODE": "sslcertmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCRL": "sslcrl",
    "PGSSLCRLDIR": "sslcrldir",
    "PGSSLSNI": "sslsni",
    "PGREQUIREPEER": "requirepeer",
    "PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version",
    "PGSSLMAXPROTOCOLVERSION": "ssl_max_protocol_version",
    "PGGSSENCMODE": "gssencmode",
    "PGKRBSRVNAME": "krbsrvname",
    "PGGSSLIB": "gsslib",
    "PGCONNECT_TIMEOUT": "connect_timeout",
    "PGTARGETSESSIONATTRS": "target_session_attrs",
    "PGLOADBALANCEHOSTS": "load_balance_hosts",
    "PGMINPROTOCOLVERSION": "min_protocol_version",
    "PGMAXPROTOCOLVERSION": "max_protocol_version",
}
"""libpq's environment variables, and the parameters that they are the defaults of."""


def check_parameter(name: str, parameters: Parameters) -> None:
    """Raise ConfigurationError if a parameter cannot be honoured, is unknown, or has a wrong value.

    Its message names the parameter, or the variable that gave it, and never the value.
    """
    value, called = parameters.values[name], parameters.variables.get(name, name)
    if name in REFUSED_BY_NAME:
        raise ConfigurationError(f"{called} cannot be held: {REFUSED_BY_NAME[name]}")
    if name in OTHER_TOOLS:
        tool, cure = OTHER_TOOLS[name]
        raise ConfigurationError(f"{name} is a parameter of {tool}, not of libpq: {cure}")
    refused, why = _REFUSED_VALUES.get(name, ((), ""))
    if value in refused:
        raise ConfigurationError(f"{called}={value} cannot be held: {why}")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ConfigurationError(f"{called} is one of {', '.join(_CHOICES[name])}")
    if name in NUMBERS and re.fullmatch("-?[0-9]{1,9}", value) is None:
        raise ConfigurationError(f"{called} is a whole number")
    if name == "port" and re.fullmatch("[0-9]{1,5}(,[0-9]{0,5})*", value) is None:
        raise ConfigurationError(f"{called} is a number up to 65535, or several with commas")
    if name not in HONOURED | WITHOUT_EFFECT and not is_setting(name):
        _refuse_unknown(name, hidden=name in parameters.doubtful)


def is_setting(name: str) -> bool:
    """Tell whether it is a server setting, sent when a session begins."""
    return name.lower() in _SERVER_SETTINGS or re.fullmatch(r"[A-Za-z_]\w*\.\w+", name) is not None


def _refuse_unknown(name: str, *, hidden: bool) -> None:
    if hidden or re.fullmatch(r"[A-Za-z_][\w.-]*", name) is None:
        raise ConfigurationError(
            "the DSN has a parameter that libpq does not know; or is its password "
            "not quoted, as urllib.parse.quote(password, safe='') does?"
        )
    raise ConfigurationError(
        f"{name} is no parameter of libpq: leave it out, or correct its spelling. A setting of "
        "the server is written options=-c%20name=value"
    )
