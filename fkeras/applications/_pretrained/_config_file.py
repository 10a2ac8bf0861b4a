"""The public `config.json` of a family: which of its fields are read, which change no number, and which are refused."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import warnings
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from ...core import MOST_BYTES, explain, read_json
from ...core.typing import JSON, FilePath

Config = TypeVar("Config")

FILE = "config.json"
# What may be a model's name on a hub: `"bert-base-uncased"`, `"meta-llama/Llama-3.2-1B"`.
_OF_A_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")

#: Fields of any family that change none of its numbers: what a program shows, keeps or returns beside them.
IGNORED = frozenset(
    {
        # programs
        "_attn_implementation", "_attn_implementation_autoset", "_name_or_path", "architectures", "auto_map",
        "chunk_size_feed_forward", "dtype", "gradient_checkpointing", "keys_to_ignore_at_inference", "model_type",
        "name", "output_attentions", "output_hidden_states", "output_past", "return_dict", "torch_dtype", "torchscript",
        "transformers_version", "use_bfloat16", "use_cache", "use_return_dict",
        # tokens and tasks
        "bos_token_id", "cls_token_id", "decoder_start_token_id", "eos_token_id", "finetuning_task",
        "forced_bos_token_id", "forced_eos_token_id", "id2label", "is_encoder_decoder", "label2id", "language",
        "mask_token_id", "max_length", "pad_token_id", "prefix", "problem_type", "pruned_heads", "sep_token_id",
        "task_specific_params", "tokenizer_class", "unk_token_id", "vocab_file",
    }
)  # fmt: skip
# Fields of any family that change numbers, and that no family here has.
_QUANTIZED = "quantization_config"
# What is said anew where a config is written: the model, its classes, and how its weights are kept.
_SAID_ANEW = ("architectures", "dtype", "model_type", "num_labels", "torch_dtype", _QUANTIZED)


def read_file(directory: FilePath) -> dict[str, Any]:
    """What a directory's `config.json` says.

    Args:
        directory: where it is.

    Returns:
        Its fields.

    Raises:
        FileNotFoundError: there is none.
        ValueError: no JSON, or no fields.
    """
    path, named = pathlib.Path(directory) / FILE, str(directory)
    if not path.is_file():
        name = named if _OF_A_HUB.fullmatch(named) else "gpt2"
        raise FileNotFoundError(
            explain(
                f"There is no file {str(path)!r}.",
                usually="a wrong directory, or a name of a hub: models are not downloaded here.",
                write=f'huggingface_hub.snapshot_download("{name}", local_dir="{name}")   # once; then '
                f'fk.applications.load_pretrained("{name}")',
            )
        )
    with path.open("rb") as file:
        said: JSON = read_json(file.read(MOST_BYTES + 1), repr(str(path)))
    if not isinstance(said, dict):
        raise ValueError(explain(f"{str(path)!r} has no fields.", received=f"{said!r:.80}"))
    return said


def write_file(directory: FilePath, fields: Mapping[str, JSON]) -> None:
    """Write a `config.json`."""
    text = json.dumps(dict(fields), indent=2, sort_keys=True) + "\n"
    (pathlib.Path(directory) / FILE).write_text(text, encoding="utf-8")


def from_fields(
    kind: type[Config],
    given: Mapping[str, Any],
    only: Mapping[str, Collection[JSON]] | None = None,
    ignored: Collection[str] = (),
    read_elsewhere: Collection[str] = (),
) -> Config:
    """A config of the fields that a family's dataclass has under their public names.

    Args:
        kind: the dataclass.
        given: the fields of a `config.json`.
        only: fields that the dataclass does not have and that would change the numbers, with the values that do not.
        ignored: fields of this family that change no number, beside `IGNORED`.
        read_elsewhere: fields that the caller reads and writes itself.

    Returns:
        The config; a field that is not given, or that is null where its default is not, has its default. Its `others`
        are the fields that it does not have itself, as they are.

    Raises:
        ValueError: fields that are not built, all of them named.

    Warns:
        UserWarning: fields that nobody here knows; they are left out.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    refused = [name for name, values in (only or {}).items() if given.get(name) not in (None, *values)]
    refused += [_QUANTIZED] * (given.get(_QUANTIZED) is not None)
    if refused:
        known = [f"{name}={values[0] if values else None!r}" for name, values in
                 ((name, tuple((only or {}).get(name, ()))) for name in refused)]  # fmt: skip
        raise ValueError(
            explain(
                f"{kind.__name__}: the config has what is not built here, and what would change the numbers.",
                received=", ".join(f"{name}={given[name]!r:.80}" for name in refused),
                usually="a model of the family with a part of its own.",
                write=", ".join(known),
            )
        )
    known_names = {*fields, *(only or {}), *ignored, *read_elsewhere, *IGNORED, _QUANTIZED}
    unknown = [name for name, value in given.items() if name not in known_names and value not in (None, False)]
    if unknown:
        warnings.warn(
            f"{kind.__name__}: the config has fields that are not known here, and that are left out: "
            + ", ".join(f"{name}={given[name]!r:.60}" for name in unknown),
            stacklevel=4,
        )
    taken = {n: given[n] for n, field in fields.items() if n in given and not (given[n] is None and field.default)}
    passed_over = {n: value for n, value in given.items() if n not in {*fields, *read_elsewhere, *_SAID_ANEW}}
    return kind(**{**taken, "others": passed_over})


def public_fields(config: Any) -> dict[str, Any]:
    """The fields of a family's config as a dict, after `others`, which a config that was read has beside."""
    fields = dataclasses.asdict(config)
    return {**fields.pop("others"), **fields}


def check_choice(owner: str, name: str, value: object, known: Collection[str]) -> None:
    """Refuse a value of a field that is none of those that are built.

    Raises:
        ValueError: naming those that are.
    """
    if not isinstance(value, str) or value not in known:
        raise ValueError(
            explain(
                f"{owner}: {name} is one of {', '.join(known)}.",
                received=f"{name}={value!r:.80}",
                usually="a model of the family with a part of its own.",
            )
        )


def check_fields(config: Any) -> None:
    """Refuse values of another kind than a config's defaults: a text where a size is meant.

    Raises:
        ValueError: all of them, by name.
    """
    owner, wrong = type(config).__name__, []
    for field in dataclasses.fields(config):
        value, kind = getattr(config, field.name), type(field.default)
        fits = isinstance(value, (int, float) if kind is float else kind)
        if kind in (int, float) and isinstance(value, bool):
            fits = False
        if kind in (int, float, bool, str) and (not fits or (kind is int and value < 1)):
            wrong.append(f"{field.name}={value!r:.40}, for one like {field.default!r}")
    if wrong:
        raise ValueError(
            explain(
                f"{owner} has fields of another kind.",
                received="; ".join(wrong),
                usually="a config.json that was edited, or an argument of another field.",
            )
        )


def check_heads(owner: str, size: int, heads: int, names: str) -> None:
    """Refuse a number of heads that does not divide the size of what they share.

    Raises:
        ValueError: naming both.
    """
    if size % heads:
        raise ValueError(
            explain(f"{owner}: {names}: the heads divide the size.", received=f"{size} and {heads}",
                    usually="a head more or less.")
        )  # fmt: skip


def check_config(kind: type, config: object) -> None:
    """Refuse something else than a family's config where its model is made.

    Raises:
        TypeError: naming the config.
    """
    if not isinstance(config, kind):
        raise TypeError(
            explain(
                f"A model of this family is made of a {kind.__name__}.",
                received=f"{config!r:.80}",
                usually="the fields of a config.json, or a directory.",
                write=f"fk.applications.{kind.__name__}(...), or fk.applications.read_config(directory)",
            )
        )
