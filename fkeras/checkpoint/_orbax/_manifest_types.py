"""What manifests say, key by key, as types; `_manifest_fields` checks files against the same."""

from __future__ import annotations

from typing import NotRequired, TypeAlias, TypedDict

from ...core.typing import JSON, Config, PyTree
from .._files._conditions import Conditions


class ArrayRecord(TypedDict):
    """What a manifest says of an array."""

    shape: list[int]
    dtype: str
    sha256: str
    prng_impl: NotRequired[str]  # the generator of random keys, which are kept as their raw data


#: The size of a file in bytes, and its SHA-256; that is empty where the file is large.
FileNote: TypeAlias = "list[int | str]"


#: What a manifest says of a state of a class of the user's own: the class's name, and its fields as JSON.
StateRecord = TypedDict("StateRecord", {"class": str, "fields": dict[str, JSON]})


class TrainerManifest(TypedDict):
    """What a checkpoint says of a trainer.

    Attributes:
        kind: `"trainer"`.
        model: the model's config; `None` of a plain Linen module.
        compile_config: the arguments of `compile` that Keras has.
        fields: every other field, as `FieldValues` writes it.
        without_config: why a part could not be written, by its name.
        trainer_class: the name of the trainer's class, where it is one of the user's own.
        example: shapes and dtypes of the example input that the state was made from.
    """

    kind: str
    model: Config | None
    compile_config: Config
    fields: dict[str, JSON]
    without_config: dict[str, str]
    trainer_class: str | None
    example: PyTree


class Manifest(TypedDict, total=False):
    """The manifest of a checkpoint directory: every kind has the first five, and the rest is of some kinds.

    Attributes:
        format: `"fkeras"`.
        version: of the format.
        kind: `"weights"`, `"model"`, `"trainer"` or `"exported"`.
        arrays: each array's record, by path.
        containers: what is no dict of names, by path, see `container_kinds`; older manifests do not have it.
        files: the files beside the manifest; older manifests do not have it.
        state: of a trainer's state of a class of the user's own: the class and its fields.
        run: where a run is, and
        memory: what its callbacks remember, both as `RunValues` writes them.
        conditions: what the bits of a run follow from beside its arguments; older manifests do not have it.
    """

    format: str
    version: int
    kind: str
    arrays: dict[str, ArrayRecord]
    containers: dict[str, str]
    files: dict[str, FileNote]
    model: Config | None
    compile_config: Config
    fields: dict[str, JSON]
    without_config: dict[str, str]
    trainer_class: str | None
    example: PyTree
    state: StateRecord
    run: JSON
    memory: list[JSON]
    conditions: Conditions


class ArgumentRecord(TypedDict):
    """What a manifest says of an input or an output of a program."""

    name: str
    shape: list[int | str]
    dtype: str


class FileRecord(TypedDict):
    """What a manifest says of a file of a program."""

    bytes: int
    sha256: str


class ProgramManifest(TypedDict):
    """The manifest of an exported StableHLO program."""

    kind: str
    exported: str
    weights: str
    vjp_order: int
    name: str
    inputs: list[ArgumentRecord]
    outputs: list[ArgumentRecord]
    constraints: list[str]
    platforms: list[str]
    calling_convention: int
    versions: dict[str, str]
    files: dict[str, FileRecord]
    arrays: dict[str, ArrayRecord]
