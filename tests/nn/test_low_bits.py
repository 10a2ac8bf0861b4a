"""Few bits and low-rank changes: one subject, whose variables are checked before anything is made of them."""

import jax
import numpy as np
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


# ------------------------------------------------------------------ which weights of a low-rank model train
BATCH = np.random.default_rng(0).normal(size=(2, 3, 4)), np.ones((2, 3, 1))


def blocks():
    """Blocks in a Repeat, in which attention and a Dense lie deeper."""
    x = inputs = fk.Input((None, 4))
    attended = fk.nn.MultiHeadAttention(1, 4, name="attention")(x, x)
    block = fk.Model(inputs, fk.nn.Dense(4, name="d1")(fk.nn.add([x, attended])), name="block")
    return fk.Sequential([fk.Input((3, 4)), fk.nn.Repeat(block, 2, name="blocks"), fk.nn.Dense(1, name="head")])


def moved(low, variables, batch):
    """The layers whose second factor a step moves; nothing but factors is in `params`."""
    trainer = low.compile(fk.optimizers.SGD(0.1), "mse")
    state = trainer.init(0, variables=low.lora_variables(variables))
    after, _ = trainer.train_step(state, batch)
    jax.tree.map(np.testing.assert_array_equal, after.model_state, state.model_state)  # the weights themselves
    leaves = jax.tree_util.tree_leaves_with_path(after.params)
    pairs = zip(leaves, jax.tree.leaves(state.params), strict=True)
    changed = {tuple(k.key for k in path): bool(np.any(a != b)) for (path, a), b in pairs}
    # the first factor waits for the second, which begins at zero
    assert changed == {path: path[-1] == "lora_kernel_b" for path in changed}
    return {"/".join(path[:-1]) for path in changed}


@pytest.fixture(scope="module")
def repeated():
    found = blocks()
    return found, found.init(0)


ATTENTION = {f"blocks/block/attention/{name}" for name in ("query", "key", "value", "out")}
D1 = "blocks/block/d1"


def at_work(low, variables):
    """The layers with a change that say that they train, and their number of weights."""
    changes = jax.tree_util.tree_leaves_with_path(jax.eval_shape(low.lora_variables, variables)["params"])
    paths = [tuple(key.key for key in path[:-1]) for path, _ in changes]
    facts = low.weight_facts()
    chosen = {path for path in paths if facts[path].trainable}
    return {"/".join(p) for p in chosen}, sum(
        leaf.size for p, (_, leaf) in zip(paths, changes, strict=True) if p in chosen
    )


def summary_of(model):
    lines = []
    model.summary(print_fn=lines.append)
    return " ".join("\n".join(map(str, lines)).split())


@pytest.mark.parametrize(
    ("filters", "layers"),
    [
        (".*attention.*", ATTENTION),
        (["blocks/block/attention", "head"], {*ATTENTION, "head"}),
        ("blocks", {*ATTENTION, D1}),
        (lambda layer: isinstance(layer, fk.nn.Dense), {D1, "head"}),
        (None, {*ATTENTION, D1, "head"}),
    ],
)
def test_the_chosen_layers_train_wherever_they_lie_and_nothing_else(repeated, filters, layers):
    model, variables = repeated
    low = model.with_lora(2, filters=filters)
    found, count = at_work(low, variables)
    assert found == layers
    assert f"Trainable params: {count:,} " in summary_of(low)
    assert low.merge_lora(low.lora_variables(variables))[0] == model


def test_a_step_moves_the_second_factors_in_a_repeat_and_nothing_else(repeated):
    model, variables = repeated
    assert moved(model.with_lora(2, filters=".*d1"), variables, BATCH) == {D1}
    small, few = model.quantize(variables, "int8")
    assert at_work(small.with_lora(2, filters=".*attention.*"), few)[0] == ATTENTION


def test_what_rested_before_rests_and_is_at_rest_after_the_merge(repeated):
    model, variables = repeated
    for frozen, rests in ((model.freeze("blocks/block/d1"), {D1}), (model.freeze("blocks"), {D1, *ATTENTION})):
        low = frozen.with_lora(2)
        assert at_work(low, variables)[0] == {*ATTENTION, D1, "head"} - rests
        low = frozen.with_lora(2, filters="head")
        assert low.merge_lora(low.lora_variables(variables))[0] == frozen


GPT2 = fk.applications.GPT2Config(vocab_size=7, n_positions=8, n_embd=4, n_layer=2, n_head=2)
LLAMA = fk.applications.LlamaConfig(
    vocab_size=7, hidden_size=4, intermediate_size=6, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1
)


@pytest.mark.parametrize(("family", "config"), [("GPT2", GPT2), ("Llama", LLAMA)])
def test_low_rank_changes_of_a_decoder_s_attention_train(family, config):
    decoder = getattr(fk.applications, family)(config)
    low = decoder.with_lora(2, filters=".*attention.*")
    changes = jax.tree_util.tree_leaves_with_path(jax.eval_shape(low.init, 0)["params"])
    facts = low.weight_facts()
    assert len(changes) >= 8
    assert all("attention" in str(p) and facts[tuple(k.key for k in p[:-1])].trainable for p, _ in changes)


def test_a_step_that_can_move_no_weight_says_so_once(recwarn):
    whole = model(1).freeze()
    trainer = whole.compile("sgd", "mse")
    state = trainer.init(0)
    trainer.evaluate(state, np.ones((2, 4)), np.ones((2, 1)), verbose=0)
    trainer.predict(state, np.ones((2, 4)), verbose=0)
    assert not recwarn.list
    batch = np.ones((2, 4)), np.ones((2, 1))
    with pytest.warns(UserWarning, match=r"No weight of [^\n]*'small'[^\n]* trains[\s\S]*unfreeze"):
        state, _ = trainer.train_step(state, batch)
    recwarn.clear()
    trainer.train_step(state, batch)
    assert not recwarn.list
    bare = fk.Sequential([fk.Input((1,)), fk.nn.Rescaling(2.0)]).compile("sgd", "mse")
    bare.train_step(bare.init(0), (np.ones((2, 1)), np.ones((2, 1))))  # which has no weights
