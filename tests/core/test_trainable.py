"""Which layers train, as real Keras has it: the flag of each layer counts, also inside a model that is frozen."""

import random

import jax
import numpy as np
import pytest

import fkeras as fk

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")


def describe(lib, layers, kinds):
    """Three models in each other; `kinds` says of each, from the inside, whether it is functional or sequential."""

    def model(kind, parts, name):
        if kind == "s":
            return lib.Sequential([lib.Input((4,)), *parts], name=name)
        x = i = lib.Input((4,))
        for part in parts:
            x = part(x)
        return lib.Model(i, x, name=name)

    inner = [layers.Dense(4, name="a"), layers.BatchNormalization(name="b"), layers.Dense(4, name="c")]
    middle = [layers.Dense(4, name="d"), model(kinds[0], inner, "inner")]
    return model(kinds[2], [model(kinds[1], middle, "middle"), layers.Dense(1, name="e")], "outer")


PATHS = ["middle", "middle/inner", "middle/inner/a", "middle/inner/b", "middle/inner/c", "middle/d", "e"]


def at(model, path):
    for name in path.split("/"):
        model = model.get_layer(name)
    return model


def trained(model):
    return sorted("/".join(p) for p, fact in model.weight_facts().items() if fact.trainable and p and p[-1] in "abcde")


def trained_in_keras(model):
    return sorted({w.path.split("/")[-2] for w in model.trainable_weights})


def leaves(paths):
    return sorted(path[-1] for path in paths)


@pytest.mark.parametrize("seed", range(4))
def test_flags_set_in_any_order_are_kerass(seed, tmp_path):
    keras = pytest.importorskip("keras")
    choose = random.Random(seed)
    theirs = describe(keras, keras.layers, "".join(choose.choice("sf") for _ in range(3)))
    for _ in range(choose.randint(2, 5)):
        at(theirs, choose.choice(PATHS)).trainable = choose.random() < 0.5
    want = trained_in_keras(theirs)
    model = fk.model_from_json(theirs.to_json())
    assert leaves(trained(model)) == want
    again = fk.model_from_json(model.to_json())
    assert again == model
    assert trained_in_keras(keras.models.model_from_json(model.to_json())) == want


def test_what_trains_moves_and_what_rests_keeps_its_statistics():
    model = describe(fk, fk.nn, "sfs").freeze("middle").unfreeze("middle/inner/[bc]")
    variables = model.init(jax.random.key(0))
    trainer = model.compile("sgd", "mse")
    start = trainer.init(0, variables=variables)
    state, _ = trainer.train_step(start, (X, X[:, :1]))
    pairs = zip(jax.tree_util.tree_leaves_with_path(start.variables), jax.tree.leaves(state.variables), strict=True)
    moved = {(path[0].key, path[-2].key) for (path, a), b in pairs if not np.array_equal(a, b)}
    assert moved == {("params", "b"), ("params", "c"), ("params", "e"), ("batch_stats", "b")}
    call = {"training": True, "mutable": ["batch_stats"]}
    still = model.freeze("middle/inner").apply(variables, X, **call)[1]
    jax.tree.map(np.testing.assert_array_equal, still["batch_stats"], variables["batch_stats"])


HIGH = ["middle/inner/c"]
EVERY = ["e", "middle/d", "middle/inner/a", "middle/inner/b", "middle/inner/c"]


def told(*names):
    return lambda layer: layer.replace(trainable=True) if layer.name in names else layer


def without_norms(layer):
    return layer.replace(trainable=not isinstance(layer, fk.nn.BatchNormalization))


@pytest.mark.parametrize(
    ("change", "want"),
    [
        (lambda m: m.freeze("middle"), ["e"]),
        (lambda m: m.freeze("middle").map_layers(told("c")), ["e", *HIGH]),
        (lambda m: m.freeze("middle").unfreeze("middle/inner/c"), ["e", *HIGH]),
        (lambda m: m.freeze("middle").unfreeze("middle/inner"), [p for p in EVERY if p != "middle/d"]),
        (lambda m: m.freeze("middle").unfreeze("middle/inner/c").freeze("middle/inner"), ["e"]),
        (lambda m: m.freeze("middle").unfreeze("middle"), EVERY),
        # one flag for each layer, whatever the models around it are told
        (lambda m: m.map_layers(lambda layer: layer.replace(trainable=layer.name == "c")), HIGH),
        (lambda m: m.freeze("middle").map_layers(without_norms), [p for p in EVERY if p[-1] != "b"]),
        # a model that is told tells all that is in it
        (lambda m: m.freeze("middle").unfreeze("middle/inner/c").replace(trainable=False), []),
        (lambda m: m.freeze("middle").replace(trainable=True), EVERY),
        (lambda m: m.replace(trainable=False), []),
        (lambda m: m.replace(trainable=False).unfreeze("middle/inner/c"), HIGH),
        (lambda m: m.freeze("middle").unfreeze("middle/inner/c").with_dtype_policy("bfloat16"), ["e", *HIGH]),
    ],
)
def test_flags_of_descriptions(change, want):
    model = describe(fk, fk.nn, "sfs")
    changed = change(model)
    assert trained(changed) == sorted(want)
    assert trained(model) == EVERY
    assert trained(fk.model_from_json(changed.to_json())) == sorted(want)


def said(model):
    return sorted("/".join(path) for path, layer in fk.core.walk(model) if layer.trainable and path[-1] in "abcde")


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.freeze(),
        lambda m: m.replace(trainable=False),
        lambda m: m.freeze("middle"),
        lambda m: m.freeze("middle").unfreeze("middle/inner/c"),
        lambda m: m.freeze().unfreeze("middle/d"),
        lambda m: m.freeze().unfreeze(),
    ],
)
def test_what_a_layer_says_is_what_trains(change):
    changed = change(describe(fk, fk.nn, "sfs"))
    assert said(changed) == trained(changed) == said(fk.model_from_json(changed.to_json()))
    if not changed.trainable:  # in Keras every layer of a model that is told says so, its inputs too
        assert not any(layer.trainable for layer in changed.layers)


def test_a_model_cut_from_one_that_rests_rests():
    base = describe(fk, fk.nn, "fff").freeze()
    assert trained(fk.Model(base.input, base.get_layer("e").input)) == []


def test_flags_of_layers_inside_layers():
    inner = fk.nn.Dense(2)
    model = fk.Sequential([fk.Input((3, 4)), fk.nn.TimeDistributed(inner, trainable=False, name="t")])
    rests = fk.model_from_json(model.to_json())
    for one, want in ((model, False), (rests, False), (model.unfreeze("t/layer"), True)):
        assert one.weight_facts()["t", "layer"].trainable is want
        read = fk.model_from_json(one.to_json())
        assert read.weight_facts()["t", "layer"].trainable is want
    with pytest.raises(ValueError, match=r"matches no layer[\s\S]*model.unfreeze"):
        model.unfreeze("nothing")
