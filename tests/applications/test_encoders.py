"""BERT and ViT: what transformers computed with the files in `goldens/`, which it wrote."""

import dataclasses
import functools
import json
import pathlib
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

import fkeras as fk

GOLDENS = pathlib.Path(__file__).parent / "goldens"
TEXT = ("input_ids", "attention_mask", "token_type_ids")


@functools.cache
def loaded(name):
    return fk.applications.load_pretrained(GOLDENS / name)


@functools.cache
def expected(name):
    return dict(np.load(GOLDENS / name / "expected.npz"))


def inputs_of(name):
    want = expected(name)
    return {key: want[key] for key in TEXT} if name.startswith("bert") else want["images"]


@pytest.mark.parametrize("name", ["bert", "vit"])
def test_a_bare_encoder_is_that_of_transformers(name):
    """A dict of its outputs: with a pooler where the file has one, and padding that nothing sees."""
    model, variables = loaded(name)
    found, want = jax.jit(model.apply)(variables, inputs_of(name)), expected(name)
    assert set(found) == ({"last_hidden_state"} if name == "bert" else {"last_hidden_state", "pooler_output"})
    for key, value in found.items():
        np.testing.assert_allclose(value, want[key], atol=1e-4)


@pytest.mark.sweep(2)  # what bert_classifier scores is asked below, in its other forms
@pytest.mark.parametrize("name", ["bert_masked", "bert_classifier", "vit_classifier"])
def test_logits_and_a_step_of_training_are_those_of_transformers(name):
    (model, variables), want, x = loaded(name), expected(name), inputs_of(name)

    @jax.jit
    def step(variables):
        def loss(variables):
            logits = model.apply(variables, x)
            return (logits**2).mean(), logits

        grads, logits = jax.grad(loss, has_aux=True)(variables)
        return logits, jax.tree.map(lambda w, g: w - 0.1 * g, variables, grads)

    logits, after = step(variables)
    np.testing.assert_allclose(logits, want["logits"], atol=1e-4)
    np.testing.assert_allclose(step(after)[0], want["logits_after"], atol=1e-3)


@pytest.mark.parametrize("name", ["bert", "bert_masked", "bert_classifier", "vit", "vit_classifier"])
def test_what_is_written_is_what_transformers_wrote(name, tmp_path):
    model, variables = loaded(name)
    fk.applications.save_pretrained(tmp_path, model, variables)
    old, new = (safetensors.numpy.load_file(place / "model.safetensors") for place in (GOLDENS / name, tmp_path))
    assert set(old) == set(new)
    for key, value in old.items():
        np.testing.assert_array_equal(new[key], value)
    said, wrote = (json.loads((place / "config.json").read_text()) for place in (GOLDENS / name, tmp_path))
    labels = ("id2label",) if "classifier" in name else ()  # others have no classes
    for key in (*labels, "architectures", "hidden_act", "layer_norm_eps", "model_type", "num_hidden_layers"):
        assert wrote[key] == said[key]
    assert fk.applications.load_pretrained(tmp_path)[0] == model


def test_names_of_other_years_and_weights_of_other_tasks(tmp_path):
    shutil.copy(GOLDENS / "bert_masked" / "config.json", tmp_path)
    tensors = safetensors.numpy.load_file(GOLDENS / "bert_masked" / "model.safetensors")
    renamed = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
               for k, v in tensors.items()}  # fmt: skip
    words = renamed["bert.embeddings.word_embeddings.weight"]
    renamed |= {"bert.embeddings.position_ids": np.arange(16)[None], "cls.predictions.decoder.weight": words.copy()}
    renamed["bert.pooler.dense.weight"] = np.zeros((8, 8), np.float32)
    safetensors.numpy.save_file(renamed, tmp_path / "model.safetensors")
    with pytest.warns(UserWarning, match=r"another task: pooler\.dense\.weight"):
        _, variables = fk.applications.load_pretrained(tmp_path)
    jax.tree.map(np.testing.assert_array_equal, variables, loaded("bert_masked")[1])
    del renamed["bert.encoder.layer.1.output.dense.bias"], renamed["bert.pooler.dense.weight"]
    safetensors.numpy.save_file(renamed, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"missing +encoder\.layer\.1\.output\.dense\.bias"):
        fk.applications.load_pretrained(tmp_path)


def test_images_of_another_size():
    model, variables = fk.applications.resize_vit(*loaded("vit_classifier"), (24, 12))
    want = expected("vit_classifier")
    np.testing.assert_allclose(jax.jit(model.apply)(variables, want["large"]), want["logits_large"], atol=1e-4)
    with pytest.raises(ValueError, match="Only the positions of a ViT lie on a picture"):
        fk.applications.resize_vit(*loaded("bert"), 32)
    with pytest.raises(ValueError, match="cut into whole patches"):
        fk.applications.resize_vit(*loaded("vit_classifier"), 18)


def test_changes_of_low_rank_few_bits_and_half_precision():
    model, variables = loaded("bert_classifier")
    x, logits = inputs_of("bert_classifier"), expected("bert_classifier")["logits"]
    low = model.with_lora(rank=2)
    np.testing.assert_allclose(jax.jit(low.apply)(low.lora_variables(variables, 0), x), logits, atol=1e-5)
    few, quantised = model.quantize(variables, "int8")
    np.testing.assert_allclose(jax.jit(few.apply)(quantised, x), logits, atol=0.1)
    half = jax.jit(model.with_dtype_policy("mixed_bfloat16").apply)(variables, x)
    assert half.dtype == jnp.bfloat16
    np.testing.assert_allclose(half.astype(np.float32), logits, atol=0.1)


def test_it_trains_on_two_devices():
    model, variables = loaded("bert_classifier")
    trainer = model.compile("sgd", fk.losses.SparseCategoricalCrossentropy(from_logits=True))
    mesh = jax.make_mesh((1, 2), ("data", "model"), devices=jax.devices()[:2])
    trainer = trainer.distribute(mesh, layout="auto")
    state, x = trainer.init(0, variables=variables), inputs_of("bert_classifier")
    _, history = trainer.fit(state, x, np.array([0, 2]), batch_size=2, epochs=2, verbose=0)
    assert history.history["loss"][1] < history.history["loss"][0]


def test_what_is_refused(tmp_path):
    config = fk.applications.BertConfig
    with pytest.raises(ValueError, match="architecture is one of BertModel, BertForMaskedLM"):
        config(architecture="BertForMultipleChoice")
    with pytest.raises(ValueError, match="num_attention_heads divides hidden_size"):
        config(hidden_size=10, num_attention_heads=3)
    model = fk.applications.Bert(
        dataclasses.replace(fk.applications.read_config(GOLDENS / "bert_classifier"), classifier_act="softmax")
    )
    with pytest.raises(ValueError, match="no place for what this BertConfig says"):
        fk.applications.save_pretrained(tmp_path / "nowhere", model, model.init(0))
    assert not list(tmp_path.iterdir())
