"""Presets of KerasHub: some that it wrote, and what is refused."""

import json
import pathlib
import zipfile

import jax
import numpy as np
import pytest

import fkeras as fk

GOLDENS = pathlib.Path(__file__).parent / "goldens"


def preset(name, place):
    with zipfile.ZipFile(GOLDENS / f"kerashub_{name}.zip") as archive:
        archive.extractall(place)
    return dict(np.load(place / "expected.npz"))


# The other families are trained in test_decoders.py and test_encoders.py, on what transformers wrote.
@pytest.mark.sweep(2, 1)
@pytest.mark.parametrize("name", ["bert", "gpt2", "llama", "mistral", "qwen", "vit"])
def test_logits_and_a_step_of_training_are_those_of_kerashub(name, tmp_path):
    want = preset(name, tmp_path)
    model, variables = fk.applications.load_pretrained(tmp_path)
    names = {"input_ids": "token_ids", "attention_mask": "padding_mask", "token_type_ids": "segment_ids"}
    x = want["images"] if name == "vit" else want["token_ids"]
    x = {ours: want[theirs] for ours, theirs in names.items()} if name == "bert" else x
    # a decoder of text has padding behind its tokens, where none of them sees it; there KerasHub has other numbers
    seen = want["padding_mask"].astype(bool) if name == "gpt2" else np.full(len(want["logits"]), True)
    apply = jax.jit(model.apply)
    found = apply(variables, x)
    np.testing.assert_allclose(np.asarray(found)[seen], want["logits"][seen], atol=1e-5)
    trainer = model.compile(fk.optimizers.SGD(0.1), "mse")
    state, _ = trainer.train_step(trainer.init(0, variables=variables), (x, np.zeros_like(want["logits"])))
    if name != "gpt2":  # whose loss is of padding too
        np.testing.assert_allclose(apply(state.variables, x), want["logits_after"], atol=1e-5)


def test_arguments_that_kerashub_keeps_and_does_not_use(tmp_path):
    for name, changes in (("llama", {"rope_position_scaling_factor": 2.0}),
                          ("qwen", {"use_sliding_window_attention": True})):  # fmt: skip
        preset(name, tmp_path / name)
        config = json.loads((tmp_path / name / "config.json").read_text())
        (tmp_path / name / "task.json").unlink()
        changed = {**config, "config": {**config["config"], **changes}}
        (tmp_path / name / "config.json").write_text(json.dumps(changed))
        with pytest.raises(ValueError, match="a variant that fkeras does not have"):
            fk.applications.load_pretrained(tmp_path / name)
    preset("mistral", tmp_path / "mistral")
    text = (tmp_path / "mistral" / "config.json").read_text().replace('"dropout": 0', '"dropout": 0.25')
    (tmp_path / "mistral" / "config.json").write_text(text)
    (tmp_path / "mistral" / "task.json").unlink()
    with pytest.warns(UserWarning, match="dropout=0.25 is of the weights of attention here"):
        model, _ = fk.applications.load_pretrained(tmp_path / "mistral")
    assert model.get_layer("layers").block.get_layer("attention").dropout == 0.25


def test_what_is_refused_and_what_is_said(tmp_path):
    preset("bert", tmp_path)
    with pytest.raises(ValueError, match=r"is a preset of KerasHub's(.|\n)*save_pretrained without config="):
        fk.applications.read_config(tmp_path)
    task, config = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("task", "config"))
    (tmp_path / "task.json").write_text(json.dumps({**task, "registered_name": "keras_hub>BertTextEmbedder"}))
    with pytest.warns(UserWarning, match="the task BertTextEmbedder is not built here; its backbone is opened"):
        model, variables = fk.applications.load_pretrained(tmp_path)
    assert set(model.output) == {"last_hidden_state", "pooler_output"}
    (tmp_path / "task.json").unlink()
    assert fk.applications.load_pretrained(tmp_path)[0] == model
    jax.tree.map(np.testing.assert_array_equal, fk.applications.load_pretrained(tmp_path)[1], variables)

    def written(**changes):
        (tmp_path / "config.json").write_text(json.dumps({**config, **changes}))

    written(registered_name="keras_hub>GemmaBackbone")
    with pytest.raises(ValueError, match=r"GemmaBackbone(.|\n)*BertBackbone, (.|\n)*fk.from_keras\(keras_hub.models"):
        fk.applications.load_pretrained(tmp_path)
    written(config={**config["config"], "rotary": True})
    with pytest.raises(ValueError, match="also rotary=True"):
        fk.applications.load_pretrained(tmp_path)
    written(config={**config["config"], "num_layers": 10**9})
    with pytest.raises(ValueError, match="no whole number from 1 to 1,000"):
        fk.applications.load_pretrained(tmp_path)
    written(config={**config["config"], "vocabulary_size": 13})
    with pytest.raises(ValueError, match=r"mismatched +model:layers/reversible_embedding"):
        fk.applications.load_pretrained(tmp_path)
    written()
    (tmp_path / "model.weights.h5").unlink()
    (tmp_path / "model.weights.h5").symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match="is a link out of the directory"):
        fk.applications.load_pretrained(tmp_path)
