"""`fk.datasets` reads Keras's files: its loaders are the judge, over small files in their formats."""

import gzip
import io
import json
import pickle
import tarfile

import numpy as np
import pytest

import fkeras as fk

keras = pytest.importorskip("keras")
RANDOM = np.random.default_rng(0)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of Keras's."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def oracle(name, monkeypatch, cache):
    """Keras's loader, which takes the files of the cache as they are: theirs have other digests."""

    def from_cache(fname=None, origin=None, cache_subdir="datasets", **rest):
        return str(cache.parent / cache_subdir / fname)

    module = __import__(f"keras.src.datasets.{name}", fromlist=["load_data"])
    monkeypatch.setattr(module, "get_file", from_cache)
    return module


def equal(ours, theirs):
    for part, other in zip(ours, theirs, strict=True):
        for array, expected in zip(part, other, strict=True):
            assert array.dtype == expected.dtype
            np.testing.assert_array_equal(array, expected)
            assert [type(entry) for entry in array[:2]] == [type(entry) for entry in expected[:2]]


def images(count, *shape):
    return RANDOM.integers(0, 256, (count, *shape), dtype="uint8"), RANDOM.integers(0, 10, count, dtype="uint8")


def test_mnist(cache, monkeypatch):
    (x, y), (x_test, y_test) = images(5, 28, 28), images(2, 28, 28)
    np.savez(cache / "mnist.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    equal(fk.datasets.mnist.load_data(), oracle("mnist", monkeypatch, cache).load_data())
    np.savez_compressed(cache / "mine.npz", x_train=x[:1], y_train=y[:1], x_test=x_test, y_test=y_test)
    assert len(fk.datasets.mnist.load_data("mine.npz")[0][0]) == 1
    assert len(fk.datasets.mnist.load_data(path=str(cache / "mine.npz"))[0][0]) == 1


def test_fashion_mnist(cache, monkeypatch):
    (cache / "fashion-mnist").mkdir()
    for name, count in (("train", 3), ("t10k", 2)):
        x, y = images(count, 28, 28)
        with gzip.open(cache / "fashion-mnist" / f"{name}-images-idx3-ubyte.gz", "wb") as file:
            file.write(bytes(16) + x.tobytes())
        with gzip.open(cache / "fashion-mnist" / f"{name}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(bytes(8) + y.tobytes())
    equal(fk.datasets.fashion_mnist.load_data(), oracle("fashion_mnist", monkeypatch, cache).load_data())
    with gzip.open(cache / "fashion-mnist" / "train-images-idx3-ubyte.gz", "wb") as file:
        file.write(bytes(100))
    with pytest.raises(
        ValueError, match=r"84 bytes of images for 3 classes[\s\S]*download\('fashion_mnist', force=True"
    ):
        fk.datasets.fashion_mnist.load_data()


def write_cifar(folder, files, protocol=2):
    folder.mkdir(parents=True)
    for name, labels, count in files:
        x, y = images(count, 3 * 32 * 32)
        held = {b"data": x, b"batch_label": name.encode(), **{label.encode(): y.tolist() for label in labels}}
        (folder / name).write_bytes(pickle.dumps(held, protocol))


def test_cifar10(cache, monkeypatch):
    """Keras fills 10,000 rows of each file, and a file of one row is broadcast there."""
    folder = cache / "cifar-10-batches-py-target" / "cifar-10-batches-py"
    files = [(f"data_batch_{i}", ["labels"], 1) for i in range(1, 6)] + [("test_batch", ["labels"], 2)]
    write_cifar(folder, files, 4)
    (x, y), test = fk.datasets.cifar10.load_data()
    (expected, classes), expected_test = oracle("cifar10", monkeypatch, cache).load_data()
    equal([(x, y), test], [(expected[::10000], classes[::10000]), expected_test])


@pytest.mark.parametrize("mode", ["fine", "coarse"])
def test_cifar100_from_folders_and_archives(cache, monkeypatch, mode):
    folder = cache / "cifar-100-python-target" / "cifar-100-python"
    write_cifar(folder, [(name, ["fine_labels", "coarse_labels"], 3) for name in ("train", "test")], 3)
    found = fk.datasets.cifar100.load_data(mode)
    equal(found, oracle("cifar100", monkeypatch, cache).load_data(mode))
    with tarfile.open(cache / "cifar-100-python.tar.gz", "w:gz") as archive:
        archive.add(folder, "cifar-100-python")
    folder.rename(cache / "elsewhere")
    equal(fk.datasets.cifar100.load_data(mode), found)
    (cache / "elsewhere").rename(cache / "cifar-100-python")  # as older versions of Keras have it
    (cache / "cifar-100-python.tar.gz").unlink()
    equal(fk.datasets.cifar100.load_data(mode), found)
    with pytest.raises(ValueError, match='"fine" or "coarse"'):
        fk.datasets.cifar100.load_data("course")


@pytest.mark.parametrize("protocol", [2, 5])
def test_pickles_of_every_age(cache, protocol):
    folder = cache / "cifar-100-python"
    write_cifar(folder, [(name, ["fine_labels"], 3) for name in ("train", "test")], protocol)
    held = pickle.loads((folder / "train").read_bytes())
    (x, y), _ = fk.datasets.cifar100.load_data()
    np.testing.assert_array_equal(x.transpose(0, 3, 1, 2).reshape(3, -1), held[b"data"])
    np.testing.assert_array_equal(y[:, 0], held[b"fine_labels"])


def texts(count):
    found = np.empty(count, dtype=object)
    for place in range(count):
        found[place] = RANDOM.integers(1, 30, RANDOM.integers(1, 9)).tolist()
    return found, RANDOM.integers(0, 2, count)


ARGUMENTS = [
    {},
    {"num_words": 12, "skip_top": 3},
    {"maxlen": 6, "seed": 7},
    {"start_char": None, "oov_char": None, "num_words": 20},
    {"start_char": None, "index_from": 0, "maxlen": 5, "num_words": 9},
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda a: "-".join(a) or "default")
def test_imdb_and_reuters(cache, monkeypatch, arguments):
    (x, y), (x_test, y_test) = texts(11), texts(6)
    np.savez(cache / "imdb.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    np.savez(cache / "reuters.npz", x=x, y=y)
    for name in ("imdb", "reuters"):
        found, theirs = getattr(fk.datasets, name).load_data(**arguments), oracle(name, monkeypatch, cache)
        equal(found, theirs.load_data(**arguments))
    found = fk.datasets.reuters.load_data(test_split=0.5, **arguments)
    equal(found, theirs.load_data(test_split=0.5, **arguments))
    with pytest.raises(ValueError, match=r"No text is shorter than maxlen[\s\S]*pad_sequences"):
        fk.datasets.imdb.load_data(maxlen=1)


def test_words_and_topics(cache, monkeypatch):
    for name in ("imdb", "reuters"):
        (cache / f"{name}_word_index.json").write_text(json.dumps({"the": 1, "é": 2}))
        theirs = oracle(name, monkeypatch, cache).get_word_index()
        assert getattr(fk.datasets, name).get_word_index() == theirs == {"the": 1, "é": 2}
    assert fk.datasets.reuters.get_label_names() == keras.datasets.reuters.get_label_names()


@pytest.mark.parametrize("arguments", [{}, {"test_split": 0.37, "seed": 3}, {"test_split": 0}])
def test_houses(cache, monkeypatch, arguments):
    for name, count in (("boston_housing", 13), ("california_housing", 8)):
        np.savez(cache / f"{name}.npz", x=RANDOM.normal(size=(610, count)), y=RANDOM.normal(size=610))
        module, theirs = getattr(fk.datasets, name), oracle(name, monkeypatch, cache)
        equal(module.load_data(**arguments), theirs.load_data(**arguments))
        with pytest.raises(ValueError, match="from 0 to less than 1"):
            module.load_data(test_split=20)
    equal(module.load_data("small", **arguments), theirs.load_data("small", **arguments))
    with pytest.raises(ValueError, match='"small" or "large"'):
        module.load_data("medium")


def test_digits():
    pytest.importorskip("sklearn")
    (x, y), (x_test, _) = fk.datasets.digits.load_data(test_split=0.5)
    assert (len(x), len(x_test), x.dtype, y.dtype) == (898, 899, "uint8", "uint8")


# ------------------------------------------------------------------ files that are not there, or not what they seem
def test_a_file_that_is_not_there_is_an_error_with_the_line_that_gets_it(cache):
    for name in ("mnist", "fashion_mnist", "cifar10", "cifar100", "imdb", "reuters", "boston_housing"):
        with pytest.raises(FileNotFoundError, match=rf"fk.datasets.download\('{name}'\)"):
            getattr(fk.datasets, name).load_data()
    with pytest.raises(FileNotFoundError, match=r"get_file\('own.npz', 'https://.*/mnist.npz', file_hash='731c5ac6"):
        fk.datasets.mnist.load_data("own.npz")
    with pytest.raises(FileNotFoundError, match=r"download\('imdb'\)"):
        fk.datasets.imdb.get_word_index()
    assert list(cache.iterdir()) == []


class Harm:
    def __reduce__(self):
        return exec, ("raise SystemExit",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_pickles_run_no_code(cache, protocol):
    np.savez(cache / "imdb.npz", x_train=np.array([Harm()], dtype=object), y_train=[1], x_test=[1], y_test=[1])
    with pytest.raises(ValueError, match=r"`builtins.exec`[\s\S]*nothing of it was run"):
        fk.datasets.imdb.load_data()
    folder = cache / "cifar-100-python"
    folder.mkdir()
    for name in ("train", "test"):
        (folder / name).write_bytes(pickle.dumps({b"data": [Harm()]}, protocol))
    with pytest.raises(ValueError, match="nothing of it was run"):
        fk.datasets.cifar100.load_data()


def test_damaged_files_are_named(cache):
    buffer = io.BytesIO()
    np.savez(buffer, x_train=np.zeros((2, 28, 28), "uint8"), y_train=[1, 2])
    (cache / "mnist.npz").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="no array 'x_test', but x_train, y_train"):
        fk.datasets.mnist.load_data()
    for content in (b"<html>", buffer.getvalue()[:-40]):
        (cache / "mnist.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"not whole, or another[\s\S]*download\('mnist', force=True\)"):
            fk.datasets.mnist.load_data()
    np.savez(cache / "boston_housing.npz", x=np.zeros((3, 13)), y=np.zeros(2))
    with pytest.raises(ValueError, match=r"of shapes \[\(3, 13\), \(2,\)\]"):
        fk.datasets.boston_housing.load_data()
    np.savez(cache / "reuters.npz", x=np.array([[1], ["the"]], dtype=object), y=[1, 2])
    with pytest.raises(ValueError, match="texts that are no lists of numbers"):
        fk.datasets.reuters.load_data()
    folder = cache / "cifar-100-python"
    folder.mkdir()
    whole = pickle.dumps({b"data": np.zeros((2, 3072), "uint8"), b"fine_labels": [1, 2]}, 2)
    for content in (
        b"",
        whole[:300],
        whole[:-1],
        pickle.dumps([1]),
        pickle.dumps({b"data": 1}),
        b"\x80\x02cnumpy\nndarray\n.",
    ):
        (folder / "test").write_bytes(whole)
        (folder / "train").write_bytes(content)
        with pytest.raises(ValueError, match="not whole, or another"):
            fk.datasets.cifar100.load_data()


def test_download_puts_the_files_where_load_data_reads_them(cache, monkeypatch):
    import urllib.request

    monkeypatch.setattr(urllib.request, "urlopen", lambda url: io.BytesIO(b"content"))
    assert fk.datasets.download("fashion_mnist")[1] == cache / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    with pytest.raises(ValueError, match="not what was published"):
        fk.datasets.download("cifar10")
    assert [path.name for path in cache.iterdir()] == ["fashion-mnist"], "nothing half-written is left"
