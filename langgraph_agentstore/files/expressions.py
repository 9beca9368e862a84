r"""Regular expressions in linear time: the syntax of Python's `re`, run by RE2.

`re` backtracks: for thirty letters, `(a+)+$` takes too long to wait for, and no other thread runs
meanwhile. RE2 (github.com/google/re2) looks at each character once. Syntax that RE2 lacks is
refused: look-around, back-references, possessive quantifiers, verbose patterns. Syntax with
another meaning in RE2 is translated: `\w`, `\d` and `\s` are Unicode classes, `\Z` is the end of
the text. `\b` and classes such as `[\W]` only know ASCII letters.

If RE2 is not installed, `regex` runs the pattern within a `MatchingBudget`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any, Final

from .._support.optional import imported
from ..errors import InvalidOperationError, MissingExtraError
from .patterns import MatchingBudget

_WITHIN_CLASS: Final = {
    r"\w": r"\p{L}\p{N}_",
    r"\d": r"\p{Nd}",
    r"\s": r"\t\n\x0b\f\r\x1c-\x1f \x{85}\p{Z}",
}
_OUTSIDE: Final = {
    **{name: f"[{chars}]" for name, chars in _WITHIN_CLASS.items()},
    **{name.upper(): f"[^{chars}]" for name, chars in _WITHIN_CLASS.items()},
    r"\Z": r"\z",
}
_RE_TOKEN: Final = re.compile(
    r"\\u(?P<short>[0-9a-fA-F]{4})|\\U(?P<long>[0-9a-fA-F]{8})|\\.|\{,(?=\d+\})|\[\^?\]?|\]|.",
    re.DOTALL,
)

FoundIn = Callable[[str], bool]
"""Returns whether a line matches; raises MatchingTimeoutError when the time is up."""


def compiled(pattern: str) -> FoundIn:
    """Compile an expression.

    Raises:
        InvalidOperationError: the expression is invalid, too long, or has syntax that RE2 lacks.
        MissingExtraError: neither RE2 nor `regex` is installed.
    """
    budget = MatchingBudget(pattern)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # Nested sets stay text.
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidOperationError(str(error)) from None
    try:
        re2 = imported("re2", "files")
    except MissingExtraError:
        return _bounded(pattern, budget)
    return _linear(re2, pattern, budget)


def _linear(re2: Any, pattern: str, budget: MatchingBudget) -> FoundIn:
    options = re2.Options()
    options.log_errors = False
    try:
        expression = re2.compile(translated(pattern), options)
    except (re2.error, UnicodeEncodeError) as error:
        said = error.args[0] if error.args else error
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise InvalidOperationError(
            f"{reason} (look-around, back-references and verbose patterns are not supported)"
        ) from None
    return lambda line: budget.spend(lambda _: expression.search(line) is not None)


def _bounded(pattern: str, budget: MatchingBudget) -> FoundIn:
    regex = imported("regex", "files")
    try:
        expression = regex.compile(pattern)
    except regex.error as error:
        raise InvalidOperationError(str(error)) from None
    return lambda line: budget.spend(lambda s: expression.search(line, timeout=s) is not None)


def translated(pattern: str) -> str:
    """Translate an expression of `re` to one with the same meaning in RE2."""
    parts: list[str] = []
    in_class = False
    for token in _RE_TOKEN.finditer(pattern):
        text = token[0]
        code = token["short"] or token["long"]
        if code:
            parts.append(rf"\x{{{code}}}")
        elif in_class:
            in_class = text != "]"
            parts.append(_within_class(text))
        else:
            in_class = text.startswith("[")
            parts.append(_opening(text) if in_class else _outside(text))
    return "".join(parts)


def _outside(text: str) -> str:
    return "{0," if text == "{," else _OUTSIDE.get(text, text)


def _opening(text: str) -> str:
    """Translate the start of a class; a bracket directly after it belongs to the class."""
    return text[:-1] + r"\]" if text.endswith("]") else text


def _within_class(text: str) -> str:
    if text == r"\b":
        return r"\x08"
    # RE2 would read `[:alpha:]` as a named class.
    return (
        text.replace("[", r"\[").replace("]", r"\]")
        if text[0] == "["
        else (_WITHIN_CLASS.get(text, text))
    )


_TOO_MUCH = re.compile(r"[|(\[{]|\\[A-Za-z0-9]")
_PART = re.compile(r"[.^$][*?+]*|\\?(?P<char>.)(?P<times>[*?+]*)", re.DOTALL)


def literal_of(pattern: str) -> str:
    """Return the longest literal that every match contains; "" if none is known.

    Patterns with groups, alternatives, classes, counts or special escapes give "".
    """
    if _TOO_MUCH.search(pattern):
        return ""
    runs = [""]
    for token in _PART.finditer(pattern):
        char, times = token["char"], token["times"]
        if char is None:
            runs.append("")
        elif not times:
            runs[-1] += char
        else:  # "ab*c" has "a" and "c"; "ab+c" has "ab" and "c".
            runs[-1] += char if times[0] == "+" else ""
            runs.append("")
    return max(runs, key=len)
