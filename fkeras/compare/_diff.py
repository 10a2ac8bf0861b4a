"""diff: where two models that should be one part ways, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeGuard

import jax
import numpy as np
from flax import linen

from ..core import describe, explain, given_instead, variables_in
from ..core.typing import ArrayLike, PyTree, VariablesLike
from ._compare import compare
from ._equal import Tolerance
from ._gradients import with_gradients
from ._kinds import kind_of_name
from ._record import Call, Trace, record
from ._report import DiffReport

#: Activations that were recorded elsewhere: by the layers' names, in the order in which the layers ran.
Recorded: TypeAlias = "Mapping[str, ArrayLike] | Sequence[tuple[str, ArrayLike]]"


def diff(
    model_a: linen.Module | Recorded,
    variables_a: VariablesLike | None,
    model_b: linen.Module | Recorded,
    variables_b: VariablesLike | None = None,
    x: PyTree = None,
    *,
    gradients: bool | Callable[[PyTree], jax.Array] = False,
    training: bool = False,
    atol: float | None = None,
) -> DiffReport:
    """Compare two models layer by layer: the first layer that differs, by how much, and the likely cause.

    Layers are matched by order, kind, sizes and numbers, so that names may differ. `b` then runs a second time with
    the outputs of `a` in the place of its own, so that each layer is judged by itself. For a layer that differs, the
    causes of a table are tried (a transposed kernel, another epsilon, padding, activation, order of gates, …): the
    cause that is named is one that mends the layer, to the numbers of the other.

    Args:
        model_a, variables_a: a model, layer or Linen module, and its variables or the state of a run.
        model_b, variables_b: another one. Either model may be activations that were recorded elsewhere, of a live Keras
            or torch model: `{"layer's name": array, …}` or a list of pairs, in the order in which the layers ran, with
            `None` for its variables.
        x: the input of both; a tuple holds the arguments of a Linen module.
        gradients: whether to compare gradients too, of the outputs' sum; or a loss, `outputs -> number`.
        training: whether the models run as in training; layers that draw random numbers are then not compared.
        atol: how far two numbers may lie apart. By default what rounding in the layers' dtypes explains: 1e-5 of the
            largest number in float32, 4e-2 in bfloat16.

    Returns:
        A `DiffReport`; `print` it. `report.first` is the first layer that differs, or `None`; `report.cause` says why.

    Raises:
        TypeError: what is no model, or variables of another kind.
        ValueError: two recordings, gradients of a recording, a recording without arrays, an input without rows, or a
            distance that is none.

    >>> import fkeras as fk, jax, numpy as np
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(3, activation="relu"), fk.nn.Dense(2)])
    >>> a = model.init(0)
    >>> kernel = a["params"]["dense"]["kernel"]
    >>> b = {"params": {**a["params"], "dense": {**a["params"]["dense"], "kernel": kernel.T}}}
    >>> report = fk.diff(model, a, model, b, np.eye(3, dtype="float32"))
    >>> report.first.b, report.first.status
    ('dense', 'differs')
    >>> print(report.cause)
    transposed kernel: with kernel transposed, 'dense' of b gives the numbers of a.
    >>> fk.diff(model, a, model, a, np.eye(3, dtype="float32")).same
    True

    Keras has no such function.
    """
    sides: list[tuple[linen.Module | Trace, dict[str, PyTree] | None]] = []
    for name, model, variables in (("a", model_a, variables_a), ("b", model_b, variables_b)):
        if isinstance(model, linen.Module):
            sides.append((model, _variables(name, model, variables, x)))
        else:
            sides.append((_recorded(name, model, variables), None))
    (a, of_a), (b, of_b) = sides
    if isinstance(a, Trace) and isinstance(b, Trace):
        raise ValueError(
            explain(
                "fk.diff needs a model that it can run, and both are recordings.",
                usually="the model of fkeras was recorded too.",
                write="fk.diff(model, variables, recorded, None, x)",
            )
        )
    _check_numbers(x, atol)
    tolerance = Tolerance(atol)
    if isinstance(a, Trace) or isinstance(b, Trace):
        if gradients:
            raise ValueError(
                explain(
                    "Gradients are compared of two models that run, and one of these is a recording.",
                    received=f"gradients={gradients!r}",
                    write="fk.diff(model, variables, recorded, None, x)",
                )
            )
        known, made, own, running = (a, b, of_b, "b") if isinstance(a, Trace) else (b, a, of_a, "a")
        assert isinstance(known, Trace)
        assert isinstance(made, linen.Module)
        _, rows = compare(known, made, own or {}, x, training, tolerance, running)
        return DiffReport(tuple(rows))
    assert isinstance(a, linen.Module)
    assert isinstance(b, linen.Module)
    reference = record(a, of_a or {}, x, training=training)
    pairs, rows = compare(reference, b, of_b or {}, x, training, tolerance, "b")
    if gradients:
        rows = with_gradients(rows, pairs, (a, of_a or {}), (b, of_b or {}), x, training, gradients, tolerance)
    return DiffReport(tuple(rows), bool(gradients))


def _check_numbers(x: PyTree, atol: float | None) -> None:
    """Refuse an input in which there is nothing to compare, and a distance below 0."""
    if any(0 in np.shape(leaf) for leaf in jax.tree.leaves(x)):
        raise ValueError(
            explain(
                "fk.diff needs an input with numbers in it.",
                received=describe(x),
                usually="a slice that took no rows.",
                write="fk.diff(model_a, variables_a, model_b, variables_b, x[:8])",
            )
        )
    if atol is not None and not atol >= 0:
        raise ValueError(
            explain("atol is a distance between two numbers.", received=f"atol={atol!r}", write="atol=1e-4")
        )


def _variables(name: str, model: linen.Module, given: VariablesLike | None, x: PyTree) -> dict[str, PyTree]:
    """A model's variables; a model without any may go without them."""
    if given is None:
        given = {}
    found = variables_in(given)
    if not isinstance(found, Mapping):
        call = "fk.diff(model_a, variables_a, model_b, variables_b, x)"
        usually, write = given_instead(given, call, [x]) or ("the order of the arguments.", call)
        raise TypeError(
            explain(
                f"variables_{name} are no variables of a model.",
                received=type(given).__name__,
                usually=usually,
                write=write,
            )
        )
    if x is None:
        raise TypeError(
            explain(
                "fk.diff needs an input on which both models run.",
                received="x=None",
                usually="the variables of `b` were left out, so that `x` stands in their place.",
                write="fk.diff(model_a, variables_a, model_b, variables_b, x)",
            )
        )
    return dict(found)


def _recorded(name: str, given: object, variables: object) -> Trace:
    """Activations that were recorded elsewhere, as a trace."""
    pairs = list(given.items()) if isinstance(given, Mapping) else given
    if not _are_pairs(pairs):
        raise TypeError(
            explain(
                f"model_{name} is neither a model nor activations by the names of their layers.",
                received=f"{type(given).__module__}.{type(given).__name__}",
                usually="a model of Keras or torch, which is compared through what its layers give.",
                write="recorded = {name: array, ...}; fk.diff(model, variables, recorded, None, x)",
            )
        )
    if isinstance(given, Mapping) and "params" in given:
        raise TypeError(
            explain(
                f"model_{name} are variables, where a model or recorded activations are meant.",
                usually="the order of the arguments: a model comes before its variables.",
                write="fk.diff(model_a, variables_a, model_b, variables_b, x)",
            )
        )
    calls: list[Call] = []
    counts: dict[str, int] = {}
    for key, value in pairs:
        arrays = jax.tree.map(np.asarray, value)
        place = (str(key), counts.get(str(key), 0))
        counts[str(key)] = place[1] + 1
        if any(array.dtype == object for array in jax.tree.leaves(arrays)):
            raise TypeError(
                explain(
                    f"What was recorded of {key!r} is no array.",
                    received=type(value).__name__,
                    usually="a tensor that still needs a gradient or lies on a device.",
                    write="tensor.detach().cpu().numpy().copy()",
                )
            )
        if jax.tree.leaves(arrays):
            calls.append(Call(place, kind_of_name(str(key)), arrays))
    if not calls:
        raise ValueError(
            explain(
                f"The recording of model_{name} holds no arrays.",
                received=repr(given)[:60],
                usually="the hooks were registered after the model had run.",
                write="recorded = {name: array, ...}",
            )
        )
    return Trace(tuple(calls))


def _are_pairs(given: object) -> TypeGuard[Sequence[tuple[str, PyTree]]]:
    if not isinstance(given, list | tuple):
        return False
    return all(isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in given)
