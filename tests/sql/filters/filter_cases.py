"""What filters mean, as rows: the predicate's tests and the SQL's read the same table."""

from __future__ import annotations

from tests.sql.filters.plain_filter_cases import BIG, PLAIN_CASES, Case

__all__ = ["CASES", "Case"]

CASES = [
    *PLAIN_CASES,
    Case(
        "$eq of a scalar", {"a": {"$eq": 1}}, [{"a": 1}, {"a": 1.0}], [{"a": True}, {"a": "1"}, {}]
    ),
    Case(
        "$eq of an object is exact",
        {"a": {"$eq": {"b": 1}}},
        [{"a": {"b": 1}}, {"a": {"b": 1.0}}],
        [{"a": {"b": 1, "c": 2}}, {"a": {"b": True}}, {"a": {}}, {"a": [{"b": 1}]}],
    ),
    Case(
        "$eq of an array is exact",
        {"a": {"$eq": [{"b": 1}]}},
        [{"a": [{"b": 1}]}],
        [{"a": [{"b": 1, "c": 2}]}, {"a": {"b": 1}}, {"a": [[{"b": 1}]]}],
    ),
    Case("$eq takes names with $", {"a": {"$eq": {"$x": 1}}}, [{"a": {"$x": 1}}], [{"a": 1}]),
    Case("$eq of None", {"a": {"$eq": None}}, [{"a": None}, {}, 5], [{"a": 0}, {"a": []}]),
    Case(
        "$eq of an empty object", {"a": {"$eq": {}}}, [{"a": {}}], [{"a": {"b": 1}}, {"a": []}, {}]
    ),
    Case(
        "$ne matches the missing", {"a": {"$ne": 1}}, [{"a": 2}, {"a": True}, {}, 1], [{"a": 1.0}]
    ),
    Case("$ne of None", {"a": {"$ne": None}}, [{"a": 0}, {"a": False}], [{"a": None}, {}, 1]),
    Case(
        "$gt of numbers",
        {"a": {"$gt": 9}},
        [{"a": 10}, {"a": 9.5}, {"a": 1e300}],
        [{"a": 9}, {"a": "99"}, {"a": True}, {"a": None}, {"a": [10]}, {"a": {"b": 10}}, {}, 10],
    ),
    Case(
        "$gt is exact for large integers",
        {"a": {"$gt": float(BIG)}},
        [{"a": BIG + 1}, {"a": 2**64 - 1}, {"a": 1e20}],
        [{"a": BIG}, {"a": float(BIG)}],
    ),
    Case(
        "$gte of numbers",
        {"a": {"$gte": 1}},
        [{"a": 1}, {"a": 1.0}, {"a": 2}],
        [{"a": 0}, {"a": True}],
    ),
    Case(
        "$lt of numbers", {"a": {"$lt": 10}}, [{"a": 9}, {"a": -1.5}], [{"a": 10}, {"a": "1"}, {}]
    ),
    Case("$lte of numbers", {"a": {"$lte": 1}}, [{"a": 1}, {"a": -3}], [{"a": 2}, {"a": None}]),
    Case(
        "strings compare by code point",
        {"a": {"$gt": "a"}},
        [{"a": "b"}, {"a": "aa"}, {"a": "é"}, {"a": "\ufffd"}, {"a": "\U0001f600"}],
        [{"a": "a"}, {"a": "Z"}, {"a": ""}, {"a": 1}, {"a": ["b"]}, {}],
    ),
    Case(
        "characters beyond the basic plane come last",
        {"a": {"$gt": "\ufffd"}},
        [{"a": "\U0001f600"}],
        [{"a": "\ufffd"}, {"a": "é"}],
    ),
    Case(
        "dates compare as strings",
        {"a": {"$gte": "2024-02-01", "$lt": "2024-03-01"}},
        [{"a": "2024-02-01"}, {"a": "2024-02-29T23:59"}],
        [{"a": "2024-03-01"}, {"a": "2024-01-31"}, {"a": 20240215}],
    ),
    Case(
        "$lte of strings", {"a": {"$lte": "B"}}, [{"a": "B"}, {"a": "A"}], [{"a": "a"}, {"a": "BB"}]
    ),
    Case("false is less than true", {"a": {"$lt": True}}, [{"a": False}], [{"a": True}, {"a": 0}]),
    Case("$gte of booleans", {"a": {"$gte": False}}, [{"a": True}, {"a": False}], [{"a": 1}, {}]),
    Case("$in", {"a": {"$in": [1, "x"]}}, [{"a": 1.0}, {"a": "x"}], [{"a": True}, {"a": [1]}, {}]),
    Case("$in with None", {"a": {"$in": [None]}}, [{"a": None}, {}, 1], [{"a": 0}]),
    Case("$in of nothing", {"a": {"$in": []}}, [], [{"a": 1}, {}, None]),
    Case(
        "$in of containers is exact",
        {"a": {"$in": [{"b": 1}, [1]]}},
        [{"a": {"b": 1}}, {"a": [1]}],
        [{"a": {"b": 1, "c": 1}}, {"a": [1, 1]}, {"a": 1}],
    ),
    Case("$in takes a tuple", {"a": {"$in": (1, 2)}}, [{"a": 2}], [{"a": 3}]),
    Case("$nin", {"a": {"$nin": [1, "x"]}}, [{"a": 2}, {"a": True}, {}], [{"a": 1}, {"a": "x"}]),
    Case("$nin with None", {"a": {"$nin": [None]}}, [{"a": 0}], [{"a": None}, {}]),
    Case("$nin of nothing", {"a": {"$nin": []}}, [{"a": 1}, {}, None], []),
    Case("$exists", {"a": {"$exists": True}}, [{"a": 1}, {"a": None}], [{}, 1, ["a"], "a"]),
    Case("not $exists", {"a": {"$exists": False}}, [{}, 1, ["a"]], [{"a": 1}, {"a": None}]),
    Case("$exists of a path", {"a.b": {"$exists": True}}, [{"a": {"b": None}}], [{"a": ["b"]}, {}]),
    Case(
        "$contains a string",
        {"a": {"$contains": "b"}},
        [{"a": ["b", 1]}, {"a": "abc"}, {"a": "b"}],
        [{"a": ["abc"]}, {"a": "B"}, {"a": {"b": 1}}, {"a": [["b"]]}, {"a": None}, {}, "b", ["b"]],
    ),
    Case(
        "$contains the empty string",
        {"a": {"$contains": ""}},
        [{"a": ""}, {"a": "x"}, {"a": [""]}],
        [{"a": []}, {"a": ["x"]}, {"a": {"": 1}}, {}],
    ),
    Case("$contains takes no patterns", {"a": {"$contains": "%"}}, [{"a": "5%"}], [{"a": "5"}]),
    Case(
        "$contains a number",
        {"a": {"$contains": 1}},
        [{"a": [1.0]}, {"a": [2, 1]}],
        [
            {"a": [True]},
            {"a": [[1]]},
            {"a": ["1"]},
            {"a": 1},
            {"a": "1"},
            {"a": {"1": 1}},
            {"a": []},
        ],
    ),
    Case(
        "$contains null", {"a": {"$contains": None}}, [{"a": [None]}], [{"a": []}, {"a": None}, {}]
    ),
    Case(
        "$contains a list means every element of it",
        {"a": {"$contains": [1, "x"]}},
        [{"a": ["x", 2, 1]}, {"a": [1, "x"]}],
        [{"a": [1]}, {"a": [[1, "x"]]}, {"a": "1x"}, {"a": {"x": 1}}, {}],
    ),
    Case(
        "$contains the empty list",
        {"a": {"$contains": []}},
        [{"a": []}, {"a": [1]}],
        [{"a": ""}, {"a": {}}, {"a": None}, {}],
    ),
    Case(
        "$contains lists and objects as elements exactly",
        {"a": {"$contains": [[1], {"b": 1}]}},
        [{"a": [{"b": 1}, [1]]}],
        [{"a": [[1, 2], {"b": 1}]}, {"a": [[1], {"b": 1, "c": 1}]}, {"a": 1}, {"a": {"b": 1}}, {}],
    ),
    Case(
        "$contains an object as an element exactly",
        {"a": {"$contains": {"b": 1}}},
        [{"a": [{"b": 1}, 2]}, {"a": {"b": 1}}, {"a": {"b": 1.0, "c": 2}}],
        [{"a": [{"b": 1, "c": 2}]}, {"a": {"b": 2}}, {"a": {"c": {"b": 1}}}, {"a": "b"}, {}],
    ),
    Case(
        "$contains pairs whose values are exact",
        {"a": {"$contains": {"b": {"c": 1}}}},
        [{"a": {"b": {"c": 1}, "d": 2}}],
        [{"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": [{"c": 1}]}}],
    ),
    Case(
        "$contains a pair with null",
        {"a": {"$contains": {"b": None}}},
        [{"a": {"b": None}}],
        [{"a": {}}, {"a": {"b": 0}}],
    ),
    Case(
        "$contains no pairs",
        {"a": {"$contains": {}}},
        [{"a": {}}, {"a": {"b": 1}}, {"a": [{}]}],
        [{"a": []}, {"a": [1]}, {"a": [{"b": 1}]}, {"a": 1}, {}],
    ),
    Case(
        "all operators of a field hold",
        {"a": {"$gt": 1, "$ne": 3}},
        [{"a": 2}],
        [{"a": 3}, {"a": 1}],
    ),
    Case(
        "$and of filters", {"$and": [{"a": 1}, {"b": 1}]}, [{"a": 1, "b": 1}], [{"a": 1}, {"b": 1}]
    ),
    Case("$and of nothing", {"$and": []}, [{}, 1, None], []),
    Case("$and of a field", {"a": {"$and": [{"$gt": 1}, {"$lt": 3}]}}, [{"a": 2}], [{"a": 1}, {}]),
    Case("$and of nothing on a field", {"a": {"$and": []}, "b": 1}, [{"b": 1}], [{}]),
    Case("$or of nothing on a path", {"a.b": {"$or": []}}, [], [{"a": {"b": 1}}, {}]),
    Case("nothing asked of a field inside", {"a": {"b": {"$and": []}}}, [{"a": {}}], [{"a": 1}]),
    Case("nothing asked of a path inside", {"a": {"b.c": {"$and": []}}}, [{"a": {}}], [{"a": 1}]),
    Case("$or of filters", {"$or": [{"a": 1}, {"b": 1}]}, [{"a": 1}, {"b": 1}], [{}, {"c": 1}, 1]),
    Case("$or of nothing", {"$or": []}, [], [{}, 1, None]),
    Case(
        "$or of conditions on a field",
        {"a": {"$or": [1, None, {"b": 1}, [2], {"$gt": 5}]}},
        [{"a": 1}, {}, {"a": {"b": 1}}, {"a": [2]}, {"a": 6}],
        [{"a": 5}, {"a": {}}],
    ),
    Case(
        "$or beside fields",
        {"c": 1, "$or": [{"a": 1}, {"b": 1}]},
        [{"a": 1, "c": 1}],
        [{"c": 1}, {"a": 1}],
    ),
    Case("$not of a filter", {"$not": {"a": 1, "b": 1}}, [{"a": 1}, {}, 1], [{"a": 1, "b": 1}]),
    Case("$not of the empty filter", {"$not": {}}, [], [{}, 1]),
    Case(
        "$not matches the missing",
        {"a": {"$not": {"$gt": 1}}},
        [{"a": 1}, {"a": "x"}, {}],
        [{"a": 2}],
    ),
    Case("$not of a value", {"a": {"$not": 1}}, [{"a": 2}, {}], [{"a": 1}]),
    Case("$not of $not", {"a": {"$not": {"$not": {"$gt": 1}}}}, [{"a": 2}], [{"a": 1}, {}]),
    Case(
        "$not of an object", {"a": {"$not": {"b": 1}}}, [{"a": {}}, {"a": 1}, {}], [{"a": {"b": 1}}]
    ),
    Case(
        "$not inside $or",
        {"$or": [{"$not": {"a": 1}}, {"b": 1}]},
        [{}, {"a": 1, "b": 1}],
        [{"a": 1}],
    ),
]
