"""Damaged files are never a crash, a hang, or other weights; the nightly run is `make fuzz`."""

from . import fuzz


def test_damaged_files_are_refused_in_words_or_whole(tmp_path):
    corpus = fuzz.Corpus(tmp_path)
    results = [fuzz.trial(corpus, number) for number in range(300)]
    assert results.count("refused") >= 150  # most of a file matters
