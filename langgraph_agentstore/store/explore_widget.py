"""The widget of `explore()`: users, their namespaces, the items, and a search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langgraph.store.base import Item

from .._support.optional import imported
from ..errors import AgentStoreError
from ..html_tables import bars_table, paragraph, plain_text, shortened
from ..model.namespaces import Labels
from ..results.items import item_html

if TYPE_CHECKING:
    from .agent_store import AgentStore
    from .user_views import UserStore

LISTED_USERS = 500
LISTED_NAMESPACES = 500
LISTED_ITEMS = 100


class StoreExplorer:
    """Widgets that show one store; they change it only if they are `writable`.

    Blocking calls of the store never wait for the notebook's loop, so each callback may make one.
    """

    def __init__(self, store: AgentStore, writable: bool) -> None:
        widgets = imported("ipywidgets", "notebook")
        self._store = store
        self._found: Sequence[Item] = ()
        wide = widgets.Layout(width="100%")
        self.user = widgets.Dropdown(description="user")
        self.namespace = widgets.Select(description="namespace", rows=8, layout=wide)
        self.query = widgets.Text(
            description="search", placeholder="words, or empty for the newest", layout=wide
        )
        self.items = widgets.Select(description="items", rows=8, layout=wide)
        self.scores = widgets.HTML()
        self.shown = widgets.HTML()
        self.told = widgets.HTML()
        self.value = widgets.Textarea(description="value", rows=6, layout=wide)
        self.save = widgets.Button(description="Save")
        self.delete = widgets.Button(description="Delete", button_style="danger")
        self.is_sure = widgets.Checkbox(description="yes, delete it", value=False, indent=False)
        changing = [self.value, widgets.HBox([self.save, self.delete, self.is_sure])]
        self.box = widgets.VBox(
            [
                self.user,
                self.namespace,
                self.query,
                self.items,
                self.scores,
                self.shown,
                *(changing if writable else []),
                self.told,
            ]
        )
        self._listen()
        self._show_users()

    def _listen(self) -> None:
        self.user.observe(lambda _: self._told(self._show_namespaces), "value")
        self.namespace.observe(lambda _: self._told(self._show_items), "value")
        self.query.observe(lambda _: self._told(self._show_items), "value")
        self.items.observe(lambda _: self._told(self._show_item), "value")
        self.save.on_click(lambda _: self._told(self._save))
        self.delete.on_click(lambda _: self._told(self._delete))

    def _told(self, act: Any) -> None:
        """Act; show an error of the store below the widgets, where a person sees it."""
        self.told.value = ""
        try:
            act()
        except (AgentStoreError, json.JSONDecodeError) as error:
            self.told.value = plain_text(f"{type(error).__name__}: {error}")

    def _show_users(self) -> None:
        found = self._store.users(limit=LISTED_USERS + 1)
        users = [(f"{u.user_id or '(shared)'} ({u.records:,})", u.user_id) for u in found]
        if len(users) > LISTED_USERS:
            self.told.value = paragraph(f"Only {LISTED_USERS} users are listed.")
        self.user.options = users[:LISTED_USERS]

    def _show_namespaces(self) -> None:
        self.namespace.options = []
        if self.user.value is None:
            return
        tree = self._store.tree(self.user.value, limit=LISTED_NAMESPACES)
        places: list[tuple[str, Labels]] = [("(all)", ())]
        places += [(f"{':'.join(labels)} ({n:,})", labels) for labels, n in tree.items.items()]
        if tree.is_cut:
            self.told.value = paragraph(
                f"Only the first {LISTED_NAMESPACES} namespaces are listed."
            )
        self.namespace.options = places
        self.namespace.index = 0

    def _view(self) -> UserStore | AgentStore:
        return self._store.for_user(self.user.value) if self.user.value else self._store

    def _show_items(self) -> None:
        self.items.options, self.scores.value, self.shown.value = [], "", ""
        if self.namespace.value is None:
            return
        query = self.query.value.strip() or None
        self._found = self._view().search(
            self.namespace.value, query=query, limit=LISTED_ITEMS, refresh_ttl=False
        )
        if query is not None:
            rows = [(_item_name(item), getattr(item, "score", None) or 0.0) for item in self._found]
            self.scores.value = bars_table(("item", "score"), rows)
        self.items.options = [(_line(item), n) for n, item in enumerate(self._found)]

    def _item(self) -> Item | None:
        return None if self.items.value is None else self._found[self.items.value]

    def _show_item(self) -> None:
        item = self._item()
        self.is_sure.value = False
        self.shown.value = "" if item is None else item_html(item)
        text = "" if item is None else json.dumps(item.value, indent=2, ensure_ascii=False)
        self.value.value = text

    def _save(self) -> None:
        item = self._item()
        if item is not None:
            self._view().put(item.namespace, item.key, json.loads(self.value.value))
            self._show_items()
            self.told.value = paragraph(f"Saved {_item_name(item)}.")

    def _delete(self) -> None:
        item = self._item()
        if item is None:
            return
        if not self.is_sure.value:
            self.told.value = paragraph("Tick the box first: a deleted item does not come back.")
            return
        self._view().delete(item.namespace, item.key)
        self._show_items()
        self.told.value = paragraph(f"Deleted {_item_name(item)}.")

    def _ipython_display_(self) -> None:
        imported("IPython.display", "notebook").display(self.box)


def _item_name(item: Item) -> str:
    return f"{':'.join(item.namespace)} / {item.key}"


def _line(item: Item) -> str:
    return f"{_item_name(item)}  {shortened(json.dumps(item.value, ensure_ascii=False), 80)}"
