"""Arrays that are given together: of one length, with rows and with numbers in them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from ...core import describe, explain
from ...core.typing import PyTree


def check_lengths(x: PyTree, y: PyTree, sample_weight: PyTree) -> None:
    """Refuse arrays that have not all the same number of rows."""
    lengths = {}
    for what, tree in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
            name = what + jax.tree_util.keystr(path)
            if isinstance(leaf, jax.core.Tracer):
                raise TypeError(
                    explain(
                        f"{name} is being traced: `fit`, `evaluate` and `predict` loop in Python over real arrays.",
                        received=describe(leaf),
                        usually="a call inside jax.jit, grad, vmap or scan.",
                        write="trainer.train_step(state, batch), trainer.eval_step or model.apply: pure functions",
                    )
                )
            _check_memory(name, leaf)
            if np.ndim(leaf) == 0:
                raise ValueError(
                    explain(
                        f"{name} is a scalar where an array of examples was expected.",
                        received=describe(leaf),
                        usually="one example, or one number for all of them.",
                        write=f"{what}=np.array([...]), with one row for each example",
                    )
                )
            lengths[name] = int(np.shape(leaf)[0])
    if len(set(lengths.values())) > 1:
        shown = [f"{k}: {v}" for k, v in lengths.items()]
        rows = isinstance(x, list) and len(x) in lengths.values() and len({np.shape(v) for v in x}) == 1
        raise ValueError(
            explain(
                "The arrays have different numbers of examples.",
                received=", ".join(shown if len(shown) <= 8 else [*shown[:6], "…", shown[-1]]),
                usually="a list of rows: a list of arrays is several inputs."
                if rows
                else "y was split or filtered apart from x.",
                write="np.stack(x)" if rows else "arrays whose first axes are equally long",
            )
        )
    if not jax.tree.leaves(x) or next(iter(lengths.values())) == 0:
        raise ValueError(
            explain(
                "There are no examples.",
                received=str(lengths) if lengths else describe(x),
                usually="an empty array or selection, or a list or dict without arrays.",
                write="x with at least one row",
            )
        )


def _check_memory(name: str, leaf: PyTree) -> None:
    """Refuse what stands for an array and has none of its numbers."""
    if isinstance(leaf, jax.ShapeDtypeStruct):
        wrong, write = "is a shape and has no numbers", "trainer.lower((x, y)), which takes shapes"
    elif isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        wrong, write = "holds random keys, which are no numbers", "seeds, np.arange(count); or jax.random.key_data(x)"
    elif isinstance(leaf, jax.Array) and leaf.is_deleted():
        wrong, write = "was deleted: its memory was given to another array", "a copy of x, made before it was donated"
    else:
        return
    raise TypeError(explain(f"{name} {wrong}.", received=f"a {type(leaf).__name__} of shape {leaf.shape}", write=write))


def check_weights(sample_weight: PyTree) -> None:
    """Refuse sample weights that would make every loss infinite or NaN.

    Raises:
        ValueError: naming the array.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(sample_weight):
        if leaf.dtype.kind == "f" and not isinstance(leaf, jax.ShapeDtypeStruct) and not _is_finite(leaf):
            raise ValueError(
                explain(
                    f"sample_weight{jax.tree_util.keystr(path)} holds weights that are infinite or NaN.",
                    received=f"{int((~np.isfinite(np.asarray(leaf))).sum())} of {leaf.size}",
                    usually="a division by the count of a class that does not occur.",
                    write="np.nan_to_num(sample_weight)",
                )
            )


def _is_finite(leaf: np.ndarray | jax.Array) -> bool:
    return bool(jax.device_get(jnp.isfinite(leaf).all()) if isinstance(leaf, jax.Array) else np.isfinite(leaf).all())
