r"""Regular expressions whose time grows with the text alone: those of Python's `re`, run by RE2.

`re` tries every way to match: `(a+)+$` takes longer than anybody waits for thirty letters, and
no other thread runs meanwhile. RE2 (github.com/google/re2) looks at each character once. What it
lacks is refused: look-around, back-references, possessive quantifiers, verbose patterns. What it
means otherwise is translated: `\w`, `\d` and `\s` are Unicode's here too, `\Z` is the end. `\b`
and classes such as `[\W]` know the letters of ASCII alone.

Where RE2 is not installed, `regex` runs the pattern within the time of a `MatchingBudget`.
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
_TOKEN: Final = re.compile(
    r"\\u(?P<short>[0-9a-fA-F]{4})|\\U(?P<long>[0-9a-fA-F]{8})|\\.|\{,(?=\d+\})|\[\^?\]?|\]|.",
    re.DOTALL,
)

FoundIn = Callable[[str], bool]
"""Whether an expression is found in a line; raises MatchingTimeoutError when its time is up."""


def compiled(pattern: str) -> FoundIn:
    """Compile an expression.

    Raises:
        InvalidOperationError: it is no expression of `re`, too long, or has what RE2 lacks.
        MissingExtraError: neither RE2 nor `regex` is installed.
    """
    budget = MatchingBudget(pattern)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of sets within sets, which stay text
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
    """Rewrite an expression of `re` so that RE2 means the same."""
    parts: list[str] = []
    in_class = False
    for token in _TOKEN.finditer(pattern):
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
    """The start of a class; a bracket right behind it is a character of it."""
    return text[:-1] + r"\]" if text.endswith("]") else text


def _within_class(text: str) -> str:
    if text == r"\b":
        return r"\x08"
    # RE2 would take `[:alpha:]` for a class of its own.
    return (
        text.replace("[", r"\[").replace("]", r"\]")
        if text[0] == "["
        else (_WITHIN_CLASS.get(text, text))
    )


_TOO_MUCH = re.compile(r"[|(\[{]|\\[A-Za-z0-9]")
_PART = re.compile(r"[.^$][*?+]*|\\?(?P<char>.)(?P<times>[*?+]*)", re.DOTALL)


def literal_of(pattern: str) -> str:
    """The longest literal that every match holds, "" if none is known.

    Groups, alternatives, classes, counts and escapes with a meaning are not looked into: a
    pattern with one of them gives "".
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
        else:  # "ab*c" holds "a" and "c"; "ab+c" holds "ab" and "c"
            runs[-1] += char if times[0] == "+" else ""
            runs.append("")
    return max(runs, key=len)
