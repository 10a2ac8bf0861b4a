"""`fk.utils` and `fk.backend` equal real Keras's; where Keras drops or guesses, they say so."""

import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")


@pytest.mark.parametrize(
    ("x", "count"),
    [([0, 2], 3), ([0, 2], None), ([[1], [0]], 2), ([[0, 1], [2, 0]], None), (2, 4), ([1.0, 0.0], None)],
)
def test_to_categorical_equals_keras(x, count):
    ours, theirs = fk.utils.to_categorical(x, count), keras.utils.to_categorical(x, count)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_to_categorical_of_jax_arrays_equals_keras():
    for x in (jnp.array([0, 2]), jnp.array([[1], [0]])):
        ours, theirs = fk.utils.to_categorical(x, 3), keras.utils.to_categorical(x, 3)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match=r"to_categorical\(x, num_classes=10\)"):
        fk.utils.to_categorical(jnp.array([0, 2]))


@pytest.mark.parametrize(
    ("x", "count", "says"),
    [
        ([0, 3], 3, "classes from 0 to 2"),
        ([-1, 1], None, "classes from -1 to 1"),
        ([0.5], None, "whole numbers"),
        (["cat"], None, "StringLookup"),
    ],
)
def test_to_categorical_refuses_what_is_no_class(x, count, says):
    with pytest.raises(ValueError, match=says):
        fk.utils.to_categorical(x, count)


@pytest.mark.parametrize("order", [1, 2])
def test_normalize_equals_keras(order):
    x = np.array([[3.0, -4.0], [0.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(fk.utils.normalize(x, 1, order), keras.utils.normalize(x, 1, order))
    np.testing.assert_allclose(fk.utils.normalize(x, 0, 2), x / np.linalg.norm(x, axis=0))  # Keras divides rows
    ours = fk.utils.normalize(jnp.asarray(x), 0, order)
    with keras_world():
        theirs = keras.utils.normalize(jnp.asarray(x), 0, order)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)  # float32


SEQUENCES = [[1], [2, 3], [4, 5, 6], []]


@pytest.mark.parametrize("maxlen", [None, 2, 5])
@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_pad_sequences_equals_keras(maxlen, padding, truncating):
    options = {"maxlen": maxlen, "padding": padding, "truncating": truncating, "value": -1}
    ours = fk.utils.pad_sequences(SEQUENCES, **options)
    theirs = keras.utils.pad_sequences(SEQUENCES, **options)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)
    assert fk.preprocessing.sequence.pad_sequences is fk.utils.pad_sequences


def test_pad_sequences_of_vectors_and_text_equals_keras():
    vectors = [np.ones((1, 2)), np.ones((3, 2))]
    np.testing.assert_array_equal(
        fk.utils.pad_sequences(vectors, dtype="float32"), keras.utils.pad_sequences(vectors, dtype="float32")
    )
    words = [["a"], ["b", "cd"]]
    options = {"dtype": object, "value": "<pad>"}
    np.testing.assert_array_equal(fk.utils.pad_sequences(words, **options), keras.utils.pad_sequences(words, **options))
    assert fk.utils.pad_sequences([[1]], maxlen=0).shape == (1, 0)


@pytest.mark.parametrize(
    ("sequences", "options", "says"),
    [
        ([[1]], {"padding": "left"}, 'padding="post"'),
        ([1, 2], {}, "1 at 0"),
        (3, {}, "list of sequences"),
        ([[1]], {"value": "a"}, "dtype=object"),
        ([[1]], {"value": 0.5}, 'dtype="float32"'),
        ([[[1, 2]], [[1]]], {}, "one shape"),
    ],
)
def test_pad_sequences_says_what_is_wrong(sequences, options, says):
    with pytest.raises(ValueError, match=says):
        fk.utils.pad_sequences(sequences, **options)


@pytest.mark.parametrize("data", [1, (1,), (1, 2), (1, 2, 3), [1, 2], {"a": 1}])
def test_unpacking_equals_keras(data):
    assert fk.utils.unpack_x_y_sample_weight(data) == keras.utils.unpack_x_y_sample_weight(data)


@pytest.mark.parametrize("parts", [(1,), ([1, 2],), (1, 2), (1, 2, 3), ((1, 2), 3)])
def test_packing_equals_keras(parts):
    assert fk.utils.pack_x_y_sample_weight(*parts) == keras.utils.pack_x_y_sample_weight(*parts)


def test_batches_of_other_forms_are_refused():
    with pytest.raises(ValueError, match=r"\(\(x1, x2\), y\)"):
        fk.utils.unpack_x_y_sample_weight((1, 2, 3, 4))
    with pytest.raises(ValueError, match="needs targets"):
        fk.utils.pack_x_y_sample_weight(1, sample_weight=2)


def test_images_equal_keras():
    image = np.arange(24).reshape(2, 4, 3)
    for options in ({}, {"data_format": "channels_first"}, {"dtype": "uint8"}):
        for x in (image, image[..., 0]):
            ours, theirs = fk.utils.img_to_array(x, **options), keras.utils.img_to_array(x, **options)
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match=r"images\[0\]"):
        fk.utils.img_to_array(np.zeros((2, 2, 2, 2)))


class Batches(fk.utils.PyDataset):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.passes = []

    def __len__(self):
        return 3

    def __getitem__(self, index):
        x = np.full((4, 2), index, "float32")
        return x, x[:, :1]

    def on_epoch_end(self):
        self.passes.append(len(self))


def test_a_data_set_trains():
    data = Batches()
    model = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1)])
    trainer = model.compile("sgd", "mse")
    state, _ = trainer.fit(trainer.init(0), data, epochs=2, verbose=0)
    assert int(state.step) == 6
    assert data.passes == [3, 3]
    assert fk.utils.Sequence is fk.utils.PyDataset
    assert len(list(data)) == data.num_batches == 3


class Slow(Batches):
    """Notes in which threads its batches are made."""

    def __init__(self, fails_at=None, **kwargs):
        super().__init__(**kwargs)
        self.fails_at, self.threads = fails_at, set()

    def __getitem__(self, index):
        time.sleep(0.02)
        self.threads.add(threading.current_thread().name)
        if index == self.fails_at:
            raise OSError("file 17 is missing")
        return super().__getitem__(index)


@pytest.mark.parametrize("arguments", [{}, {"steps_per_epoch": 2}])
def test_workers_make_the_batches_of_one_thread_ahead(arguments):
    trainer = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    one, many = Batches(), Slow(workers=3)
    wanted, _ = trainer.fit(trainer.init(0), one, epochs=2, verbose=0, **arguments)
    state, _ = trainer.fit(trainer.init(0), many, epochs=2, verbose=0, **arguments)
    for ours, theirs in zip(jax.tree.leaves(state.params), jax.tree.leaves(wanted.params), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert many.passes == one.passes
    assert len(many.threads) > (2 if not arguments else 1)  # the example is read in the one that calls
    with pytest.raises(OSError, match="file 17 is missing"):
        trainer.fit(trainer.init(0), Slow(fails_at=2, workers=3), verbose=0)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fkeras-batches")]


def test_workers_and_missing_methods_are_named():
    with pytest.warns(UserWarning, match="in threads"):
        Batches(workers=4, use_multiprocessing=True)
    with pytest.raises(ValueError, match="workers=4"):
        Batches(workers="many")
    with pytest.raises(NotImplementedError, match="def __getitem__"):
        fk.utils.PyDataset()[0]
    with pytest.raises(NotImplementedError, match="def __len__"):
        list(fk.utils.PyDataset())


def test_source_inputs_equal_keras():
    def found(package, layers):
        a, b, c = (package.Input((3,), name=name) for name in "abc")
        both = layers.Add()([layers.Dense(3)(b), layers.Dense(3)(a)])
        end = layers.Concatenate()([both, b])
        tensors = package.utils.get_source_inputs(end)
        return [t.name for t in tensors], [t.name for t in package.utils.get_source_inputs(c)]

    with keras_world():
        assert found(fk, fk.layers) == found(keras, keras.layers) == (["b", "a"], ["c"])
    with pytest.raises(TypeError, match=r"model\.output"):
        fk.utils.get_source_inputs(np.ones(3))


DTYPES = [None, "float32", "bfloat16", "int8", "uint32", "bool", "string", "int", bool, int, float, complex, "int64"]


@pytest.mark.parametrize("dtype", [*DTYPES, jnp.bfloat16, np.dtype("int16"), np.float32], ids=str)
def test_facts_about_dtypes_equal_keras(dtype):
    for name in ("standardize_dtype", "is_float_dtype", "is_int_dtype"):
        assert getattr(fk.backend, name)(dtype) == getattr(keras.backend, name)(dtype), name


NUMBERS = [
    "bool",
    "uint8",
    "int8",
    "int32",
    "int64",
    "uint64",
    "float16",
    "bfloat16",
    "float32",
    "complex64",
    int,
    float,
]


@pytest.mark.parametrize("a", [*NUMBERS, None], ids=str)
def test_result_types_equal_keras(a):
    for b in NUMBERS:
        assert fk.backend.result_type(a, b) == keras.backend.result_type(a, b), b
    assert fk.backend.result_type(a) == keras.backend.result_type(a)


def test_no_dtypes():
    with pytest.raises(ValueError, match="bfloat16"):
        fk.backend.standardize_dtype("flaot32")
    with pytest.raises(ValueError, match="eight bits"):
        fk.backend.result_type("float8_e4m3fn", "float32")


def test_defaults_equal_keras():
    for name in ("backend", "floatx", "epsilon", "image_data_format", "max_epochs", "max_steps_per_epoch"):
        assert getattr(fk.config, name)() == getattr(keras.config, name)(), name
    assert fk.config.dtype_policy().name == keras.config.dtype_policy().name
    assert fk.backend.epsilon is fk.config.epsilon
    assert fk.version() == fk.__version__


def test_dtype_policies_equal_keras():
    for given in ("mixed_bfloat16", None, "float16", {"class_name": "DTypePolicy", "config": {"name": "bfloat16"}}):
        ours, theirs = fk.dtype_policies.get(given), keras.dtype_policies.get(given)
        assert (ours.name, ours.compute_dtype) == (theirs.name, theirs.compute_dtype)
        assert fk.dtype_policies.serialize(ours) == keras.dtype_policies.serialize(theirs)
        assert fk.dtype_policies.deserialize(keras.dtype_policies.serialize(theirs)) == ours
    assert fk.FloatDTypePolicy is fk.mixed_precision.Policy is fk.DTypePolicy
    with pytest.raises(ValueError, match="no config of a dtype policy"):
        fk.dtype_policies.deserialize(fk.saving.serialize_keras_object(fk.nn.Dense(2)))
