"""A live Keras layer or model inside an fkeras model: its own `call`, on variables that go in and come out."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import NoReturn

import jax
import jax.numpy as jnp
from flax import linen

from ...core import NON_TRAINABLE, Layer, Model, Parameters, escape_key, explain, field
from ...core.typing import Array, Config, PyTree
from ._library import LiveObject, as_arrays, keras_library
from ._parameters import GuestParameters, parameters_of_live
from ._weight_names import named_variables, seed_states


class Live:
    """A Keras layer and what was read of it, once: a value that is equal to itself alone.

    Attributes:
        layer: the layer; nothing here changes it.
        weights: its variables by name, without seeds.
        trains: the names of those that train.
        start: what they were, as copies, which a training in Keras cannot take away.
        seeds: the states of its seed generators, and
        seeds_start: what they were.
        takes: what its `call` takes.
    """

    def __init__(self, layer: LiveObject) -> None:
        keras = keras_library("fk.from_keras")
        self.layer = layer
        self.weights: dict[str, LiveObject] = named_variables(keras, layer)
        self.trains = frozenset(name for name, v in self.weights.items() if v.trainable)
        self.start: dict[str, Array] = {name: jnp.array(v.value, copy=True) for name, v in self.weights.items()}
        self.seeds: list[LiveObject] = list(seed_states(layer).values())
        self.seeds_start: list[Array] = [jnp.array(v.value, copy=True) for v in self.seeds]
        self.takes: GuestParameters = parameters_of_live(layer)

    def __copy__(self) -> Live:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Live:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            explain(
                f"{self.layer.name!r} is a live Keras layer, which is not pickled.",
                received=f"a {type(self.layer).__name__} of {type(self.layer).__module__}",
                usually="a model of fk.from_keras is sent to another process.",
                write='fk.to_keras(model, variables).save("model.keras"), and fk.from_keras of it over there',
            )
        )

    def __repr__(self) -> str:
        return f"<{type(self.layer).__name__} {self.layer.name!r}>"


def call_live(
    guest: Layer, live: Live, args: tuple[PyTree, ...], training: PyTree, kwargs: dict[str, PyTree]
) -> PyTree:
    """Run a live layer on the variables that its guest is bound to.

    Args:
        guest: the layer of fkeras, bound.
        live: the layer of Keras.
        args: what it is called with.
        training: whether the call trains; `None` where nobody said.
        kwargs: further arguments; `mask` among them where its first argument has one.

    Returns:
        What Keras's call returns.
    """
    keras = keras_library("fk.from_keras")
    held = {name: _weight(guest, live, name, variable) for name, variable in live.weights.items()}
    mapping = [(live.weights[n], h.value if n not in live.trains else h) for n, h in held.items()]
    mapping += zip(live.seeds, _seeds(guest, live, training), strict=True)
    mask = kwargs.pop("mask", None)
    if mask is not None and "mask" in live.takes.own:
        kwargs["mask"] = mask
    if training is not None and live.takes.is_layer:
        kwargs["training"] = bool(training)
    # a variable that Keras makes in here stays without a value, where it would get one of this trace
    with keras.StatelessScope(mapping, collect_losses=True, initialize_variables=False) as scope:
        given = {name: scope.get_current_value(v) for name, v in live.weights.items() if name not in live.trains}
        if mask is not None and "mask" not in live.takes.own and args:
            args = (attached(keras, args[0], mask), *args[1:])
        outputs = as_arrays(keras, live.layer(*args, **kwargs))
        losses = list(live.layer.losses) if live.takes.is_layer else []
    _check_made_nothing(live)
    penalties = sum(v.regularizer is not None for v in live.layer.trainable_weights) if live.takes.is_layer else 0
    for loss in losses[: len(losses) - penalties]:  # those of weights come last, and `add_weight` has added them
        guest.add_loss(loss)
    for name, value in given.items():
        new = scope.get_current_value(live.weights[name])
        if new is not value:
            held[name].assign(new)
    return outputs


def _check_made_nothing(live: Live) -> None:
    """Refuse a call in which Keras made variables: their values would be no part of the guest's."""
    if live.takes.is_layer and len(live.layer.variables) != len(live.weights) + len(live.seeds):
        known = {id(v) for v in (*live.weights.values(), *live.seeds)}
        made = [v.path for v in live.layer.variables if id(v) not in known]
        raise ValueError(
            explain(
                f"{type(live.layer).__name__} {live.layer.name!r} made variables in its call: it was not wholly built.",
                received=", ".join(made[:5]),
                usually="a part of it that runs only while it trains, or a layer that was added after fk.from_keras.",
                write="keras_model(x[:1], training=True)   # before fk.from_keras",
            )
        )


def _weight(guest: Layer, live: Live, name: str, variable: LiveObject) -> PyTree:
    """A variable's value among the guest's variables; at the beginning, what it was in Keras."""
    trains = name in live.trains
    return guest.add_weight(
        shape=tuple(variable.shape),
        initializer=functools.partial(_started, live, name),
        dtype=variable.dtype,
        trainable=trains,
        autocast=False,  # Keras's own scope casts
        regularizer=variable.regularizer if trains else None,
        constraint=variable.constraint if trains else None,
        name=name,
        overwrite_with_gradient=trains and bool(getattr(variable, "overwrite_with_gradient", False)),
    )


def _started(live: Live, name: str, *_: PyTree) -> Array:
    return live.start[name]


def _seeds(guest: Layer, live: Live, training: PyTree) -> list[Array]:
    """States for the seed generators: from the call's key; without one, in inference, those that Keras had."""
    if not live.seeds:
        return []
    if not training and not guest.has_rng("dropout"):
        return live.seeds_start
    keys = jax.random.split(guest.make_rng("dropout"), len(live.seeds))
    return [jax.random.bits(key, (2,), jnp.uint32).astype(v.dtype) for key, v in zip(keys, live.seeds, strict=True)]


def attached(keras: ModuleType, inputs: PyTree, mask: PyTree) -> PyTree:
    """An input with its mask attached to it, where Keras's layers look for one."""

    class Attach(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, mask: PyTree) -> None:
            super().__init__(name="attach")
            self.supports_masking, self.given, self.autocast = True, mask, False

        def call(self, inputs: PyTree) -> PyTree:
            return inputs

        def compute_mask(self, inputs: PyTree, previous_mask: PyTree = None) -> PyTree:
            return self.given

    return Attach(mask)(jax.tree.map(lambda x: x + jnp.zeros((), x.dtype), inputs))


def _parameters(guest: Layer) -> Parameters:
    live: Live = guest.live  # type: ignore[attr-defined]
    return live.takes.parameters


class _Guest(Layer, kw_only=True):
    """What a layer and a model that are Keras's have in common."""

    live: Live = field()

    autocast = False  # Keras casts what it is given

    @linen.nowrap
    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        layer = self.live.layer
        if not getattr(layer, "supports_masking", False):
            return None
        return layer.compute_mask(inputs, mask)

    @property
    def supports_masking(self) -> bool:  # type: ignore[override]
        return bool(getattr(self.live.layer, "supports_masking", False))

    @property
    def _keras_order(self) -> tuple[str, ...]:
        """Its weights in Keras's order."""
        kinds = {name: "params" if name in self.live.trains else NON_TRAINABLE for name in self.live.weights}
        return tuple(f"{kind}/{escape_key(name)}" for name, kind in kinds.items())

    @linen.compact
    def call(self, *args: PyTree, training: PyTree = None, **kwargs: PyTree) -> PyTree:
        return call_live(self, self.live, args, training, kwargs)

    def get_config(self) -> Config:
        raise TypeError(
            explain(
                f"{self.path_text()} is a live layer of Keras, which has no config here.",
                received=repr(self.live),
                usually="the model came from fk.from_keras and goes into a directory, or is written as JSON.",
                write='model.save("model.keras", variables)   # which Keras writes; '
                'weights alone: model.save_weights("name", variables)',
            )
        )


class KerasLayer(_Guest):
    """A live layer of Keras as a layer of an fkeras graph; `fk.from_keras` makes it.

    Its `call` is Keras's own, run on variables that go in and come out: those that train are in `params`, the others in
    `non_trainable`, each under the attributes that lead to it (`attention.query.kernel`). What it draws follows from
    the key of the call (`rngs={"dropout": key}`); in inference without a key its seeds are those that Keras had when
    the guest was made. It works under `jit`, `grad` and `vmap`.

    The guest holds the Keras layer itself. It is equal to a guest of the same reading of that layer alone, and its hash
    says so; copies hold the same one, and a pickle is refused in words. `init` returns the values that the layer had
    when it became a guest. It is not changed by anything that runs here; what Keras does to its weights later does not
    reach the guest. Its code does: a layer that is rewritten after it became a guest is no frozen value.

    Args:
        live: the layer, built.
    """

    _call_parameters = property(_parameters)  # type: ignore[assignment] # in a class without a `call`, which would say


class KerasModel(_Guest, Model):
    """A live model of Keras without a graph, a subclass of `keras.Model`, as an fkeras model; see `KerasLayer`."""

    live: Live = field()
    _call_parameters = property(_parameters)  # type: ignore[assignment]
