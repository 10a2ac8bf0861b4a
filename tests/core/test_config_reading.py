"""Reading a config costs what the config is worth, and nothing in it changes which checks run."""

import json
import time

import pytest

import fkeras as fk
from fkeras.core import Budget, read_json
from tests.core.test_ops_bounds import X, graph, op, record, tensor


def model_text():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)]).to_json()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
def test_an_encoding_changes_no_check(encoding):
    good, bad = model_text(), graph(op("Fromfile", ["/etc/hostname", X]))
    assert fk.model_from_json(good.encode(encoding)).output_shape == (None, 2)
    with pytest.raises(ValueError, match="'fromfile', which reads or writes files"):
        fk.model_from_json(bad.encode(encoding))
    with pytest.raises(ValueError, match="600,001 lists and dicts"):
        read_json(json.dumps([[]] * 600_000).encode(encoding), "m.keras")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"class_name": "Dense", "class_name": "Flatten"}', "'class_name' is given twice"),
        (b'{"a": "\xff"}', "bytes that are no text"),
        ('{"class_name": "Dense", "config": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"class_name": "Dense", "config": ' + "[" * 150 + "]" * 150 + "}", "nested more than 120 deep"),
        ('{"class_name": "Dense", "config": {"units": 1' + "0" * 400 + "}}", "more than 64 bits"),
        ('{"class_name": "\\ud800", "config": {}}', "half a character"),
        ('{"class_name": "Dense", "config": {"name": "' + "n" * 70_000 + '"}}', "a text of 70,000 characters"),
        ("{", "Expecting property name"),
        ('{"module": "keras.layers", "class_name": "Dense", "config": {"units": NaN}}', "`units` is"),
    ],
)
def test_a_text_that_is_no_description_is_refused_in_words(text, words):
    with pytest.raises(ValueError, match=words) as refused:
        fk.model_from_json(text)
    assert "  Received: " in str(refused.value)
    assert len(str(refused.value)) < 5_000


def twice(count):
    """Models inside models, each of which calls the inner one twice: 2^count calls in a few kilobytes."""
    inner = json.loads(graph(layer("Dense", "op", [X], units=4)))
    for k in range(count):
        name = f"m{k}"
        call = {"args": [X], "kwargs": {}}
        entry = {**inner, "name": name, "inbound_nodes": [call, call]}
        inner = json.loads(graph(entry, output=name))
        inner["config"]["output_layers"] = [name, 2, 0]
    return inner


def layer(class_name, name, args, **config):
    return op(class_name, args, name, "keras.layers", **config)


def nested(count):
    inner = {"class_name": "Sequential", "module": "keras", "config": {"name": "s", "layers": []}}
    for _ in range(count):
        inner = {"class_name": "Sequential", "module": "keras", "config": {"name": "s", "layers": [inner]}}
    return inner


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (twice(22), "20,000 calls of layers"),
        (nested(35), "nested more than 32 deep"),
        ({"metrics": ["mae"] * 100_000}, "more than 1,000 losses and metrics"),
        ({"class_name": "AUC", "config": {"num_thresholds": 10**9}}, "num_thresholds=1000000000"),
        ({"class_name": "MeanIoU", "config": {"num_classes": 10**9}}, "num_classes=1000000000"),
        ([{"class_name": "AUC", "config": {"num_thresholds": 16_000, "num_labels": 9_000}}], "that its metrics keep"),
    ],
)
def test_what_costs_too_much_is_refused_before_it_is_made(config, words):
    with pytest.raises(ValueError, match=words):
        Budget().examine(config)


def test_a_few_models_inside_models_open():
    assert fk.model_from_json(json.dumps(twice(3))).output_shape == (None, 4)


def chain(count, backwards=False):
    nodes = [layer("Dense", f"d{i}", [tensor(f"d{i - 1}") if i else X], units=4) for i in range(count)]
    return graph(*(reversed(nodes) if backwards else nodes), output=f"d{count - 1}")


def test_layers_in_any_order_take_as_long():
    """A pass over all that waits for each that is ready took 300 times as long backwards as forwards."""
    seconds = []
    for text in (chain(800), chain(800, backwards=True)):
        began = time.process_time()
        model = fk.model_from_json(text)
        seconds.append(time.process_time() - began)
        assert len(model.layers) == 801
    assert seconds[1] < 5 * seconds[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: e["config"].update(use_bias=[3]), "`use_bias` is a bool"),
        (lambda e: e["config"].update(trainable="yes"), "`trainable` is a bool"),
        (lambda e: e["config"].update(kernel_regularizer={"a": 1}), "describes none of regularizers"),
        (lambda e: e["config"].update(dtype={"config": {"config": {"name": "float32"}}}), "no dtype policy"),
        (
            lambda e: e["config"].update(
                dtype={"class_name": "DTypePolicy", "module": "keras", "config": {"name": {}}}
            ),
            "`name` is a str",
        ),
        (lambda e: e["config"].update(dtype="datetime64[s]"), "Unknown dtype policy"),
        (lambda e: e.update(build_config={"input_shape": [None, 7]}), "built for other weights than it has"),
        (lambda e: e.update(build_config={"input_shape": [None, -3]}), "holds shapes"),
        (lambda e: e.update(build_config=[3]), "holds shapes"),
        (lambda e: e["inbound_nodes"][0]["args"][0]["config"].update(shape=[None, 9]), "of another shape than"),
        (lambda e: e["inbound_nodes"][0]["args"][0]["config"].update(keras_history=["x", 0]), "keras_history is"),
        (lambda e: e["inbound_nodes"][0]["args"][0]["config"].update(keras_history=["x", 0, -1]), "keras_history is"),
        (lambda e: e.update(inbound_nodes=5), "`inbound_nodes` is a list"),
        (lambda e: e.update(name=None), "holds its name, its class_name"),
    ],
)
def test_what_would_load_though_wrong_is_refused_with_its_place(change, words):
    config = json.loads(graph(layer("Dense", "op", [X], units=2)))
    change(config["config"]["layers"][1])
    with pytest.raises(ValueError, match=words) as refused:
        fk.model_from_json(json.dumps(config))
    assert "at config/layers/" in str(refused.value)


def test_keys_that_nothing_comes_of_are_named():
    config = json.loads(graph(layer("Dense", "op", [X], units=2)))
    config["config"]["layer"] = []
    with pytest.raises(ValueError, match=r"has no 'layer'[\s\S]*Did you mean 'layers'"):
        fk.model_from_json(json.dumps(config))


def test_a_layer_built_for_another_length_is_the_same_layer():
    """Keras keeps the shape of the first call, which need not be one of this graph."""
    node = layer("Conv1D", "op", [tensor("x", (None, 9, 2))], filters=3, kernel_size=2)
    node["build_config"] = {"input_shape": [None, 30, 2]}
    assert fk.model_from_json(graph(node, shape=(None, 9, 2))).output_shape == (None, 8, 3)


def test_an_input_has_as_many_axes_as_an_array():
    with pytest.raises(ValueError, match="an array of 101 axes"):
        fk.model_from_json(graph(record("y", [None] + [1] * 100), output="x"))
