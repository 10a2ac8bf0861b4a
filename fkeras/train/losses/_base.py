"""Loss: a frozen description of what is minimised, called as a pure function of targets and predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import jax
import jax.numpy as jnp

from ...core import did_you_mean, explain, no_attribute, serialize, snake_case
from ...core.typing import ArrayLike, Config, Num, PyTree, Shaped
from ._frozen import DTypeSpec, Frozen, dtype_name, set_fields
from ._inputs import MODULE, fill_rows, rows_as_columns
from ._target_dtypes import of_cast_targets
from ._weighing import check_rows, divide_no_nan, weigh

SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
SUMS = ("sum", "none", None)  # the reductions that divide by nothing
REDUCTIONS = (SUM_OVER_BATCH_SIZE, "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss(Frozen):
    r"""The base of losses. Override `call(self, y_true, y_pred)`, which returns one value for each sample.

    `loss(y_true, y_pred, sample_weight=None, mask=None)` weights those values `l` by `w` and reduces them:

    * `"sum_over_batch_size"`, `"mean"`: $\sum w l / n$ over the $n$ values that the mask keeps,
    * `"mean_with_sample_weight"`: $\sum w l / \sum w$,
    * `"sum"`: $\sum w l$, and `"none"` or `None`: $w l$.

    A loss is frozen and hashable, holds no arrays of its own making, and can be jitted, vmapped and differentiated.

    Args:
        name: the loss's name; the class's name in snake case by default.
        reduction: one of those above.
        dtype: what predictions are cast to, float32 by default. Targets too, for a `call` of one's own, as in Keras;
            a `call` that wants integers, as labels that are indices, gets them as they came.

    Raises:
        ValueError: another reduction.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> class Cubic(fk.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)
    >>> Cubic().name, Cubic()(jnp.zeros((2, 1)), jnp.full((2, 1), 2.0))
    ('cubic', Array(8., dtype=float32))

    Reference: https://keras.io/api/losses/
    Unlike Keras, weights of shape `(batch,)` weigh samples also where each has several values (Keras refuses them, or
    spreads them along the wrong axis), and the mask is an argument, not an attribute of `y_pred`.
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = None
    dtype: DTypeSpec = None

    _config_modules = (MODULE,)
    # Arguments that Keras's own config leaves out. Written where they are not the default; Keras reads them back.
    _keras_forgets: ClassVar[tuple[str, ...]] = ("dtype",)
    # Whether `call` takes targets of any dtype. A `call` of a user's own sees them in `dtype`, as in Keras.
    _casts_targets: ClassVar[bool] = True

    def __init__(
        self, name: str | None = None, reduction: str | None = SUM_OVER_BATCH_SIZE, dtype: DTypeSpec = None
    ) -> None:
        set_fields(self, name=name, reduction=reduction, dtype=dtype)
        self.__post_init__()

    def __post_init__(self) -> None:
        if self.reduction not in REDUCTIONS:
            raise ValueError(
                explain(
                    f"{type(self).__name__} got an unknown reduction {self.reduction!r}.",
                    received=repr(self.reduction),
                    usually=did_you_mean(self.reduction, [str(r) for r in REDUCTIONS]),
                    write='reduction="sum_over_batch_size"',
                )
            )
        set_fields(self, name=self.name or snake_case(type(self).__name__), dtype=dtype_name(self.dtype))

    if not TYPE_CHECKING:  # a type checker refuses what is missing

        def __getattr__(self, name: str) -> NoReturn:
            raise no_attribute(self, ("Loss",), name)

    def call(self, y_true: PyTree, y_pred: PyTree) -> jax.Array:
        """One value for each sample.

        Raises:
            NotImplementedError: the class has no `call` of its own.
        """
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} has no `call` method.",
                usually="a subclass of Loss must say what is minimised.",
                write="def call(self, y_true, y_pred): return ...   # one value for each sample",
            )
        )

    def values_and_mask(self, y_true: PyTree, y_pred: PyTree) -> tuple[jax.Array, jax.Array | None]:
        """`call`'s values, and which of them the loss itself leaves out of the mean (`None`: none)."""
        return self.call(y_true, y_pred), None

    def __call__(
        self,
        y_true: PyTree,
        y_pred: PyTree,
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> jax.Array:
        """The weighted and reduced loss.

        Args:
            y_true: targets, an array or a pytree, any dtype.
            y_pred: predictions, likewise.
            sample_weight: a weight for each sample `(batch,)`, or for each value.
            mask: which values count, of the same shapes.

        Returns:
            A scalar, or the weighted values with `reduction="none"`.
        """
        separate_rows = not (sample_weight is None and mask is None)
        values, own_mask = self._values(y_true, y_pred, separate_rows)
        if values.ndim == 0:
            check_rows(y_pred, sample_weight, mask)
        return self._reduced(values, sample_weight, mask, own_mask)

    def _values(self, y_true: PyTree, y_pred: PyTree, separate_rows: bool) -> tuple[jax.Array, jax.Array | None]:
        """`values_and_mask` in the loss's dtype; with `separate_rows`, one value for each row."""
        dtype = self._compute_dtype
        y_true, y_pred = jax.tree.map(jnp.asarray, y_true), jax.tree.map(lambda p: jnp.asarray(p, dtype), y_pred)

        def of(y_true: PyTree) -> tuple[jax.Array, jax.Array | None]:
            targets, outputs = rows_as_columns(self._formula(), y_true, y_pred) if separate_rows else (y_true, y_pred)
            values, own_mask = self.values_and_mask(targets, outputs)
            return jnp.asarray(values, dtype), own_mask

        return of_cast_targets(of, y_true, dtype) if self._casts_targets else of(y_true)

    def _reduced(
        self, values: jax.Array, sample_weight: Num[ArrayLike, " ..."] | None, *masks: Shaped[ArrayLike, " ..."] | None
    ) -> jax.Array:
        weighted, count = weigh(values, sample_weight, masks, self.reduction == "mean_with_sample_weight")
        if self.reduction in ("none", None):
            return weighted
        total = jnp.sum(weighted)
        return total if self.reduction == "sum" else divide_no_nan(total, count)

    def _formula(self) -> Callable[..., jax.Array] | None:
        return None

    @property
    def by_row(self) -> bool:
        """Whether each sample's value depends on that sample alone; not known of a user's own loss."""
        return False

    def get_config(self) -> Config:
        """Keras's config: name, reduction and the loss's own arguments."""
        config = {"name": self.name, "reduction": self.reduction}
        fields: Any = dataclasses.fields(self) if dataclasses.is_dataclass(self) else ()
        for field in fields:
            value = getattr(self, field.name)
            default = dtype_name(None) if field.name == "dtype" else field.default
            if field.name in config or (field.name in (*self._keras_forgets, "dtype") and value == default):
                continue
            config[field.name] = serialize(value)
        return config


class FunctionLoss(Loss):
    """A loss that is one of the loss functions; its fields are the function's further arguments."""

    _function: ClassVar[Callable[..., jax.Array]]
    _casts_targets = False  # the functions do it themselves, and labels stay integers

    def call(self, y_true: PyTree, y_pred: PyTree) -> jax.Array:
        fields = (f.name for f in dataclasses.fields(self))  # type: ignore[arg-type]
        arguments = {name: getattr(self, name) for name in fields if name not in ("reduction", "name", "dtype")}
        return self._function(y_true, y_pred, **arguments)

    def _formula(self) -> Callable[..., jax.Array] | None:
        return type(self)._function

    @property
    def by_row(self) -> bool:
        axis = getattr(self, "axis", -1)
        return axis == -1 or (isinstance(axis, int) and axis > 0)


def weighted_sum_and_count(
    loss: Loss,
    y_true: PyTree,
    y_pred: PyTree,
    sample_weight: Num[ArrayLike, " ..."] | None = None,
    mask: Shaped[ArrayLike, " ..."] | None = None,
    valid: Shaped[ArrayLike, " batch"] | None = None,
) -> tuple[jax.Array, jax.Array]:
    """A batch's loss as `(numerator, denominator)`, so that batches of any size add up to the loss of the whole set.

    Args:
        loss: the loss.
        y_true, y_pred, sample_weight, mask: as for the loss.
        valid: `(batch,)` booleans; rows that are padding, whatever they hold, count in neither.

    Returns:
        Two float32 scalars. The loss is their quotient; with `reduction="sum"` or `"none"` the denominator is 0, and
        the loss is the numerator. A loss that looks at the whole batch (`Dice`, `Circle`) counts its number once a row.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> y, p, valid = jnp.zeros((3, 1)), jnp.ones((3, 1)), jnp.array([True, True, False])
    >>> fk.losses.weighted_sum_and_count(fk.losses.MeanSquaredError(), y, p, valid=valid)
    (Array(2., dtype=float32), Array(2., dtype=float32))
    """
    if valid is not None:
        valid = jnp.asarray(valid).astype(bool)
        y_true, y_pred = fill_rows(valid, (y_true, y_pred))
    values, own_mask = loss._values(y_true, y_pred, separate_rows=True)
    zero = jnp.zeros((), jnp.float32)
    if values.ndim == 0 or (isinstance(loss, FunctionLoss) and not loss.by_row):
        # one number for the whole batch; Keras's tracker weighs it by the batch's rows
        check_rows(y_pred, sample_weight, mask)
        value = jnp.sum(loss._reduced(values, sample_weight, mask, own_mask)).astype(jnp.float32)
        batch = jax.tree.leaves(y_pred)[0].shape[0]
        rows = jnp.asarray(batch, jnp.float32) if valid is None else jnp.sum(valid).astype(jnp.float32)
        return (value, zero) if loss.reduction in SUMS else (value * rows, rows)
    weighted, count = weigh(values, sample_weight, (mask, own_mask, valid), loss.reduction == "mean_with_sample_weight")
    total = jnp.sum(weighted).astype(jnp.float32)
    return total, zero if loss.reduction in SUMS else count.astype(jnp.float32)
