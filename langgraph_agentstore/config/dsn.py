"""Connection strings as text: URIs and libpq's keyword form, read as named parameters.

A connection string is read as libpq reads it, with two liberties that cannot change its meaning:
special characters of an unquoted password are kept, and a driver's name in the scheme, such as
`postgresql+asyncpg://`, is ignored. `dsn_options.py` knows the meaning of each parameter.

No message contains a value, nor a name that may be part of an unquoted password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import unquote

from ..errors import ConfigurationError

_SCHEMES = ("postgresql", "postgres")
_DSN_SCHEME = re.compile(r"((?:jdbc:)?[A-Za-z][\w+.-]*)://")
_DRIVERS = ("asyncpg", "psycopg", "psycopg_async", "psycopg2", "psycopg2cffi", "pg8000")

_PAIR = re.compile(
    r"""\s*(?P<name>[^\s=]+)\s*=\s*
        (?: '(?P<quoted>(?:[^'\\]|\\.)*)' | (?P<bare>(?:[^\s'\\]|\\.)*) ) (?=\s|$)""",
    re.VERBOSE | re.DOTALL,
)
_KEYWORD_FORM = re.compile(r"\s*(host|hostaddr|port|dbname|user|password|service)\s*=")
_HOST = re.compile(r"(?P<name>\[[^\[\]]*\]|[^\[\]:]*)(?::(?P<port>[0-9]{0,5}))?")
_LISTED = re.compile(r"[^:/]+:[0-9]+")
_PLACEHOLDER = re.compile(r"\[your[-_ ]?password\]|<password>|\*{4,}", re.IGNORECASE)

_PORTS = 65536


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a connection, by libpq's names.

    `doubtful`: names that may be part of an unquoted password, and so are never shown.
    `variables`: the environment variables that gave parameters, by the names of these.
    """

    values: Mapping[str, str]
    doubtful: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Parameters({', '.join(sorted(set(self.values) - self.doubtful))})"


def read_dsn(dsn: object, name: str = "a DSN") -> Parameters:
    """Read a URI or `host=… dbname=…`; an error calls it `name`.

    Raises:
        ConfigurationError: it is neither, or is ambiguous.
    """
    if not isinstance(dsn, str):
        raise ConfigurationError(f"a DSN is a string, got {type(dsn).__name__}")
    text = dsn.strip()
    _refuse_wrapping(text, name)
    found = _DSN_SCHEME.match(text)
    if found is not None:
        _check_scheme(found[1], name)
        parameters = _read_uri(text[found.end() :])
    elif "=" in text:
        parameters = _read_pairs(text)
    else:
        raise ConfigurationError(
            f"{name} starts with postgresql:// or postgres://, as in "
            "postgresql://user:password@host:5432/dbname, or is written host=… dbname=… user=…; "
            "this one is neither"
        )
    _check_values(parameters.values, name)
    return parameters


def is_dsn(text: str) -> bool:
    """Tell whether a text is meant as a connection string, not as a path or a host's name."""
    return "://" in text or _KEYWORD_FORM.match(text) is not None


def hosts_and_ports(parameters: Mapping[str, str]) -> list[tuple[str, int]]:
    """Return each host with its port; empty if none is named. One port may serve all hosts."""
    listed = parameters.get("host") or parameters.get("hostaddr")
    if not listed:
        return []
    hosts = listed.split(",")
    if "" in hosts:
        raise ConfigurationError("the list of hosts has an empty entry; leave it out")
    ports = [_port(port) for port in (parameters.get("port") or "5432").split(",")]
    if len(ports) not in (1, len(hosts)):
        raise ConfigurationError(
            f"{len(hosts)} hosts have {len(ports)} ports; give one port for all, or one for each"
        )
    return list(zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=True))


def port_of(parameters: Mapping[str, str]) -> int:
    """Return the first port, for a string that names no host."""
    return _port((parameters.get("port") or "5432").split(",")[0])


def _refuse_wrapping(text: str, name: str) -> None:
    if text[:1] in ("'", '"', "`") and text[:1] == text[-1:]:
        raise ConfigurationError(f"{name} is wrapped in quotes; leave the quotes out")
    if text.startswith("psql "):
        raise ConfigurationError(f"{name} is a command of psql; pass only what follows 'psql'")
    if ";" in text and re.match(r"(?i)\s*(host|server)\s*=", text):
        raise ConfigurationError(
            f"{name} has semicolons, as .NET writes it; write host=… dbname=… user=… with spaces, "
            "or postgresql://user:password@host:5432/dbname"
        )


def _check_scheme(scheme: str, name: str) -> None:
    base, plus, driver = scheme.partition("+")
    if base in _SCHEMES and (not plus or driver in _DRIVERS):
        return
    if scheme.startswith("jdbc:"):
        cure = "that is JDBC's form: leave 'jdbc:' out, and write the login as user:password@host"
    elif base == "prisma":
        cure = "that leads to Prisma's own proxy; take the direct address of the database"
    elif base in _SCHEMES:
        cure = f"leave out '+{driver}'"
    else:
        cure = "this store needs Postgres; without a DSN it uses the bundled one"
    raise ConfigurationError(
        f"{name} starts with postgresql:// or postgres://, this one with {scheme!r}; {cure}"
    )


def _unreadable() -> NoReturn:
    raise ConfigurationError(
        "the DSN cannot be read: ports are numbers up to 65535, an IPv6 address stands in "
        "brackets, and in a password @ / ? # [ ] % are quoted as in "
        "urllib.parse.quote(password, safe='')"
    )


def _read_uri(text: str) -> Parameters:
    before, _, query = text.partition("?")
    authority, _, path = before.partition("/")
    login, _, hosts = authority.rpartition("@")
    # A / or ? of a password would end the host; then an @ follows where none can be.
    if "@" in path or "#" in path or "#" in query or "#" in hosts:
        _unreadable()
    user, _, password = login.partition(":")
    named = {"user": user, "password": password, "dbname": path}
    values = {name: unquote(value) for name, value in named.items() if value}
    options = _read_query(query)
    if hosts:
        values |= _read_hosts(hosts)
    values |= options  # which have the last word, as for libpq
    doubtful = frozenset(options) if "@" in query else frozenset()
    return Parameters(values, doubtful)


def _read_hosts(listed: str) -> dict[str, str]:
    names, ports = [], []
    for entry in listed.split(","):
        found = _HOST.fullmatch(entry)
        if found is None:
            _unreadable()
        names.append(unquote(found["name"].strip("[]")))
        ports.append(found["port"] or "")
    values = {"host": ",".join(names)} if any(names) else {}
    if any(ports):
        values["port"] = ",".join(port or "5432" for port in ports)
    return values


def _read_query(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        quoted_name, equals, quoted_value = part.partition("=")
        if not equals or not quoted_name:
            _unreadable()
        name, value = unquote(quoted_name), unquote(quoted_value)
        if name == "host" and "host" in options:  # SQLAlchemy repeats it, once for each
            value = f"{options['host']},{value}"
        options[name] = value
    return _with_listed_ports(options)


def _with_listed_ports(options: dict[str, str]) -> dict[str, str]:
    """Split `host=one:5433,two:5434`, as asyncpg and SQLAlchemy write several hosts."""
    hosts = options.get("host", "").split(",")
    if "port" not in options and all(_LISTED.fullmatch(host) for host in hosts):
        pairs = [host.split(":") for host in hosts]
        options["host"] = ",".join(name for name, _ in pairs)
        options["port"] = ",".join(port for _, port in pairs)
    return options


def _read_pairs(text: str) -> Parameters:
    values: dict[str, str] = {}
    doubtful: set[str] = set()
    position, after_bare_password = 0, False
    while position < len(text):
        found = _PAIR.match(text, position)
        if found is None:
            raise ConfigurationError(
                "the DSN cannot be read: it is a list of name=value, and a value that is empty or "
                "holds a space or a quote is written 'in quotes', with \\ before ' and \\"
            )
        name, position = found["name"], found.end()
        raw = found["quoted"] if found["quoted"] is not None else found["bare"]
        if after_bare_password:
            doubtful.add(name)
        after_bare_password = after_bare_password or (name == "password" and not found["quoted"])
        values[name] = re.sub(r"\\(.)", r"\1", raw, flags=re.DOTALL)
    return Parameters(values, frozenset(doubtful))


def _check_values(values: Mapping[str, str], name: str) -> None:
    if any("\0" in text for pair in values.items() for text in pair):
        raise ConfigurationError(f"{name} holds a NUL character, which Postgres cannot take")
    if _PLACEHOLDER.fullmatch(values.get("password", "")):
        raise ConfigurationError(
            f"{name} has the provider's placeholder where the password goes; put yours there"
        )
    hosts_and_ports(values)
    port_of(values)


def _port(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) < _PORTS:
        _unreadable()
    return int(text)
