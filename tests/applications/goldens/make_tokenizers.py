"""Two small vocabularies, and the tokens that transformers makes with them; `tokenizers.json` has both.

    python -m tests.applications.goldens.make_tokenizers

It needs transformers, which the tests do not have.
"""

import json
import pathlib
import tempfile

HERE = pathlib.Path(__file__).parent
TEXTS = ["Hello hello, world!", "low lower\n  lowest", "naïve HELLO", ""]
WORDS = ["hello", "world", "low", "lower", "lowest"]
PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "hello",
    "low",
    "world",
    "na",
    "##er",
    "##est",
    "##ive",
    ",",
    "!",
]


def bytes_and_pairs():
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=275, initial_alphabet=alphabet, special_tokens=["<|endoftext|>"])
    tokenizer.train_from_iterator([" ".join(WORDS)] * 20, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], ["#version: 0.2", *(" ".join(pair) for pair in model["merges"])]


def main():
    import transformers

    vocab, merges = bytes_and_pairs()
    written = {
        "transformers": transformers.__version__,
        "texts": TEXTS,
        "vocab": vocab,
        "merges": merges,
        "pieces": PIECES,
    }
    with tempfile.TemporaryDirectory() as place:
        here = pathlib.Path(place)
        (here / "vocab.json").write_text(json.dumps(vocab))
        (here / "merges.txt").write_text("\n".join(merges))
        (here / "vocab.txt").write_text("\n".join(PIECES))
        gpt2 = transformers.GPT2Tokenizer(str(here / "vocab.json"), str(here / "merges.txt"))
        bert = transformers.BertTokenizer(str(here / "vocab.txt"))
        cased = transformers.BertTokenizer(str(here / "vocab.txt"), do_lower_case=False)
        for name, tokenizer in {"gpt2": gpt2, "bert": bert, "cased": cased}.items():
            written[name] = [tokenizer(text)["input_ids"] for text in TEXTS]
    (HERE / "tokenizers.json").write_text(json.dumps(written) + "\n")


if __name__ == "__main__":
    main()
