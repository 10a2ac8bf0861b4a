"""Few bits and low-rank changes: one subject, whose variables are checked before anything is made of them."""

import jax
import pytest

import fkeras as fk

NAMES = ("quantize", "with_fake_quant", "with_lora", "lora_variables", "merge_lora")


def model(units):
    return fk.Sequential([fk.Input((4,)), fk.nn.Dense(units)], name="small")


@pytest.mark.parametrize("name", NAMES)
def test_checkpoint_has_what_nn_has(name):
    assert getattr(fk.checkpoint, name) is getattr(fk.nn, name)


def test_variables_of_another_model_are_refused_with_every_difference():
    others = model(3).init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"These variables of [\s\S]* does not fit: 2 arrays differ") as error:
        model(2).quantize(others, "int8")
    for line in ("params/dense/bias float32(3,) in the file", "params/dense/kernel float32(4, 3) in the file"):
        assert line in str(error.value)
    adapted = model(2).with_lora(1)
    with pytest.raises(ValueError, match=r"does not fit: \d+ arrays differ[\s\S]*missing +non_trainable/dense/kernel"):
        adapted.merge_lora(others)


def test_what_is_no_dict_of_arrays_is_refused():
    params = model(2).init(jax.random.key(0))["params"]
    with pytest.raises(ValueError, match=r"`quantize` needs the model's variables, a dict of arrays"):
        model(2).quantize("int8")
    with pytest.raises(ValueError, match=r"model.lora_variables\(state.variables\)"):
        model(2).with_lora(1).lora_variables(params)


def test_low_rank_changes_are_drawn_from_the_key_and_the_rest_is_as_given():
    variables, adapted = model(2).init(jax.random.key(0)), model(2).with_lora(1)
    first, second = (adapted.lora_variables(variables, seed) for seed in (0, 1))
    a = [tree["params"]["dense"]["lora_kernel_a"] for tree in (first, second)]
    assert (a[0] != a[1]).any()
    for tree in (first, second):
        assert (tree["non_trainable"]["dense"]["kernel"] == variables["params"]["dense"]["kernel"]).all()
