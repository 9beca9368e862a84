"""What is recalled reaches the models of each provider in a request of the form it accepts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, recall_conversation
from tests.conversations.talking import config_of
from tests.support.matrices import few

ADA = "ada@example.org"
PROMPT = "be kind"
ASKED = ["What is my cat called?", "And what was my boat called?"]
TOLD = ["My cat is called Turing.", "My boat is called Beagle."]


class ChatServer:
    """Answers each provider's call with "noted", and keeps the bodies of the requests."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.bodies))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ChatServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(bodies: list[Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"  # so that no client leaves its connection open

        def log_message(self, format: str, *args: Any) -> None: ...

        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            [answer] = [each for path, each in ANSWERS.items() if path in self.path]
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


ANSWERS: dict[str, Any] = {
    "/chat/completions": {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "noted"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    },
    "/v1/messages": {
        "id": "1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "noted"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    ":generateContent": {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": "noted"}]},
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 1,
            "candidatesTokenCount": 1,
            "totalTokenCount": 2,
        },
    },
    "/api/chat": {
        "model": "m",
        "created_at": "2024-05-01T00:00:00Z",
        "message": {"role": "assistant", "content": "noted"},
        "done": True,
        "done_reason": "stop",
    },
}


def openai(url: str) -> BaseChatModel:
    module = pytest.importorskip("langchain_openai")
    model: BaseChatModel = module.ChatOpenAI(model="m", base_url=f"{url}/v1", api_key="key")
    return model


def anthropic(url: str) -> BaseChatModel:
    module = pytest.importorskip("langchain_anthropic")
    model: BaseChatModel = module.ChatAnthropic(model="m", base_url=url, api_key="key")
    return model


def google(url: str) -> BaseChatModel:
    module = pytest.importorskip("langchain_google_genai")
    model: BaseChatModel = module.ChatGoogleGenerativeAI(
        model="m", google_api_key="key", base_url=url
    )
    return model


def ollama(url: str) -> BaseChatModel:
    module = pytest.importorskip("langchain_ollama")
    model: BaseChatModel = module.ChatOllama(model="m", base_url=url)
    return model


def seen_by_openai(body: Any) -> list[tuple[str, str]]:
    return [(each["role"], _text(each["content"])) for each in body["messages"]]


def seen_by_anthropic(body: Any) -> list[tuple[str, str]]:
    said = [(each["role"], _text(each["content"])) for each in body["messages"]]
    # Roles alternate, and the system's words are in a field of their own.
    assert [role for role, _ in said] == ["user", "assistant", "user"][-len(said) :]
    return [("system", _text(body["system"])), *said]


def seen_by_google(body: Any) -> list[tuple[str, str]]:
    said = [(each["role"], _text(each["parts"])) for each in body["contents"]]
    assert {role for role, _ in said} <= {"user", "model"}
    return [("system", _text(body["systemInstruction"]["parts"])), *said]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def recalled(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        memory = ConversationMemory(store, ADA)
        for told in TOLD:
            memory.save_turn(told, "Noted.", "monday")
        yield store


def agent_of(model: BaseChatModel, store: AgentStore) -> Any:
    recall: Any = recall_conversation(mode="relevant", max_turns=1)
    saver = InMemorySaver()
    return create_agent(
        model, [], system_prompt=PROMPT, middleware=[recall], store=store, checkpointer=saver
    )


def graph_of(model: BaseChatModel, store: AgentStore) -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node("recall", recall_conversation(mode="relevant", max_turns=1))
    builder.add_node(
        "model",
        lambda state: {"messages": [model.invoke([("system", PROMPT), *state["messages"]])]},
    )
    builder.add_edge(START, "recall").add_edge("recall", "model")
    return builder.compile(store=store, checkpointer=InMemorySaver())


@few(3)
@pytest.mark.parametrize("build", [agent_of, graph_of])
@pytest.mark.parametrize(
    ("model", "seen"),
    [
        (openai, seen_by_openai),
        (anthropic, seen_by_anthropic),
        (google, seen_by_google),
        (ollama, seen_by_openai),
    ],
)
def test_each_providers_request_shows_the_block_before_the_question(
    server: ChatServer,
    recalled: AgentStore,
    build: Callable[..., Any],
    model: Callable[[str], BaseChatModel],
    seen: Callable[[Any], list[tuple[str, str]]],
) -> None:
    graph = build(model(server.url), recalled)
    for asked in ASKED:
        graph.invoke({"messages": [("user", asked)]}, config_of(ADA, "friday"))
    first, second = (seen(body) for body in server.bodies)
    assert first[0] == second[0] == ("system", PROMPT)
    for shown, asked, told in zip((first, second), ASKED, TOLD, strict=True):
        assert {role for role, _ in shown[1:]} <= {"user", "assistant", "model"}
        words = "\n".join(text for _, text in shown[1:])
        assert words.count("<recalled_memory>") == 1
        assert words.index(told) < words.index("</recalled_memory>") < words.index(asked)
        assert words.endswith(asked)
    # The second turn begins with the first one, whose block is gone.
    assert second[1] == ("user", ASKED[0])
