"""Where LangGraph's own stores are known to differ from the suite, and why."""

from __future__ import annotations

from collections.abc import Mapping

Reasons = Mapping[str, tuple[str, ...]]
"""Each reason with the names of the facts that do not hold because of it."""


def deviations(*reasons: Reasons) -> dict[str, str]:
    """As `StoreConformance` takes them."""
    return {name: reason for each in reasons for reason, names in each.items() for name in names}


def cases(fact: str, *names: str) -> tuple[str, ...]:
    """Several cases of one fact."""
    return tuple(f"{fact}[{name}]" for name in names)


# Both of LangGraph's own.
COMMON: Reasons = {
    "Only $eq, $ne, $gt, $gte, $lt and $lte are known, on a field at the top.": cases(
        "a_filter_selects_items",
        "$in",
        "$in nothing",
        "$nin",
        "$exists",
        "$exists not",
        "$contains an element",
        "$contains elements",
        "$contains an object",
        "$contains a substring",
        "$contains pairs",
        "$and",
        "$or",
        "$not",
        "$not of a field",
        "$and in $or",
        "path",
        "path, or the key with dots",
    ),
    "An operator at the top is taken for a field.": cases(
        "a_filter_without_meaning_is_refused", "unknown operator at the top"
    ),
    "Numbers are compared as text, or text as numbers.": cases(
        "a_filter_selects_items", "$gt", "$gte", "$lt", "$lte", "$lt of text", "range"
    ),
    "Keys are not checked.": (
        *cases("methods_refuse_a_bad_key", "empty", "NUL"),
        *cases("batches_refuse_a_bad_key", "empty", "NUL"),
    ),
    "Keys become text in methods alone.": ("batches_take_a_key_of_another_type_as_methods_do[*]",),
    "Only methods check what a put may not name.": (
        "no_batch_puts_into_the_empty_namespace",
        "the_root_label_is_reserved_in_batches_too",
    ),
    "Numbers are used as they are.": (
        "negative_numbers_are_refused_by_listings[*]",
        "a_negative_limit_is_refused",
        "a_negative_offset_is_refused",
    ),
    "There is no order among items written at one moment.": (
        "equal_times_are_ordered_by_namespace_and_key",
    ),
    "Equal reads of a batch share their result.": ("one_item_may_be_read_twice_in_a_batch",),
    "`dict(value)` is taken of whatever is put.": ("a_value_is_a_mapping[pairs]",),
    "Whatever notices the bad part does not say where it is.": (
        "the_message_says_where_the_bad_part_is[*]",
    ),
}

IN_MEMORY: Reasons = {
    "The times of an item are read from the clock twice, at each put.": (
        "a_new_item_was_updated_when_it_was_created",
        "created_at_survives_an_update",
    ),
    "The objects that were put are handed out.": (
        "each_get_returns_fresh_objects",
        "each_search_returns_fresh_objects",
        "a_later_change_of_the_callers_value_is_not_seen",
        "a_tuple_is_read_back_as_a_list",
    ),
    "A namespace stays listed once it was read or written.": (
        "reads_of_a_batch_come_before_its_writes",
        "a_namespace_without_items_is_not_listed",
    ),
    "Items come in the order in which they were first put.": (
        "the_newest_come_first",
        "the_newest_come_first_across_namespaces",
        "searches_at_once_each_find_their_own",
    ),
    "Operations of a batch are not checked.": (
        "a_bad_operation_is_found_before_any_is_done",
        "batches_refuse_a_bad_label[*]",
    ),
    "Any Python object is a value, any text a label or a key.": (
        "what_is_not_json_is_refused[*]",
        "batches_refuse_what_is_not_json[*]",
        "a_member_that_no_json_object_has_is_refused[*]",
        "a_label_with_a_lone_surrogate_is_refused",
        *cases("methods_refuse_a_bad_key", "lone surrogate"),
        *cases("batches_refuse_a_bad_key", "lone surrogate"),
        *cases(
            "one_bad_operation_fails_alone",
            "NaN",
            "NUL in a value",
            "lone surrogate in a value",
            "function",
            "NUL in a key",
            "very long key",
        ),
    ),
    "True equals 1 in Python.": cases(
        "a_filter_selects_items",
        "equal boolean",
        "equal number, not boolean",
        "$ne of a missing field",
    ),
    "Both sides of an order are made floats, and what cannot be raises.": cases(
        "a_filter_selects_items", "$gt above 2**53", "$gt of text", "operator below a field"
    ),
    "`float(None)` is a TypeError.": cases("a_filter_without_meaning_is_refused", "order of None"),
    "A filter's operand is any Python object.": cases(
        "a_filter_without_meaning_is_refused", "$and of no list", "operand that is not JSON"
    ),
}

POSTGRES: Reasons = {
    "null and missing are two things.": cases(
        "a_filter_selects_items", "None: null or missing", "$eq None"
    ),
    "SQL's NULL is neither equal nor unequal.": cases(
        "a_filter_selects_items", "$ne", "$ne of a missing field"
    ),
    "A condition that is a dict is taken for operators.": cases(
        "a_filter_selects_items",
        "part of an object",
        "part of a nested object",
        "operator below a field",
    ),
    "Numbers are compared as text.": cases(
        "a_filter_selects_items",
        "$gt of numbers only",
        "$gte of numbers only",
        "$lt of numbers only",
        "$lte of numbers only",
    ),
    "None is compared as the text 'None'.": cases(
        "a_filter_without_meaning_is_refused", "order of None"
    ),
    "The server refuses it, with an error that is no ValueError.": (
        *cases("a_filter_without_meaning_is_refused", "operand that is not JSON"),
        *cases("a_long_key_is_kept_whole_or_refused", "a million"),
        *cases(
            "what_is_not_json_is_refused",
            "NaN",
            "infinity",
            "minus infinity",
            "lone surrogate",
            "NUL",
        ),
        *cases(
            "batches_refuse_what_is_not_json",
            "NaN",
            "infinity",
            "minus infinity",
            "lone surrogate",
            "NUL",
        ),
        *cases("a_member_that_no_json_object_has_is_refused", "NUL", "lone surrogate"),
    ),
    "`json.dumps` writes other keys as text.": cases(
        "a_member_that_no_json_object_has_is_refused", "int", "None"
    ),
    "What is not known is passed over.": (
        "what_is_no_operation_is_refused",
        "an_unknown_condition_is_refused",
    ),
    "A statement takes 65,535 parameters.": ("twenty_thousand_puts_travel_in_one_batch",),
    "Namespaces are sorted as text.": ("the_order_is_that_of_tuples_not_of_text",),
    "Truncation to nothing is NULL, which is then split.": ("max_depth_truncates[0]",),
    "jsonb prints large floats without point or exponent.": cases(
        "a_float_is_kept_exactly",
        "1e+16",
        "-1e+16",
        "9.223372036854776e+18",
        "-9.223372036854776e+18",
        "1.8446744073709552e+19",
        "-1.8446744073709552e+19",
        "1e+22",
        "1e+23",
        "1e+300",
        "-1e+300",
        "1.7976931348623157e+308",
    ),
    "Pages are cut from an order that is not total.": (
        *cases("pages_are_disjoint_and_complete", "1", "7", "10"),
        "the_limit_counts_items_that_pass_the_filter",
    ),
    "Minutes are kept whole, so a read sets the expiry by a rounded time.": (
        "an_item_is_there_until_it_expires",
        "a_get_moves_the_expiry_on",
        "a_search_moves_the_expiry_on",
        "a_read_may_ask_for_what_the_store_leaves_out",
    ),
    "An expired item that was not swept is updated.": ("an_expired_item_counts_as_absent",),
    "A TTL is not checked.": ("a_ttl_that_is_no_time_is_refused",),
}

ASYNC_POSTGRES: Reasons = {
    "Keys are not made text.": ("a_key_of_another_type_is_its_text_or_refused[*]",),
    "What was coalesced with a bad operation fails with it.": cases(
        "one_bad_operation_fails_alone",
        "NaN",
        "NUL in a value",
        "lone surrogate in a value",
        "function",
        "NUL in a key",
        "very long key",
    ),
    "It belongs to the event loop that it was made in.": (
        "a_store_serves_several_event_loops",
        "an_abandoned_call_disturbs_no_other",
        "a_blocking_call_works_where_a_loop_runs",
    ),
}
