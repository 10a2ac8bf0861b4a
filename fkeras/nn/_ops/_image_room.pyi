"""The functions of `fk.ops.image`, for editors and type checkers. Written by `python -m tests.nn.write_ops_stub`.

Each of them takes arrays, numbers and nested lists of numbers, and then returns arrays; or symbolic tensors among them,
and then records a node and returns symbolic tensors.
"""

# The first form of a function is the special case of the second, in which no operand is symbolic.
# mypy: disable-error-code="overload-overlap, overload-cannot-match"

from collections.abc import Sequence
from typing import overload

from ...core import SymbolicTensor
from ...core.typing import Array, Float, KeyLike, Num
from ..ops import Tensor, Values
from ._types import DataFormat, Sizes

@overload
def affine_transform(
    images: Num[Values, "*batch height width channels"],
    transform: Float[Values, "*batch 8"],
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: Values = 0,
    data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:
    """Images under affine maps `(a0, a1, a2, b0, b1, b2, 0, 0)` from an output pixel to the input's."""

@overload
def affine_transform(
    images: Tensor,
    transform: Tensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: Tensor = 0,
    data_format: DataFormat = None,
) -> SymbolicTensor: ...
@overload
def crop_images(
    images: Num[Values, "*batch height width channels"],
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:
    """Images without their borders."""

@overload
def crop_images(
    images: Tensor,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: DataFormat = None,
) -> SymbolicTensor: ...
@overload
def elastic_transform(
    images: Num[Values, "*batch height width channels"],
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: KeyLike | None = None,
    data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:
    """Images bent by a smooth random field."""

@overload
def elastic_transform(
    images: Tensor,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: KeyLike | None = None,
    data_format: DataFormat = None,
) -> SymbolicTensor: ...
@overload
def extract_patches(
    images: Num[Values, "*batch height width channels"],
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: DataFormat = None,
) -> Num[Array, "*batch rows columns patch"]:
    """Windows of images as channels."""

@overload
def extract_patches(
    images: Tensor,
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: DataFormat = None,
) -> SymbolicTensor: ...
@overload
def extract_patches_3d(
    volumes: Num[Values, "*batch depth height width channels"],
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: DataFormat = None,
) -> Num[Array, "*batch planes rows columns patch"]:
    """Windows of volumes as channels."""

@overload
def extract_patches_3d(
    volumes: Tensor,
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: DataFormat = None,
) -> SymbolicTensor: ...
@overload
def gaussian_blur(
    images: Num[Values, "*batch height width channels"],
    kernel_size: Sequence[int] = (3, 3),
    sigma: Sequence[float] = (1.0, 1.0),
    data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:
    """Images under a bell of the given size and width."""

@overload
def gaussian_blur(
    images: Tensor,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Sequence[float] = (1.0, 1.0),
    data_format: DataFormat = None,
) -> SymbolicTensor: ...
@overload
def hsv_to_rgb(
    images: Float[Values, "*batch height width 3"], data_format: DataFormat = None
) -> Float[Array, "*batch height width 3"]:
    """The inverse of `rgb_to_hsv`."""

@overload
def hsv_to_rgb(images: Tensor, data_format: DataFormat = None) -> SymbolicTensor: ...
@overload
def map_coordinates(
    inputs: Values,
    coordinates: Num[Array, "rank ..."] | Sequence[Values],
    order: int,
    fill_mode: str = "constant",
    fill_value: Values = 0,
) -> Array:
    """An array read at places between its entries."""

@overload
def map_coordinates(
    inputs: Tensor,
    coordinates: Tensor | Sequence[Tensor],
    order: int,
    fill_mode: str = "constant",
    fill_value: Tensor = 0,
) -> SymbolicTensor: ...
@overload
def pad_images(
    images: Num[Values, "*batch height width channels"],
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:
    """Images with zeros around them."""

@overload
def pad_images(
    images: Tensor,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: DataFormat = None,
) -> SymbolicTensor: ...
@overload
def perspective_transform(
    images: Num[Values, "*batch height width channels"],
    start_points: Num[Values, "*batch 4 2"],
    end_points: Num[Values, "*batch 4 2"],
    interpolation: str = "bilinear",
    fill_value: Values = 0,
    data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:
    """Images with four points moved to four others."""

@overload
def perspective_transform(
    images: Tensor,
    start_points: Tensor,
    end_points: Tensor,
    interpolation: str = "bilinear",
    fill_value: Tensor = 0,
    data_format: DataFormat = None,
) -> SymbolicTensor: ...
@overload
def resize(
    images: Num[Values, "*batch height width channels"],
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:
    """Images in another size."""

@overload
def resize(
    images: Tensor,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: DataFormat = None,
) -> SymbolicTensor: ...
@overload
def rgb_to_grayscale(
    images: Num[Values, "*batch height width channels"], data_format: DataFormat = None
) -> Num[Array, "*batch height width 1"]:
    """Luma, one channel."""

@overload
def rgb_to_grayscale(images: Tensor, data_format: DataFormat = None) -> SymbolicTensor: ...
@overload
def rgb_to_hsv(
    images: Float[Values, "*batch height width 3"], data_format: DataFormat = None
) -> Float[Array, "*batch height width 3"]:
    """Hue, saturation and value."""

@overload
def rgb_to_hsv(images: Tensor, data_format: DataFormat = None) -> SymbolicTensor: ...
@overload
def scale_and_translate(
    images: Values,
    output_shape: Sequence[int],
    scale: Float[Values, " dims"],
    translation: Float[Values, " dims"],
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Array:
    """Arrays stretched and moved along some axes."""

@overload
def scale_and_translate(
    images: Tensor,
    output_shape: Sequence[int],
    scale: Tensor,
    translation: Tensor,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> SymbolicTensor: ...
@overload
def sobel_edges(
    images: Num[Values, "*batch height width channels"], data_format: DataFormat = None
) -> Num[Array, "*batch height width channels 2"]:
    """The change of brightness down and across, `(..., 2)`."""

@overload
def sobel_edges(images: Tensor, data_format: DataFormat = None) -> SymbolicTensor: ...
@overload
def ssim(
    image1: Num[Values, "*batch height width channels"],
    image2: Num[Values, "*batch height width channels"],
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: DataFormat = None,
) -> Float[Array, "*batch"]:
    """The structural similarity of images, one number each."""

@overload
def ssim(
    image1: Tensor,
    image2: Tensor,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: DataFormat = None,
) -> SymbolicTensor: ...
