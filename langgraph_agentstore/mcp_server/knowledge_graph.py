"""A graph of entities and relations in a user's part of the store, as several clients may share it.

    ("knowledge_graph", "entities"):  {"name": …, "entityType": …, "observations": […]}
    ("knowledge_graph", "relations"): {"from": …, "to": …, "relationType": …}

An entity's key is its name, a relation's a hash of its three parts. So no client can create one
twice, and changes of one entity at once are all kept.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from langchain_core.tools import ToolException
from langgraph.store.base import Item
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import DamagedFileError, VersionConflictError
from ..model.namespaces import Labels
from ..sql.statement import ResultT
from ..store.user_views import UserStore

GRAPH_ENTITIES: Final[Labels] = ("knowledge_graph", "entities")
GRAPH_RELATIONS: Final[Labels] = ("knowledge_graph", "relations")

WRITES_AT_ONCE: Final = 64
"""Writes of one call that are under way at once."""


class GraphEntity(BaseModel):
    """A node of the graph."""

    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(min_length=1, description="The name of the entity.")
    entity_type: str = Field(alias="entityType", description="The type of the entity.")
    observations: list[str] = Field(description="What is known of the entity, one fact each.")


class GraphRelation(BaseModel):
    """A directed edge of the graph, in active voice."""

    model_config = ConfigDict(populate_by_name=True)

    source: str = Field(alias="from", description="The entity where the relation starts.")
    target: str = Field(alias="to", description="The entity where the relation ends.")
    relation_type: str = Field(alias="relationType", description="The type of the relation.")

    @property
    def key(self) -> str:
        """The key of the relation's item."""
        parts = json.dumps([self.source, self.relation_type, self.target])
        return sha256(parts.encode()).hexdigest()[:32]


class Graph(BaseModel):
    """Entities and relations, in the order in which they were created."""

    entities: list[GraphEntity]
    relations: list[GraphRelation]

    def as_data(self) -> dict[str, Any]:
        """Return the graph as JSON data."""
        return self.model_dump(by_alias=True)


@dataclass(frozen=True, slots=True)
class Removed:
    """Hold the number of deleted things, and the names that were not there."""

    count: int
    missing: Sequence[str] = ()


class KnowledgeGraph:
    """One user's graph."""

    def __init__(self, view: UserStore) -> None:
        self._view = view

    async def create_entities(self, entities: Sequence[GraphEntity]) -> list[GraphEntity]:
        """Create entities; return those that are new."""
        unique = list({entity.name: entity for entity in reversed(entities)}.values())[::-1]
        created = await _each_of(self._create_entity, unique)
        return [entity for entity, is_new in zip(unique, created, strict=True) if is_new]

    async def create_relations(self, relations: Sequence[GraphRelation]) -> list[GraphRelation]:
        """Create relations between entities that exist; return those that are new.

        Raises:
            ToolException: an entity does not exist; nothing was written.
        """
        await self.check_exist(name for r in relations for name in (r.source, r.target))
        unique = list({relation.key: relation for relation in relations}.values())
        created = await _each_of(self._create_relation, unique)
        return [relation for relation, is_new in zip(unique, created, strict=True) if is_new]

    async def check_exist(self, names: Iterable[str]) -> None:
        """Raise ToolException if one of the entities does not exist."""
        listed = sorted(set(names))
        found = await _each_of(self._get_entity, listed)
        missing = [name for name, item in zip(listed, found, strict=True) if item is None]
        if missing:
            raise _not_found(missing[0])

    async def add_observations(self, name: str, contents: Sequence[str]) -> list[str]:
        """Add what the entity does not say yet; return what was added.

        Raises:
            ToolException: the entity does not exist.
        """
        added: list[str] = []

        def extend(value: Mapping[str, Any] | None) -> dict[str, Any]:
            known = _known_entity(value, name)
            added[:] = dict.fromkeys(c for c in contents if c not in known.observations)
            return _stored(known.model_copy(update={"observations": known.observations + added}))

        await self._view.aupdate(GRAPH_ENTITIES, name, extend)
        return added

    async def delete_entities(self, names: Sequence[str]) -> Removed:
        """Delete entities with their relations."""
        unique = list(dict.fromkeys(names))
        gone = await _each_of(self._delete_entity, unique)
        missing = [name for name, was_there in zip(unique, gone, strict=True) if not was_there]
        return Removed(len(unique) - len(missing), missing)

    async def delete_observations(self, name: str, observations: Sequence[str]) -> Removed:
        """Remove these observations of an entity."""
        removed = 0

        def shorten(value: Mapping[str, Any] | None) -> dict[str, Any]:
            nonlocal removed
            known = _known_entity(value, name)
            left = [each for each in known.observations if each not in observations]
            removed = len(known.observations) - len(left)
            return _stored(known.model_copy(update={"observations": left}))

        try:
            await self._view.aupdate(GRAPH_ENTITIES, name, shorten)
        except ToolException:
            return Removed(0, [name])
        return Removed(removed)

    async def delete_relations(self, relations: Sequence[GraphRelation]) -> Removed:
        """Delete exactly these relations."""
        keys = list({relation.key for relation in relations})
        gone = await _each_of(self._delete_relation, keys)
        return Removed(sum(gone))

    async def read(self) -> Graph:
        """Return the whole graph."""
        entities, relations = await asyncio.gather(
            self._all(GRAPH_ENTITIES, GraphEntity), self._all(GRAPH_RELATIONS, GraphRelation)
        )
        return Graph(entities=entities, relations=relations)

    async def search(self, query: str) -> Graph:
        """Return the entities whose name, type or observations contain the text, in any case.

        With them come all relations that touch one of them.
        """
        wanted = query.lower()
        graph = await self.read()
        return _around(
            graph, {e.name for e in graph.entities if wanted in _searched_text(e).lower()}
        )

    async def open(self, names: Sequence[str]) -> Graph:
        """Return the entities of these names, with all relations that touch one of them."""
        items = await _each_of(self._get_entity, list(dict.fromkeys(names)))
        found = sorted((item for item in items if item is not None), key=_age)
        touching: dict[str, Item] = {}
        for item in found:
            touching.update({each.key: each for each in await self._relations_of(item.key)})
        return Graph(
            entities=[GraphEntity.model_validate(item.value) for item in found],
            relations=[
                GraphRelation.model_validate(item.value)
                for item in sorted(touching.values(), key=_age)
            ],
        )

    async def _create_entity(self, entity: GraphEntity) -> bool:
        observations = list(dict.fromkeys(entity.observations))
        return await self._put_new(
            GRAPH_ENTITIES, entity.name, entity.model_copy(update={"observations": observations})
        )

    async def _create_relation(self, relation: GraphRelation) -> bool:
        is_new = await self._put_new(GRAPH_RELATIONS, relation.key, relation)
        try:
            # Another client may have deleted an entity, with the relations that it had by then.
            await self.check_exist((relation.source, relation.target))
        except ToolException:
            await self._view.adelete(GRAPH_RELATIONS, relation.key)
            raise
        return is_new

    async def _put_new(self, namespace: Labels, key: str, value: BaseModel) -> bool:
        try:
            await self._view.aput(namespace, key, _stored(value), expected_version=0)
        except VersionConflictError:
            return False
        return True

    async def _delete_entity(self, name: str) -> bool:
        was_there = await self._get_entity(name) is not None
        await self._view.adelete(GRAPH_ENTITIES, name)
        relations = [item.key for item in await self._relations_of(name)]
        await _each_of(self._delete_relation, relations)
        return was_there

    async def _delete_relation(self, key: str) -> bool:
        was_there = await self._view.aget(GRAPH_RELATIONS, key) is not None
        await self._view.adelete(GRAPH_RELATIONS, key)
        return was_there

    async def _get_entity(self, name: str) -> Item | None:
        return await self._view.aget(GRAPH_ENTITIES, name)

    async def _relations_of(self, name: str) -> list[Item]:
        found = [
            item
            for end in ("from", "to")
            async for item in self._view.aiter_items(GRAPH_RELATIONS, filter={end: name})
        ]
        return list({item.key: item for item in found}.values())

    async def _all(self, namespace: Labels, kind: type[ResultT]) -> list[ResultT]:
        items = [item async for item in self._view.aiter_items(namespace)]
        validate: Callable[[Any], ResultT] = kind.model_validate  # type: ignore[attr-defined]
        return [validate(item.value) for item in sorted(items, key=_age)]


async def import_graph(view: UserStore, file: Path) -> Graph:
    """Add the entities and relations of a `memory.jsonl` file; return what was new.

    Existing entities get the observations that they lack.

    Raises:
        DamagedFileError: a line is no entity and no relation; nothing was written.
    """
    entities, relations = _read_lines(await asyncio.to_thread(file.read_text, "utf-8"), file)
    graph = KnowledgeGraph(view)
    created = await graph.create_entities(entities)
    new = {entity.name for entity in created}
    for entity in entities:
        if entity.name not in new:
            await graph.add_observations(entity.name, entity.observations)
    return Graph(entities=created, relations=await graph.create_relations(relations))


def _read_lines(text: str, file: Path) -> tuple[list[GraphEntity], list[GraphRelation]]:
    entities: list[GraphEntity] = []
    relations: list[GraphRelation] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if record["type"] == "entity":
                entities.append(GraphEntity.model_validate(record))
            else:
                relations.append(GraphRelation.model_validate(record))
        except (ValueError, KeyError, TypeError, ValidationError):
            raise DamagedFileError(
                f"line {number} of {file} is neither an entity nor a relation; nothing was "
                "imported: mend or remove the line"
            ) from None
    return entities, relations


async def _each_of(
    do: Callable[[Any], Awaitable[ResultT]], arguments: Sequence[Any]
) -> list[ResultT]:
    results: list[ResultT] = []
    for start in range(0, len(arguments), WRITES_AT_ONCE):
        results += await asyncio.gather(*map(do, arguments[start : start + WRITES_AT_ONCE]))
    return results


def _around(graph: Graph, names: set[str]) -> Graph:
    return Graph(
        entities=[entity for entity in graph.entities if entity.name in names],
        relations=[r for r in graph.relations if r.source in names or r.target in names],
    )


def _searched_text(entity: GraphEntity) -> str:
    return "\n".join((entity.name, entity.entity_type, *entity.observations))


def _known_entity(value: Mapping[str, Any] | None, name: str) -> GraphEntity:
    if value is None:
        raise _not_found(name)
    return GraphEntity.model_validate(value)


def _not_found(name: str) -> ToolException:
    return ToolException(f"Entity with name {name[:200]} not found: create it with create_entities")


def _stored(value: BaseModel) -> dict[str, Any]:
    return value.model_dump(by_alias=True)


def _age(item: Item) -> tuple[Any, str]:
    return item.created_at, item.key
