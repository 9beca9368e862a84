"""`data_store()` in tools, and the tools made from it: whose records, and under which name."""

# No `from __future__ import annotations`: tools read their annotations.
import json
import threading
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.messages.tool import tool_call
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import BaseTool, ToolException, tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from langgraph_agentstore import AgentStore
from langgraph_agentstore.data_store import DataStore, data_store, data_store_tools
from langgraph_agentstore.errors import ConfigurationError
from tests.support.memory_graphs import needs_async_contexts
from tests.support.row_security import items_of_all
from tests.support.scripted_chat import ScriptedChat

ALICE: RunnableConfig = {"configurable": {"user_id": "alice"}}


@tool
def note(key: str) -> str:
    """Keep a note."""
    data_store().set(key, "noted")
    return str(data_store().agent_name)


@tool
def mark(key: str) -> str:
    """Keep a mark."""
    data_store().set(key, "marked")
    return str(data_store().agent_name)


@tool
async def anote(key: str) -> str:
    """Keep a note."""
    data_store().set(key, "noted")
    return str(data_store().agent_name)


@tool
async def amark(key: str) -> str:
    """Keep a mark."""
    data_store().set(key, "marked")
    return str(data_store().agent_name)


@tool
def fail(key: str) -> str:
    """Keep a note, and fail."""
    data_store().set(key, "noted")
    raise ToolException("it failed")


fail.handle_tool_error = True


@tool
def delegate(key: str) -> str:
    """Keep a note, let others keep theirs, and keep another."""
    data_store().set(f"{key} before", 1)
    chain: RunnableLambda[str, None] = RunnableLambda(lambda at: data_store().set(at, 1))
    chain.invoke(f"{key} in a chain")
    note.invoke({"key": f"{key} in a tool"})
    child = StateGraph(MessagesState).add_node("inner", _inner(f"{key} in a graph"))
    child.add_edge(START, "inner").compile().invoke({"messages": []})
    data_store().set(f"{key} after", 1)
    return "delegated"


def _inner(key: str) -> Any:
    def inner(state: MessagesState) -> dict[str, Any]:
        data_store().set(key, 1)
        return {}

    return inner


def tool_graph(store: Any, *tools: BaseTool, name: str = "tools") -> Any:
    builder = StateGraph(MessagesState).add_node(name, ToolNode(tools))
    return builder.add_edge(START, name).compile(store=store)


def calling(*calls: tuple[str, dict[str, Any]]) -> Any:
    """What a model says that wants these tools at once."""
    wanted = [tool_call(name=name, args=args, id=f"{n}") for n, (name, args) in enumerate(calls)]
    return {"messages": [AIMessage("", tool_calls=wanted)]}


def texts(answer: Any) -> list[str]:
    return [message.text for message in answer["messages"] if message.type == "tool"]


def names_at(store: AgentStore, key: str, user: str = "alice") -> tuple[Any, Any]:
    """Who created a record, and who touched it last."""
    record = DataStore(store, user, None).record(key)
    assert record is not None
    return record.created_by_agent, record.last_accessed_by_agent


def test_parallel_tools_have_their_own_names(store: AgentStore) -> None:
    calls = [(name, {"key": f"{name} {n}"}) for n in range(8) for name in ("note", "mark")]

    answer = tool_graph(store, note, mark).invoke(calling(*calls), ALICE)

    assert texts(answer) == ["note", "mark"] * 8
    assert [names_at(store, args["key"])[0] for _, args in calls] == ["note", "mark"] * 8


@needs_async_contexts
async def test_parallel_async_tools_have_their_own_names(store: AgentStore) -> None:
    tools = ("anote", "note", "amark", "mark")
    calls = [(name, {"key": f"{name} {n}"}) for n in range(4) for name in tools]

    answer = await tool_graph(store, note, mark, anote, amark).ainvoke(calling(*calls), ALICE)

    assert texts(answer) == [*tools] * 4
    assert [names_at(store, args["key"]) for _, args in calls] == [(t, t) for t in tools] * 4


def test_a_tool_of_another_name_than_its_function_has_its_own(store: AgentStore) -> None:
    @tool("write_down")
    def function(key: str) -> str:
        """Keep a note."""
        data_store().set(key, 1)
        return "done"

    tool_graph(store, function).invoke(calling(("write_down", {"key": "k"})), ALICE)

    assert names_at(store, "k") == ("write_down", "write_down")


def test_a_tool_called_in_a_node_has_its_name_and_afterwards_the_node_its_own(
    store: AgentStore,
) -> None:
    def librarian(state: MessagesState) -> dict[str, Any]:
        data_store().set("before", 1)
        note.invoke({"key": "within"})
        data_store().set("after", 1)
        return {}

    builder = StateGraph(MessagesState).add_node("librarian", librarian)
    builder.add_edge(START, "librarian").compile(store=store).invoke({"messages": []}, ALICE)

    found = [names_at(store, key)[0] for key in ("before", "within", "after")]
    assert found == ["librarian", "note", "librarian"]


def test_after_a_tool_that_failed_the_node_has_its_own_name(store: AgentStore) -> None:
    def librarian(state: MessagesState) -> dict[str, Any]:
        assert fail.invoke({"key": "within"}) == "it failed"
        data_store().set("after", 1)
        return {}

    builder = StateGraph(MessagesState).add_node("librarian", librarian)
    builder.add_edge(START, "librarian").compile(store=store).invoke({"messages": []}, ALICE)

    assert [names_at(store, key)[0] for key in ("within", "after")] == ["fail", "librarian"]


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("before", "delegate"),
        ("in a chain", "delegate"),
        ("in a tool", "note"),
        ("in a graph", "inner"),
        ("after", "delegate"),
    ],
)
def test_what_a_tool_runs_within_has_the_name_of_the_innermost_tool_or_node(
    store: AgentStore, where: str, name: str
) -> None:
    tool_graph(store, delegate).invoke(calling(("delegate", {"key": "k"})), ALICE)

    assert names_at(store, f"k {where}") == (name, name)
    assert {item.namespace[1] for item in items_of_all(store)} == {"alice"}


def test_tools_of_runs_at_once_keep_their_users(store: AgentStore) -> None:
    graph = tool_graph(store, note, mark)
    users = [f"user:{n}" for n in range(16)]

    def run(user: str) -> None:
        config: RunnableConfig = {"configurable": {"user_id": user}}
        calls = [(name, {"key": f"{user} {name}"}) for name in ("note", "mark")]
        graph.invoke(calling(*calls), config)

    threads = [threading.Thread(target=run, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for user in users:
        data = DataStore(store, user, None)
        assert data.list_keys() == [f"{user} mark", f"{user} note"]


@pytest.mark.parametrize("of", [lambda s: s, lambda s: s.per_user(), lambda s: s.for_user("alice")])
def test_an_agents_tools_have_their_names_and_its_user(store: AgentStore, of: Any) -> None:
    model = ScriptedChat(tool="note", args={"key": "k"})
    agent: Any = create_agent(model, [note], store=of(store))

    answer = agent.invoke({"messages": [HumanMessage("note it")]}, ALICE)

    assert answer["messages"][-1].text == "note"
    assert names_at(store, "k") == ("note", "note")


@needs_async_contexts
async def test_an_awaited_agents_async_tools_do_so_too(store: AgentStore) -> None:
    agent: Any = create_agent(ScriptedChat(tool="anote", args={"key": "k"}), [anote], store=store)

    await agent.ainvoke({"messages": [HumanMessage("note it")]}, ALICE)

    assert names_at(store, "k") == ("anote", "anote")


# The tools that a model is given


def test_a_model_reads_writes_lists_and_removes_by_tools(store: AgentStore) -> None:
    graph = tool_graph(store, *data_store_tools("files:my-repo"))
    data = DataStore(store, "alice", None, "files:my-repo")
    data.set("kept", {"n": [1]})

    answer = graph.invoke(
        calling(
            ("data_store_get", {"key": "kept"}),
            ("data_store_get", {"key": "nowhere"}),
            ("data_store_set", {"key": "set", "value": {"any": ["json", None]}}),
            ("data_store_list_keys", {"prefix": "k"}),
            ("data_store_delete", {"key": "nowhere"}),
        ),
        ALICE,
    )

    got, missing, told, listed, removed = texts(answer)
    assert (json.loads(got), json.loads(missing), json.loads(listed)) == (
        {"n": [1]},
        None,
        ["kept"],
    )
    assert (told, removed) == ("stored set", "there was nothing at nowhere")
    assert data.get("set") == {"any": ["json", None]}


@pytest.mark.parametrize(
    ("name", "args", "names"),
    [
        ("data_store_set", {"key": "k", "value": 2}, ("before", "data_store_set")),
        ("data_store_get", {"key": "k"}, ("before", "data_store_get")),
        ("data_store_set", {"key": "new", "value": 2}, ("data_store_set", "data_store_set")),
    ],
)
def test_records_tell_the_name_of_the_given_tool(
    store: AgentStore, name: str, args: dict[str, Any], names: tuple[str, str]
) -> None:
    DataStore(store, "alice", "before").set("k", 1)

    tool_graph(store, *data_store_tools()).invoke(calling((name, args)), ALICE)

    assert names_at(store, args["key"]) == names


def test_a_model_searches_by_words(postgres_dsn: str, schema_name: str) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        DataStore(store, "alice", None).set_many({"a": "cats purr", "b": "dogs bark"})
        DataStore(store, "bob", None).set("c", "cats purr")
        graph = tool_graph(store, *data_store_tools())

        answer = graph.invoke(calling(("data_store_search", {"query": "cat"})), ALICE)

    assert json.loads(texts(answer)[0]) == [{"key": "a", "value": "cats purr"}]


def answers_of(graph: Any, name: str, **args: Any) -> Any:
    return json.loads(texts(graph.invoke(calling((name, args)), ALICE))[0])


def test_a_long_value_is_read_in_parts(store: AgentStore) -> None:
    value = {"text": "cats purr " * 10_000}
    DataStore(store, "alice", None).set("long", value)
    graph = tool_graph(store, *data_store_tools())

    text, following = "", 0
    while following is not None:
        part = answers_of(graph, "data_store_get", key="long", offset=following)
        assert len(part["part_of_json"]) <= 20_000
        text, following = text + part["part_of_json"], part.get("next")

    assert json.loads(text) == value
    assert part["characters"] == len(text)


@pytest.mark.parametrize("length", [3, 2_000], ids=["many", "long"])
def test_a_long_list_of_keys_is_read_in_parts(store: AgentStore, length: int) -> None:
    keys = [f"{n:03}".ljust(length, "x") for n in range(450)]
    DataStore(store, "alice", None).set_many(dict.fromkeys(keys, 1))
    graph = tool_graph(store, *data_store_tools())

    seen: list[str] = []
    following: str | None = ""
    while following is not None:
        answer = answers_of(graph, "data_store_list_keys", after=following)
        assert len(json.dumps(answer)) < 25_000
        part = answer if isinstance(answer, list) else answer["keys"]
        seen += part
        following = None if isinstance(answer, list) else answer["next"]

    assert seen == keys


def test_however_much_a_model_asks_for_an_answer_fits_a_prompt(
    postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        values = {f"{n:03}": f"cats purr {'x' * 2_000}" for n in range(100)}
        DataStore(store, "alice", None).set_many({**values, "huge": "cats " + "y" * 100_000})
        graph = tool_graph(store, *data_store_tools())

        seen: list[str] = []
        following: int | None = 0
        while following is not None:
            answer = answers_of(
                graph, "data_store_search", query="cats", limit=10**9, offset=following
            )
            assert len(json.dumps(answer)) < 50_000
            found = answer if isinstance(answer, list) else answer["found"]
            seen += [each["key"] for each in found]
            following = None if isinstance(answer, list) else answer["next"]

    assert sorted(seen) == sorted([*values, "huge"])


@pytest.mark.parametrize(
    ("access", "names"),
    [
        ("read", ["get", "list_keys", "search"]),
        ("write", ["set", "delete"]),
        ("both", ["get", "list_keys", "search", "set", "delete"]),
    ],
)
def test_a_model_is_given_only_the_tools_it_may_use(access: Any, names: list[str]) -> None:
    given = [each.name for each in data_store_tools(access=access)]

    assert given == [f"data_store_{name}" for name in names]


def test_a_model_cannot_choose_user_or_namespace() -> None:
    schemas = {each.name: convert_to_openai_tool(each) for each in data_store_tools()}

    parameters = {
        name: set(schema["function"]["parameters"]["properties"])
        for name, schema in schemas.items()
    }
    assert parameters == {
        "data_store_get": {"key", "offset"},
        "data_store_list_keys": {"prefix", "after"},
        "data_store_search": {"query", "limit", "offset"},
        "data_store_set": {"key", "value"},
        "data_store_delete": {"key"},
    }


@needs_async_contexts
async def test_an_awaited_agent_is_given_the_tools(store: AgentStore) -> None:
    model = ScriptedChat(tool="data_store_set", args={"key": "k", "value": [1]})
    agent: Any = create_agent(model, data_store_tools("files"), store=store.per_user())

    await agent.ainvoke({"messages": [HumanMessage("note it")]}, ALICE)

    assert store.search(("users", "alice", "files"))[0].value == {"value": [1]}


def test_tools_outside_of_a_graph_with_an_agent_store_fail() -> None:
    (get, *_) = data_store_tools()

    with pytest.raises(ConfigurationError, match="store="):
        get.invoke({"key": "k"})
