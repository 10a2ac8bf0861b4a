"""What Keras keeps on its objects: each public attribute is here, or is answered with a line that does it.

The judge is `dir()` of real Keras's classes, and of objects that were built, compiled and fitted. The lines are run.
"""

import ast
import functools

import flax.linen as linen
import flax.training.train_state
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fkeras as fk
from fkeras.core import KERAS_NAMES, TO_SET

from ..real_keras import keras_world

X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
EVERY = [(kind, name) for kind, rows in KERAS_NAMES.items() for name in rows]

# Kinds whose names are not those of an object of Keras's: users who thread a state look for them on it.
OURS = ("TrainState", "Event", "Trainer")
# What Keras's `fit` and a callback's run set, on objects that no test here has.
SET_LATER = {"stopped_epoch", "best", "best_epoch", "best_weights", "wait", "history"}
# Attributes of one of the objects below, which its class has and no other of its kind.
OF_ONE_CLASS = {
    "Model": {"d"},
    "Optimizer": {"momentum", "momentums", "nesterov", "amsgrad", "beta_1", "beta_2", "epsilon"},
}


# ------------------------------------------------------------------ real Keras
@functools.cache
def keras_objects():
    keras = pytest.importorskip("keras")

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.d = keras.layers.Dense(1)

        def call(self, inputs):
            return self.d(inputs)

    inputs = keras.Input((3,))
    sequential = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    functional = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    callback, metric = keras.callbacks.Callback(), keras.metrics.MeanSquaredError()
    early = keras.callbacks.EarlyStopping("loss", patience=1)
    subclassed = Subclassed()
    subclassed(inputs)
    for model in (sequential, functional, subclassed):
        model.compile("sgd", "mse", metrics=["mae"])
    functional.fit(X, Y, verbose=0, callbacks=[callback, early])
    functional.evaluate(X, Y, verbose=0)
    functional.predict(X, verbose=0)
    metric.update_state(Y, Y)
    return {
        "Model": [sequential, functional, subclassed, keras.Model, keras.Sequential],
        "Layer": [sequential.layers[0], keras.layers.Layer],
        "SomeLayers": weighted_layers(keras),
        "Loss": [keras.losses.MeanSquaredError(), keras.losses.Loss],
        "Metric": [metric, keras.metrics.Metric],
        "Optimizer": [functional.optimizer, keras.optimizers.Adam(), keras.optimizers.Optimizer],
        "Callback": [callback, keras.callbacks.Callback],
        "Initializer": [keras.initializers.GlorotUniform(), keras.initializers.Initializer],
        "Regularizer": [keras.regularizers.L2()],
        "Constraint": [keras.constraints.MaxNorm()],
        "of others": [early, keras.metrics.Precision(), keras.metrics.AUC()],
    }


LAYERS = {  # by class: the arguments, and the shape of its input
    "Dense": ((2,), (4,)),
    "Embedding": ((5, 2), (4,)),
    "BatchNormalization": ((), (4,)),
    "LayerNormalization": ((), (4,)),
    "RMSNormalization": ((), (4,)),
    "PReLU": ((), (4,)),
    "LSTM": ((2,), (4, 3)),
    "GRU": ((2,), (4, 3)),
    "Conv1D": ((2, 3), (4, 3)),
    "SeparableConv1D": ((2, 3), (4, 3)),
    "DepthwiseConv1D": ((2,), (4, 3)),
    "MultiHeadAttention": ((2, 2), (4, 3)),
}


def weighted_layers(keras):
    layers = []
    for name, (args, shape) in LAYERS.items():
        layer = getattr(keras.layers, name)(*args)
        x = keras.Input(shape)
        layer(x, x) if name == "MultiHeadAttention" else layer(x)
        layers.append(layer)
    others = [keras.layers.Normalization(), keras.layers.Dropout(0.5)]
    return [*layers, *others, layers[list(LAYERS).index("LSTM")].cell]


def has(objects, name):
    """Whether one of Keras's objects has a name; reading it may need what they were not given."""
    return any(name in dir(one) or hasattr(one, name) for one in objects)


# ------------------------------------------------------------------ ours
MODEL = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)])
TRAINER = MODEL.compile("adam", "mse")
OBJECTS = {
    "Trainer": [TRAINER],
    "TrainState": [TRAINER.init(0)],
    "Event": [fk.callbacks.Event(trainer=TRAINER, state=None)],
    "Model": [MODEL, TRAINER],
    "Layer": [MODEL.layers[0]],
    "SomeLayers": [fk.nn.Identity()],
    "Loss": [fk.losses.MeanSquaredError()],
    "Metric": [fk.metrics.MeanSquaredError()],
    "Optimizer": [fk.optimizers.SGD(0.1)],
    "Callback": [fk.callbacks.EarlyStopping()],
    "Initializer": [fk.initializers.GlorotUniform()],
    "Regularizer": [fk.regularizers.L2()],
    "Constraint": [fk.constraints.MaxNorm()],
}


def answer(owner, name):
    """What an object says to a name that it has not; `None` where it has it."""
    try:
        getattr(owner, name)
    except AttributeError as error:
        return error.args[0]
    except ValueError:  # a property that exists, of something that this object has none of
        return None
    return None


# ------------------------------------------------------------------ the laws
@pytest.mark.parametrize("kind", [kind for kind in OBJECTS if kind not in ("SomeLayers", *OURS)])
def test_each_public_attribute_of_keras_is_here_or_is_answered(kind):
    with keras_world():
        names = {name for one in keras_objects()[kind] for name in dir(one) if not name.startswith("_")}
    for owner in OBJECTS[kind]:
        said = {name: answer(owner, name) for name in names - OF_ONE_CLASS.get(kind, set())}
        silent = sorted(name for name, text in said.items() if text is not None and not is_from_table(text))
        assert not silent, f"{type(owner).__name__} says nothing of {silent}"


def is_from_table(text):
    """Whether an answer is one of the table's, or names where a weight lies."""
    return getattr(text, "write", "") and "inside `init` and `apply`" not in text


@pytest.mark.parametrize("kind", [kind for kind in KERAS_NAMES if kind not in OURS])
def test_each_row_is_a_name_of_keras_s(kind):
    with keras_world():
        judges = [*keras_objects()[kind], *keras_objects()["of others"] * (kind in ("Callback", "Metric"))]
        found = {name: has(judges, name) for name in KERAS_NAMES[kind]}
    wrong = {name for name, row in KERAS_NAMES[kind].items() if found[name] == row.older and name not in SET_LATER}
    assert not wrong, f"Keras 3 has these, or has them not, other than the table says: {sorted(wrong)}"


@pytest.mark.parametrize("kind", KERAS_NAMES)
def test_each_row_is_what_the_object_says(kind):
    for name, row in KERAS_NAMES[kind].items():
        assert not hasattr(OBJECTS[kind][0], name), f"{kind} has {name}: take it off the table of Keras's names"
        for owner in OBJECTS[kind]:
            text = answer(owner, name)
            assert text is None or (text.usually and ast.parse(text.write)), name
        assert answer(OBJECTS[kind][0], name).usually == row.usually, name


def test_names_of_flax_s_state_are_answered_too():
    state = flax.training.train_state.TrainState.create(apply_fn=MODEL.apply, params={}, tx=optax.sgd(0.1))
    ours = TRAINER.init(0)
    names = {name for name in dir(state) if not name.startswith("_")} - {"create"}
    assert [name for name in sorted(names) if answer(ours, name) is not None and not answer(ours, name).write] == []


def test_a_name_that_nobody_has_is_answered_as_python_does():
    for owner, *_ in OBJECTS.values():
        with pytest.raises(AttributeError, match="nonsense"):
            _ = owner.nonsense
        assert not hasattr(owner, "nonsense")
        assert not hasattr(owner, "_repr_nonsense_")


def test_a_misspelt_attribute_of_a_layer_is_named():
    for owner, name, said in ((MODEL, "sumary", "layer.summary"), (MODEL.layers[0], "unit", "layer.units")):
        assert answer(owner, name).write == said


def test_what_a_property_misses_is_what_the_error_says():
    class Own(fk.metrics.Metric):
        @property
        def half(self):
            return self.whole / 2

    with pytest.raises(AttributeError, match="no attribute 'whole'"):
        _ = Own().half


# ------------------------------------------------------------------ where weights are
@pytest.mark.parametrize("name", [n for n in LAYERS if n not in ("LSTM", "GRU")] + ["LSTM"])
def test_the_line_for_a_weight_is_where_it_lies(name):
    keras = pytest.importorskip("keras")
    args, shape = LAYERS[name]
    layer = getattr(fk.nn, name)(*args)
    x = fk.Input(shape)
    model = fk.Model(x, layer(x, x) if name == "MultiHeadAttention" else layer(x))
    variables = model.init(jax.random.key(0))
    index = list(LAYERS).index(name) if name != "LSTM" else -1
    with keras_world():
        theirs = keras_objects()["SomeLayers"][index]
        weights = {n: getattr(theirs, n, None) for n in dir(theirs) if n[0] != "_"}
        found = {n: tuple(v.shape) for n, v in weights.items() if isinstance(v, keras.Variable)}
    assert found or name == "MultiHeadAttention"
    for weight, size in found.items():
        if hasattr(layer, weight):  # an argument of ours has the name
            continue
        line = answer(layer, weight).write
        assert eval(line, {"variables": variables}).shape == size, line


# ------------------------------------------------------------------ the lines run
SUMS = ("total", "count", "true_negatives", "false_negatives")  # of other metrics than Precision


class Harness:
    """A user's script, in which the lines stand."""

    def __init__(self, place):
        inputs = fk.Input((3,))
        outputs = fk.nn.Dense(3)(fk.nn.Dense(3, name="dense")(inputs))
        model = fk.Model(inputs, fk.nn.Dense(1, name="out")(outputs))
        trainer = model.compile("adam", "mse", metrics=["mae"])
        state = trainer.init(0)
        state, history = trainer.fit(state, X, Y, batch_size=8, validation_data=(X, Y), verbose=0)
        metric = fk.metrics.Precision()
        params = {"w": jnp.ones(3)}
        optimizer = fk.optimizers.SGD(0.1)
        trainer.save(place / "run", state)
        model.save_weights(place / "weights", state)
        self.names = {
            "__name__": __name__,
            "fk": fk, "jax": jax, "jnp": jnp, "np": np, "optax": optax, "linen": linen,
            "model": model, "base": model,
            "layer": model.layers[1], "trainer": trainer, "state": state, "history": history,
            "variables": state.variables, "tree": state.tree(), "weights": state.variables["params"]["dense"],
            "x": X, "y": Y, "x_val": X, "y_val": Y, "y_true": Y, "y_pred": Y, "batches": [(X, Y)],
            "sample_weight": np.ones(8),
            "key": jax.random.key(0), "metric": metric,
            "metric_state": {**metric.update(metric.empty(), Y, Y), **dict.fromkeys(SUMS)},
            "optimizer": optimizer, "params": params, "grads": params, "opt_state": optimizer.init(params),
            "loss_fn": lambda p: jnp.sum(p["w"] ** 2), "loss": fk.losses.MeanSquaredError(),
        }  # fmt: skip

    def run(self, line, path):
        """Run a line where it belongs: in a class, in a hook, or in the script."""
        names = {**self.names, "path": path}
        if "recurrent_state" in line:
            names["variables"] = {**names["variables"], "recurrent_state": {"lstm": {"state_0": jnp.ones((8, 2))}}}
        if "state.params" in line:
            names["grads"] = names["state"].params
        if line.startswith("self."):
            made = class_with(names, "fk.nn.Layer", f"def build(self, input_shape): {line}")
            made.call = lambda self, inputs: inputs
            names["cls"] = made
            exec("class Own(cls):\n def call(self, inputs): return inputs", names)
            names["Own"]().init(jax.random.key(0), X)
        elif line.startswith("def empty"):
            class_with(names, "fk.metrics.Metric", line)().empty()
        elif line.startswith("def rule"):
            made = class_with(names, "fk.optimizers.Optimizer", f"learning_rate: float = 0.1\n {line}")()
            made.update(names["grads"], made.init(names["params"]), names["params"])
        elif line.startswith("def on_"):
            callback = class_with(names, "fk.callbacks.Callback", line)()
            return names["trainer"].fit(names["state"], X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[callback])
        elif line.startswith("event"):
            callback = class_with(names, "fk.callbacks.Callback", f"def on_epoch_end(self, event): {line}")()
            names["trainer"].fit(names["state"], X, Y, batch_size=8, verbose=0, callbacks=[callback])
        else:
            exec(compile(line, "the line", "exec"), names)
        return names


def class_with(names, base, body):
    exec(f"class Own({base}):\n {body}", names)
    return names["Own"]


@pytest.fixture(scope="module")
def harness(tmp_path_factory):
    place = tmp_path_factory.mktemp("lines")
    return Harness(place), place


LINES = {}
for _kind, _name in EVERY:
    if _kind != "SomeLayers":
        LINES.setdefault(KERAS_NAMES[_kind][_name].write, f"{_kind}.{_name}")
for _kind, _rows in TO_SET.items():
    for _name, _line in _rows.items():
        LINES.setdefault(_line, f"set {_kind}.{_name}")


@pytest.mark.parametrize("line", LINES, ids=LINES.values())
def test_the_line_runs(line, harness, capsys):
    script, place = harness
    path = place / ("run" if "load_trainer" in line else "weights" if "load_weights" in line else "new")
    script.run(line, path)


def test_the_line_for_stop_training_stops(harness):
    _, history = harness[0].run(KERAS_NAMES["Model"]["stop_training"].write, None)
    assert len(history.epoch) == 1


# ------------------------------------------------------------------ setting
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, rows in TO_SET.items() for name in rows])
def test_what_keras_sets_is_answered(kind, name):
    owner = OBJECTS[kind][0]
    with pytest.raises(AttributeError) as caught:
        setattr(owner, name, None)
    assert caught.value.args[0].write == TO_SET[kind][name]
