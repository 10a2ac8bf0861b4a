"""GPT-2 and Llama's kin: what transformers computed with the files in `goldens/`, which it wrote."""

import dataclasses
import functools
import json
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fkeras as fk

GOLDENS = pathlib.Path(__file__).parent / "goldens"
NAMES = ("gpt2", "llama", "llama_tied", "mistral", "qwen2")
every_decoder = pytest.mark.parametrize("name", NAMES)
EVERYTHING = os.environ.get("FKERAS_TEST") == "all"


@functools.cache
def loaded(name):
    return fk.applications.load_pretrained(GOLDENS / name)


@functools.cache
def expected(name):
    return dict(np.load(GOLDENS / name / "expected.npz"))


@pytest.mark.sweep(2)  # llama and mistral generate below, and mistral is trained as a preset of KerasHub's
@every_decoder
def test_scores_and_a_step_of_training_are_those_of_transformers(name):
    (model, variables), want = loaded(name), expected(name)
    tokens, seen = want["tokens"], want["seen"].astype(bool)

    def loss_of(variables):
        logits = model.apply(variables, tokens)
        return optax.softmax_cross_entropy_with_integer_labels(logits[:, :-1], tokens[:, 1:]).mean(), logits

    @jax.jit
    def step(variables):
        (loss, logits), grads = jax.value_and_grad(loss_of, has_aux=True)(variables)
        return loss, logits, jax.tree.map(lambda w, g: w - 0.05 * g, variables, grads)

    loss, logits, after = step(variables)
    # padding stands behind the tokens, where none of them sees it
    np.testing.assert_allclose(np.asarray(logits)[seen], want["logits"][seen], atol=1e-4)
    np.testing.assert_allclose(loss, want["loss"], rtol=1e-5)
    np.testing.assert_allclose(step(after)[1], want["logits_after"], atol=1e-3)


@pytest.mark.parametrize("name", NAMES if EVERYTHING else ("gpt2", "llama", "mistral"))
def test_the_best_tokens_are_those_that_transformers_generates(name):
    """Of prompts of two lengths, from a cache; transformers pads them in front."""
    (model, variables), want = loaded(name), expected(name)
    seen = want["seen"].astype(bool)
    found = np.asarray(fk.nn.generate(model, variables, want["tokens"], 6, prompt_mask=seen, use_cache=True))
    assert np.array_equal(found[0], want["generated"][0])
    for row, of_transformers, tokens in zip(found, want["generated_padded"], seen, strict=True):
        padding = int((~tokens).sum())
        assert np.array_equal(row[: len(row) - padding], of_transformers[padding:])


@every_decoder
def test_what_was_loaded_is_written_under_the_same_names(name, tmp_path):
    model, variables = loaded(name)
    config = fk.applications.read_config(GOLDENS / name)
    fk.applications.save_pretrained(tmp_path, model, variables, config=config)
    with fk.checkpoint.TensorFiles(GOLDENS / name) as old, fk.checkpoint.TensorFiles(tmp_path) as new:
        assert set(old.specs) == set(new.specs)
        assert all(np.array_equal(old.read(n).astype("float32"), new.read(n)) for n in old.specs)
    again, restored = fk.applications.load_pretrained(tmp_path)
    assert again == model
    assert jax.tree.all(jax.tree.map(jnp.array_equal, restored, variables))
    assert fk.applications.read_config(tmp_path) == config
    public, written = (json.loads((place / "config.json").read_text()) for place in (GOLDENS / name, tmp_path))
    assert {k: v for k, v in public.items() if k != "dtype" and written.get(k, "none") != v} == {}


def test_the_host_has_the_tensors_of_one_variable_at_a_time(monkeypatch):
    events, put, read = [], jax.device_put, fk.checkpoint.TensorFiles.read
    monkeypatch.setattr(jax, "device_put", lambda arrays: [put(arrays), events.append("put")][0])
    monkeypatch.setattr(
        fk.checkpoint.TensorFiles, "read", lambda self, name: [read(self, name), events.append(name)][0]
    )
    fk.applications.load_pretrained(GOLDENS / "gpt2")
    runs = " ".join("put" if event == "put" else "read" for event in events).split(" put")
    assert len(runs) > 10
    assert max(run.count("read") for run in runs) == 2, "one of each of two blocks"


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen2"])
def test_the_config_is_read_off_the_layers(name, tmp_path):
    model, variables = loaded(name)
    config = fk.applications.read_config(GOLDENS / name)
    if name == "gpt2":
        fk.applications.save_pretrained(tmp_path, model, variables)
    else:
        with pytest.warns(UserWarning, match="does not write max_position_embeddings, which no layer"):
            fk.applications.save_pretrained(tmp_path, model, variables)
        config = dataclasses.replace(config, max_position_embeddings=32768 if name == "qwen2" else 2048)
    assert fk.applications.read_config(tmp_path) == config


def test_what_no_layer_says_goes_back_and_what_the_model_says_otherwise_is_the_models(tmp_path):
    fields = json.loads((GOLDENS / "gpt2" / "config.json").read_text())
    tokens = {"bos_token_id": 3, "eos_token_id": [4, 5], "pad_token_id": 6, "id2label": {"0": "cat", "1": "dog"}}
    source = write(tmp_path / "source", **{**fields, **tokens})
    (source / "generation_config.json").write_text('{"temperature": 0.7}')
    config = dataclasses.replace(fk.applications.read_config(source), embd_pdrop=0.25)
    model, variables = fk.applications.GPT2(config), loaded("gpt2")[1]
    fk.applications.save_pretrained(tmp_path / "saved", model, variables, config=source)
    written = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert {k: v for k, v in written.items() if fields.get(k, "none") != v} == {**tokens, "embd_pdrop": 0.25}
    assert (tmp_path / "saved" / "generation_config.json").read_text() == '{"temperature": 0.7}'
    with pytest.raises(FileExistsError, match="overwrite=False"):
        fk.applications.save_pretrained(tmp_path / "saved", model, variables, config=source, overwrite=False)
    with pytest.raises(TypeError, match="described by a GPT2Config"):
        fk.applications.save_pretrained(tmp_path / "saved", model, variables, config=GOLDENS / "bert")


def test_classes_keep_their_names_while_there_are_as_many(tmp_path):
    names = {"0": "cat", "1": "dog", "2": "owl"}
    config = fk.applications.read_config(write(tmp_path / "bert", model_type="bert", id2label=names))
    assert config.num_labels == 3
    config = dataclasses.replace(config, hidden_size=2, num_attention_heads=1, num_hidden_layers=1, vocab_size=5,
                                 architecture="BertForSequenceClassification")  # fmt: skip
    for count in (3, 2):
        model = fk.applications.Bert(dataclasses.replace(config, num_labels=count))
        fk.applications.save_pretrained(tmp_path, model, model.init(0), config=config)
        found = json.loads((tmp_path / "config.json").read_text())["id2label"]
        assert found == (names if count == 3 else {"0": "LABEL_0", "1": "LABEL_1"})


def write(place, **fields):
    place.mkdir(exist_ok=True)
    (place / "config.json").write_text(json.dumps(fields))
    return place


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"model_type": "gpt3"}, "There is no family 'gpt3' of pretrained models. Did you mean 'gpt2'"),
        ({}, "There is no family 'None'"),
        ({"model_type": "gpt2", "scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx=True"),
        ({"model_type": "gpt2", "activation_function": "quick_gelu"}, "activation_function is one of gelu, .*tanh"),
        ({"model_type": "llama", "rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_type='dynamic'"),
        (
            {"model_type": "llama", "rope_parameters": {"rope_type": "llama3", "factor": 2, "beta_fast": 3}},
            "beta_fast=3",
        ),
        ({"model_type": "llama", "partial_rotary_factor": 0.5}, "partial_rotary_factor=0.5"),
        ({"model_type": "llama", "quantization_config": {"quant_method": "gptq"}}, "quantization_config="),
        (
            {"model_type": "llama", "num_hidden_layers": "2", "hidden_size": 0},
            "hidden_size=0(.|\n)*num_hidden_layers='2'",
        ),
        ({"model_type": "gpt2", "n_head": 5}, "n_embd and n_head: the heads divide"),
        ({"model_type": "mistral", "attention_bias": True}, "attention_bias=True"),
        ({"model_type": "qwen2", "use_sliding_window": True}, "max_window_layers=28"),
    ],
)
def test_what_would_change_the_numbers_is_refused_by_name(fields, text, tmp_path):
    with pytest.raises(ValueError, match=text):
        fk.applications.read_config(write(tmp_path / "model", **fields))


def test_fields_that_nobody_knows_are_named(tmp_path):
    with pytest.warns(UserWarning, match="not known here, and that are left out: residual_scale=2"):
        fk.applications.read_config(write(tmp_path / "model", model_type="gpt2", residual_scale=2, use_cache=False))


def test_weights_that_do_not_fit_are_all_listed(tmp_path):
    model, variables = loaded("gpt2")
    fk.applications.save_pretrained(tmp_path, model, variables)
    fields = json.loads((tmp_path / "config.json").read_text())
    write(tmp_path, **{**fields, "n_layer": 1, "n_inner": 12})
    with pytest.raises(ValueError, match="does not fit its config: 15 arrays") as error:
        fk.applications.load_pretrained(tmp_path)
    assert "unexpected  h.1.ln_1.weight" in str(error.value)
    assert "mismatched  h.0.mlp.c_fc.weight float(16, 24) in the file, float(16, 12) expected" in str(error.value)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="is a pickle, which can run any code"):
        fk.applications.load_pretrained(tmp_path)
    with pytest.raises(FileNotFoundError, match="models are not downloaded here"):
        fk.applications.load_pretrained(tmp_path / "gpt2-xl")


def test_a_model_of_no_family_is_not_written(tmp_path):
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)], name="mine")
    with pytest.raises(ValueError, match="There is no family 'mine'"):
        fk.applications.save_pretrained(tmp_path, model, model.init(0))
    other = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)], name="gpt2")
    with pytest.raises(ValueError, match="other layers than those of its family"):
        fk.applications.save_pretrained(tmp_path, other, other.init(0))
    assert not list(tmp_path.iterdir())


def test_half_precision_goes_through_the_blocks():
    model, variables = fk.applications.load_pretrained(GOLDENS / "llama", "mixed_bfloat16")
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    assert jax.eval_shape(model.apply, variables, expected("llama")["tokens"]).dtype == jnp.bfloat16
    _, variables = fk.applications.load_pretrained(GOLDENS / "llama", "bfloat16")
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("bfloat16")}


def test_a_model_of_seven_billion_weights_is_described_in_no_time():
    config = fk.applications.LlamaConfig(vocab_size=128256, intermediate_size=14336, num_key_value_heads=8)
    model = fk.applications.Llama(config)
    assert model.count_params() == 8_030_261_248  # Llama 3's with 8 billion
    tokens = jax.ShapeDtypeStruct((1, 64), jnp.int32)
    assert jax.eval_shape(model.apply, model.abstract_variables(), tokens).shape == (1, 64, 128256)


@pytest.mark.skipif(not EVERYTHING, reason="make test-all: programs of many kinds")
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_what_models_can_do_these_can(name, tmp_path):
    (model, variables), tokens = loaded(name), expected(name)["tokens"].astype("int32")
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    batch = tokens[:, :-1], tokens[:, 1:]
    trainer = model.compile("sgd", loss)
    alone, _ = trainer.train_step(trainer.init(0, variables=variables), batch)
    spread = trainer.distribute({"data": 2, "model": 2}, "auto")
    apart, _ = spread.train_step(spread.init(0, variables=variables), batch)
    if name == "llama":  # GPT-2's dropout is another draw on each device
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), alone.params, apart.params)

    low = model.with_lora(2, filters=".*attention.*")
    changes = low.lora_variables(variables)
    np.testing.assert_array_equal(low.apply(changes, tokens), model.apply(variables, tokens))
    state, _ = low.compile("adam", loss).train_step(low.compile("adam", loss).init(0, variables=changes), batch)
    merged, weights = low.merge_lora(state.variables)
    fk.applications.save_pretrained(tmp_path, merged, weights, config=fk.applications.read_config(GOLDENS / name))
    again, restored = fk.applications.load_pretrained(tmp_path)
    np.testing.assert_array_equal(again.apply(restored, tokens), merged.apply(weights, tokens))

    small, few = model.quantize(variables, "int8")
    assert fk.nn.generate(small, few, tokens, 2, use_cache=True).shape == (2, 11)
    with pytest.raises(ValueError, match="weights that its family has no public name for"):
        fk.applications.save_pretrained(tmp_path, small, few)


def test_a_model_is_made_of_its_config():
    with pytest.raises(TypeError, match="is made of a GPT2Config"):
        fk.applications.GPT2({"n_layer": 1})
    scaling = {"type": "linear", "factor": 2.0}
    assert fk.applications.LlamaConfig(rope_scaling=scaling).rope_scaling == fk.applications.RopeScaling(
        rope_type="linear", factor=2.0
    )
