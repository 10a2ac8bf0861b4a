"""What a family of models is: its config, its model and the table of its names."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ...core import Model, did_you_mean, explain
from ...core.typing import JSON
from ._names import Row

# Which file of `fkeras/applications` has the family of a `model_type`; its `FAMILY` is imported when it is asked for.
_FILES = {"gpt2": "gpt2", "llama": "llama", "mistral": "llama", "qwen2": "llama", "bert": "bert", "vit": "vit"}


@dataclasses.dataclass(frozen=True)
class Family:
    """A family of models.

    Attributes:
        read_config: the fields of a public `config.json` -> the family's config.
        write_config: a config -> the fields of a `config.json`.
        build: a config -> the model.
        rows: a config -> the table of the names of its weights.
        config_of: a model of the family -> its config, read off its layers.
        not_in_model: fields of a config that no layer says: `config_of` has their defaults.
        prefixes: what public names of the same weights may begin with or not: `("transformer.",)`.
        unread: a config -> patterns of whole public names of what is no weight of such a model: masks and positions
            that a program makes, and tables that are another's under a second name.
        renamed: patterns and replacements, as `re.sub` takes them, for names that files had in other years.
        with_names: a config and the names of a file's weights -> the config of the model that has them.
        left_out: patterns of whole public names of weights for another task, which are left out with a warning.
    """

    read_config: Callable[[Mapping[str, Any]], Any]
    write_config: Callable[[Any], dict[str, JSON]]
    build: Callable[[Any], Model]
    rows: Callable[[Any], Sequence[Row]]
    config_of: Callable[[Model], Any]
    unread: Callable[[Any], Sequence[str]] = lambda config: ()
    not_in_model: tuple[str, ...] = ()
    with_names: Callable[[Any, Collection[str]], Any] = lambda config, names: config
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    prefixes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def family_of(model_type: object, said_by: str = "model_type") -> Family:
    """The family of a `model_type`, as configs have it.

    Args:
        model_type: its name.
        said_by: what said so.

    Returns:
        The family.

    Raises:
        ValueError: none that is built here.
    """
    if not isinstance(model_type, str) or model_type not in _FILES:
        raise ValueError(
            explain(
                f"There is no family {str(model_type)[:80]!r} of pretrained models. {did_you_mean(model_type, _FILES)}",
                received=f"{said_by}: {model_type!r:.80}",
                usually="another architecture, a model with layers on top, or one with a name of its own.",
                write="the model that load_pretrained or fk.applications.GPT2(config) made; others: model.save_weights",
            )
        )
    family = importlib.import_module(f"fkeras.applications.{_FILES[model_type]}").FAMILY
    assert isinstance(family, Family)
    return family
