"""Configured: objects that are their constructor's arguments."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from ..typing import Config, CustomObjects
from ._config import call_with_config, deserialize_at, serialize
from ._config_types import check_types
from ._short_repr import arguments_repr


class Configured:
    """A frozen dataclass whose fields are its Keras config.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Scale(Configured):
    ...     factor: float = 1.0
    >>> Scale(2.0).get_config()
    {'factor': 2.0}
    >>> Scale.from_config({"factor": 3.0})
    Scale(factor=3.0)
    """

    # Keras modules in which a bare class name inside this config may be found.
    _config_modules: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__repr__" not in vars(cls):  # `dataclass` would write one, which shows every default
            cls.__repr__ = cls.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return arguments_repr(self)

    def get_config(self) -> Config:
        """The constructor's arguments as JSON values, under Keras's names."""
        return {f.name: serialize(getattr(self, f.name)) for f in dataclasses.fields(self) if f.init}  # type: ignore[arg-type]

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects | None = None) -> Any:
        """The object that `get_config` described."""
        made = {k: deserialize_at(k, v, custom_objects, cls._config_modules) for k, v in config.items()}
        check_types(cls, made)
        return call_with_config(cls, made)
