"""Tokenizers beside pretrained models: the tokens that transformers made with small vocabularies."""

import json
import pathlib

import numpy as np
import pytest

import fkeras as fk

pytest.importorskip("tokenizers")
GOLDEN = json.loads((pathlib.Path(__file__).parent / "goldens" / "tokenizers.json").read_text())


def gpt2(place):
    (place / "vocab.json").write_text(json.dumps(GOLDEN["vocab"]))
    (place / "merges.txt").write_text("\n".join(GOLDEN["merges"]))
    return place


def bert(place, **config):
    (place / "vocab.txt").write_text("\n".join(GOLDEN["pieces"]))
    if config:
        (place / "tokenizer_config.json").write_text(json.dumps(config))
    return place


@pytest.mark.parametrize(
    ("name", "write"), [("gpt2", gpt2), ("bert", bert), ("cased", lambda p: bert(p, do_lower_case=False))]
)
def test_tokens_are_those_of_transformers(name, write, tmp_path):
    tokenizer = fk.applications.load_tokenizer(write(tmp_path))
    assert [tokenizer.encode(text).ids for text in GOLDEN["texts"]] == GOLDEN[name]
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    again = fk.applications.load_tokenizer(tmp_path)
    assert [again.encode(text).ids for text in GOLDEN["texts"]] == GOLDEN[name]


def test_a_prompt_becomes_tokens_and_what_follows_becomes_text(tmp_path):
    tokenizer = fk.applications.load_tokenizer(gpt2(tmp_path))
    sizes = {"n_positions": 32, "n_embd": 8, "n_layer": 1, "n_head": 2}
    model = fk.applications.GPT2(fk.applications.GPT2Config(vocab_size=tokenizer.get_vocab_size(), **sizes))
    prompt = tokenizer.encode("hello world").ids
    tokens = fk.nn.generate(model, model.init(0), [prompt], 4)
    assert tokenizer.decode(np.asarray(tokens[0]).tolist()).startswith("hello world")


def test_what_is_no_tokenizer_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no tokenizer in"):
        fk.applications.load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"\n\x0e")
    with pytest.raises(ValueError, match="of SentencePiece alone"):
        fk.applications.load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match="cannot be read"):
        fk.applications.load_tokenizer(tmp_path)


def test_a_library_that_is_missing_is_named_with_its_line(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r"pip install 'fkeras\[text\]'"):
        fk.applications.load_tokenizer(tmp_path)
