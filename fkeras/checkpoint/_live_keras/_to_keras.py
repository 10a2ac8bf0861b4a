"""A model of fkeras with its variables, or a trainer with its state, as a live model of Keras."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import ModuleType
from typing import cast

import jax.numpy as jnp

from ...core import (
    Layer,
    compare_arrays,
    explain,
    join_path,
    named_leaves,
    nest,
    spec_of,
    split_path,
    variables_in,
    walk,
)
from ...core.typing import PyTree, VariablesLike
from ...train import Trainer, TrainState
from .._keras._written_out import unstacked, written_out
from ._compile_in_keras import compile_in_keras
from ._from_keras import Translated, translated
from ._keras_layers import KerasLayers, no_copy
from ._library import LiveObject, keras_library
from ._live_weights import Misfit, Pair, is_guest, matched, names_of_guest
from ._optimizer_slots import assign_slots
from ._trainer_from_keras import order_of
from ._weight_names import named_variables


def to_keras(
    model: Layer | Trainer, variables: VariablesLike | TrainState, *, into: LiveObject | None = None
) -> LiveObject:
    """A model and its variables as a live model of Keras 3, which predicts the same and trains on in Keras.

    Layers that Keras has become Keras's, guests of `fk.from_keras` become copies of the layers that they are, and a
    layer of one's own, a Linen or NNX module becomes a Keras layer around it. With a trainer and its state in the place
    of the model and its variables, the Keras model is compiled too, and its optimizer has the state's moments and
    steps.

    No array is shared: Keras's training gives away the memory of its variables.

    Args:
        model: a functional or sequential model, a model or layer that came from `fk.from_keras`; or a trainer.
        variables: its variables; or the trainer's state.
        into: a live Keras model that gets the numbers, in place of a new one: the one that `fk.from_keras` was given,
            or one that was made in the same way. It is changed, and returned. This is the way back for a model with
            layers of one's own that have no `get_config`.

    Returns:
        The Keras model.

    Raises:
        ImportError, RuntimeError: see `fk.from_keras`.
        TypeError: something that is no model; a guest of which Keras cannot make another one.
        ValueError: variables that are not the model's; a part that Keras has not.

    >>> import fkeras as fk
    >>> try:
    ...     fk.to_keras("model.keras", {})
    ... except TypeError as error:
    ...     print(str(error).splitlines()[0])
    fk.to_keras takes a model of fkeras and its variables, or a trainer and its state.

    Reference: https://keras.io/api/models/model/
    """
    trainer = model if isinstance(model, Trainer) else None
    described = model.model if isinstance(model, Trainer) else model
    if not isinstance(described, Layer) or (trainer is not None and not isinstance(variables, TrainState)):
        raise TypeError(
            explain(
                "fk.to_keras takes a model of fkeras and its variables, or a trainer and its state.",
                received=f"a {type(described).__name__} and a {type(variables).__name__}",
                write="keras_model = fk.to_keras(model, variables), or fk.to_keras(trainer, state)",
            )
        )
    keras = keras_library("fk.to_keras")
    found = _new(keras, described, variables) if into is None else _given(into, described, variables)
    values = named_leaves(unstacked(described, dict(variables_in(variables))))
    for name, variable in found.variables.items():
        variable.assign(jnp.array(values[name], copy=True))
    if trainer is not None:
        compile_in_keras(keras, trainer, found.live)
        found.live.optimizer.build(found.live.trainable_variables)
        assign_slots(trainer, cast(TrainState, variables), found.live.optimizer, order_of(found))
    return found.live


def _given(into: LiveObject, model: Layer, variables: VariablesLike) -> Translated:
    """A live model that is there, and which of its variables is which."""
    found = translated(into, "fk.to_keras")
    variables = {n: v for n, v in variables_in(variables).items() if n in found.spec or n == "params"}
    places = _same_places(found.model, model)
    if places:
        moved = {_moved(name, places): name for name in named_leaves(found.spec)}
        named = named_leaves(variables)
        given = nest({moved.get(name, name): leaf for name, leaf in named.items()})
        back = {_moved(name, places): variable for name, variable in found.variables.items()}
        found = dataclasses.replace(found, variables=back)
    else:
        given = dict(variables)
    differences = compare_arrays(spec_of(found.spec), spec_of({"params": {}, **given}))
    if not differences.ok:
        raise ValueError(
            explain(
                f"The variables of {model.path_text()} are not those of the Keras model that they should go into.",
                received="\n" + differences.text("given"),
                usually="another model, or one that was made in another way.",
                write="fk.to_keras(model, variables, into=keras_model)   # of model, variables = "
                "fk.from_keras(keras_model)",
            )
        )
    return found


def _same_places(one: Layer, other: Layer) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Where the layers of one model are in another that was made in the same way: Keras counts names in a process."""
    here, there = list(walk(one)), list(walk(other))
    if [type(layer) for _, layer in here] != [type(layer) for _, layer in there]:
        return {}
    return {path: place for (path, _), (place, _) in zip(here, there, strict=True)}


def _moved(name: str, places: Mapping[tuple[str, ...], tuple[str, ...]]) -> str:
    collection, *keys = split_path(name)
    for n in range(len(keys), 0, -1):
        if tuple(keys[:n]) in places:
            return join_path([collection, *places[tuple(keys[:n])], *keys[n:]])
    return name


def _new(keras: ModuleType, model: Layer, variables: VariablesLike) -> Translated:
    """A new live model, and which of its variables is which."""
    model, tree = written_out(model), unstacked(model, dict(variables_in(variables)))
    making = KerasLayers(keras, tree)
    live = making.layer(model, ())
    pairs = [Pair(path, layer, making.made[id(layer)]) for path, layer in making.placed]
    try:
        spec, found = matched(model, [p for p in pairs if id(p.layer) not in making.own and not is_guest(p.layer)])
    except Misfit as misfit:
        raise _other_weights([p.live for p in pairs if id(p.live) in misfit.layers]) from None
    for pair in pairs:
        if is_guest(pair.layer):
            named = _variables_of_copy(keras, pair)
        elif id(pair.layer) in making.own:
            named = pair.live.by_name
        else:
            continue
        for name, variable in named.items():
            collection, *rest = split_path(name)
            found[join_path([collection, *pair.path, *rest])] = variable
    return Translated(model, dict(spec), found, live)


def _variables_of_copy(keras: ModuleType, pair: Pair) -> dict[str, LiveObject]:
    """The variables of the copy of a live layer, by the names that the guest's have."""
    guest: PyTree = pair.layer
    names, copies = names_of_guest(guest), named_variables(keras, pair.live)
    live = guest.live.layer
    if not pair.live.built or [*copies] != [*guest.live.weights]:
        raise no_copy(live, f"the copy has the variables {', '.join(copies) or 'none'}"[:200])
    return dict(zip(names, copies.values(), strict=True))


def _other_weights(layers: list[LiveObject]) -> ValueError:
    return ValueError(
        explain(
            "Keras makes other weights for layers of the same config.",
            received=", ".join(f"{type(layer).__name__} {layer.name!r}" for layer in layers),
            usually="weights that are kept in another form here: few bits, or a change of low rank.",
            write="model, variables = fk.nn.merge_lora(model, variables), or the model before it was quantised",
        )
    )
