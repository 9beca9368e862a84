"""Local endpoints that speak the protocols of key services, as far as wrapping a key goes."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import urandom
from threading import Thread
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "a token of Vault"


class KeyService(BaseHTTPRequestHandler):
    """Google's and Vault's REST interfaces; a key of its own for each run."""

    cipher = AESGCM(urandom(32))
    asked: list[str] = []  # noqa: RUF012 - reset for each service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(self.path)
        try:
            answer = self._vault(body) if "/transit/" in self.path else self._google(body)
        except (InvalidTag, PermissionError):
            self.send_error(400)
            return
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""

    def _google(self, body: dict[str, str]) -> dict[str, str]:
        assert self.path.startswith("/v1/projects/p/locations/l/keyRings/r/cryptoKeys/k:")
        bound = b64decode(body["additionalAuthenticatedData"])
        if self.path.endswith(":encrypt"):
            return {"ciphertext": self._sealed(body["plaintext"], bound)}
        return {"plaintext": self._opened(body["ciphertext"], bound)}

    def _vault(self, body: dict[str, str]) -> dict[str, dict[str, str]]:
        if self.headers["X-Vault-Token"] != TOKEN:
            raise PermissionError
        bound = b64decode(body["associated_data"])
        if self.path == "/v1/transit/encrypt/agents":
            return {"data": {"ciphertext": f"vault:v1:{self._sealed(body['plaintext'], bound)}"}}
        assert self.path == "/v1/transit/decrypt/agents"
        text = body["ciphertext"].removeprefix("vault:v1:")
        return {"data": {"plaintext": self._opened(text, bound)}}

    def _sealed(self, text: str, bound: bytes) -> str:
        nonce = urandom(12)
        return b64encode(nonce + self.cipher.encrypt(nonce, b64decode(text), bound)).decode()

    def _opened(self, text: str, bound: bytes) -> str:
        sealed = b64decode(text)
        return b64encode(self.cipher.decrypt(sealed[:12], sealed[12:], bound)).decode()


@contextmanager
def key_service() -> Iterator[str]:
    """The URL of a running service."""
    KeyService.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), KeyService)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class AwsClient:
    """What `boto3.client("kms")` does with a key and its encryption context."""

    def __init__(self) -> None:
        self.cipher = AESGCM(urandom(32))

    def encrypt(self, **asked: Any) -> dict[str, bytes]:
        nonce, bound = urandom(12), _bound(asked)
        return {"CiphertextBlob": nonce + self.cipher.encrypt(nonce, asked["Plaintext"], bound)}

    def decrypt(self, **asked: Any) -> dict[str, bytes]:
        blob, bound = asked["CiphertextBlob"], _bound(asked)
        return {"Plaintext": self.cipher.decrypt(blob[:12], blob[12:], bound)}


def _bound(asked: dict[str, Any]) -> bytes:
    return json.dumps([asked["KeyId"], asked["EncryptionContext"]], sort_keys=True).encode()
