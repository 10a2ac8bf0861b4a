"""Losses of embeddings that should lie near those of the same class."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from ...core import register
from ...core.typing import Array, Num, PyTree
from ._base import SUM_OVER_BATCH_SIZE, FunctionLoss
from ._frozen import DTypeSpec
from ._inputs import MODULE, loss_function, widen


@loss_function(labels=True, by_row=False)
def circle(
    y_true: Num[Array, "batch ..."],
    y_pred: Num[Array, "batch ..."],
    ref_labels: Num[Array, " others"] | None = None,
    ref_embeddings: Num[Array, "others features"] | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> jax.Array:
    r"""Embeddings of one label should be nearer to each other than to others, by a margin.

    $\operatorname{softplus}(\log\sum_p e^{-\gamma (m + d)(m - d)} + \log\sum_n e^{\gamma (1 + m - d)_+ (1 - m - d)})$.

    $d = \max(1 - \hat y \cdot r, 0)$ is the cosine distance to each reference embedding $r$, $p$ runs over the
    references of the same label and $n$ over the others. A sample without either costs 0.

    Args:
        y_true: integer labels `(batch,)`.
        y_pred: embeddings `(batch, d)` of length 1.
        ref_labels: labels `(references,)` to compare with; the batch's own by default.
        ref_embeddings: their embeddings `(references, d)`.
        remove_diagonal: whether a sample is not compared with the reference of the same number, itself.
        gamma: the scale.
        margin: the margin $m$.

    Returns:
        `(batch,)`.

    >>> circle(jnp.array([0, 0]), jnp.array([[1.0, 0.0], [1.0, 0.0]]), jnp.array([0, 1]), jnp.eye(2), gamma=1).round(4)
    Array([0.    , 0.5459], dtype=float32)

    Reference: Sun et al., Circle Loss, arXiv:2002.10857.
    """
    embeddings = y_pred if ref_embeddings is None else widen(ref_embeddings).astype(y_pred.dtype)
    ref_labels = y_true if ref_labels is None else ref_labels
    labels, others = (jnp.asarray(y).astype(jnp.int32).reshape(-1) for y in (y_true, ref_labels))
    distance = jnp.maximum(1 - jnp.einsum("id,jd->ij", y_pred, embeddings), 0)
    same = labels[:, None] == others[None, :]
    positive = same & ~jnp.eye(labels.size, others.size, dtype=bool) if remove_diagonal else same
    near = _log_sum_exp(-gamma * (margin + distance) * (margin - distance), positive)
    far = _log_sum_exp(gamma * jnp.maximum(1 + margin - distance, 0) * (1 - margin - distance), ~same)
    both = positive.any(axis=1) & ~same.all(axis=1)
    return jnp.where(both, jax.nn.softplus(jnp.where(both, near + far, 0)), 0)


def _log_sum_exp(x: jax.Array, where: jax.Array) -> jax.Array:
    """Over the chosen entries of each row; 0 where there are none, so that gradients stay finite."""
    some = where.any(axis=1, keepdims=True)
    return jax.nn.logsumexp(jnp.where(where | ~some, jnp.where(some, x, 0), -jnp.inf), axis=1)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class Circle(FunctionLoss):
    """The circle loss of a batch of embeddings, compared with each other; see `circle`.

    Args:
        gamma, margin, remove_diagonal: see the function.
        reduction, name, dtype: see `Loss`; samples that cost 0 are left out of a mean.

    >>> labels, embeddings = jnp.array([0, 0, 1]), jnp.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    >>> Circle(gamma=1.0)(labels, embeddings).round(4)
    Array(1.4497, dtype=float32)

    Reference: https://keras.io/api/losses/
    """

    gamma: float = 80.0
    margin: float = 0.4
    remove_diagonal: bool = True
    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "circle"
    dtype: DTypeSpec = None

    _function = staticmethod(circle)

    def values_and_mask(self, y_true: PyTree, y_pred: PyTree) -> tuple[jax.Array, jax.Array | None]:
        values = self.call(y_true, y_pred)
        return values, values > 0

    @property
    def by_row(self) -> bool:
        return False  # each sample is compared with the others
