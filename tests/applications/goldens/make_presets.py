"""Small random presets as KerasHub writes them, and what it computes of them, each in a zip.

    KERAS_BACKEND=jax python -m tests.applications.goldens.make_presets bert gpt2 vit llama mistral qwen

It needs keras-hub, which the tests do not have (written with keras-hub 0.32.0, Keras 3.15.1).
"""

import pathlib
import sys
import tempfile
import zipfile

import numpy as np

HERE = pathlib.Path(__file__).parent
TEXT = {"vocabulary_size": 12, "num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12,
        "max_sequence_length": 16, "dropout": 0.0}  # fmt: skip
DECODER = {"vocabulary_size": 12, "num_layers": 2, "num_query_heads": 4, "num_key_value_heads": 2, "hidden_dim": 16,
           "intermediate_dim": 12}  # fmt: skip
SCALED = {"rope_max_wavelength": 500, "rope_frequency_adjustment_factor": 8.0, "rope_low_freq_factor": 1.0,
          "rope_high_freq_factor": 4.0, "rope_pretraining_sequence_length": 16}  # fmt: skip


def tasks(models):
    image = {"image_shape": (8, 8, 3), "patch_size": (4, 4), "num_layers": 2, "num_heads": 2, "hidden_dim": 8}
    return {
        "bert": models.BertTextClassifier(models.BertBackbone(**TEXT), num_classes=3, dropout=0.0),
        "gpt2": models.GPT2CausalLM(models.GPT2Backbone(**TEXT)),
        "llama": models.Llama3CausalLM(models.Llama3Backbone(**DECODER, **SCALED)),
        "mistral": models.MistralCausalLM(models.MistralBackbone(**DECODER, head_dim=6, sliding_window=3)),
        "qwen": models.QwenCausalLM(models.QwenBackbone(**DECODER)),
        "vit": models.ViTImageClassifier(models.ViTBackbone(**image, mlp_dim=12), num_classes=3),
    }


def main(names):
    import keras
    import keras_hub

    rng = np.random.default_rng(0)
    mask = np.array([[1] * 7, [1] * 4 + [0] * 3])
    tokens = rng.integers(1, 12, (2, 7))
    for name in names:
        task = tasks(keras_hub.models)[name]
        text = {"token_ids": tokens, "padding_mask": mask if name in ("bert", "gpt2") else np.ones_like(mask)}
        for weight in task.weights:
            if weight.dtype == "float32":
                weight.assign(rng.normal(scale=0.3, size=weight.shape) + (weight.path.endswith(("gamma", "scale"))))
        x = {**text, "segment_ids": rng.integers(0, 2, (2, 7))} if name == "bert" else text
        x = rng.normal(size=(2, 8, 8, 3)).astype("float32") if name == "vit" else x
        want = dict(x) if isinstance(x, dict) else {"images": x}
        want["logits"] = np.asarray(task(x))
        with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(HERE / f"kerashub_{name}.zip", "w", 8) as archive:
            task.save_to_preset(place)
            task.compile(keras.optimizers.SGD(0.1), "mse", metrics=[], weighted_metrics=None)
            task.train_on_batch(x, np.zeros_like(want["logits"]))
            want["logits_after"] = np.asarray(task(x))
            np.savez_compressed(f"{place}/expected.npz", **want)
            for file in sorted(pathlib.Path(place).rglob("*")):
                archive.write(file, file.relative_to(place))


if __name__ == "__main__":
    main(sys.argv[1:])
