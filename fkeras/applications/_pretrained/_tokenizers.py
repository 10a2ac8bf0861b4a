"""The tokenizer beside a pretrained model, as an object of the `tokenizers` library."""

from __future__ import annotations

import pathlib
import types
from typing import TYPE_CHECKING

from ...core import MOST_BYTES, explain, read_json, to_read
from ...core.typing import JSON, FilePath

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def load_tokenizer(directory: FilePath) -> Tokenizer:
    """The tokenizer in a directory as models are published, between text and token ids.

    Args:
        directory: it has `tokenizer.json`, or the older files of GPT-2 (`vocab.json` and `merges.txt`) or of BERT
            (`vocab.txt`).

    Returns:
        A `tokenizers.Tokenizer`: `tokenizer.encode(text).ids`, `tokenizer.encode_batch(texts)` and
        `tokenizer.decode(ids)`.

    Raises:
        ImportError: the library is not installed.
        FileNotFoundError: none of the files.
        ValueError: a damaged file, or a vocabulary of SentencePiece alone.

    >>> import fkeras as fk, pathlib, tempfile
    >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "hell", "##o"]
    >>> with tempfile.TemporaryDirectory() as place:
    ...     _ = pathlib.Path(place, "vocab.txt").write_text("\\n".join(words))
    ...     tokenizer = fk.applications.load_tokenizer(place)
    >>> tokenizer.encode("Hello").ids, tokenizer.decode([4, 5])
    ([2, 4, 5, 3], 'hello')

    Reference: https://huggingface.co/docs/tokenizers
    """
    library = _library()
    path = pathlib.Path(to_read(directory, "fk.applications.load_tokenizer", '"gpt2"'))
    file = path if path.is_file() else path / "tokenizer.json"
    try:
        if file.is_file():
            tokenizer: Tokenizer = library.Tokenizer.from_file(str(file))
            return tokenizer
        if (path / "vocab.json").is_file() and (path / "merges.txt").is_file():
            return _of_gpt2(library, path)
        if (path / "vocab.txt").is_file():
            return _of_bert(library, path)
    except (KeyError, TypeError, OSError, RuntimeError) as error:
        raise _damaged(path, error) from None
    except Exception as error:  # what the library raises of a file that it cannot read has no class of its own
        if type(error) is not Exception:
            raise
        raise _damaged(path, error) from None
    raise _none(path)


def _library() -> types.ModuleType:
    """tokenizers, loaded when one is."""
    try:
        import tokenizers
    except ImportError:
        raise ImportError(
            explain(
                "Tokenizers need the library tokenizers.",
                usually="it is an optional dependency.",
                write="pip install 'fkeras[text]'",
            )
        ) from None
    return tokenizers


def _of_gpt2(library: types.ModuleType, path: pathlib.Path) -> Tokenizer:
    """Pairs of bytes, as in GPT-2's own two files."""
    model = library.models.BPE.from_file(str(path / "vocab.json"), str(path / "merges.txt"))
    tokenizer: Tokenizer = library.Tokenizer(model)
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = library.decoders.ByteLevel()
    tokenizer.post_processor = library.processors.ByteLevel(trim_offsets=False)
    if tokenizer.token_to_id("<|endoftext|>") is not None:
        tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


def _of_bert(library: types.ModuleType, path: pathlib.Path) -> Tokenizer:
    """Pieces of words, as in BERT's own file: `[CLS] text [SEP]`."""
    said: JSON = {}
    if (path / "tokenizer_config.json").is_file():
        with (path / "tokenizer_config.json").open("rb") as file:
            said = read_json(file.read(MOST_BYTES + 1), f"tokenizer_config.json in {str(path)!r}")
    lower = bool(said.get("do_lower_case", True)) if isinstance(said, dict) else True
    tokenizer: Tokenizer = library.Tokenizer(
        library.models.WordPiece.from_file(str(path / "vocab.txt"), unk_token="[UNK]")
    )
    tokenizer.normalizer = library.normalizers.BertNormalizer(lowercase=lower)
    tokenizer.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = library.decoders.WordPiece()
    special = {name: tokenizer.token_to_id(name) for name in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")}
    tokenizer.add_special_tokens([name for name, number in special.items() if number is not None])
    if special["[CLS]"] is not None and special["[SEP]"] is not None:
        tokenizer.post_processor = library.processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(name, special[name]) for name in ("[CLS]", "[SEP]")],
        )
    return tokenizer


def _damaged(path: pathlib.Path, error: Exception) -> ValueError:
    return ValueError(
        explain(
            f"The tokenizer in {str(path)!r} cannot be read.",
            received=f"{type(error).__name__}: {str(error)[:200]}",
            usually="a file that broke off, or one that a newer release of tokenizers wrote.",
            write="pip install --upgrade tokenizers",
        )
    )


def _none(path: pathlib.Path) -> Exception:
    """What is said of a directory without a file that is read."""
    if (path / "tokenizer.model").is_file():
        return ValueError(
            explain(
                f"{str(path)!r} has a tokenizer of SentencePiece alone, which is not read.",
                received="tokenizer.model",
                usually="an early release of the model; later ones have tokenizer.json beside it.",
                write='transformers.AutoTokenizer.from_pretrained("llama").save_pretrained("llama")   # once',
            )
        )
    found = sorted(p.name for p in path.iterdir())[:10] if path.is_dir() else []
    return FileNotFoundError(
        explain(
            f"There is no tokenizer in {str(path)!r}.",
            received=", ".join(found) or "nothing",
            usually="a download without tokenizer.json, or a wrong directory.",
            write="tokenizer.json, or vocab.json and merges.txt (GPT-2), or vocab.txt (BERT)",
        )
    )
