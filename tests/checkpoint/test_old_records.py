"""What Keras 2 wrote of layers and training that no golden file has."""

import json

import jax
import numpy as np
import pytest

import fkeras as fk


def stack(*layers):
    return json.dumps(
        {"class_name": "Sequential", "config": {"name": "m", "layers": list(layers)}, "keras_version": "2.13.1"}
    )


def layer(class_name, **config):
    return {"class_name": class_name, "config": {"name": class_name.lower(), **config}}


def test_a_layer_that_is_an_activation_has_its_old_arguments():
    activation = {"class_name": "LeakyReLU", "config": {"name": "leaky", "alpha": 0.25}}
    model = fk.model_from_json(stack(layer("Activation", activation=activation, batch_input_shape=[None, 1])))
    assert np.allclose(model.apply({}, -np.ones((1, 1), "float32")), -0.25)


@pytest.mark.parametrize("kind", ["SeparableConv2D", "DepthwiseConv2D"])
def test_regularizers_of_a_kernel_that_is_none_are_left_out(kind):
    given = {"class_name": "L2", "config": {"l2": 0.01}}
    filters = {"filters": 2} if kind.startswith("Separable") else {}
    made = fk.model_from_json(
        stack(layer(kind, kernel_size=[3, 3], kernel_regularizer=given, batch_input_shape=[None, 4, 4, 1], **filters))
    )
    assert made.output_shape == (None, 2, 2, 2 if filters else 1)


@pytest.mark.parametrize(("a", "b"), [(False, True), (True, False), (True, True)])
def test_a_product_of_transposed_matrices(a, b):
    call = ["x", 0, 0, {"b": ["x", 0, 0], "transpose_a": a, "transpose_b": b}]
    config = {
        "name": "m",
        "layers": [
            {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [None, 3, 3]}}
            | {"inbound_nodes": []},
            {"class_name": "TFOpLambda", "name": "mm", "config": {"name": "mm", "function": "linalg.matmul"}}
            | {"inbound_nodes": [call]},
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["mm", 0, 0]],
    }
    model = fk.model_from_json(json.dumps({"class_name": "Functional", "config": config, "keras_version": "2.13.1"}))
    x = np.random.default_rng(0).normal(size=(2, 3, 3)).astype("float32")
    first, second = (np.swapaxes(x, 1, 2) if turned else x for turned in (a, b))
    assert np.allclose(model.apply({}, x), first @ second, atol=1e-5)


def test_a_loss_of_ones_own_is_found_by_the_name_that_an_old_file_has(tmp_path):
    def fourth(y, p):
        return jax.numpy.mean((y - p) ** 4, -1)

    trainer = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1)]).compile("sgd", fourth, metrics=[fourth])
    h5py = pytest.importorskip("h5py")
    trainer.save(tmp_path / "m.h5", trainer.init(0))
    with h5py.File(tmp_path / "m.h5", "a") as file:
        said = json.loads(file.attrs["training_config"])
        file.attrs["training_config"] = json.dumps({**said, "loss": "fourth", "metrics": ["fourth"]})
    again, _ = fk.load_trainer(tmp_path / "m.h5", {"fourth": fourth})
    assert again.metrics == (fourth,) or list(again.metrics) == [fourth]
    assert "fourth" in repr(again.loss)


def test_the_moments_of_a_scaled_optimizer_go_on(tmp_path):
    h5py = pytest.importorskip("h5py")
    model = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1, name="d")])
    trainer = model.compile(fk.optimizers.LossScaleOptimizer(fk.optimizers.Adam(0.1)), "mse")
    trainer.save(tmp_path / "m.h5", trainer.init(0))
    moments = {"m/kernel": [[1.0], [2.0]], "v/kernel": [[3.0], [4.0]], "m/bias": [5.0], "v/bias": [6.0]}
    arrays = {"iteration:0": np.int64(2)}
    arrays |= {f"Adam/{name}:0": np.asarray(value, "float32") for name, value in moments.items()}
    inner = {"class_name": "Adam", "config": {"learning_rate": 0.1, "use_ema": False, "is_legacy_optimizer": False}}
    scaled = {"inner_optimizer": inner, "dynamic": True, "initial_scale": 1024.0, "dynamic_growth_steps": 2000}
    said = {"loss": "mse", "optimizer_config": {"class_name": "LossScaleOptimizerV3", "config": scaled}}
    with h5py.File(tmp_path / "m.h5", "a") as file:
        file.attrs["training_config"] = json.dumps(said)
        file.attrs["keras_version"] = "2.13.1"
        del file["optimizer_weights"]
        group = file.create_group("optimizer_weights")
        group.attrs["weight_names"] = [name.encode() for name in arrays]
        for name, value in arrays.items():
            group[name] = value
    _, state = fk.load_trainer(tmp_path / "m.h5")
    assert int(state.step) == 2
    assert float(state.opt_state.dynamic_scale) == 1024.0
    read = sorted(np.concatenate([np.ravel(a) for a in jax.tree.leaves(state.opt_state.inner.inner)]))
    assert np.array_equal(read, [1, 2, 3, 4, 5, 6])


def test_configs_of_models_are_read_in_their_old_form():
    dense = {"class_name": "Dense", "config": {"name": "d", "output_dim": 2, "batch_input_shape": [None, 3]}}
    new = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, name="d")])
    for config in ([dense], {"name": "sequential", "layers": [dense]}):
        assert fk.Sequential.from_config(config).layers[-1] == new.layers[-1]
        assert fk.Sequential.from_config(config).input_shape == (None, 3)
    graph = {
        "name": "m",
        "layers": [
            {
                "name": "i",
                "class_name": "InputLayer",
                "config": {"batch_input_shape": [None, 3], "dtype": "float32", "sparse": False, "name": "i"},
                "inbound_nodes": [],
            },
            {
                "name": "d",
                "class_name": "Dense",
                "config": {"name": "d", "units": 2, "activation": "hard_sigmoid"},
                "inbound_nodes": [[["i", 0, 0, {}]]],
            },
        ],
        "input_layers": [["i", 0, 0]],
        "output_layers": [["d", 0, 0]],
    }
    model = fk.Model.from_config(graph)
    assert model.output_shape == (None, 2)
    assert fk.Model.from_config(model.get_config()) == model
    with pytest.raises(ValueError, match="The text is YAML"):
        fk.model_from_json("backend: tensorflow\nclass_name: Sequential\nconfig: []\n")
    with pytest.raises(AttributeError, match="Keras took it out"):
        _ = fk.models.model_from_yaml


def graph_of(*nodes, outputs=None):
    """An old graph on one input `x` of shape `(None, 3, 4)`: nodes are `(class_name, name, config, inbound)`."""
    start = {"class_name": "InputLayer", "name": "x", "inbound_nodes": []}
    start["config"] = {"name": "x", "batch_input_shape": [None, 3, 4], "dtype": "float32"}
    layers = [
        {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": calls}
        for kind, name, config, calls in nodes
    ]
    config = {"name": "m", "layers": [start, *layers], "input_layers": [["x", 0, 0]]}
    config["output_layers"] = [[outputs or nodes[-1][1], 0, 0]]
    return json.dumps({"class_name": "Functional", "config": config, "keras_version": "2.4.0"})


def test_what_is_not_known_of_a_loss_leaves_the_predictions():
    text = graph_of(
        ("Flatten", "flat", {}, [[["x", 0, 0, {}]]]),
        ("TFOpLambda", "odd", {"function": "raw_ops.Odd"}, [["x", 0, 0, {}]]),
        ("TFOpLambda", "sum", {"function": "math.reduce_sum"}, [["odd", 0, 0, {}]]),
        ("AddLoss", "add_loss", {}, [[["sum", 0, 0, {}]]]),
        outputs="flat",
    )
    with pytest.warns(UserWarning, match=r"(?s)The loss 'add_loss' .* is left out.*raw_ops.Odd"):
        model = fk.model_from_json(text)
    assert model.output_shape == (None, 12)


def test_functions_that_are_not_known_are_named():
    def said(function, call, kind="TFOpLambda", **config):
        with pytest.raises(ValueError) as error:
            fk.model_from_json(graph_of((kind, "f", {"function": function, **config}, call)))
        return str(error.value)

    assert "TensorFlow function 'signal.stft'" in said("signal.stft", [["x", 0, 0, {}]])
    assert "does not say with which tensors" in said("einsum", [["_CONSTANT_VALUE", -1, "bij->bj", {}]])
    node = {"op": "Betainc", "name": "b", "input": ["x"], "attr": {}}
    text = said(None, [[["x", 0, 0, {}]]], "TensorFlowOpLayer", node_def=node, constants={})
    assert "TensorFlow operation 'Betainc'" in text
    with pytest.raises(ValueError, match="constants beside its states is not read"):
        fk.model_from_json(graph_of(("RNN", "r", {"cell": {}}, [[["x", 0, 0, {"constants": ["x", 0, 0]}]]])))


def test_squares_of_differences_and_sums_are_several_ops():
    text = graph_of(
        ("TFOpLambda", "d", {"function": "math.squared_difference"}, [["x", 0, 0, {"y": 1.0}]]),
        ("TFOpLambda", "n", {"function": "math.add_n"}, [[["d", 0, 0, {}], ["x", 0, 0, {}]]]),
    )
    model = fk.model_from_json(text)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    assert np.allclose(model.apply({}, x), (x - 1) ** 2 + x, atol=1e-6)


def test_ops_that_were_read_equal_those_that_were_called():
    x = fk.Input((3, 4))
    calls = (fk.ops.sum(x, 1), fk.ops.transpose(x, (0, 2, 1)), x[:, 0], fk.ops.concatenate([x, x], axis=-1))
    for y in (*calls, fk.ops.clip(x, 0.0, 1.0), fk.ops.cast(x, "int32")):
        model = fk.Model(x, y)
        again = fk.model_from_json(model.to_json())
        assert again == model
        assert hash(again) == hash(model)
    assert fk.Model(x, fk.ops.sum(x, 1)) == fk.Model(x, fk.ops.sum(x, axis=1, keepdims=False))
    assert fk.Model(x, fk.ops.sum(x, 1)) != fk.Model(x, fk.ops.sum(x, 2))
