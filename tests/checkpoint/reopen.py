"""Open what `test_every_weight.py` saved, in a process that knows nothing but the files and the classes.

`python -m tests.checkpoint.reopen FOLDER` prints, as JSON, what is wrong with each of them.
"""

from __future__ import annotations

import json
import pathlib
import sys
import traceback

import jax
import numpy as np

import fkeras as fk

from . import ways

MODELS = {"described": ways.described, "foreign": ways.foreign, "subclassed": ways.Subclassed}


def bare(tree):
    """A tree of numpy arrays; random keys as their numbers."""
    return jax.tree.map(
        lambda a: np.asarray(jax.random.key_data(a) if jax.numpy.issubdtype(a.dtype, jax.dtypes.prng_key) else a), tree
    )


def difference(found, wanted):
    """What is not the same, to the bit, in two trees; `""` when all is."""
    found, wanted = bare(found), bare(wanted)
    one, other = (
        {jax.tree_util.keystr(p): (a.dtype, a.shape, a.tobytes()) for p, a in jax.tree_util.tree_leaves_with_path(tree)}
        for tree in (found, wanted)
    )
    return ", ".join(sorted(p for p in one.keys() | other.keys() if one.get(p) != other.get(p)))


def opened(path, model):
    """A model, and its variables or the trees of its state, as a path gives them back; `model` is for bare weights."""
    if path.name.startswith("run"):
        return model, fk.load_trainer(path, ways.CUSTOM)[1].tree()
    if path.name.startswith("model"):
        return fk.load_model(path, ways.CUSTOM)
    example = () if getattr(model, "graph", None) is not None else (ways.X,)
    other = ways.drawn(model.abstract_variables(*example), 9)
    return model, model.load_weights(path, other, x=example[0] if example else None)


def main(folder: pathlib.Path) -> None:
    ways.table_rows(True)  # registers the functions among their arguments
    said = {}
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        wanted = ways.expected(place)
        written = MODELS[place.name]() if place.name in MODELS else None  # else it is one that a file here holds
        for path in sorted(p for p in place.iterdir() if ways.is_saved(p)):  # models are the first
            try:
                like = wanted["state" if path.name.startswith("run") else "variables"]
                model, tree = opened(path, written)
                written = written or model
                said[f"{place.name}/{path.name}"] = difference(tree, like)
            except Exception:
                said[f"{place.name}/{path.name}"] = traceback.format_exc(limit=2)[-1500:]
    print(json.dumps(said))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
