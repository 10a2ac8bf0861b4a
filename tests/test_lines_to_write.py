"""The line that an answer ends with is one that works where it stands."""

import jax
import numpy as np
import pytest

import fkeras as fk

X = np.zeros((4, 3), "float32")


def model_of(*shape):
    return fk.Sequential([fk.Input(shape), fk.nn.Flatten(), fk.nn.Dense(2)])


def written(error):
    return str(error.value).partition("Write:")[2].strip()


@pytest.mark.parametrize(
    ("shape", "data", "line"),
    [
        ((3,), X[0], "x[None]"),
        ((28, 28), np.zeros((28, 28)), "x[None]"),
        ((12,), np.zeros((4, 3, 4)), "x.reshape((-1, 12))"),
        ((2, 6), np.zeros((4, 12)), "x.reshape((-1, 2, 6))"),
        ((8, 8, 3), np.zeros((4, 3, 8, 8)), "np.moveaxis(x, 1, -1)"),
        ((8, 8, 3), np.zeros((4, 8, 3, 8)), "np.transpose(x, (0, 1, 3, 2))"),
        ((8, 8, 3), np.zeros((4, 192)), "x.reshape((-1, 8, 8, 3))"),
        ((8, 8, 3), np.zeros((4, 1, 8, 8, 3)), "x.reshape((-1, 8, 8, 3))"),
        ((2, 6), np.zeros((4, 3, 4)), "fk.Input((3, 4))"),  # of which a reshape would mix the rows
        ((5,), X, "fk.Input((3,))"),
        ((None, 5), np.zeros((4, 7, 3)), "fk.Input((7, 3))"),
    ],
)
def test_a_wrong_shape_is_answered_with_the_line_that_fits(shape, data, line):
    model = model_of(*shape) if None not in shape else fk.Sequential([fk.Input(shape), fk.nn.Dense(2)])
    variables = model.init(jax.random.key(0))
    with pytest.raises(ValueError, match="expects shape") as error:
        model.predict(variables, data)
    assert written(error).startswith(line)
    if line.startswith(("x", "np")):
        model.predict(variables, eval(line.partition("#")[0], {"x": data, "np": np}))


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: model_of(3).compile("adam", "mean_square_error"), "'mean_squared_error'"),
        (lambda: model_of(3).compile("adma", "mse"), "'adam'"),
        (lambda: model_of(3).compile("adam", "mse", metrics=["acuracy"]), "'accuracy'"),
        (lambda: fk.nn.Dense(3, activaton="relu"), "fk.nn.Dense(units=3, activation='relu')"),
        (lambda: fk.Model(inputs=fk.Input((3,)), output=fk.Input((3,))), "fk.Model(inputs=inputs, outputs=outputs)"),
        (lambda: fk.layers.Dens, "fk.layers.Dense"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_one_that_is_meant(call, line):
    with pytest.raises((ValueError, TypeError, AttributeError)) as error:
        call()
    assert written(error).startswith(line)
    assert error.value.__context__ is None


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ({"train": True}, "model.apply(variables, x, training=True)"),
        ({"deterministic": True}, "model.apply(variables, x, training=False)"),
        ({"traning": False}, "model.apply(variables, x, training=False)"),
        ({"rate": 1.0}, ""),
    ],
)
def test_an_argument_of_a_call_is_answered_with_the_one_that_is_meant(argument, line):
    model = model_of(3)
    variables = model.init(jax.random.key(0))
    with pytest.raises(TypeError, match=f"takes no argument '{next(iter(argument))}' when it is called") as error:
        model.apply(variables, X, **argument)
    assert written(error) == line
    with pytest.raises(TypeError, match=r"takes no argument 'train' when it is called[\s\S]*training=True"):
        fk.nn.Dropout(0.5)(X, train=True)


def test_an_argument_that_only_a_users_function_lacks_is_the_users():
    def scaled(x, factor=1.0):
        return x * factor

    class Mine(fk.nn.Layer):
        def call(self, inputs, training=False):
            return scaled(inputs, train=training)

    with pytest.raises(TypeError, match=r"scaled\(\) got an unexpected keyword argument 'train'"):
        Mine().apply({}, X)


def test_a_layer_in_a_model_says_the_line_that_it_says_alone():
    with pytest.raises(ValueError, match="Layer 'conv2d'") as error:
        fk.Sequential([fk.Input((8, 8)), fk.nn.Conv2D(3, 3)])
    assert written(error).startswith("x[..., None]")


def test_an_argument_that_is_misspelt_is_written_with_its_value():
    trainer = model_of(3).compile("adam", "mse")
    with pytest.raises(TypeError, match="no argument 'epoch'") as error:
        trainer.fit(trainer.init(0), X, X[:, :2], epoch=3)
    assert written(error) == "trainer.fit(state, x, ..., epochs=3)"


def test_a_file_of_weights_is_no_model(tmp_path):
    pytest.importorskip("h5py")
    model = model_of(3)
    variables = model.init(jax.random.key(0))
    path = str(tmp_path / "m.weights.h5")
    model.save_weights(path, variables)
    with pytest.raises(ValueError, match="holds weights, and no description of a model") as error:
        fk.load_model(path)
    names = {"model": model, "jax": jax}
    exec(written(error), names)
    jax.tree.map(np.testing.assert_array_equal, names["variables"], variables)
    (tmp_path / "old.h5").write_bytes(b"")
    with pytest.raises(ValueError, match=r"(?s)old.h5 cannot be read.*a damaged file"):
        fk.load_model(tmp_path / "old.h5")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        fk.load_model(tmp_path / "missing.weights.h5")
