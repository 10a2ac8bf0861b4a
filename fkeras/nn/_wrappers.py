"""Wrappers: layers that hold a layer and change how it is called."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import linen

from ..core import LOSSES, TRANSIENT, InputLayer, Layer, Sequential, explain, field, keeps_changes, register
from ..core.typing import Array, ArrayLike, Float, Num, PyTree, Training
from . import _arguments as arg
from . import initializers
from ._convolutional import _Conv
from ._linear import Dense
from ._normalization import BatchNormalization
from ._pooling import _GlobalPool, _Pool
from ._reshaping import Flatten
from ._sequence_masks import check_mask
from ._stochastic import Dropout


def as_layer(value: object) -> Layer:
    """A converter: the value must be a layer."""
    if not isinstance(value, Layer):
        raise ValueError(
            explain(
                "A wrapper needs a layer.",
                received=repr(value)[:80],
                usually="a class instead of its instance, or the layer was called already.",
                write="fk.nn.TimeDistributed(fk.nn.Dense(8))",
            )
        )
    return value


@register("keras.layers")
class Wrapper(Layer):
    """The base class of wrappers; the layer inside is the field `layer`.

    Args:
        layer: the layer inside.

    Raises:
        ValueError: something that is no layer.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> class Twice(fk.nn.Wrapper):
    ...     def call(self, inputs):
    ...         return self.layer(self.layer(inputs))
    >>> Twice(fk.nn.Rescaling(3.0))(jnp.ones(2))
    Array([9., 9.], dtype=float32)

    Reference: https://keras.io/api/layers/core_layers/
    """

    layer: Layer = field(convert=as_layer)

    def call(self, inputs: PyTree, training: Training | None = None) -> PyTree:
        keywords = {"training": training} if "training" in self.layer._call_parameters.names else {}
        return self.layer(inputs, **keywords)


@register("keras.layers")
class TimeDistributed(Wrapper):
    """A layer applied to every time step.

    Args:
        layer: the layer; its weights are shared by all steps.

    Input shape: `(batch, time, ...)`. Output shape: `(batch, time, ...)`.

    Raises:
        ValueError: an input of fewer than three axes.

    >>> import fkeras as fk
    >>> fk.nn.TimeDistributed(fk.nn.Conv2D(4, 3))(fk.Input((10, 8, 8, 3))).shape
    (None, 10, 6, 6, 4)

    Reference: https://keras.io/api/layers/recurrent_layers/time_distributed/
    The steps run side by side, unless the layer keeps statistics of its batches (BatchNormalization in training):
    then they run one after another, as in Keras.
    """

    supports_masking = True

    def call(
        self, inputs: Num[Array, "batch time ..."], training: Training | None = None, mask: ArrayLike | None = None
    ) -> Num[Array, "batch time ..."]:
        if inputs.ndim < 3:
            raise ValueError(
                explain(
                    f"{self.path_text()} needs an input with a batch, a time and at least one more axis.",
                    received=f"shape {tuple(inputs.shape)}",
                    write="x[..., None]",
                )
            )
        if mask is not None:  # only the batch and the steps are checked here; the layer checks the axes behind them
            mask = check_mask(self, mask, (*inputs.shape[:2], *jnp.shape(mask)[2:]), ones=False)
        collects = self.is_initializing() or self.is_mutable_collection(LOSSES)
        if not training and not collects and _treats_examples_alone(self.layer):
            return self._side_by_side(inputs)
        names = self.layer._call_parameters.names
        keywords = {"training": training} if "training" in names else {}
        masks = mask if "mask" in names else None
        steps = inputs.shape[1]

        def at(t: int) -> dict[str, PyTree]:
            return keywords if masks is None else {**keywords, "mask": masks[:, t]}

        # One bound call makes the weights and collects their losses; its output is not used.
        if collects:
            self.layer(inputs[:, 0], **at(0))
        keeps = any(self.is_mutable_collection(c) for c in self.layer.variables if c not in ("params", LOSSES))
        if keeps and training and isinstance(steps, int) and not self.is_initializing():
            return jnp.stack([self.layer(inputs[:, t], **at(t)) for t in range(steps)], axis=1)
        if training and "batch_stats" in self.layer.variables and self.layer.trains():
            keeps_changes(self.layer, "batch_stats")  # under vmap a layer cannot know what the caller said
        run = linen.vmap(
            lambda layer, x, mask: layer(x, **keywords, **({} if mask is None else {"mask": mask})),
            in_axes=(1, None if masks is None else 1),
            out_axes=1,
            variable_axes={linen.DenyList(TRANSIENT): None},
            split_rngs={"params": False, "dropout": True},
        )
        return run(self.layer, inputs, masks)

    def _side_by_side(self, inputs: Num[Array, "batch time ..."]) -> Num[Array, "batch time ..."]:
        """The steps as examples of one batch: a plain convolution or pooling, which every exported format has."""
        batch, steps, *rest = inputs.shape
        outputs = self.layer(inputs.reshape(batch * steps, *rest))
        return outputs.reshape(batch, steps, *outputs.shape[1:])


def _treats_examples_alone(layer: Layer) -> bool:
    """Whether a layer, in inference, treats each example of its batch as if it were alone."""
    if isinstance(layer, Sequential):
        return all(map(_treats_examples_alone, layer.layers))
    return isinstance(layer, InputLayer | _Pool | _GlobalPool | _Conv | Flatten | BatchNormalization | Dropout | Dense)


@register("keras.layers")
class SpectralNormalization(Wrapper):
    """A layer whose kernel is divided by its largest singular value in training.

    `kernel / sigma`, where `sigma = v W u^T` comes from `power_iterations` steps of the power method, each call
    going on from the vector `u` of the last.

    Args:
        layer: a layer with a `kernel`, or an `Embedding`.
        power_iterations: the number of steps.

    Raises:
        ValueError: a layer with neither, or no positive number of steps.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> layer = fk.nn.SpectralNormalization(fk.nn.Dense(3))
    >>> jax.tree.map(jnp.shape, layer.init(jax.random.key(0), jnp.ones((1, 2))))
    {'non_trainable': {'vector_u': (1, 3)}, 'params': {'layer': {'bias': (3,), 'kernel': (2, 3)}}}

    Reference: Miyato et al., arXiv:1802.05957. https://keras.io/api/layers/normalization_layers/spectral_normalization/
    As in Keras on JAX the stored kernel is the optimizer's: inference uses it as it is.
    """

    power_iterations: int = field(1, convert=lambda value: arg.positive_int(value, "power_iterations"))

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        return self.layer.compute_mask(inputs, mask)

    def call(self, inputs: Num[Array, "batch ..."], training: Training | None = False) -> Num[Array, "batch ..."]:
        output = self.layer(inputs)
        params = self.layer.variables.get("params", {})
        name = next((n for n in ("kernel", "embedding") if n in params), None)
        if name is None:
            raise ValueError(
                explain(
                    f"{self.path_text()} needs a layer with a kernel.",
                    received=f"{type(self.layer).__name__} with the weights {sorted(params)}",
                    write="fk.nn.SpectralNormalization(fk.nn.Dense(8))",
                )
            )
        kernel = params[name]
        vector = self.add_weight(
            (1, kernel.shape[-1]), initializers.TruncatedNormal(stddev=0.02), kernel.dtype.name, trainable=False,
            name="vector_u",
        )  # fmt: skip
        if training:
            u, normal = self._normalised(kernel, vector.value)
            empty = jnp.all(kernel == 0)  # a kernel of zeros has no direction
            vector.assign(jnp.where(empty, vector.value, u))
            normal = jnp.where(empty, kernel, normal)
            run = linen.map_variables(
                lambda layer, x: layer(x), "params", lambda tree: {**tree, "params": {**tree["params"], name: normal}}
            )
            output = run(self.layer, inputs)
        return output.astype(inputs.dtype) if jnp.issubdtype(inputs.dtype, jnp.floating) else output

    def _normalised(
        self, kernel: Float[Array, "*inputs outputs"], u: Float[Array, "1 outputs"]
    ) -> tuple[Float[Array, "1 outputs"], Float[Array, "*inputs outputs"]]:
        """The vector after some steps of the power method, and the kernel divided by its singular value."""
        weights = kernel.reshape(-1, kernel.shape[-1])
        v = u
        for _ in range(self.power_iterations):
            v = _unit(u @ weights.T)
            u = _unit(v @ weights)
        u, v = jax.lax.stop_gradient(u), jax.lax.stop_gradient(v)
        sigma = (v @ weights @ u.T)[0, 0]
        return u.astype(kernel.dtype), (kernel / sigma).astype(kernel.dtype)


def _unit(x: Float[Array, "1 size"]) -> Float[Array, "1 size"]:
    """A vector of length 1 in the same direction."""
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x)), 1e-12))
