"""What Citus refuses in a statement, or would run on every node, found in its syntax tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pglast import ast, enums, parse_sql

_IMMUTABLE = {"jsonb_array_length", "jsonb_set", "jsonb_typeof", "octet_length", "timezone"}
"""Functions that the guarded places may call; any other must be looked up first."""

_TIMES = {"created_at", "updated_at", "expires_at", "last_accessed_at", "acquired_at"}

WITHOUT_USERS = {"migration", "vector_set", "share"}
"""Tables that are copied to every node."""


def parts(sql: str) -> list[Any]:
    """Return the trees of the statements in a text."""
    return [each.stmt for each in parse_sql(sql)]


def is_ours(name: Sequence[str | None]) -> bool:
    """Return whether a qualified name is of a store's schema; keys are in one beside it."""
    schema = name[0] if len(name) > 1 else None
    of_others = ("pg_catalog", "public", "extensions")
    return not (schema is None or schema.lower() in of_others or schema.endswith("_keys"))


def nodes(tree: Any) -> Iterator[Any]:
    """Yield a tree and everything in it."""
    if isinstance(tree, (tuple, list)):
        for each in tree:
            yield from nodes(each)
    elif isinstance(tree, ast.Node):
        yield tree
        for slot in tree:
            yield from nodes(getattr(tree, slot))


def refused(tree: Any) -> list[str]:
    """Return what Citus refuses in a statement, as short texts."""
    found = []
    for node in nodes(tree):
        if isinstance(node, ast.SelectStmt) and not (
            node.targetList or node.valuesLists or node.op
        ):
            found.append("an empty target list")
        if isinstance(node, ast.ColumnRef) and _names(node)[-1] == "ctid":
            found.append("the place of a row")
        if isinstance(node, ast.LockingClause):
            found.append("a lock of rows")
        if isinstance(node, ast.FuncCall) and is_ours(_parts(node.funcname)):
            found.append("a function of the schema, whose tables are on other nodes")
        if isinstance(node, ast.UpdateStmt):
            found += [f"UPDATE: {each}" for each in _lateral(node.fromClause)]
            found += [f"UPDATE: {each}" for each in _sums_with_now(node.targetList)]
        for place in _guarded_places(node):
            found += _mutable(place)
    return found


def _guarded_places(node: Any) -> list[Any]:
    """Return the expressions that each node of Citus computes for itself."""
    if isinstance(node, ast.OnConflictClause):
        return [node.targetList, node.whereClause]
    if isinstance(node, (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)):
        return [node.returningClause]
    return []


def _mutable(place: Any) -> list[str]:
    found = []
    for node in nodes(place):
        if isinstance(node, ast.FuncCall) and _parts(node.funcname)[-1] not in _IMMUTABLE:
            found.append(f"{_parts(node.funcname)[-1]}() in DO UPDATE or RETURNING")
        if isinstance(node, (ast.SQLValueFunction, ast.SubLink)):
            found.append(f"{type(node).__name__} in DO UPDATE or RETURNING")
        if _is_sum(node):
            columns = [_names(c)[-1] for side in (node.lexpr, node.rexpr) for c in _bare(side)]
            found += [f"a sum with {name}" for name in columns if name in _TIMES]
    return found


def _is_sum(node: Any) -> bool:
    return isinstance(node, ast.A_Expr) and _parts(node.name)[-1] in "+-"


def _bare(expression: Any) -> Iterator[Any]:
    """Yield the columns of an expression that no function makes something else of."""
    if isinstance(expression, ast.ColumnRef):
        yield expression
    elif isinstance(expression, ast.A_Expr):
        yield from _bare(expression.lexpr)
        yield from _bare(expression.rexpr)


def _sums_with_now(targets: Any) -> list[str]:
    return [
        "a sum of now() and a column"
        for node in nodes(targets)
        if _is_sum(node)
        and any(
            isinstance(s, ast.FuncCall) and _parts(s.funcname)[-1] == "now" for s in _sides(node)
        )
        and any(isinstance(n, ast.ColumnRef) for n in nodes(_sides(node)))
    ]


def _sides(node: Any) -> list[Any]:
    return [node.lexpr, node.rexpr]


def _lateral(clause: Any) -> list[str]:
    return [
        "LATERAL" for node in nodes(clause) if isinstance(node, ast.RangeSubselect) and node.lateral
    ]


def walks_over_nodes(tree: Any) -> list[str]:
    """Return what only a statement of one user may have: LATERAL, subqueries, recursion."""
    found = []
    for node in nodes(tree):
        tables = [n for n in nodes(node) if isinstance(n, ast.RangeVar) and n.schemaname]
        if isinstance(node, ast.RangeSubselect) and node.lateral and tables:
            found.append("LATERAL over a table")
        # EXISTS becomes a join by the user, or is asked once.
        exists = enums.SubLinkType.EXISTS_SUBLINK
        if isinstance(node, ast.SubLink) and tables and node.subLinkType != exists:
            found.append("a subquery over a table, for each row")
        if isinstance(node, ast.WithClause) and node.recursive:
            found.append("WITH RECURSIVE")
    return found


def tables_without_user(tree: Any) -> list[str]:
    """Return the table references that no condition beside them limits to given users."""
    found = []
    for node in nodes(tree):
        if isinstance(node, ast.SelectStmt):
            sources = list(node.fromClause or ())
        elif isinstance(node, ast.UpdateStmt):
            sources = [node.relation, *(node.fromClause or ())]
        elif isinstance(node, ast.DeleteStmt):
            sources = [node.relation, *(node.usingClause or ())]
        else:
            continue
        found += _unlimited(sources, node.whereClause)
    return found


def _unlimited(sources: Sequence[Any], where: Any) -> list[str]:
    tables: list[Any] = []
    conditions = _conjuncts(where)
    joined: list[set[str]] = []
    for source in sources:
        _collect(source, tables, conditions, joined)
    aliases = {t.alias.aliasname if t.alias else t.relname: t.relname for t in tables}
    limited = {a for a in aliases if any(_limits(c, a, len(aliases)) for c in conditions)}
    equal = [pair for c in conditions if (pair := _same_user(c))] + joined
    for _ in aliases:
        for pair in equal:
            if pair & limited:
                limited |= pair & set(aliases)
    return [name for alias, name in aliases.items() if alias not in limited]


def _collect(source: Any, tables: list[Any], conditions: list[Any], joined: list[set[str]]) -> None:
    if isinstance(source, ast.RangeVar) and is_ours((source.schemaname, source.relname)):
        if source.relname not in WITHOUT_USERS:
            tables.append(source)
    elif isinstance(source, ast.JoinExpr):
        before = len(tables)
        _collect(source.larg, tables, conditions, joined)
        _collect(source.rarg, tables, conditions, joined)
        conditions += _conjuncts(source.quals)
        if any(name.sval == "user_id" for name in source.usingClause or ()):
            joined.append({t.alias.aliasname for t in tables[before:]})


def _conjuncts(condition: Any) -> list[Any]:
    if condition is None:
        return []
    if isinstance(condition, ast.BoolExpr) and condition.boolop == enums.BoolExprType.AND_EXPR:
        return [each for arg in condition.args or () for each in _conjuncts(arg)]
    return [condition]


def _limits(condition: Any, alias: str, tables: int) -> bool:
    """Return whether a condition names the users of a table, by an argument or a constant."""
    if isinstance(condition, ast.BoolExpr):
        if condition.boolop == enums.BoolExprType.OR_EXPR:
            return all(
                any(_limits(each, alias, tables) for each in _conjuncts(arg))
                for arg in condition.args or ()
            )
        return False
    if not isinstance(condition, ast.A_Expr) or _parts(condition.name)[-1] != "=":
        return False
    of_user = isinstance(condition.lexpr, ast.ColumnRef) and _names(condition.lexpr) in (
        [[alias, "user_id"]] if tables > 1 else [[alias, "user_id"], ["user_id"]]
    )
    return of_user and not any(isinstance(n, ast.ColumnRef) for n in nodes(condition.rexpr))


def _same_user(condition: Any) -> set[str] | None:
    if isinstance(condition, ast.A_Expr) and _parts(condition.name)[-1] == "=":
        names = [_names(s) for s in _sides(condition) if isinstance(s, ast.ColumnRef)]
        if len(names) == 2 and all(n[-1] == "user_id" and len(n) == 2 for n in names):
            return {names[0][0], names[1][0]}
    return None


def _names(column: Any) -> list[str]:
    return [str(getattr(field, "sval", "*")) for field in column.fields]


def _parts(name: Any) -> list[str]:
    return [part.sval for part in name]
