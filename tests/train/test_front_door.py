"""What the verbs of a run are given is checked where it arrives: it works, or is refused in four parts that name it.

Each row is something odd; the laws run it through every verb that could be given it.
"""

import array
import collections
import datetime
import decimal
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

pd = pytest.importorskip("pandas")
sparse = pytest.importorskip("scipy.sparse")

ROWS = 6
P = np.linspace(-1, 1, ROWS * 2).reshape(ROWS, 2).astype("float32")
Y = np.arange(ROWS, dtype="float32")[:, None]
BOOLS = np.array([[True, i % 2 == 0] for i in range(ROWS)])
TABLE = pd.DataFrame(P, columns=["a", "b"])
LABELS = ["cat", "dog"] * 3
MODEL = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1)])
TRAINER = MODEL.compile("sgd", "mse")


@pytest.fixture(scope="module")
def state():
    return TRAINER.init(0)


class Arraylike:
    """What other libraries' tables and tensors are to their reader."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values


class OnlyDlpack:
    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **kwargs):
        return self.values.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


class Polarslike(Arraylike):
    """As a column of polars: numpy's NaN stands for what is missing, and `null_count` says so."""

    def __len__(self):
        return len(self.values)

    def null_count(self):
        return int(np.isnan(self.values).sum())


class Unreadable:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("the tensor is on another device")


def verbs(state):
    """Every verb that takes `x`, as a function of it; what it returns is compared leaf by leaf."""
    return {
        "fit": lambda x: TRAINER.fit(state, x, Y, verbose=0)[1].history,
        "evaluate": lambda x: TRAINER.evaluate(state, x, Y),
        "predict": lambda x: TRAINER.predict(state, x),
        "train_on_batch": lambda x: TRAINER.train_on_batch(state, x, Y)[1],
        "test_on_batch": lambda x: TRAINER.test_on_batch(state, x, Y),
        "predict_on_batch": lambda x: TRAINER.predict_on_batch(state, x),
        "model.predict": lambda x: MODEL.predict(state.variables, x),
        "model.apply": lambda x: MODEL.apply(state.variables, x),
        "init": lambda x: jax.tree.map(jnp.shape, TRAINER.init(0, x).params),
        "model.init": lambda x: jax.tree.map(jnp.shape, MODEL.init(0, x)),
        "lower": lambda x: sorted(TRAINER.lower((x, Y), verbs="predict_step")),
        "validation_data": lambda x: TRAINER.fit(state, P, Y, verbose=0, validation_data=(x, Y))[1].history["val_loss"],
    }


TAKEN = {
    "big-endian": P.astype(">f4"),
    "float64": P.astype("float64"),
    "long doubles": P.astype(np.longdouble),
    "masked, with nothing masked": np.ma.array(P),
    "a view of another class": P.view(type("Tagged", (np.ndarray,), {})),
    "a memoryview": memoryview(P),
    "a list of tuples": [tuple(row) for row in P.tolist()],
    "a read-only view": np.broadcast_to(P, P.shape),
    "a jax array": jnp.asarray(P),
    "__array__ alone": Arraylike(P),
    "__dlpack__ alone": OnlyDlpack(P),
    "a column of polars": Polarslike(P),
    "a table": TABLE,
    "a table with doubled names": pd.DataFrame(P, columns=["a", "a"]),
    "nullable floats": TABLE.astype("Float64"),
    "sparse columns": TABLE.astype(pd.SparseDtype("float32", 0)),
}


@pytest.fixture(scope="module")
def wanted(state):
    """What every verb makes of the array itself."""
    return {verb: call(P) for verb, call in verbs(state).items()}


@pytest.mark.parametrize("odd", TAKEN)
def test_what_stands_for_an_array_is_that_array(state, wanted, odd):
    for verb, call in verbs(state).items():
        for got, want in zip(jax.tree.leaves(call(TAKEN[odd])), jax.tree.leaves(wanted[verb]), strict=True):
            np.testing.assert_array_equal(got, want, err_msg=verb)


@pytest.mark.parametrize(
    ("table", "plain"),
    [
        (pd.DataFrame({"a": [True, False] * 3, "b": P[:, 0]}), [[1, 0] * 3, P[:, 0]]),
        (pd.DataFrame({"a": [True, False] * 3, "b": range(6)}), [[1, 0] * 3, range(6)]),
        (pd.DataFrame({"a": [True, False] * 3, "b": range(6)}).astype({"a": "boolean", "b": "Int64"}),
         [[1, 0] * 3, range(6)]),
        (pd.DataFrame({"a": P[:, 0], "b": range(6)}).astype({"b": "UInt8"}), [P[:, 0], range(6)]),
    ],
)  # fmt: skip
def test_columns_of_several_dtypes_are_promoted_as_by_numpy(state, table, plain):
    x = np.stack([np.asarray(column, "float32") for column in plain], axis=1)
    np.testing.assert_array_equal(TRAINER.predict(state, table), TRAINER.predict(state, x))
    assert TRAINER.fit(state, table, Y, verbose=0)[1].history == TRAINER.fit(state, x, Y, verbose=0)[1].history


RECORDS = np.zeros(ROWS, dtype=[("a", "f4"), ("b", "f4")])
REFUSED = {
    "text": (np.array([["a", "b"]] * ROWS), r"text"),
    "bytes": (np.array([[b"a", b"b"]] * ROWS), r"text"),
    "objects of text": (np.array([["a", "b"]] * ROWS, object), r"text"),
    "StringDType": (np.array([["a", "b"]] * ROWS, np.dtypes.StringDType()), r"text"),
    "text among numbers": (np.array([["a", 1.0]] * ROWS, object), r"text among its numbers"),
    "numbers as objects": (P.astype(object), r"dtype object[\s\S]*astype\(.float32.\)"),
    "decimals": ([[decimal.Decimal(1)] * 2] * ROWS, r"holding Decimal"),
    "large integers": ([[2**70, 1]] * ROWS, r"dtype object"),
    "None inside": ([[None, 1.0]] * ROWS, r"has missing values[\s\S]*6 of 12"),
    "dates": (np.full((ROWS, 2), np.datetime64("2020-01-01")), r"dates[\s\S]*np.timedelta64"),
    "time spans": (np.full((ROWS, 2), np.timedelta64(1, "D")), r"time spans"),
    "dates of Python": ([[datetime.date(2020, 1, 1)] * 2] * ROWS, r"holding date"),
    "records": (RECORDS, r"fields 'a', 'b'[\s\S]*np.stack"),
    "masked": (np.ma.array(P, mask=P > 0.5), r"missing values[\s\S]*3 of 12 values are masked[\s\S]*filled"),
    "a sparse matrix": (sparse.csr_matrix(P), r"sparse matrix[\s\S]*toarray\(\)"),
    "rows of different lengths": ([[1, 2], [3]] * 3, r"rows of different lengths"),
    "categories": (TABLE.assign(b=pd.Categorical(list("xyzxyz"))), r"'b' \(category\)"),
    "a column of text": (TABLE.assign(b=list("abcdef")), r"'b' \((str|object)\)"),
    "a column of dates": (TABLE.assign(b=pd.date_range("2020", periods=6)), r"'b' \(datetime64"),
    "a column with gaps": (TABLE.assign(b=pd.array([1, None, 3, 4, 5, 6], "Int64")), r"'b' \(Int64, 1 missing\)"),
    "a column of polars with gaps": (Polarslike(np.where(P > 0.5, np.nan, P)), r"missing values[\s\S]*fill_null"),
    "what cannot be read": (Unreadable(), r"could not be read[\s\S]*on another device"),
    "a set": ({1.0, 2.0}, r"Received: +a set of 2"),
    "a path": ("data.csv", r"'data.csv'|Received: +shape \(\)"),
    "another object": (object(), r"Received: +a object"),
}


ODD_COLUMNS = {
    "text": list("abcdef"),
    "categories": pd.Categorical(list("xyzxyz")),
    "dates": pd.date_range("2020", periods=6),
    "dates of a zone": pd.date_range("2020", periods=6, tz="UTC"),
    "gaps": pd.array([1, None, 3, 4, 5, 6], "Int64"),
    "numbers as objects": np.array([1, 2.5, 3, 4, 5, 6], object),
    "lists": [[1, 2]] * 6,
}


@pytest.mark.parametrize("odd", [[name] for name in ODD_COLUMNS] + [list(ODD_COLUMNS)], ids=", ".join)
def test_the_line_that_is_written_makes_numbers_of_a_table(odd):
    table = TABLE.assign(**{name: ODD_COLUMNS[name] for name in odd})
    names = {"x": table.copy(), "pd": pd, "np": np}
    model = fk.Sequential([fk.Input((None,)), fk.nn.Lambda(lambda x: x.sum(-1, keepdims=True))])
    for _ in range(3):  # dates are mended one column at a time
        try:
            model.predict({"params": {}}, names["x"])
            break
        except (TypeError, ValueError) as error:
            said = fk.core.explanation_of(error)
            assert all(repr(name) in said.received for name in odd if name in names["x"].columns[2:])
            exec(said.write, names)
    assert model.predict({"params": {}}, names["x"]).shape == (6, 1)


def test_a_table_for_a_model_of_named_inputs_is_answered_with_its_columns():
    a, b = fk.Input((1,), name="a"), fk.Input((1,), name="b")
    trainer = fk.Model({"a": a, "b": b}, fk.nn.Dense(1)(fk.nn.Concatenate()([a, b]))).compile("sgd", "mse")
    state = trainer.init(0)
    table = pd.DataFrame({"a": [1.0, 2.0], "b": [True, False]})
    with pytest.raises(ValueError, match=r"an array of shape \(2, 2\)[\s\S]*\{'a': x\['a'\], 'b': x\['b'\]\}"):
        trainer.predict(state, table)
    assert trainer.predict(state, dict(table)).shape == (2, 1)


@pytest.mark.parametrize("odd", REFUSED)
def test_what_is_no_array_of_numbers_is_refused_by_name(state, odd):
    given, said = REFUSED[odd]
    for verb, call in verbs(state).items():
        with pytest.raises((TypeError, ValueError)) as caught:
            call(given)
        text = str(caught.value)
        assert "Received: " in text, f"{verb}: {text}"
        assert "jit" not in text, f"{verb}: {text}"
        if not (isinstance(given, str) or verb == "model.apply" or verb == "model.init"):
            caught.match(said)


@pytest.mark.parametrize(
    "labels",
    [np.array(LABELS), np.array(LABELS, object), pd.Series(LABELS), LABELS, pd.Series(LABELS, dtype="string")],
)
def test_text_labels_are_refused_with_the_line_that_numbers_them(state, labels):
    for call in (TRAINER.fit, TRAINER.evaluate, TRAINER.train_on_batch, TRAINER.test_on_batch):
        with pytest.raises(TypeError, match=r"y holds text[\s\S]*np.unique\(y, return_inverse=True\)"):
            call(state, P, labels)
    with pytest.raises(TypeError, match=r"y holds text"):
        TRAINER.fit(state, iter([(P, labels)]), verbose=0)
    with pytest.raises(TypeError, match=r"y holds categories[\s\S]*y.cat.codes"):
        TRAINER.fit(state, P, pd.Series(LABELS, dtype="category"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, r"x is missing"),
        (P[:0], r"different numbers of examples|no examples"),
        (np.float32(3), r"x is a scalar"),
        ([], r"no examples|different numbers"),
        ({1: P}, r"keys of x must be names"),
        ([{"a": 1.0, "b": 2.0}] * ROWS, r"list of records[\s\S]*np.array\(\[row\[name\]"),
        (list(P), r"list of rows[\s\S]*np.stack\(x\)"),
        (jax.ShapeDtypeStruct((6, 2), "float32"), r"is a shape and has no numbers[\s\S]*trainer.lower"),
        (jax.random.split(jax.random.key(0), ROWS), r"random keys"),
        (fk.nn.Dense(2), r"a model or layer in the place of x"),
        (dict, r"a class, which is to be called first"),
        (lambda: None, r"must return an iterator[\s\S]*Received: +None"),
        (lambda: (P, Y), r"must return an iterator[\s\S]*tuple of 2"),
        (lambda x: [(P, Y)], r"is called without arguments"),
    ],
)
def test_what_is_no_data_is_refused(state, data, said):
    batches = callable(data) or data is None
    with pytest.raises((TypeError, ValueError), match=rf"{said}(?s:.*)"):
        TRAINER.fit(state, data, None if batches else Y, verbose=0)


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (None, r"yielded something that is no batch"),
        ((), r"A batch is"),
        ((P, Y, Y, Y), r"A batch is"),
        ("abc", r"x holds text"),
        (3, r"expects shape \(None, 2\)"),
        ((P.astype(object), Y), r"dtype object"),
        ((P, np.array(LABELS)), r"y holds text"),
        ((P[:0], Y[:0]), r"a batch without rows"),
        ((P, Y[:1]), r"another number of targets[\s\S]*\(1, 1\)"),
        ((P, Y[:3]), r"another number of targets"),
        ({1.0}, r"x is no array"),
    ],
)
def test_batches_that_are_none_are_refused_before_a_step_is_made(state, batch, said):
    for call in (TRAINER.fit, TRAINER.evaluate):
        with pytest.raises((TypeError, ValueError), match=said):
            call(state, iter([batch]), verbose=0)


def test_foreign_batches_train_as_plain_ones(state):
    _, wanted = TRAINER.fit(state, [(P, Y)], verbose=0)
    for batch in ((P.astype(">f4"), Y.astype(">f8")), (TABLE, pd.Series(Y[:, 0])), (Arraylike(P), Y.tolist())):
        assert TRAINER.fit(state, iter([batch]), verbose=0)[1].history == wanted.history


# ------------------------------------------------------------------ lists: batches or inputs
def batches(kind):
    return [kind((P[i : i + 2], Y[i : i + 2])) for i in range(0, ROWS, 2)]


@pytest.mark.parametrize("kind", [tuple, list, lambda b: collections.namedtuple("Batch", "x y")(*b)])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_list_of_batches_is_read_as_one_whatever_its_length(state, kind, count):
    given = [kind((P[:2], Y[:2]))] * count
    wanted = TRAINER.evaluate(state, P[:2], Y[:2])["loss"]
    assert TRAINER.evaluate(state, given)["loss"] == pytest.approx(wanted, rel=1e-6)
    assert len(TRAINER.predict(state, given)) == 2 * count
    _, history = TRAINER.fit(state, P, Y, validation_data=given, verbose=0)
    _, single = TRAINER.fit(state, P, Y, validation_data=(P[:2], Y[:2]), verbose=0)
    np.testing.assert_allclose(history.history["val_loss"], single.history["val_loss"], rtol=1e-6)


def test_a_pair_of_arrays_is_a_pair_as_a_tuple_and_as_a_list(state):
    _, one = TRAINER.fit(state, P, Y, validation_data=(P, Y), verbose=0)
    _, two = TRAINER.fit(state, P, Y, validation_data=[P, Y], verbose=0)
    assert one.history == two.history
    with pytest.raises(ValueError, match=r"validation_data is empty"):
        TRAINER.fit(state, P, Y, validation_data=[], verbose=0)
    for given in (P, (P,)):
        with pytest.raises(ValueError, match=r"validation_data has no targets"):
            TRAINER.fit(state, P, Y, validation_data=given, verbose=0)
    with pytest.raises(ValueError, match=r"sample_weight, y and validation_split go with arrays"):
        TRAINER.fit(state, batches(tuple), Y, verbose=0)
    with pytest.raises(ValueError, match=r"go with arrays[\s\S]*sample_weight"):
        TRAINER.fit(state, batches(tuple), sample_weight=Y, verbose=0)


def named_model():
    inputs = {"a": fk.Input((2,), name="a"), "b": fk.Input((1,), name="b")}
    return fk.Model(inputs, {"c": fk.nn.Dense(1, name="c")(fk.nn.Concatenate()([inputs["a"], inputs["b"]]))})


def test_dicts_in_a_list_are_batches_or_named_inputs_and_targets():
    class Own(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            data = batch if isinstance(batch, dict) else batch[0]
            outputs = self.model.apply({"params": params}, {"a": data["a"], "b": data["b"]})
            return jnp.mean((outputs["c"] - data["target"]) ** 2)

    given = [{"a": P[i : i + 2], "b": Y[i : i + 2], "target": Y[i : i + 2]} for i in range(0, ROWS, 2)]
    own = named_model().compile("sgd", trainer_class=Own)
    state = own.init(0)
    _, wanted = own.fit(state, (b for b in given), verbose=0)
    assert own.fit(state, given, verbose=0)[1].history == wanted.history
    trainer = named_model().compile("sgd", "mse")
    _, wanted = trainer.fit(state, {"a": P, "b": Y}, {"c": Y}, validation_data=({"a": P, "b": Y}, {"c": Y}), verbose=0)
    _, listed = trainer.fit(state, {"a": P, "b": Y}, {"c": Y}, validation_data=[{"a": P, "b": Y}, {"c": Y}], verbose=0)
    assert listed.history == wanted.history
    inputs = [{"a": P[:3], "b": Y[:3]}, {"a": P[3:], "b": Y[3:]}]
    np.testing.assert_array_equal(
        trainer.predict(state, inputs)["c"], trainer.predict(state, {"a": P, "b": Y}, batch_size=3)["c"]
    )


def test_a_model_described_with_nested_inputs_gets_them():
    a, b, c = fk.Input((2,)), fk.Input((2,)), fk.Input((1,))
    model = fk.Model([[a, b], [c]], fk.nn.Dense(1)(fk.nn.Concatenate()([a, b, c])))
    trainer = model.compile("sgd", "mse")
    state = trainer.init(0)
    assert trainer.predict(state, [[P, P], [Y]]).shape == (ROWS, 1)
    assert trainer.predict(state, ([P, P], [Y])).shape == (ROWS, 1)


# ------------------------------------------------------------------ class_weight
WEIGHTS = {0: 1.0, 1: 10.0, 2: 100.0}
STEPS = np.array([[0, 1, 2, 0], [2, 2, 2, 2], [0, 0, 0, 1]])
ONE_HOT = np.eye(3, dtype="float32")


def uniform(*shape, units=3):
    """A model whose output is uniform, so that its loss is the loss of one guess times the mean weight."""
    activation = "softmax" if units > 1 else "sigmoid"
    return fk.Sequential([fk.Input(shape), fk.nn.Dense(units, activation, kernel_initializer="zeros")])


@pytest.mark.parametrize(
    ("labels", "y", "units", "loss"),
    [
        (STEPS[:, 0], STEPS[:, 0], 3, "sparse_categorical_crossentropy"),
        (STEPS[:, 0], STEPS[:, :1], 3, "sparse_categorical_crossentropy"),
        (STEPS[:, 0], ONE_HOT[STEPS[:, 0]], 3, "categorical_crossentropy"),
        (STEPS[:, 0], ONE_HOT[STEPS[:, 0]] * 0.9 + 0.1 / 3, 3, "categorical_crossentropy"),
        (STEPS[:, 0] % 2, STEPS[:, :1] % 2, 1, "binary_crossentropy"),
        (STEPS, STEPS, 3, "sparse_categorical_crossentropy"),
        (STEPS, STEPS[..., None], 3, "sparse_categorical_crossentropy"),
        (STEPS, ONE_HOT[STEPS], 3, "categorical_crossentropy"),
        (STEPS % 2, STEPS[..., None] % 2, 1, "binary_crossentropy"),
    ],
)
def test_each_label_has_its_class_s_weight_whatever_the_rank(labels, y, units, loss):
    x = np.ones((3, *labels.shape[1:], 2), "float32")
    trainer = uniform(*x.shape[1:], units=units).compile("sgd", loss)
    by_row = np.array([1.0, 0.0, 2.0], "float32")
    weights = np.vectorize(WEIGHTS.get)(labels) * by_row.reshape(3, *(1,) * (labels.ndim - 1))
    _, history = trainer.fit(trainer.init(0), x, y, class_weight=WEIGHTS, sample_weight=by_row, verbose=0)
    np.testing.assert_allclose(history.history["loss"], [np.log(max(units, 2)) * weights.mean()], rtol=1e-5)


def test_class_weights_of_streams_and_single_batches_are_those_of_arrays():
    x, y = np.ones((3, 4, 2), "float32"), STEPS
    trainer = uniform(4, 2).compile("sgd", "sparse_categorical_crossentropy")
    state, wanted = trainer.init(0), np.log(3) * np.vectorize(WEIGHTS.get)(STEPS).mean()
    _, streamed = trainer.fit(state, [(x, y)], class_weight=WEIGHTS, verbose=0)
    _, logs = trainer.train_on_batch(state, x, y, class_weight=WEIGHTS)
    np.testing.assert_allclose([logs["loss"], *streamed.history["loss"]], wanted, rtol=1e-5)


def test_several_outputs_have_a_table_each():
    x = fk.Input((2,))
    heads = [fk.nn.Dense(3, "softmax", kernel_initializer="zeros", name=name)(x) for name in ("a", "b")]
    trainer = fk.Model(x, heads).compile("sgd", "sparse_categorical_crossentropy")
    state = trainer.init(0)
    y = [STEPS[:, 0], STEPS[:, 1]]
    _, history = trainer.fit(state, P[:3], y, class_weight={"b": WEIGHTS}, verbose=0)
    np.testing.assert_allclose(history.history["a_loss"], [np.log(3)], rtol=1e-5)
    np.testing.assert_allclose(history.history["b_loss"], [np.log(3) * (10 + 100 + 1) / 3], rtol=1e-5)
    with pytest.raises(ValueError, match=r"one table, but the model has several outputs[\s\S]*'a': \{0: 1.0"):
        trainer.fit(state, P[:3], y, class_weight=WEIGHTS, verbose=0)
    with pytest.raises(ValueError, match=r"'bb', which is no output[\s\S]*Did you mean 'b'"):
        trainer.fit(state, P[:3], y, class_weight={"bb": WEIGHTS}, verbose=0)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0, 2.0, 3.0], r"dict from class to weight[\s\S]*dict\(enumerate\(weights\)\)"),
        ("balanced", r"dict from class to weight"),
        ({"0": 1.0}, r"integers for classes[\s\S]*int\(c\)"),
        ({0.5: 1.0}, r"integers for classes"),
        ({0: "heavy"}, r"a number for class 0"),
        ({0: [1.0]}, r"a number for class 0"),
        ({0: np.nan}, r"finite and not negative for class 0"),
        ({0: -1.0}, r"finite and not negative for class 0"),
        ({7: 2.0}, r"a class that the output [\s\S]*class 7 of 3"),
    ],
)
def test_class_weights_that_are_none_are_refused(weights, said):
    trainer = uniform(2).compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises((TypeError, ValueError), match=rf"class_weight {said}|{said}"):
        trainer.fit(trainer.init(0), P[:3], STEPS[:, 0], class_weight=weights, verbose=0)


def test_targets_without_one_class_each_have_no_class_weight():
    steps = uniform(4, 2, units=1).compile("sgd", "binary_crossentropy")
    with pytest.raises(ValueError, match=r"a target for each number[\s\S]*y\[\.\.\., None\]"):
        steps.fit(steps.init(0), np.ones((3, 4, 2)), STEPS % 2, class_weight=WEIGHTS, verbose=0)
    trainer = uniform(2).compile("sgd", "binary_crossentropy")
    with pytest.raises(ValueError, match=r"one class for each target[\s\S]*multi-hot[\s\S]*sample_weight="):
        trainer.fit(trainer.init(0), P[:3], np.array([[1, 1, 0], [0, 1, 0], [1, 1, 1]]), class_weight=WEIGHTS)


# ------------------------------------------------------------------ models that say their batch size
def fixed(batch_size):
    x = fk.Input((2,), batch_size=batch_size)
    return fk.Model(x, fk.nn.Dense(1)(x)).compile("sgd", "mse", metrics=["mae"])


@pytest.mark.parametrize("rows", [4, 6, 3])
def test_a_model_with_a_batch_size_gives_the_numbers_of_one_without(rows):
    one, other = fixed(4), fixed(None)
    state = one.init(0)
    for kwargs in ({}, {"batch_size": 4}):
        np.testing.assert_allclose(one.predict(state, P[:rows], **kwargs), other.predict(state, P[:rows]), rtol=1e-6)
        got, want = one.evaluate(state, P[:rows], Y[:rows], **kwargs), other.evaluate(state, P[:rows], Y[:rows])
        np.testing.assert_allclose([*got.values()], [*want.values()], rtol=1e-5)
    _, history = one.fit(state, P[:4], Y[:4], validation_data=(P[:rows], Y[:rows]), verbose=0)
    assert np.isfinite(history.history["val_loss"]).all()


def test_what_a_batch_size_does_not_allow_is_said_before_anything_trains():
    trainer = fixed(4)
    state = trainer.init(0)
    with pytest.raises(ValueError, match=r"batches of 4 rows, and training leaves out[\s\S]*6 rows[\s\S]*x\[:4\]"):
        trainer.fit(state, P, Y, verbose=0)
    for call in (trainer.fit, trainer.evaluate):
        with pytest.raises(ValueError, match=r"batches of 4 rows, and of no other number[\s\S]*batch_size=2"):
            call(state, P[:4], Y[:4], batch_size=2, verbose=0)


def test_lower_and_stateful_layers_keep_the_batch_size():
    trainer = fixed(4)
    assert sorted(trainer.lower((P[:4], Y[:4]), verbs=("evaluate", "predict"))) == ["evaluate", "predict"]
    with pytest.raises(ValueError, match=r"expects shape \(4, 2\)"):
        trainer.lower((P[:3], Y[:3]), verbs="predict")
    x = fk.Input((3, 1), batch_size=2)
    stateful = fk.Model(x, fk.nn.Dense(1)(fk.nn.GRU(2, stateful=True)(x))).compile("sgd", "mse")
    series = np.arange(15, dtype="float32").reshape(5, 3, 1)
    state = stateful.init(0)
    assert stateful.predict(state, series).shape == (5, 1)
    assert np.isfinite(stateful.evaluate(state, series, series[:, 0])["loss"])
    # the state that a layer keeps is made anew where it is not among the weights
    assert stateful.init(0, variables={"params": state.params}).params is not None


# ------------------------------------------------------------------ arguments
@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"epoch": 3}, r"`fit` has no argument 'epoch'[\s\S]*Did you mean 'epochs'"),
        ({"initial_epoch": "1"}, r"initial_epoch is the number"),
        ({"initial_epoch": -1}, r"initial_epoch is the number"),
        ({"initial_epoch": None}, r"initial_epoch is the number"),
        ({"validation_split": "0.2"}, r"validation_split must lie between 0 and 1"),
        ({"validation_split": 20}, r"validation_split must lie between 0 and 1"),
        ({"validation_split": np.nan}, r"validation_split must lie between 0 and 1"),
        ({"validation_split": None}, r"validation_split must lie between 0 and 1"),
        ({"validation_freq": 0}, r"validation_freq must be"),
        ({"validation_freq": 1.5}, r"validation_freq must be"),
        ({"validation_freq": "2"}, r"validation_freq must be"),
        ({"validation_freq": [0, 2]}, r"validation_freq must be"),
        ({"verbose": "yes"}, r"verbose is 0, 1, 2 or 'auto'"),
        ({"verbose": 3}, r"verbose is 0, 1, 2 or 'auto'"),
        ({"verbose": None}, r"verbose is 0, 1, 2 or 'auto'"),
        ({"batch_size": 2.0}, r"batch_size must be a positive integer[\s\S]*//"),
        ({"batch_size": 0}, r"batch_size must be a positive integer"),
        ({"batch_size": "32"}, r"batch_size must be a positive integer"),
        ({"validation_steps": -1}, r"validation_steps must be a positive integer"),
        ({"validation_batch_size": 1.5}, r"validation_batch_size must be a positive integer"),
        ({"steps_per_epoch": "all"}, r"steps_per_epoch must be a positive"),
        ({"shuffle": "batch"}, r"shuffle is either True or False"),
        ({"check_nans": "yes"}, r"check_nans is either True or False"),
        ({"max_compiles": 0}, r"max_compiles must be a positive integer"),
        ({"checkpoint": True}, r"checkpoint is a directory"),
        ({"checkpoint": b"run"}, r"checkpoint is a directory"),
        ({"checkpoint": " "}, r"checkpoint is a directory"),
        ({"checkpoint": fk.callbacks.BackupAndRestore}, r"checkpoint is a directory"),
        ({"callbacks": "early"}, r"This is no callback"),
        ({"callbacks": [None]}, r"This is no callback"),
        ({"callbacks": [fk.callbacks.EarlyStopping]}, r"a class was passed without calling it"),
        ({"sample_weight": "heavy"}, r"sample_weight"),
        (
            {"sample_weight": np.full(ROWS, np.nan)},
            r"sample_weight holds weights that are infinite or NaN[\s\S]*6 of 6",
        ),
        ({"sample_weight": {"other": np.ones(ROWS)}}, r"takes one array as sample_weight"),
        ({"sample_weight": np.ones((ROWS, 3, 4))}, r"do not fit what they weigh"),
    ],
)
def test_arguments_of_fit_are_refused_by_name(state, kwargs, said):
    with pytest.raises((TypeError, ValueError), match=said) as caught:
        TRAINER.fit(state, P, Y, **{"verbose": 0, **kwargs})
    assert "Received: " in str(caught.value)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda s: TRAINER.evaluate(s, P, Y, batchsize=3),
            r"`evaluate` has no argument 'batchsize'[\s\S]*'batch_size'",
        ),
        (lambda s: TRAINER.evaluate(s, P, Y, steps=0), r"steps must be a positive integer"),
        (lambda s: TRAINER.evaluate(s, P, Y, verbose="x"), r"verbose is 0, 1, 2"),
        (lambda s: TRAINER.predict(s, P, batch=3), r"`predict` has no argument 'batch'[\s\S]*'batch_size'"),
        (lambda s: TRAINER.predict(s, P, steps=1.5), r"steps must be a positive integer"),
        (lambda s: MODEL.predict(s.variables, P, batchsize=3), r"`predict` has no argument 'batchsize'"),
        (lambda s: TRAINER.train_on_batch(s, P, Y, sample_weights=Y), r"`train_on_batch` has no argument"),
        (lambda s: TRAINER.init(0, P, weights=1), r"`init` has no argument 'weights'"),
        (lambda s: TRAINER.lower((P, Y), verb="fit"), r"`lower` has no argument 'verb'[\s\S]*'verbs'"),
        (lambda s: TRAINER.lower((P, Y), rows="many"), r"rows must be a positive integer"),
        (lambda s: TRAINER.lower((P, Y), state=3), r"`lower` takes the state of the run first"),
        (lambda s: TRAINER.lower(None), r"no batch"),
        (lambda s: TRAINER.fit(s, P, Y, 2, batch_size=3), r"`fit` was given 'batch_size' twice"),
        (lambda s: TRAINER.evaluate(s, P, Y, *[None] * 9), r"`evaluate` was given too many arguments"),
        (lambda s: TRAINER.fit(x=P, y=Y), r"`fit` takes the state of the run first[\s\S]*no state"),
        (lambda s: TRAINER.predict(P), r"`predict` takes the state of the run first"),
        (lambda s: TRAINER.predict_on_batch(P, P), r"`predict_on_batch` takes the state"),
        (lambda s: jax.jit(lambda x: TRAINER.fit(s, x, Y, verbose=0)[0].params)(P), r"x is being traced"),
        (lambda s: jax.jit(lambda s: TRAINER.evaluate(s, P, Y))(s), r"on a state that is being traced"),
        (lambda s: jax.jit(lambda x: TRAINER.predict(s, x))(P), r"arrays that are being traced"),
        (lambda s: jax.jit(lambda v: MODEL.predict(v, P))(s.variables), r"arrays that are being traced"),
        (lambda s: TRAINER.train_on_batch(s, iter([P]), Y), r"A batch is arrays"),
    ],
)
def test_other_verbs_refuse_by_name(state, call, said):
    with pytest.raises((TypeError, ValueError), match=said) as caught:
        call(state)
    assert "Received: " in str(caught.value)


def test_keras_s_order_of_arguments_works(state):
    _, by_position = TRAINER.fit(state, P, Y, 2, 3, 0)
    _, by_name = TRAINER.fit(state, P, Y, batch_size=2, epochs=3, verbose=0)
    assert by_position.history == by_name.history
    assert TRAINER.evaluate(state, P, Y, 2, 0) == TRAINER.evaluate(state, P, Y, batch_size=2)


def test_what_says_nothing_is_said(state):
    with pytest.warns(UserWarning, match=r"batch_size says nothing here"):
        TRAINER.fit(state, [(P, Y)], batch_size=2, verbose=0)
    with pytest.warns(UserWarning, match=r"validation_freq say nothing here[\s\S]*validation_freq=2"):
        TRAINER.fit(state, P, Y, validation_freq=2, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TRAINER.fit(state, [(P, Y)], verbose=0, validation_data=[(P, Y)])
    # as in Keras, validation_data overrides the split, which then holds nothing out
    _, split = TRAINER.fit(state, P, Y, validation_split=0.5, validation_data=(P, Y), verbose=0)
    _, whole = TRAINER.fit(state, P, Y, validation_data=(P, Y), verbose=0)
    assert split.history == whole.history


# ------------------------------------------------------------------ variables and states
WIDE = fk.Sequential([fk.Input((2,)), fk.nn.Dense(4)])
OTHER = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1, name="other")])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: None, r"takes variables: a dict of collections[\s\S]*Received: +None"),
        (lambda v: v["params"], r"without 'params'|finds no weights|missing"),
        (lambda v: P, r"takes variables"),
        (lambda v: {"params": None}, r"takes variables[\s\S]*'params': None|missing"),
        (lambda v: WIDE.init(0), r"do not fit it[\s\S]*dense/kernel: \(2, 4\) instead of \(2, 1\)"),
        (lambda v: OTHER.init(0), r"finds no weights|dense/bias: missing"),
        (lambda v: jax.tree.map(lambda a: a.T, v), r"\(1, 2\) instead of \(2, 1\)[\s\S]*transposed"),
        (lambda v: {"params": {"dense": {"kernel": "w", "bias": [0.0]}}}, r"do not fit it"),
    ],
)
def test_variables_of_no_or_another_model_are_refused(state, change, said):
    given = change(state.variables)
    calls = [lambda: MODEL.apply(given, P), lambda: MODEL.predict(given, P)]
    if given is not None:  # which asks `init` for new ones
        calls.append(lambda: TRAINER.init(0, variables=given))
    for call in calls:
        with pytest.raises((TypeError, ValueError), match=said) as caught:
            call()
        assert "Received: " in str(caught.value)


def test_variables_of_a_model_inside_are_put_into_the_outer_one(state):
    x = fk.Input((2,))
    outer, headed = fk.Model(x, MODEL(x * 2.0)), fk.Model(x, fk.nn.Dense(2)(MODEL(x)))
    (name,) = outer.init(0)["params"]
    with pytest.raises(ValueError, match=rf'model\.put\(model\.init\(0\), "{name}", variables\)'):
        headed.predict(state, P)  # whose own layer bears the name of the one inside
    for call in (lambda: outer.apply(state, P), lambda: outer.predict(state, P)):
        with pytest.raises(ValueError, match=rf'variables = model\.put\(model\.init\(0\), "{name}", variables\)'):
            call()
    np.testing.assert_allclose(outer.predict(outer.put(outer.init(0), name, state), P), MODEL.predict(state, 2 * P))


@pytest.mark.parametrize("third", [["accuracy"], "mae", {"dense": "mae"}, [fk.metrics.MeanAbsoluteError()]])
def test_metrics_in_the_place_of_loss_weights_are_refused(third):
    with pytest.raises(TypeError, match=r"loss_weights are numbers[\s\S]*Write: +metrics=[\[{'<]"):
        MODEL.compile("adam", "mse", third)
    with pytest.raises(TypeError, match=r"an entry that is no number"):
        MODEL.compile("adam", "mse", [[1.0]])


def test_states_of_another_trainer_are_refused_before_a_step(state):
    adam = MODEL.compile("adam", "mse")
    for trainer, given in ((TRAINER, adam.init(0)), (adam, state)):
        with pytest.raises(ValueError, match=r"optimizer is not this trainer's[\s\S]*variables=state.variables"):
            trainer.fit(given, P, Y, verbose=0)
        with pytest.raises(ValueError, match=r"optimizer is not this trainer's"):
            trainer.train_on_batch(given, P, Y)
    wide = WIDE.compile("sgd", "mse").init(0)
    for call in (lambda: TRAINER.fit(wide, P, Y, verbose=0), lambda: TRAINER.evaluate(wide, P, Y)):
        with pytest.raises(ValueError, match=r"\(2, 4\) instead of \(2, 1\)"):
            call()
    for broken in (state.replace(params=None), state.replace(rng=None)):
        with pytest.raises(TypeError, match=r"has no (params|rng) that could be trained on"):
            TRAINER.fit(broken, P, Y, verbose=0)


def test_one_dimensional_buffers_are_arrays(state):
    single = fk.Sequential([fk.Input((1,)), fk.nn.Dense(1)])
    variables = single.init(0)
    wanted = single.predict(variables, Y)
    for given in (array.array("f", Y[:, 0]), range(ROWS), pd.Index(Y[:, 0]), pd.Series(Y[:, 0], dtype="Float32")):
        np.testing.assert_array_equal(single.predict(variables, given), wanted)


# ------------------------------------------------------------------ integers that JAX would cut
LONG = {
    "int64": np.array([[1], [2**31]]),
    "uint64": np.array([[1], [2**32]], "uint64"),
    "negative": np.array([[-(2**40)], [0]]),
}


@pytest.mark.parametrize("ids", LONG)
def test_integers_that_are_too_long_are_named(ids):
    trainer = fk.Sequential([fk.Input((1,), dtype="int32"), fk.nn.Embedding(3, 2), fk.nn.Flatten(), fk.nn.Dense(1)])
    trainer, y = trainer.compile("sgd", "mse"), np.zeros((2, 1), "float32")
    state, ids = trainer.init(0), LONG[ids]
    message = rf"x holds integers that u?int32 cannot hold[\s\S]*from {ids.min()} to {ids.max()}"
    for data in ((ids, y), ([(ids, y)],)):
        with pytest.raises(ValueError, match=message):
            trainer.fit(state, *data, verbose=0)
        with pytest.raises(ValueError, match=message):
            trainer.evaluate(state, *data)
    with pytest.raises(ValueError, match=message):
        trainer.predict(state, ids)
    with pytest.raises(ValueError, match=message):
        trainer.train_on_batch(state, ids, y)
    with pytest.raises(ValueError, match=r"x\['ids'\] holds integers"):
        trainer.predict(state, {"ids": ids})
    with pytest.raises(ValueError, match="y holds integers"):
        trainer.fit(state, np.zeros((2, 1), "int32"), ids, verbose=0)
    trainer.fit(state, np.array([[1], [2]]), y, verbose=0)  # short ones in a long dtype are what numpy makes


def test_longer_integers_pass_where_jax_keeps_them():
    from fkeras.train._batches._as_arrays import as_arrays

    with jax.enable_x64(True):
        assert as_arrays(LONG["int64"]) is LONG["int64"]
