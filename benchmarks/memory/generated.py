"""A made-up conversational memory: messages of friends, and questions about them.

Thirty people, each of whom writes to two others for about a year. It is built like LoCoMo, a
published benchmark of long-term conversational memory (Maharana et al., "Evaluating Very Long-Term
Conversational Memory of LLM Agents", ACL 2024), and as large: short turns with small talk around
what matters, partners who repeat what they were told, and many events of the same sort that differ
in person, thing, place or day.

Questions are phrased apart from the turns. Of a question's words, the name and stop words left out,
.45 stand in a turn that answers it, and three of ten such pairs share none; in LoCoMo it is about
half (counted by hand over 44 questions). A made-up corpus lacks the wealth of words of real talk:
it has 1,300 stems. Other seeds make other corpora of the same sort.

Everything follows from the seed; nothing is downloaded and nobody in it is real.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from string import Formatter
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["fact", "when", "several", "meaning", "number"]

CORPUS = json.loads((Path(__file__).parent / "generated.json").read_text("utf-8"))
"""The words of the conversations. Texts in braces are filled in; `|` parts a thing's two names.

`common`: choices for slots of every topic. `lines`: talk around the facts. `traits`: pairs of a
fact and its question. `numbers`: pairs of ways to tell and ways to ask. `small_talk`: pairs of a
line and its replies.
"""

_BEGINNING = datetime(2023, 1, 2, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Topic:
    """A sort of event; `asked` holds pairs of a slot and a question that asks for it."""

    slots: Mapping[str, Sequence[str]]
    told: Sequence[str]
    asked: Sequence[tuple[str, str]]
    asked_when: Sequence[str]
    asked_on: Sequence[str]
    asked_all: Sequence[str]
    chat: Sequence[str]
    theme: Sequence[str]


COMMON: Mapping[str, Sequence[str]] = CORPUS["common"]
LINES: Mapping[str, Sequence[str]] = CORPUS["lines"]
TOPICS = [Topic(**topic) for topic in CORPUS["topics"]]


def slots_of(template: str) -> set[str]:
    """Return the names in braces."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def filled(template: str, words: Mapping[str, str]) -> str:
    """Fill in the words; add the capitals, and "an" before a vowel."""
    text = re.sub(r"\b([Aa]) (?=[aeio]|umb|uph)", r"\1n ", template.format_map(words))
    return re.sub(r"(^|[.!?] )([a-z])", lambda found: found[1] + found[2].upper(), text)


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of a speaker in a thread at a time (UTC); `text` has 4 to some 50 words."""

    id: str
    thread: str
    speaker: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something to tell: its subject, and the words for it."""

    person: str
    kind: Kind
    topic: int
    template: str
    slots: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """A fact, and the turn in which it was told."""

    fact: Fact
    turn: Turn

    def has(self, slot: str) -> bool:
        """Tell whether the turn gives that away."""
        return slot in slots_of(self.fact.template)


def shared_out(rng: Random, people: Sequence[str]) -> list[list[Fact]]:
    """Return the facts of each thread; a person's are spread over both of that person's threads."""
    threads: list[list[Fact]] = [[] for _ in people]
    traits = rng.sample(range(len(CORPUS["traits"])), len(CORPUS["traits"]))
    for number, person in enumerate(people):
        facts = [*_events(rng, person), *_numbers(rng, person)]
        for trait in traits[number :: len(people)]:
            facts.append(Fact(person, "meaning", trait, CORPUS["traits"][trait][0], {}))
        rng.shuffle(facts)
        threads[number] += facts[::2]
        threads[number - 1] += facts[1::2]
    for facts in threads:
        rng.shuffle(facts)
    return threads


def _events(rng: Random, person: str) -> Iterator[Fact]:
    """Yield events: people have passions and lesser interests, and never tell a thing twice."""
    for topic in rng.sample(range(len(TOPICS)), 5):
        slots = TOPICS[topic].slots
        for thing in rng.sample(slots["thing"], rng.choice((2, 3, 4, 8, 8))):
            words = {"ago": rng.choice(COMMON["ago"]), "place": _place(rng), "who": _who(rng)}
            words |= {name: rng.choice(choices) for name, choices in slots.items()}
            words["thing"], _, words["alias"] = thing.partition("|")
            yield Fact(person, "fact", topic, rng.choice(TOPICS[topic].told), words)


def _place(rng: Random) -> str:
    """Draw a town that many know, or one of some hundred places that are named once or twice."""
    if rng.random() < 0.5:
        return rng.choice(COMMON["town"])
    return f"{rng.choice(COMMON['place of'])} {rng.choice(COMMON['place kind'])}"


def _who(rng: Random) -> str:
    relations, names = rng.choice((("women", "women named"), ("men", "men named")))
    relation = rng.choice(COMMON[relations])
    return f"{relation} {rng.choice(COMMON[names])}" if rng.random() < 0.5 else relation


def _numbers(rng: Random, person: str) -> Iterator[Fact]:
    for topic in rng.sample(range(len(CORPUS["numbers"])), 3):
        letters = "".join(rng.sample("ABCDEFGHKLMNPRSTUVWXYZ", 2))
        slots = {"code": f"{letters}{rng.randrange(1000, 10000)}", "place": _place(rng)}
        yield Fact(person, "number", topic, rng.choice(CORPUS["numbers"][topic][0]), slots)


@dataclass
class Script:
    """One thread in the making: sessions of some facts each, with the talk around them."""

    rng: Random
    thread: str
    pair: tuple[str, str]
    turns: list[Turn]
    told: list[Told]
    at: datetime = field(init=False)
    count: int = 0

    def write(self, facts: Sequence[Fact]) -> None:
        """Write all sessions: some days or weeks lie between one and the next."""
        day = self.rng.randrange(120)
        while facts:
            size = self.rng.choice((2, 3, 3, 4))
            minutes = self.rng.randrange(8 * 60, 22 * 60)
            self.at = _BEGINNING + timedelta(days=day, minutes=minutes)
            self.session(facts[:size])
            facts = facts[size:]
            day += self.rng.randrange(5, 60)

    def session(self, facts: Sequence[Fact]) -> None:
        """Write one conversation, from hello to bye."""
        for speaker in self.rng.sample(self.pair, 2):
            self.chat(speaker, self.rng.choice(LINES["hello"]))
        for fact in facts:
            if self.rng.random() < 0.25:
                self.small_talk()
            self.tell(fact)
        for speaker in self.rng.sample(self.pair, 2):
            self.say(speaker, self.rng.choice(LINES["bye"]))

    def small_talk(self) -> None:
        """Write a question that nobody will remember, and its answer."""
        first, second = self.rng.sample(self.pair, 2)
        question, answers = self.rng.choice(CORPUS["small_talk"])
        self.chat(first, question)
        self.chat(second, self.rng.choice(answers))

    def tell(self, fact: Fact) -> None:
        """Write the turn that will be asked for, and the reply to it."""
        opener, tail = self.perhaps(LINES["openers"], 0.8), self.perhaps(LINES["tails"], 0.75)
        body = filled(fact.template, fact.slots)
        turn = self.say(fact.person, f"{opener} {body} {tail}".strip())
        self.told.append(Told(fact, turn))
        self.chat(self.other(fact.person), self.echo(fact))
        if fact.kind == "fact":
            self.discuss(fact)

    def discuss(self, fact: Fact) -> None:
        """Write turns on the subject, about all things of its kind and about this one."""
        topic = TOPICS[fact.topic]
        lines = self.rng.sample(topic.chat, self.rng.choice((0, 1, 1, 2)))
        lines += self.rng.sample(topic.theme, self.rng.choice((1, 2, 2, 3, 4)))
        self.rng.shuffle(lines)
        for number, line in enumerate(lines):
            speaker = fact.person if number % 2 else self.other(fact.person)
            self.chat(speaker, filled(line, {**fact.slots, "you": self.other(speaker)}))

    def echo(self, fact: Fact) -> str:
        """Return a reply; half of them repeat the subject, as people do: another look-alike."""
        if fact.kind == "fact" and self.rng.random() < 0.6:
            return self.rng.choice(LINES["echoes"]).replace("{thing}", fact.slots["thing"])
        return self.rng.choice(LINES["replies"])

    def chat(self, speaker: str, text: str) -> None:
        """Write a turn that answers nothing; often with a second thought."""
        self.say(speaker, f"{text} {self.perhaps(LINES['added'], 0.6)}".strip())

    def perhaps(self, choices: Sequence[str], share: float) -> str:
        """Return one of the choices in that share of calls, else nothing."""
        return self.rng.choice(choices) if self.rng.random() < share else ""

    def other(self, person: str) -> str:
        """Return the person written to."""
        return self.pair[1] if person == self.pair[0] else self.pair[0]

    def say(self, speaker: str, text: str) -> Turn:
        """Add a turn some minutes after the last."""
        text = text.replace("{you}", self.other(speaker))
        turn = Turn(f"{self.thread}-{self.count:03}", self.thread, speaker, self.at, text)
        self.turns.append(turn)
        self.count += 1
        self.at += timedelta(minutes=self.rng.randrange(1, 4))
        return turn


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
    """Return some 5,800 turns in 30 threads, by thread and time, and the questions of the mix."""
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
    """Return as many of each kind as the mix says, as far as there are; no text twice."""
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
    """Yield questions: three of four ask for the day; the others name that of the conversation."""
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
    """Return a question; two of five call the thing by its other name, if it has one."""
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
    """Tell whether both are about one sort of event, of one person, in one conversation."""
    return _alike(one, other) and one.turn.at.date() == other.turn.at.date()


def _alike(one: Told, other: Told) -> bool:
    first, second = one.fact, other.fact
    return (first.person, first.kind, first.topic) == (second.person, second.kind, second.topic)


def _answerable(way: str, one: Told) -> bool:
    """Tell whether the turn says all that the question takes for granted."""
    return all(one.has(slot) for slot in slots_of(way) - {"name"})


def _others(told: Sequence[Told], one: Told, way: str) -> list[Told]:
    """Return what else answers: the same person was twice in one place, say."""
    given = slots_of(way) - {"name"}
    return [
        other
        for other in told
        if other is not one
        and _alike(one, other)
        and _answerable(way, other)
        and all(other.fact.slots[slot] == one.fact.slots[slot] for slot in given)
    ]
