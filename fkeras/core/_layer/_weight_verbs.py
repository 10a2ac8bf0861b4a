"""What Keras's layers and models do with the weights that they hold, as functions: variables go in and come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import jax
import numpy as np

from .._words._call_arguments import checked_by_name
from .._words._errors import explain
from .._words._given_instead import variables_in
from .._words._paths import plain_path_name
from ..typing import Array, ArrayLike, PyTree, Variables, VariablesLike
from ._variables import LOSSES

if TYPE_CHECKING:
    from ._layer import Layer

# Who messages say has the verb.
_named = checked_by_name("model")


class WeightVerbs:
    """The part of a layer that lists weights; no Linen module, whose methods would be wrapped."""

    @_named
    def variable_map(self, variables: VariablesLike) -> dict[str, Array]:
        """The variables by path, `{"conv2d/kernel": array, …}`, all collections in one.

        Args:
            variables: those of the layer or model.

        Returns:
            The arrays by path.

        >>> import fkeras as fk, jax
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
        >>> sorted(model.variable_map(model.init(jax.random.key(0))))
        ['dense/bias', 'dense/kernel']
        """
        return {
            plain_path_name(path): leaf
            for tree in variables_in(variables).values()
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        }

    @_named
    def get_weights(self, variables: VariablesLike, *args: PyTree) -> list[np.ndarray]:
        """The weights as numpy arrays, in the order of Keras's `get_weights()`, which takes them as they are.

        Args:
            variables: those of the layer or model.
            *args: an example input, where the order in which the weights are made is not known yet: for a subclassed
                model, or a layer that was called on no `Input`.

        Returns:
            The arrays, those that do not train among them.

        Raises:
            ValueError: variables that are not the layer's, or an example is needed.

        >>> import fkeras as fk
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2), fk.nn.BatchNormalization()])
        >>> [weight.shape for weight in model.get_weights(model.init(0))]
        [(3, 2), (2,), (2,), (2,), (2,), (2,)]
        """
        from ...checkpoint import get_weights

        return get_weights(cast("Layer", self), variables, *args)

    @_named
    def set_weights(self, variables: VariablesLike, weights: Sequence[ArrayLike], *args: PyTree) -> Variables:
        """Variables with these weights, which come in the order of Keras's `get_weights()`.

        Args:
            variables: those of the layer or model, which stay as they are.
            weights: one array for each, of its shape; of another model, or of Keras's `model.get_weights()`.
            *args: an example input, as for `get_weights`.

        Returns:
            New variables; the arrays have the dtypes of those that they replace.

        Raises:
            ValueError: another number of arrays, or one of another shape; variables that are not the layer's.

        >>> import fkeras as fk
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
        >>> variables = model.set_weights(model.init(0), [np.zeros((3, 2)), np.ones(2)])
        >>> variables["params"]["dense"]["bias"]
        Array([1., 1.], dtype=float32)
        """
        from ...checkpoint import set_weights

        return set_weights(cast("Layer", self), variables, weights, *args)

    def stateless_call(
        self,
        trainable_variables: Mapping[str, PyTree],
        non_trainable_variables: Mapping[str, PyTree],
        *args: PyTree,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """A call in which all state goes in and comes out, under Keras's name: `apply` with the variables in two parts.

        Args:
            trainable_variables: `variables["params"]`.
            non_trainable_variables: the other collections, `{"batch_stats": …}`; `{}` for a model that has none.
            *args: the call's inputs.
            return_losses: whether the losses that layers added are returned.
            **kwargs: the call's keyword arguments, and `rngs=`, a key or seed for what is drawn: in Keras it is among
                the variables.

        Returns:
            `(outputs, non_trainable_variables)`, and with `return_losses` a list of losses.

        Raises:
            TypeError: variables that were not taken apart.

        >>> import fkeras as fk, jax
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.BatchNormalization()])
        >>> rest = dict(model.init(0))
        >>> params = rest.pop("params")
        >>> y, rest = model.stateless_call(params, rest, np.ones((2, 3), "float32"), training=True)
        >>> rest["batch_stats"]["batch_normalization"]["mean"]
        Array([0.01, 0.01, 0.01], dtype=float32)
        """
        layer = cast("Layer", self)
        parts = (trainable_variables, non_trainable_variables)
        if not all(isinstance(part, Mapping) and "params" not in part for part in parts):
            raise TypeError(
                explain(
                    "`stateless_call` takes the variables in two parts: the params, and the other collections.",
                    received=", ".join(
                        f"a dict of {sorted(map(str, part))}" if isinstance(part, Mapping) else type(part).__name__
                        for part in parts
                    ),
                    usually="variables that were not taken apart, or the lists that Keras has.",
                    write='rest = dict(variables); params = rest.pop("params"); '
                    "y, rest = model.stateless_call(params, rest, x, training=True)",
                )
            )
        rest = dict(non_trainable_variables)
        mutable = [*rest, *[LOSSES] * return_losses]
        outputs, updates = layer.apply({"params": trainable_variables, **rest}, *args, mutable=mutable, **kwargs)
        losses = jax.tree.leaves(updates.get(LOSSES, {}))
        rest |= {name: tree for name, tree in updates.items() if name in non_trainable_variables}
        return (outputs, rest, losses) if return_losses else (outputs, rest)
