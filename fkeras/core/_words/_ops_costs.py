"""For each op how its work is bounded when the graph of a file calls it, or why no file may call it.

A call in a graph is described, not run: results are shapes, so a number that only says how large one is costs nothing.
What costs is a number, or an axis, over which the description loops. `tests/core/test_ops_bounds.py` goes red when an
op has no row.
"""

# As many steps whatever the numbers are.
ONE_STEP = """
abs absolute acos acosh add all allclose amax amin angle any append arange arccos arccosh arcsin arcsinh arctan arctan2
arctanh argmax argmin argpartition argsort argwhere around array array_equal array_equiv asarray asin asinh astype atan
atan2 atanh atleast_1d atleast_2d atleast_3d average average_pool adaptive_average_pool adaptive_max_pool bartlett
batch_normalization binary_crossentropy bitwise_and bitwise_count bitwise_invert bitwise_left_shift bitwise_not
bitwise_or bitwise_right_shift bitwise_xor blackman broadcast_to cast categorical_crossentropy cbrt cdist ceil celu
cholesky cholesky_inverse clip compress concat concatenate conj conjugate conv conv_transpose convert_to_tensor convolve
copy copysign corrcoef correlate cos cosh count_nonzero cov cross ctc_decode ctc_loss cumprod cumsum cumulative_prod
cumulative_sum deg2rad degrees delete depth_to_space depthwise_conv det diag diagflat diagonal digitize divide
divide_no_nan divmod dot dot_product_attention ediff1d eig eigh elu empty empty_like equal erf erfc erfinv exp exp2
expand_dims expm1 exponential extract extract_sequences eye fabs fft fft2 flatnonzero flip fliplr flipud float_power
floor floor_divide fmax fmin fmod fold frexp full full_like gcd gelu geomspace get_item glu greater greater_equal
hamming hanning hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh heaviside histogram histogram_bin_edges
hypot i0 identity ifft2 image.affine_transform image.crop_images image.elastic_transform image.extract_patches
image.extract_patches_3d image.gaussian_blur image.hsv_to_rgb image.pad_images image.perspective_transform image.resize
image.rgb_to_grayscale image.rgb_to_hsv image.scale_and_translate image.sobel_edges image.ssim imag in_top_k inner
insert interp intersect1d inv invert irfft iscomplex isclose isfinite isin isinf isnan isneginf isposinf isreal istft
kaiser kron layer_normalization lcm ldexp leaky_relu left_shift less less_equal linear linspace log log10 log1mexp
log1p log2 log_sigmoid log_softmax logaddexp logaddexp2 logdet logical_and logical_not logical_or logical_xor
logmeanexp logspace logsumexp lstsq lu_factor matmul matrix_rank matrix_transpose matvec max max_pool maximum mean
median min minimum minmax mish mod modf moments moveaxis multi_hot multiply nan_to_num nanargmax nanargmin nancumprod
nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile nanstd nansum nanvar ndim negative
nextafter nonzero norm normalize not_equal one_hot ones ones_like outer packbits partition percentile permute_dims pinv
polar polyadd polyder polyfit polyint polymul polysub polyval positive pow power prod psnr ptp qr quantile rad2deg
radians ravel ravel_multi_index real rearrange reciprocal relu relu6 remainder repeat reshape resize rfft right_shift
rint rms_normalization roll rollaxis roots rot90 round rsqrt saturate_cast scaled_dot_general scaled_matmul scatter
scatter_update searchsorted segment_max segment_min segment_prod segment_sum selu separable_conv setdiff1d setxor1d
sigmoid sign signbit silu sin sinc sinh size slice slice_update slogdet soft_shrink soft_sign softmax softplus softsign
solve solve_triangular sort sort_complex space_to_depth spacing sparse_categorical_crossentropy sparse_plus
sparse_sigmoid sparsemax sqrt square squareplus squeeze standardize std stop_gradient subtract sum svd swapaxes swish
take take_along_axis tan tanh tanh_shrink tensordot threshold tile top_k trace transpose trapezoid tri tril
trim_zeros triu true_divide trunc unfold union1d unique unique_all unique_counts unique_inverse unique_values
unpackbits unravel_index unwrap vander var vdot vecdot vecmat view view_as_complex view_as_real where zeros zeros_like
"""

# A loop over an axis of an operand: as many steps as the longest axis has.
EACH_PLACE = """
bincount block broadcast_arrays choose column_stack dstack gradient histogram2d histogramdd hstack ix_ lexsort meshgrid
poly polydiv select stack unstack vstack
"""

# Loops over something else; core/_ops_bounds.py says which.
COUNTED = """
array_split diff dsplit einsum hsplit image.map_coordinates pad split stft vsplit
"""

# Never called by a file: they call functions, ...
CALLS_A_FUNCTION = """
apply_along_axis apply_over_axes associative_scan cond fori_loop fromfunction frompyfunc jvp map mask_indices piecewise
scan switch vectorize vectorized_map while_loop
"""
# ... read or write files or memory, ...
READS_OUTSIDE = """
from_dlpack frombuffer fromfile fromiter fromstring load save savez printoptions set_printoptions get_printoptions
array_repr array_str genfromtxt loadtxt savetxt memmap
"""
# ... change an array in place, or ...
CHANGES_ITS_ARGUMENT = """
fill_diagonal place put put_along_axis
"""
# ... say something that is no array.
NO_ARRAY = """
broadcast_shapes can_cast diag_indices diag_indices_from einsum_path get_scaled_dot_general_config indices iscomplexobj
isdtype isrealobj isscalar issubdtype iterable promote_types result_type shape tril_indices tril_indices_from
triu_indices triu_indices_from
"""

REFUSED = {
    "calls functions": frozenset(CALLS_A_FUNCTION.split()),
    "reads or writes files or memory": frozenset(READS_OUTSIDE.split()),
    "changes its argument": frozenset(CHANGES_ITS_ARGUMENT.split()),
    "makes no array": frozenset(NO_ARRAY.split()),
}
FREE = frozenset(ONE_STEP.split())
LOOPS = frozenset(EACH_PLACE.split())
BOUNDED = frozenset(COUNTED.split())


def refusal(name: str) -> str | None:
    """Why no file may call an op; `None` for those that one may.

    >>> refusal("add"), refusal("fromfile")
    (None, 'reads or writes files or memory')
    """
    if name in FREE or name in LOOPS or name in BOUNDED:
        return None
    return next((why for why, names in REFUSED.items() if name in names), "has no bound for its work")
