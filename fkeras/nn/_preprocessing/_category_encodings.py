"""Numbers as categories: one-hot, multi-hot and counted encodings, and bins."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from ...core import Layer, explain, field, register
from ...core.typing import JSON, Array, ArrayLike, Config, CustomObjects, DTypeLike, Float, Int, Num, PyTree
from .. import _arguments as arg
from ._adapt_data import batches_of
from ._host_work import no_sparse


def output_mode(*modes: str) -> Callable[[str], str]:
    """A converter for `output_mode`; `binary` and `tf-idf` are old spellings."""
    check = arg.one_of("output_mode", *modes)
    return lambda value: check({"binary": "multi_hot", "tf-idf": "tf_idf"}.get(value, value))


def encode(
    x: Int[Array, "batch ..."], mode: str, depth: int, dtype: DTypeLike, weights: Num[Array, "batch ..."] | None = None
) -> Num[Array, "batch ..."]:
    """Indices as they are, or as rows of `depth` numbers; an index outside `[0, depth)` gives zeros.

    Args:
        x: integers.
        mode: `"int"`, `"one_hot"`, or over the second axis `"multi_hot"` or `"count"`.
        depth: how many categories there are.
        dtype: the result's dtype.
        weights: what each entry counts, for `"count"`.

    Returns:
        The indices, or an axis of `depth` numbers in place of the axis that is counted over, or at the end.
    """
    if mode == "int":
        return x.astype(dtype)
    x = x[None] if x.ndim == 0 else x
    if mode == "one_hot":
        x = x.reshape(x.shape[:-1]) if x.ndim > 1 and x.shape[-1] == 1 else x
        return _rows(x, depth).astype(dtype)
    axis = 1 if x.ndim > 1 else 0
    rows = _rows(x, depth).astype(dtype if weights is None else weights.dtype)
    if mode == "multi_hot":
        return jnp.max(rows, axis=axis)
    return jnp.sum(rows if weights is None else rows * weights[..., None], axis=axis).astype(dtype)


def _rows(x: Int[Array, ...], depth: int) -> Float[Array, "... depth"]:
    """One-hot rows, made in float32: onnxruntime makes them in few other dtypes."""
    return jax.nn.one_hot(x, depth, dtype=jnp.float32)


@register("keras.layers")
class CategoryEncoding(Layer):
    """Integers as rows of `num_tokens` numbers.

    Args:
        num_tokens: how many categories there are; inputs are in `[0, num_tokens)`.
        output_mode: `"one_hot"`, one row for each number; over each example `"multi_hot"`, a 1 for every category that
            occurs, or `"count"`.
        sparse: accepted for Keras's sake; JAX arrays are dense.

    Call arguments: `inputs`; `count_weights`, what each number counts, for `"count"`.

    Raises:
        ValueError: no number of tokens, another mode, or weights in a mode that does not count.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.CategoryEncoding(4, output_mode="count")(jnp.array([[0, 1], [3, 3]])).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0]]

    Reference: https://keras.io/api/layers/preprocessing_layers/categorical/category_encoding/
    """

    num_tokens: int = arg.positive("num_tokens")
    output_mode: str = field("multi_hot", convert=output_mode("multi_hot", "one_hot", "count"))
    sparse: bool = field(False, convert=no_sparse)

    def call(
        self, inputs: Num[ArrayLike, "batch ..."], count_weights: Num[ArrayLike, "batch ..."] | None = None
    ) -> Num[Array, "batch ..."]:
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(
                    explain(
                        f"{self.path_text()} does not count, so count_weights mean nothing.",
                        received=f"output_mode={self.output_mode!r}",
                        write='CategoryEncoding(..., output_mode="count")',
                    )
                )
            count_weights = jnp.asarray(count_weights, self.compute_dtype)
        x = jnp.asarray(inputs).astype(jnp.int32)
        return encode(x, self.output_mode, self.num_tokens, self.compute_dtype, count_weights)

    def get_config(self) -> Config:
        return {k: v for k, v in super().get_config().items() if k != "sparse"}


def _floats(value: Sequence[float] | np.ndarray | None) -> list[float] | None:
    """A converter: numbers as a list of floats."""
    return None if value is None else [float(v) for v in value]


@register("keras.layers")
class Discretization(Layer):
    """Numbers as the bins they fall into.

    Args:
        bin_boundaries: where one bin ends and the next begins.
        num_bins: how many bins `adapt` should make of the data, each with about as much of it.
        epsilon: how exact the quantiles that `adapt` finds are.
        output_mode: `"int"`, the bin's number, or `"one_hot"`, `"multi_hot"`, `"count"` as for `CategoryEncoding`.
        sparse: accepted for Keras's sake; JAX arrays are dense.

    Raises:
        ValueError: both or neither of `bin_boundaries` and `num_bins`; a call before `adapt`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.Discretization(bin_boundaries=[0.0, 1.0, 2.0])(jnp.array([-1.5, 1.0, 3.4]))
    Array([0, 2, 3], dtype=int32)

    Reference: https://keras.io/api/layers/preprocessing_layers/numerical/discretization/
    """

    _last_by_position = ("dtype", "name")
    bin_boundaries: Sequence[float] | None = field(None, convert=_floats)
    num_bins: int | None = field(None, convert=arg.counted("num_bins"))
    epsilon: float = 0.01
    output_mode: str = field("int", convert=output_mode("int", "one_hot", "multi_hot", "count"))
    sparse: bool = field(False, convert=no_sparse)
    # The boundaries that `adapt` made of its data.
    _adapted: list[float] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.bin_boundaries is None) == (self.num_bins is None):
            raise ValueError(
                explain(
                    "Discretization needs either `bin_boundaries` or `num_bins`.",
                    received=f"bin_boundaries={self.bin_boundaries}, num_bins={self.num_bins}",
                    write="Discretization(num_bins=4).adapt(data)",
                )
            )

    @property
    def boundaries(self) -> Sequence[float] | None:
        """Where the bins end: as given, or as `adapt` made them; `None` before it."""
        return self._adapted if self.bin_boundaries is None else self.bin_boundaries

    def call(self, inputs: Num[ArrayLike, "batch ..."]) -> Num[Array, "batch ..."]:
        if self.boundaries is None:
            raise ValueError(
                explain(
                    f"{self.path_text()} has no boundaries yet.",
                    received="a layer that was not adapted",
                    usually="`adapt` returns a new layer, and its result was not kept.",
                    write="layer = layer.adapt(data)",
                )
            )
        edges = jnp.asarray(self.boundaries, jnp.float32)
        bins = jnp.digitize(jnp.asarray(inputs).astype(jnp.float32), edges)
        dtype = jnp.int32 if self.output_mode == "int" else self.compute_dtype
        return encode(bins, self.output_mode, len(self.boundaries) + 1, dtype)

    def adapt(self, data: PyTree, steps: int | None = None) -> Self:
        """A new layer whose bins hold about as much of `data` each.

        Args:
            data: an array, a table of numbers, or something that yields batches (arrays, or tuples that begin
                with one).
            steps: how many batches to use.

        Returns:
            A new layer.

        Raises:
            ValueError: the boundaries were given, or there is no data.
            TypeError: what holds no numbers.
        """
        if self.num_bins is None:
            raise ValueError(
                explain(
                    "This layer has boundaries already, so there is nothing to adapt.",
                    received=f"bin_boundaries={self.bin_boundaries}",
                    write="Discretization(num_bins=4).adapt(data)",
                )
            )
        summary = np.zeros((2, 0), np.float32)
        for batch in batches_of(data, steps=steps):
            summary = _merge(_summarise(np.asarray(batch, np.float32), self.epsilon), summary, self.epsilon)
        if not summary.size:
            raise ValueError(
                explain("`adapt` was given no data.", received=type(data).__name__, write="layer = layer.adapt(x)")
            )
        edges = _compress(summary, 1.0 / self.num_bins)[0, :-1]
        return self.replace(_adapted=[float(e) for e in edges])

    @linen.nowrap
    def _learnt_config(self) -> Config:
        return {} if self._adapted is None else {"bin_boundaries": self.boundaries}

    def get_config(self) -> Config:
        config = {**super().get_config(), "bin_boundaries": self.boundaries}
        config["dtype"] = self.compute_dtype
        return {k: v for k, v in config.items() if k != "trainable"}

    @classmethod
    def from_config(cls, config: Mapping[str, JSON], custom_objects: CustomObjects | None = None) -> Self:
        own_arguments = hasattr(cls, "_user_init") and "bin_boundaries" not in inspect.signature(cls).parameters
        if own_arguments and config.get("bin_boundaries") is not None:
            layer = super().from_config({k: v for k, v in config.items() if k != "bin_boundaries"}, custom_objects)
            return layer.replace(_adapted=_floats(config["bin_boundaries"]))  # type: ignore[arg-type]
        if config.get("bin_boundaries") is not None and config.get("num_bins") is not None:  # adapted
            layer = super().from_config({**config, "bin_boundaries": None}, custom_objects)
            return layer.replace(_adapted=_floats(config["bin_boundaries"]))  # type: ignore[arg-type]
        return super().from_config(config, custom_objects)


# A summary of numbers seen so far: their quantiles, and how many numbers each stands for.
def _summarise(values: np.ndarray, epsilon: float) -> np.ndarray:
    ordered = np.sort(values.reshape(-1))
    step = max(ordered.size * epsilon, 1)
    marks = ordered[int(step - 1) :: int(step)]
    return np.stack([marks, np.full_like(marks, step)])


def _merge(first: np.ndarray, second: np.ndarray, epsilon: float) -> np.ndarray:
    both = np.concatenate([first, second], axis=1)
    return _compress(both[:, np.argsort(both[0])], epsilon)


def _compress(summary: np.ndarray, epsilon: float) -> np.ndarray:
    if summary.shape[1] * epsilon < 1:
        return summary
    wanted = epsilon + np.arange(0.0, 1.0, epsilon)
    counted = summary[1].cumsum()
    share = counted / counted[-1]
    marks, counts = np.interp(wanted, share, summary[0]), np.interp(wanted, share, counted)
    return np.stack([marks, np.diff(counts, prepend=0)]).astype(np.float32)
