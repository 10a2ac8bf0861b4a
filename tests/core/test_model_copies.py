"""Models are values: copies and pickles of them are equal, hash alike, and have the same names and weights."""

import copy
import pickle

import jax
import jax.numpy as jnp
import pytest

import fkeras as fk

from ..conformance.descriptors import rows


def by_pickle(value):
    return pickle.loads(pickle.dumps(value))


def by_python_pickle(value):  # as joblib's own pickler
    return pickle._loads(pickle._dumps(value))


def by_cloudpickle(value):
    return pickle.loads(pytest.importorskip("cloudpickle").dumps(value))


def by_joblib(value, path):
    joblib = pytest.importorskip("joblib")
    joblib.dump(value, path)
    return joblib.load(path)


WAYS = {"pickle": by_pickle, "deepcopy": copy.deepcopy, "copy": copy.copy, "cloudpickle": by_cloudpickle}


class Perceptron(fk.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [fk.nn.Dense(units, activation="relu"), fk.nn.Dropout(0.5)]
        self.head = fk.nn.Dense(1)

    def call(self, inputs, training=False):
        for layer in self.hidden:
            inputs = layer(inputs)
        return self.head(inputs)


class Scaled(fk.Model):
    """A graph, and a method of its own."""

    def scaled(self, variables, x):
        return 2 * self.apply(variables, x)


def functional():
    inputs = fk.Input((3,))
    return fk.Model(inputs, fk.nn.Dense(1)(fk.nn.Dense(4, activation="relu")(inputs)))


def with_ops():
    x = fk.Input((4, 4, 2), batch_size=5, name="image")
    y = abs(-x) * 2 + 1
    z = fk.ops.mean(fk.nn.Conv2D(3, 3)(y), axis=(1, 2))
    z = fk.ops.concatenate([z, y[:, 0, 0, ..., :1], round(z) // 2], axis=-1)
    return fk.Model(x, fk.ops.relu(z.reshape(-1, 7).astype("float32").T) ** 2)


def dicts():
    a, b = fk.Input((3,), name="a"), fk.Input((3,), dtype="int32", name="b")
    shared = fk.nn.Dense(2)
    first, second = shared(a), shared(b.astype("float32"))
    return fk.Model({"b": b, "a": a}, {"sum": fk.nn.Add()([first, second]), "both": (first, [second])}, name="pair")


def nested():
    base = fk.Sequential([fk.Input((3,)), fk.nn.Dense(4), fk.nn.BatchNormalization()], name="base")
    inputs = fk.Input((3,))
    return fk.Model(inputs, [functional()(inputs), fk.nn.Dense(2)(base(inputs))])


def cut():
    whole = fk.Sequential([fk.Input((3,)), fk.nn.Dense(4), fk.nn.Dense(5), fk.nn.Dense(2)])
    return fk.Model(whole.layers[0].output, whole.layers[1].output)


def masked():
    tokens = fk.Input((None,), dtype="int32")
    return fk.Model(tokens, fk.nn.LSTM(2)(fk.nn.Embedding(5, 3, mask_zero=True)(tokens)))


def attention():
    x = fk.Input((4, 6))
    return fk.Model(x, fk.nn.MultiHeadAttention(2, 3)(x, value=x, use_causal_mask=True))


def unsized():
    h = fk.Input((None, None, 1))
    return fk.Model(h, fk.nn.UpSampling2D()(fk.nn.MaxPooling2D()(h)))


MODELS = {
    "functional": functional,
    "ops": with_ops,
    "dicts": dicts,
    "nested": nested,
    "cut": cut,
    "masked": masked,
    "attention": attention,
    "unsized": unsized,
    "sequential": lambda: fk.Sequential([fk.Input((3,)), fk.nn.Dense(4), fk.nn.BatchNormalization()], name="own"),
    "unbuilt": lambda: fk.Sequential([fk.nn.Dense(4), fk.nn.Dense(2)]),
    "frozen": lambda: nested().freeze("base", "dense").unfreeze("base/batch_normalization"),
    "policy": lambda: functional().with_dtype_policy("mixed_bfloat16"),
    "subclass": lambda: Perceptron(3, name="mlp"),
    "subclass_of_graph": lambda: Scaled(*(lambda m: (m.input, m.output))(functional())),
    "text": lambda: fk.Sequential([fk.Input((), dtype="string"), fk.nn.TextVectorization(vocabulary=["a", "b"])]),
}


def specs(tree):
    return jax.tree.map(lambda leaf: (str(leaf.shape), str(leaf.dtype)), tree)


def same(copied, model):
    assert copied is not model
    assert type(copied) is type(model)
    assert copied == model
    assert hash(copied) == hash(model)
    assert copied.name == model.name
    assert [layer.name for layer in copied.layers] == [layer.name for layer in model.layers]
    if model.graph is not None:
        assert specs(copied.abstract_variables()) == specs(model.abstract_variables())
        assert jax.tree.structure(copied.input) == jax.tree.structure(model.input)
        assert [(t.name, str(t.struct)) for t in copied.outputs] == [(t.name, str(t.struct)) for t in model.outputs]
        assert (copied.input_names, copied.output_names) == (model.input_names, model.output_names)
        assert copied.graph.batch_size == model.graph.batch_size
        assert copied.weight_facts().keys() == model.weight_facts().keys()


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_pickled_and_copied(name, tmp_path):
    model = MODELS[name]()
    for way in (*WAYS.values(), by_python_pickle, lambda value: by_joblib(value, tmp_path / "model.joblib")):
        same(way(model), model)
    same(by_pickle(copy.deepcopy(by_pickle(model))), model)


@pytest.mark.parametrize("name", ["dicts", "nested"])
def test_a_copy_computes_the_same_on_the_same_variables(name):
    model = MODELS[name]()
    variables = model.init(jax.random.key(0))
    x = jax.tree.map(lambda t: jnp.ones([d or 5 for d in t.shape], t.dtype), model.input)
    for way in (by_pickle, copy.deepcopy):
        copied = way(model)
        assert jax.tree.all(jax.tree.map(jnp.array_equal, copied.init(jax.random.key(0)), variables))
        assert jax.tree.all(jax.tree.map(jnp.array_equal, copied.apply(variables, x), model.apply(variables, x)))


CLASSES = {row.cls: row for row in rows() if row.id != "STFTSpectrogram-log"}  # one row of each class, and a cheap one


@pytest.mark.parametrize("row", list(CLASSES.values())[::2], ids=lambda row: row.id)
def test_a_call_of_each_layer_is_pickled(row):
    inputs = jax.tree.map(lambda a: fk.Input(batch_shape=(None, *a.shape[1:]), dtype=str(a.dtype)), row.inputs())
    model = fk.Model(inputs, row.layer(fk.nn)(*row.packed(inputs), **row.call_kwargs))
    same(by_pickle(model), model)


def test_a_model_of_a_thousand_layers_is_pickled_and_copied():
    x = inputs = fk.Input((2,))
    for _ in range(500):
        x = fk.nn.Dense(2)(x) + 1
    model = fk.Model(inputs, x)
    for way in (by_pickle, copy.deepcopy, by_python_pickle):
        assert way(model) == model
    tensor = by_pickle(x)
    assert (tensor.name, tensor.shape) == (x.name, x.shape)


def test_tensors_nodes_and_graphs_are_pickled_with_all_before_them():
    model = with_ops()
    tensor, node, graph = by_pickle((model.output, model.graph.nodes[2], model.graph))
    assert graph == model.graph
    assert graph.outputs.node is tensor.node  # what is one stays one
    assert graph.nodes[2] is node
    assert fk.Model(graph.inputs, tensor).graph == model.graph


def test_what_two_models_share_they_share_in_a_pickle():
    whole = fk.Sequential([fk.Input((3,)), fk.nn.Dense(4), fk.nn.Dense(2)])
    part = fk.Model(whole.input, whole.layers[0].output)
    for way in (by_pickle, copy.deepcopy):
        one, two = way((whole, part))
        assert one.layers[0] is two.layers[1]
        assert one.layers[0].output.node is two.output.node


def test_a_copy_of_a_model_without_a_name_may_still_be_named():
    model = functional()
    inputs = fk.Input((3,))
    outer = fk.Model(inputs, [model(inputs), by_pickle(model)(inputs)])
    assert [layer.name for layer in outer.layers][1:] == ["functional", "functional_1"]


def test_an_op_of_a_users_own_function_is_pickled_by_its_place():
    op = fk.core.Op("double", double)
    assert by_pickle(op).function is double
    for name in ("mean", "relu", "add"):
        op = getattr(fk.ops, name)(fk.Input((2,)), *([1] if name == "add" else [])).node.operation
        assert by_pickle(op).function is op.function


def double(x):
    return 2 * x


def test_nothing_of_a_graph_can_be_changed():
    model = dicts()
    graph = model.graph
    for name in ("nodes", "inputs", "new"):
        with pytest.raises(AttributeError, match=r"(?s)immutable.*cannot be set.*Write:"):
            setattr(graph, name, ())
    with pytest.raises(AttributeError, match="immutable"):
        del graph.nodes
    with pytest.raises(AttributeError):
        graph.nodes[0].leaves = ()
    with pytest.raises(AttributeError, match="immutable"):
        model.output["sum"].name = "other"
    for values in (graph.nodes, graph.operations, graph.layers, graph.nodes[0].leaves):
        assert isinstance(values, tuple)
    model.layers.clear()  # a list of the reader's own
    assert len(model.layers) == len(graph.layers)
    for values in (graph.op_names, graph.calls_of_index):
        with pytest.raises(TypeError):
            values[0] = "other"
    before = hash(model), model.input_names, model.output_names
    model.input.clear()
    model.output["both"][1].append(None)
    model.inputs.clear()
    model.abstract_variables()["params"]["dense"].clear()
    assert (hash(model), model.input_names, model.output_names) == before
    assert set(model.abstract_variables()["params"]["dense"]) == {"kernel", "bias"}
