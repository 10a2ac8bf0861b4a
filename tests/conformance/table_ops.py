"""The one table of ops, over all names of `keras.ops`: `CASES[name]` is a list of `(arguments, keyword arguments)`.

Arrays among the arguments are what a symbolic tensor may stand for; everything else is a setting.
"""

import numpy as np

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


A, B = normal(2, 3, 4), normal(2, 3, 4)
U = RNG.uniform(0.1, 0.9, (2, 3, 4)).astype("float32")
ROW = normal(4)
P = U / U.sum(-1, keepdims=True)
I = RNG.integers(1, 9, (2, 3)).astype("int32")  # noqa: E741
J = RNG.integers(1, 4, (2, 3)).astype("int32")
K = RNG.integers(0, 4, (2, 3)).astype("int32")
TRUE = A > 0
HOLES = np.where(A > 1, np.nan, A)
WILD = np.array([[1.5, np.nan, np.inf], [-np.inf, -0.5, 2.5]], "float32")
S = (np.eye(3) * 3 + RNG.uniform(-0.5, 0.5, (2, 3, 3))).astype("float32")
SPD = (S @ S.swapaxes(1, 2)).astype("float32")
IMG = RNG.uniform(size=(2, 8, 6, 3)).astype("float32")
FIRST = np.ascontiguousarray(IMG.transpose(0, 3, 1, 2))
VOLUME, LINE = normal(1, 4, 5, 6, 2), normal(2, 9, 3)
SOUND = normal(2, 64)
LOGITS = normal(2, 7, 6)
Q = normal(2, 5, 2, 4)
LAST, FRONT = {"data_format": "channels_last"}, {"data_format": "channels_first"}


def of(*args, **kwargs):
    return args, kwargs


def each(names, *cases):
    return {name: list(cases) for name in names.split()}


CASES = {
    # ---------------------------------------------------------------- one array
    **each("abs absolute ceil exp exp2 expm1 fabs floor negative sign square trunc round", of(A), of(I), of([1.5, 2.0])),
    **each("cos cosh sin sinc sinh tan tanh arctan arcsinh deg2rad rad2deg cbrt erf erfc i0", of(A)),
    **each("cos sin tanh sqrt log log10 log1p log2 rsqrt reciprocal", of(U), of(U * 3)),
    **each("arccos arcsin arctanh erfinv", of(U)), "arccosh": [of(U + 1)],
    **each("angle conj conjugate imag real isreal", of(A), of((A + 1j * B).astype("complex64"))),
    **each("isfinite isinf isnan isneginf isposinf signbit", of(WILD)),
    **each("logical_not", of(TRUE), of(A)), **each("bitwise_invert bitwise_not", of(I), of(TRUE)),
    **each("copy ravel ones_like zeros_like ndim size transpose flip", of(A), of([[1.0, 2.0], [3.0, 4.0]])),
    **each("ones_like zeros_like", of(A, "int32"), of(I, dtype="float32")),
    "full_like": [of(A, 2.5), of(A, 3, "int32")], "round": [of(A), of(A, 1), of(I * 10, -1), of(I, decimals=-1)],
    "nan_to_num": [of(WILD), of(WILD, 1.0), of(WILD, posinf=9.0, neginf=-9.0)],
    "clip": [of(A, -0.5, 0.5), of(I, 2, 5), of(A, x_min=-0.5, x_max=0.5), of(A, normal(4) - 2, 0.5)],
    "cast": [of(A * 200, "int32"), of(I, "float32"), of(TRUE, dtype="int32")],
    "saturate_cast": [of(A * 200, "uint8"), of(np.array([-5, 300]), "uint8"), of(A * 1e9, "int32"), of(I, "uint8")],
    "convert_to_tensor": [of(A), of([1, 2], "float32"), of(2.5)], "array": [of(A), of([1, 2], "float32")],
    "view": [of(A, "int32"), of(I, dtype="float32")], "stop_gradient": [of(A)],
    # ---------------------------------------------------------------- two arrays
    **each("add subtract multiply maximum minimum fmax fmin", of(A, B), of(A, 2), of(2.0, A), of([1, 2], [3, 4]),
           of(A, ROW), of(I, J)),
    **each("divide true_divide", of(A, B), of(I, J), of(A, 2), of(3, I)),
    "divide_no_nan": [of(A, B), of(A, np.where(TRUE, A, 0)), of(A, ROW), of([1.0, 2.0], [0.0, 4.0])],
    **each("floor_divide mod fmod", of(A, B), of(I, J), of(A, 2)),
    "power": [of(U, B), of(A, 2), of(2.0, A), of(I, 2)],
    **each("arctan2 hypot logaddexp logaddexp2 nextafter heaviside", of(A, B), of(A, ROW)),
    **each("equal not_equal greater greater_equal less less_equal", of(A, B), of(I, J), of(I, 3), of(A, ROW)),
    **each("logical_and logical_or logical_xor", of(TRUE, B > 0), of([True, False], [True, True])),
    **each("bitwise_and bitwise_or bitwise_xor", of(I, J)), **each("gcd lcm", of(I, J)),
    **each("bitwise_left_shift bitwise_right_shift left_shift right_shift", of(I, J), of(I, 1)),
    "ldexp": [of(A[:, :, 0], J)], "isclose": [of(A, A + 1e-6), of(A, B, 10.0, equal_nan=True)],
    "allclose": [of(A, A + 1e-6), of(A, B)],
    "isin": [of(I, J), of(I, [1, 2], invert=True)], "digitize": [of(A, np.array([-1.0, 0, 1], "float32"))],
    "searchsorted": [of(np.sort(ROW), A), of(np.sort(ROW), ROW, side="right")],
    "where": [of(TRUE, A, B), of(TRUE, A, 0.0), of(TRUE, 1, 0)], "select": [of([TRUE, B > 0], [A, B], 7.0)],
    # ---------------------------------------------------------------- reductions
    **each("max mean min prod std sum var median ptp amax amin nanmax nanmean nanmedian nanmin nanprod nanstd nansum "
           "nanvar", of(A), of(A, 1, True), of(A, axis=(0, 2)), of(A, axis=[0, 1], keepdims=True), of(A, -1), of(I)),
    **each("nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar", of(HOLES), of(HOLES, 1, True)),
    **each("max min", of(A, initial=0.3), of(TRUE, 1)), "sum": [of(TRUE, 1), of(A, (0, 1))], "mean": [of(TRUE), of(I, 1)],
    **each("all any", of(TRUE), of(TRUE, 1, True), of(TRUE, axis=(0, 2)), of(A)),
    **each("argmax argmin nanargmax nanargmin", of(A), of(A, 1, True), of(A, axis=-1), of(I, 0)),
    "average": [of(A), of(A, 1), of(A, axis=-1, weights=ROW), of(I, 0)], "count_nonzero": [of(I - 1), of(TRUE, 1)],
    **each("quantile nanquantile", of(A, 0.3), of(A, 0.3, 1), of(A, [0.2, 0.5], axis=-1, keepdims=True),
           of(A, 0.3, -1, "nearest")),
    **each("percentile nanpercentile", of(A, 30.0, 1), of(A, 30.0, axis=-1, method="lower", keepdims=True)),
    "logsumexp": [of(A), of(A, -1, True), of(A, (0, 1))],
    **each("cumsum cumprod nancumsum nancumprod", of(A), of(A, 1), of(I, 0, "float32")),
    "diff": [of(A), of(A, 2), of(A, 1, 0)], "trapezoid": [of(A), of(A, ROW), of(A, dx=0.5, axis=0)],
    "bincount": [of(K[0]), of(K, minlength=6), of(K[0], weights=normal(3))],
    "histogram": [of(ROW), of(ROW, 4, (-1.0, 1.0)), of(ROW, bins=3)],
    "segment_sum": [of(A[0], np.array([0, 0, 1]), 2), of(A[0], np.array([2, 0, 2]), num_segments=4)],
    **each("segment_max segment_min segment_prod", of(A[0], np.array([0, 0, 1]), 2), of(A[0], np.array([0, 1, 1]), 2, True)),
    "top_k": [of(A, 2), of(A, k=3, sorted=False)],
    "in_top_k": [of(K[0], normal(3, 4), 2), of(K[0], np.where(normal(3, 4) > 1, np.nan, normal(3, 4)), k=1)],
    "moments": [of(A, [0]), of(A, (0, 1), True)], "normalize": [of(A), of(A, 1), of(A, -1, 1), of(A, order=3), of(A * 0)],
    # ---------------------------------------------------------------- shapes and places
    "reshape": [of(A, (2, 12)), of(A, newshape=(-1, 4)), of(A, [4, -1]), of(A, -1)],
    "tile": [of(A, (1, 2, 1)), of(A, 2), of(A, repeats=[2, 1])], "repeat": [of(A, 2), of(A, 2, 1)],
    "expand_dims": [of(A, 0), of(A, (0, -1)), of(A, axis=-1)], "squeeze": [of(A[:, :1]), of(A[:, :1], 1), of(A[:1], axis=(0,))],
    "moveaxis": [of(A, 0, 1), of(A, (0, 1), (1, 2))], "swapaxes": [of(A, 0, 2)],
    "transpose": [of(A), of(A, (2, 0, 1)), of(A, axes=[0, 2, 1])],
    "broadcast_to": [of(ROW, (3, 4)), of(A[:, :1], shape=[2, 3, 4])],
    "concatenate": [of([A, B]), of([A, B], -1), of((A, B), axis=1)], "append": [of(A, B), of(A, B, 1)],
    "stack": [of([A, B]), of([A, B], -1), of((A, B), axis=1), of([1.0, 2.0])],
    **each("hstack vstack dstack", of([A, B]), of([ROW, ROW])),
    "split": [of(A, 2), of(A, [1, 2], 1), of(A, 2, axis=-1)], "array_split": [of(A, 2, 1)],
    "hsplit": [of(A, 3)], "vsplit": [of(A, 2)], "dsplit": [of(A, [1])], "unstack": [of(A), of(A, axis=1), of(A, 3, 1)],
    **each("fliplr flipud", of(A)), "flip": [of(A, 1), of(A, (0, 2))], "roll": [of(A, 2), of(A, 1, 1), of(A, (1, 2), (0, 1))],
    "rot90": [of(A), of(A, 2), of(A, 1, (1, 2))],
    "pad": [of(A, ((0, 0), (1, 0), (0, 2))), of(A, 1), of(A, ((0, 0), (1, 0), (0, 2)), constant_values=2.0),
            of(A, [[1, 1], [0, 0], [2, 1]], "reflect"), of(A, ((1, 1), (1, 1), (1, 1)), mode="symmetric")],
    "take": [of(A, [0, 2], 1), of(A, K % 4, axis=-1), of(A, 1, 0), of(A, np.array([5, 0]))],
    "take_along_axis": [of(A, np.argsort(A, 1), 1), of(A, np.argsort(A, -1), axis=-1), of(ROW, np.array([0, 3]))],
    "get_item": [of(A, 1), of(A, (slice(None), 0)), of(A, (Ellipsis, slice(1, 3))), of(A, (slice(None), None))],
    "slice": [of(A, (0, 1, 0), (2, 2, 3)), of(A, (0, 1, 0), (2, -1, 3)), of(A, np.array([0, 1, 0]), shape=(2, 1, 2))],
    "slice_update": [of(A, (0, 1, 0), B[:, :2, :2]), of(A, [0, 1, 0], updates=B[:, :2, :2])],
    "scatter": [of(I[:, :2] % 4, A[:, 0, 0], (4, 4)), of(np.array([[0], [2], [0]]), normal(3, 2), shape=(4, 2))],
    "scatter_update": [of(A[0], np.array([[0, 1], [2, 3]]), ROW[:2]), of(A[0], [[0], [2]], B[0, :2])]
    + [of(A[0], np.array([[0, 1], [2, 3]]), ROW[:2], r) for r in ("add", "max", "min", "mul")],
    "sort": [of(A), of(A, 0), of(I)], "argsort": [of(A), of(A, axis=0)], "argpartition": [of(A, 1), of(A, 1, 0)],
    "nonzero": [of(I - 2)], "unravel_index": [of(np.array([3, 5]), (2, 3))],
    "unique": [of(K), of(K, return_counts=True, return_inverse=True), of(K, size=6, fill_value=-1), of(WILD)],
    "diag": [of(ROW), of(S[0], 1)], "diagflat": [of(A[0]), of(ROW, k=1)], "diagonal": [of(A), of(A, 1, 1, 2)],
    "trace": [of(A), of(A, 1, 1, 2)], **each("tril triu", of(A), of(A, 1), of(A, k=-1)),
    "meshgrid": [of(ROW, ROW[:2]), of(ROW, ROW[:2], indexing="ij")], "vander": [of(ROW), of(ROW, 3, True)],
    "shape": [of(A)], "rearrange": [of(A, "a b c -> a (c b)"), of(A, "a b (c d) -> d a b c", d=2)],
    # ---------------------------------------------------------------- from numbers
    "arange": [of(4), of(4.0), of(2, 8, 3), of(1.0, 2.0, 0.25), of(3, dtype="float32"), of(0, 1, 0.5)],
    **each("ones zeros", of((2, 3)), of(3), of([2, 3], "int32")), "full": [of((2, 3), 1), of((2,), 2.5, "int32"), of(2, 3)],
    "empty_like": [], "empty": [], "eye": [of(3), of(3, 4, 1), of(2, dtype="int32")], "identity": [of(3), of(2, "int32")],
    "tri": [of(3), of(3, 4, -1), of(2, dtype="int32")],
    "linspace": [of(0, 1, 5), of(A, B, 3, endpoint=False), of(0.0, 1.0, num=4, retstep=True), of(A, B, 3, axis=-1)],
    "logspace": [of(0, 2, 5), of(U, U + 1, 3, base=2), of(0, 1, 3, False)], "geomspace": [of(1, 8, 4), of(U, U + 1, num=3)],
    **each("bartlett blackman hamming hanning", of(5)), "kaiser": [of(5, 2.0)],
    "one_hot": [of(K, 4), of(K, 4, axis=1), of(K, num_classes=5, dtype="int32"), of([0, -1], 3), of(K, 4, 0)],
    "multi_hot": [of(K, 4), of(K[0], 4), of(K, num_classes=4, dtype="int32"), of(K, num_tokens=5)],
    # ---------------------------------------------------------------- linear algebra
    **each("matmul", of(A, B.swapaxes(1, 2)), of(A, ROW), of([[1.0, 2.0]], [[1.0], [2.0]]),
           of((I * 40).astype("int8"), (J.T * 40).astype("int8"))),
    "dot": [of(A, ROW), of(A, B[0, 0]), of(2.0, A)],
    **each("inner", of(A, B), of(ROW, ROW)), **each("outer vdot", of(ROW, ROW), of(A, B)), "kron": [of(S[0], S[1])],
    "tensordot": [of(A, B, 3), of(A, B, ([1], [1])), of(A, B.swapaxes(0, 2), axes=1)],
    "cross": [of(A[:, :, :3], B[:, :, :3]), of(A, B, axis=1)],
    "einsum": [of("abc,abd->acd", A, B), of("abc->cb", A), of("...c,c", A, ROW), of("ab,cb->ac", (I * 40).astype("int8"), J.astype("int8") * 40)],
    "cholesky": [of(SPD), of(SPD, True)], "cholesky_inverse": [of(np.linalg.cholesky(SPD[0])), of(np.linalg.cholesky(SPD[0]).T, upper=True)],
    **each("det inv logdet slogdet", of(S)), "eigh": [], "eig": [], "qr": [of(S), of(S[:, :, :2], mode="complete")],
    "svd": [of(S, compute_uv=False)], "solve": [of(S, A[:, :, :2]), of(S[0], A[0, :, 0])],
    "solve_triangular": [of(S, A[:, :, :2], True), of(S[0], A[0, :, :2], lower=False), of(S[0], A[0, :, 0])],
    "lstsq": [of(S[0], A[0, :, :2]), of(A[0].T, ROW)], "lu_factor": [of(S), of(S[0])],
    "norm": [of(A), of(A, axis=-1), of(A, 1, 1, True), of(S, "fro", (1, 2)), of(S, "nuc", (1, 2)), of(I), of(ROW, np.inf)],
    "pinv": [of(S), of(A[0], 0.01)], "matrix_rank": [of(S), of(A[0] * 0, tol=0.1)], "cdist": [of(A[0], B[1]), of(A, B)],
    "corrcoef": [of(A[0])], "correlate": [of(ROW, ROW[:2]), of(ROW, ROW[:2], "same"), of(ROW, ROW[:2], mode="full")],
    # ---------------------------------------------------------------- signals
    **each("fft fft2 ifft2", of((A, B))), "rfft": [of(A), of(A, 6), of(A, fft_length=3)],
    "irfft": [of((A, B)), of((A, B), 5)], "view_as_complex": [of(A[..., :2])],
    "view_as_real": [of((A + 1j * B).astype("complex64"))], "polar": [of(U, A)],
    "stft": [of(SOUND, 16, 8, 16), of(SOUND, 12, 5, 16, "hamming", False), of(SOUND, 12, 5, 16, None),
             of(SOUND, 8, 4, 8, window=np.hanning(8).astype("float32"))],
    "istft": [of((normal(2, 9, 9), normal(2, 9, 9)), 16, 8, 16), of((normal(2, 9, 9), normal(2, 9, 9)), 12, 4, 16, 30, "hamming", False),
              of((normal(2, 9, 9), normal(2, 9, 9)), 16, 8, 16, window=None)],
    "extract_sequences": [of(SOUND, 10, 3)],
    # ---------------------------------------------------------------- activations
    **each("relu relu6 sigmoid silu swish softplus softsign selu hard_sigmoid hard_silu hard_swish hard_tanh log_sigmoid "
           "sparse_plus sparse_sigmoid tanh_shrink", of(A * 3)),
    **each("celu elu", of(A), of(A, 0.5), of(A, alpha=2.0)), "leaky_relu": [of(A), of(A, 0.1), of(A, negative_slope=0.3)],
    "gelu": [of(A * 3), of(A * 3, False), of(A * 3, approximate=True)], "glu": [of(A), of(A, axis=-1)],
    **each("hard_shrink soft_shrink", of(A), of(A, 0.2), of(A, threshold=1.0)), "threshold": [of(A, 0.5, 9.0), of(A, threshold=0.1, default_value=1.0)],
    "squareplus": [of(A), of(A, 2)], "sparsemax": [of(A), of(A, 1)],
    **each("softmax log_softmax", of(A), of(A, 1), of(A, axis=None)), "softmax": [of(A, (1, 2))],
    # ---------------------------------------------------------------- neural nets
    "conv": [of(IMG, normal(2, 2, 3, 4)), of(IMG, normal(2, 2, 3, 4), 2, "same"), of(FIRST, normal(2, 2, 3, 4), **FRONT),
             of(LINE, normal(3, 3, 2), dilation_rate=2), of(VOLUME, normal(2, 2, 2, 2, 3), (1, 2, 1)), of(IMG, normal(2, 2, 1, 6)),
             of(LINE, normal(3, 3, 2), strides=[2])],
    "depthwise_conv": [of(IMG, normal(2, 2, 3, 2)), of(FIRST, normal(2, 2, 3, 1), 2, "same", "channels_first"), of(LINE, normal(2, 3, 2))],
    "separable_conv": [of(IMG, normal(2, 2, 3, 2), normal(1, 1, 6, 4)), of(LINE, normal(2, 3, 2), normal(1, 6, 4), padding="same")],
    "conv_transpose": [of(IMG, normal(2, 2, 4, 3), 2), of(IMG, normal(3, 3, 4, 3), 2, "same"), of(LINE, normal(3, 4, 3), strides=2),
                       of(IMG, normal(3, 3, 4, 3), 2, "valid", 1), of(FIRST, normal(3, 3, 4, 3), (2, 1), **FRONT),
                       of(IMG, normal(3, 3, 4, 3), dilation_rate=2)],
    **each("max_pool average_pool", of(IMG, 2, 2), of(IMG, (3, 2), 1, "same"), of(FIRST, 2, 1, **FRONT), of(LINE, 2, 1),
           of(VOLUME, 2, 2, padding="same")),
    **each("adaptive_average_pool adaptive_max_pool", of(IMG, (3, 2)), of(FIRST, 2, "channels_first"), of(LINE, 4)),
    "batch_normalization": [of(A, ROW, np.abs(ROW), -1, ROW, ROW), of(A, A[0, :, 0], U[0, :, 0], axis=1, epsilon=0.1)],
    "layer_normalization": [of(A), of(A, ROW, ROW), of(A, ROW, epsilon=1e-2), of(A, A[0], B[0], axis=(1, 2)), of(A, A[0, :, 0], axis=1)],
    "rms_normalization": [of(A), of(A, ROW), of(A, A[0], (1, 2), 1e-2)],
    "categorical_crossentropy": [of(P, U), of(P, A, True), of(P, U, axis=1)],
    "sparse_categorical_crossentropy": [of(K, P), of(K, A, True), of(K[..., None], P)],
    "binary_crossentropy": [of(P, U), of(P, A, from_logits=True), of(np.array([0.0, 1.0], "float32"), np.array([0.0, 1.0], "float32"))],
    "ctc_loss": [of(J + 1, LOGITS, np.array([3, 2]), np.array([7, 6])), of(J, LOGITS, np.array([3, 1]), np.array([5, 7]), mask_index=5)],
    "ctc_decode": [of(LOGITS, np.array([7, 5])), of(LOGITS, np.array([7, 5]), merge_repeated=False), of(LOGITS, np.array([7, 5]), mask_index=None),
                   of(LOGITS, np.array([7, 5]), "beam_search", 4, 3), of(LOGITS, np.array([6, 7]), strategy="beam_search", mask_index=5)],
    "psnr": [of(IMG[0], IMG[1], 1.0), of(IMG, IMG * 0.5, max_val=2)],
    "dot_product_attention": [of(Q, Q, Q), of(Q, Q * 2, Q, is_causal=True), of(Q, Q, Q, normal(2, 2, 5, 5), RNG.random((2, 1, 5, 5)) > 0.4, 0.3)],
    "depth_to_space": [of(normal(1, 2, 2, 8), 2), of(normal(1, 8, 2, 2), 2, "channels_first")],
    "space_to_depth": [of(IMG, 2), of(FIRST, 2, data_format="channels_first")],
    "unfold": [of(FIRST, 2), of(FIRST, (2, 3), 1, 1, 2), of(FIRST, 2, dilation=2)],
    "fold": [of(normal(2, 12, 12), (8, 6), 2, stride=2), of(normal(2, 12, 20), (5, 6), kernel_size=2)],
    # ---------------------------------------------------------------- images
    "image.resize": [of(IMG, (4, 9)), of(FIRST, (5, 5), data_format="channels_first"), of(IMG[0], (5, 5)), of(IMG, (4, 4), antialias=True),
                     of(IMG, (4, 6), crop_to_aspect_ratio=True), of(IMG, (4, 6), pad_to_aspect_ratio=True, fill_value=0.5)]
    + [of(IMG, (5, 9), m) for m in ("nearest", "bicubic", "lanczos3", "lanczos5")] + [of((IMG * 255).astype("uint8"), (5, 9))],
    "image.affine_transform": [of(IMG, np.array([[1.1, 0.1, 0.5, -0.1, 0.9, 0.3, 0, 0]] * 2, "float32"), m, f, 0.5)
                               for m in ("bilinear", "nearest") for f in ("constant", "nearest", "wrap", "mirror", "reflect")]
    + [of(IMG[0], np.array([1.1, 0.1, 0.5, -0.1, 0.9, 0.3, 0, 0], "float32"))],
    "image.perspective_transform": [of(IMG, np.array([[[0, 0], [5, 0], [0, 7], [5, 7]]] * 2, "float32"),
                                       np.array([[[1, 0], [5, 1], [0, 6], [4, 7]]] * 2, "float32"), m) for m in ("bilinear", "nearest")]
    + [of(FIRST[0], np.array([[0, 0], [5, 0], [0, 7], [5, 7]], "float32"), np.array([[1, 0], [5, 1], [0, 6], [4, 7]], "float32"), fill_value=2, **FRONT)],
    "image.gaussian_blur": [of(IMG, **LAST), of(IMG, (3, 5), (1.0, 2.0), "channels_last"), of(FIRST[0], **FRONT)],
    "image.elastic_transform": [], "image.rgb_to_grayscale": [of(IMG), of(FIRST, **FRONT), of(IMG[..., :1]), of((IMG * 255).astype("uint8"))],
    **each("image.rgb_to_hsv image.hsv_to_rgb", of(IMG), of(IMG[0]), of(FIRST, **FRONT)),
    "image.pad_images": [of(IMG, 1, 2, target_height=10, target_width=9), of(IMG, 1, 2, 3, 4), of(FIRST[0], bottom_padding=1, left_padding=0, target_height=9, right_padding=1, **FRONT)],
    "image.crop_images": [of(IMG, 1, 2, target_height=4, target_width=3), of(IMG[0], 1, 2, 3, 1), of(FIRST, bottom_cropping=1, target_height=5, left_cropping=0, right_cropping=2, **FRONT)],
    "image.extract_patches": [of(IMG, 2), of(IMG, (3, 2), strides=1, padding="same"), of(IMG[0], 2), of(FIRST, 2, **FRONT), of(IMG, 2, 1, 2)],
    "image.extract_patches_3d": [of(VOLUME, 2), of(VOLUME, (2, 3, 2), 1, padding="same"), of(VOLUME[0], 2)],
    "image.map_coordinates": [of(A[0], np.array([[0.5, 1.0, 3.5], [1.5, -2.0, 9.0]], "float32"), o, f, 0.5)
                              for o in (0, 1) for f in ("constant", "nearest", "wrap", "mirror", "reflect")],
    "image.scale_and_translate": [of(IMG, (2, 10, 9, 3), np.array([1.2, 1.5], "float32"), np.array([0.5, -1.0], "float32"), (1, 2), m, a)
                                  for m in ("linear", "cubic", "lanczos3") for a in (True, False)],
    "image.sobel_edges": [of(IMG, **LAST), of(FIRST, **FRONT), of(IMG)],
    "image.ssim": [of(IMG, IMG * 0.9, filter_size=3), of(IMG, IMG * 0.9, 2.0, 5, 1.0, 0.02, 0.05)],
}  # fmt: skip
