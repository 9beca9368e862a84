"""Conversations and questions in one form, from whatever file.

`read_corpus` reads the form of `data/*.json`, and two forms in which public sets are published:
LoCoMo's (a list of conversations with sessions and questions) and LongMemEval's (a list of
questions, each with its own history). Fields that are not used here may be absent.

Our own form:

    {"name": "…", "conversations": [{
        "id": "…", "speakers": ["…"],
        "sessions": [{"id": "s1", "at": "2024-05-01T18:00:00+00:00", "turns": [
            {"id": "s1:1", "speaker": "Mira", "role": "person", "text": "…"}]}],
        "questions": [{"text": "…", "kind": "fact", "gold": ["s1:1"], "asked_at": null}]}]}

Roles: "person" among people; "user" and "assistant" in chats with an assistant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal, TypeAlias

from langgraph_agentstore.conversations import Turn, new_turn

from . import code_talk, generated

Role: TypeAlias = Literal["person", "user", "assistant"]

DATA = Path(__file__).parent / "data"

LOCOMO_KINDS = {1: "several", 2: "when", 3: "meaning", 4: "fact"}
"""Kinds of LoCoMo's categories; 5 has questions that the conversation does not answer."""

_BETWEEN = timedelta(seconds=20)
"""Time between two utterances of a session whose beginning alone is known."""

_EVIDENCE = re.compile(r"D\d+:\d+")


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words of a speaker, in a session, at a time (UTC)."""

    id: str
    session: str
    at: datetime
    speaker: str
    text: str
    role: Role = "person"


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the ids of the utterances that answer it.

    `group`: questions of one group depend on each other, which intervals take into account.
    """

    text: str
    kind: str
    gold: tuple[str, ...]
    group: str
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A turn as memory stores it: one utterance, or a user's and the assistant's answer."""

    utterances: tuple[Utterance, ...]

    @property
    def session(self) -> str:
        """The session in which it was said."""
        return self.utterances[0].session

    @property
    def ids(self) -> frozenset[str]:
        """The ids of its utterances."""
        return frozenset(one.id for one in self.utterances)

    def turn(self) -> Turn:
        """Return the turn to save. A person's words are behind the person's name."""
        said = {one.role: one for one in self.utterances}
        first = self.utterances[0]
        query, response = (said[role].text if role in said else "" for role in _CHAT)
        if first.role == "person":
            query = f"{first.speaker}: {first.text}"
        return new_turn(first.session, query, response, at=first.at)


_CHAT: tuple[Role, Role] = ("user", "assistant")


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything that one user's memory holds, and what is asked about it."""

    id: str
    utterances: tuple[Utterance, ...]
    questions: tuple[Question, ...]

    def passages(self) -> list[Passage]:
        """Return the turns by session and time."""
        passages: list[Passage] = []
        for one in sorted(self.utterances, key=lambda one: (one.session, one.at)):
            if one.role == "assistant" and passages and _awaits(passages[-1], one):
                passages[-1] = Passage((*passages[-1].utterances, one))
            else:
                passages.append(Passage((one,)))
        return passages


def _awaits(passage: Passage, answer: Utterance) -> bool:
    """Return whether a passage is a question to which this can be the answer."""
    return passage.session == answer.session and [one.role for one in passage.utterances] == [
        "user"
    ]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Conversations of one kind."""

    name: str
    conversations: tuple[Conversation, ...] = field(repr=False)

    def pooled(self) -> Corpus:
        """Return the corpus with all conversations in one memory."""
        utterances = [
            replace(one, id=f"{each.id}/{one.id}", session=f"{each.id}.{one.session}")
            for each in self.conversations
            for one in each.utterances
        ]
        questions = [
            replace(one, gold=tuple(f"{each.id}/{id}" for id in one.gold))
            for each in self.conversations
            for one in each.questions
        ]
        pool = Conversation("pool", tuple(utterances), tuple(questions))
        return Corpus(f"{self.name}, pooled", (pool,))


def generated_corpus(seeds: Sequence[int]) -> Corpus:
    """Return generated talk, one memory for each seed; see `generated.py`."""
    return Corpus("generated talk", tuple(map(_generated, seeds)))


def _generated(seed: int) -> Conversation:
    turns, questions = generated.conversation(seed)
    said = [Utterance(one.id, one.thread, one.at, one.speaker, one.text) for one in turns]
    asked = [
        # The thread is two people's: questions about others are independent.
        Question(one.text, one.kind, one.answers, f"{seed} {one.answers[0].rpartition('-')[0]}")
        for one in questions
    ]
    return Conversation(f"seed-{seed}", tuple(said), tuple(asked))


def code_corpus(seeds: Sequence[int]) -> Corpus:
    """Return generated chats about code, one memory for each seed; see `code_talk.py`."""
    return Corpus("chats about code", tuple(map(_about_code, seeds)))


def _about_code(seed: int) -> Conversation:
    chats, questions = code_talk.chats(seed)
    said = [
        Utterance(f"{one.id}:{role}", one.thread, one.at, role, text, role)
        for one in chats
        for role, text in zip(_CHAT, (one.asked, one.answered), strict=True)
    ]
    asked = [
        Question(one.text, one.kind, (f"{one.answer}:user",), f"{seed} {one.answer}")
        for one in questions
    ]
    return Conversation(f"code-{seed}", tuple(said), tuple(asked))


def read_corpus(path: Path) -> Corpus:
    """Read a corpus; its form is recognized by its fields.

    Raises:
        ValueError: the file is in none of the known forms.
    """
    content = json.loads(path.read_text("utf-8"))
    if isinstance(content, dict) and "conversations" in content:
        return Corpus(content["name"], tuple(map(_own, content["conversations"])))
    first = content[0] if isinstance(content, list) and content else {}
    for field_name, read in (("qa", _locomo), ("haystack_sessions", _long_mem_eval)):
        if field_name in first:
            return Corpus(path.stem, tuple(map(read, content)))
    raise ValueError(
        f"{path.name} is no corpus: expected an object with 'conversations', or a list of objects "
        "with 'qa' or 'haystack_sessions'; see benchmarks/memory/corpora.py"
    )


def _own(given: Mapping[str, Any]) -> Conversation:
    utterances = [
        Utterance(turn["id"], session["id"], at, turn["speaker"], turn["text"], turn["role"])
        for session in given["sessions"]
        for turn, at in _timed(session["turns"], datetime.fromisoformat(session["at"]))
    ]
    questions = [
        Question(one["text"], one["kind"], tuple(one["gold"]), given["id"], _asked_at(one))
        for one in given["questions"]
    ]
    return _checked(Conversation(given["id"], tuple(utterances), tuple(questions)))


def _asked_at(question: Mapping[str, Any]) -> datetime | None:
    at = question.get("asked_at")
    return None if at is None else datetime.fromisoformat(at)


def _checked(conversation: Conversation) -> Conversation:
    known = {one.id for one in conversation.utterances}
    for question in conversation.questions:
        if not question.gold or not known.issuperset(question.gold):
            raise ValueError(
                f"conversation {conversation.id!r}: the gold of {question.text!r} must be ids of "
                f"utterances, not {question.gold!r}"
            )
    return conversation


def _timed(
    turns: Sequence[Mapping[str, Any]], beginning: datetime
) -> Iterator[tuple[Mapping[str, Any], datetime]]:
    for number, turn in enumerate(turns):
        yield turn, beginning + number * _BETWEEN


def _locomo(sample: Mapping[str, Any]) -> Conversation:
    told, sample_id = sample["conversation"], str(sample["sample_id"])
    utterances = []
    for name in sorted((name for name in told if re.fullmatch(r"session_\d+", name)), key=_number):
        beginning = _date(told[f"{name}_date_time"], "%I:%M %p on %d %B, %Y")
        for turn, at in _timed(told[name], beginning):
            caption = f" [photo: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            text = f"{turn['text']}{caption}"
            utterances.append(Utterance(turn["dia_id"], name, at, turn["speaker"], text))
    known = {one.id for one in utterances}
    questions = []
    for one in sample["qa"]:
        gold = dict.fromkeys(_EVIDENCE.findall(" ".join(one.get("evidence") or ())))
        kind, answers = LOCOMO_KINDS.get(one["category"]), tuple(known.intersection(gold))
        if kind is not None and answers:
            questions.append(Question(one["question"], kind, tuple(sorted(answers)), sample_id))
    return Conversation(sample_id, tuple(utterances), tuple(questions))


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])


def _long_mem_eval(sample: Mapping[str, Any]) -> Conversation:
    """Return the history of one question; without a turn that answers, nothing is asked."""
    utterances, gold = [], []
    sessions = zip(
        sample["haystack_session_ids"],
        sample["haystack_dates"],
        sample["haystack_sessions"],
        strict=True,
    )
    for number, (session_id, date, turns) in enumerate(sessions):
        session = f"{number:03}-{session_id}"
        for nth, (turn, at) in enumerate(_timed(turns, _date(date, "%Y/%m/%d (%a) %H:%M"))):
            id, role = f"{session}:{nth}", turn["role"]
            utterances.append(Utterance(id, session, at, role, turn["content"], role))
            if turn.get("has_answer"):
                gold.append(id)
    asked_at = _date(sample["question_date"], "%Y/%m/%d (%a) %H:%M")
    name, kind = str(sample["question_id"]), sample["question_type"]
    question = Question(sample["question"], kind, tuple(gold), name, asked_at)
    return Conversation(name, tuple(utterances), (question,) if gold else ())


def _date(text: str, form: str) -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=timezone.utc)
