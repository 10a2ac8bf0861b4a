"""Reading some arrays of a checkpoint directory or of Keras's weights, without a model."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import jax
from jax.sharding import Sharding

from ..core import NAMED_CONTAINERS, explain, nest, to_read
from ..core.typing import FilePath, PyTree
from ._files._report import chosen_paths
from ._files._suffixes import check_is_directory, suffix_of
from ._files._tree_arrays import ArraySpecs
from ._keras._weight_files import open_weights_at
from ._orbax._manifest import read_manifest, specs
from ._orbax._numbered import last_of
from ._orbax._read_arrays import read_arrays
from ._orbax._saved_trees import kinds_in

_NUMBERS = re.compile(r"bool|u?int\d+|b?float\d+|complex\d+")


def load_arrays(
    directory: FilePath,
    paths: Sequence[str] | str = ".*",
    *,
    shardings: Sharding | Mapping[str, Sharding] | None = None,
) -> dict[str, PyTree]:
    """Some arrays of an Orbax directory or a Keras file, without a model to compare them with; no others are read.

    Args:
        directory: what `model.save`, `model.save_weights`, `trainer.save` or `fit(checkpoint=...)` wrote; also real
            Keras's `.weights.h5`, `.weights.json` or `.keras`, whose paths are those of its datasets:
            `"layers/dense/vars/.*"`.
        paths: regular expressions of whole paths, `"params/body/.*"` or `"opt_state/.*"`; all by default.
        shardings: where the arrays are to lie: one for all, or `{regular expression of whole paths: sharding}`, of
            which the first one that fits counts. Each part is read where it will lie, and what has none on one device.

    Returns:
        Nested dicts of arrays, and lists where all of one is read; random keys as their raw data.

    Raises:
        FileNotFoundError: nothing is there.
        TypeError: something else as a sharding.
        ValueError: a pattern that matches nothing, a sharding that does not fit an array, or a damaged array.

    >>> import fkeras as fk, jax, tempfile
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)]).compile("adam", "mse")
    >>> with tempfile.TemporaryDirectory() as place:
    ...     trainer.save(f"{place}/run", trainer.init(0))
    ...     found = fk.checkpoint.load_arrays(f"{place}/run", "params/.*kernel")
    >>> jax.tree.map(lambda a: a.shape, found)
    {'params': {'dense': {'kernel': (3, 2)}}}
    """
    directory = to_read(directory, "fk.checkpoint.load_arrays")
    patterns = (paths,) if isinstance(paths, str) else tuple(paths)
    if suffix_of(directory) in (".h5", ".json", ".keras"):
        return nest(_of_keras(directory, patterns, shardings))
    check_is_directory(directory)
    place = last_of(directory)
    manifest = read_manifest(place, ("weights", "model", "trainer"))
    wanted = chosen_paths(patterns, list(manifest["arrays"]), "paths")
    arrays = read_arrays(place, manifest, wanted, _places(shardings, specs(manifest), wanted))
    kinds = {at: kind for at, kind in kinds_in(manifest).items() if kind in NAMED_CONTAINERS}
    return nest(arrays, kinds)


def _of_keras(
    filepath: FilePath, patterns: Sequence[str], shardings: Sharding | Mapping[str, Sharding] | None
) -> dict[str, jax.Array]:
    """Arrays of Keras's weights by the paths of their datasets."""
    with open_weights_at(filepath) as weights:
        wanted = chosen_paths(patterns, list(weights.specs), "paths")
        _check_numbers(weights.label, {path: weights.specs[path] for path in sorted(wanted)})
        places = _places(shardings, weights.specs, wanted)
        weights.check_room(wanted)
        return {path: jax.device_put(weights.read(path), places.get(path)) for path in sorted(wanted)}


def _check_numbers(label: str, found: ArraySpecs) -> None:
    """Refuse datasets that no array of JAX can be."""
    for path, (_, dtype) in found.items():
        if not _NUMBERS.fullmatch(dtype):
            raise ValueError(
                explain(
                    f"{path[:200]!r} in {label} holds no numbers.",
                    received=f"a dataset of dtype {dtype[:80]}",
                    usually="a file of something else than weights.",
                    write='fk.checkpoint.load_arrays(path, "layers/.*")',
                )
            )


def _places(
    shardings: Sharding | Mapping[str, Sharding] | None, found: ArraySpecs, wanted: Collection[str]
) -> dict[str, Sharding]:
    """A sharding for each path that has one, which fits the array's shape."""
    if shardings is None:
        return {}
    if not isinstance(shardings, Mapping):
        shardings = {".*": shardings}
    places: dict[str, Sharding] = {}
    for pattern in reversed(list(shardings)):  # the first one that fits counts
        fitting = chosen_paths((pattern,), list(wanted), "shardings")
        places |= dict.fromkeys(fitting, shardings[pattern])
    for path, (shape, _) in found.items():
        if path in places:
            _check_fits(path, shape, places[path])
    return places


def _check_fits(path: str, shape: tuple[int, ...], sharding: object) -> None:
    if not isinstance(sharding, Sharding):
        raise TypeError(
            explain(
                "A sharding says where an array lies.",
                received=f"{sharding!r:.80} for {path!r}",
                usually="a device, or a PartitionSpec without its mesh.",
                write="jax.sharding.SingleDeviceSharding(device), or jax.sharding.NamedSharding(mesh, spec)",
            )
        )
    try:
        sharding.shard_shape(shape)
        return
    except (IndexError, ValueError) as error:  # JAX's answer to a sharding of more axes than there are is an IndexError
        why = str(error).splitlines()[0]
    raise ValueError(
        explain(
            f"The array {path!r} cannot lie so.",
            received=f"shape {shape}, {sharding!s:.200}: {why:.300}",
            usually="an axis that the devices do not divide, or more axes than the array has.",
            write=f"shardings={{{re.escape(path)!r}: …}}, with jax.sharding.PartitionSpec() for a copy on each device",
        )
    )
