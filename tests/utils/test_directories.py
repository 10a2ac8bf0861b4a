"""Data sets of the files of a directory equal those of real Keras on the same folder."""

import contextlib
import copy
import io
import sys
import warnings
import wave

import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")
pytest.importorskip("grain")

CLASSES = {"cats": 5, "dogs": 3, "birds": 4}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A folder of texts: a folder in a folder, an empty text, line ends of Windows, and a file that is none."""
    folder = tmp_path_factory.mktemp("texts")
    for name, count in CLASSES.items():
        (folder / name / "more").mkdir(parents=True)
        (folder / name / "read.me").write_text("not a text")
        for i in range(count):
            path = folder / name / ("more" if i % 2 else "") / f"{i}.TXT"
            path.write_bytes(f"{name} {i}\r\nä{'.' * i}".encode() if i else b"")
    (folder / ".hidden").mkdir()
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of images of many sizes, modes and formats."""
    image = pytest.importorskip("PIL.Image")
    folder, random = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for name, count in CLASSES.items():
        (folder / name).mkdir()
        for i, (mode, ending) in zip(
            range(count), [("RGB", "png"), ("L", "png"), ("RGBA", "png"), ("P", "gif"), ("RGB", "jpg")], strict=False
        ):
            height, width = ((7, 12), (12, 7))[i % 2]
            pixels = random.integers(0, 256, (height, width, 4)).astype("uint8")
            image.fromarray(pixels, "RGBA").convert(mode).save(folder / name / f"{i}.{ending}")
    return folder


def both(name, folder, **options):
    """Our data set and Keras's, with what each printed."""
    found = []
    for room, extra in ((fk.utils, {}), (keras.utils, {"format": "grain"})):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            made = getattr(room, name)(folder, **options, **extra)
        found.append((list(made) if options.get("subset") == "both" else [made], printed.getvalue()))
    (ours, we_said), (theirs, they_said) = found
    assert we_said == they_said
    return zip(ours, theirs, strict=True)


def check_equal(ours, theirs, atol=0.0):
    """Class names, and every batch: numbers of the same dtype, texts and labels the same."""
    assert ours.class_names == theirs.class_names
    with keras_world(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Keras leaves files open
        expected = list(theirs)
    assert len(ours) == len(expected)
    for found, wanted in zip(ours, expected, strict=True):
        pair = isinstance(wanted, tuple)
        for a, b in zip(found if pair else [found], wanted if pair else [wanted], strict=True):
            b = np.asarray(b, dtype=object) if isinstance(b, tuple | list) and isinstance(b[0], str) else np.asarray(b)
            assert isinstance(a, np.ndarray | np.generic | str)
            assert np.asarray(a).dtype == b.dtype
            assert np.shape(a) == b.shape
            if b.dtype.kind == "f":
                np.testing.assert_allclose(a, b, atol=atol)
            else:
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "options",
    [
        {"seed": 3},
        {"shuffle": False, "label_mode": "categorical", "batch_size": 5, "max_length": 6},
        {"seed": 3, "label_mode": "binary", "class_names": ["dogs", "cats"], "batch_size": None},
        {"seed": 3, "labels": None, "batch_size": 4, "verbose": False},
        {"seed": 3, "label_mode": None},
        {"seed": 7, "labels": [*range(12)], "validation_split": 0.3, "subset": "validation", "batch_size": 2},
        {"seed": 7, "validation_split": 0.3, "subset": "both", "batch_size": 4},
    ],
)
def test_texts_equal_keras(texts, options):
    for ours, theirs in both("text_dataset_from_directory", texts, **options):
        check_equal(ours, theirs)


def test_a_list_of_labels_is_left_as_it_was(texts):
    labels = [*range(12)]
    dataset = fk.utils.text_dataset_from_directory(texts, labels=labels, seed=1, verbose=False)
    assert labels == [*range(12)]
    assert dataset.class_names == sorted(map(str, range(12)), key=int)


@pytest.mark.parametrize(
    "options",
    [
        {"seed": 3},
        {"shuffle": False, "label_mode": "categorical", "color_mode": "grayscale", "data_format": "channels_first"},
        {"seed": 3, "color_mode": "rgba", "labels": None, "batch_size": None, "interpolation": "nearest"},
        {"seed": 3, "interpolation": "bicubic", "crop_to_aspect_ratio": True},
        {"seed": 3, "interpolation": "lanczos3", "pad_to_aspect_ratio": True, "image_size": 5},
        {"seed": 3, "validation_split": 0.3, "subset": "both", "interpolation": "lanczos5"},
    ],
)
def test_images_equal_keras(images, options):
    options = {"batch_size": 5, "image_size": (6, 5), **options}
    for ours, theirs in both("image_dataset_from_directory", images, **options):
        assert ours.file_paths == theirs.file_paths
        check_equal(ours, theirs, atol=255 * 1e-5)  # pixels up to 255


def test_interpolations_that_only_tensorflow_has(images):
    """A constant image stays constant, and `area` of a half is the mean of four pixels."""
    from fkeras.utils._directory._resized import INTERPOLATIONS, resized

    for name in INTERPOLATIONS:
        for size in ((3, 9), (13, 4), (6, 8)):
            np.testing.assert_allclose(resized(np.full((6, 8, 1), 7.0), size, name), 7.0, rtol=1e-6)
    image = np.arange(48.0).reshape(6, 8, 1)
    mean = image.reshape(3, 2, 4, 2).mean((1, 3))[..., None]
    np.testing.assert_allclose(resized(image, (3, 4), "area"), mean, rtol=1e-6)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """A folder of sounds of 16 bits, and the numbers in them."""
    pytest.importorskip("soundfile")
    folder, random, numbers = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0), {}
    for name in ("no", "yes"):
        (folder / name).mkdir()
        for i in range(2):
            path, count = folder / name / f"{i}.wav", 40 + 10 * i
            samples = random.integers(-(2**15), 2**15, (count, 2)).astype("<i2")
            with wave.open(str(path), "wb") as file:
                file.setnchannels(2)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(samples.tobytes())
            numbers[str(path)] = samples / np.float32(2**15)  # as tf.audio.decode_wav has them
    return folder, numbers


def test_sounds(sounds):
    folder, numbers = sounds
    make = fk.utils.audio_dataset_from_directory
    plain = make(folder, shuffle=False, verbose=False)
    ((x, y),) = plain
    assert (x.shape, x.dtype, y.tolist()) == ((4, 50, 2), np.float32, [0, 0, 1, 1])
    for sound, path in zip(x, plain.file_paths, strict=True):
        np.testing.assert_array_equal(sound[: len(numbers[path])], numbers[path])
        assert not sound[len(numbers[path]) :].any()
    ((cut, _),) = make(folder, shuffle=False, verbose=False, output_sequence_length=45)
    np.testing.assert_array_equal(cut, x[:, :45])
    ((ragged, _),) = make(folder, shuffle=False, verbose=False, ragged=True)
    assert [len(sound) for sound in ragged] == [40, 50, 40, 50]
    ((twice, _),) = make(folder, shuffle=False, verbose=False, sampling_rate=16000, output_sequence_length=100)
    assert twice.shape == (4, 100, 2)
    assert make(folder, labels=None, batch_size=None, verbose=False, seed=1)[0].ndim == 2
    for option, says in (
        ({"sampling_rate": 0}, "higher than 0"),
        ({"sampling_rate": 1.5}, "sampling_rate=16000"),
        ({"ragged": True, "output_sequence_length": 3}, "Cannot set both"),
    ):
        with pytest.raises(ValueError, match=says):
            make(folder, **option)


def test_a_data_set_goes_on_from_its_state(texts):
    dataset = fk.utils.text_dataset_from_directory(texts, batch_size=3, seed=2, verbose=False)
    batches = list(dataset)
    assert len(batches) == len(dataset) == 4
    iterator = iter(dataset)
    next(iterator)
    state = iterator.get_state()
    again = iter(dataset)
    again.set_state(state)
    for a, b in zip(again, batches[1:], strict=True):
        np.testing.assert_array_equal(a[0], b[0])
    two = list(dataset.repeat(2))
    assert {*np.concatenate([x for x, _ in two[4:]])} == {*np.concatenate([x for x, _ in batches])}
    assert [x.tolist() for x, _ in two[4:]] != [x.tolist() for x, _ in batches]  # a pass has its own order
    mapped = dataset.map(lambda x, y: x)
    np.testing.assert_array_equal(dataset[-1][0], mapped[3])
    for i in range(4):  # what `map` makes keeps the order of each pass
        np.testing.assert_array_equal(mapped.of_pass(1)(i), two[4 + i][0])
    assert not hasattr(dataset.filter(lambda x, y: True), "of_pass")


def test_words_of_tf_data(texts):
    """A function of two arguments gets both; what Grain does not have is answered, after a transformation too."""
    dataset = fk.utils.text_dataset_from_directory(texts, batch_size=3, shuffle=False, verbose=False)
    one = dataset.map(lambda batch: batch[1])
    two = dataset.filter(lambda x, y: True).map(lambda x, y: (y, x)).repeat(2)
    assert len(two) == 2 * len(dataset)
    for place in (0, 3, 5):
        np.testing.assert_array_equal(two[place][0], one[place])
    assert [len(y) for y, _ in two[1:3]] == [3, 3]
    for made in (dataset, two, two.shuffle(seed=1)):
        for name, line in {"take": "dataset[:2]", "cache": "np.concatenate", "unbatch": "batch_size=None"}.items():
            with pytest.raises(AttributeError, match=name) as error:
                getattr(made, name)
            assert line in str(error.value)
    with pytest.raises(AttributeError, match=r"before dataset\.map"):
        _ = two.class_names
    with pytest.raises(AttributeError, match="Did you mean 'repeat'"):
        _ = dataset.repaet
    with pytest.raises(TypeError, match="num_parallel_calls"):
        dataset.map(lambda x, y: x, num_parallel_calls=4)
    assert copy.deepcopy(one)[0].tolist() == one[0].tolist()
    names = {"np": np, "dataset": dataset.map(lambda x, y: (np.ones((len(y), 2)), y))}
    exec("x, y = map(np.concatenate, zip(*dataset))", names)
    assert (names["x"].shape, names["y"].shape) == ((12, 2), (12,))


def test_fit_takes_an_order_of_its_own_for_each_epoch(texts, tmp_path):
    dataset = fk.utils.text_dataset_from_directory(texts, label_mode="binary", class_names=["cats", "dogs"],
                                                   batch_size=3, seed=2, verbose=False)  # fmt: skip
    layer = fk.nn.TextVectorization(output_mode="multi_hot", max_tokens=12).adapt(dataset.map(lambda batch: batch[0]))
    model = fk.Sequential([fk.Input((), dtype="string"), layer, fk.nn.Dense(1)])
    trainer = model.compile("adam", "mse")
    seen = []

    class Reading:
        """The data set, which notes what is read."""

        __len__ = dataset.__len__

        def of_pass(self, number):
            def item(index):
                seen.append((number, index))
                return dataset.of_pass(number)(index)

            return item

        def __iter__(self):
            return iter(dataset)

    state, _ = trainer.fit(trainer.init(0), Reading(), epochs=2, verbose=0)
    assert seen == [(number, index) for number in (0, 1) for index in range(3)]
    seen.clear()
    trainer.fit(state, Reading(), epochs=4, initial_epoch=2, steps_per_epoch=2, verbose=0)  # as orders of arrays do
    assert [batch for batch in seen if batch[0]] == [(2, 0), (2, 1), (2, 2), (3, 0)]
    seen.clear()
    trainer.fit(trainer.init(0), Reading(), epochs=2, verbose=0, shuffle=False)
    assert {number for number, _ in seen} == {0}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"labels": "infer"}, "labels='inferred'"),
        ({"labels": [1, 2]}, "12 files"),
        ({"labels": [0.5] * 12}, "whole numbers"),
        ({"labels": [*range(1, 13)], "label_mode": "categorical"}, "classes from 0 to 11"),
        ({"labels": None, "class_names": ["cats"]}, "inferred labels"),
        ({"class_names": ["cats", "cows"]}, r"folders \['birds', 'cats', 'dogs'\]"),
        ({"label_mode": "onehot"}, "Unknown label_mode"),
        ({"label_mode": "binary"}, "exactly 2"),
        ({"validation_split": 20, "subset": "both", "seed": 1}, "between 0 and 1"),
        ({"validation_split": 0.2}, "If `subset` is set"),
        ({"subset": "training"}, "If `subset` is set"),
        ({"validation_split": 0.2, "subset": "both"}, "needs a `seed`"),
        ({"validation_split": 0.01, "subset": "both", "seed": 1}, "no file for validation"),
        ({"batch_size": 0}, "batch_size=32"),
        ({"format": "tf"}, "needs TensorFlow"),
        ({"max_length": -1}, "max_length"),
    ],
)
def test_arguments_that_do_not_go_together(texts, options, says):
    with pytest.raises(ValueError, match=says):
        fk.utils.text_dataset_from_directory(texts, verbose=False, **options)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match="no file in the directory"):
        fk.utils.text_dataset_from_directory(tmp_path, verbose=False)
    (tmp_path / "a" / "1.txt").write_bytes(b"\xff\xfe\xfa")
    dataset = fk.utils.text_dataset_from_directory(tmp_path, verbose=False)
    with pytest.raises(ValueError, match=r"no text in UTF-8[\s\S]*1\.txt"):
        dataset[0]


def test_what_is_not_installed_is_named(tmp_path, monkeypatch):
    for library, function, line in (
        ("PIL.Image", fk.utils.image_dataset_from_directory, r"pip install 'fkeras\[images\]'"),
        ("soundfile", fk.utils.audio_dataset_from_directory, r"pip install 'fkeras\[audio\]'"),
        ("grain", fk.utils.text_dataset_from_directory, r"pip install 'fkeras\[data\]'"),
    ):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(ImportError, match=line):
            function(tmp_path)


def test_the_old_names_are_the_same():
    assert fk.preprocessing.image_dataset_from_directory is fk.utils.image_dataset_from_directory
    assert fk.preprocessing.text_dataset_from_directory is fk.utils.text_dataset_from_directory
