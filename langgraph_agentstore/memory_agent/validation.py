"""Which pydantic model data must fit, by its key or collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel, TypeAdapter

from ..errors import ConfigurationError
from .shapes import is_collection

Model: TypeAlias = type[BaseModel]
Validator: TypeAlias = "Model | Mapping[str, Model]"


class Validation:
    """Models by key or collection; one model alone is for every key."""

    def __init__(self, validator: Validator | None) -> None:
        models = validator if isinstance(validator, Mapping) else {"": validator}
        self._adapters = {
            _checked(name, model): (_adapter(model), _adapter(list[model]))  # type: ignore[valid-type]
            for name, model in models.items()
            if model is not None
        }

    def check(self, key: str, data: Any) -> None:
        """Raises pydantic's ValidationError for data that does not fit; lists, by their elements.

        Data is stored as it is given, not as the model would have it.
        """
        name = self._name_for(key)
        if name is not None:
            one, many = self._adapters[name]
            (many if isinstance(data, list) else one).validate_python(data)

    def _name_for(self, key: str) -> str | None:
        """The key itself, else the longest collection that it is in, else what is for all."""
        if key in self._adapters:
            return key
        within = [n for n in self._adapters if (not n or is_collection(n)) and key.startswith(n)]
        return max(within, key=len, default=None)


def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _checked(name: object, model: object) -> str:
    if isinstance(name, str) and isinstance(model, type) and issubclass(model, BaseModel):
        return name
    raise ConfigurationError(
        f"validator is a pydantic model, or maps keys such as 'settings' and collections such as "
        f"'users/' to models; got {model!r} for {name!r}"
    )
