"""The comment that names a statement: first, once, and without another text for the driver."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import langgraph_agentstore
from langgraph_agentstore.sql.statement_comments import with_comment
from langgraph_agentstore.sql.statement_settings import users_setting, with_settings

PACKAGE = Path(langgraph_agentstore.__file__).parent
KIND = re.compile(r"[a-z]+(_[a-z]+)*")


def test_the_comment_comes_first() -> None:
    assert with_comment("\nSELECT 1", "get") == "/* agentstore:get */ SELECT 1"


def test_equal_statements_have_one_text() -> None:
    assert with_comment("SELECT 2", "get") is with_comment("SELECT 2", "get")


def test_settings_stay_below_the_comment() -> None:
    told, _ = with_settings("SELECT $1", ["a"], [users_setting(["ann"])])
    named = with_comment(told, "get")
    assert named.startswith("/* agentstore:get */ SELECT s.*")
    assert "set_config('agentstore.users'" in named


def kinds_of_calls() -> list[tuple[str, str | None]]:
    """Return where a statement, query or job is made, and the kind that it names."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name_of(node.func) in ("Statement", "Query", "Job"):
                named = {word.arg: word.value for word in node.keywords}
                where = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                found.append((where, _text_of(named.get("kind"))))
    return found


def _text_of(kind: ast.expr | None) -> str | None:
    """Return the kind; "" if none is named, None if it is made of others."""
    if kind is None:
        return ""
    return str(kind.value) if isinstance(kind, ast.Constant) else None


def _name_of(function: ast.expr) -> str | None:
    if isinstance(function, ast.Subscript):
        function = function.value
    return function.id if isinstance(function, ast.Name) else None


def test_every_statement_query_and_job_names_its_kind() -> None:
    """Else nobody could tell it from others in a log, in figures and in `pg_stat_activity`."""
    calls = kinds_of_calls()
    assert len(calls) > 90
    assert [where for where, kind in calls if kind == "" and "planner.py" not in where] == []
    named = [kind for _, kind in calls if kind]
    assert [kind for kind in named if not KIND.fullmatch(str(kind))] == []
