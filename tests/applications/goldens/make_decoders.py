"""Small random decoders as transformers writes them, and what it computes of them.

    python -m tests.applications.goldens.make_decoders

It needs torch and transformers, which the tests do not have; `decoders.json` says of which releases. Weights are
random, and whole in half precision, in which the files have them.
"""

import copy
import json
import pathlib
import shutil

import numpy as np

HERE = pathlib.Path(__file__).parent
SMALL = {"vocab_size": 29, "hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 32}  # fmt: skip
SCALED = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16, "rope_theta": 500.0}  # fmt: skip
PADDED = 3  # the second row of tokens ends so many before the first


def configs():
    import transformers

    return {
        "gpt2": transformers.GPT2Config(vocab_size=29, n_positions=32, n_embd=16, n_layer=2, n_head=4, n_inner=24),
        "llama": transformers.LlamaConfig(
            **SMALL, attention_bias=True, mlp_bias=True, head_dim=6, rms_norm_eps=1e-5, rope_parameters=SCALED
        ),
        "llama_tied": transformers.LlamaConfig(
            **SMALL,
            tie_word_embeddings=True,
            hidden_act="gelu_pytorch_tanh",
            rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4},
        ),
        "mistral": transformers.MistralConfig(**SMALL, sliding_window=3),
        "qwen2": transformers.Qwen2Config(**SMALL, tie_word_embeddings=True),
    }


def main():
    import torch
    import transformers

    rng = np.random.default_rng(0)
    tokens = torch.tensor(rng.integers(1, 29, (2, 9)))
    seen = torch.ones_like(tokens)
    seen[1, -PADDED:] = 0
    for name, config in configs().items():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
        for weight in model.parameters():
            noise = 0.3 * torch.randn_like(weight) + (1.0 if weight.ndim == 1 else 0.0)
            weight.data = noise.half().float()
        shutil.rmtree(HERE / name, ignore_errors=True)
        copy.deepcopy(model).half().save_pretrained(HERE / name, max_shard_size="4KB" if name == "llama" else "1GB")
        (HERE / name / "generation_config.json").unlink()
        expected = {"tokens": tokens.numpy(), "seen": seen.numpy()}
        with torch.no_grad():
            expected["logits"] = model(tokens, attention_mask=seen).logits.numpy()
            kwargs = {"max_new_tokens": 6, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
            expected["generated"] = model.generate(tokens, **kwargs).numpy()
            # prompts of two lengths, padded in front
            short = torch.cat([torch.zeros_like(tokens[1:, :PADDED]), tokens[1:, :-PADDED]], 1)
            padded = torch.cat([tokens[:1], short])
            mask = (padded != 0).long()
            expected["generated_padded"] = model.generate(padded, attention_mask=mask, **kwargs).numpy()
        step = torch.optim.SGD(model.parameters(), lr=0.05)
        loss = torch.nn.functional.cross_entropy(model(tokens[:, :-1]).logits.flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        step.step()
        with torch.no_grad():
            expected["loss"], expected["logits_after"] = loss.numpy(), model(tokens).logits.numpy()
        np.savez_compressed(HERE / name / "expected.npz", **{k: np.asarray(v) for k, v in expected.items()})
    made_by = {"torch": torch.__version__, "transformers": transformers.__version__}
    (HERE / "decoders.json").write_text(json.dumps(made_by) + "\n")


if __name__ == "__main__":
    main()
