"""A model and its variables as an NNX module, which `nnx.Optimizer` trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen, nnx

from ...core import LOSSES, MASKS, Layer, explain, is_overwritten, mode_arguments, walk, weight_facts
from ...core.typing import PyTree, Variables, VariablesLike
from ._host import checked_variables
from ._nnx_collections import AddedLoss, FrozenParam, flat_state, places_of, type_of, with_value
from ._nnx_state import from_nnx_state


class ModelAsNNX(nnx.Module):
    """A model as an NNX module; made by `fk.to_nnx`.

    Its attributes are the layers' variables, `module.dense["kernel"]`. `module.train()` and `module.eval()` set the
    mode, and a call in training updates the batch statistics in place, as those of Flax's own layers do.

    Attributes:
        deterministic: whether it is in inference.
        added_loss: what layers added to the loss in the last call, such as their regularizers.
        rngs: the random streams of its calls.
    """

    def __init__(self, model: linen.Module, variables: Variables, rngs: nnx.Rngs | None, x: PyTree) -> None:
        self.fkeras__model = model
        self.deterministic = False
        self.added_loss = AddedLoss(jnp.zeros((), jnp.float32))
        self.rngs = nnx.data(None if rngs is None else rngs.fork())
        trains = _trains(model, x)
        tree: dict[str, Any] = {}
        for collection, inside in variables.items():
            _add(tree, (), inside, collection, trains)
        for name, value in tree.items():
            if hasattr(nnx.Module, name) or name in vars(self):
                raise ValueError(
                    explain(
                        f"An nnx.Module has something else under the name {name!r}, which is a layer's.",
                        received=f"a layer {name!r}",
                        write="model.get_layer(...).replace(name=...), or another name where the layer is made",
                    )
                )
            setattr(self, name, nnx.data(value))

    def __call__(self, *inputs: PyTree, training: bool | None = None, **kwargs: PyTree) -> PyTree:
        """What the model returns.

        Args:
            inputs: as the model takes them.
            training: the mode of this call; that of the module, by default.
            kwargs: further arguments of the model.
        """
        model = self.fkeras__model
        training = not self.deterministic if training is None else training
        variables = from_nnx_state(nnx.state(self))
        changing = [name for name in variables if name != "params"] if training else []
        told = not isinstance(model, Layer)
        mode = mode_arguments(type(model).__call__, training, model) if told else {"training": training}
        outputs, updates = model.apply(
            variables, *inputs, rngs=self._keys(), mutable=[*changing, LOSSES, MASKS], **{**mode, **kwargs}
        )
        added = [jnp.sum(leaf).astype(jnp.float32) for leaf in jax.tree.leaves(updates.get(LOSSES, {}))]
        self.added_loss.set_value(sum(added, jnp.zeros((), jnp.float32)))
        self._take({name: tree for name, tree in updates.items() if name in changing})
        return outputs

    def set_view(self, deterministic: bool | None = None) -> None:
        """What `nnx.view(module, deterministic=True)` sets."""
        if deterministic is not None:
            self.deterministic = deterministic

    def _keys(self) -> dict[str, jax.Array]:
        if self.rngs is None:
            return {}
        keys = {name: stream() for name, stream in self.rngs.items()}
        if "dropout" not in keys and "default" in keys:
            keys["dropout"] = keys["default"]
        return keys

    def _take(self, updates: Mapping[str, PyTree]) -> None:
        flat = flat_state(nnx.state(self))
        leaves = dict(flat)
        own = [(path, leaf) for path, leaf in flat if not isinstance(leaf, AddedLoss)]
        changed = []
        for path, (collection, names) in places_of(own, "the module").items():
            value = updates.get(collection)
            for name in names:
                value = None if value is None else value.get(name)
            if value is not None:
                changed.append((path, with_value(leaves[path], value)))
        nnx.update(self, nnx.from_flat_state(changed))


def to_nnx(model: linen.Module, variables: VariablesLike, rngs: nnx.Rngs | None = None, x: PyTree = None) -> ModelAsNNX:
    """A model and its variables as an `nnx.Module`: `nnx.Optimizer`, `nnx.jit`, `nnx.split` and `nnx.grad` take it.

    Args:
        model: an fkeras model, a layer or a Linen module. It holds no weights and stays as it is.
        variables: its variables, or a state that has them. The module has the same arrays.
        rngs: random streams for dropout, from which the module makes its own.
        x: an example input, for a model that does not know its input's shape and has frozen layers.

    Returns:
        A module in training mode. Weights that train are `nnx.Param`s, frozen ones are of another type, which
        `nnx.Optimizer(module, tx, wrt=nnx.Param)` leaves alone; batch statistics are `nnx.BatchStat`s. What layers add
        to the loss is `module.added_loss[...]` after a call. `fk.from_nnx_state(module)` gives the variables back.

    Raises:
        TypeError: something that is no model, or no variables.
        ValueError: weights that only a Trainer trains (of float8), layers whose names an `nnx.Module` has for something
            else, or a model that needs `x`.

    >>> import fkeras as fk, jax, jax.numpy as jnp, optax
    >>> from flax import nnx
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)])
    >>> module = fk.to_nnx(model, model.init(jax.random.key(0)))
    >>> optimizer = nnx.Optimizer(module, optax.sgd(0.1), wrt=nnx.Param)
    >>> @nnx.jit
    ... def step(module, optimizer, x, y):
    ...     loss, grads = nnx.value_and_grad(lambda m: jnp.mean((m(x) - y) ** 2))(module)
    ...     optimizer.update(module, grads)
    ...     return loss
    >>> x = jnp.ones((4, 3))
    >>> bool(step(module, optimizer, x, 1.0) > step(module, optimizer, x, 1.0))
    True
    >>> sorted(fk.from_nnx_state(module)["params"]["dense"])
    ['bias', 'kernel']

    Reference: https://flax.readthedocs.io/en/stable/api_reference/flax.nnx/training/optimizer.html
    """
    if not isinstance(model, linen.Module):
        raise TypeError(
            explain(
                "to_nnx takes an fkeras model, a layer or a Linen module.",
                received=type(model).__name__,
                usually="a module of NNX, which is one already, or a trainer instead of its model.",
                write="fk.to_nnx(trainer.model, state)",
            )
        )
    variables = checked_variables(variables, "fk.to_nnx(model, variables)")
    return ModelAsNNX(model, variables, rngs, x)


def _trains(model: linen.Module, x: PyTree) -> Any:
    """Whether the weight at a path of `params` trains."""
    if not isinstance(model, Layer):
        return lambda path: True
    _check_overwrites(model, x)
    frozen = not model.trainable or any(not layer.trainable for _, layer in walk(model))
    if not frozen:
        return lambda path: True
    if model.graph is None and x is None:
        raise ValueError(
            explain(
                "Which weights of the model are frozen follows from an example input.",
                received="a model that does not know its input's shape, and no x",
                write="fk.to_nnx(model, variables, x=x[:1])",
            )
        )
    facts = weight_facts(model, () if model.graph is not None else (x,))

    def trains(path: tuple[str, ...]) -> bool:
        around = (path[:end] for end in range(len(path), -1, -1))
        return next((facts[place].trainable for place in around if place in facts), True)

    return trains


def _check_overwrites(model: Layer, x: PyTree) -> None:
    """Refuse weights whose next value is their gradient: an `nnx.Optimizer` would subtract it from them."""
    if model.graph is None and x is None:
        return
    facts = weight_facts(model, () if model.graph is not None else (x,))
    names = [(*path, name) for path, fact in facts.items() for name, c in fact.constraints.items() if is_overwritten(c)]
    if names:
        raise ValueError(
            explain(
                "The model has weights whose gradients are their next values, and an nnx.Optimizer does not do that.",
                received=", ".join("/".join(name) for name in sorted(names)[:5]),
                usually='layers of dtype="float8_from_...", whose scales train so.',
                write="model.compile(optax.adam(1e-3), loss)   # a Trainer does it",
            )
        )


def _add(tree: dict[str, Any], path: tuple[str, ...], value: PyTree, collection: str, trains: Any) -> None:
    """Put the leaves of a collection into a tree of variables."""
    if path:
        inside = tree
        for name in path[:-1]:
            inside = inside.setdefault(name, {})
    if isinstance(value, Mapping):
        for name, item in value.items():
            _add(tree, (*path, str(name)), item, collection, trains)
        return
    if path[-1] in inside:
        raise ValueError(
            explain(
                f"Two variables have the name {'/'.join(path)!r}, in {collection!r} and another collection.",
                received=type(inside[path[-1]]).__name__,
                write="another name for one of them",
            )
        )
    kind = FrozenParam if collection == "params" and not trains(path) else type_of(collection)
    inside[path[-1]] = kind(jax.tree.map(jnp.asarray, value))  # arrays of JAX, which nobody writes into, are themselves
