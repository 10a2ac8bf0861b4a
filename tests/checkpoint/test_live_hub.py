"""Models of KerasHub and keras.applications, with random weights: forward, one step of training, and the way back."""

import os

import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")
if os.environ.get("FKERAS_TEST") != "all":
    pytest.skip("a sweep over other libraries' models: FKERAS_TEST=all", allow_module_level=True)
hub = pytest.importorskip("keras_hub", reason="pip install keras-hub   # whose models these are", exc_type=ImportError)

IDS = np.array([[3, 1, 2, 5, 4, 6], [1, 2, 7, 3, 9, 8]], "int32")
PAD = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]], "int32")
IMAGES = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
SMALL = {
    "vocabulary_size": 30,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
    "dropout": 0.0,
}
TEXT = {"token_ids": IDS, "padding_mask": PAD}

MODELS = {
    "BERT": (lambda: hub.models.BertBackbone(**SMALL, max_sequence_length=8), {**TEXT, "segment_ids": IDS * 0}),
    "GPT-2": (lambda: hub.models.GPT2Backbone(**SMALL, max_sequence_length=8), TEXT),
    "ViT": (
        lambda: hub.models.ViTBackbone(
            (32, 32, 3), 16, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=16, dropout_rate=0.0,
            attention_dropout=0.0,
        ),
        IMAGES,
    ),
    "MobileNetV2": (lambda: keras.applications.MobileNetV2((32, 32, 3), 0.35, weights=None, classes=3), IMAGES),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
@keras_world()
def test_a_model_of_a_library(name):
    make, x = MODELS[name]
    model = make()
    ours, variables = fk.from_keras(model)
    want = model(x)
    got = ours.apply(variables, x)
    for one, other in zip(keras.tree.flatten(got), keras.tree.flatten(want), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-5)
    if isinstance(want, dict):
        return
    model.compile(keras.optimizers.SGD(0.1), "mse")
    trainer, state = fk.trainer_from_keras(model)
    y = np.zeros(want.shape, "float32")
    state, _ = trainer.train_step(state, (x, y))
    model.train_on_batch(x, y)
    for one, other in zip(trainer.model.get_weights(state.variables), model.get_weights(), strict=True):
        # of the largest weight: batch norm over two images makes some of hundreds in one step
        np.testing.assert_allclose(one, other, atol=1e-5 * max(1.0, np.abs(other).max(initial=0.0)), rtol=1e-4)
    assert fk.to_keras(trainer, state, into=model) is model
