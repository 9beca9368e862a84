"""Keys of turns: read from the right, in the order of what was said, never the same twice."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.conversations import ConversationKey
from langgraph_agentstore.conversations.keys import in_utc, next_moment
from langgraph_agentstore.errors import InvalidKeyError, InvalidValueError, ValueTypeError

HOSTILE = st.one_of(
    st.text(alphabet="_:%.0123456789abcdef\n日é", min_size=1),
    st.text(min_size=1),
    st.builds(lambda text: f"{text}_20240101_000000_00000000", st.text()),
)
THREAD_IDS = HOSTILE.filter(lambda text: "\x00" not in text).filter(
    lambda text: text.encode(errors="replace").decode() == text
)
MOMENTS = st.datetimes(timezones=st.just(timezone.utc))


@given(THREAD_IDS, MOMENTS)
def test_a_key_that_is_read_is_the_one_that_was_written(thread: str, at: datetime) -> None:
    key = ConversationKey.new(thread, at)
    assert ConversationKey.parse(str(key)) == key
    assert (key.thread_id, key.at) == (thread, at.replace(microsecond=0))


@given(THREAD_IDS, st.lists(MOMENTS, min_size=2, unique=True))
def test_the_keys_of_a_thread_sort_as_its_turns_were_said(
    thread: str, moments: list[datetime]
) -> None:
    keys = [str(ConversationKey.new(thread, at)) for at in sorted(moments)]
    assert sorted(keys) == keys


def test_the_documented_key_is_read() -> None:
    key = ConversationKey.parse("thread-123_20241227_143000_abc12345")
    assert key == ConversationKey(
        "thread-123", datetime(2024, 12, 27, 14, 30, tzinfo=timezone.utc), "abc12345"
    )


def test_turns_of_one_moment_have_different_keys() -> None:
    at = datetime(2024, 1, 1, tzinfo=timezone.utc)
    assert len({str(ConversationKey.new("t", at)) for _ in range(4096)}) == 4096


def test_the_time_never_stands_still() -> None:
    times = [next_moment() for _ in range(1000)]
    assert sorted(set(times)) == times
    assert times[0].tzinfo is timezone.utc


def test_keys_are_in_utc_wherever_they_were_made() -> None:
    tokyo = datetime(2024, 1, 1, 8, tzinfo=timezone(timedelta(hours=9)))
    assert str(ConversationKey.new("t", tokyo)).startswith("t_20231231_230000_")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "thread",
        "_20241227_143000_abc12345",
        "t_20241327_143000_abc12345",
        "t_20241227_253000_abc12345",
        "t_20241227_143000_ABC12345",
        "t_20241227_143000_abc1234",
        "t_20241227_143000_abc12345 ",
    ],
)
def test_what_is_no_key_is_refused_with_an_example(key: str) -> None:
    with pytest.raises(InvalidKeyError, match="thread-123_20241227_143000_abc12345"):
        ConversationKey.parse(key)


@pytest.mark.parametrize(
    ("thread", "error"),
    [("", InvalidKeyError), (7, ValueTypeError), ("a\x00", InvalidValueError)],
)
def test_what_is_no_thread_id_is_refused(thread: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="thread id"):
        ConversationKey.new(thread)


def test_a_time_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueTypeError, match=r"tzinfo=timezone\.utc"):
        in_utc(datetime(2024, 1, 1))  # noqa: DTZ001
