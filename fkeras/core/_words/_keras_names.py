"""Keras's names for what a model, a layer, a metric, an optimizer, a callback has, where something else stands here.

`KERAS_NAMES` is the table, `kind -> name -> KerasName`, and `TO_SET` what to write in place of `model.name = value`.
A class whose attribute is asked for, and missing, hands its kinds to `missing`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from . import _keras_names_of_layers as layers
from . import _keras_names_of_models as models
from . import _keras_names_of_runs as runs
from . import _keras_names_of_training as training
from ._errors import explain
from ._keras_names_of_layers import Rows
from ._torch_names import TORCH_HOLDS, TORCH_NAMES


class KerasName(NamedTuple):
    """What is said of a name that Keras has and fkeras has not.

    Attributes:
        write: the line that does it here; Python.
        usually: why a Keras user looks for the name.
        older: whether only Keras before 3 had it.
    """

    write: str
    usually: str
    older: bool = False


def _table(now: Rows, before: Rows = ()) -> dict[str, KerasName]:
    rows: Iterator[tuple[tuple[str, Mapping[str, str]], bool]] = itertools.chain(
        ((row, True) for row in before), ((row, False) for row in now)
    )
    return {name: KerasName(write, why, older) for (why, lines), older in rows for name, write in lines.items()}


#: `kind -> name -> KerasName`. A model is a layer too, so "Model" has what it has beside a layer's.
KERAS_NAMES: Mapping[str, Mapping[str, KerasName]] = {
    "Model": _table(models.MODEL, models.MODEL_OLDER),
    "Layer": _table(layers.LAYER, layers.LAYER_OLDER),
    "SomeLayers": _table(layers.SOME_LAYERS),
    "Loss": _table(training.LOSS),
    "Metric": _table(training.SUMS, training.METRIC_OLDER),
    "Optimizer": _table(training.OPTIMIZER, training.OPTIMIZER_OLDER),
    "Callback": _table(runs.CALLBACK + runs.FOUND, runs.CALLBACK_OLDER),
    "Event": _table(runs.EVENT),
    "Trainer": _table(runs.TRAINER),
    "TrainState": _table(runs.STATE),
}

# What Keras's `fit` sets on a model.
_RUN_ATTRIBUTES = (
    "stop_training", "stop_evaluating", "stop_predicting", "history",
    "train_function", "test_function", "predict_function",
)  # fmt: skip
_TRAINER = 'trainer = trainer.replace(optimizer="sgd", loss="mse")   # or model.compile("sgd", "mse")'
_POLICY = 'model = model.with_dtype_policy("mixed_bfloat16")'
_WEIGHT = 'variables = {**variables, "params": {**variables["params"], "dense": weights}}'

_OF_LAYERS = {
    "trainable": 'model = model.freeze("dense")   # or layer.replace(trainable=False), before it joins a model',
    "name": 'layer = layer.replace(name="new_name")',
    "dtype": _POLICY,
    "dtype_policy": _POLICY,
    "built": KERAS_NAMES["Layer"]["built"].write,
    "quantization_mode": KERAS_NAMES["Layer"]["quantize"].write,
    "input_spec": "layer = fk.nn.Dense(3)   # a class of one's own sets input_spec in __init__",
    "supports_masking": "layer = fk.nn.Masking()   # a class of one's own sets supports_masking in __init__",
    "weights": _WEIGHT,
    **{name: _WEIGHT for name, row in KERAS_NAMES["SomeLayers"].items() if row.write.startswith("variables[")},
}
_OF_MODELS = {
    "trainable": 'base = base.freeze()   # or a part of it, model = model.freeze("dense")',
    "name": 'model = model.replace(name="new_name")',
    "layers": "model = fk.Sequential([*model.layers, fk.nn.Dense(1)])   # or model.add, model.map_layers",
    "weights": "state = state.with_variables(variables)",
    "optimizer": _TRAINER,
    "loss": _TRAINER,
    "metrics": 'trainer = trainer.replace(metrics=["mae"])   # or model.compile("sgd", "mse", metrics=["mae"])',
    "compiled": KERAS_NAMES["Model"]["compiled"].write,
    "jit_compile": "trainer = trainer.replace(jit_compile=True)",
    "run_eagerly": "trainer = trainer.replace(run_eagerly=True)",
    "steps_per_execution": "trainer = trainer.replace(steps_per_execution=4)",
    **{name: KERAS_NAMES["Model"][name].write for name in _RUN_ATTRIBUTES},
}

#: `kind -> name -> line`, for `model.name = value` and its like.
TO_SET: Mapping[str, Mapping[str, str]] = {
    "Model": _OF_MODELS,
    "Layer": _OF_LAYERS,
    "Optimizer": {
        "learning_rate": "state = trainer.set_learning_rate(state, 1e-4)",
        "lr": "state = trainer.set_learning_rate(state, 1e-4)",
        "iterations": "state = trainer.init(0, variables=state.variables)   # begins at step 0",
    },
    "Trainer": {
        "stop_training": KERAS_NAMES["Model"]["stop_training"].write,
        "history": KERAS_NAMES["Model"]["history"].write,
        "trainable": "trainer = trainer.replace(model=trainer.model.replace(trainable=False))",
    },
    "TrainState": {
        "variables": "state = state.with_variables(variables)",
        "weights": "state = state.with_variables(variables)",
        "learning_rate": "state = trainer.set_learning_rate(state, 1e-4)",
    },
    "Event": {"stop_training": KERAS_NAMES["Event"]["stop_training"].write},
}

# What stands in a line for the name of the layer that is asked.
_LAYERS = "dense|embedding|batch_normalization|lstm|separable_conv2d|p_re_lu|rms_normalization|multi_head_attention"
_PLACE = re.compile(rf'"({_LAYERS})"')


def missing(owner: str, kinds: Sequence[str], name: str, layer: str | None = None) -> AttributeError | None:
    """The answer to an attribute that Keras has and an object here has not.

    Args:
        owner: how messages call the object.
        kinds: which tables to look in, in order.
        name: the attribute.
        layer: the name of the layer that is asked, for the line.

    Returns:
        An error to raise; `None` for a name that no table has.

    >>> print(missing("Layer 'head' (Dense)", ["Layer", "SomeLayers"], "kernel", "head"))
    Layer 'head' (Dense) has no attribute 'kernel'.
      Usually:  a Keras model or layer holds its weights; here they are variables, which go in and come out.
      Write:    variables["params"]["head"]["kernel"]
    """
    found = next((KERAS_NAMES[kind][name] for kind in kinds if name in KERAS_NAMES[kind]), None)
    torch = next((TORCH_NAMES[kind][name] for kind in kinds if name in TORCH_NAMES.get(kind, ())), None)
    found = KerasName(torch, TORCH_HOLDS) if found is None and torch is not None else found
    if found is None:
        return None
    text = f"{owner} has no attribute {name!r}."
    return AttributeError(explain(text, usually=found.usually, write=of_layer(found.write, layer)))


def no_attribute(asked: object, kinds: Sequence[str], name: str) -> AttributeError:
    """The error for an attribute that an object has not, answered where Keras has it.

    Args:
        asked: the object.
        kinds: which tables to look in, in order.
        name: the attribute.

    Returns:
        The error, to be raised.

    Raises:
        AttributeError: a property's own, which Python takes for a missing attribute.
    """
    owner = type(asked).__name__
    if hasattr(type(asked), name):
        object.__getattribute__(asked, name)  # a property, which raises once more what it found missing itself
    found = missing(owner, kinds, name)
    return found or AttributeError(f"{owner!r} object has no attribute {name!r}", name=name, obj=asked)


def to_set(kinds: Sequence[str], name: str, layer: str | None = None) -> str | None:
    """The line in place of `layer.name = value`; `None` where Keras has no such attribute to set.

    >>> to_set(["Layer"], "trainable", "head")
    'model = model.freeze("head")   # or layer.replace(trainable=False), before it joins a model'
    """
    found = next((TO_SET[kind][name] for kind in kinds if name in TO_SET.get(kind, ())), None)
    return None if found is None else of_layer(found, layer)


def of_layer(write: str, layer: str | None) -> str:
    """A line with the name of the layer that was asked in place of the example's."""
    return write if layer is None else _PLACE.sub(f'"{layer}"', write, count=1)
