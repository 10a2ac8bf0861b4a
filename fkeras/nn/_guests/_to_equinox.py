"""What an Equinox module learned, as an Equinox module again; and the variables that one holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import linen

from ...core import NON_TRAINABLE, describe, explain
from ...core.typing import PyTree, VariablesLike
from ._as_module import equinox_parts
from ._equinox_layer import EquinoxLayer
from ._host import Place, by_collection, by_place

if TYPE_CHECKING:
    from ._equinox_module import EquinoxModule


def to_equinox(module: Any, variables: VariablesLike) -> Any:
    """An Equinox module with the numbers of variables: what was trained here, for Equinox's own code.

    Args:
        module: the module as it was handed over: an `eqx.Module`, what `eqx.nn.make_with_state` returned, a class or
            function that makes one; or the `fk.nn.EquinoxLayer`, or the trainer's model, around it. It is not changed.
        variables: its variables, or the state of a run that has them. Those of one layer of a model are
            `model.variables_for(layer, variables)`.

    Returns:
        The module; of one that has a state `(module, state)`, as `eqx.nn.make_with_state` returns them. The arrays are
        the very ones, everything else is as in `module`.

    Raises:
        ImportError: Equinox is not installed.
        TypeError: something that is no module of Equinox.
        ValueError: variables of another module: each that is missing, left over or of another shape is named.

    >>> import equinox as eqx, fkeras as fk, jax
    >>> module = eqx.nn.Linear(3, 2, key=jax.random.key(0))
    >>> trainer = fk.Trainer(module, "sgd", "mse")
    >>> x, y = jax.numpy.ones((4, 3)), jax.numpy.ones((4, 2))
    >>> state, logs = trainer.train_step(trainer.init(0, x), (x, y))
    >>> trained = fk.to_equinox(module, state)
    >>> trained.weight is state.params["weight"], bool((trained.weight == module.weight).all())
    (True, False)

    Reference: https://docs.kidger.site/equinox/
    Keras has none.
    """
    host = _host_of(module, "to_equinox")
    structure, name = host.source.structure, host.source.name
    given = by_place(variables, "fk.to_equinox(module, variables)")
    wanted = {place: _found(given, place) for place in structure.shapes()}
    missing = ["/".join((c, *path)) for (c, path), found in wanted.items() if found is None]
    unknown = ["/".join((c, *path)) for c, path in given if (c, path) not in wanted.values()]
    if missing or unknown:
        raise ValueError(
            explain(
                f"The variables are not those of {name}.",
                received=f"missing: {', '.join(missing) or 'none'}; no place for: {', '.join(unknown) or 'none'}",
                usually="the module is one layer of the model, or has other arguments.",
                write="fk.to_equinox(module, model.variables_for(layer, variables))",
            )
        )
    values = {place: given[found] for place, found in wanted.items() if found is not None}
    shapes = {place: (tuple(struct.shape), jnp.shape(values[place])) for place, struct in structure.shapes().items()}
    wrong = [f"{'/'.join((c, *path))}: {now} for {was}" for (c, path), (was, now) in shapes.items() if was != now]
    if wrong:
        raise ValueError(
            explain(
                f"The variables have other shapes than the arrays of {name}.",
                received="; ".join(wrong),
                usually="the variables are of a module with other arguments.",
                write="fk.to_equinox(layer, model.variables_for(layer, variables))   # the layer that was trained",
            )
        )
    made, state = structure.filled(values)
    return (made, state) if structure.state_places else made


def from_equinox(module: Any) -> dict[str, PyTree]:
    """The variables that an Equinox module holds; what a Trainer or `fk.nn.EquinoxLayer` begins with.

    Args:
        module: an `eqx.Module`; or `(module, state)`, of one that has a state.

    Returns:
        `{"params": …, "non_trainable": …, "state": …}`, the very arrays: floats are `params`, other arrays
        `non_trainable`, the leaves of an `eqx.nn.State` `state`.

    Raises:
        ImportError: Equinox is not installed.
        TypeError: something that is no instance.
        ValueError: a stateful module without its state.

    >>> import equinox as eqx, fkeras as fk, jax
    >>> module = eqx.nn.Linear(3, 2, key=jax.random.key(0))
    >>> variables = fk.from_equinox(module)
    >>> sorted(variables["params"]), variables["params"]["weight"] is module.weight
    (['bias', 'weight'], True)

    Reference: https://docs.kidger.site/equinox/
    Keras has none.
    """
    source = _host_of(module, "from_equinox").source
    if source.factory is not None:
        raise TypeError(
            explain(
                f"{source.name} makes a module, and holds no arrays.",
                received=f"{source!r}, which makes one",
                usually="the class, without calling it.",
                write="fk.from_equinox(module), with an instance; or layer.init(key, x) of fk.nn.EquinoxLayer",
            )
        )
    return {"params": {}, **by_collection(source.structure.values(*source.make(jax.random.key(0))))}


def _host_of(module: Any, function: str) -> EquinoxModule:
    EquinoxModule, source_of = equinox_parts()
    inside = module.module if isinstance(module, EquinoxLayer) else module
    if isinstance(inside, EquinoxModule):
        return inside
    if isinstance(inside, linen.Module):
        raise TypeError(
            explain(
                f"fk.{function} takes a module of Equinox, or the layer or trainer's model around one.",
                received=describe(module),
                usually="a model that has such a layer, or a module of Flax.",
                write="fk.to_equinox(layer, model.variables_for(layer, variables)), "
                "or fk.to_nnx(model, variables) of a model",
            )
        )
    return EquinoxModule(source_of(inside), parent=None)


def _found(given: dict[Place, PyTree], place: Place) -> Place | None:
    """Where the value for a place is: a filter of the user's own says which of the two collections it is in."""
    collection, path = place
    collections = ("params", NON_TRAINABLE) if collection in ("params", NON_TRAINABLE) else (collection,)
    return next(((name, path) for name in collections if (name, path) in given), None)
