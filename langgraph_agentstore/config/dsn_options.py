"""Connection options made from the parameters of a connection string: hosts, TLS, settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from ..errors import ConfigurationError
from .dsn import Parameters, hosts_and_ports, port_of
from .dsn_parameters import ENVIRONMENT, NUMBERS, SSL_MODES, SYSTEM, check_parameter, is_setting


@dataclass(frozen=True, slots=True)
class Host:
    """One server: its name, its port, and the address to connect to instead of the name.

    A name that begins with / is the folder of a Unix socket.
    """

    name: str
    port: int
    address: str = ""

    @property
    def is_socket(self) -> bool:
        """Tell whether it is reached through a Unix socket."""
        return not self.address and self.name.startswith("/")


@dataclass(frozen=True, slots=True)
class Tls:
    """How connections are encrypted, and which certificates are trusted; files by their paths.

    `bound`: channel_binding=require was asked for. The driver cannot bind, so the certificate
    is verified instead, which stops the same attacker: one between client and server.
    """

    mode: str = "prefer"
    direct: bool = False
    bound: bool = False
    root: str = ""
    certificate: str = ""
    key: str = ""
    key_password: str = field(default="", repr=False)
    with_certificate: bool = True
    revoked: str = ""
    revoked_folder: str = ""
    oldest: str = "TLSv1.2"
    newest: str = ""
    key_log: str = ""


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """When TCP detects that a server is gone, in seconds; 0 keeps the system's default."""

    wanted: bool = True
    idle_s: int = 0
    interval_s: int = 0
    count: int = 0
    unanswered_ms: int = 0


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """Everything a connection string says, checked; no file has been read yet.

    `hosts` is empty if none is named: then the usual sockets, then localhost, at `port`.
    """

    hosts: tuple[Host, ...]
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    tls: Tls
    keep_alive: KeepAlive
    settings: Mapping[str, str]
    connect_timeout_s: int
    target_session_attrs: str
    password_file: str
    kerberos_service: str
    gss_library: str


def merged(
    given: Parameters, service: Mapping[str, str], environment: Mapping[str, str]
) -> Parameters:
    """Merge parameters as libpq does: string over service over environment.

    A variable meant for another host never changes where a named host leads.
    """
    own = {name: value for name, value in {**service, **given.values}.items() if value}
    if "database" in own:
        own.setdefault("dbname", own.pop("database"))
    _adopt_jdbc(own)
    named_here = {"host", "hostaddr"} if own.get("host") or own.get("hostaddr") else set()
    below = {
        name: variable
        for variable, name in ENVIRONMENT.items()
        if environment.get(variable) and name not in own and name not in named_here
    }
    values = own | {name: environment[variable] for name, variable in below.items()}
    return Parameters(values, given.doubtful, below)


def connect_options(parameters: Parameters) -> ConnectOptions:
    """Return the options that the parameters mean.

    Raises:
        ConfigurationError: a parameter cannot be honoured, belongs to another tool, or has no
            such value. The message names it, never its value.
    """
    values = parameters.values
    for name in values:
        check_parameter(name, parameters)
    hosts = _hosts(values)
    return ConnectOptions(
        hosts=hosts,
        port=port_of(values),
        user=values.get("user", ""),
        password=values.get("password", ""),
        database=values.get("dbname", ""),
        tls=_tls(values, hosts),
        keep_alive=_keep_alive(values),
        settings=_server_settings(values),
        connect_timeout_s=max(0, int(values.get("connect_timeout", "0"))),
        target_session_attrs=values.get("target_session_attrs", ""),
        password_file=values.get("passfile", ""),
        kerberos_service=values.get("krbsrvname", ""),
        gss_library=values.get("gsslib", ""),
    )


def shown_dsn(values: Mapping[str, str]) -> str:
    """Return the part of a connection string that may be shown: user, hosts and database."""
    user, host = quote(values.get("user", "")), values.get("host") or values.get("hostaddr", "")
    ports = values.get("port", "")
    where = ",".join(
        f"[{name}]{port}" if ":" in name else f"{name}{port}"
        for name, port in _with_ports(host.split(","), ports.split(","))
    )
    database = quote(values.get("dbname", ""), safe="")
    return f"postgresql://{user}{'@' if user else ''}{where}/{database}"


def settings_named_in(options: str) -> frozenset[str]:
    """Return the settings that `-c name=value` in `options` names, in lower case."""
    named = re.findall(r"(?:^|\s)(?:-c\s*|--)([\w.-]+)=", options)
    return frozenset(name.lower().replace("-", "_") for name in named)


def _with_ports(hosts: list[str], ports: list[str]) -> list[tuple[str, str]]:
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return [(host, f":{port}" if port else "") for host, port in zip(hosts, ports, strict=False)]


def _adopt_jdbc(values: dict[str, str]) -> None:
    """Read `ssl=true` as sslmode=require, as libpq does, and `ssl=require` likewise."""
    mode = {"true": "require"}.get(values.get("ssl", ""), values.get("ssl", ""))
    if mode in SSL_MODES:
        del values["ssl"]
        values.setdefault("sslmode", mode)


def _hosts(values: Mapping[str, str]) -> tuple[Host, ...]:
    named = hosts_and_ports(values)
    addresses = values.get("hostaddr", "").split(",") if values.get("hostaddr") else []
    if addresses and len(addresses) != len(named):
        raise ConfigurationError(
            f"{len(named)} hosts have {len(addresses)} addresses in hostaddr; give one for each"
        )
    if any(name.startswith("@") for name, _ in named):
        raise ConfigurationError("the driver cannot use abstract sockets; give a folder or a host")
    addresses = addresses or [""] * len(named)
    return tuple(Host(*pair, address) for pair, address in zip(named, addresses, strict=True))


def _tls(values: Mapping[str, str], hosts: tuple[Host, ...]) -> Tls:
    root = values.get("sslrootcert", "")
    bound = values.get("channel_binding") == "require"
    tls = Tls(
        mode=_mode(values, root, bound, hosts),
        direct=values.get("sslnegotiation") == "direct",
        bound=bound,
        root=root,
        certificate=values.get("sslcert", ""),
        key=values.get("sslkey", ""),
        key_password=values.get("sslpassword", ""),
        with_certificate=values.get("sslcertmode") != "disable",
        revoked=values.get("sslcrl", ""),
        revoked_folder=values.get("sslcrldir", ""),
        oldest=values.get("ssl_min_protocol_version", "TLSv1.2"),
        newest=values.get("ssl_max_protocol_version", ""),
        key_log=values.get("sslkeylogfile", ""),
    )
    if tls.direct and tls.mode in ("disable", "allow", "prefer"):
        raise ConfigurationError("sslnegotiation=direct needs sslmode=require or a stricter one")
    return tls


def _mode(values: Mapping[str, str], root: str, bound: bool, hosts: tuple[Host, ...]) -> str:
    mode = values.get("sslmode", "verify-full" if root == SYSTEM else "prefer")
    if root == SYSTEM and mode != "verify-full":
        raise ConfigurationError("sslrootcert=system needs sslmode=verify-full, or none given")
    if not bound:
        return mode
    if mode == "disable" or any(host.is_socket for host in hosts):
        raise ConfigurationError(
            "channel_binding=require needs TLS, which sslmode=disable and Unix sockets rule out"
        )
    return "require" if mode in ("allow", "prefer") else mode


def _keep_alive(values: Mapping[str, str]) -> KeepAlive:
    numbers = (max(0, int(values.get(name, "0"))) for name in NUMBERS[1:])
    return KeepAlive(values.get("keepalives", "1") == "1", *numbers)


def _server_settings(values: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that the server gets when a session begins."""
    settings = {name: value for name, value in values.items() if is_setting(name)}
    if "options" in values:
        # What was quoted as a form has + for a space; there is no other reading of it.
        settings["options"] = values["options"].replace("-c+", "-c ").replace("+-c", " -c")
    name = values.get("application_name") or values.get("fallback_application_name")
    return settings | ({"application_name": name} if name else {})
