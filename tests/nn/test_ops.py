"""fk.ops beside keras.ops: every name, its numbers, symbolic shapes, and graphs of ops in files."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk
from fkeras.core._ops_config import facts_of

keras = pytest.importorskip("keras")
RNG = np.random.default_rng(0)
A = RNG.normal(size=(2, 3, 4)).astype("float32")
P = np.abs(A) / np.abs(A).sum(-1, keepdims=True)
S = (np.eye(3) * 3 + RNG.normal(size=(2, 3, 3)) @ np.zeros((3, 3)) + 0.1).astype("float32")
I = RNG.integers(0, 4, (2, 3)).astype("int32")  # noqa: E741
IMG = RNG.uniform(size=(2, 8, 6, 3)).astype("float32")
SOUND = RNG.normal(size=(2, 64)).astype("float32")

# name -> (arguments, keyword arguments); arrays come first and are what a symbolic tensor stands for
CASES = {
    **{
        n: [((A,), {}), ((A, 1, True), {}), ((A,), {"axis": (0, 2)})]
        for n in ("max", "mean", "min", "prod", "std", "sum", "var")
    },
    **{n: [((A > 0,), {}), ((A > 0, 1, True), {})] for n in ("all", "any")},
    **{
        n: [((A,), {}), ((A, 1, True), {})]
        for n in ("argmax", "argmin", "median", "amax", "amin", "nanmean", "nansum")
    },
    "reshape": [((A, (2, 12)), {}), ((A,), {"newshape": (-1, 4)})],
    "tile": [((A, (1, 2, 1)), {})],
    "clip": [((A, -0.5, 0.5), {})],
    "pad": [((A, ((0, 0), (1, 0), (0, 2))), {}), ((A, ((0, 0), (1, 0), (0, 2))), {"constant_values": 2.0})],
    "nan_to_num": [((A, 1.0), {})],
    "quantile": [((A, 0.3, 1), {}), ((A, 0.3), {"axis": -1, "method": "nearest", "keepdims": True})],
    "logsumexp": [((A, -1, True), {})],
    "slice": [((A, (0, 1, 0), (2, 2, 3)), {}), ((A, (0, 1, 0), (2, -1, 3)), {})],
    "slice_update": [((A, (0, 1, 0), A[:, :2, :2]), {})],
    "scatter": [((I[:, :2], A[:, 0, 0], (4, 4)), {})],
    "scatter_update": [((A[0], I[:, :2] % 3, A[:, 0, 0]), {})],
    "unstack": [((A,), {"axis": 1})],
    "rearrange": [((A, "a b c -> a (c b)"), {}), ((A, "a b (c d) -> d a b c"), {"d": 2})],
    "cholesky": [((S @ S.swapaxes(1, 2),), {})],
    "inv": [((S,), {})], "det": [((S,), {})], "logdet": [((S,), {})], "slogdet": [((S,), {})],
    "solve": [((S, A[:, :, :2]), {})], "solve_triangular": [((S, A[:, :, :2]), {"lower": True})],
    "lstsq": [((S[0], A[0, :, :2]), {})], "qr": [((S,), {})], "svd": [((S,), {"compute_uv": False})],
    "norm": [((A,), {"axis": -1})], "pinv": [((S,), {})], "eigh": [], "matrix_rank": [((S,), {})],
    "cdist": [((A[0], A[1]), {})],
    "fft": [(((A, A),), {})], "rfft": [((A,), {})], "irfft": [(((A, A),), {})], "fft2": [(((A, A),), {})],
    "stft": [((SOUND, 16, 8, 16), {}), ((SOUND, 12, 5, 16), {"window": "hamming", "center": False})],
    "istft": [((tuple(np.asarray(p) for p in fk.ops.stft(SOUND, 16, 8, 16)), 16, 8, 16), {})],
    "extract_sequences": [((SOUND, 10, 3), {})],
    "erfc": [((A,), {})], "polar": [((np.abs(A), A), {})],
    "conv": [((IMG, RNG.normal(size=(2, 2, 3, 4)).astype("float32")), {"strides": 2, "padding": "same"})],
    "depthwise_conv": [((IMG, RNG.normal(size=(2, 2, 3, 2)).astype("float32")), {})],
    "separable_conv": [((IMG, RNG.normal(size=(2, 2, 3, 2)).astype("float32"),
                         RNG.normal(size=(1, 1, 6, 4)).astype("float32")), {})],
    "conv_transpose": [((IMG, RNG.normal(size=(2, 2, 4, 3)).astype("float32")), {"strides": 2})],
    "max_pool": [((IMG, (2, 2)), {}), ((IMG, (3, 2), 1, "same"), {})],
    "average_pool": [((IMG, (2, 2)), {}), ((IMG, (3, 2), 1, "same"), {})],
    "adaptive_average_pool": [((IMG, (3, 2)), {})], "adaptive_max_pool": [((IMG, (3, 2)), {})],
    "batch_normalization": [((A, A[0, 0], np.abs(A[0, 1]), -1, A[0, 2], A[1, 0]), {})],
    "layer_normalization": [((A, A[0, 0], A[0, 1]), {"epsilon": 1e-3})],
    "rms_normalization": [((A, A[0, 0]), {})],
    "categorical_crossentropy": [((P, P), {}), ((P, A), {"from_logits": True})],
    "sparse_categorical_crossentropy": [((I, P), {})],
    "binary_crossentropy": [((P, P), {}), ((P, A), {"from_logits": True})],
    "multi_hot": [((I, 4), {})], "one_hot": [((I, 4), {}), ((I, 4), {"axis": 1})],
    "ctc_loss": [((I + 1, RNG.normal(size=(2, 7, 6)).astype("float32"), np.array([3, 2]), np.array([7, 6])), {})],
    "ctc_decode": [((RNG.normal(size=(2, 7, 6)).astype("float32"), np.array([7, 6])), {})],
    "psnr": [((IMG[0], IMG[1], 1.0), {})],
    "depth_to_space": [((RNG.normal(size=(1, 2, 2, 8)).astype("float32"), 2), {})],
    "space_to_depth": [((IMG, 2), {})],
    "unfold": [((IMG.transpose(0, 3, 1, 2), 2), {"stride": 2, "padding": 1})],
    "fold": [((RNG.normal(size=(2, 12, 12)).astype("float32"), (8, 6), 2), {"stride": 2})],
    "dot_product_attention": [((RNG.normal(size=(2, 5, 2, 4)).astype("float32"),) * 3, {"is_causal": True})],
    "saturate_cast": [((A * 200, "uint8"), {}), ((np.array([-5, 300]), "uint8"), {})],
    "image.resize": [((IMG, (4, 9)), {}), ((IMG, (5, 5)), {"interpolation": "nearest"})],
    "image.affine_transform": [((IMG, np.array([[1.1, 0.1, 0.5, -0.1, 0.9, 0.3, 0, 0]] * 2, "float32")), {})],
    "image.gaussian_blur": [((IMG, (3, 5), (1.0, 2.0)), {"data_format": "channels_last"})],
    "image.rgb_to_grayscale": [((IMG,), {})], "image.rgb_to_hsv": [((IMG,), {})], "image.hsv_to_rgb": [((IMG,), {})],
    "image.pad_images": [((IMG, 1, 2), {"target_height": 10, "target_width": 9})],
    "image.crop_images": [((IMG, 1, 2), {"target_height": 4, "target_width": 3})],
    "image.extract_patches": [((IMG, 2), {}), ((IMG, (3, 2)), {"strides": 1, "padding": "same"})],
    "image.map_coordinates": [((A[0], np.array([[0.5, 1.0], [1.5, 2.0]], "float32"), 1), {})],
    "image.sobel_edges": [((IMG,), {"data_format": "channels_last"})],
    "image.perspective_transform": [((IMG, np.array([[[0, 0], [5, 0], [0, 7], [5, 7]]] * 2, "float32"),
                                      np.array([[[1, 0], [5, 1], [0, 6], [4, 7]]] * 2, "float32")), {})],
    "image.ssim": [((IMG, IMG * 0.9), {"filter_size": 3})],
}  # fmt: skip
FLAT = [pytest.param(n, a, k, id=f"{n}-{i}") for n, cases in CASES.items() for i, (a, k) in enumerate(cases)]
# What has no meaning on arrays of JAX, with what to write instead in docs/ops.md.
LEFT_OUT: set[str] = set()


def of(library, name):
    for part in name.split("."):
        library = getattr(library, part)
    return library


@pytest.mark.parametrize(("name", "args", "kwargs"), FLAT)
def test_numbers_are_keras_s(name, args, kwargs):
    with jax.numpy_rank_promotion("allow"):
        want = jax.tree.map(np.asarray, of(keras.ops, name)(*args, **kwargs))
    got = jax.tree.map(np.asarray, of(fk.ops, name)(*args, **kwargs))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a.astype("complex64"), b.astype("complex64"), rtol=1e-4, atol=2e-5)  # float32 sums


@pytest.mark.parametrize(("name", "args", "kwargs"), [p for p in FLAT if p.values[0] not in ("scatter", "unstack")])
def test_symbolic_shapes_are_the_real_ones(name, args, kwargs):
    tree = args[0]
    if not all(np.asarray(leaf).dtype.kind in "fib" for leaf in jax.tree.leaves(tree)):
        pytest.skip("no array first")
    symbolic = jax.tree.map(lambda a: fk.Input(batch_shape=a.shape, dtype=a.dtype.name), tree)
    made = of(fk.ops, name)(symbolic, *args[1:], **kwargs)
    real = of(fk.ops, name)(*args, **kwargs)
    for s, r in zip(jax.tree.leaves(made), jax.tree.leaves(real), strict=True):
        assert s.shape == np.shape(r)
        assert s.dtype == np.asarray(r).dtype


def test_every_name_of_keras_ops_is_here():
    for room in ("", "image", "linalg", "nn", "numpy"):
        theirs = of(keras.ops, room) if room else keras.ops
        ours = of(fk.ops, room) if room else fk.ops
        names = {n for n in dir(theirs) if not n.startswith("_")}
        assert names - set(dir(ours)) - LEFT_OUT == set(), room


def test_arguments_have_keras_s_names_and_order():
    differ = {}
    for name in dir(keras.ops):
        theirs, ours = getattr(keras.ops, name), getattr(fk.ops, name, None)
        if name.startswith("_") or inspect.ismodule(theirs) or inspect.isclass(theirs):
            continue
        ours = getattr(ours, "__wrapped__", ours)
        try:
            mine = [p.name for p in inspect.signature(ours).parameters.values()]
        except ValueError:
            continue
        wanted = [p.name for p in inspect.signature(theirs).parameters.values() if p.kind is not p.VAR_KEYWORD]
        for i, argument in enumerate(wanted[1:], 1):
            if argument not in ("x2", "y", "operands", "flash_attention") and mine[i : i + 1] != [argument]:
                differ.setdefault(name, []).append(argument)
    assert set(differ) <= {"meshgrid", "vectorize"}, differ


def test_control_flow():
    assert fk.ops.cond(True, lambda: 1, lambda: 2) == 1
    assert fk.ops.while_loop(lambda i: i < 10, lambda i: (i + 3,), (0,))[0] == 12
    assert fk.ops.while_loop(lambda i: i < 10, lambda i: (i + 3,), (0,), maximum_iterations=2)[0] == 6
    assert fk.ops.fori_loop(0, 4, lambda i, s: s + i, 0) == 6
    assert fk.ops.scan(lambda c, x: (c + x, c), 0, jnp.arange(4))[0] == 6
    assert fk.ops.map(lambda x: x * 2, jnp.arange(3)).tolist() == [0, 2, 4]
    assert fk.ops.vectorized_map(lambda x: x * 2, jnp.arange(3)).tolist() == [0, 2, 4]
    assert fk.ops.switch(1, [lambda x: x, lambda x: -x], 3) == -3
    assert fk.ops.dtype(fk.Input((2,))) == "float32"
    assert fk.ops.is_tensor(jnp.ones(1))
    assert isinstance(fk.ops.convert_to_numpy(jnp.ones(1)), np.ndarray)
    assert fk.ops.jvp(jnp.sin, (0.0,), (1.0,))[1] == 1.0


def test_the_table_is_the_installed_keras_s():
    for name in ("add", "sum", "expand_dims", "take", "image.resize", "top_k", "conv"):
        facts = facts_of(name)
        module = __import__(facts.module, fromlist=["x"])
        parameters = set(inspect.signature(getattr(module, facts.class_name).__init__).parameters)
        assert facts.kept <= parameters


def graph(lib, layers):
    ops, x = lib.ops, lib.Input((4, 6), name="x")
    y = ops.expand_dims(ops.sum(x * 2.0, axis=1), -1) + ops.transpose(x, (0, 2, 1))
    y = ops.concatenate([ops.relu(y), ops.gelu(y, approximate=False)], axis=-1)
    y = ops.pad(y, ((0, 0), (1, 0), (0, 0)))[:, 1:]
    y = ops.reshape(y, (-1, 48)) - ops.mean(ops.reshape(y, (-1, 48)), axis=-1, keepdims=True)
    values, _ = ops.top_k(ops.clip(y, -3.0, 3.0), 5)
    return lib.Model(x, [ops.softmax(values), ops.any(ops.greater(values, 0.5), axis=-1)], name="net")


def test_graphs_of_ops_travel_both_ways(tmp_path):
    x = RNG.normal(size=(3, 4, 6)).astype("float32")
    theirs, ours = graph(keras, keras.layers), graph(fk, fk.nn)
    with jax.numpy_rank_promotion("allow"):
        want = [np.asarray(v) for v in theirs(x)]
    theirs.save(tmp_path / "theirs.keras")
    ours.save(tmp_path / "ours.keras", {"params": {}})
    read, variables = fk.load_model(tmp_path / "theirs.keras")
    with jax.numpy_rank_promotion("allow"):
        back = [np.asarray(v) for v in keras.saving.load_model(tmp_path / "ours.keras")(x)]
    for got in (ours.apply({}, x), read.apply(variables, x), back):
        np.testing.assert_allclose(got[0], want[0], atol=1e-5)
        assert np.array_equal(got[1], want[1])
