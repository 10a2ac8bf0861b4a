"""The state of an optimizer from a weights file, in which Keras only numbers its variables."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import optax

from ...core import explain, flatten, spec_of
from ...core.typing import Array, ArrayLike, PyTree, Variables
from ...train import Trainer, TrainState
from ...train.optimizers import LossScaleOptimizer, Optimizer
from .._files._report import compare
from .._files._tree_arrays import ArraySpecs, unflatten
from .._files._warnings import warn
from .._training._carry_over import carry_over
from .._training._carry_over_warning import warn_of
from ._layout import weight_order
from ._matching import as_kept
from ._optimizers import check_whole_step, derived, optimizer_places
from ._weights_source import WeightsSource


def optimizers_to_read(
    trainer: Trainer, saved: optax.GradientTransformation | None, handed: bool, named: bool
) -> list[optax.GradientTransformation]:
    """The optimizers that the file's variables may belong to, the likeliest first; none if nothing says.

    Keras numbers the variables, so only an optimizer tells what each of them is.

    Args:
        trainer: the trainer that goes on.
        saved: the optimizer that the file names, as far as it can be made.
        handed: whether the trainer's optimizer was handed in place of the file's.
        named: whether the file names one.

    Returns:
        The optimizers to try.
    """
    if not handed:
        return [trainer.optimizer] if named else []
    if saved is not None:
        return [saved]
    # the file names none: try the one that was handed, its rate a number or a schedule, with and without scaling
    bare = getattr(trainer.optimizer, "optimizer", trainer.optimizer)  # the optimizer that `accumulate` wraps
    bare = getattr(bare, "inner_optimizer", bare)
    bare = getattr(bare, "optimizer", bare)
    if not isinstance(bare, Optimizer) or "learning_rate" not in inspect.signature(type(bare)).parameters:
        return []
    variants = [bare, *(bare.replace(learning_rate=rate) for rate in (1e-3, _constant))]
    return [*variants, *map(LossScaleOptimizer, variants)]


def _constant(step: ArrayLike) -> Array:
    return jnp.float32(1e-3)


def weights_that_train(trainer: Trainer, variables: Variables, args: tuple[PyTree, ...]) -> list[str]:
    """The paths of the weights that train, in Keras's order."""
    moving, _ = trainer.partition(*args).split(variables["params"])
    paths = flatten(moving)
    order = [p.removeprefix("params/") for p in weight_order(trainer.model, variables, args) if p.startswith("params/")]
    return [p for p in order if p in paths]


@dataclasses.dataclass(frozen=True)
class _Read:
    """An optimizer's state in a file: its shapes, and its arrays by path."""

    like: PyTree
    arrays: dict[str, Array]

    @property
    def iterations(self) -> Array:
        return _iterations(self.arrays)


def read_state(
    trainer: Trainer,
    variables: Variables,
    example: PyTree,
    weights: WeightsSource,
    args: tuple[PyTree, ...],
    readers: list[optax.GradientTransformation],
    was_compiled: bool,
) -> TrainState:
    """A state with these variables, and the optimizer's from a file; a run that never began has none to read.

    What is read takes the place of what `trainer.init` would make, so that never both are in memory.

    Args:
        trainer: the trainer that goes on.
        variables: the model's variables.
        example: the example input that the state is made from, if it is.
        weights: the open file.
        args: the call's inputs, for a model without a graph.
        readers: the optimizers of which the file's variables may be.
        was_compiled: whether the file's model was compiled, so that it should have an optimizer's variables.

    Returns:
        The state.

    Raises:
        ValueError: the optimizer that the file names has other variables.
    """

    def fresh(variables: Variables) -> TrainState:
        return trainer.init(0, example, variables=variables)

    like = jax.eval_shape(fresh, variables)
    read = _read_optimizer(trainer, variables, weights, args, readers, was_compiled)
    if read is None:
        return fresh(variables)
    names = spec_of(variables["params"])
    carried = carry_over(like.opt_state, spec_of(read.like), read.like, names)
    warn_of(carried, names, weights.label)

    def rest(variables: Variables) -> tuple[TrainState, dict[str, PyTree]]:
        state = fresh(variables)
        made = {path: leaf for path, leaf in flatten(state.opt_state).items() if path not in carried.source}
        return state.replace(params={}, model_state={}, opt_state=()), made

    state, made = jax.jit(rest)(variables)
    state = state.with_variables(variables)
    taken = {path: read.arrays[source] for path, source in carried.source.items()}
    opt_state = unflatten(like.opt_state, {**made, **taken})
    return state.replace(opt_state=opt_state, step=jnp.asarray(read.iterations, state.step.dtype))


def _read_optimizer(
    trainer: Trainer,
    variables: Variables,
    weights: WeightsSource,
    args: tuple[PyTree, ...],
    readers: list[optax.GradientTransformation],
    was_compiled: bool,
) -> _Read | None:
    """The optimizer's state of a file; `None` if it has none that could be read.

    Raises:
        ValueError: the optimizer that the file names has other variables.
    """
    mine = {path: spec for path, spec in weights.specs.items() if path.startswith("optimizer/")}
    moving, _ = trainer.partition(*args).split(variables["params"])
    fault: ValueError | None = None
    for reader in readers if mine else ():
        like = jax.eval_shape(reader.init, moving)
        try:
            arrays = _read(reader, flatten(like), weights, mine, weights_that_train(trainer, variables, args))
        except ValueError as error:
            fault = fault or error
            continue
        return None if arrays is None else _Read(like, arrays)
    if fault is not None and len(readers) == 1:
        raise fault
    if mine or was_compiled:
        _warn_unread(weights, mine, fault)
    return None


def _warn_unread(weights: WeightsSource, mine: ArraySpecs, fault: ValueError | None) -> None:
    why = "the file names no optimizer, and only one tells what they are" if fault is None else str(fault)
    warn(
        explain(
            f"The optimizer begins anew, as {weights.label!r} "
            + (
                f"has {len(mine)} variables of an optimizer that are not taken."
                if mine
                else "has none of its variables."
            ),
            received=why if mine else "moments and a count of steps that are not in the file",
            usually="the file was written by another program, or edited.",
            write="fk.load_trainer(path, optimizer=...)   # the one that the run was saved with" if mine else "",
        ),
    )


def _read(
    optimizer: optax.GradientTransformation,
    expects: Mapping[str, PyTree],
    weights: WeightsSource,
    mine: ArraySpecs,
    moving: list[str],
) -> dict[str, Array] | None:
    """An optimizer's variables by the path in its state; `None` of a run that never began."""
    places = optimizer_places(optimizer, expects, moving)
    counts = [at for at, slot in places.items() if slot.path is not None and slot.path.endswith("iterations")]
    bare = not any(shape for shape, _ in mine.values()) and any(slot.shape for slot in places.values())
    if bare and counts[0] in mine and mine[counts[0]][0] == () and not int(weights.read(counts[0])):
        return None
    expected = {at: (slot.shape, slot.dtype) for at, slot in places.items()}
    found = {at: (s, _count_as(dtype, expected.get(at, ((), dtype))[1])) for at, (s, dtype) in mine.items()}
    compare(expected, found).require(f"The optimizer's state in {weights.label}")
    weights.check_room(places)
    read: dict[str, Array] = {}
    for at, slot in places.items():
        if slot.path is not None:
            array = weights.read(at)
            read[slot.path] = as_kept(at, array if slot.sign > 0 else -array, expects[slot.path].dtype)
    check_whole_step(optimizer, _iterations(read))
    read.update(derived(optimizer, _iterations(read)))
    return read


def _iterations(read: Mapping[str, Array]) -> Array:
    return next(value for path, value in read.items() if path.endswith("iterations"))


def _count_as(found: str, wanted: str) -> str:
    """Keras counts in 32 or 64 bits, as its backend does."""
    return wanted if found.startswith("int") and wanted.startswith("int") else found
