"""Generated chats about code: many functions whose names differ in a letter, a sign or a case.

A question names one function, as people do. The turns that answer it name the same function;
others name `parse_row` where it is `parse_rows`, or tell of "parsing rows". So a search that
reads names by their stems alone takes one for the other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

_BEGINNING = datetime(2024, 3, 1, 9, tzinfo=timezone.utc)
_VERBS = ("parse", "load", "render", "merge", "validate", "index", "cache", "split", "encode")
_NOUNS = (
    "row",
    "header",
    "token",
    "user",
    "session",
    "page",
    "filter",
    "message",
    "chunk",
    "offset",
)
_FAULTS = (
    "it {verb}s the last {noun} twice when the file ends without a newline",
    "the counter is not reset between two calls, so the second {noun} is skipped",
    "it holds the lock while it waits for the network",
    "an empty list is taken for None, and the default comes back",
    "it compares bytes with text, which is never equal",
    "the timeout is given in seconds, and the client reads milliseconds",
    "the cache key lacks the tenant, so one customer sees another's {noun}",
    "the exception is swallowed by a bare except in the retry loop",
)
_CURES = (
    "I moved the check in front of the loop and added a regression test",
    "the fix was one line: copy the {noun} before it is changed",
    "we now pass the deadline down instead of a fresh timeout",
    "a context manager closes it, whatever happens",
    "it returns an iterator now, and the caller decides how many {noun}s to keep",
    "the whole branch went away once the type was narrowed",
)
_ANSWER = (
    "Let us look at it step by step. First, reproduce it with the smallest input that fails. "
    "Then read the stack trace from the bottom up, and note which values are not what you "
    "expect. In code that {verb}s {noun}s this is mostly a matter of who owns the buffer. "
    "Here is how I would write it:\n\n```python\ndef {name}(source, *, strict=False):\n"
    "    for {noun} in source:\n        if strict and not {noun}:\n            raise ValueError\n"
    "        yield {noun}\n```\n\nWith that, {told}. Run the tests once more before you merge it."
)


@dataclass(frozen=True, slots=True)
class Chat:
    """A user's message and the assistant's answer, in a thread."""

    id: str
    thread: str
    at: datetime
    asked: str
    answered: str


@dataclass(frozen=True, slots=True)
class CodeQuestion:
    """A question about one function, and the id of the chat that answers it."""

    text: str
    kind: str
    answer: str


def chats(seed: int) -> tuple[list[Chat], list[CodeQuestion]]:
    """Return the chats of one user, and questions about them."""
    chance = random.Random(seed)
    told = [
        (name, kind, subject)
        for kind in ("fault", "cure")
        for name, subject in chance.sample(list(_names()), 150)
    ]
    chance.shuffle(told)
    answers: dict[tuple[str, str], str] = {}
    made = []
    for number, (name, kind, (verb, noun)) in enumerate(told):
        chat = _chat(number, name, kind, {"verb": verb, "noun": noun}, chance)
        made.append(chat)
        answers[name, kind] = chat.id
    asked = chance.sample(sorted(answers), 150)
    return made, [_question(*one, answers[one], chance) for one in asked]


def _names() -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each function's name, its verb and its noun."""
    for verb in _VERBS:
        for noun in _NOUNS:
            for many in (noun, f"{noun}s"):
                yield f"{verb}_{many}", (verb, noun)
                yield f"{verb}{many.title()}", (verb, noun)


def _chat(number: int, name: str, kind: str, words: dict[str, str], chance: random.Random) -> Chat:
    told = chance.choice(_FAULTS if kind == "fault" else _CURES).format(**words)
    asked = (
        f"The trouble with {name} is found: {told}."
        if kind == "fault"
        else (f"Done with {name}: {told}.")
    )
    answered = _ANSWER.format(name=_another(name, chance), told=told, **words)
    at = _BEGINNING + timedelta(minutes=7 * number)
    return Chat(f"c{number}", f"day-{number // 6}", at, asked, answered)


def _another(name: str, chance: random.Random) -> str:
    """Return the name of an example: long answers name functions that were not asked about."""
    endings: Sequence[str] = ("_all", "_once", "") if "_" in name else ("All", "Once", "")
    return name.removesuffix("s") + chance.choice(endings)


def _question(name: str, kind: str, answer: str, chance: random.Random) -> CodeQuestion:
    forms = (
        ("What was wrong with {}?", "Why did {} fail?", "{} bug")
        if kind == "fault"
        else ("How did we fix {}?", "What did I change in {}?", "{} fix")
    )
    return CodeQuestion(chance.choice(forms).format(name), kind, answer)
