"""A live compiled model of Keras as a trainer and its state."""

from __future__ import annotations

from ...core.typing import KeyLike, PyTree
from ...train import Trainer, TrainState
from .._keras._model_config import recorded_inputs
from ._compile_parts import compile_arguments
from ._from_keras import Translated, copied, translated
from ._library import LiveObject, keras_library
from ._live_weights import is_guest
from ._optimizer_slots import with_slots


def trainer_from_keras(
    keras_model: LiveObject,
    x: PyTree = None,
    *,
    seed: KeyLike = 0,
    trainer_class: type[Trainer] = Trainer,
    **arguments: PyTree,
) -> tuple[Trainer, TrainState]:
    """A live, compiled model of Keras 3 as a trainer and its state, from which training goes on; see `fk.from_keras`.

    Optimizer, losses, metrics and their weights are those of `compile`; what is of fkeras's own classes becomes so, a
    function, a loss, a metric or a schedule of one's own is called as it is. The optimizer's moments and its count of
    steps are taken along. Where the model has its own `train_step`, or `compute_loss`, that is an error in words.

    Args:
        keras_model: a model of Keras 3, built and compiled.
        x: an example input, for a subclassed model of which Keras does not tell the input's shape.
        seed: of what is random from here on: Keras's seeds are no keys.
        trainer_class: the trainer's class.
        **arguments: of `compile`, in place of what the model was compiled with; with an `optimizer` of one's own the
            moments begin anew.

    Returns:
        `(trainer, state)`.

    Raises:
        ImportError, RuntimeError, TypeError: see `fk.from_keras`.
        ValueError: the model was not compiled or not built, trains by a method of its own, or by an optimizer that
            fkeras has not.

    >>> import fkeras as fk
    >>> try:
    ...     fk.trainer_from_keras("model.keras")
    ... except TypeError as error:
    ...     print(str(error).splitlines()[0])
    fk.trainer_from_keras takes a model or a layer of Keras.

    Reference: https://keras.io/api/models/model_training_apis/
    """
    found = translated(keras_model, "fk.trainer_from_keras")
    keras = keras_library("fk.trainer_from_keras")
    parts = compile_arguments(keras, found.live, dict(arguments))
    trainer: Trainer = trainer_class(found.model, **parts)
    state = trainer.init(seed, _example(found, x), variables=copied(found.spec, found.variables))
    live = getattr(found.live, "optimizer", None)
    if "optimizer" in arguments or live is None or not live.built or not int(live.iterations):
        return trainer, state
    return trainer, with_slots(trainer, state, live, order_of(found))


def order_of(found: Translated) -> list[str]:
    """The paths of the weights that train, in the order of Keras's `model.trainable_variables`."""
    names = {id(variable): name for name, variable in found.variables.items()}
    return [names[id(v)].removeprefix("params/") for v in found.live.trainable_variables]


def _example(found: Translated, x: PyTree) -> PyTree:
    if x is not None or not is_guest(found.model):
        return x
    args = recorded_inputs({"build_config": found.live.get_build_config() or {}})
    return args[0] if args else None
