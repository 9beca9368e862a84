"""Filters: conditions on items, as a Python predicate and as SQL.

`parse_filter` checks a filter and makes a tree of it. The tree is a predicate over a decoded
value (`matches`) and a boolean SQL expression over a jsonb column (`filter_sql`); every node and
every operator has the two side by side, and the tests hold them against each other on Postgres.

A filter is a mapping from fields to conditions, all of which must hold:

    {"status": "open"}                          equality
    {"deleted": None}                           null or missing
    {"tags": ["a", {"id": 1}]}                  an array of that length, element by element
    {"profile": {"language": "de"}}             an object that has at least this
    {"profile.language": "de"}                  the key with the dot, else the path
    {"age": {"$gte": 18, "$lt": 65}}            operators, see `operators.OPERATORS`
    {"$or": [{"a": 1}, {"b": {"$not": 2}}]}     $and, $or and $not: on filters or on a field

A value that is not an object is seen as `{"value": v}`, as LangGraph sees it.
"""

from .nodes import Filter, filter_sql, matches
from .operators import OPERATORS, Operator
from .parse import MAX_FILTER_DEPTH, MAX_PARTS, OPERATOR_NAMES, parse_filter

__all__ = [
    "MAX_FILTER_DEPTH",
    "MAX_PARTS",
    "OPERATORS",
    "OPERATOR_NAMES",
    "Filter",
    "Operator",
    "filter_sql",
    "matches",
    "parse_filter",
]
