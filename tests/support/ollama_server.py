"""A server that speaks Ollama's protocol for chat and embeddings."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .embedders import words_vector

DIMS = 768  # of nomic-embed-text


class OllamaServer:
    """Answers each chat with "noted"; `chats` are the bodies of the requests."""

    def __init__(self) -> None:
        self.chats: list[Any] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.chats))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> OllamaServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(chats: list[Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"  # so that no client leaves its connection open

        def log_message(self, format: str, *args: Any) -> None: ...

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/api/chat":
                chats.append(asked)
            answer = {"/api/chat": _noted, "/api/embed": _embedded}[self.path](asked)
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


def _noted(asked: Any) -> Any:
    return {
        "model": asked["model"],
        "created_at": "2024-05-01T00:00:00Z",
        "message": {"role": "assistant", "content": "noted"},
        "done": True,
        "done_reason": "stop",
    }


def _embedded(asked: Any) -> Any:
    texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
    return {"model": asked["model"], "embeddings": [words_vector(text, DIMS) for text in texts]}
