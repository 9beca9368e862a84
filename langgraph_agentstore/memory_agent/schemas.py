"""Schemas for what agents most often remember, to be given as `validator=`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class UserProfile(BaseModel):
    """Who the user is. Fields of one's own are allowed beside these."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(min_length=1)
    email: str | None = None
    language: str | None = None
    timezone: str | None = None
    preferences: dict[str, object] = Field(default_factory=dict)


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    timestamp: datetime | None = None


class Conversation(BaseModel):
    """A conversation: its messages, oldest first."""

    model_config = ConfigDict(extra="allow")

    messages: list[Message]
    title: str | None = None
    timestamp: datetime | None = None
