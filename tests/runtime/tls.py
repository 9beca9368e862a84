"""A front that speaks TLS for a server that was built without it, as the bundled one is."""

from __future__ import annotations

import select
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_SSL_REQUEST = bytes((0, 0, 0, 8, 4, 210, 22, 47))


def self_signed(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """A certificate for this name and 127.0.0.1, and its key."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    command = (
        f"openssl req -new -x509 -days 2 -nodes -subj /CN={name} -addext"
        f" subjectAltName=DNS:{name},IP:127.0.0.1 -out {certificate} -keyout {key}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return certificate, key


class TlsFront:
    """Listens on a port of 127.0.0.1, insists on TLS, and passes on in the clear."""

    def __init__(self, certificate: Path, key: Path, behind: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._behind = behind
        self.newest = ssl.TLSVersion.MAXIMUM_SUPPORTED
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.handshakes = 0

    def __enter__(self) -> TlsFront:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if client.recv(8) != _SSL_REQUEST:
                return
            client.sendall(b"S")
            self._context.maximum_version = self.newest
            with (
                self._context.wrap_socket(client, server_side=True) as secure,
                socket.create_connection(("127.0.0.1", self._behind)) as server,
            ):
                self.handshakes += 1
                _pass_on(secure, server)


def _pass_on(secure: ssl.SSLSocket, server: socket.socket) -> None:
    while True:
        ready = [secure] if secure.pending() else select.select([secure, server], [], [])[0]
        for source in ready:
            chunk = source.recv(65_536)
            if not chunk:
                return
            (server if source is secure else secure).sendall(chunk)
