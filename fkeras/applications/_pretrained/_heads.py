"""What a public `config.json` says of a model's head: its architecture, and how many classes it has."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ...core import explain
from ...core.typing import JSON


def architecture_in(fields: Mapping[str, Any], default: str) -> str:
    """The first of the `architectures`.

    Raises:
        ValueError: something that is no list of names.

    >>> architecture_in({"architectures": ["BertForMaskedLM"]}, "BertModel")
    'BertForMaskedLM'
    """
    names = fields.get("architectures")
    if not names:
        return default
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            explain(
                "The architectures of a config.json are a list of names.",
                received=f"architectures={names!r:.80}",
                write=f'"architectures": ["{default}"]',
            )
        )
    first: str = names[0]
    return first


def labels_in(fields: Mapping[str, Any]) -> int:
    """How many classes: those that have names, or `num_labels`; two by default.

    Raises:
        ValueError: neither names nor a number.

    >>> labels_in({"id2label": {"0": "cat", "1": "dog", "2": "owl"}})
    3
    """
    names, number = fields.get("id2label"), fields.get("num_labels")
    count = len(names) if isinstance(names, dict) else number
    if count is None and names is None:
        return 2
    if type(count) is not int or count < 1:
        raise ValueError(
            explain(
                "A config.json names its classes, or says how many there are.",
                received=f"id2label={names!r:.80}, num_labels={number!r:.80}",
                write='"id2label": {"0": "cat", "1": "dog"}',
            )
        )
    return count


def labels_of(count: int, said: Mapping[str, JSON]) -> dict[str, JSON]:
    """The fields that name so many classes.

    Args:
        count: how many classes.
        said: fields of a config that was read; where it names as many, they keep their names, else they have numbers.

    Returns:
        `id2label` and `label2id`.

    >>> labels_of(1, {})
    {'id2label': {'0': 'LABEL_0'}, 'label2id': {'LABEL_0': 0}}
    >>> labels_of(2, {"id2label": {"0": "cat", "1": "dog"}})["label2id"]
    {'cat': 0, 'dog': 1}
    """
    names = said.get("id2label")
    if isinstance(names, dict) and len(names) == count and all(i.isdigit() for i in names):
        numbers: JSON = {str(name): int(i) for i, name in names.items()}
        return {"id2label": names, "label2id": said.get("label2id") or numbers}
    return {
        "id2label": {str(i): f"LABEL_{i}" for i in range(count)},
        "label2id": {f"LABEL_{i}": i for i in range(count)},
    }


def check_heads(owner: str, size: int, heads: int) -> None:
    """Refuse heads of attention that do not divide the vectors.

    Raises:
        ValueError: they do not.
    """
    sizes = type(size) is int and type(heads) is int
    if not sizes or heads < 1 or size < 1 or size % heads:
        raise ValueError(
            explain(
                f"{owner}: num_attention_heads divides hidden_size, and both are positive.",
                received=f"hidden_size={size!r:.40}, num_attention_heads={heads!r:.40}",
                write="hidden_size=768, num_attention_heads=12",
            )
        )


def check_public(owner: str, config: Any, names: Sequence[str]) -> None:
    """Refuse to write a config with fields that a public one does not have.

    Args:
        owner: the config's class.
        config: the config.
        names: those fields, each of which is as a public model has it where it has its default.

    Raises:
        ValueError: naming those that are others.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    own = {name: getattr(config, name) for name in names if getattr(config, name) != defaults[name]}
    if own:
        raise ValueError(
            explain(
                f"A public config.json has no place for what this {owner} says.",
                received=", ".join(f"{name}={value!r}" for name, value in own.items()),
                usually="a model of KerasHub's, with a part of its own.",
                write='model.save("model.keras", variables)',
            )
        )
