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


def opened(path, model, example):
    """Variables, or the trees of a state, as a path gives them back."""
    if path.name.startswith("run"):
        return fk.load_trainer(path, ways.CUSTOM)[1].tree()
    if path.name.startswith("model"):
        return fk.load_model(path, ways.CUSTOM)[1]
    other = ways.drawn(model.abstract_variables(*example), 9)
    return model.load_weights(path, other, x=example[0] if example else None)


def main(folder: pathlib.Path) -> None:
    ways.table_rows(True)  # registers the functions among their arguments
    said = {}
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        wanted = ways.expected(place)
        whole = next((place / n for n in ("model.keras", "model") if (place / n).exists()), None)
        model = MODELS[place.name]() if place.name in MODELS else fk.load_model(whole, ways.CUSTOM)[0]
        for path in sorted(p for p in place.iterdir() if ways.is_saved(p)):
            example = () if getattr(model, "graph", None) is not None else (ways.X,)
            try:
                like = wanted["state" if path.name.startswith("run") else "variables"]
                said[f"{place.name}/{path.name}"] = difference(opened(path, model, example), like)
            except Exception:
                said[f"{place.name}/{path.name}"] = traceback.format_exc(limit=2)[-1500:]
    print(json.dumps(said))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
