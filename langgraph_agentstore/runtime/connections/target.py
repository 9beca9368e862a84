"""Translation of a connection string's options to arguments of the driver.

Reads the files that the options name: a service's section, the password file, certificates. Reading
blocks, so it happens in a thread, and the driver has nothing left to look up on the event loop.
"""

from __future__ import annotations

import configparser
import getpass
import logging
import re
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from ssl import SSLContext
from typing import Any

from ...config.dsn import Parameters
from ...config.dsn_options import ConnectOptions, Host, KeepAlive, connect_options, merged
from ...errors import ConfigurationError
from ..io_thread import in_thread
from .tls import config_folder, home, tls_attempts

logger = logging.getLogger("langgraph_agentstore")

# The folders of the sockets of the usual server packages.
_SOCKET_FOLDERS = ("/run/postgresql", "/var/run/postgresql", "/tmp", "/private/tmp")
_LOCAL = "localhost"

_MERGED = {
    **{name: name for name in ("host", "port", "user", "passfile", "service", "servicefile")},
    "database": "dbname",
}
"""Arguments of asyncpg's connect that are also parameters of a connection string."""


@dataclass(frozen=True, slots=True)
class HostTarget:
    """One server: asyncpg's arguments, and the kinds of encryption in the order to try them."""

    name: str
    arguments: Mapping[str, Any] = field(repr=False)
    tls: tuple[SSLContext | bool, ...]


@dataclass(frozen=True, slots=True)
class ConnectTarget:
    """The hosts and the login of a connection, with nothing left to look up.

    `arguments` and those of a host are asyncpg's. `settings` are what the connection string gives
    each session.
    """

    hosts: tuple[HostTarget, ...]
    arguments: Mapping[str, Any] = field(repr=False)
    settings: Mapping[str, str]
    target_session_attrs: str
    connect_timeout_s: int
    keep_alive: KeepAlive
    bound: bool


class TargetReader:
    """Reads the target again for each connection, as libpq does: passwords and certificates change.

    Args:
        parameters: of the connection string.
        environment: libpq's variables; empty if they are meant for another server.
        given: the option `connect_options`, arguments of asyncpg's connect.
        start: starts the server if it is down and ours to start; blocks.
    """

    def __init__(
        self,
        parameters: Parameters,
        environment: Mapping[str, str],
        given: Mapping[str, Any],
        start: Callable[[], object] | None = None,
    ) -> None:
        self._start = start
        own = {
            _MERGED[name]: _comma_separated(value)
            for name, value in given.items()
            if name in _MERGED
        }
        self._parameters = replace(parameters, values={**parameters.values, **own})
        self._environment = environment
        self._given = {name: value for name, value in given.items() if name not in _MERGED}

    async def read(self) -> ConnectTarget:
        """Read the target in a thread.

        Raises:
            ConfigurationError: a file is missing or unreadable, or a parameter cannot be held.
        """
        return await in_thread(self._read)

    async def start_server(self) -> bool:
        """Start the server if it is down; return False if it is not ours to start.

        Raises:
            EmbeddedPostgresError: it did not start; with the reason that its log gives.
        """
        if self._start is None:
            return False
        await in_thread(self._start)
        return True

    def _read(self) -> ConnectTarget:
        service = _service(self._parameters, self._environment)
        options = connect_options(merged(self._parameters, service, self._environment))
        user = options.user or getpass.getuser()
        hosts = tuple(_host_target(options, host, user) for host in options.hosts)
        return ConnectTarget(
            hosts=hosts or (_host_target(options, None, user),),
            arguments=_login_arguments(options, user) | self._given,
            settings=options.settings,
            target_session_attrs=options.target_session_attrs,
            connect_timeout_s=options.connect_timeout_s,
            keep_alive=options.keep_alive,
            bound=options.tls.bound,
        )


def _comma_separated(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _login_arguments(options: ConnectOptions, user: str) -> dict[str, Any]:
    found: dict[str, Any] = {"user": user, "database": options.database or user}
    if options.tls.direct:
        found["direct_tls"] = True
    if options.kerberos_service:
        found["krbsrvname"] = options.kerberos_service
    if options.gss_library:
        found["gsslib"] = options.gss_library
    return found


def _host_target(options: ConnectOptions, host: Host | None, user: str) -> HostTarget:
    """Return the target of one host; None stands for the usual sockets and this machine."""
    if host is None:
        sockets = () if sys.platform == "win32" else _SOCKET_FOLDERS
        name, port, addresses = _LOCAL, options.port, [*sockets, _LOCAL]
    else:
        name, port, addresses = host.name, host.port, [host.address or host.name]
    password = options.password or _password(options, name, port, user)
    arguments = {"host": addresses, "port": [port] * len(addresses), "password": password}
    encrypted = host is None or not host.is_socket
    return HostTarget(name, arguments, tls_attempts(options.tls, name) if encrypted else (False,))


def _service(given: Parameters, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the section of the service that is named; {} if none is named."""
    name = given.values.get("service") or environment.get("PGSERVICE")
    if not name:
        return {}
    named = given.values.get("servicefile") or environment.get("PGSERVICEFILE")
    folder = environment.get("PGSYSCONFDIR")
    files = [Path(named).expanduser() if named else home() / ".pg_service.conf"]
    files += [Path(folder) / "pg_service.conf"] if folder else []
    for file in files:
        sections = configparser.ConfigParser(
            interpolation=None, delimiters=("=",), comment_prefixes=("#",), strict=False
        )
        try:
            sections.read(file, encoding="utf-8")
        except (OSError, configparser.Error, UnicodeDecodeError):
            # The error's text may quote a line, and so a password.
            raise ConfigurationError(f"the service file {str(file)!r} cannot be read") from None
        if sections.has_section(name):
            return dict(sections.items(name))
    raise ConfigurationError(
        f"service {name!r} is not defined in {' or '.join(repr(str(file)) for file in files)}"
    )


def _password(options: ConnectOptions, host: str, port: int, user: str) -> str:
    """Return the password that the password file has for this server, or ""."""
    asked = (str(port), options.database or user, user)
    hosts = ("*", host, _LOCAL) if host.startswith("/") else ("*", host)
    for entry in _password_entries(options.password_file):
        if entry[0] in hosts and all(
            field in ("*", value) for field, value in zip(entry[1:], asked, strict=False)
        ):
            return entry[4]
    return ""


def _password_entries(named: str) -> list[list[str]]:
    """Return host, port, database, user and password of each line; [] if others may read it."""
    file = Path(named).expanduser() if named else _usual_password_file()
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            return []
        if sys.platform != "win32" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            logger.warning(
                "the file of passwords %s is passed over, since others may read it: chmod 0600 it",
                file,
            )
            return []
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    entries = [re.split(r"(?<!\\):", line) for line in lines if not line.startswith("#")]
    return [[re.sub(r"\\(.)", r"\1", part) for part in entry] for entry in entries if entry[4:]]


def _usual_password_file() -> Path:
    if sys.platform == "win32":
        return config_folder() / "pgpass.conf"
    return home() / ".pgpass"
