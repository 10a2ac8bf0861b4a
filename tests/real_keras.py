"""The world that real Keras 3.15 needs, for the lines of a test that call it and for no others."""

import contextlib
import warnings

import jax

# What Keras does itself, by the beginning of the message.
_WARNS = (
    "Explicitly requested dtype int64",  # where 64 bits are off
    "Explicitly requested dtype float64",
    "ndim requires ndarray",  # a list, which Keras hands on as it is
    "size requires ndarray",
    "shape requires ndarray",
    r"Layer \w+ does not have a `quantize` method",
    r"Layer '\w+' \(of type \w+\) was passed an input with a mask",
    "__array__ implementation doesn't accept a copy keyword",  # of its variables, numpy's older protocol
)


@contextlib.contextmanager
def keras_world():
    """Let arrays be broadcast to more axes, and the warnings of Keras's own lines pass.

    A block, `with keras_world(): oracle.fit(x, y)`, or around a function, `keras_world()(oracle)(y_true, y_pred)`.
    """
    with jax.numpy_rank_promotion("allow"), warnings.catch_warnings():
        for message in _WARNS:
            warnings.filterwarnings("ignore", message)
        yield
