"""What `fit`, `evaluate` and `predict` were given, as a source of batches."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Mapping

import numpy as np

from ...core import describe, explain, takes_text
from ...core.typing import PyTree, Variables
from .._step._batch import Batch, spec, unpack
from .._step._forward import abstract_outputs
from .._step._learner import Learner
from .._step._state import TrainState
from .._step._train_step import has_own_loss
from ._arrays import ArrayData, are_plain, array_data
from ._as_arrays import check_integers
from ._by_pass import ByPass, HasPasses
from ._class_weights import ClassWeights
from ._data_kinds import are_batches, is_arrays, values_are
from ._fixed_batch_sizes import check_batch_size, check_whole, described_inputs, fixed_batch_size
from ._indexed import Indexed, is_indexed
from ._sources import Arrays, Stream, to_arrays
from ._streams import length_of, stream
from ._text import read


def training_source(
    trainer: Learner, state: TrainState, x: PyTree, y: PyTree, sample_weight: PyTree, class_weight: PyTree,
    batch_size: int | None, validation_split: float, steps: int | None,
) -> tuple[Arrays | Stream, ArrayData | None]:  # fmt: skip
    """The source to train on, and what `validation_split` holds out of it."""
    weigh = None if class_weight is None else _class_weights(trainer, state, class_weight)
    if not is_arrays(x, described_inputs(trainer.model), beside=y is not None):
        source = stream_source(trainer, state.variables, x, steps, batch_size, weigh)
        check_alone(x, y=y, sample_weight=sample_weight, validation_split=validation_split or None)
        return source, None
    fixed = fixed_batch_size(trainer.model, state.variables)
    data = array_data(read(trainer.model, x), y, sample_weight, check_batch_size(batch_size, fixed))
    held_out = None
    if validation_split:
        cut = int(np.floor(data.count * (1 - validation_split)))
        if cut in (0, data.count):
            raise ValueError(
                explain(
                    "validation_split leaves one side empty.",
                    received=f"{data.count} examples, validation_split={validation_split}",
                    usually="too few examples for so small or so large a part.",
                    write="validation_data=(x_val, y_val)",
                )
            )
        data, held_out = data.slice(0, cut), data.slice(cut, data.count)
    check_whole(data.count, fixed, "training leaves out and adds no rows")
    if weigh is not None:
        data = dataclasses.replace(data, sample_weight=weigh(data.x, data.y, data.sample_weight))
    return Arrays(data, steps, fixed), held_out


def _class_weights(trainer: Learner, state: TrainState, given: PyTree) -> ClassWeights:
    def outputs_of(x: PyTree) -> tuple[PyTree, list[str]]:
        example = spec(x, fixed_batch_size(trainer.model, state.variables) or 1)
        outputs = abstract_outputs(trainer.model, state.variables, example)
        return outputs, trainer.output_names(outputs)

    return ClassWeights(given, outputs_of)


def check_alone(x: object, **beside: object) -> None:
    """Refuse what goes with arrays only beside something that yields batches.

    Raises:
        ValueError: naming the arguments.
    """
    named = [name for name, value in beside.items() if value is not None]
    if named and x is not None:
        raise ValueError(
            explain(
                "sample_weight, y and validation_split go with arrays; a source of batches yields its own targets.",
                received=f"x of type {type(x).__name__}, and {', '.join(named)}",
                usually="a generator was passed together with y; or a list of batches, where arrays were meant.",
                write="batches (x, y) or (x, y, sample_weight), and validation_data=...",
            )
        )


def stream_source(
    trainer: Learner,
    variables: Variables,
    x: PyTree,
    steps: int | None,
    batch_size: int | None = None,
    weigh: ClassWeights | None = None,
) -> Stream:
    """Something that yields batches as a source."""
    passes = stream(x)
    if batch_size is not None:
        warnings.warn(
            explain(
                "batch_size says nothing here: the batches come from the data as they are.",
                received=f"batch_size={batch_size!r}, x of type {type(x).__name__}",
                write="without batch_size=, or arrays",
            ),
            stacklevel=5,
        )

    of_text = takes_text(trainer.model)

    def prepared(batch: Batch) -> Batch:
        batch = (read(trainer.model, batch[0]), *batch[1:]) if of_text else batch
        if weigh is None:
            return batch
        a, b, w = to_arrays(batch)
        return a, b, weigh(a, b, w)

    once = isinstance(x, Iterator)
    fixed = fixed_batch_size(trainer.model, variables)
    if is_indexed(x):
        whole = prepared if has_own_loss(trainer) else lambda batch: prepared(_not_one_example(batch))
        return Indexed(passes, length_of(x), steps, origin=x, fixed=fixed, prepared=whole)
    if isinstance(x, HasPasses):
        return ByPass(passes, length_of(x), steps, origin=x, fixed=fixed, data=x, prepared=prepared)
    if weigh is not None or of_text:
        plain = passes

        def passes() -> Iterator[Batch]:  # type: ignore[misc]
            return map(prepared, plain())

    return Stream(passes, length_of(x), steps, restarts=not once, origin=x, fixed=fixed)


def _not_one_example(batch: Batch) -> Batch:
    """A batch, which has targets of rows.

    Raises:
        ValueError: a target that is one number, as the items of a data set of single examples have.
    """
    y = batch[1]
    if not (isinstance(y, int | float) or getattr(y, "ndim", 1) == 0):
        return batch
    raise ValueError(
        explain(
            "The items of this data set are single examples; batch them.",
            received=f"x {describe(batch[0])}, y {describe(y)}",
            usually="a map-style data set, whose items are rows: a loader, or a PyDataset, makes batches of them.",
            write="torch.utils.data.DataLoader(data, batch_size=32), grain.MapDataset.source(data).batch(32), or a "
            "fk.utils.PyDataset whose __getitem__ returns a batch",
        )
    )


def evaluation_source(
    trainer: Learner,
    variables: Variables,
    x: PyTree,
    y: PyTree,
    sample_weight: PyTree,
    batch_size: int | None,
    steps: int | None,
) -> Arrays | Stream:
    """The source of `evaluate` and `predict`: arrays, or something that yields batches."""
    if not is_arrays(x, described_inputs(trainer.model), beside=y is not None):
        source = stream_source(trainer, variables, x, steps, batch_size)
        check_alone(x, y=y, sample_weight=sample_weight)
        return source
    fixed = fixed_batch_size(trainer.model, variables)
    data = array_data(read(trainer.model, x), y, sample_weight, check_batch_size(batch_size, fixed))
    return Arrays(data, fixed=fixed)


def validation_source(
    trainer: Learner,
    variables: Variables,
    given: PyTree,
    held_out: ArrayData | None,
    batch_size: int | None,
    asked: int | None = None,
) -> Arrays | Stream | None:
    """The source of `validation_data`, or of what `validation_split` held out; `None` without either.

    Args:
        trainer, variables: whose model.
        given: `(x, y)` or `(x, y, sample_weight)` as a tuple, or as a list; or something that yields batches, a list of
            any number of them included.
        held_out: the rows that were held out.
        batch_size: that of training.
        asked: `validation_batch_size`.

    Returns:
        A source of batches, or `None`.
    """
    if given is None:
        if held_out is None:
            return None
        fixed = fixed_batch_size(trainer.model, variables)
        size = check_batch_size(asked, fixed) or held_out.batch_size
        return Arrays(dataclasses.replace(held_out, batch_size=size), fixed=fixed)
    if isinstance(given, list | tuple) and not given:
        raise ValueError(
            explain(
                "validation_data is empty.",
                received=repr(given),
                usually="a list that was not filled.",
                write="validation_data=(x_val, y_val), or None for no validation",
            )
        )
    alone = not isinstance(given, list | tuple) and is_arrays(given)
    if alone or isinstance(given, tuple) or (isinstance(given, list) and not _is_list_of_batches(trainer, given)):
        x, y, weight = (given, None, None) if alone else unpack(tuple(given))
        if is_arrays(x, described_inputs(trainer.model), beside=y is not None):
            source = evaluation_source(trainer, variables, x, y, weight, asked or batch_size, None)
            if y is None and trainer.objective.given_losses() and not has_own_loss(trainer):
                raise ValueError(
                    explain(
                        "validation_data has no targets, and the loss needs them.",
                        received=describe(given),
                        usually="x alone.",
                        write="validation_data=(x_val, y_val)",
                    )
                )
            return source
        source = stream_source(trainer, variables, x, None, asked)
        check_alone(x, y=y, sample_weight=weight)
        return source
    return stream_source(trainer, variables, given, None, asked)


def _is_list_of_batches(trainer: Learner, given: list[PyTree]) -> bool:
    """Whether a list is one of batches, and not `[x, y]`."""
    inputs = described_inputs(trainer.model)
    if 1 < len(given) <= 3:
        if values_are(given, Mapping) and set(given[0]) != set(given[1]):
            return False  # named inputs and named targets
        if values_are(given, list) and isinstance(inputs, list | tuple) and len(inputs) == len(given[0]):
            return False  # a list of inputs and a list of targets
    return are_batches(given, inputs)


def one_batch(
    trainer: Learner,
    state: TrainState,
    x: PyTree,
    y: PyTree = None,
    sample_weight: PyTree = None,
    class_weight: PyTree = None,
) -> Batch:
    """Arrays as one batch."""
    if class_weight is None and sample_weight is None and are_plain(x, y):
        check_integers(x, "x")
        check_integers(y, "y")
        return x, y, None
    if x is None or not is_arrays(x, described_inputs(trainer.model), beside=y is not None):
        raise TypeError(
            explain(
                "A batch is arrays.",
                received=describe(x),
                usually="an iterable of batches, which `fit`, `evaluate` and `predict` take.",
                write="trainer.train_on_batch(state, x, y)",
            )
        )
    data = array_data(read(trainer.model, x), y, sample_weight, None)
    if class_weight is None:
        return data.tree
    return data.x, data.y, _class_weights(trainer, state, class_weight)(data.x, data.y, data.sample_weight)
