"""A server that speaks OpenAI's and Ollama's protocols for embeddings, with their faults."""

from __future__ import annotations

import base64
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.embedders import words_vector

KEY = "sk-local-0123456789"


class ModelServer:
    """`failures`: status codes to answer with first. `dims`, `missing`: what the vectors are like.

    `stalled`: while it is set, nothing is answered.
    """

    def __init__(self) -> None:
        self.failures: list[int] = []
        self.dims = 8
        self.missing = 0
        self.texts: list[list[str]] = []
        self.answered = threading.Event()
        self.answered.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def run(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        self.answered.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle(self) -> None:
            with suppress(ConnectionError):  # the client gave up
                super().handle()

        def log_message(self, format: str, *args: Any) -> None: ...

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            given = asked["input"]
            texts = [given] if isinstance(given, str) else given
            server.texts.append(texts)
            server.answered.wait(30)
            openai = self.path.endswith("/v1/embeddings")
            if openai and self.headers["Authorization"] != f"Bearer {KEY}":
                return self._answer(401, _refusal(self.headers["Authorization"]))
            if server.failures:
                return self._answer(server.failures.pop(0), {"error": {"message": "come back"}})
            vectors = [words_vector(text, server.dims) for text in texts][server.missing :]
            return self._answer(200, _openai(asked, vectors) if openai else _ollama(asked, vectors))

        def _answer(self, status: int, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(content)

    return Handler


def _refusal(authorization: str) -> Any:
    return {"error": {"message": f"Incorrect API key provided: {authorization[7:]}"}}


def _openai(asked: Any, vectors: list[list[float]]) -> Any:
    packed = asked.get("encoding_format") == "base64"
    data = [
        {
            "object": "embedding",
            "index": number,
            "embedding": base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
            if packed
            else vector,
        }
        for number, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "model": asked["model"], "data": data, "usage": usage}


def _ollama(asked: Any, vectors: list[list[float]]) -> Any:
    return {"model": asked["model"], "embeddings": vectors, "total_duration": 1}


@contextmanager
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server
    server.stop()
    thread.join()
