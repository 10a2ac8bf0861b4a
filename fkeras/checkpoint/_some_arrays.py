"""Reading some arrays of a checkpoint directory, without a model."""

from __future__ import annotations

from collections.abc import Sequence

from ..core import NAMED_CONTAINERS, nest, to_read
from ..core.typing import FilePath, PyTree
from ._files._report import chosen_paths
from ._files._suffixes import check_is_directory
from ._orbax._manifest import read_manifest
from ._orbax._numbered import last_of
from ._orbax._read_arrays import read_arrays
from ._orbax._saved_trees import kinds_in


def load_arrays(directory: FilePath, paths: Sequence[str] | str = ".*") -> dict[str, PyTree]:
    """Some arrays of an Orbax directory, without a model to compare them with; no others are read.

    Args:
        directory: what `model.save`, `model.save_weights`, `trainer.save` or `fit(checkpoint=...)` wrote.
        paths: regular expressions of whole paths, `"params/body/.*"` or `"opt_state/.*"`; all by default.

    Returns:
        Nested dicts of arrays, and lists where all of one is read; random keys as their raw data.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a pattern that matches nothing, or a damaged array.

    >>> import fkeras as fk, jax, tempfile
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)]).compile("adam", "mse")
    >>> with tempfile.TemporaryDirectory() as place:
    ...     trainer.save(f"{place}/run", trainer.init(0))
    ...     found = fk.checkpoint.load_arrays(f"{place}/run", "params/.*kernel")
    >>> jax.tree.map(lambda a: a.shape, found)
    {'params': {'dense': {'kernel': (3, 2)}}}
    """
    directory = to_read(directory, "fk.checkpoint.load_arrays")
    check_is_directory(directory)
    place = last_of(directory)
    manifest = read_manifest(place, ("weights", "model", "trainer"))
    patterns = (paths,) if isinstance(paths, str) else tuple(paths)
    wanted = chosen_paths(patterns, list(manifest["arrays"]), "paths")
    arrays = read_arrays(place, manifest, wanted)
    kinds = {at: kind for at, kind in kinds_in(manifest).items() if kind in NAMED_CONTAINERS}
    return nest(arrays, kinds)
