"""The functions of `fk.ops`, for editors and type checkers. Written by `python -m tests.nn.write_ops_stub`.

Each of them takes arrays, numbers and nested lists of numbers, and then returns arrays; or symbolic tensors among them,
and then records a node and returns symbolic tensors.
"""

# The first form of a function is the special case of the second, in which no operand is symbolic.
# mypy: disable-error-code="overload-overlap, overload-cannot-match"

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, TypeVar, overload

import numpy as np

from ..core import SymbolicTensor
from ..core.typing import Array, ArrayLike, Bool, Complex, DTypeLike, Float, Int, Num, PyTree, Shape
from ._ops import _image_room, _linalg_room, _nn_room, _numpy_room
from ._ops._types import Axis, DataFormat, Sizes

image = _image_room
linalg = _linalg_room
nn = _nn_room
numpy = _numpy_room

#: What becomes an array: arrays, numbers, and nested lists of them.
Values: TypeAlias = ArrayLike | Sequence["Values"]
#: The same, or a symbolic tensor.
Tensor: TypeAlias = Values | SymbolicTensor
Carry = TypeVar("Carry")

@overload
def abs(x: Values) -> Array:
    """The absolute value."""

@overload
def abs(x: Tensor) -> SymbolicTensor: ...
@overload
def absolute(x: Values) -> Array:
    """The absolute value."""

@overload
def absolute(x: Tensor) -> SymbolicTensor: ...
@overload
def acos(x: Values) -> Array:
    """The inverse of the cosine."""

@overload
def acos(x: Tensor) -> SymbolicTensor: ...
@overload
def acosh(x: Values) -> Array:
    """The inverse of the hyperbolic cosine."""

@overload
def acosh(x: Tensor) -> SymbolicTensor: ...
@overload
def adaptive_average_pool(
    inputs: Num[Values, "batch *space channels"], output_size: Sizes, data_format: DataFormat = None
) -> Num[Array, "batch *space channels"]:
    """The means of windows that divide the input into an output of a given size."""

@overload
def adaptive_average_pool(inputs: Tensor, output_size: Sizes, data_format: DataFormat = None) -> SymbolicTensor: ...
@overload
def adaptive_max_pool(
    inputs: Num[Values, "batch *space channels"], output_size: Sizes, data_format: DataFormat = None
) -> Num[Array, "batch *space channels"]:
    """The largest numbers of windows that divide the input into an output of a given size."""

@overload
def adaptive_max_pool(inputs: Tensor, output_size: Sizes, data_format: DataFormat = None) -> SymbolicTensor: ...
@overload
def add(x1: Values, x2: Values, *, out: None = None, where: None = None) -> Array:
    """`x1 + x2`."""

@overload
def add(x1: Tensor, x2: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def all(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """Whether all entries are true, along some axes."""

@overload
def all(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def allclose(x1: Values, x2: Values, rtol: Values = 1e-05, atol: Values = 1e-08, equal_nan: bool = False) -> Array:
    """Whether all entries of two arrays are nearly the same."""

@overload
def allclose(
    x1: Tensor, x2: Tensor, rtol: Tensor = 1e-05, atol: Tensor = 1e-08, equal_nan: bool = False
) -> SymbolicTensor: ...
@overload
def amax(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The largest entry along some axes."""

@overload
def amax(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def amin(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The smallest entry along some axes."""

@overload
def amin(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def angle(x: Values, deg: bool = False) -> Array:
    """The angle of complex numbers, in radians."""

@overload
def angle(x: Tensor, deg: bool = False) -> SymbolicTensor: ...
@overload
def any(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """Whether some entry is true, along some axes."""

@overload
def any(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def append(x1: Values, x2: Values, axis: int | None = None) -> Array:
    """`x1` with `x2` at its end."""

@overload
def append(x1: Tensor, x2: Tensor, axis: int | None = None) -> SymbolicTensor: ...
@overload
def apply_along_axis(func1d: Callable, axis: int, arr: Values, *args: Any, **kwargs: Any) -> Array:
    """A function of vectors, on each vector along an axis."""

@overload
def apply_along_axis(func1d: Callable, axis: int, arr: Tensor, *args: Any, **kwargs: Any) -> SymbolicTensor: ...
@overload
def apply_over_axes(func: Callable[[Values, int], Array], a: Values, axes: Sequence[int]) -> Array:
    """A function of an array and an axis, for one axis after another."""

@overload
def apply_over_axes(
    func: Callable[[Tensor, int], Array | SymbolicTensor], a: Tensor, axes: Sequence[int]
) -> SymbolicTensor: ...
@overload
def arange(
    start: Values | int,
    stop: Values | int | None = None,
    step: Values | None = None,
    dtype: DTypeLike | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """The numbers from `start` to before `stop`."""

@overload
def arange(
    start: Tensor | int,
    stop: Tensor | int | None = None,
    step: Tensor | None = None,
    dtype: DTypeLike | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> SymbolicTensor: ...
@overload
def arccos(x: Values) -> Array:
    """The inverse of the cosine."""

@overload
def arccos(x: Tensor) -> SymbolicTensor: ...
@overload
def arccosh(x: Values) -> Array:
    """The inverse of the hyperbolic cosine."""

@overload
def arccosh(x: Tensor) -> SymbolicTensor: ...
@overload
def arcsin(x: Values) -> Array:
    """The inverse of the sine."""

@overload
def arcsin(x: Tensor) -> SymbolicTensor: ...
@overload
def arcsinh(x: Values) -> Array:
    """The inverse of the hyperbolic sine."""

@overload
def arcsinh(x: Tensor) -> SymbolicTensor: ...
@overload
def arctan(x: Values) -> Array:
    """The inverse of the tangent."""

@overload
def arctan(x: Tensor) -> SymbolicTensor: ...
@overload
def arctan2(x1: Values, x2: Values) -> Array:
    """The angle of the points `(x2, x1)`, in radians."""

@overload
def arctan2(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def arctanh(x: Values) -> Array:
    """The inverse of the hyperbolic tangent."""

@overload
def arctanh(x: Tensor) -> SymbolicTensor: ...
@overload
def argmax(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The place of the largest entry along an axis."""

@overload
def argmax(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def argmin(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The place of the smallest entry along an axis."""

@overload
def argmin(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def argpartition(x: Values, kth: int, axis: int = -1) -> Array:
    """The places that put the `kth` smallest entry where a sort would, smaller ones before it."""

@overload
def argpartition(x: Tensor, kth: int, axis: int = -1) -> SymbolicTensor: ...
@overload
def argsort(
    x: Values,
    axis: int | None = -1,
    *,
    kind: None = None,
    order: None = None,
    stable: bool = True,
    descending: bool = False,
    dtype: DTypeLike | None = None,
) -> Array:
    """The places that sort an axis."""

@overload
def argsort(
    x: Tensor,
    axis: int | None = -1,
    *,
    kind: None = None,
    order: None = None,
    stable: bool = True,
    descending: bool = False,
    dtype: DTypeLike | None = None,
) -> SymbolicTensor: ...
@overload
def argwhere(a: Values, *, size: int | None = None, fill_value: Values | None = None) -> Array:
    """The places of the entries that are not 0, one a row."""

@overload
def argwhere(a: Tensor, *, size: int | None = None, fill_value: Tensor | None = None) -> SymbolicTensor: ...
@overload
def around(a: Values, decimals: int = 0, out: None = None) -> Array:
    """`x` to so many decimals."""

@overload
def around(a: Tensor, decimals: int = 0, out: None = None) -> SymbolicTensor: ...
@overload
def array(
    x: Values,
    dtype: DTypeLike | None = None,
    *,
    copy: bool = True,
    order: str | None = "K",
    ndmin: int = 0,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """`x` as an array."""

@overload
def array(
    x: Tensor,
    dtype: DTypeLike | None = None,
    *,
    copy: bool = True,
    order: str | None = "K",
    ndmin: int = 0,
    device: Any = None,
    out_sharding: Any = None,
) -> SymbolicTensor: ...
@overload
def array_equal(a1: Values, a2: Values, equal_nan: bool = False) -> Array:
    """Whether two arrays have the same shape and entries."""

@overload
def array_equal(a1: Tensor, a2: Tensor, equal_nan: bool = False) -> SymbolicTensor: ...
@overload
def array_equiv(a1: Values, a2: Values) -> Array:
    """Whether two arrays broadcast to the same entries."""

@overload
def array_equiv(a1: Tensor, a2: Tensor) -> SymbolicTensor: ...
@overload
def array_split(x: Values, indices_or_sections: int | Sequence[int] | Values, axis: int = 0) -> list[Array]:
    """Parts of an array along an axis, of sizes that may differ by 1."""

@overload
def array_split(
    x: Tensor, indices_or_sections: int | Sequence[int] | Tensor, axis: int = 0
) -> list[SymbolicTensor]: ...
@overload
def asarray(
    a: Values,
    dtype: DTypeLike | None = None,
    order: str | None = None,
    *,
    copy: bool | None = None,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """`x` as an array."""

@overload
def asarray(
    a: Tensor,
    dtype: DTypeLike | None = None,
    order: str | None = None,
    *,
    copy: bool | None = None,
    device: Any = None,
    out_sharding: Any = None,
) -> SymbolicTensor: ...
@overload
def asin(x: Values) -> Array:
    """The inverse of the sine."""

@overload
def asin(x: Tensor) -> SymbolicTensor: ...
@overload
def asinh(x: Values) -> Array:
    """The inverse of the hyperbolic sine."""

@overload
def asinh(x: Tensor) -> SymbolicTensor: ...
def associative_scan(
    f: Callable[[PyTree, PyTree], PyTree], elems: PyTree, reverse: bool = False, axis: int = 0
) -> PyTree:
    """The running combination of elements by an associative function."""

@overload
def astype(x: Values, dtype: DTypeLike | None, *, copy: bool = False, device: Any = None) -> Array:
    """`x` in another dtype."""

@overload
def astype(x: Tensor, dtype: DTypeLike | None, *, copy: bool = False, device: Any = None) -> SymbolicTensor: ...
@overload
def atan(x: Values) -> Array:
    """The inverse of the tangent."""

@overload
def atan(x: Tensor) -> SymbolicTensor: ...
@overload
def atan2(x1: Values, x2: Values) -> Array:
    """The angle of the points `(x2, x1)`, in radians."""

@overload
def atan2(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def atanh(x: Values) -> Array:
    """The inverse of the hyperbolic tangent."""

@overload
def atanh(x: Tensor) -> SymbolicTensor: ...
@overload
def atleast_1d(*arys: Values) -> Array | tuple[Array, ...]:
    """Arrays with at least one axis."""

@overload
def atleast_1d(*arys: Tensor) -> SymbolicTensor | tuple[SymbolicTensor, ...]: ...
@overload
def atleast_2d(*arys: Values) -> Array | tuple[Array, ...]:
    """Arrays with at least two axes."""

@overload
def atleast_2d(*arys: Tensor) -> SymbolicTensor | tuple[SymbolicTensor, ...]: ...
@overload
def atleast_3d(*arys: Values) -> Array | tuple[Array, ...]:
    """Arrays with at least three axes."""

@overload
def atleast_3d(*arys: Tensor) -> SymbolicTensor | tuple[SymbolicTensor, ...]: ...
@overload
def average(
    x: Values, axis: Axis = None, weights: Values | None = None, returned: bool = False, keepdims: bool = False
) -> Array | tuple[Array, Array]:
    """The weighted mean along some axes."""

@overload
def average(
    x: Tensor, axis: Axis = None, weights: Tensor | None = None, returned: bool = False, keepdims: bool = False
) -> SymbolicTensor | tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def average_pool(
    inputs: Num[Values, "batch *space channels"],
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: DataFormat = None,
) -> Num[Array, "batch *space channels"]:
    """The mean of each window, padding left out."""

@overload
def average_pool(
    inputs: Tensor,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: DataFormat = None,
) -> SymbolicTensor: ...
def bartlett(x: int) -> Array:
    """The triangular window of so many samples."""

@overload
def batch_normalization(
    x: Values,
    mean: Num[Values, " features"],
    variance: Num[Values, " features"],
    axis: int,
    offset: Num[Values, " features"] | None = None,
    scale: Num[Values, " features"] | None = None,
    epsilon: float = 0.001,
) -> Array:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset` along an axis."""

@overload
def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: int,
    offset: Tensor | None = None,
    scale: Tensor | None = None,
    epsilon: float = 0.001,
) -> SymbolicTensor: ...
@overload
def binary_crossentropy(target: Values, output: Values, from_logits: bool = False) -> Array:
    """`-target log(output) - (1 - target) log(1 - output)`."""

@overload
def binary_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False) -> SymbolicTensor: ...
@overload
def bincount(x: Values, weights: Values | None = None, minlength: int = 0, sparse: bool = False) -> Array:
    """How often each integer occurs; for a batch, row by row."""

@overload
def bincount(x: Tensor, weights: Tensor | None = None, minlength: int = 0, sparse: bool = False) -> SymbolicTensor: ...
@overload
def bitwise_and(x: Values, y: Values, *, out: None = None, where: None = None) -> Array:
    """The bits that both have."""

@overload
def bitwise_and(x: Tensor, y: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def bitwise_count(x: Values) -> Array:
    """How many bits are set."""

@overload
def bitwise_count(x: Tensor) -> SymbolicTensor: ...
@overload
def bitwise_invert(x: Values) -> Array:
    """The bits that are not set."""

@overload
def bitwise_invert(x: Tensor) -> SymbolicTensor: ...
@overload
def bitwise_left_shift(x: Values, y: Values) -> Array:
    """The bits of `x` moved up by `y` places."""

@overload
def bitwise_left_shift(x: Tensor, y: Tensor) -> SymbolicTensor: ...
@overload
def bitwise_not(x: Values) -> Array:
    """The bits that are not set."""

@overload
def bitwise_not(x: Tensor) -> SymbolicTensor: ...
@overload
def bitwise_or(x: Values, y: Values, *, out: None = None, where: None = None) -> Array:
    """The bits that either has."""

@overload
def bitwise_or(x: Tensor, y: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def bitwise_right_shift(x: Values, y: Values) -> Array:
    """The bits of `x` moved down by `y` places."""

@overload
def bitwise_right_shift(x: Tensor, y: Tensor) -> SymbolicTensor: ...
@overload
def bitwise_xor(x: Values, y: Values, *, out: None = None, where: None = None) -> Array:
    """The bits that just one of the two has."""

@overload
def bitwise_xor(x: Tensor, y: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
def blackman(x: int) -> Array:
    """The Blackman window of so many samples."""

@overload
def block(arrays: Values | list[Any]) -> Array:
    """An array put together from nested lists of blocks."""

@overload
def block(arrays: Tensor | list[Any]) -> SymbolicTensor: ...
@overload
def broadcast_arrays(*args: Values) -> tuple[Array, ...]:
    """Arrays broadcast to one shape."""

@overload
def broadcast_arrays(*args: Tensor) -> tuple[SymbolicTensor, ...]: ...
def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape to which shapes broadcast."""

@overload
def broadcast_to(x: Values, shape: int | Shape, *, out_sharding: Any = None) -> Array:
    """`x` broadcast to a shape."""

@overload
def broadcast_to(x: Tensor, shape: int | Shape, *, out_sharding: Any = None) -> SymbolicTensor: ...
def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """Whether a dtype can be cast to another under a rule."""

@overload
def cast(x: Values, dtype: DTypeLike) -> Array:
    """`x` in another dtype."""

@overload
def cast(x: Tensor, dtype: DTypeLike) -> SymbolicTensor: ...
@overload
def categorical_crossentropy(
    target: Num[Values, "*batch classes"],
    output: Float[Values, "*batch classes"],
    from_logits: bool = False,
    axis: int = -1,
) -> Float[Array, "*batch"]:
    """`-sum(target log(output))` along an axis."""

@overload
def categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> SymbolicTensor: ...
@overload
def cbrt(x: Values) -> Array:
    """The cube root."""

@overload
def cbrt(x: Tensor) -> SymbolicTensor: ...
@overload
def cdist(x: Num[Values, "*batch m features"], y: Num[Values, "*batch n features"]) -> Float[Array, "*batch m n"]:
    """The Euclidean distance of each row of `x` from each row of `y`."""

@overload
def cdist(x: Tensor, y: Tensor) -> SymbolicTensor: ...
@overload
def ceil(x: Values) -> Array:
    """`x` rounded up."""

@overload
def ceil(x: Tensor) -> SymbolicTensor: ...
@overload
def celu(x: Values, alpha: float = 1.0) -> Array:
    """`x` where positive, else `alpha * (exp(x / alpha) - 1)`: an ELU with a continuous derivative."""

@overload
def celu(x: Tensor, alpha: float = 1.0) -> SymbolicTensor: ...
@overload
def cholesky(x: Num[Values, "*batch n n"], upper: bool = False) -> Num[Array, "*batch n n"]:
    """The lower (or upper) factor `L` of `x = L L^T`."""

@overload
def cholesky(x: Tensor, upper: bool = False) -> SymbolicTensor: ...
@overload
def cholesky_inverse(x: Num[Values, "*batch n n"], upper: bool = False) -> Num[Array, "*batch n n"]:
    """The inverse of a matrix, from its Cholesky factor."""

@overload
def cholesky_inverse(x: Tensor, upper: bool = False) -> SymbolicTensor: ...
@overload
def choose(a: Values, choices: Array | np.ndarray | Sequence[Values], out: None = None, mode: str = "raise") -> Array:
    """Entries of several arrays, each from the array that an integer names."""

@overload
def choose(
    a: Tensor, choices: Array | SymbolicTensor | np.ndarray | Sequence[Tensor], out: None = None, mode: str = "raise"
) -> SymbolicTensor: ...
@overload
def clip(x: Values, x_min: Values | None = None, x_max: Values | None = None, **more: Values) -> Array:
    """`x` between two bounds; `min` and `max` are other names for them."""

@overload
def clip(x: Tensor, x_min: Tensor | None = None, x_max: Tensor | None = None, **more: Tensor) -> SymbolicTensor: ...
@overload
def column_stack(tup: Sequence[Values]) -> Array:
    """Arrays side by side as columns."""

@overload
def column_stack(tup: Sequence[Tensor]) -> SymbolicTensor: ...
@overload
def compress(
    condition: Values,
    a: Values,
    axis: int | None = None,
    *,
    size: int | None = None,
    fill_value: Values = 0,
    out: None = None,
) -> Array:
    """The entries at which a condition holds."""

@overload
def compress(
    condition: Tensor,
    a: Tensor,
    axis: int | None = None,
    *,
    size: int | None = None,
    fill_value: Tensor = 0,
    out: None = None,
) -> SymbolicTensor: ...
@overload
def concat(arrays: Sequence[Values], *, axis: int | None = 0) -> Array:
    """Arrays one after another along an axis."""

@overload
def concat(arrays: Sequence[Tensor], *, axis: int | None = 0) -> SymbolicTensor: ...
@overload
def concatenate(xs: Sequence[Values], axis: int | None = 0, dtype: DTypeLike | None = None) -> Array:
    """Arrays one after another along an axis."""

@overload
def concatenate(xs: Sequence[Tensor], axis: int | None = 0, dtype: DTypeLike | None = None) -> SymbolicTensor: ...
def cond(pred: Tensor, true_fn: Callable[[], PyTree], false_fn: Callable[[], PyTree]) -> PyTree:
    """`true_fn()` or `false_fn()`, by a boolean."""

@overload
def conj(x: Values) -> Array:
    """The complex conjugate."""

@overload
def conj(x: Tensor) -> SymbolicTensor: ...
@overload
def conjugate(x: Values) -> Array:
    """The complex conjugate."""

@overload
def conjugate(x: Tensor) -> SymbolicTensor: ...
@overload
def conv(
    inputs: Num[Values, "batch *space channels"],
    kernel: Num[Values, "*window channels filters"],
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: DataFormat = None,
    dilation_rate: Sizes = 1,
) -> Num[Array, "batch *space filters"]:
    """A convolution over one, two or three axes; a kernel of fewer channels means groups."""

@overload
def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: DataFormat = None,
    dilation_rate: Sizes = 1,
) -> SymbolicTensor: ...
@overload
def conv_transpose(
    inputs: Num[Values, "batch *space channels"],
    kernel: Num[Values, "*window filters channels"],
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: DataFormat = None,
    dilation_rate: Sizes = 1,
) -> Num[Array, "batch *space filters"]:
    """A transposed convolution; the kernel is `(..., outputs, inputs)`."""

@overload
def conv_transpose(
    inputs: Tensor,
    kernel: Tensor,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: DataFormat = None,
    dilation_rate: Sizes = 1,
) -> SymbolicTensor: ...
def convert_to_numpy(x: object) -> np.ndarray:
    """An array on the host."""

@overload
def convert_to_tensor(
    x: Values, dtype: DTypeLike | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Array:
    """`x` as an array."""

@overload
def convert_to_tensor(
    x: Tensor, dtype: DTypeLike | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> SymbolicTensor: ...
@overload
def convolve(
    a: Values, v: Values, mode: str = "full", *, precision: Any = None, preferred_element_type: DTypeLike | None = None
) -> Array:
    """The convolution of two vectors."""

@overload
def convolve(
    a: Tensor, v: Tensor, mode: str = "full", *, precision: Any = None, preferred_element_type: DTypeLike | None = None
) -> SymbolicTensor: ...
@overload
def copy(x: Values, order: str | None = None) -> Array:
    """A copy of an array."""

@overload
def copy(x: Tensor, order: str | None = None) -> SymbolicTensor: ...
@overload
def copysign(x1: Values, x2: Values) -> Array:
    """`x1` with the sign of `x2`."""

@overload
def copysign(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def corrcoef(x: Values, y: Values | None = None, rowvar: bool = True, dtype: DTypeLike | None = None) -> Array:
    """The correlation coefficients of the rows."""

@overload
def corrcoef(
    x: Tensor, y: Tensor | None = None, rowvar: bool = True, dtype: DTypeLike | None = None
) -> SymbolicTensor: ...
@overload
def correlate(
    x1: Values,
    x2: Values,
    mode: str = "valid",
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """The cross-correlation of two vectors."""

@overload
def correlate(
    x1: Tensor,
    x2: Tensor,
    mode: str = "valid",
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> SymbolicTensor: ...
@overload
def cos(x: Values) -> Array:
    """The cosine."""

@overload
def cos(x: Tensor) -> SymbolicTensor: ...
@overload
def cosh(x: Values) -> Array:
    """The hyperbolic cosine."""

@overload
def cosh(x: Tensor) -> SymbolicTensor: ...
@overload
def count_nonzero(x: Values, axis: Axis = None, keepdims: bool = False) -> Array:
    """How many entries are not 0, along some axes."""

@overload
def count_nonzero(x: Tensor, axis: Axis = None, keepdims: bool = False) -> SymbolicTensor: ...
@overload
def cov(
    m: Values,
    y: Values | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Values | None = None,
    aweights: Values | None = None,
    dtype: DTypeLike | None = None,
) -> Array:
    """The covariances of the rows."""

@overload
def cov(
    m: Tensor,
    y: Tensor | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
    dtype: DTypeLike | None = None,
) -> SymbolicTensor: ...
@overload
def cross(x1: Values, x2: Values, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Array:
    """The cross product of vectors of three numbers."""

@overload
def cross(
    x1: Tensor, x2: Tensor, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> SymbolicTensor: ...
@overload
def ctc_decode(
    inputs: Float[Values, "batch time classes"],
    sequence_lengths: Int[Values, " batch"],
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[Int[Array, "paths batch time"], Float[Array, "batch paths"]]:
    """The labels behind frame-wise scores, blanks taken out: `(decoded, score)`; -1 fills up."""

@overload
def ctc_decode(
    inputs: Tensor,
    sequence_lengths: Tensor,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def ctc_loss(
    target: Int[Values, "batch labels"],
    output: Float[Values, "batch time classes"],
    target_length: Int[Values, " batch"],
    output_length: Int[Values, " batch"],
    mask_index: int = 0,
) -> Float[Array, " batch"]:
    """The CTC loss of each example: `-log p(target | output)`, for logits `(batch, time, classes)`."""

@overload
def ctc_loss(
    target: Tensor, output: Tensor, target_length: Tensor, output_length: Tensor, mask_index: int = 0
) -> SymbolicTensor: ...
@overload
def cumprod(x: Values, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None) -> Array:
    """The running product along an axis."""

@overload
def cumprod(x: Tensor, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None) -> SymbolicTensor: ...
@overload
def cumsum(x: Values, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None) -> Array:
    """The running sum along an axis."""

@overload
def cumsum(x: Tensor, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None) -> SymbolicTensor: ...
@overload
def cumulative_prod(
    x: Values, *, axis: int | None = None, dtype: DTypeLike | None = None, include_initial: bool = False
) -> Array:
    """The running product along an axis, with 1 at the beginning where asked."""

@overload
def cumulative_prod(
    x: Tensor, *, axis: int | None = None, dtype: DTypeLike | None = None, include_initial: bool = False
) -> SymbolicTensor: ...
@overload
def cumulative_sum(
    x: Values, *, axis: int | None = None, dtype: DTypeLike | None = None, include_initial: bool = False
) -> Array:
    """The running sum along an axis, with 0 at the beginning where asked."""

@overload
def cumulative_sum(
    x: Tensor, *, axis: int | None = None, dtype: DTypeLike | None = None, include_initial: bool = False
) -> SymbolicTensor: ...
def custom_gradient(f: Callable[..., tuple[PyTree, Callable[..., PyTree]]]) -> Callable[..., PyTree]:
    """A function that returns `(value, gradient function)` as one with that gradient."""

@overload
def deg2rad(x: Values) -> Array:
    """Degrees as radians."""

@overload
def deg2rad(x: Tensor) -> SymbolicTensor: ...
@overload
def degrees(x: Values) -> Array:
    """Radians as degrees."""

@overload
def degrees(x: Tensor) -> SymbolicTensor: ...
@overload
def delete(arr: Values, obj: Any, axis: int | None = None, *, assume_unique_indices: bool = False) -> Array:
    """An array without the entries at some places."""

@overload
def delete(
    arr: Tensor, obj: Any, axis: int | None = None, *, assume_unique_indices: bool = False
) -> SymbolicTensor: ...
@overload
def depth_to_space(
    x: Num[Values, "batch height width channels"], block_size: int, data_format: str = "channels_last"
) -> Num[Array, "batch rows columns depth"]:
    """Channels as blocks of pixels; with channels first, a block is the channels' inner part."""

@overload
def depth_to_space(x: Tensor, block_size: int, data_format: str = "channels_last") -> SymbolicTensor: ...
@overload
def depthwise_conv(
    inputs: Num[Values, "batch *space channels"],
    kernel: Num[Values, "*window channels multiplier"],
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: DataFormat = None,
    dilation_rate: Sizes = 1,
) -> Num[Array, "batch *space outputs"]:
    """A convolution channel by channel; the kernel is `(..., channels, multiplier)`."""

@overload
def depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: DataFormat = None,
    dilation_rate: Sizes = 1,
) -> SymbolicTensor: ...
@overload
def det(x: Values) -> Array:
    """The determinant of a matrix."""

@overload
def det(x: Tensor) -> SymbolicTensor: ...
@overload
def diag(x: Values, k: int = 0) -> Array:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal."""

@overload
def diag(x: Tensor, k: int = 0) -> SymbolicTensor: ...
def diag_indices(n: int, ndim: int = 2) -> tuple[Array, ...]:
    """The places of the diagonal of an array of `n` entries a side."""

@overload
def diag_indices_from(arr: Values) -> tuple[Array, ...]:
    """The places of the diagonal of an array."""

@overload
def diag_indices_from(arr: Tensor) -> tuple[SymbolicTensor, ...]: ...
@overload
def diagflat(x: Values, k: int = 0) -> Array:
    """A matrix with the entries of an array on its diagonal."""

@overload
def diagflat(x: Tensor, k: int = 0) -> SymbolicTensor: ...
@overload
def diagonal(x: Values, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The diagonals over two axes."""

@overload
def diagonal(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> SymbolicTensor: ...
@overload
def diff(a: Values, n: int = 1, axis: int = -1, prepend: Values | None = None, append: Values | None = None) -> Array:
    """The differences of neighbours along an axis."""

@overload
def diff(
    a: Tensor, n: int = 1, axis: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> SymbolicTensor: ...
@overload
def digitize(x: Values, bins: Values, right: bool = False, *, method: str | None = None) -> Array:
    """The bin that each entry falls into."""

@overload
def digitize(x: Tensor, bins: Tensor, right: bool = False, *, method: str | None = None) -> SymbolicTensor: ...
@overload
def divide(x1: Values, x2: Values) -> Array:
    """`x1 / x2`."""

@overload
def divide(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def divide_no_nan(x1: Values, x2: Values) -> Array:
    """`x1 / x2`, and 0 where `x2` is 0."""

@overload
def divide_no_nan(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def divmod(x1: Values, x2: Values) -> tuple[Array, Array]:
    """The quotient rounded down and the remainder."""

@overload
def divmod(x1: Tensor, x2: Tensor) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def dot(
    x1: Values,
    x2: Values,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """The product of two arrays over the last axis of the first and the last but one of the second."""

@overload
def dot(
    x1: Tensor,
    x2: Tensor,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> SymbolicTensor: ...
@overload
def dot_product_attention(
    query: Float[Values, "batch queries heads size"],
    key: Float[Values, "batch keys heads size"],
    value: Float[Values, "batch keys heads size"],
    bias: Float[Values, "batch heads queries keys"] | None = None,
    mask: Bool[Values, "batch heads queries keys"] | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Float[Array, "batch queries heads size"]:
    """`softmax(scale q k^T + bias) v`, for `(batch, time, heads, size)`; XLA chooses the implementation."""

@overload
def dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> SymbolicTensor: ...
@overload
def dsplit(x: Values, indices_or_sections: int | Sequence[int] | Values) -> list[Array]:
    """Parts of an array along the third axis."""

@overload
def dsplit(x: Tensor, indices_or_sections: int | Sequence[int] | Tensor) -> list[SymbolicTensor]: ...
@overload
def dstack(xs: Sequence[Values], dtype: DTypeLike | None = None) -> Array:
    """Arrays one after another along the third axis."""

@overload
def dstack(xs: Sequence[Tensor], dtype: DTypeLike | None = None) -> SymbolicTensor: ...
def dtype(x: object) -> str:
    """The dtype's name."""

@overload
def ediff1d(ary: Values, to_end: Values | None = None, to_begin: Values | None = None) -> Array:
    """The differences of neighbours of the flat array."""

@overload
def ediff1d(ary: Tensor, to_end: Tensor | None = None, to_begin: Tensor | None = None) -> SymbolicTensor: ...
@overload
def eig(x: Values) -> tuple[Array, Array]:
    """The eigenvalues and eigenvectors of a square matrix."""

@overload
def eig(x: Tensor) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def eigh(x: Values, UPLO: str | None = None, symmetrize_input: bool = True) -> tuple[Array, Array]:
    """The eigenvalues and eigenvectors of a Hermitian matrix."""

@overload
def eigh(
    x: Tensor, UPLO: str | None = None, symmetrize_input: bool = True
) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def einsum(subscripts: str, *operands: Values | Sequence[Values], **kwargs: object) -> Array:
    """A sum of products by a formula: `"ij,jk->ik"`."""

@overload
def einsum(subscripts: str, *operands: Tensor | Sequence[Tensor], **kwargs: object) -> SymbolicTensor: ...
def einsum_path(subscripts: Any, *, optimize: bool | str | list[tuple[int, ...]] = "auto") -> tuple:
    """The order in which an `einsum` is contracted."""

@overload
def elu(x: Values, alpha: float = 1.0) -> Array:
    """`x` where positive, else `alpha * (exp(x) - 1)`."""

@overload
def elu(x: Tensor, alpha: float = 1.0) -> SymbolicTensor: ...
def empty(
    shape: int | Sequence[int], dtype: DTypeLike | None = None, *, device: Any = None, out_sharding: Any = None
) -> Array:
    """A new array; its entries mean nothing."""

@overload
def empty_like(
    x: Values, dtype: DTypeLike | None = None, shape: int | Sequence[int] | None = None, *, device: Any = None
) -> Array:
    """A new array like another; its entries mean nothing."""

@overload
def empty_like(
    x: Tensor, dtype: DTypeLike | None = None, shape: int | Sequence[int] | None = None, *, device: Any = None
) -> SymbolicTensor: ...
@overload
def equal(x1: Values, x2: Values) -> Array:
    """Where `x1 == x2`."""

@overload
def equal(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def erf(x: Values) -> Array:
    """The error function."""

@overload
def erf(x: Tensor) -> SymbolicTensor: ...
@overload
def erfc(x: Values) -> Array:
    """1 minus the error function, exact where that is small."""

@overload
def erfc(x: Tensor) -> SymbolicTensor: ...
@overload
def erfinv(x: Values) -> Array:
    """The inverse of the error function."""

@overload
def erfinv(x: Tensor) -> SymbolicTensor: ...
@overload
def exp(x: Values) -> Array:
    """The exponential."""

@overload
def exp(x: Tensor) -> SymbolicTensor: ...
@overload
def exp2(x: Values) -> Array:
    """2 to the power `x`."""

@overload
def exp2(x: Tensor) -> SymbolicTensor: ...
@overload
def expand_dims(x: Values, axis: int | Sequence[int]) -> Array:
    """`x` with new axes of length 1."""

@overload
def expand_dims(x: Tensor, axis: int | Sequence[int]) -> SymbolicTensor: ...
@overload
def expm1(x: Values) -> Array:
    """`exp(x) - 1`, exact near 0."""

@overload
def expm1(x: Tensor) -> SymbolicTensor: ...
@overload
def exponential(x: Values) -> Array:
    """`exp(x)`."""

@overload
def exponential(x: Tensor) -> SymbolicTensor: ...
@overload
def extract(condition: Values, arr: Values, *, size: int | None = None, fill_value: Values = 0) -> Array:
    """The entries at which a condition holds."""

@overload
def extract(condition: Tensor, arr: Tensor, *, size: int | None = None, fill_value: Tensor = 0) -> SymbolicTensor: ...
@overload
def extract_sequences(
    x: Num[Values, "*batch time"], sequence_length: int, sequence_stride: int
) -> Num[Array, "*batch frames sequence_length"]:
    """Frames of the last axis, `(..., frames, sequence_length)`."""

@overload
def extract_sequences(x: Tensor, sequence_length: int, sequence_stride: int) -> SymbolicTensor: ...
@overload
def eye(
    N: int, M: int | None = None, k: int | Values = 0, dtype: DTypeLike | None = None, *, device: Any = None
) -> Array:
    """A matrix with ones on a diagonal."""

@overload
def eye(
    N: int, M: int | None = None, k: int | Tensor = 0, dtype: DTypeLike | None = None, *, device: Any = None
) -> SymbolicTensor: ...
@overload
def fabs(x: Values) -> Array:
    """The absolute value, of floats."""

@overload
def fabs(x: Tensor) -> SymbolicTensor: ...
@overload
def fft(x: Values | Sequence[Values]) -> Array | tuple[Array, Array]:
    """The Fourier transform of the last axis; of a pair `(real, imaginary)`, such a pair."""

@overload
def fft(x: Tensor | Sequence[Tensor]) -> SymbolicTensor | tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def fft2(x: Values | Sequence[Values]) -> Array | tuple[Array, Array]:
    """The Fourier transform of the last two axes, as `fft`."""

@overload
def fft2(x: Tensor | Sequence[Tensor]) -> SymbolicTensor | tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def fill_diagonal(a: Values, val: Values, wrap: bool = False, *, inplace: bool = True) -> Array:
    """An array with a value on its diagonal."""

@overload
def fill_diagonal(a: Tensor, val: Tensor, wrap: bool = False, *, inplace: bool = True) -> SymbolicTensor: ...
@overload
def flatnonzero(a: Values, *, size: int | None = None, fill_value: Values | tuple[Values, ...] | None = None) -> Array:
    """The places in the flat array of the entries that are not 0."""

@overload
def flatnonzero(
    a: Tensor, *, size: int | None = None, fill_value: Tensor | tuple[Tensor, ...] | None = None
) -> SymbolicTensor: ...
@overload
def flip(x: Values, axis: int | Sequence[int] | None = None) -> Array:
    """`x` in reverse order along some axes."""

@overload
def flip(x: Tensor, axis: int | Sequence[int] | None = None) -> SymbolicTensor: ...
@overload
def fliplr(x: Values) -> Array:
    """`x` in reverse order along the second axis."""

@overload
def fliplr(x: Tensor) -> SymbolicTensor: ...
@overload
def flipud(x: Values) -> Array:
    """`x` in reverse order along the first axis."""

@overload
def flipud(x: Tensor) -> SymbolicTensor: ...
@overload
def float_power(x: Values, y: Values) -> Array:
    """`x1` to the power `x2`."""

@overload
def float_power(x: Tensor, y: Tensor) -> SymbolicTensor: ...
@overload
def floor(x: Values) -> Array:
    """`x` rounded down."""

@overload
def floor(x: Tensor) -> SymbolicTensor: ...
@overload
def floor_divide(x1: Values, x2: Values) -> Array:
    """`x1 / x2` rounded down."""

@overload
def floor_divide(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def fmax(x1: Values, x2: Values) -> Array:
    """The larger of two numbers; the other one where one is NaN."""

@overload
def fmax(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def fmin(x1: Values, x2: Values) -> Array:
    """The smaller of two numbers; the other one where one is NaN."""

@overload
def fmin(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def fmod(x1: Values, x2: Values) -> Array:
    """The remainder of `x1 / x2`, with the sign of `x1`."""

@overload
def fmod(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def fold(
    x: Num[Values, "batch column windows"],
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Num[Array, "batch channels height width"]:
    """Columns of windows added up to images: the transpose of `unfold`."""

@overload
def fold(
    x: Tensor, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> SymbolicTensor: ...
@overload
def fori_loop(lower: Values, upper: Values, body_fun: Callable[[Array, Carry], Carry], init_val: Carry) -> Carry:
    """`body_fun(i, value)` for each `i`."""

@overload
def fori_loop(
    lower: Tensor, upper: Tensor, body_fun: Callable[[Array | SymbolicTensor, Carry], Carry], init_val: Carry
) -> SymbolicTensor: ...
@overload
def frexp(x: Values) -> tuple[Array, Array]:
    """Mantissas and powers of 2."""

@overload
def frexp(x: Tensor) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def from_dlpack(x: Values, *, device: Any = None, copy: bool | None = None) -> Array:
    """An array from one of another library, without a copy."""

@overload
def from_dlpack(x: Tensor, *, device: Any = None, copy: bool | None = None) -> SymbolicTensor: ...
def frombuffer(buffer: bytes | Any, dtype: DTypeLike = ..., count: int = -1, offset: int = 0) -> Array:
    """An array from bytes."""

def fromfile(*args: Any, **kwargs: Any) -> Any:
    """Not available: JAX reads no files."""

def fromfunction(
    function: Callable[..., Array], shape: int | Sequence[int], *, dtype: DTypeLike = ..., **kwargs: Any
) -> Array:
    """An array of a function's values at its own places."""

def fromiter(*args: Any, **kwargs: Any) -> Any:
    """Not available: JAX arrays are not made of iterators."""

def frompyfunc(func: Callable[..., Any], nin: int, nout: int, *, identity: Any = None) -> Callable[..., Array]:
    """A function of arrays from one of numbers, as `numpy.frompyfunc`."""

def fromstring(string: str, dtype: DTypeLike = ..., count: int = -1, *, sep: str) -> Array:
    """An array from the numbers in a text."""

@overload
def full(shape: Sizes, fill_value: Values, dtype: DTypeLike | None = None) -> Array:
    """An array of one number, float32 unless said otherwise."""

@overload
def full(shape: Sizes, fill_value: Tensor, dtype: DTypeLike | None = None) -> SymbolicTensor: ...
@overload
def full_like(
    x: Values,
    fill_value: Values,
    dtype: DTypeLike | None = None,
    shape: int | Sequence[int] | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """An array of one number, like another array."""

@overload
def full_like(
    x: Tensor,
    fill_value: Tensor,
    dtype: DTypeLike | None = None,
    shape: int | Sequence[int] | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> SymbolicTensor: ...
@overload
def gcd(x1: Values, x2: Values) -> Array:
    """The greatest common divisor."""

@overload
def gcd(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def gelu(x: Values, approximate: bool = True) -> Array:
    """`x * Phi(x)`; approximate by default, as `keras.ops.gelu` is and `keras.activations.gelu` is not."""

@overload
def gelu(x: Tensor, approximate: bool = True) -> SymbolicTensor: ...
@overload
def geomspace(
    start: Values, stop: Values, num: int = 50, endpoint: bool = True, dtype: DTypeLike | None = None, axis: int = 0
) -> Array:
    """Numbers from `start` to `stop` with equal quotients."""

@overload
def geomspace(
    start: Tensor, stop: Tensor, num: int = 50, endpoint: bool = True, dtype: DTypeLike | None = None, axis: int = 0
) -> SymbolicTensor: ...
@overload
def get_item(x: Values, key: object) -> Array:
    """`x[key]`."""

@overload
def get_item(x: Tensor, key: object) -> SymbolicTensor: ...
def get_scaled_dot_general_config(mode: Literal["nvfp4", "mxfp8", "mxfp4"], global_scale: Array | None = None) -> Any:
    """The settings of a product of matrices in low precision."""

@overload
def glu(x: Values, axis: int = -1) -> Array:
    """`a * sigmoid(b)`, where `a` and `b` are the two halves of `x` along `axis`."""

@overload
def glu(x: Tensor, axis: int = -1) -> SymbolicTensor: ...
@overload
def gradient(
    f: Values, *varargs: Values, axis: int | Sequence[int] | None = None, edge_order: int | None = None
) -> Array | list[Array]:
    """The slope along some axes, from differences."""

@overload
def gradient(
    f: Tensor, *varargs: Tensor, axis: int | Sequence[int] | None = None, edge_order: int | None = None
) -> SymbolicTensor | list[SymbolicTensor]: ...
@overload
def greater(x1: Values, x2: Values) -> Array:
    """Where `x1 > x2`."""

@overload
def greater(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def greater_equal(x1: Values, x2: Values) -> Array:
    """Where `x1 >= x2`."""

@overload
def greater_equal(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
def hamming(x: int) -> Array:
    """The Hamming window of so many samples."""

def hanning(x: int) -> Array:
    """The Hann window of so many samples."""

@overload
def hard_shrink(x: Values, threshold: float = 0.5) -> Array:
    """`x` where `|x| > threshold`, else 0."""

@overload
def hard_shrink(x: Tensor, threshold: float = 0.5) -> SymbolicTensor: ...
@overload
def hard_sigmoid(x: Values) -> Array:
    """`clip(x / 6 + 1/2, 0, 1)` (Keras 2 used `x / 5`)."""

@overload
def hard_sigmoid(x: Tensor) -> SymbolicTensor: ...
@overload
def hard_silu(x: Values) -> Array:
    """`x * hard_sigmoid(x)`, also called hard swish."""

@overload
def hard_silu(x: Tensor) -> SymbolicTensor: ...
@overload
def hard_swish(x: Values) -> Array:
    """`x * hard_sigmoid(x)`, also called hard swish."""

@overload
def hard_swish(x: Tensor) -> SymbolicTensor: ...
@overload
def hard_tanh(x: Values) -> Array:
    """`clip(x, -1, 1)`."""

@overload
def hard_tanh(x: Tensor) -> SymbolicTensor: ...
@overload
def heaviside(x1: Values, x2: Values) -> Array:
    """0 where `x1` is negative, 1 where positive, `x2` at 0."""

@overload
def heaviside(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def histogram(
    x: Values,
    bins: Values = 10,
    range: Sequence[Values] | None = None,
    weights: Values | None = None,
    density: bool | None = None,
) -> tuple[Array, Array]:
    """How many entries fall into each bin, and the bins' edges."""

@overload
def histogram(
    x: Tensor,
    bins: Tensor = 10,
    range: Sequence[Tensor] | None = None,
    weights: Tensor | None = None,
    density: bool | None = None,
) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def histogram2d(
    x: Values,
    y: Values,
    bins: Values | list[Values] = 10,
    range: Sequence[Array | Sequence[Values] | None] | None = None,
    weights: Values | None = None,
    density: bool | None = None,
) -> tuple[Array, Array, Array]:
    """How many points fall into each bin of two axes, and the bins' edges."""

@overload
def histogram2d(
    x: Tensor,
    y: Tensor,
    bins: Tensor | list[Tensor] = 10,
    range: Sequence[Array | SymbolicTensor | Sequence[Tensor] | None] | None = None,
    weights: Tensor | None = None,
    density: bool | None = None,
) -> tuple[SymbolicTensor, SymbolicTensor, SymbolicTensor]: ...
@overload
def histogram_bin_edges(
    a: Values, bins: Values = 10, range: Array | Sequence[Values] | None = None, weights: Values | None = None
) -> Array:
    """The edges of a histogram's bins."""

@overload
def histogram_bin_edges(
    a: Tensor,
    bins: Tensor = 10,
    range: Array | SymbolicTensor | Sequence[Tensor] | None = None,
    weights: Tensor | None = None,
) -> SymbolicTensor: ...
@overload
def histogramdd(
    sample: Values,
    bins: Values | list[Values] = 10,
    range: Sequence[Array | Sequence[Values] | None] | None = None,
    weights: Values | None = None,
    density: bool | None = None,
) -> tuple[Array, list[Array]]:
    """How many points fall into each bin of several axes, and the bins' edges."""

@overload
def histogramdd(
    sample: Tensor,
    bins: Tensor | list[Tensor] = 10,
    range: Sequence[Array | SymbolicTensor | Sequence[Tensor] | None] | None = None,
    weights: Tensor | None = None,
    density: bool | None = None,
) -> tuple[SymbolicTensor, list[SymbolicTensor]]: ...
@overload
def hsplit(x: Values, indices_or_sections: int | Sequence[int] | Values) -> list[Array]:
    """Parts of an array along the second axis."""

@overload
def hsplit(x: Tensor, indices_or_sections: int | Sequence[int] | Tensor) -> list[SymbolicTensor]: ...
@overload
def hstack(xs: Sequence[Values], dtype: DTypeLike | None = None) -> Array:
    """Arrays one after another along the second axis."""

@overload
def hstack(xs: Sequence[Tensor], dtype: DTypeLike | None = None) -> SymbolicTensor: ...
@overload
def hypot(x1: Values, x2: Values) -> Array:
    """`sqrt(x1**2 + x2**2)`, without overflow."""

@overload
def hypot(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def i0(x: Values) -> Array:
    """The modified Bessel function of order 0."""

@overload
def i0(x: Tensor) -> SymbolicTensor: ...
def identity(n: int, dtype: DTypeLike | None = None) -> Array:
    """The identity matrix."""

@overload
def ifft2(x: Values | Sequence[Values]) -> Array | tuple[Array, Array]:
    """The inverse of `fft2`."""

@overload
def ifft2(x: Tensor | Sequence[Tensor]) -> SymbolicTensor | tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def imag(x: Values) -> Array:
    """The imaginary part."""

@overload
def imag(x: Tensor) -> SymbolicTensor: ...
@overload
def in_top_k(targets: Int[Values, "*batch"], predictions: Num[Values, "*batch classes"], k: int) -> Array:
    """Whether each target is among the `k` largest predictions of its row; a NaN is the smallest of all."""

@overload
def in_top_k(targets: Tensor, predictions: Tensor, k: int) -> SymbolicTensor: ...
def indices(
    dimensions: Sequence[int], dtype: DTypeLike | None = None, sparse: bool = False
) -> Array | tuple[Array, ...]:
    """The places of an array's entries, axis by axis."""

@overload
def inner(x1: Values, x2: Values, *, precision: Any = None, preferred_element_type: DTypeLike | None = None) -> Array:
    """The products summed over the last axes of both."""

@overload
def inner(
    x1: Tensor, x2: Tensor, *, precision: Any = None, preferred_element_type: DTypeLike | None = None
) -> SymbolicTensor: ...
@overload
def insert(arr: Values, obj: Any, values: Values, axis: int | None = None) -> Array:
    """An array with further entries at some places."""

@overload
def insert(arr: Tensor, obj: Any, values: Tensor, axis: int | None = None) -> SymbolicTensor: ...
@overload
def interp(
    x: Values,
    xp: Values,
    fp: Values,
    left: Values | str | None = None,
    right: Values | str | None = None,
    period: Values | None = None,
) -> Array:
    """A function of points, linear between them."""

@overload
def interp(
    x: Tensor,
    xp: Tensor,
    fp: Tensor,
    left: Tensor | str | None = None,
    right: Tensor | str | None = None,
    period: Tensor | None = None,
) -> SymbolicTensor: ...
@overload
def intersect1d(
    ar1: Values,
    ar2: Values,
    assume_unique: bool = False,
    return_indices: bool = False,
    *,
    size: int | None = None,
    fill_value: Values | None = None,
) -> Array | tuple[Array, Array, Array]:
    """The entries that two arrays share, sorted."""

@overload
def intersect1d(
    ar1: Tensor,
    ar2: Tensor,
    assume_unique: bool = False,
    return_indices: bool = False,
    *,
    size: int | None = None,
    fill_value: Tensor | None = None,
) -> SymbolicTensor | tuple[SymbolicTensor, SymbolicTensor, SymbolicTensor]: ...
@overload
def inv(x: Values) -> Array:
    """The inverse of a matrix."""

@overload
def inv(x: Tensor) -> SymbolicTensor: ...
@overload
def invert(x: Values) -> Array:
    """The bits that are not set."""

@overload
def invert(x: Tensor) -> SymbolicTensor: ...
@overload
def irfft(x: Values | Sequence[Values], fft_length: int | None = None) -> Float[Array, "*batch time"]:
    """The inverse of `rfft`."""

@overload
def irfft(x: Tensor | Sequence[Tensor], fft_length: int | None = None) -> SymbolicTensor: ...
def is_tensor(x: object) -> bool:
    """Whether `x` is an array of JAX."""

@overload
def isclose(x1: Values, x2: Values, rtol: Values = 1e-05, atol: Values = 1e-08, equal_nan: bool = False) -> Array:
    """Where the entries of two arrays are nearly the same."""

@overload
def isclose(
    x1: Tensor, x2: Tensor, rtol: Tensor = 1e-05, atol: Tensor = 1e-08, equal_nan: bool = False
) -> SymbolicTensor: ...
@overload
def iscomplex(x: Values) -> Array:
    """Where the imaginary part is not 0."""

@overload
def iscomplex(x: Tensor) -> SymbolicTensor: ...
@overload
def iscomplexobj(x: Values) -> bool:
    """Whether the dtype is complex."""

@overload
def iscomplexobj(x: Tensor) -> SymbolicTensor: ...
def isdtype(dtype: DTypeLike, kind: str | DTypeLike | tuple[str | DTypeLike, ...]) -> bool:
    """Whether a dtype is of a kind."""

@overload
def isfinite(x: Values) -> Array:
    """Where numbers are finite."""

@overload
def isfinite(x: Tensor) -> SymbolicTensor: ...
@overload
def isin(x1: Values, x2: Values, assume_unique: bool = False, invert: bool = False, *, method: Any = "auto") -> Array:
    """Where entries of `x1` occur in `x2`."""

@overload
def isin(
    x1: Tensor, x2: Tensor, assume_unique: bool = False, invert: bool = False, *, method: Any = "auto"
) -> SymbolicTensor: ...
@overload
def isinf(x: Values) -> Array:
    """Where numbers are infinite."""

@overload
def isinf(x: Tensor) -> SymbolicTensor: ...
@overload
def isnan(x: Values) -> Array:
    """Where numbers are NaN."""

@overload
def isnan(x: Tensor) -> SymbolicTensor: ...
@overload
def isneginf(x: Values, out: Any = None) -> Array:
    """Where numbers are minus infinity."""

@overload
def isneginf(x: Tensor, out: Any = None) -> SymbolicTensor: ...
@overload
def isposinf(x: Values, out: Any = None) -> Array:
    """Where numbers are plus infinity."""

@overload
def isposinf(x: Tensor, out: Any = None) -> SymbolicTensor: ...
@overload
def isreal(x: Values) -> Array:
    """Where the imaginary part is 0."""

@overload
def isreal(x: Tensor) -> SymbolicTensor: ...
@overload
def isrealobj(x: Values) -> bool:
    """Whether the dtype is not complex."""

@overload
def isrealobj(x: Tensor) -> SymbolicTensor: ...
def isscalar(element: Any) -> bool:
    """Whether `x` is a number."""

def issubdtype(arg1: DTypeLike, arg2: DTypeLike) -> bool:
    """Whether a dtype is below another."""

@overload
def istft(
    x: Values | Sequence[Values],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: str | Values | None = "hann",
    center: bool = True,
) -> Float[Array, "*batch time"]:
    """The inverse of `stft`."""

@overload
def istft(
    x: Tensor | Sequence[Tensor],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: str | Tensor | None = "hann",
    center: bool = True,
) -> SymbolicTensor: ...
@overload
def iterable(y: Values) -> bool:
    """Whether `x` can be iterated over."""

@overload
def iterable(y: Tensor) -> SymbolicTensor: ...
@overload
def ix_(*args: Values) -> tuple[Array, ...]:
    """Vectors as places of an open grid."""

@overload
def ix_(*args: Tensor) -> tuple[SymbolicTensor, ...]: ...
def jvp(
    fun: Callable[..., PyTree], primals: Sequence[PyTree], tangents: Sequence[PyTree], has_aux: bool = False
) -> tuple[PyTree, ...]:
    """The value of a function and its directional derivative."""

@overload
def kaiser(x: int, beta: Values) -> Array:
    """The Kaiser window of so many samples."""

@overload
def kaiser(x: int, beta: Tensor) -> SymbolicTensor: ...
@overload
def kron(x1: Values, x2: Values) -> Array:
    """The Kronecker product."""

@overload
def kron(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def layer_normalization(
    x: Values,
    gamma: Values | None = None,
    beta: Values | None = None,
    axis: Sizes = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Array:
    """`gamma (x - mean) / sqrt(var + epsilon) + beta`, with the moments of the given axes."""

@overload
def layer_normalization(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    axis: Sizes = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> SymbolicTensor: ...
@overload
def lcm(x1: Values, x2: Values) -> Array:
    """The least common multiple."""

@overload
def lcm(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def ldexp(x1: Values, x2: Values) -> Array:
    """`x1 * 2**x2`."""

@overload
def ldexp(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def leaky_relu(x: Values, negative_slope: float = 0.2) -> Array:
    """`x` where positive, else `negative_slope * x`."""

@overload
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> SymbolicTensor: ...
@overload
def left_shift(x: Values, y: Values) -> Array:
    """The bits of `x` moved up by `y` places."""

@overload
def left_shift(x: Tensor, y: Tensor) -> SymbolicTensor: ...
@overload
def less(x1: Values, x2: Values) -> Array:
    """Where `x1 < x2`."""

@overload
def less(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def less_equal(x1: Values, x2: Values) -> Array:
    """Where `x1 <= x2`."""

@overload
def less_equal(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def lexsort(keys: Sequence[Values], axis: int = -1) -> Array:
    """The places that sort by several keys, the last key first."""

@overload
def lexsort(keys: Sequence[Tensor], axis: int = -1) -> SymbolicTensor: ...
def linear(x: Any) -> Array:
    """`x` itself; what `activation=None` means."""

@overload
def linspace(
    start: Values,
    stop: Values,
    num: int = 50,
    endpoint: bool = True,
    retstep: Literal[False] = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Array:
    """`num` numbers from `start` to `stop` at equal distances."""

@overload
def linspace(
    start: Values,
    stop: Values,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Array | tuple[Array, Array]: ...
@overload
def linspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> SymbolicTensor | tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def log(x: Values) -> Array:
    """The natural logarithm."""

@overload
def log(x: Tensor) -> SymbolicTensor: ...
@overload
def log10(x: Values) -> Array:
    """The logarithm to base 10."""

@overload
def log10(x: Tensor) -> SymbolicTensor: ...
@overload
def log1mexp(x: Values) -> Array:
    """`log(1 - exp(-x))`, exact near 0."""

@overload
def log1mexp(x: Tensor) -> SymbolicTensor: ...
@overload
def log1p(x: Values) -> Array:
    """`log(1 + x)`, exact near 0."""

@overload
def log1p(x: Tensor) -> SymbolicTensor: ...
@overload
def log2(x: Values) -> Array:
    """The logarithm to base 2."""

@overload
def log2(x: Tensor) -> SymbolicTensor: ...
@overload
def log_sigmoid(x: Values) -> Array:
    """`log(sigmoid(x)) = -softplus(-x)`, without overflow."""

@overload
def log_sigmoid(x: Tensor) -> SymbolicTensor: ...
@overload
def log_softmax(x: Values, axis: int | tuple[int, ...] = -1) -> Array:
    """`x - log(sum(exp(x)))` along `axis`."""

@overload
def log_softmax(x: Tensor, axis: int | tuple[int, ...] = -1) -> SymbolicTensor: ...
@overload
def logaddexp(x1: Values, x2: Values, *, out: None = None, where: None = None) -> Array:
    """`log(exp(x1) + exp(x2))`, without overflow."""

@overload
def logaddexp(x1: Tensor, x2: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def logaddexp2(x1: Values, x2: Values, *, out: None = None, where: None = None) -> Array:
    """`log2(2**x1 + 2**x2)`, without overflow."""

@overload
def logaddexp2(x1: Tensor, x2: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def logdet(x: Num[Values, "*batch n n"]) -> Float[Array, "*batch"]:
    """The logarithm of a determinant's size."""

@overload
def logdet(x: Tensor) -> SymbolicTensor: ...
@overload
def logical_and(x1: Values, x2: Values, *, out: None = None, where: None = None) -> Array:
    """Where both are true."""

@overload
def logical_and(x1: Tensor, x2: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def logical_not(x: Values) -> Array:
    """Where `x` is false."""

@overload
def logical_not(x: Tensor) -> SymbolicTensor: ...
@overload
def logical_or(x1: Values, x2: Values, *, out: None = None, where: None = None) -> Array:
    """Where either is true."""

@overload
def logical_or(x1: Tensor, x2: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def logical_xor(x1: Values, x2: Values, *, out: None = None, where: None = None) -> Array:
    """Where just one of the two is true."""

@overload
def logical_xor(x1: Tensor, x2: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def logmeanexp(x: Values, axis: Axis = None, where: Values | None = None, keepdims: bool = False) -> Array:
    """`log(mean(exp(x)))`, without overflow."""

@overload
def logmeanexp(x: Tensor, axis: Axis = None, where: Tensor | None = None, keepdims: bool = False) -> SymbolicTensor: ...
@overload
def logspace(
    start: Values,
    stop: Values,
    num: int = 50,
    endpoint: bool = True,
    base: Values = 10.0,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Array:
    """`base` to the powers from `start` to `stop` at equal distances."""

@overload
def logspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    base: Tensor = 10.0,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> SymbolicTensor: ...
@overload
def logsumexp(x: Values, axis: Axis = None, keepdims: bool = False) -> Array:
    """`log(sum(exp(x)))`, without overflow."""

@overload
def logsumexp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> SymbolicTensor: ...
@overload
def lstsq(a: Num[Values, "m n"], b: Num[Values, "m ..."], rcond: float | None = None) -> Num[Array, "n ..."]:
    """The least-squares solution of `a x = b`."""

@overload
def lstsq(a: Tensor, b: Tensor, rcond: float | None = None) -> SymbolicTensor: ...
@overload
def lu_factor(x: Num[Values, "*batch m n"]) -> tuple[Num[Array, "*batch m n"], Int[Array, "*batch k"]]:
    """The LU factors of a matrix, packed, and its pivots."""

@overload
def lu_factor(x: Tensor) -> tuple[SymbolicTensor, SymbolicTensor]: ...
def map(f: Callable[[PyTree], PyTree], xs: PyTree) -> PyTree:
    """`f(x)` for each entry of the first axis, one after another."""

@overload
def mask_indices(
    n: int, mask_func: Callable[[Values, int], Array], k: int = 0, *, size: int | None = None
) -> tuple[Array, Array]:
    """The places of a mask over an array of `n` entries a side."""

@overload
def mask_indices(
    n: int, mask_func: Callable[[Tensor, int], Array | SymbolicTensor], k: int = 0, *, size: int | None = None
) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def matmul(x1: Num[Values, "*batch m n"], x2: Num[Values, "*batch n p"], **more: object) -> Array:
    """The matrix product of the last two axes."""

@overload
def matmul(x1: Tensor, x2: Tensor, **more: object) -> SymbolicTensor: ...
@overload
def matrix_rank(x: Num[Values, "*batch m n"], tol: Values | None = None) -> Int[Array, "*batch"]:
    """How many singular values are above a tolerance."""

@overload
def matrix_rank(x: Tensor, tol: Tensor | None = None) -> SymbolicTensor: ...
@overload
def matrix_transpose(x: Values) -> Array:
    """The last two axes exchanged."""

@overload
def matrix_transpose(x: Tensor) -> SymbolicTensor: ...
@overload
def matvec(x1: Values, x2: Values) -> Array:
    """Matrices times vectors."""

@overload
def matvec(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def max(x: Values, axis: Axis = None, keepdims: bool = False, initial: Values | None = None, **more: object) -> Array:
    """The largest entry along some axes."""

@overload
def max(
    x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Tensor | None = None, **more: object
) -> SymbolicTensor: ...
@overload
def max_pool(
    inputs: Num[Values, "batch *space channels"],
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: DataFormat = None,
) -> Num[Array, "batch *space channels"]:
    """The largest number of each window."""

@overload
def max_pool(
    inputs: Tensor,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: DataFormat = None,
) -> SymbolicTensor: ...
@overload
def maximum(x1: Values, x2: Values, *, out: None = None, where: None = None) -> Array:
    """The larger of two numbers."""

@overload
def maximum(x1: Tensor, x2: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def mean(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The mean along some axes."""

@overload
def mean(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def median(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The median along some axes."""

@overload
def median(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def meshgrid(*xi: Values, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Array, ...]:
    """Grids of the given coordinates."""

@overload
def meshgrid(
    *xi: Tensor, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[SymbolicTensor, ...]: ...
@overload
def min(x: Values, axis: Axis = None, keepdims: bool = False, initial: Values | None = None, **more: object) -> Array:
    """The smallest entry along some axes."""

@overload
def min(
    x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Tensor | None = None, **more: object
) -> SymbolicTensor: ...
@overload
def minimum(x1: Values, x2: Values, *, out: None = None, where: None = None) -> Array:
    """The smaller of two numbers."""

@overload
def minimum(x1: Tensor, x2: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def mish(x: Values) -> Array:
    """`x * tanh(softplus(x))`."""

@overload
def mish(x: Tensor) -> SymbolicTensor: ...
@overload
def mod(x1: Values, x2: Values) -> Array:
    """The remainder of `x1 / x2`, with the sign of `x2`."""

@overload
def mod(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def modf(x: Values, out: Any = None) -> tuple[Array, Array]:
    """Fractional and whole parts."""

@overload
def modf(x: Tensor, out: Any = None) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def moments(x: Values, axes: Axis, keepdims: bool = False, synchronized: bool = False) -> tuple[Array, Array]:
    """Mean and variance over some axes."""

@overload
def moments(
    x: Tensor, axes: Axis, keepdims: bool = False, synchronized: bool = False
) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def moveaxis(x: Values, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    """Axes moved to other places."""

@overload
def moveaxis(x: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> SymbolicTensor: ...
@overload
def multi_hot(
    inputs: Values,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: DTypeLike | None = None,
    sparse: bool = False,
    **kwargs: int,
) -> Array:
    """A 1 for each class that occurs in a row; `num_tokens` is another name for `num_classes`."""

@overload
def multi_hot(
    inputs: Tensor,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: DTypeLike | None = None,
    sparse: bool = False,
    **kwargs: int,
) -> SymbolicTensor: ...
@overload
def multiply(x1: Values, x2: Values, *, out: None = None, where: None = None) -> Array:
    """`x1 * x2`."""

@overload
def multiply(x1: Tensor, x2: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def nan_to_num(x: Values, nan: float = 0.0, posinf: Values | None = None, neginf: Values | None = None) -> Array:
    """`x` with finite numbers for NaN and infinities."""

@overload
def nan_to_num(
    x: Tensor, nan: float = 0.0, posinf: Tensor | None = None, neginf: Tensor | None = None
) -> SymbolicTensor: ...
@overload
def nanargmax(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The place of the largest entry along an axis, NaN left out."""

@overload
def nanargmax(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def nanargmin(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The place of the smallest entry along an axis, NaN left out."""

@overload
def nanargmin(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def nancumprod(x: Values, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None) -> Array:
    """The running product along an axis, NaN counted as 1."""

@overload
def nancumprod(
    x: Tensor, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None
) -> SymbolicTensor: ...
@overload
def nancumsum(x: Values, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None) -> Array:
    """The running sum along an axis, NaN counted as 0."""

@overload
def nancumsum(
    x: Tensor, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None
) -> SymbolicTensor: ...
@overload
def nanmax(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The largest entry along some axes, NaN left out."""

@overload
def nanmax(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def nanmean(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The mean along some axes, NaN left out."""

@overload
def nanmean(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def nanmedian(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The median along some axes, NaN left out."""

@overload
def nanmedian(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def nanmin(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The smallest entry along some axes, NaN left out."""

@overload
def nanmin(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def nanpercentile(x: Values, q: Values, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Array:
    """Percentiles along some axes, NaN left out."""

@overload
def nanpercentile(
    x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> SymbolicTensor: ...
@overload
def nanprod(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The product along some axes, NaN counted as 1."""

@overload
def nanprod(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def nanquantile(x: Values, q: Values, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Array:
    """Quantiles along some axes, NaN left out."""

@overload
def nanquantile(
    x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> SymbolicTensor: ...
@overload
def nanstd(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The standard deviation along some axes, NaN left out."""

@overload
def nanstd(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def nansum(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The sum along some axes, NaN counted as 0."""

@overload
def nansum(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def nanvar(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The variance along some axes, NaN left out."""

@overload
def nanvar(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
def ndim(x: Any) -> int:
    """How many axes there are."""

@overload
def negative(x: Values, *, out: None = None, where: None = None) -> Array:
    """`-x`."""

@overload
def negative(x: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def nextafter(x1: Values, x2: Values) -> Array:
    """The next number after `x1` towards `x2`."""

@overload
def nextafter(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def nonzero(
    x: Values, *, size: int | None = None, fill_value: Values | tuple[Values, ...] | None = None
) -> tuple[Array, ...]:
    """The places of the entries that are not 0, axis by axis."""

@overload
def nonzero(
    x: Tensor, *, size: int | None = None, fill_value: Tensor | tuple[Tensor, ...] | None = None
) -> tuple[SymbolicTensor, ...]: ...
@overload
def norm(
    x: Values, ord: int | str | float | None = None, axis: tuple[int, ...] | int | None = None, keepdims: bool = False
) -> Array:
    """The norm of a vector or matrix."""

@overload
def norm(
    x: Tensor, ord: int | str | float | None = None, axis: tuple[int, ...] | int | None = None, keepdims: bool = False
) -> SymbolicTensor: ...
@overload
def normalize(x: Values, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Array:
    """`x` scaled to norm 1 along an axis; what is nearly 0 stays so."""

@overload
def normalize(x: Tensor, axis: int = -1, order: int = 2, epsilon: float | None = None) -> SymbolicTensor: ...
@overload
def not_equal(x1: Values, x2: Values) -> Array:
    """Where `x1 != x2`."""

@overload
def not_equal(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def one_hot(x: Values, num_classes: int, axis: int = -1, dtype: DTypeLike | None = None, sparse: bool = False) -> Array:
    """A 1 at the place that each integer names."""

@overload
def one_hot(
    x: Tensor, num_classes: int, axis: int = -1, dtype: DTypeLike | None = None, sparse: bool = False
) -> SymbolicTensor: ...
def ones(
    shape: int | Sequence[int], dtype: DTypeLike | None = None, *, device: Any = None, out_sharding: Any = None
) -> Array:
    """An array of ones."""

@overload
def ones_like(
    x: Values,
    dtype: DTypeLike | None = None,
    shape: int | Sequence[int] | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """An array of ones, like another array."""

@overload
def ones_like(
    x: Tensor,
    dtype: DTypeLike | None = None,
    shape: int | Sequence[int] | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> SymbolicTensor: ...
@overload
def outer(x1: Values, x2: Values, out: None = None) -> Array:
    """The product of each entry of one vector with each of another."""

@overload
def outer(x1: Tensor, x2: Tensor, out: None = None) -> SymbolicTensor: ...
@overload
def packbits(a: Values, axis: int | None = None, bitorder: str = "big") -> Array:
    """Bits as bytes."""

@overload
def packbits(a: Tensor, axis: int | None = None, bitorder: str = "big") -> SymbolicTensor: ...
@overload
def pad(
    x: Values,
    pad_width: int | Sequence[int] | Sequence[Sequence[int]],
    mode: str = "constant",
    constant_values: Values | None = None,
) -> Array:
    """`x` with a border."""

@overload
def pad(
    x: Tensor,
    pad_width: int | Sequence[int] | Sequence[Sequence[int]],
    mode: str = "constant",
    constant_values: Tensor | None = None,
) -> SymbolicTensor: ...
@overload
def partition(a: Values, kth: int, axis: int = -1) -> Array:
    """The `kth` smallest entry where a sort would put it, smaller ones before it."""

@overload
def partition(a: Tensor, kth: int, axis: int = -1) -> SymbolicTensor: ...
@overload
def percentile(x: Values, q: Values, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Array:
    """Percentiles along some axes."""

@overload
def percentile(
    x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> SymbolicTensor: ...
@overload
def permute_dims(a: Values, axes: tuple[int, ...]) -> Array:
    """The axes in another order."""

@overload
def permute_dims(a: Tensor, axes: tuple[int, ...]) -> SymbolicTensor: ...
@overload
def piecewise(
    x: Values, condlist: Array | Sequence[Values], funclist: list[Values | Callable[..., Array]], *args: Any, **kw: Any
) -> Array:
    """One of several functions for each entry, by conditions."""

@overload
def piecewise(
    x: Tensor,
    condlist: Array | SymbolicTensor | Sequence[Tensor],
    funclist: list[Tensor | Callable[..., Array | SymbolicTensor]],
    *args: Any,
    **kw: Any,
) -> SymbolicTensor: ...
@overload
def pinv(x: Num[Values, "*batch m n"], rcond: Values | None = None) -> Num[Array, "*batch n m"]:
    """The pseudo-inverse of a matrix."""

@overload
def pinv(x: Tensor, rcond: Tensor | None = None) -> SymbolicTensor: ...
@overload
def place(arr: Values, mask: Values, vals: Values, *, inplace: bool = True) -> Array:
    """An array with values written over where a mask holds."""

@overload
def place(arr: Tensor, mask: Tensor, vals: Tensor, *, inplace: bool = True) -> SymbolicTensor: ...
@overload
def polar(abs_: Values, angle: Values) -> Array:
    """`abs_ exp(i angle)`."""

@overload
def polar(abs_: Tensor, angle: Tensor) -> SymbolicTensor: ...
@overload
def poly(seq_of_zeros: Values) -> Array:
    """The coefficients of the polynomial with some roots."""

@overload
def poly(seq_of_zeros: Tensor) -> SymbolicTensor: ...
@overload
def polyadd(a1: Values, a2: Values) -> Array:
    """The sum of polynomials."""

@overload
def polyadd(a1: Tensor, a2: Tensor) -> SymbolicTensor: ...
@overload
def polyder(p: Values, m: int = 1) -> Array:
    """The derivative of a polynomial."""

@overload
def polyder(p: Tensor, m: int = 1) -> SymbolicTensor: ...
@overload
def polydiv(u: Values, v: Values, *, trim_leading_zeros: bool = False) -> tuple[Array, Array]:
    """Quotient and remainder of polynomials."""

@overload
def polydiv(u: Tensor, v: Tensor, *, trim_leading_zeros: bool = False) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def polyfit(
    x: Values,
    y: Values,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: Values | None = None,
    cov: bool = False,
) -> Array | tuple[Array, ...]:
    """The polynomial nearest to some points."""

@overload
def polyfit(
    x: Tensor,
    y: Tensor,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: Tensor | None = None,
    cov: bool = False,
) -> SymbolicTensor | tuple[SymbolicTensor, ...]: ...
@overload
def polyint(p: Values, m: int = 1, k: int | Values | None = None) -> Array:
    """The integral of a polynomial."""

@overload
def polyint(p: Tensor, m: int = 1, k: int | Tensor | None = None) -> SymbolicTensor: ...
@overload
def polymul(a1: Values, a2: Values, *, trim_leading_zeros: bool = False) -> Array:
    """The product of polynomials."""

@overload
def polymul(a1: Tensor, a2: Tensor, *, trim_leading_zeros: bool = False) -> SymbolicTensor: ...
@overload
def polysub(a1: Values, a2: Values) -> Array:
    """The difference of polynomials."""

@overload
def polysub(a1: Tensor, a2: Tensor) -> SymbolicTensor: ...
@overload
def polyval(p: Values, x: Values) -> Array:
    """The value of a polynomial."""

@overload
def polyval(p: Tensor, x: Tensor) -> SymbolicTensor: ...
@overload
def positive(x: Values) -> Array:
    """`+x`."""

@overload
def positive(x: Tensor) -> SymbolicTensor: ...
@overload
def pow(x1: Values, x2: Values) -> Array:
    """`x1` to the power `x2`."""

@overload
def pow(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def power(x1: Values, x2: Values) -> Array:
    """`x1` to the power `x2`."""

@overload
def power(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def prod(x: Values, axis: Axis = None, keepdims: bool = False, dtype: DTypeLike | None = None) -> Array:
    """The product along some axes."""

@overload
def prod(x: Tensor, axis: Axis = None, keepdims: bool = False, dtype: DTypeLike | None = None) -> SymbolicTensor: ...
def promote_types(a: DTypeLike, b: DTypeLike) -> np.dtype[Any]:
    """The dtype that two dtypes are promoted to."""

@overload
def psnr(x1: Values, x2: Values, max_val: Values) -> Float[Array, ""]:
    """The peak signal-to-noise ratio in decibels."""

@overload
def psnr(x1: Tensor, x2: Tensor, max_val: Tensor) -> SymbolicTensor: ...
@overload
def ptp(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The distance of the largest and the smallest entry, along some axes."""

@overload
def ptp(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def put(a: Values, ind: Values, v: Values, mode: str | None = None, *, inplace: bool = True) -> Array:
    """An array with values at some places of its flat form."""

@overload
def put(a: Tensor, ind: Tensor, v: Tensor, mode: str | None = None, *, inplace: bool = True) -> SymbolicTensor: ...
@overload
def put_along_axis(
    arr: Values, indices: Values, values: Values, axis: int | None, inplace: bool = True, *, mode: str | None = None
) -> Array:
    """An array with a value at each place along an axis."""

@overload
def put_along_axis(
    arr: Tensor, indices: Tensor, values: Tensor, axis: int | None, inplace: bool = True, *, mode: str | None = None
) -> SymbolicTensor: ...
@overload
def qr(x: Values, mode: str = "reduced") -> Array | tuple[Array, Array]:
    """The factors `Q R` of a matrix."""

@overload
def qr(x: Tensor, mode: str = "reduced") -> SymbolicTensor | tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def quantile(x: Values, q: Values, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Array:
    """Quantiles along some axes."""

@overload
def quantile(
    x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> SymbolicTensor: ...
@overload
def rad2deg(x: Values) -> Array:
    """Radians as degrees."""

@overload
def rad2deg(x: Tensor) -> SymbolicTensor: ...
@overload
def radians(x: Values) -> Array:
    """Degrees as radians."""

@overload
def radians(x: Tensor) -> SymbolicTensor: ...
@overload
def ravel(x: Values, order: str = "C", *, out_sharding: Any = None) -> Array:
    """`x` as one axis."""

@overload
def ravel(x: Tensor, order: str = "C", *, out_sharding: Any = None) -> SymbolicTensor: ...
@overload
def ravel_multi_index(
    multi_index: Sequence[Values],
    dims: Sequence[int],
    mode: str = "raise",
    order: str = "C",
    *,
    dtype: DTypeLike | None = None,
) -> Array:
    """The places in the flat array of places axis by axis."""

@overload
def ravel_multi_index(
    multi_index: Sequence[Tensor],
    dims: Sequence[int],
    mode: str = "raise",
    order: str = "C",
    *,
    dtype: DTypeLike | None = None,
) -> SymbolicTensor: ...
@overload
def real(x: Values) -> Array:
    """The real part."""

@overload
def real(x: Tensor) -> SymbolicTensor: ...
@overload
def rearrange(tensor: Values, pattern: str, **axes_lengths: int) -> Array:
    """Axes split, joined and reordered by a pattern: `"b (h w) c -> b h w c"`."""

@overload
def rearrange(tensor: Tensor, pattern: str, **axes_lengths: int) -> SymbolicTensor: ...
@overload
def reciprocal(x: Values) -> Array:
    """`1 / x`."""

@overload
def reciprocal(x: Tensor) -> SymbolicTensor: ...
@overload
def relu(x: Values, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    """Rectified linear unit, with Keras's three knobs."""

@overload
def relu(
    x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> SymbolicTensor: ...
@overload
def relu6(x: Values) -> Array:
    """`min(max(x, 0), 6)`."""

@overload
def relu6(x: Tensor) -> SymbolicTensor: ...
@overload
def remainder(x1: Values, x2: Values) -> Array:
    """The remainder of `x1 / x2`, with the sign of `x2`."""

@overload
def remainder(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def repeat(
    x: Values,
    repeats: Values,
    axis: int | None = None,
    *,
    total_repeat_length: int | None = None,
    out_sharding: Any = None,
) -> Array:
    """Each entry several times."""

@overload
def repeat(
    x: Tensor,
    repeats: Tensor,
    axis: int | None = None,
    *,
    total_repeat_length: int | None = None,
    out_sharding: Any = None,
) -> SymbolicTensor: ...
@overload
def reshape(x: Values, newshape: Sizes | None = None, shape: Sizes | None = None, **more: object) -> Array:
    """`x` in another shape."""

@overload
def reshape(x: Tensor, newshape: Sizes | None = None, shape: Sizes | None = None, **more: object) -> SymbolicTensor: ...
@overload
def resize(a: Values, new_shape: Shape) -> Array:
    """`x` in another shape, repeated to fill it."""

@overload
def resize(a: Tensor, new_shape: Shape) -> SymbolicTensor: ...
def result_type(*args: Any) -> np.dtype[Any]:
    """The dtype of a result of arrays and dtypes."""

@overload
def rfft(x: Num[Values, "*batch time"], fft_length: int | None = None) -> tuple[Array, Array]:
    """The Fourier transform of real numbers, `(real, imaginary)`."""

@overload
def rfft(x: Tensor, fft_length: int | None = None) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def right_shift(x: Values, y: Values) -> Array:
    """The bits of `x` moved down by `y` places."""

@overload
def right_shift(x: Tensor, y: Tensor) -> SymbolicTensor: ...
@overload
def rint(x: Values) -> Array:
    """`x` to the nearest whole number."""

@overload
def rint(x: Tensor) -> SymbolicTensor: ...
@overload
def rms_normalization(x: Values, scale: Values | None = None, axis: Sizes = -1, epsilon: float | None = None) -> Array:
    """`scale x / sqrt(mean(x^2) + epsilon)` over the given axes."""

@overload
def rms_normalization(
    x: Tensor, scale: Tensor | None = None, axis: Sizes = -1, epsilon: float | None = None
) -> SymbolicTensor: ...
@overload
def roll(x: Values, shift: Values | Sequence[int], axis: int | Sequence[int] | None = None) -> Array:
    """Entries moved along some axes, the last ones to the front."""

@overload
def roll(x: Tensor, shift: Tensor | Sequence[int], axis: int | Sequence[int] | None = None) -> SymbolicTensor: ...
@overload
def rollaxis(a: Values, axis: int, start: int = 0) -> Array:
    """An axis moved before another."""

@overload
def rollaxis(a: Tensor, axis: int, start: int = 0) -> SymbolicTensor: ...
@overload
def roots(p: Values, *, strip_zeros: bool = True) -> Array:
    """The roots of a polynomial."""

@overload
def roots(p: Tensor, *, strip_zeros: bool = True) -> SymbolicTensor: ...
@overload
def rot90(array: Values, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    """Arrays turned by a right angle."""

@overload
def rot90(array: Tensor, k: int = 1, axes: tuple[int, int] = (0, 1)) -> SymbolicTensor: ...
@overload
def round(x: Values, decimals: int = 0) -> Array:
    """`x` to so many decimals."""

@overload
def round(x: Tensor, decimals: int = 0) -> SymbolicTensor: ...
@overload
def rsqrt(x: Values, *, accuracy: Any = None) -> Array:
    """`1 / sqrt(x)`."""

@overload
def rsqrt(x: Tensor, *, accuracy: Any = None) -> SymbolicTensor: ...
@overload
def saturate_cast(x: Values, dtype: DTypeLike) -> Array:
    """`x` in another dtype, cut off at its bounds."""

@overload
def saturate_cast(x: Tensor, dtype: DTypeLike) -> SymbolicTensor: ...
@overload
def scaled_dot_general(
    lhs: Values,
    rhs: Values,
    dimension_numbers: Any,
    preferred_element_type: Any = ...,
    configs: Any = None,
    implementation: Literal["cudnn"] | None = None,
) -> Array:
    """A general product of arrays in low precision."""

@overload
def scaled_dot_general(
    lhs: Tensor,
    rhs: Tensor,
    dimension_numbers: Any,
    preferred_element_type: Any = ...,
    configs: Any = None,
    implementation: Literal["cudnn"] | None = None,
) -> SymbolicTensor: ...
def scaled_matmul(
    lhs: Array, rhs: Array, lhs_scales: Array, rhs_scales: Array, preferred_element_type: DTypeLike = ...
) -> Array:
    """A product of matrices in low precision, with factors for blocks."""

def scan(
    f: Callable[[Carry, PyTree], tuple[Carry, PyTree]],
    init: Carry,
    xs: PyTree = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Carry, PyTree]:
    """`f(carry, x)` over the first axis: `(last carry, outputs)`."""

@overload
def scatter(indices: Int[Values, "updates rank"], values: Num[Values, "updates ..."], shape: Sequence[int]) -> Array:
    """Zeros with `values` added at `indices`, one row of coordinates for each."""

@overload
def scatter(indices: Tensor, values: Tensor, shape: Sequence[int]) -> SymbolicTensor: ...
@overload
def scatter_update(
    inputs: Values,
    indices: Int[Values, "updates rank"],
    updates: Num[Values, "updates ..."],
    reduction: str | None = None,
) -> Array:
    """`inputs` with entries written over, or combined by `"add"`, `"max"`, `"min"` or `"mul"`."""

@overload
def scatter_update(
    inputs: Tensor, indices: Tensor, updates: Tensor, reduction: str | None = None
) -> SymbolicTensor: ...
@overload
def searchsorted(sorted_sequence: Num[Values, " sorted"], values: Values, side: str = "left") -> Array:
    """Where values would stand in a sorted sequence."""

@overload
def searchsorted(sorted_sequence: Tensor, values: Tensor, side: str = "left") -> SymbolicTensor: ...
@overload
def segment_max(
    data: Num[Values, "entries ..."],
    segment_ids: Int[Values, " entries"],
    num_segments: int | None = None,
    sorted: bool = False,
) -> Num[Array, "segments ..."]:
    """The largest of each segment's entries."""

@overload
def segment_max(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> SymbolicTensor: ...
@overload
def segment_min(
    data: Num[Values, "entries ..."],
    segment_ids: Int[Values, " entries"],
    num_segments: int | None = None,
    sorted: bool = False,
) -> Num[Array, "segments ..."]:
    """The smallest of each segment's entries."""

@overload
def segment_min(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> SymbolicTensor: ...
@overload
def segment_prod(
    data: Num[Values, "entries ..."],
    segment_ids: Int[Values, " entries"],
    num_segments: int | None = None,
    sorted: bool = False,
) -> Num[Array, "segments ..."]:
    """The product of each segment's entries."""

@overload
def segment_prod(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> SymbolicTensor: ...
@overload
def segment_sum(
    data: Num[Values, "entries ..."],
    segment_ids: Int[Values, " entries"],
    num_segments: int | None = None,
    sorted: bool = False,
) -> Num[Array, "segments ..."]:
    """The sum of each segment's entries."""

@overload
def segment_sum(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> SymbolicTensor: ...
@overload
def select(condlist: Sequence[Values], choicelist: Sequence[Values], default: Values = 0) -> Array:
    """Entries of the first choice whose condition holds."""

@overload
def select(condlist: Sequence[Tensor], choicelist: Sequence[Tensor], default: Tensor = 0) -> SymbolicTensor: ...
@overload
def selu(x: Values) -> Array:
    """`1.0507 * elu(x, 1.6733)`: keeps mean 0 and variance 1 from layer to layer (with `LecunNormal`)."""

@overload
def selu(x: Tensor) -> SymbolicTensor: ...
@overload
def separable_conv(
    inputs: Num[Values, "batch *space channels"],
    depthwise_kernel: Num[Values, "*window channels multiplier"],
    pointwise_kernel: Num[Values, "*ones outputs filters"],
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: DataFormat = None,
    dilation_rate: Sizes = 1,
) -> Num[Array, "batch *space filters"]:
    """A convolution channel by channel, then one of a single number that mixes the channels."""

@overload
def separable_conv(
    inputs: Tensor,
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: DataFormat = None,
    dilation_rate: Sizes = 1,
) -> SymbolicTensor: ...
@overload
def setdiff1d(
    ar1: Values, ar2: Values, assume_unique: bool = False, *, size: int | None = None, fill_value: Values | None = None
) -> Array:
    """The entries of one array that another does not have, sorted."""

@overload
def setdiff1d(
    ar1: Tensor, ar2: Tensor, assume_unique: bool = False, *, size: int | None = None, fill_value: Tensor | None = None
) -> SymbolicTensor: ...
@overload
def setxor1d(
    ar1: Values, ar2: Values, assume_unique: bool = False, *, size: int | None = None, fill_value: Values | None = None
) -> Array:
    """The entries that just one of two arrays has, sorted."""

@overload
def setxor1d(
    ar1: Tensor, ar2: Tensor, assume_unique: bool = False, *, size: int | None = None, fill_value: Tensor | None = None
) -> SymbolicTensor: ...
def shape(x: object) -> Shape:
    """The shape; `None` where a symbolic tensor's dimension is unknown."""

@overload
def sigmoid(x: Values) -> Array:
    """`1 / (1 + exp(-x))`."""

@overload
def sigmoid(x: Tensor) -> SymbolicTensor: ...
@overload
def sign(x: Values) -> Array:
    """-1, 0 or 1, by the sign."""

@overload
def sign(x: Tensor) -> SymbolicTensor: ...
@overload
def signbit(x: Values) -> Array:
    """Where the sign bit is set."""

@overload
def signbit(x: Tensor) -> SymbolicTensor: ...
@overload
def silu(x: Values) -> Array:
    """`x * sigmoid(x)`, also called swish."""

@overload
def silu(x: Tensor) -> SymbolicTensor: ...
@overload
def sin(x: Values) -> Array:
    """The sine."""

@overload
def sin(x: Tensor) -> SymbolicTensor: ...
@overload
def sinc(x: Values) -> Array:
    """`sin(pi x) / (pi x)`."""

@overload
def sinc(x: Tensor) -> SymbolicTensor: ...
@overload
def sinh(x: Values) -> Array:
    """The hyperbolic sine."""

@overload
def sinh(x: Tensor) -> SymbolicTensor: ...
@overload
def size(x: Values, axis: int | Sequence[int] | None = None) -> int:
    """How many entries there are."""

@overload
def size(x: Tensor, axis: int | Sequence[int] | None = None) -> SymbolicTensor: ...
@overload
def slice(inputs: Values, start_indices: Sequence[Values], shape: Sequence[int]) -> Array:
    """A block of `shape` that begins at `start_indices`; -1 for all that is left."""

@overload
def slice(inputs: Tensor, start_indices: Sequence[Tensor], shape: Sequence[int]) -> SymbolicTensor: ...
@overload
def slice_update(inputs: Values, start_indices: Sequence[Values], updates: Values) -> Array:
    """`inputs` with a block written over at `start_indices`."""

@overload
def slice_update(inputs: Tensor, start_indices: Sequence[Tensor], updates: Tensor) -> SymbolicTensor: ...
@overload
def slogdet(x: Num[Values, "*batch n n"]) -> tuple[Num[Array, "*batch"], Float[Array, "*batch"]]:
    """The sign of a determinant and the logarithm of its size."""

@overload
def slogdet(x: Tensor) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def soft_shrink(x: Values, threshold: float = 0.5) -> Array:
    """`sign(x) * max(|x| - threshold, 0)`."""

@overload
def soft_shrink(x: Tensor, threshold: float = 0.5) -> SymbolicTensor: ...
@overload
def soft_sign(x: Values) -> Array:
    """`x / (|x| + 1)`."""

@overload
def soft_sign(x: Tensor) -> SymbolicTensor: ...
@overload
def softmax(x: Values, axis: int | tuple[int, ...] = -1) -> Array:
    """`exp(x) / sum(exp(x))` along `axis`."""

@overload
def softmax(x: Tensor, axis: int | tuple[int, ...] = -1) -> SymbolicTensor: ...
@overload
def softplus(x: Values) -> Array:
    """`log(1 + exp(x))`, without overflow."""

@overload
def softplus(x: Tensor) -> SymbolicTensor: ...
@overload
def softsign(x: Values) -> Array:
    """`x / (|x| + 1)`."""

@overload
def softsign(x: Tensor) -> SymbolicTensor: ...
@overload
def solve(a: Values, b: Values) -> Array:
    """The solution of `a x = b`."""

@overload
def solve(a: Tensor, b: Tensor) -> SymbolicTensor: ...
@overload
def solve_triangular(a: Num[Values, "*batch n n"], b: Values, lower: bool = False) -> Array:
    """The solution of `a x = b` with a triangular `a`."""

@overload
def solve_triangular(a: Tensor, b: Tensor, lower: bool = False) -> SymbolicTensor: ...
@overload
def sort(
    x: Values,
    axis: int | None = -1,
    *,
    kind: None = None,
    order: None = None,
    stable: bool = True,
    descending: bool = False,
) -> Array:
    """The entries of an axis in order."""

@overload
def sort(
    x: Tensor,
    axis: int | None = -1,
    *,
    kind: None = None,
    order: None = None,
    stable: bool = True,
    descending: bool = False,
) -> SymbolicTensor: ...
@overload
def sort_complex(a: Values) -> Array:
    """Complex numbers in order, by the real part first."""

@overload
def sort_complex(a: Tensor) -> SymbolicTensor: ...
@overload
def space_to_depth(
    x: Num[Values, "batch height width channels"], block_size: int, data_format: str = "channels_last"
) -> Num[Array, "batch rows columns depth"]:
    """Blocks of pixels as channels: the inverse of `depth_to_space`."""

@overload
def space_to_depth(x: Tensor, block_size: int, data_format: str = "channels_last") -> SymbolicTensor: ...
@overload
def spacing(x: Values) -> Array:
    """The distance to the next number."""

@overload
def spacing(x: Tensor) -> SymbolicTensor: ...
@overload
def sparse_categorical_crossentropy(
    target: Num[Values, "*batch"], output: Float[Values, "*batch classes"], from_logits: bool = False, axis: int = -1
) -> Float[Array, "*batch"]:
    """`-log(output[target])` along an axis."""

@overload
def sparse_categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> SymbolicTensor: ...
@overload
def sparse_plus(x: Values) -> Array:
    """0 up to -1, `(x + 1)**2 / 4` between, `x` from 1 on."""

@overload
def sparse_plus(x: Tensor) -> SymbolicTensor: ...
@overload
def sparse_sigmoid(x: Values) -> Array:
    """`clip((x + 1) / 2, 0, 1)`: the derivative of `sparse_plus`."""

@overload
def sparse_sigmoid(x: Tensor) -> SymbolicTensor: ...
@overload
def sparsemax(x: Values, axis: int = -1) -> Array:
    """Keras's sparsemax: a threshold below which numbers become exact zeros."""

@overload
def sparsemax(x: Tensor, axis: int = -1) -> SymbolicTensor: ...
@overload
def split(x: Values, indices_or_sections: int | Sequence[int] | Values, axis: int = 0) -> list[Array]:
    """Parts of an array along an axis."""

@overload
def split(x: Tensor, indices_or_sections: int | Sequence[int] | Tensor, axis: int = 0) -> list[SymbolicTensor]: ...
@overload
def sqrt(x: Values) -> Array:
    """The square root."""

@overload
def sqrt(x: Tensor) -> SymbolicTensor: ...
@overload
def square(x: Values) -> Array:
    """`x * x`."""

@overload
def square(x: Tensor) -> SymbolicTensor: ...
@overload
def squareplus(x: Values, b: float = 4) -> Array:
    """`(x + sqrt(x**2 + b)) / 2`; `b` says how smooth."""

@overload
def squareplus(x: Tensor, b: float = 4) -> SymbolicTensor: ...
@overload
def squeeze(x: Values, axis: int | Sequence[int] | None = None) -> Array:
    """`x` without axes of length 1."""

@overload
def squeeze(x: Tensor, axis: int | Sequence[int] | None = None) -> SymbolicTensor: ...
@overload
def stack(x: Sequence[Values], axis: int = 0, out: None = None, dtype: DTypeLike | None = None) -> Array:
    """Arrays along a new axis."""

@overload
def stack(x: Sequence[Tensor], axis: int = 0, out: None = None, dtype: DTypeLike | None = None) -> SymbolicTensor: ...
@overload
def standardize(
    x: Values,
    axis: Axis = -1,
    mean: Values | None = None,
    variance: Values | None = None,
    epsilon: Values = 1e-05,
    where: Values | None = None,
    *,
    algorithm: str = "fast",
) -> Array:
    """`(x - mean) / sqrt(variance + epsilon)` along some axes."""

@overload
def standardize(
    x: Tensor,
    axis: Axis = -1,
    mean: Tensor | None = None,
    variance: Tensor | None = None,
    epsilon: Tensor = 1e-05,
    where: Tensor | None = None,
    *,
    algorithm: str = "fast",
) -> SymbolicTensor: ...
@overload
def std(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The standard deviation along some axes."""

@overload
def std(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def stft(
    x: Num[Values, "*batch time"],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: str | Values | None = "hann",
    center: bool = True,
) -> tuple[Float[Array, "*batch frames frequencies"], Float[Array, "*batch frames frequencies"]]:
    """The short-time Fourier transform, `(real, imaginary)`, each `(..., frames, frequencies)`."""

@overload
def stft(
    x: Tensor,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: str | Tensor | None = "hann",
    center: bool = True,
) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def stop_gradient(variable: Values) -> Array:
    """`variable` as a constant, through which no gradient flows."""

@overload
def stop_gradient(variable: Tensor) -> SymbolicTensor: ...
@overload
def subtract(x1: Values, x2: Values, *, out: None = None, where: None = None) -> Array:
    """`x1 - x2`."""

@overload
def subtract(x1: Tensor, x2: Tensor, *, out: None = None, where: None = None) -> SymbolicTensor: ...
@overload
def sum(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The sum along some axes."""

@overload
def sum(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def svd(x: Values, full_matrices: bool, compute_uv: Literal[False]) -> Array:
    """The factors `U S V^H` of a matrix."""

@overload
def svd(
    x: Values,
    full_matrices: bool = True,
    compute_uv: bool = True,
    hermitian: bool = False,
    subset_by_index: tuple[int, int] | None = None,
) -> Array | tuple[Array, Array, Array]: ...
@overload
def svd(
    x: Tensor,
    full_matrices: bool = True,
    compute_uv: bool = True,
    hermitian: bool = False,
    subset_by_index: tuple[int, int] | None = None,
) -> SymbolicTensor | tuple[SymbolicTensor, SymbolicTensor, SymbolicTensor]: ...
@overload
def swapaxes(x: Values, axis1: int, axis2: int) -> Array:
    """Two axes exchanged."""

@overload
def swapaxes(x: Tensor, axis1: int, axis2: int) -> SymbolicTensor: ...
@overload
def swish(x: Values) -> Array:
    """`x * sigmoid(x)`, also called swish."""

@overload
def swish(x: Tensor) -> SymbolicTensor: ...
def switch(index: Tensor, branches: Sequence[Callable[..., PyTree]], *operands: PyTree) -> PyTree:
    """`branches[index](*operands)`."""

@overload
def take(x: Values, indices: Values, axis: int | None = None) -> Array:
    """The entries at some places along an axis."""

@overload
def take(x: Tensor, indices: Tensor, axis: int | None = None) -> SymbolicTensor: ...
@overload
def take_along_axis(x: Values, indices: Values, axis: int | None = None) -> Array:
    """The entry at each place along an axis."""

@overload
def take_along_axis(x: Tensor, indices: Tensor, axis: int | None = None) -> SymbolicTensor: ...
@overload
def tan(x: Values) -> Array:
    """The tangent."""

@overload
def tan(x: Tensor) -> SymbolicTensor: ...
@overload
def tanh(x: Values) -> Array:
    """`(exp(x) - exp(-x)) / (exp(x) + exp(-x))`."""

@overload
def tanh(x: Tensor) -> SymbolicTensor: ...
@overload
def tanh_shrink(x: Values) -> Array:
    """`x - tanh(x)`."""

@overload
def tanh_shrink(x: Tensor) -> SymbolicTensor: ...
@overload
def tensordot(
    x1: Values,
    x2: Values,
    axes: int | Sequence[int] | Sequence[Sequence[int]] = 2,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """The products summed over chosen axes of both."""

@overload
def tensordot(
    x1: Tensor,
    x2: Tensor,
    axes: int | Sequence[int] | Sequence[Sequence[int]] = 2,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> SymbolicTensor: ...
@overload
def threshold(x: Values, threshold: float, default_value: float) -> Array:
    """`x` where it is above `threshold`, else `default_value`."""

@overload
def threshold(x: Tensor, threshold: float, default_value: float) -> SymbolicTensor: ...
@overload
def tile(x: Values, repeats: Sizes) -> Array:
    """`x` several times along each axis."""

@overload
def tile(x: Tensor, repeats: Sizes) -> SymbolicTensor: ...
@overload
def top_k(x: Num[Values, "*batch entries"], k: int, sorted: bool = True) -> tuple[Array, Array]:
    """The `k` largest entries of the last axis and their places."""

@overload
def top_k(x: Tensor, k: int, sorted: bool = True) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def trace(
    x: Values,
    offset: int | Values = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: DTypeLike | None = None,
    out: None = None,
) -> Array:
    """The sum of a diagonal."""

@overload
def trace(
    x: Tensor,
    offset: int | Tensor = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: DTypeLike | None = None,
    out: None = None,
) -> SymbolicTensor: ...
@overload
def transpose(x: Values, axes: Sequence[int] | None = None) -> Array:
    """The axes in another order."""

@overload
def transpose(x: Tensor, axes: Sequence[int] | None = None) -> SymbolicTensor: ...
@overload
def trapezoid(y: Values, x: Values | None = None, dx: Values = 1.0, axis: int = -1) -> Array:
    """The integral along an axis, by trapezoids."""

@overload
def trapezoid(y: Tensor, x: Tensor | None = None, dx: Tensor = 1.0, axis: int = -1) -> SymbolicTensor: ...
def tri(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Array:
    """Ones on and below a diagonal."""

@overload
def tril(x: Values, k: int = 0) -> Array:
    """What is on and below a diagonal, zeros elsewhere."""

@overload
def tril(x: Tensor, k: int = 0) -> SymbolicTensor: ...
def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Array, Array]:
    """The places on and below a diagonal."""

@overload
def tril_indices_from(arr: Values, k: int = 0) -> tuple[Array, Array]:
    """The places on and below a diagonal of an array."""

@overload
def tril_indices_from(arr: Tensor, k: int = 0) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def trim_zeros(filt: Values, trim: str = "fb", axis: int | Sequence[int] | None = None) -> Array:
    """A vector without the zeros at its ends."""

@overload
def trim_zeros(filt: Tensor, trim: str = "fb", axis: int | Sequence[int] | None = None) -> SymbolicTensor: ...
@overload
def triu(x: Values, k: int = 0) -> Array:
    """What is on and above a diagonal, zeros elsewhere."""

@overload
def triu(x: Tensor, k: int = 0) -> SymbolicTensor: ...
def triu_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Array, Array]:
    """The places on and above a diagonal."""

@overload
def triu_indices_from(arr: Values, k: int = 0) -> tuple[Array, Array]:
    """The places on and above a diagonal of an array."""

@overload
def triu_indices_from(arr: Tensor, k: int = 0) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def true_divide(x1: Values, x2: Values) -> Array:
    """`x1 / x2`."""

@overload
def true_divide(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
@overload
def trunc(x: Values) -> Array:
    """`x` without its fraction."""

@overload
def trunc(x: Tensor) -> SymbolicTensor: ...
@overload
def unfold(
    x: Num[Values, "batch channels height width"],
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Num[Array, "batch column windows"]:
    """The windows of images `(n, c, h, w)` as columns, `(n, c * window, windows)`."""

@overload
def unfold(
    x: Tensor, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> SymbolicTensor: ...
@overload
def union1d(ar1: Values, ar2: Values, *, size: int | None = None, fill_value: Values | None = None) -> Array:
    """The entries that either of two arrays has, sorted."""

@overload
def union1d(
    ar1: Tensor, ar2: Tensor, *, size: int | None = None, fill_value: Tensor | None = None
) -> SymbolicTensor: ...
@overload
def unique(
    x: Values,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Values | None = None,
) -> Array | tuple[Array, ...]:
    """The distinct entries; under `jit` give `size`."""

@overload
def unique(
    x: Tensor,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Tensor | None = None,
) -> SymbolicTensor | tuple[SymbolicTensor, ...]: ...
@overload
def unique_all(
    x: Values, *, size: int | None = None, fill_value: Values | None = None
) -> tuple[Array, Array, Array, Array]:
    """The distinct entries, with their first places, the places among them, and counts."""

@overload
def unique_all(
    x: Tensor, *, size: int | None = None, fill_value: Tensor | None = None
) -> tuple[SymbolicTensor, SymbolicTensor, SymbolicTensor, SymbolicTensor]: ...
@overload
def unique_counts(x: Values, *, size: int | None = None, fill_value: Values | None = None) -> tuple[Array, Array]:
    """The distinct entries and their counts."""

@overload
def unique_counts(
    x: Tensor, *, size: int | None = None, fill_value: Tensor | None = None
) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def unique_inverse(x: Values, *, size: int | None = None, fill_value: Values | None = None) -> tuple[Array, Array]:
    """The distinct entries and each entry's place among them."""

@overload
def unique_inverse(
    x: Tensor, *, size: int | None = None, fill_value: Tensor | None = None
) -> tuple[SymbolicTensor, SymbolicTensor]: ...
@overload
def unique_values(x: Values, *, size: int | None = None, fill_value: Values | None = None) -> Array:
    """The distinct entries."""

@overload
def unique_values(x: Tensor, *, size: int | None = None, fill_value: Tensor | None = None) -> SymbolicTensor: ...
@overload
def unpackbits(a: Values, axis: int | None = None, count: int | None = None, bitorder: str = "big") -> Array:
    """Bytes as bits."""

@overload
def unpackbits(
    a: Tensor, axis: int | None = None, count: int | None = None, bitorder: str = "big"
) -> SymbolicTensor: ...
@overload
def unravel_index(indices: Values, shape: Shape) -> tuple[Array, ...]:
    """The places axis by axis of places in the flat array."""

@overload
def unravel_index(indices: Tensor, shape: Shape) -> tuple[SymbolicTensor, ...]: ...
@overload
def unstack(x: Values, num: int | None = None, axis: int = 0) -> list[Array]:
    """The slices along an axis."""

@overload
def unstack(x: Tensor, num: int | None = None, axis: int = 0) -> list[SymbolicTensor]: ...
@overload
def unwrap(p: Values, discont: Values | None = None, axis: int = -1, period: Values = 6.283185307179586) -> Array:
    """Angles without jumps of a whole period."""

@overload
def unwrap(
    p: Tensor, discont: Tensor | None = None, axis: int = -1, period: Tensor = 6.283185307179586
) -> SymbolicTensor: ...
@overload
def vander(x: Values, N: int | None = None, increasing: bool = False) -> Array:
    """The matrix of powers of a vector."""

@overload
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> SymbolicTensor: ...
@overload
def var(x: Values, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
    """The variance along some axes."""

@overload
def var(x: Tensor, axis: Axis = None, keepdims: bool = False, **more: object) -> SymbolicTensor: ...
@overload
def vdot(x1: Values, x2: Values, *, precision: Any = None, preferred_element_type: DTypeLike | None = None) -> Array:
    """The products summed, the first conjugated."""

@overload
def vdot(
    x1: Tensor, x2: Tensor, *, precision: Any = None, preferred_element_type: DTypeLike | None = None
) -> SymbolicTensor: ...
@overload
def vecdot(
    x1: Values, x2: Values, *, axis: int = -1, precision: Any = None, preferred_element_type: DTypeLike | None = None
) -> Array:
    """The products summed over one axis, the first conjugated."""

@overload
def vecdot(
    x1: Tensor, x2: Tensor, *, axis: int = -1, precision: Any = None, preferred_element_type: DTypeLike | None = None
) -> SymbolicTensor: ...
@overload
def vecmat(x1: Values, x2: Values) -> Array:
    """Vectors times matrices."""

@overload
def vecmat(x1: Tensor, x2: Tensor) -> SymbolicTensor: ...
def vectorize(
    pyfunc: Callable[..., PyTree], excluded: set[int | str] | None = None, signature: str | None = None
) -> Callable[..., PyTree]:
    """A function of arrays from one of numbers."""

def vectorized_map(function: Callable[[PyTree], PyTree], elements: PyTree) -> PyTree:
    """`function(x)` for each entry of the first axis, side by side."""

@overload
def view(x: Values, dtype: DTypeLike | None = None) -> Array:
    """The same bits as another dtype."""

@overload
def view(x: Tensor, dtype: DTypeLike | None = None) -> SymbolicTensor: ...
@overload
def view_as_complex(x: Float[Values, "*batch 2"]) -> Complex[Array, "*batch"]:
    """Pairs along the last axis as complex numbers."""

@overload
def view_as_complex(x: Tensor) -> SymbolicTensor: ...
@overload
def view_as_real(x: Num[Values, "*batch"]) -> Float[Array, "*batch 2"]:
    """Complex numbers as pairs along a last axis."""

@overload
def view_as_real(x: Tensor) -> SymbolicTensor: ...
@overload
def vsplit(x: Values, indices_or_sections: int | Sequence[int] | Values) -> list[Array]:
    """Parts of an array along the first axis."""

@overload
def vsplit(x: Tensor, indices_or_sections: int | Sequence[int] | Tensor) -> list[SymbolicTensor]: ...
@overload
def vstack(xs: Sequence[Values], dtype: DTypeLike | None = None) -> Array:
    """Arrays one after another along the first axis."""

@overload
def vstack(xs: Sequence[Tensor], dtype: DTypeLike | None = None) -> SymbolicTensor: ...
@overload
def where(condition: Values, x1: Values, x2: Values) -> Array:
    """`x1` where a condition holds, else `x2`; of the condition alone, where it holds."""

@overload
def where(condition: Values, x1: Values | None = None, x2: Values | None = None) -> Array | tuple[Array, ...]: ...
@overload
def where(
    condition: Tensor, x1: Tensor | None = None, x2: Tensor | None = None
) -> SymbolicTensor | tuple[SymbolicTensor, ...]: ...
def while_loop(
    cond: Callable[..., Tensor],
    body: Callable[..., PyTree],
    loop_vars: PyTree,
    maximum_iterations: Tensor | None = None,
) -> PyTree:
    """`body(*vars)` again and again while `cond(*vars)`, at most `maximum_iterations` times."""

def zeros(
    shape: int | Sequence[int], dtype: DTypeLike | None = None, *, device: Any = None, out_sharding: Any = None
) -> Array:
    """An array of zeros."""

@overload
def zeros_like(
    x: Values,
    dtype: DTypeLike | None = None,
    shape: int | Sequence[int] | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """An array of zeros, like another array."""

@overload
def zeros_like(
    x: Tensor,
    dtype: DTypeLike | None = None,
    shape: int | Sequence[int] | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> SymbolicTensor: ...
