"""Variables of a part of a model, taken out and put in by its path; one kind of pattern chooses parts everywhere."""

import jax
import numpy as np
import optax
import pytest

import fkeras as fk

KEY, OTHER = jax.random.key(0), jax.random.key(1)
X = np.ones((2, 4), "float32")


def base():
    parts = [fk.nn.Dense(3, name="low"), fk.nn.BatchNormalization(name="norm"), fk.nn.Dense(3, name="high")]
    return fk.Sequential([fk.Input((4,)), *parts], name="base")


def around(inner):
    x = fk.Input((4,))
    return fk.Model(x, fk.nn.Dense(1, name="head")(inner(x)))


def test_what_is_put_in_is_what_is_taken_out():
    inner = base()
    model, trained = around(inner), inner.init(OTHER)
    before = model.init(KEY)
    kept = jax.tree.map(np.asarray, before)
    after = model.put(before, "base", trained)
    jax.tree.map(np.testing.assert_array_equal, model.variables_for("base", after), trained)
    jax.tree.map(np.testing.assert_array_equal, before, kept)  # what was given stays as it was
    assert after["params"]["head"] is before["params"]["head"]
    assert jax.tree.structure(after) == jax.tree.structure(before)
    np.testing.assert_array_equal(inner.apply(trained, X), inner.apply(model.variables_for(inner, after), X))
    deep = around(around(inner).replace(name="middle"))
    values = deep.put(deep.init(KEY), "middle/base/low", {"params": {"kernel": np.ones((4, 3)), "bias": np.ones(3)}})
    assert values["params"]["middle"]["base"]["low"]["kernel"].dtype == np.float32
    assert float(values["params"]["middle"]["base"]["low"]["kernel"].sum()) == 12


@pytest.mark.parametrize(
    ("where", "part", "said"),
    [
        ("bass", lambda v: v, r"contains no layer 'bass'[\s\S]*Did you mean 'base'"),
        ("base", lambda v: v["params"], r"is no variables[\s\S]*keys \['low'[\s\S]*norm[\s\S]*.batch_stats.: \{"),
        ("base/low", lambda v: [1, 2], r"is no variables[\s\S]*set_weights[\s\S]*\{.params.: \{.bias.: …, .kernel.: …"),
        ("base", lambda v: {"params": v["params"]}, r"missing     batch_stats/norm/mean float32\(3,\)"),
        ("base", lambda v: {**v, "extra": {"a": np.ones(1, "float32")}}, r"unexpected  extra/a float32\(1,\)"),
        (
            "base",
            lambda v: {**v, "params": {**v["params"], "low": {"kernal": np.ones((4, 3)), "bias": np.ones(4)}}},
            r"missing     params/low/kernel[\s\S]*did you mean 'params/low/kernal'[\s\S]*"
            r"mismatched  params/low/bias float32\(4,\) given, float32\(3,\) expected",
        ),
        ("base", lambda v: None, "is no variables"),
    ],
)
def test_what_does_not_fit_is_listed(where, part, said):
    model = around(base())
    variables = model.init(KEY)
    with pytest.raises(ValueError, match=said):
        model.put(variables, where, part(base().init(OTHER)))
    with pytest.raises(TypeError, match="takes variables"):
        model.put(None, "base", {})
    with pytest.raises(TypeError, match="without 'params'"):
        model.variables_for("base", variables["params"])


def test_a_collection_that_is_missing_is_an_empty_one():
    inner = base()
    trained = inner.init(OTHER)
    whole = fk.Sequential([inner, fk.nn.Dropout(0.5)])  # all of whose weights are in the model inside
    for variables in ({}, {"params": {}}):
        jax.tree.map(
            np.testing.assert_array_equal,
            whole.put(variables, inner, trained),
            {c: {"base": tree} for c, tree in trained.items()},
        )
    model = around(base())
    params = {"params": model.init(KEY)["params"]}
    assert sorted(model.put(params, "base", trained)) == ["batch_stats", "params"]
    with pytest.raises(ValueError, match=r"missing     params/head/bias[\s\S]*model\.put\(model\.init\(0\), 'base'"):
        model.put({}, "base", trained)


def layers_of(params, chosen=lambda leaf: True):
    """The paths of the layers with a weight of a kind."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {"/".join(key.key for key in path[:-1]) for path, leaf in leaves if chosen(leaf)}


@pytest.mark.parametrize("pattern", ["base", "base/.*", "base/(low|high)", ".*/h.*", "he.*|base/low"])
def test_everything_takes_the_same_patterns(pattern):
    model = around(base())
    params = model.init(KEY)["params"]
    facts = model.freeze(pattern).weight_facts()
    frozen = {"/".join(path) for path, fact in facts.items() if not fact.trainable} & layers_of(params)
    rules = fk.optimizers.get({pattern: optax.set_to_zero(), ".*": optax.sgd(1.0)})
    updates, _ = rules.update(jax.tree.map(np.ones_like, params), rules.init(params), params)
    assert layers_of(updates, lambda leaf: not np.any(leaf)) == frozen
    changed = model.with_lora(2, filters=pattern).init(KEY)["params"]
    assert layers_of(changed) == frozen - {"base/norm"}  # which has no kernel
    assert frozen


def test_layers_are_frozen_as_themselves():
    inner = base()
    model = around(inner)
    assert model.freeze(inner) == model.freeze("base")
    assert model.freeze().unfreeze(inner.get_layer("high")) == model.freeze().unfreeze("base/high")
    assert model.with_lora(2, inner.get_layer("low")) == model.with_lora(2, "base/low")
    with pytest.raises(TypeError, match="chosen by patterns"):
        model.freeze(["base"])
    with pytest.raises(ValueError, match="contains no layer"):
        model.freeze(fk.nn.Dense(3, name="other"))
