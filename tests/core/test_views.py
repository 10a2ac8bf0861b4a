"""What one sees of a layer, model, trainer or state: its repr, its view in a notebook, and the names it offers."""

from __future__ import annotations

import html.parser
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import fkeras as fk
from tests.conformance import descriptors

# Where the names of a repr are found.
NAMESPACES = (fk.nn, fk.initializers, fk.regularizers, fk.constraints, fk)
# Rows whose arguments cannot be written: functions, arrays, modules of elsewhere.
NOT_WRITTEN = {"JaxLayer", "Lambda", "FlaxLayer", "EquinoxLayer", "Normalization"}


class MyDense(fk.nn.Layer):
    def __init__(self, units, rate=0.5, table=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.rate, self.table = units, rate, table


class Scale(fk.nn.Layer):
    factor: float = 1.0
    kernel_initializer: object = fk.nn.field("ones", convert=fk.initializers.get)

    def call(self, inputs):
        return inputs * self.factor


def small(layers=2, name=None):
    rows = [fk.nn.Dense(3, activation="relu") for _ in range(layers)]
    return fk.Sequential([fk.Input((4,)), *rows], name=name)


# ------------------------------------------------------------------ reprs
def test_the_repr_of_every_layer_makes_it_again():
    names = {}
    for namespace in reversed(NAMESPACES):
        names |= {name: getattr(namespace, name) for name in dir(namespace)}
    names["Identity"], names["GroupedQueryAttention"] = fk.nn.Identity, fk.nn.GroupQueryAttention
    for row in descriptors.rows():
        if row.cls in NOT_WRITTEN:
            continue
        layer = row.layer(fk.nn)
        again = eval(repr(layer), dict(names))
        assert again == layer, repr(layer)
        assert "\n" not in repr(layer), row.id


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (lambda: fk.nn.Dense(3, activation="relu"), "Dense(units=3, activation='relu')"),
        (lambda: fk.nn.Dense(3, activation=jax.nn.swish), "Dense(units=3, activation='silu')"),
        (lambda: fk.nn.Dense(3, kernel_initializer="he_normal"), "Dense(units=3, kernel_initializer=HeNormal())"),
        (lambda: fk.nn.Dense(3, trainable=False, dtype="bfloat16", name="a"),
         "Dense(units=3, trainable=False, dtype='bfloat16', name='a')"),
        (lambda: fk.nn.MaxPooling2D(3, strides=2), "MaxPooling2D(pool_size=(3, 3), strides=(2, 2))"),
        (lambda: fk.nn.Bidirectional(fk.nn.LSTM(4, name="a")).replace(name="b").merge_mode, "concat"),
        (lambda: fk.nn.TimeDistributed(fk.nn.Dense(2)), "TimeDistributed(layer=Dense(units=2))"),
        (lambda: fk.nn.Activation(lambda x: x), "Activation(activation=<lambda>)"),
        (lambda: fk.nn.FlaxLayer(linen.Dense(4)), "FlaxLayer(module=Dense(features=4))"),
        (lambda: MyDense(3, table=np.ones((5, 2))), "MyDense(units=3, table=<float64(5, 2)>)"),
        (lambda: MyDense(3, trainable=False, name="a"), "MyDense(units=3, trainable=False, name='a')"),
        (lambda: Scale(2.0), "Scale(factor=2.0)"),
        (lambda: Scale(kernel_initializer="zeros"), "Scale(kernel_initializer=Zeros())"),
        (lambda: fk.nn.StringLookup(vocabulary=[str(i) for i in range(1000)]).vocabulary, None),
        (lambda: fk.losses.Huber(delta=2.0), "Huber(delta=2.0)"),
        (lambda: fk.losses.get("mse"), "LossFunctionWrapper(mean_squared_error)"),
        (lambda: fk.losses.MeanSquaredError(reduction="sum"), "MeanSquaredError(reduction='sum')"),
        (lambda: fk.metrics.SparseTopKCategoricalAccuracy(k=3), "SparseTopKCategoricalAccuracy(k=3)"),
        (lambda: fk.metrics.AUC(num_thresholds=50, name="a"), "AUC(num_thresholds=50, name='a')"),
        (lambda: fk.initializers.RandomNormal(stddev=0.1, seed=1), "RandomNormal(stddev=0.1, seed=1)"),
        (lambda: fk.regularizers.L2(0.1), "L2(l2=0.1)"),
        (lambda: fk.constraints.MaxNorm(1), "MaxNorm(max_value=1)"),
        (lambda: fk.optimizers.schedules.CosineDecay(0.1, 100),
         "CosineDecay(initial_learning_rate=0.1, decay_steps=100)"),
        (lambda: fk.optimizers.Muon(), "Muon(learning_rate=0.001)"),
        (lambda: fk.callbacks.EarlyStopping(patience=3), "EarlyStopping(patience=3)"),
        (lambda: fk.nn.InputSpec(ndim=2), "InputSpec(ndim=2)"),
    ],
)  # fmt: skip
def test_a_repr_shows_what_differs_from_the_defaults(made, shown):
    value = made()
    if shown is None:
        assert len(repr(fk.nn.StringLookup(vocabulary=list(value)))) < 150
    else:
        assert (value if isinstance(value, str) else repr(value)) == shown


def test_what_an_object_does_not_keep_is_not_made_up():
    class Hidden(fk.losses.Loss):
        def __init__(self, factor):
            super().__init__()
            self._factor = factor

    assert repr(Hidden(2.0)) == "Hidden(…)"


def test_a_model_of_few_layers_is_written_out_and_one_of_many_is_counted():
    model = small()
    text = "Sequential([Input((4,)), Dense(units=3, activation='relu'), Dense(units=3, activation='relu')])"
    assert repr(model) == text
    assert eval(text, {**vars(fk), "Dense": fk.nn.Dense, "Sequential": fk.Sequential, "Input": fk.Input}) == model
    assert repr(small(20)) == "<Sequential 'sequential': 20 layers, (None, 4) -> (None, 3)>"
    a, b = fk.Input((2,), name="a"), fk.Input((3,), name="b")
    two = fk.Model({"a": a, "b": b}, [fk.nn.Dense(1)(a), fk.nn.Concatenate()([a, b])], name="two")
    assert repr(two) == "<Model 'two': 4 layers, {a: (None, 2), b: (None, 3)} -> [(None, 1), (None, 5)]>"


# ------------------------------------------------------------------ states
def test_a_state_shows_shapes_and_never_numbers():
    trainer = small(name="net").compile("adam", "mse", metrics=["mae"])
    state = trainer.init(0)
    state = state.with_variables({"params": jax.tree.map(lambda a: jnp.full_like(a, 0.123456), state.params)})
    for shown in (repr(state), str(state), state._repr_html_(), repr((state, 1))):
        assert "123456" not in shown
        assert "kernel" in shown
        assert "float32(4, 3)" in shown
    assert repr(state).splitlines()[0].startswith("TrainState at step 0: 27 parameters, 108.00 B; ")
    assert len(repr(state).splitlines()) < 12


def test_a_state_of_many_layers_stays_short():
    state = small(60).compile("sgd", "mse").init(0)
    lines = repr(state).splitlines()
    assert len(lines) < 34
    assert any("more lines" in line for line in lines)


def test_a_state_is_shown_wherever_it_is():
    trainer = small().compile("sgd", "mse")
    state = trainer.init(0)
    assert repr(jax.eval_shape(lambda: trainer.init(0))).startswith("TrainState at step ?: 27")
    assert repr(jax.vmap(lambda key: trainer.init(key))(jax.random.split(jax.random.key(0), 2))).startswith(
        "TrainState at step ? (2 states): 54"
    )
    shown = []
    jax.jit(lambda s: shown.append(repr(s)))(state)
    assert shown[0].startswith("TrainState at step ?: 27 parameters")
    given_away = jax.tree.map(jnp.copy, state)
    jax.tree.map(lambda a: a.delete(), given_away)
    assert repr(given_away).startswith("TrainState at step ?: 27 parameters")


def test_a_subclass_of_a_state_does_not_print_its_arrays():
    import dataclasses

    @jax.tree_util.register_dataclass
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Averaged(fk.TrainState):
        average: dict

    state = small().compile("sgd", "mse").init(0)
    fields = {f.name: getattr(state, f.name) for f in dataclasses.fields(state)}
    made = Averaged(**fields, average={"w": jnp.full(3, 0.123456)})
    assert repr(made).startswith("Averaged at step 0")
    assert "average: 1 array, 3 numbers" in repr(made)
    assert "123456" not in repr(made)


# ------------------------------------------------------------------ views
class Balanced(html.parser.HTMLParser):
    """Reads HTML and finds tags that are not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], set(), ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(text):
    parser = Balanced()
    parser.feed(text)
    assert not parser.open
    assert not parser.tags & {"script", "style", "link", "img", "iframe"}
    return parser


def test_views_are_small_pieces_of_html_with_names_escaped():
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3, name="<b>a & b")])
    trainer = model.compile("adam", "mse", metrics=["mae"])
    state = trainer.init(0)
    for value in (model, trainer, state, model.output):
        bundle = value._repr_mimebundle_()
        assert set(bundle) == {"text/plain", "text/html"}
        assert bundle["text/html"] == value._repr_html_()
        found = read(bundle["text/html"])
        assert len(bundle["text/html"]) < 10_000
        assert "b" not in found.tags
        assert "<b>a & b" in found.text
    assert "details" in read(state._repr_html_()).tags


def test_a_model_is_its_table():
    bundle = small(name="net")._repr_mimebundle_()
    assert 'Model: "net"' in bundle["text/plain"]
    assert "Total params: 27 (108.00 B)" in bundle["text/plain"]
    found = read(bundle["text/html"])
    assert "table" in found.tags
    assert "Total params: 27 (108.00 B)" in found.text


def test_a_trainer_is_what_it_was_compiled_with():
    trainer = small(name="net").compile("adam", "mse", metrics=["mae"], run_eagerly=True)
    lines = trainer._repr_mimebundle_()["text/plain"].splitlines()
    assert lines[0] == "Trainer"
    assert [line.split()[0] for line in lines[1:]] == ["model", "optimizer", "loss", "metrics", "run_eagerly"]
    assert "Adam(learning_rate=0.001)" in repr(trainer)
    assert "steps_per_execution" not in repr(trainer)

    class Mine(fk.Trainer):
        factor: float = 1.0

    assert "factor=2.0" in repr(small().compile("sgd", "mse", trainer_class=Mine, factor=2.0))


def test_a_report_is_counted(tmp_path):
    old, new = small(name="a"), fk.Sequential([fk.Input((4,)), fk.nn.Dense(3), fk.nn.Dense(2)])
    old.save_weights(tmp_path / "w", old.init(jax.random.key(0)))
    _, report = new.load_weights(tmp_path / "w", new.init(jax.random.key(0)), skip_mismatch=True, report=True)
    assert repr(report) == "<LoadReport: loaded 2, skipped 2, ignored 0>"
    bundle = report._repr_mimebundle_()
    assert bundle["text/plain"] == str(report)
    assert "params/dense_1/kernel" in read(bundle["text/html"]).text


# ------------------------------------------------------------------ names
def test_names_that_are_offered_are_ours():
    model = small()
    for value in (model, model.layers[0], model.compile("sgd", "mse"), MyDense(3)):
        names = dir(value)
        assert not [name for name in names if name.startswith("_")]
        assert not {"perturb", "sow", "variable", "put_variable", "is_mutable_collection", "share_scope"} & set(names)
        for name in names:
            assert inspect.getattr_static(value, name, inspect) is not inspect or name in vars(value), name
    assert {"summary", "layers", "compile", "predict", "save", "get_layer", "init", "apply", "name"} <= set(dir(model))
    assert {"fit", "evaluate", "predict", "train_on_batch", "init", "save"} <= set(dir(model.compile("sgd", "mse")))
    assert {"units", "activation", "call", "get_config"} <= set(dir(model.layers[0]))
    assert callable(model.layers[0].sow)
    assert {"units", "rate", "table"} <= set(dir(MyDense(3)))


def test_the_signature_of_a_layer_is_kerass():
    assert list(inspect.signature(fk.nn.Dense).parameters)[:4] == [
        "units",
        "activation",
        "use_bias",
        "kernel_initializer",
    ]
    assert not {"parent", "graph", "start"} & set(inspect.signature(fk.nn.Dense).parameters)
    assert next(iter(inspect.signature(fk.Sequential).parameters)) == "layers"
    assert list(inspect.signature(fk.Model).parameters)[:2] == ["inputs", "outputs"]

    class Fields(fk.Model):
        units: int = 3

        @linen.compact
        def __call__(self, x):
            return fk.nn.Dense(self.units)(x)

    assert next(iter(inspect.signature(Fields).parameters)) == "units"
