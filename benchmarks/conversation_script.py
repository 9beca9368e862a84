"""What the people of the made-up conversations tell, and how it is told; see `conversation`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from string import Formatter
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["fact", "when", "several", "meaning", "number"]

CORPUS = json.loads((Path(__file__).parent / "data" / "conversation.json").read_text("utf-8"))
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
    """What a speaker wrote in a thread at a time (UTC); `text` has 4 to some 50 words."""

    id: str
    thread: str
    speaker: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something to tell: what it is about, and the words for it."""

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
        """Whether the turn gives that away."""
        return slot in slots_of(self.fact.template)


def shared_out(rng: Random, people: Sequence[str]) -> list[list[Fact]]:
    """The facts of each thread; a person's are spread over both threads that person is in."""
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
    """People have passions and lesser interests, and never tell twice of the same thing."""
    for topic in rng.sample(range(len(TOPICS)), 5):
        slots = TOPICS[topic].slots
        for thing in rng.sample(slots["thing"], rng.choice((2, 3, 4, 8, 8))):
            words = {"ago": rng.choice(COMMON["ago"]), "place": _place(rng), "who": _who(rng)}
            words |= {name: rng.choice(choices) for name, choices in slots.items()}
            words["thing"], _, words["alias"] = thing.partition("|")
            yield Fact(person, "fact", topic, rng.choice(TOPICS[topic].told), words)


def _place(rng: Random) -> str:
    """A town that many know, or one of some hundred places that are named once or twice."""
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
    """Writes one thread: sessions of some facts each, with the talk around them."""

    rng: Random
    thread: str
    pair: tuple[str, str]
    turns: list[Turn]
    told: list[Told]
    at: datetime = field(init=False)
    count: int = 0

    def write(self, facts: Sequence[Fact]) -> None:
        """All sessions: some days or weeks lie between one and the next."""
        day = self.rng.randrange(120)
        while facts:
            size = self.rng.choice((2, 3, 3, 4))
            minutes = self.rng.randrange(8 * 60, 22 * 60)
            self.at = _BEGINNING + timedelta(days=day, minutes=minutes)
            self.session(facts[:size])
            facts = facts[size:]
            day += self.rng.randrange(5, 60)

    def session(self, facts: Sequence[Fact]) -> None:
        """One conversation, from hello to bye."""
        for speaker in self.rng.sample(self.pair, 2):
            self.chat(speaker, self.rng.choice(LINES["hello"]))
        for fact in facts:
            if self.rng.random() < 0.25:
                self.small_talk()
            self.tell(fact)
        for speaker in self.rng.sample(self.pair, 2):
            self.say(speaker, self.rng.choice(LINES["bye"]))

    def small_talk(self) -> None:
        """A question that nobody will remember, and its answer."""
        first, second = self.rng.sample(self.pair, 2)
        question, answers = self.rng.choice(CORPUS["small_talk"])
        self.chat(first, question)
        self.chat(second, self.rng.choice(answers))

    def tell(self, fact: Fact) -> None:
        """The turn that will be asked for, and what the other makes of it."""
        opener, tail = self.perhaps(LINES["openers"], 0.8), self.perhaps(LINES["tails"], 0.75)
        body = filled(fact.template, fact.slots)
        turn = self.say(fact.person, f"{opener} {body} {tail}".strip())
        self.told.append(Told(fact, turn))
        other = self.other(fact.person)
        self.chat(other, self.echo(fact))
        if fact.kind == "fact":
            self.discuss(fact)

    def discuss(self, fact: Fact) -> None:
        """Some turns on the subject: what friends say about all of its kind, and about this."""
        topic = TOPICS[fact.topic]
        lines = self.rng.sample(topic.chat, self.rng.choice((0, 1, 1, 2)))
        lines += self.rng.sample(topic.theme, self.rng.choice((1, 2, 2, 3, 4)))
        self.rng.shuffle(lines)
        for number, line in enumerate(lines):
            speaker = fact.person if number % 2 else self.other(fact.person)
            self.chat(speaker, filled(line, {**fact.slots, "you": self.other(speaker)}))

    def echo(self, fact: Fact) -> str:
        """Half of the time it repeats what it was about, as people do: another look-alike."""
        if fact.kind == "fact" and self.rng.random() < 0.6:
            return self.rng.choice(LINES["echoes"]).replace("{thing}", fact.slots["thing"])
        return self.rng.choice(LINES["replies"])

    def chat(self, speaker: str, text: str) -> None:
        """A turn that answers nothing; often with a second thought."""
        self.say(speaker, f"{text} {self.perhaps(LINES['added'], 0.6)}".strip())

    def perhaps(self, choices: Sequence[str], share: float) -> str:
        """One of the choices in that share of calls, else nothing."""
        return self.rng.choice(choices) if self.rng.random() < share else ""

    def other(self, person: str) -> str:
        """Who the person writes to."""
        return self.pair[1] if person == self.pair[0] else self.pair[0]

    def say(self, speaker: str, text: str) -> Turn:
        """Adds a turn some minutes after the last."""
        text = text.replace("{you}", self.other(speaker))
        turn = Turn(f"{self.thread}-{self.count:03}", self.thread, speaker, self.at, text)
        self.turns.append(turn)
        self.count += 1
        self.at += timedelta(minutes=self.rng.randrange(1, 4))
        return turn
