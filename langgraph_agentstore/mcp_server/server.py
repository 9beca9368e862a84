"""The server that all tools share: arguments checked, errors told, resources watched."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Generic, TypeVar

from langchain_core.tools import ToolException
from pydantic import BaseModel, ValidationError
from typing_extensions import override

from ..errors import AgentStoreError
from .protocol import McpError, NotificationOptions, ReadResourceContents, Server, types
from .subscriptions import Subscriptions, WatchedPart

logger = logging.getLogger("langgraph_agentstore")

ArgumentsT = TypeVar("ArgumentsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """Hold the answer of a tool: text for the model, and the same as data for programs."""

    text: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ServedTool(Generic[ArgumentsT]):
    """A tool of a server.

    `reads`: it changes nothing. `destroys`: it removes or replaces what was stored. `repeats`:
    calling it twice leaves what calling it once does. `output`: the JSON schema of the answer's
    data.
    """

    name: str
    description: str
    arguments: type[ArgumentsT]
    run: Callable[[ArgumentsT], Awaitable[ToolAnswer]]
    output: Mapping[str, Any]
    reads: bool = False
    destroys: bool = False
    repeats: bool = False

    @property
    def title(self) -> str:
        """The name as people write it."""
        return self.name.replace("_", " ").title()

    @property
    def described(self) -> types.Tool:
        """The tool as the protocol describes it."""
        return types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            inputSchema=self.arguments.model_json_schema(by_alias=True),
            outputSchema=dict(self.output),
            annotations=types.ToolAnnotations(
                title=self.title,
                readOnlyHint=self.reads,
                destructiveHint=self.destroys,
                idempotentHint=self.reads or self.repeats,
                openWorldHint=False,
            ),
        )


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources of a server: what is listed, what is read, and where changes are seen.

    `listed` gets a cursor and returns resources and the next cursor. `read` returns the MIME type
    and the text of a URI, or None. `watched` has the parts of the store whose changes clients may
    subscribe to.
    """

    listed: Callable[[str | None], Awaitable[tuple[list[types.Resource], str | None]]]
    templates: Sequence[types.ResourceTemplate]
    read: Callable[[str], Awaitable[tuple[str, str] | None]]
    watched: Sequence[WatchedPart] = ()


class StoreServer(Server[Subscriptions, Any]):
    """An MCP server whose clients may subscribe to resources."""

    @override
    def get_capabilities(
        self,
        notification_options: NotificationOptions,
        experimental_capabilities: dict[str, dict[str, Any]],
    ) -> types.ServerCapabilities:
        found = super().get_capabilities(notification_options, experimental_capabilities)
        if found.resources is not None:
            # The base class says that there are no subscriptions, whatever handlers there are.
            found.resources.subscribe = True
        return found


class NoArguments(BaseModel):
    """The arguments of a tool that has none."""


def object_schema(**properties: Any) -> Mapping[str, Any]:
    """Return the JSON schema of an object with these required properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def build_server(
    name: str, instructions: str, tools: Sequence[ServedTool[Any]], resources: Resources
) -> StoreServer:
    """Return a server with these tools and resources."""

    @asynccontextmanager
    async def lifespan(_server: Server[Subscriptions, Any]) -> AsyncIterator[Subscriptions]:
        async with Subscriptions(resources.watched) as subscriptions:
            yield subscriptions

    server = StoreServer(name, version("langgraph_agentstore"), instructions, lifespan=lifespan)
    _serve_tools(server, {tool.name: tool for tool in tools})
    _serve_resources(server, resources)
    return server


def _serve_tools(server: StoreServer, tools: Mapping[str, ServedTool[Any]]) -> None:
    @server.list_tools()  # type: ignore[no-untyped-call, untyped-decorator]
    async def list_tools() -> list[types.Tool]:
        return [tool.described for tool in tools.values()]

    # Its own validation would repeat the arguments in the error, however long they are.
    @server.call_tool(validate_input=False)  # type: ignore[untyped-decorator]
    async def call_tool(name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        tool = tools.get(name)
        if tool is None:
            return _failed(f"there is no tool {name[:80]!r}; there are {', '.join(tools)}")
        return await _answered(tool, arguments)


async def _answered(tool: ServedTool[Any], arguments: Mapping[str, Any]) -> types.CallToolResult:
    try:
        answer = await tool.run(tool.arguments.model_validate(arguments))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
        return _failed(f"wrong arguments: {problems}")
    except (AgentStoreError, ToolException) as error:
        return _failed(str(error))
    except Exception:
        # What it says may hold a stored value.
        logger.exception("the tool %s failed", tool.name)
        return _failed("the tool failed for a reason that the server's log tells")
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=answer.text)],
        structuredContent=dict(answer.data),
    )


def _failed(message: str) -> types.CallToolResult:
    content = types.TextContent(type="text", text=message)
    return types.CallToolResult(content=[content], isError=True)


def _serve_resources(server: StoreServer, resources: Resources) -> None:
    @server.list_resources()  # type: ignore[no-untyped-call, untyped-decorator]
    async def list_resources(request: types.ListResourcesRequest) -> types.ListResourcesResult:
        cursor = None if request.params is None else request.params.cursor
        found, after = await resources.listed(cursor)
        return types.ListResourcesResult(resources=found, nextCursor=after)

    @server.list_resource_templates()  # type: ignore[no-untyped-call, untyped-decorator]
    async def list_templates() -> list[types.ResourceTemplate]:
        return list(resources.templates)

    @server.read_resource()  # type: ignore[no-untyped-call, untyped-decorator]
    async def read_resource(uri: Any) -> list[ReadResourceContents]:
        found = await resources.read(str(uri))
        if found is None:
            raise McpError(types.ErrorData(code=-32002, message=f"there is no resource {uri}"))
        mime_type, text = found
        return [ReadResourceContents(text, mime_type)]

    @server.subscribe_resource()  # type: ignore[no-untyped-call, untyped-decorator]
    async def subscribe(uri: Any) -> None:
        context = server.request_context
        await context.lifespan_context.add(str(uri), context.session)

    @server.unsubscribe_resource()  # type: ignore[no-untyped-call, untyped-decorator]
    async def unsubscribe(uri: Any) -> None:
        server.request_context.lifespan_context.remove(str(uri))
