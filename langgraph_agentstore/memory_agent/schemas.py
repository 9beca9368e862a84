"""The models that data must fit, and schemas for what agents most often remember."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from ..errors import ConfigurationError
from .stored_values import is_collection

Model: TypeAlias = type[BaseModel]
Validator: TypeAlias = "Model | Mapping[str, Model]"


class UserProfile(BaseModel):
    """A user. Additional fields are allowed."""

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
    """A conversation with its messages, oldest first."""

    model_config = ConfigDict(extra="allow")

    messages: list[Message]
    title: str | None = None
    timestamp: datetime | None = None


class Validation:
    """Models by key or collection; a single model applies to every key."""

    def __init__(self, validator: Validator | None) -> None:
        models = validator if isinstance(validator, Mapping) else {"": validator}
        self._adapters = {
            _checked_data(name, model): (_adapter(model), _adapter(list[model]))  # type: ignore[valid-type]
            for name, model in models.items()
            if model is not None
        }

    def check(self, key: str, data: Any) -> None:
        """Raise pydantic's ValidationError for data that do not fit; check lists by element.

        Data are stored unchanged, not as the model would convert them. The error shows no data,
        since part of them may be decrypted.
        """
        name = self._name_for(key)
        if name is None:
            return
        one, many = self._adapters[name]
        try:
            (many if isinstance(data, list) else one).validate_python(data)
        except ValidationError as error:
            raise _without_data(error) from None

    def _name_for(self, key: str) -> str | None:
        """Return the key itself, else its longest collection, else the general model's name."""
        if key in self._adapters:
            return key
        within = [n for n in self._adapters if (not n or is_collection(n)) and key.startswith(n)]
        return max(within, key=len, default=None)


def _without_data(error: ValidationError) -> ValidationError:
    """Return the same error without the given data."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError(each["type"], _message(each)),
            loc=each["loc"],
            input=None,
        )
        for each in error.errors(include_url=False, include_input=False)
    ]
    return ValidationError.from_exception_data(error.title, details, hide_input=True)


def _message(said: ErrorDetails) -> str:
    # This message of pydantic alone quotes the given data.
    quotes = said["type"] == "union_tag_invalid"
    return "Input has a tag that is none of the expected ones" if quotes else said["msg"]


def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _checked_data(name: object, model: object) -> str:
    if isinstance(name, str) and isinstance(model, type) and issubclass(model, BaseModel):
        return name
    raise ConfigurationError(
        f"validator is a pydantic model, or maps keys such as 'settings' and collections such as "
        f"'users/' to models; got {model!r} for {name!r}"
    )
