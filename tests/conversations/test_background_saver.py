"""Which turns the background saver tries next."""

from __future__ import annotations

from langgraph.store.memory import InMemoryStore

from langgraph_agentstore.conversations import ConversationMemory, new_turn
from langgraph_agentstore.conversations.background_saver import (
    LONGEST_PAUSE_OF_A_TURN_S,
    RETRIED_AT_ONCE,
    BackgroundSaver,
    _Attempts,
    _Waiting,
)

TURN_STORE = ConversationMemory(InMemoryStore(), "ann")._turn_store


def waiting(*, failed_s: float | None = None, pause_s: float = 0.05) -> _Waiting:
    """A turn that was not tried yet, or that failed at that moment of the machine's clock."""
    one = _Waiting(TURN_STORE, new_turn("t", "q", "r"))
    if failed_s is not None:
        one.attempts = _Attempts(LONGEST_PAUSE_OF_A_TURN_S, pause_s, failed_s)
    return one


def test_turns_that_were_not_tried_come_before_those_that_failed() -> None:
    saver = BackgroundSaver()
    failed, new = [waiting(failed_s=0.0) for _ in range(600)], waiting()
    saver._waiting = [*failed, new]
    assert saver._next_batch() == [new]
    saver._waiting = failed
    assert saver._next_batch() == failed[:RETRIED_AT_ONCE]


def test_pauses_of_a_turn_that_fails_grow_to_a_minute() -> None:
    attempts = _Attempts(LONGEST_PAUSE_OF_A_TURN_S)
    assert attempts.left_s(hurried=False) == 0
    for _ in range(20):
        attempts.fail()
    assert 59 < attempts.left_s(hurried=False) <= 60
    assert attempts.left_s(hurried=True) <= 0.05
