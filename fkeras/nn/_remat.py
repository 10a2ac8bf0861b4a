"""remat: a layer whose values a backward pass computes again."""

from __future__ import annotations

from typing import TypeVar

from ..core import Layer
from ._wrappers import as_layer

LayerT = TypeVar("LayerT", bound=Layer)


def remat(layer: LayerT, policy: object = None) -> LayerT:
    """The same layer, whose values are computed again in the backward pass, and not kept from the forward pass.

    It saves memory and costs time. Variables, numbers and files are those of the layer without it; equal layers have
    equal policies. In a `Repeat` each block by itself is computed again.

    Args:
        layer: a layer or model.
        policy: what is kept, by the name of one of `jax.checkpoint_policies`: `"dots_saveable"` keeps what matrix
            multiplications return, `"dots_with_no_batch_dims_saveable"` those of them with weights,
            `"everything_saveable"` all. By default (`"nothing_saveable"`) the layer's inputs alone are kept.

    Returns:
        A layer of the same class and name; it has no recorded calls.

    Raises:
        ValueError: something that is no layer, or an unknown policy.

    >>> import fkeras as fk, jax
    >>> block = fk.Sequential([fk.nn.Dense(8, activation="tanh"), fk.nn.Dense(4)])
    >>> model = fk.Sequential([fk.Input((4,)), fk.nn.remat(block, "dots_saveable")])
    >>> jax.tree.map(lambda a: a.shape, model.init(0)["params"]["sequential"]["dense_1"])
    {'bias': (4,), 'kernel': (8, 4)}

    Reference: Chen et al., arXiv:1604.06174. https://docs.jax.dev/en/latest/gradient-checkpointing.html
    Keras has `keras.remat(function)` and `RematScope`; here it is said of a layer, or of a model's layers by path:
    `model.with_remat({"block_.*": "dots_saveable"})`.
    """
    return as_layer(layer)._with_remat(policy)  # type: ignore[return-value]
