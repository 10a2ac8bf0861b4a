"""What hands a config's reader an object that is there already."""

from __future__ import annotations

from ...core.typing import Config, PyTree


class Made:
    """Stands in `custom_objects` for a class whose one instance exists.

    Args:
        value: the instance.
    """

    def __init__(self, value: PyTree) -> None:
        self.value = value

    def from_config(self, config: Config) -> PyTree:
        """The instance, whatever the config says."""
        return self.value


def entry_of(token: str) -> Config:
    """The record of an object that `custom_objects` has under this name."""
    return {"module": None, "class_name": token, "registered_name": token, "config": {}}
