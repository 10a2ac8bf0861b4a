"""`fk.utils.FeatureSpace` equals real Keras's on every kind of feature and cross, whose numbers were recorded."""

import pathlib

import jax
import numpy as np
import pytest

import fkeras as fk

HERE = pathlib.Path(__file__).parent / "goldens"
Space = fk.utils.FeatureSpace


def space(mode="concat"):
    """The space of `goldens/make_features.py`."""
    encoded = "one_hot" if mode == "concat" else "int"
    features = {
        "f": "float",
        "fn": "float_normalized",
        "fr": Space.float_rescaled(2.0, 1.0),
        "fd": Space.float_discretized(num_bins=5),
        "ic": "integer_categorical",
        "sc": Space.string_categorical(max_tokens=3),
        "ih": Space.integer_hashed(6),
        "sh": Space.string_hashed(4, output_mode=encoded),
    }
    crosses = [("sc", "ic"), Space.cross(("ih", "sh"), 10, output_mode=encoded)]
    return Space(features, crosses=crosses, output_mode=mode, crossing_dim=8)


@pytest.fixture(scope="module")
def recorded():
    with np.load(HERE / "features.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def data(recorded):
    return {name[3:]: column for name, column in recorded.items() if name.startswith("in_")}


@pytest.fixture(scope="module")
def adapted(data):
    return space().adapt(data)


def test_every_kind_and_cross_equals_keras(recorded, data, adapted):
    found = adapted(data)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, recorded["concat"], atol=1e-6)
    by_name = space("dict").adapt(data)(data)
    assert list(by_name) == [name[4:] for name in recorded if name.startswith("out_")]
    for name, value in by_name.items():
        assert value.dtype == recorded[f"out_{name}"].dtype
        np.testing.assert_allclose(value, recorded[f"out_{name}"], atol=1e-6, err_msg=name)


def test_adapt_returns_a_new_value(data, adapted):
    plain = space()
    assert plain.adapt(data) == adapted != plain
    with pytest.raises(ValueError, match=r"feature_space = feature_space\.adapt\(data\)"):
        plain(data)
    with pytest.raises(AttributeError):
        plain.features = {}


def test_one_row_tables_and_batches(data, adapted):
    pandas = pytest.importorskip("pandas")
    whole = adapted(data)
    np.testing.assert_array_equal(adapted({name: column[3] for name, column in data.items()}), whole[3])
    np.testing.assert_array_equal(adapted(pandas.DataFrame(data)), whole)
    batches = [({name: column[i : i + 32] for name, column in data.items()}, 0) for i in range(0, 100, 32)]
    assert space().adapt(batches) == space().adapt(pandas.DataFrame(data)) == adapted


def test_part_of_a_model(data, adapted):
    model = fk.Model(adapted.get_inputs(), adapted.get_encoded_features())
    assert model.output_shape == (None, 47)
    columns = {name: column[:, None] for name, column in data.items()}
    np.testing.assert_allclose(model.predict(model.init(0), columns), adapted(data), atol=1e-6)
    numbers = Space({"a": "float_normalized", "b": "float"}).adapt({"a": data["f"], "b": data["fr"]})
    given = {"a": data["f"], "b": data["fr"]}
    np.testing.assert_allclose(jax.jit(numbers)(given), numbers(given), atol=1e-6)


def test_files_travel_both_ways(tmp_path, recorded, data, adapted):
    """`make_features.py check` opened such a file with real Keras."""
    pytest.importorskip("h5py")
    np.testing.assert_allclose(Space.load(HERE / "features.keras")(data), recorded["concat"], atol=1e-6)
    adapted.save(tmp_path / "space.keras")
    np.testing.assert_array_equal(Space.load(tmp_path / "space.keras")(data), adapted(data))
    assert [path.name for path in tmp_path.iterdir()] == ["space.keras"]
    with pytest.raises(ValueError, match=r"ends in \.keras"):
        adapted.save(tmp_path / "space.h5")
    (tmp_path / "no.keras").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="holds no FeatureSpace"):
        Space.load(tmp_path / "no.keras")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Space({}), "cannot be None or empty"),
        (lambda: Space({"a": "floats"}), "Did you mean 'float'"),
        (lambda: Space({"a": "float"}, output_mode="list"), "Known: concat, dict"),
        (lambda: Space({"a": "float"}, crosses=[("a", "b")]), r"\['b'\]"),
        (lambda: Space({"a": "float"})({"a": [1.0], "y": [1]}), r"not expected: \['y'\]"),
        (lambda: Space({"a": "float", "b": "float"})({"a": [1.0]}), r"missing: \['b'\]"),
        (lambda: Space({"a": "float"})({"a": ["1"]}), "string_categorical"),
        (lambda: Space({"a": Space.integer_hashed(3)})({"a": [1.5]}), "whole numbers"),
        (lambda: Space({"a": Space.integer_hashed(3, output_mode="int")})({"a": [1]}), "has not been encoded"),
        (lambda: Space({"a": Space.feature("float32", fk.nn.Rescaling(2.0), "one_hot")})({"a": [1]}), "one-hot"),
    ],
)
def test_what_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_an_array_is_no_table():
    with pytest.raises(TypeError, match="columns by their names"):
        Space({"a": "float"})(np.zeros((2, 1)))
