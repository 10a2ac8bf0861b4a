"""One line about each op that is jax.numpy's or jax.nn's own; the others are described where they are defined."""

TEXT = """
abs absolute: The absolute value.
acos arccos: The inverse of the cosine.
acosh arccosh: The inverse of the hyperbolic cosine.
add: `x1 + x2`.
all: Whether all entries are true, along some axes.
allclose: Whether all entries of two arrays are nearly the same.
amax max: The largest entry along some axes.
amin min: The smallest entry along some axes.
angle: The angle of complex numbers, in radians.
any: Whether some entry is true, along some axes.
append: `x1` with `x2` at its end.
apply_along_axis: A function of vectors, on each vector along an axis.
apply_over_axes: A function of an array and an axis, for one axis after another.
arange: The numbers from `start` to before `stop`.
arcsin asin: The inverse of the sine.
arcsinh asinh: The inverse of the hyperbolic sine.
arctan atan: The inverse of the tangent.
arctan2 atan2: The angle of the points `(x2, x1)`, in radians.
arctanh atanh: The inverse of the hyperbolic tangent.
argmax: The place of the largest entry along an axis.
argmin: The place of the smallest entry along an axis.
argpartition: The places that put the `kth` smallest entry where a sort would, smaller ones before it.
argsort: The places that sort an axis.
argwhere: The places of the entries that are not 0, one a row.
around round: `x` to so many decimals.
array asarray: `x` as an array.
array_equal: Whether two arrays have the same shape and entries.
array_equiv: Whether two arrays broadcast to the same entries.
array_split: Parts of an array along an axis, of sizes that may differ by 1.
astype: `x` in another dtype.
atleast_1d: Arrays with at least one axis.
atleast_2d: Arrays with at least two axes.
atleast_3d: Arrays with at least three axes.
average: The weighted mean along some axes.
bartlett: The triangular window of so many samples.
bitwise_and: The bits that both have.
bitwise_count: How many bits are set.
bitwise_invert bitwise_not invert: The bits that are not set.
bitwise_left_shift left_shift: The bits of `x` moved up by `y` places.
bitwise_or: The bits that either has.
bitwise_right_shift right_shift: The bits of `x` moved down by `y` places.
bitwise_xor: The bits that just one of the two has.
blackman: The Blackman window of so many samples.
block: An array put together from nested lists of blocks.
broadcast_arrays: Arrays broadcast to one shape.
broadcast_shapes: The shape to which shapes broadcast.
broadcast_to: `x` broadcast to a shape.
can_cast: Whether a dtype can be cast to another under a rule.
cbrt: The cube root.
choose: Entries of several arrays, each from the array that an integer names.
column_stack: Arrays side by side as columns.
compress extract: The entries at which a condition holds.
concat concatenate: Arrays one after another along an axis.
conj conjugate: The complex conjugate.
convolve: The convolution of two vectors.
copy: A copy of an array.
copysign: `x1` with the sign of `x2`.
corrcoef: The correlation coefficients of the rows.
correlate: The cross-correlation of two vectors.
cos: The cosine.
cosh: The hyperbolic cosine.
count_nonzero: How many entries are not 0, along some axes.
cov: The covariances of the rows.
cross: The cross product of vectors of three numbers.
cumprod: The running product along an axis.
cumsum: The running sum along an axis.
cumulative_prod: The running product along an axis, with 1 at the beginning where asked.
cumulative_sum: The running sum along an axis, with 0 at the beginning where asked.
deg2rad radians: Degrees as radians.
rad2deg degrees: Radians as degrees.
delete: An array without the entries at some places.
det: The determinant of a matrix.
diag: The diagonal of a matrix, or the matrix with a vector on its diagonal.
diag_indices: The places of the diagonal of an array of `n` entries a side.
diag_indices_from: The places of the diagonal of an array.
diagflat: A matrix with the entries of an array on its diagonal.
diagonal: The diagonals over two axes.
diff: The differences of neighbours along an axis.
digitize: The bin that each entry falls into.
divide true_divide: `x1 / x2`.
divmod: The quotient rounded down and the remainder.
dot: The product of two arrays over the last axis of the first and the last but one of the second.
dsplit: Parts of an array along the third axis.
dstack: Arrays one after another along the third axis.
ediff1d: The differences of neighbours of the flat array.
eig: The eigenvalues and eigenvectors of a square matrix.
eigh: The eigenvalues and eigenvectors of a Hermitian matrix.
einsum_path: The order in which an `einsum` is contracted.
empty: A new array; its entries mean nothing.
empty_like: A new array like another; its entries mean nothing.
equal: Where `x1 == x2`.
erf: The error function.
erfc: 1 minus the error function, exact where that is small.
erfinv: The inverse of the error function.
exp: The exponential.
exp2: 2 to the power `x`.
expand_dims: `x` with new axes of length 1.
expm1: `exp(x) - 1`, exact near 0.
eye: A matrix with ones on a diagonal.
fabs: The absolute value, of floats.
fill_diagonal: An array with a value on its diagonal.
flatnonzero: The places in the flat array of the entries that are not 0.
flip: `x` in reverse order along some axes.
fliplr: `x` in reverse order along the second axis.
flipud: `x` in reverse order along the first axis.
float_power pow power: `x1` to the power `x2`.
floor_divide: `x1 / x2` rounded down.
fmax: The larger of two numbers; the other one where one is NaN.
fmin: The smaller of two numbers; the other one where one is NaN.
fmod: The remainder of `x1 / x2`, with the sign of `x1`.
frexp: Mantissas and powers of 2.
from_dlpack: An array from one of another library, without a copy.
frombuffer: An array from bytes.
fromfile: Not available: JAX reads no files.
fromfunction: An array of a function's values at its own places.
fromiter: Not available: JAX arrays are not made of iterators.
frompyfunc: A function of arrays from one of numbers, as `numpy.frompyfunc`.
fromstring: An array from the numbers in a text.
full_like: An array of one number, like another array.
gcd: The greatest common divisor.
geomspace: Numbers from `start` to `stop` with equal quotients.
get_scaled_dot_general_config: The settings of a product of matrices in low precision.
gradient: The slope along some axes, from differences.
greater: Where `x1 > x2`.
greater_equal: Where `x1 >= x2`.
hamming: The Hamming window of so many samples.
hanning: The Hann window of so many samples.
heaviside: 0 where `x1` is negative, 1 where positive, `x2` at 0.
histogram: How many entries fall into each bin, and the bins' edges.
histogram2d: How many points fall into each bin of two axes, and the bins' edges.
histogram_bin_edges: The edges of a histogram's bins.
histogramdd: How many points fall into each bin of several axes, and the bins' edges.
hsplit: Parts of an array along the second axis.
hstack: Arrays one after another along the second axis.
hypot: `sqrt(x1**2 + x2**2)`, without overflow.
i0: The modified Bessel function of order 0.
imag: The imaginary part.
indices: The places of an array's entries, axis by axis.
inner: The products summed over the last axes of both.
insert: An array with further entries at some places.
interp: A function of points, linear between them.
intersect1d: The entries that two arrays share, sorted.
inv: The inverse of a matrix.
isclose: Where the entries of two arrays are nearly the same.
iscomplex: Where the imaginary part is not 0.
iscomplexobj: Whether the dtype is complex.
isdtype: Whether a dtype is of a kind.
isfinite: Where numbers are finite.
isin: Where entries of `x1` occur in `x2`.
isinf: Where numbers are infinite.
isnan: Where numbers are NaN.
isneginf: Where numbers are minus infinity.
isposinf: Where numbers are plus infinity.
isreal: Where the imaginary part is 0.
isrealobj: Whether the dtype is not complex.
isscalar: Whether `x` is a number.
issubdtype: Whether a dtype is below another.
iterable: Whether `x` can be iterated over.
ix_: Vectors as places of an open grid.
kaiser: The Kaiser window of so many samples.
kron: The Kronecker product.
lcm: The least common multiple.
ldexp: `x1 * 2**x2`.
less: Where `x1 < x2`.
less_equal: Where `x1 <= x2`.
lexsort: The places that sort by several keys, the last key first.
linspace: `num` numbers from `start` to `stop` at equal distances.
log: The natural logarithm.
log10: The logarithm to base 10.
log1mexp: `log(1 - exp(-x))`, exact near 0.
log1p: `log(1 + x)`, exact near 0.
log2: The logarithm to base 2.
logaddexp: `log(exp(x1) + exp(x2))`, without overflow.
logaddexp2: `log2(2**x1 + 2**x2)`, without overflow.
logical_and: Where both are true.
logical_not: Where `x` is false.
logical_or: Where either is true.
logical_xor: Where just one of the two is true.
logmeanexp: `log(mean(exp(x)))`, without overflow.
logspace: `base` to the powers from `start` to `stop` at equal distances.
mask_indices: The places of a mask over an array of `n` entries a side.
matrix_transpose: The last two axes exchanged.
matvec: Matrices times vectors.
maximum: The larger of two numbers.
mean: The mean along some axes.
median: The median along some axes.
meshgrid: Grids of the given coordinates.
minimum: The smaller of two numbers.
mod remainder: The remainder of `x1 / x2`, with the sign of `x2`.
modf: Fractional and whole parts.
moveaxis: Axes moved to other places.
multiply: `x1 * x2`.
nanargmax: The place of the largest entry along an axis, NaN left out.
nanargmin: The place of the smallest entry along an axis, NaN left out.
nancumprod: The running product along an axis, NaN counted as 1.
nancumsum: The running sum along an axis, NaN counted as 0.
nanmax: The largest entry along some axes, NaN left out.
nanmean: The mean along some axes, NaN left out.
nanmedian: The median along some axes, NaN left out.
nanmin: The smallest entry along some axes, NaN left out.
nanpercentile: Percentiles along some axes, NaN left out.
nanprod: The product along some axes, NaN counted as 1.
nanquantile: Quantiles along some axes, NaN left out.
nanstd: The standard deviation along some axes, NaN left out.
nansum: The sum along some axes, NaN counted as 0.
nanvar: The variance along some axes, NaN left out.
ndim: How many axes there are.
negative: `-x`.
nextafter: The next number after `x1` towards `x2`.
nonzero: The places of the entries that are not 0, axis by axis.
norm: The norm of a vector or matrix.
not_equal: Where `x1 != x2`.
ones: An array of ones.
ones_like: An array of ones, like another array.
outer: The product of each entry of one vector with each of another.
packbits: Bits as bytes.
partition: The `kth` smallest entry where a sort would put it, smaller ones before it.
percentile: Percentiles along some axes.
permute_dims transpose: The axes in another order.
piecewise: One of several functions for each entry, by conditions.
place: An array with values written over where a mask holds.
poly: The coefficients of the polynomial with some roots.
polyadd: The sum of polynomials.
polyder: The derivative of a polynomial.
polydiv: Quotient and remainder of polynomials.
polyfit: The polynomial nearest to some points.
polyint: The integral of a polynomial.
polymul: The product of polynomials.
polysub: The difference of polynomials.
polyval: The value of a polynomial.
positive: `+x`.
promote_types: The dtype that two dtypes are promoted to.
ptp: The distance of the largest and the smallest entry, along some axes.
put: An array with values at some places of its flat form.
put_along_axis: An array with a value at each place along an axis.
qr: The factors `Q R` of a matrix.
quantile: Quantiles along some axes.
ravel: `x` as one axis.
ravel_multi_index: The places in the flat array of places axis by axis.
real: The real part.
reciprocal: `1 / x`.
repeat: Each entry several times.
resize: `x` in another shape, repeated to fill it.
result_type: The dtype of a result of arrays and dtypes.
rint: `x` to the nearest whole number.
roll: Entries moved along some axes, the last ones to the front.
rollaxis: An axis moved before another.
roots: The roots of a polynomial.
rot90: Arrays turned by a right angle.
rsqrt: `1 / sqrt(x)`.
scaled_dot_general: A general product of arrays in low precision.
scaled_matmul: A product of matrices in low precision, with factors for blocks.
select: Entries of the first choice whose condition holds.
setdiff1d: The entries of one array that another does not have, sorted.
setxor1d: The entries that just one of two arrays has, sorted.
sign: -1, 0 or 1, by the sign.
signbit: Where the sign bit is set.
sin: The sine.
sinc: `sin(pi x) / (pi x)`.
sinh: The hyperbolic sine.
size: How many entries there are.
soft_sign softsign: `x / (|x| + 1)`.
solve: The solution of `a x = b`.
sort: The entries of an axis in order.
sort_complex: Complex numbers in order, by the real part first.
spacing: The distance to the next number.
split: Parts of an array along an axis.
sqrt: The square root.
square: `x * x`.
squeeze: `x` without axes of length 1.
stack: Arrays along a new axis.
standardize: `(x - mean) / sqrt(variance + epsilon)` along some axes.
std: The standard deviation along some axes.
stop_gradient: `variable` as a constant, through which no gradient flows.
subtract: `x1 - x2`.
sum: The sum along some axes.
svd: The factors `U S V^H` of a matrix.
swapaxes: Two axes exchanged.
tan: The tangent.
tensordot: The products summed over chosen axes of both.
trace: The sum of a diagonal.
trapezoid: The integral along an axis, by trapezoids.
tri: Ones on and below a diagonal.
tril: What is on and below a diagonal, zeros elsewhere.
tril_indices: The places on and below a diagonal.
tril_indices_from: The places on and below a diagonal of an array.
trim_zeros: A vector without the zeros at its ends.
triu: What is on and above a diagonal, zeros elsewhere.
triu_indices: The places on and above a diagonal.
triu_indices_from: The places on and above a diagonal of an array.
trunc: `x` without its fraction.
union1d: The entries that either of two arrays has, sorted.
unique_all: The distinct entries, with their first places, the places among them, and counts.
unique_counts: The distinct entries and their counts.
unique_inverse: The distinct entries and each entry's place among them.
unique_values: The distinct entries.
unpackbits: Bytes as bits.
unravel_index: The places axis by axis of places in the flat array.
unwrap: Angles without jumps of a whole period.
vander: The matrix of powers of a vector.
var: The variance along some axes.
vdot: The products summed, the first conjugated.
vecdot: The products summed over one axis, the first conjugated.
vecmat: Vectors times matrices.
vsplit: Parts of an array along the first axis.
vstack: Arrays one after another along the first axis.
zeros: An array of zeros.
zeros_like: An array of zeros, like another array.
ceil: `x` rounded up.
floor: `x` rounded down.
segment_sum: The sum of each segment's entries.
segment_max: The largest of each segment's entries.
segment_min: The smallest of each segment's entries.
segment_prod: The product of each segment's entries.
"""

LINES = [line.split(": ", 1) for line in TEXT.strip().splitlines()]
DOCS = {name: text for names, text in LINES for name in names.split()}
