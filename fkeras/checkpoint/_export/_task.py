"""What every export has in hand: a model as a function of arrays, and what that function gives, to compare with."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain, path_name, walk
from .._orbax import _directory
from ._signature import Signature, plain, unique, word


@dataclasses.dataclass(frozen=True)
class Task:
    """A model to export.

    Attributes:
        model, variables: the model.
        signature: what the program takes.
    """

    model: Any
    variables: Any
    signature: Signature

    @property
    def weights(self) -> dict[str, Any]:
        """The variables by path; keys of PRNG arrays as their raw data."""
        return _directory.flatten(dict(self.variables))

    def with_weights(self, weights: Any) -> Any:
        """The variables with other arrays, by path."""

        def one(path: Any, leaf: Any) -> Any:
            found = weights[path_name(path)]
            is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
            return jax.random.wrap_key_data(found, impl=str(jax.random.key_impl(leaf))) if is_key else found

        return jax.tree_util.tree_map_with_path(one, dict(self.variables))

    def apply(self, variables: Any, leaves: Any) -> list[Any]:
        """The model's outputs, in order, for its inputs in order."""
        return jax.tree.leaves(self.model.apply(variables, self.signature.pack(leaves)))

    def run(self, *leaves: Any) -> tuple[Any, ...]:
        """The same with the variables inside: a function of the inputs alone."""
        return tuple(self.apply(self.variables, leaves))

    @functools.cached_property
    def outputs(self) -> Any:
        """The outputs as `jax.ShapeDtypeStruct`s, in dicts, lists and tuples."""
        return plain(jax.eval_shape(lambda x: self.model.apply(self.variables, x), self.example))

    @functools.cached_property
    def example(self) -> Any:
        """A random batch of three."""
        return self.signature.pack(self.signature.random(self.run, 3))

    @property
    def output_names(self) -> list[str]:
        """A name for each output: a dict's keys, or the layers that make them."""
        found = jax.tree_util.tree_leaves_with_path(self.outputs)
        names = getattr(self.model, "output_names", [])
        if len(names) != len(found):
            keys = [jax.tree_util.keystr(path, simple=True, separator="_") for path, _ in found]
            names = [f"output_{k}" if not k or k[0].isdigit() else k for k in keys]
        return unique([word(n) for n in names])


def check(task: Task, run: Callable[[list[np.ndarray]], Any], what: str) -> None:
    """Compare what was written with the model, on a random batch.

    Args:
        task: the model.
        run: the inputs in order to the outputs in order, by what is on the disk.
        what: how messages call it.

    Raises:
        RuntimeError: an output of another shape, or one too far from the model's.
    """
    leaves = jax.tree.leaves(task.example)
    wanted = [np.asarray(a) for a in jax.jit(task.run)(*leaves)]
    found = [np.asarray(a) for a in run(leaves)]
    bound = tolerance(task.model)
    for name, want, got in zip(task.output_names, wanted, found, strict=True):
        if got.shape != want.shape:
            raise _differs(what, name, f"shape {got.shape}, and the model gives {want.shape}")
        off = distance(want, got)
        if not off <= bound:
            raise _differs(what, name, f"max |difference| {off:.3g}, and the bound is {bound:.0e}")


def distance(want: Any, got: Any) -> float:
    """`max |got - want| / max(1, max |want|)`; NaNs equal NaNs and infinities themselves, else it is infinite."""
    want, got = (np.asarray(a).astype("float64") for a in (want, got))
    same = (want == got) | (np.isnan(want) & np.isnan(got))
    if same.all():
        return 0.0
    off = np.abs(got - want)[~same].max()
    scale = np.abs(want[np.isfinite(want)]).max(initial=1.0)
    return float(off / scale) if np.isfinite(off) else float("inf")


def tolerance(model: Any) -> float:
    """How far two compilers' results of one model may be from each other.

    1e-5 is some ulps of float32 sums in another order. Where a layer computes in a half type it is some ulps of
    that, and where inputs are rounded to a grid one of them may fall to the other side: both about 0.02.
    """
    for _, layer in walk(model):
        rounds = getattr(layer._weights_as, "activation", None) is not None
        if rounds or str(layer.compute_dtype) in ("bfloat16", "float16"):
            return 2e-2
    return 1e-5


def _differs(what: str, name: str, how: str) -> RuntimeError:
    return RuntimeError(
        explain(
            f"The {what} program that was written does not compute what the model does, so it is not kept.",
            received=f"output {name!r}: {how}",
            usually="an operation that the format computes in another way.",
            write="another format; or verify=False, and a comparison of your own",
        )
    )
