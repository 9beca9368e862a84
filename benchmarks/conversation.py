"""A made-up conversational memory: what friends told each other, and questions about it.

Thirty people, each of whom writes to two others for about a year. It is built like LoCoMo, a
published benchmark of long-term conversational memory (Maharana et al., "Evaluating Very Long-Term
Conversational Memory of LLM Agents", ACL 2024), and as large: short turns with small talk around
what matters, partners who repeat what they were told, and many events of the same sort that differ
in person, thing, place or day.

Questions are phrased apart from the turns. Of a question's words, the name and stop words left out,
.45 stand in a turn that answers it, and three of ten such pairs share none; in LoCoMo it is about
half (counted by hand over 44 questions). What a made-up corpus lacks is the wealth of words of real
talk: it has 1,300 stems. Other seeds make other corpora of the same sort.

Everything follows from the seed; nothing is downloaded and nobody in it is real.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from .conversation_script import (
    CORPUS,
    TOPICS,
    Kind,
    Script,
    Told,
    Turn,
    filled,
    shared_out,
    slots_of,
)

__all__ = ["MIX", "Kind", "Question", "Turn", "conversation"]

MIX: Mapping[Kind, int] = {"fact": 200, "when": 80, "several": 60, "meaning": 32, "number": 28}
"""How many questions of a kind are asked. The shares are near LoCoMo's (single-hop 55 %, temporal
21 %, multi-hop 18 %, open 6 %), with more that share no words with the answer, and with numbers.
"""

_MOST_ANSWERS = 4
"""Of a question of kind "several"."""


@dataclass(frozen=True, slots=True)
class Question:
    """`answers`: ids of the turns that answer it, one or a few, in the order of their ids.

    Kinds: "fact" names a person and what it is about, "when" asks for a day or names one,
    "several" needs more than one turn, "meaning" shares no rare word with its answer, "number"
    names an identifier or asks for one.
    """

    text: str
    kind: Kind
    answers: tuple[str, ...]


def conversation(seed: int = 7, mix: Mapping[Kind, int] = MIX) -> tuple[list[Turn], list[Question]]:
    """Some 5,800 turns in 30 threads, by thread and time, and the questions of the mix."""
    rng = Random(seed)
    told: list[Told] = []
    turns: list[Turn] = []
    people = rng.sample(CORPUS["people"], len(CORPUS["people"]))
    memories = shared_out(rng, people)
    for number, person in enumerate(people):
        partner = people[(number + 1) % len(people)]
        script = Script(rng, f"thread-{number:02}", (person, partner), turns, told)
        script.write(memories[number])
    return turns, _questions(rng, told, mix)


_DATES = ("{0.day} {0:%B %Y}", "{0:%B} {0.day}, {0.year}")


def _questions(rng: Random, told: Sequence[Told], mix: Mapping[Kind, int]) -> list[Question]:
    """As many of each kind as the mix says, as far as there are; no text twice."""
    asked = {
        "fact": _asked_facts,
        "when": _asked_when,
        "several": _asked_all,
        "meaning": _asked_meanings,
        "number": _asked_numbers,
    }
    found: list[Question] = []
    for kind, count in mix.items():
        possible = {question.text: question for question in asked[kind](rng, told)}
        found += rng.sample(list(possible.values()), min(count, len(possible)))
    return found


def _asked_facts(rng: Random, told: Sequence[Told]) -> Iterator[Question]:
    for one in _of(told, "fact"):
        topic = TOPICS[one.fact.topic]
        ways = [text for slot, text in topic.asked if one.has(slot) and _answerable(text, one)]
        if ways:
            way = rng.choice(ways)
            yield _question(way, "fact", rng, [one, *_others(told, one, way)])


def _asked_when(rng: Random, told: Sequence[Told]) -> Iterator[Question]:
    """Three of four ask for the day; the others name the day of the conversation."""
    for one in _of(told, "fact"):
        topic = TOPICS[one.fact.topic]
        ways, same = (topic.asked_when, [one])
        if rng.random() < 0.25:
            ways, same = topic.asked_on, [t for t in told if _same_day(one, t)]
        yield _question(rng.choice(ways), "when", rng, same)


def _asked_all(rng: Random, told: Sequence[Told]) -> Iterator[Question]:
    groups: dict[tuple[str, int], list[Told]] = defaultdict(list)
    for one in _of(told, "fact"):
        groups[one.fact.person, one.fact.topic].append(one)
    for (_, topic), group in groups.items():
        if len(group) <= _MOST_ANSWERS:
            yield _question(rng.choice(TOPICS[topic].asked_all), "several", rng, group)


def _asked_meanings(rng: Random, told: Sequence[Told]) -> Iterator[Question]:
    for one in _of(told, "meaning"):
        yield _question(CORPUS["traits"][one.fact.topic][1], "meaning", rng, [one])


def _asked_numbers(rng: Random, told: Sequence[Told]) -> Iterator[Question]:
    for one in _of(told, "number"):
        yield _question(rng.choice(CORPUS["numbers"][one.fact.topic][1]), "number", rng, [one])


def _question(way: str, kind: Kind, rng: Random, told: Sequence[Told]) -> Question:
    """Two of five call the thing by its other name, if it has one."""
    fact, at = told[0].fact, told[0].turn.at
    words = {**fact.slots, "name": fact.person, "date": rng.choice(_DATES).format(at)}
    words["who"] = words.get("who", "").replace("my ", f"{fact.person}'s ")
    if "alias" in words and rng.random() < 0.4:
        words["thing"] = words["alias"] or words["thing"]
    answers = tuple(sorted(one.turn.id for one in told))
    return Question(filled(way, words), kind, answers)


def _of(told: Sequence[Told], kind: Kind) -> Iterator[Told]:
    return (one for one in told if one.fact.kind == kind)


def _same_day(one: Told, other: Told) -> bool:
    """Whether both tell of one sort of event, by one person, in one conversation."""
    return _alike(one, other) and one.turn.at.date() == other.turn.at.date()


def _alike(one: Told, other: Told) -> bool:
    first, second = one.fact, other.fact
    return (first.person, first.kind, first.topic) == (second.person, second.kind, second.topic)


def _answerable(way: str, one: Told) -> bool:
    """Whether the turn says all that the question takes for granted."""
    return all(one.has(slot) for slot in slots_of(way) - {"name"})


def _others(told: Sequence[Told], one: Told, way: str) -> list[Told]:
    """What else answers: the same person was twice in one place, say."""
    given = slots_of(way) - {"name"}
    return [
        other
        for other in told
        if other is not one
        and _alike(one, other)
        and _answerable(way, other)
        and all(other.fact.slots[slot] == one.fact.slots[slot] for slot in given)
    ]
