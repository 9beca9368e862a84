"""TLS contexts for libpq's `ssl…` parameters; reads the files that they name."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...config.dsn_options import Tls
from ...config.dsn_parameters import SYSTEM
from ...errors import ConfigurationError


def tls_attempts(tls: Tls, host: str) -> tuple[ssl.SSLContext | bool, ...]:
    """Return the ways to connect to this host, in the order to try them; False is unencrypted.

    Raises:
        ConfigurationError: a file is missing or is not a certificate.
    """
    if tls.mode == "disable":
        return (False,)
    context = _context(tls, host)
    if tls.mode == "allow":
        return False, context
    return (context, False) if tls.mode == "prefer" else (context,)


class _NamedContext(ssl.SSLContext):
    """A context that names and verifies one host, whichever address is connected to."""

    host: str

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        return super().wrap_bio(*arguments, **{**options, "server_hostname": self.host})


def _context(tls: Tls, host: str) -> ssl.SSLContext:
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.host = host
    context.check_hostname = tls.mode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if tls.mode in ("allow", "prefer") else ssl.CERT_REQUIRED
    if context.verify_mode is ssl.CERT_REQUIRED:
        _believe(context, tls)
        _revoke(context, tls)
    if tls.with_certificate:
        _show_certificate(context, tls)
    context.minimum_version = ssl.TLSVersion[tls.oldest.replace(".", "_")]
    if tls.newest:
        context.maximum_version = ssl.TLSVersion[tls.newest.replace(".", "_")]
    if key_log := tls.key_log or os.environ.get("SSLKEYLOGFILE"):
        context.keylog_filename = key_log
    context.set_alpn_protocols(["postgresql"])
    return context


def _believe(context: ssl.SSLContext, tls: Tls) -> None:
    """Load the certificates from which the server's must descend."""
    root = tls.root or _usual("root.crt")
    if root and root != SYSTEM:
        _load("sslrootcert", root, lambda file: context.load_verify_locations(cafile=file))
    elif root == SYSTEM or tls.bound:
        # The driver cannot bind a login to the certificate, so it has to be the right one.
        context.check_hostname = True
        _believe_system(context)
    elif tls.mode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        raise ConfigurationError(
            f"sslmode={tls.mode} needs the certificates to believe: sslrootcert=system takes the "
            f"operating system's, sslrootcert=<file> your own; {config_folder() / 'root.crt'} "
            "is not there"
        )


def _believe_system(context: ssl.SSLContext) -> None:
    context.load_default_certs()
    paths = ssl.get_default_verify_paths()
    if not context.get_ca_certs() and paths.cafile is None and paths.capath is None:
        with suppress(ImportError):  # a Python without a system's certificates, as on macOS
            import certifi

            context.load_verify_locations(cafile=certifi.where())


def _revoke(context: ssl.SSLContext, tls: Tls) -> None:
    """Load the lists of revoked certificates."""
    revoked = tls.revoked or _usual("root.crl")
    if revoked:
        _load("sslcrl", revoked, lambda file: context.load_verify_locations(cafile=file))
    if tls.revoked_folder:
        _load("sslcrldir", tls.revoked_folder, lambda f: context.load_verify_locations(capath=f))
    if revoked or tls.revoked_folder:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN


def _show_certificate(context: ssl.SSLContext, tls: Tls) -> None:
    """Load this client's own certificate and key, if it has any."""
    certificate = tls.certificate or _usual("postgresql.crt")
    if not certificate:
        return
    key = _path(tls.key) if tls.key else _usual("postgresql.key") or None
    _load(
        "sslcert or sslkey",
        certificate,
        lambda file: context.load_cert_chain(file, key, lambda: tls.key_password),
    )


def _load(parameter: str, file: str, load: Callable[[str], None]) -> None:
    try:
        load(_path(file))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigurationError(f"{parameter}: {file!r} cannot be used: {reason}") from None


def _path(file: str) -> str:
    return str(Path(file).expanduser())


def _usual(name: str) -> str:
    """Return the path of a file in libpq's folder, or "" if it is not there."""
    file = config_folder() / name
    return str(file) if file.exists() else ""


def config_folder() -> Path:
    """Return the folder of libpq's certificates and, on Windows, of its password file."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", "")) / "postgresql"
    return home() / ".postgresql"


def home() -> Path:
    """Return the home folder, or a path that does not exist if there is none."""
    try:
        return Path.home()
    except (RuntimeError, KeyError):
        return Path("/nonexistent")
