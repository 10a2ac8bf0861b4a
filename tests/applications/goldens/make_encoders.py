"""Small random BERTs and ViTs as transformers writes them, and what it computes of them.

    python -m tests.applications.goldens.make_encoders

It needs torch and transformers 5, which the tests do not have (written with transformers 5.24 and torch 2.13).
"""

import pathlib
import shutil

import numpy as np

HERE = pathlib.Path(__file__).parent
SMALL = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12, "num_labels": 3}
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def models(transformers):
    text = {"vocab_size": 12, "max_position_embeddings": 16, "attn_implementation": "eager", **SMALL, **NO_DROPOUT}
    bert = transformers.BertConfig(**text)
    vit = transformers.ViTConfig(image_size=16, patch_size=4, qkv_bias=False, **SMALL)
    return {
        "bert": transformers.BertModel(bert, add_pooling_layer=False),
        "bert_masked": transformers.BertForMaskedLM(transformers.BertConfig(**text, hidden_act="gelu_new")),
        "bert_classifier": transformers.BertForSequenceClassification(bert),
        "vit": transformers.ViTModel(vit),
        "vit_classifier": transformers.ViTForImageClassification(vit),
    }


def main():
    import torch
    import transformers

    rng = np.random.default_rng(0)
    mask = np.array([[1] * 7, [1] * 4 + [0] * 3])
    text = {
        "input_ids": rng.integers(1, 12, (2, 7)),
        "attention_mask": mask,
        "token_type_ids": rng.integers(0, 2, (2, 7)),
    }
    images = rng.normal(size=(2, 16, 16, 3)).astype("float32")
    large = rng.normal(size=(2, 24, 12, 3)).astype("float32")
    torch.manual_seed(0)
    for name, model in models(transformers).items():
        model.eval()
        for weight in model.parameters():
            noise = 0.3 * torch.randn_like(weight) + (1.0 if weight.ndim == 1 else 0.0)
            weight.data = noise.half().float()
        shutil.rmtree(HERE / name, ignore_errors=True)
        model.save_pretrained(HERE / name)
        if name.startswith("bert"):
            inputs, want = {k: torch.tensor(v) for k, v in text.items()}, dict(text)
        else:
            inputs, want = {"pixel_values": torch.tensor(images.transpose(0, 3, 1, 2))}, {"images": images}
        with torch.no_grad():
            want |= {k: v.numpy() for k, v in model(**inputs).items()}
            if name == "vit_classifier":
                pixels = torch.tensor(large.transpose(0, 3, 1, 2))
                want["large"] = large
                want["logits_large"] = model(pixel_values=pixels, interpolate_pos_encoding=True).logits.numpy()
        if "logits" in want:
            loss = (model(**inputs).logits ** 2).mean()
            loss.backward()
            with torch.no_grad():
                for weight in model.parameters():
                    weight -= 0.1 * weight.grad
                want["logits_after"] = model(**inputs).logits.numpy()
        np.savez_compressed(HERE / name / "expected.npz", **want)


if __name__ == "__main__":
    main()
