"""fk.ops beyond the laws of tests/conformance: the stub, control flow, decompositions, errors, and graphs in files."""

import ast
import inspect
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk
from fkeras.core._graph._ops_config import _facts, op_of
from tests.conformance.table_ops import IMG, LOGITS, RNG, A
from tests.conformance.test_op_laws import ROOMS, check, names_of
from tests.nn import write_ops_stub

keras = pytest.importorskip("keras")


@pytest.mark.parametrize("room", ROOMS)
def test_the_stub_says_what_the_functions_take(room):
    """What an editor shows is what runs."""
    stub = write_ops_stub.STUB if not room else write_ops_stub.ROOMS / f"_{room}_room.pyi"
    said, rewrite = write_ops_stub.described(stub), "write the stubs again: python -m tests.nn.write_ops_stub"
    names = write_ops_stub.names(room)
    assert sorted(said) == names, rewrite
    newer = {n.rsplit(".")[-1] for n in write_ops_stub.NOT_IN_EACH_JAX}
    assert names_of(fk.ops, room) - newer - set(ROOMS) == set(names) - newer
    if room in ("", "image"):  # the other rooms import their names
        for name in names:
            want = [(p.name, write_ops_stub.written_default(p)) for p in write_ops_stub.parameters(name, room)]
            assert [(n, ast.unparse(ast.parse(d, mode="eval")) if d else "") for n, d in want] == said[name], (
                name,
                rewrite,
            )


def test_operands_are_given_by_name_and_as_lists():
    ops = fk.ops
    assert ops.add(x1=[1, 2], x2=3).tolist() == [4, 5]
    assert ops.expand_dims(x=[1.0, 2.0], axis=0).shape == (1, 2)
    assert ops.concatenate(xs=[[1.0], [2.0]]).tolist() == [1.0, 2.0]
    assert ops.add(fk.Input((3,)), x2=1.0).shape == (None, 3)
    assert ops.expand_dims(a=jnp.ones(2), axis=0).shape == (1, 2)  # jax.numpy's names stay
    assert ops.add(jnp.ones(2, "bfloat16"), 2.0).dtype == "bfloat16"


def test_control_flow():
    for ops in (keras.ops, fk.ops):
        assert ops.cond(True, lambda: 1, lambda: 2) == 1
        assert ops.while_loop(lambda i: i < 10, lambda i: (i + 3,), (0,))[0] == 12
        assert ops.while_loop(lambda i: i < 10, lambda i: (i + 3,), (0,), maximum_iterations=2)[0] == 6
        assert ops.fori_loop(0, 4, lambda i, s: s + i, 0) == 6
        assert ops.scan(lambda c, x: (c + x, c), 0, jnp.arange(4), reverse=True)[1].tolist() == [6, 5, 3, 0]
        assert ops.associative_scan(lambda a, b: a + b, jnp.arange(4), axis=0).tolist() == [0, 1, 3, 6]
        assert ops.map(lambda x: x * 2, jnp.arange(3)).tolist() == [0, 2, 4]
        assert ops.vectorized_map(lambda x: x * 2, jnp.arange(3)).tolist() == [0, 2, 4]
        assert ops.vectorize(lambda x, y: x + y)(jnp.arange(3), 1).tolist() == [1, 2, 3]
        assert ops.switch(1, [lambda x: x, lambda x: -x], 3) == -3
        assert ops.dtype(jnp.ones(1, "bfloat16")) == "bfloat16"
        assert ops.is_tensor(jnp.ones(1))
        assert not ops.is_tensor(np.ones(1))
        assert isinstance(ops.convert_to_numpy(jnp.ones(1)), np.ndarray)
        assert ops.jvp(jnp.sin, (0.0,), (1.0,))[1] == 1.0
        twice = ops.custom_gradient(lambda x: (x * x, lambda *args, upstream=None: (upstream or args[0]) * 7.0))
        assert jax.grad(lambda x: twice(x))(3.0) == 7.0


def test_control_flow_in_a_graph():
    x = fk.Input((3,))
    outputs = [
        fk.ops.map(lambda v: v * 2, x),
        fk.ops.vectorized_map(jnp.flip, x),
        fk.ops.scan(lambda c, v: (c + v, v), jnp.zeros(3), x)[0],
        fk.ops.cond(fk.ops.any(x > 2), lambda: 1.0, lambda: 2.0),
        fk.ops.while_loop(lambda v: jnp.sum(v) < 20, lambda v: v * 2, x),
    ]
    value = jnp.array([[1.0, 2.0, 3.0]])
    made = fk.Model(x, outputs).apply({}, value)
    assert [m.tolist() for m in made] == [[[2, 4, 6]], [[3, 2, 1]], [1, 2, 3], 1, [[4, 8, 12]]]
    assert fk.ops.dtype(x) == "float32"
    assert fk.ops.shape(x) == (None, 3)


def test_decompositions_multiply_back():
    """Factors have signs of their own, so the products are compared."""
    s = A[0] @ A[0].T
    w, v = fk.ops.eigh(s)
    np.testing.assert_allclose((v * w[None]) @ v.T, s, atol=1e-4)
    u, d, vt = fk.ops.svd(A[0], full_matrices=False)
    np.testing.assert_allclose((u * d[None]) @ vt, A[0], atol=1e-4)
    w, v = fk.ops.eig(A[0, :, :3])
    np.testing.assert_allclose(A[0, :, :3] @ v, v * w[None], atol=1e-4)
    assert fk.ops.empty((2, 3)).dtype == fk.ops.empty_like(x=jnp.ones(2)).dtype == "float32"


def test_where_keras_errs_or_draws():
    assert fk.ops.max_pool(IMG, 2).shape == (2, 4, 3, 3)  # Keras 3.15.1's strides=None fails
    assert fk.ops.saturate_cast(jnp.array([1, 5]), "float32").tolist() == [1.0, 5.0]  # Keras: the least integer
    check(fk.ops.image.gaussian_blur(IMG), keras.ops.image.gaussian_blur(IMG, data_format="channels_last"))
    bent = [
        fk.ops.image.elastic_transform(IMG, alpha=a, sigma=1.0, seed=s) for a, s in ((0, 1), (5, 1), (5, 1), (5, 2))
    ]
    np.testing.assert_allclose(bent[0], IMG, atol=1e-5)
    assert np.array_equal(bent[1], bent[2])
    assert not np.allclose(bent[1], bent[3])


def test_a_beam_of_every_path_is_exact():
    """With a beam as wide as there are prefixes, the scores are the sums over all alignments."""
    logs = np.asarray(jax.nn.log_softmax(LOGITS[:1, :4, :3]))
    total = {}
    for path in itertools.product(range(3), repeat=4):
        label = tuple(k for k, _ in itertools.groupby(path) if k != 2)
        total[label] = np.logaddexp(total.get(label, -np.inf), logs[0, range(4), path].sum())
    best = sorted(total.items(), key=lambda item: -item[1])[:5]
    decoded, scores = fk.ops.ctc_decode(LOGITS[:1, :4, :3], [4], "beam_search", 60, 5, mask_index=2)
    assert [tuple(int(v) for v in d[0] if v >= 0) for d in decoded] == [label for label, _ in best]
    np.testing.assert_allclose(scores[0], [score for _, score in best], atol=1e-5)
    with pytest.raises(ValueError, match="unknown strategy"):
        fk.ops.ctc_decode(LOGITS, [7, 7], "best")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda ops: ops.pad(A, 1, "reflect", constant_values=1.0), "constant_values are for mode 'constant'"),
        (lambda ops: ops.normalize(A, order=0), "positive integer"),
        (lambda ops: ops.scatter_update(A, [[0, 0, 0]], [1.0], reduction="mean"), "unknown reduction"),
        (lambda ops: ops.rearrange(A, "a b -> b a"), "names other axes"),
        (lambda ops: ops.image.pad_images(IMG, 1, 1), "give two"),
        (lambda ops: ops.image.rgb_to_hsv(IMG[0, 0]), "rank 3"),
        (lambda ops: ops.image.elastic_transform(IMG), "needs a seed"),
        (lambda ops: ops.moments(A, [0], synchronized=True), "synchronized"),
    ],
)
def test_errors_say_what_to_write(call, text):
    with pytest.raises((ValueError, NotImplementedError), match=text):
        call(fk.ops)


# ---------------------------------------------------------------- graphs in files
def test_the_table_is_the_installed_keras_s():
    """Each op's class has the arguments that its line says; and each class of Keras is some op's."""
    from keras.src.ops.operation import Operation

    for name, facts in _facts().items():
        cls = getattr(__import__(facts.module, fromlist=["x"]), facts.class_name)
        kept = set(inspect.signature(cls.__init__).parameters) - {"self", "name", "kwargs"}
        called = [str(p).split("=")[0] for p in inspect.signature(cls.call).parameters.values()][1:]
        assert facts.kept == kept | (facts.kept & {"dtype", "sparse"}) - ({"dtype"} - kept), name
        if name != "einsum":  # which takes settings of each backend too
            assert list(facts.called) == called, name
    for room in ("core", "einops", "image", "linalg", "math", "nn", "numpy"):
        module = __import__(f"keras.src.ops.{room}", fromlist=["x"])
        for cls in vars(module).values():
            if not inspect.isclass(cls) or not issubclass(cls, Operation) or cls.__module__ != module.__name__:
                continue
            if cls.__name__ != "SegmentReduction":  # the base of four
                assert op_of(cls.__name__, module.__name__).function is not None


@pytest.mark.parametrize("strides", [None, 1])
def test_patches_leave_with_their_strides(strides):
    x = fk.Input((5, 5, 1), name="x")
    model = fk.Model(x, fk.ops.image.extract_patches(x, 2, strides=strides))
    theirs, image = keras.models.model_from_json(model.to_json()), np.arange(25.0, dtype="float32").reshape(1, 5, 5, 1)
    np.testing.assert_array_equal(model.apply({}, image), theirs(image))


def graph(lib):
    ops, x = lib.ops, lib.Input((4, 6), name="x")
    y = ops.expand_dims(ops.sum(x * 2.0, axis=1), -1) + ops.transpose(x, (0, 2, 1))
    y = ops.concatenate([ops.relu(y), ops.gelu(y, approximate=False)], axis=-1)
    y = ops.pad(y, ((0, 0), (1, 0), (0, 0)))[:, 1:]
    y = ops.reshape(y, (-1, 48)) - ops.mean(ops.reshape(y, (-1, 48)), axis=-1, keepdims=True)
    y = ops.average(ops.stack([y, y * y]), axis=0, weights=ops.ones_like(y[0, :2]) * 0.5)
    y = ops.einsum("bi,bi->bi", y, ops.gelu(y)) + ops.layer_normalization(y)
    values, _ = ops.top_k(ops.clip(y, -3.0, 3.0), 5)
    return lib.Model(x, [ops.softmax(values), ops.any(ops.greater(values, 0.5), axis=-1)], name="net")


def test_graphs_of_ops_travel_both_ways(tmp_path):
    x = RNG.normal(size=(3, 4, 6)).astype("float32")
    theirs, ours = graph(keras), graph(fk)
    with jax.numpy_rank_promotion("allow"):
        want = [np.asarray(v) for v in theirs(x)]
    theirs.save(tmp_path / "theirs.keras")
    ours.save(tmp_path / "ours.keras", {"params": {}})
    read, variables = fk.load_model(tmp_path / "theirs.keras")
    with jax.numpy_rank_promotion("allow"):
        back = [np.asarray(v) for v in keras.saving.load_model(tmp_path / "ours.keras")(x)]
    again = fk.model_from_json(fk.model_from_json(theirs.to_json()).to_json())
    for got in (ours.apply({}, x), read.apply(variables, x), again.apply({}, x), back):
        np.testing.assert_allclose(got[0], want[0], atol=1e-5)
        assert np.array_equal(got[1], want[1])


def test_one_hot_takes_labels_that_came_as_floats():
    rows = fk.ops.one_hot(np.array([0.0, 2.0, 0.4, np.nan], "float32"), 3)
    np.testing.assert_array_equal(rows, [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])
    x = fk.Input((2,))
    model = fk.Model(x, fk.ops.one_hot(x, 3))
    np.testing.assert_array_equal(model.apply({}, np.array([[1.0, 0.0]])), [[[0, 1, 0], [1, 0, 0]]])
