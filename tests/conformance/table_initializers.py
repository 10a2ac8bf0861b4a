"""The one table of initializers: `TABLE[name]` is the arguments to try, and the shapes to make."""

import numpy as np

KERNELS = [(6, 5), (3, 3, 4, 2)]
ALL_RANKS = [(7,), *KERNELS]
SCHEME = [{"seed": 0}, {"seed": 7}, {"seed": 3, "input_axes": [0], "output_axes": [-1]}]

# Every class of keras.initializers: arguments to try, and shapes to make.
TABLE = {
    "Constant": ([{}, {"value": 0.3}, {"value": -2}], ALL_RANKS),
    "GlorotNormal": (SCHEME, ALL_RANKS),
    "GlorotUniform": (SCHEME, ALL_RANKS),
    "HeNormal": (SCHEME, ALL_RANKS),
    "HeUniform": (SCHEME, ALL_RANKS),
    "Identity": ([{}, {"gain": 2.0}], [(4, 4), (2, 5)]),
    "LecunNormal": (SCHEME, ALL_RANKS),
    "LecunUniform": (SCHEME, ALL_RANKS),
    "Ones": ([{}], ALL_RANKS),
    "Orthogonal": ([{"seed": 0}, {"gain": 2.0, "seed": 7}], [*KERNELS, (2, 7)]),
    "RandomNormal": ([{"seed": 0}, {"mean": 0.5, "stddev": 2.0, "seed": 7}], ALL_RANKS),
    "RandomUniform": ([{"seed": 0}, {"minval": 0.5, "maxval": 2.0, "seed": 7}], ALL_RANKS),
    "STFT": (
        [
            {},
            {"side": "imag", "window": "hamming", "scaling": "spectrum", "periodic": True},
            {"window": None},
            {"scaling": None},
            {"window": np.hanning(16)},
        ],
        [(16, 1, 9)],
    ),
    "TruncatedNormal": ([{"seed": 0}, {"mean": 0.5, "stddev": 2.0, "seed": 7}], ALL_RANKS),
    "VarianceScaling": (
        [
            {"scale": 2.0, "mode": mode, "distribution": distribution, "seed": 5}
            for mode in ("fan_in", "fan_out", "fan_avg")
            for distribution in ("truncated_normal", "untruncated_normal", "uniform", "normal", "Uniform")
        ],
        KERNELS[1:],
    ),
    "Zeros": ([{}], ALL_RANKS),
}
ALIASES = {
    "IdentityInitializer": "Identity",
    "OrthogonalInitializer": "Orthogonal",
    "STFTInitializer": "STFT",
    "constant": "Constant",
    "glorot_normal": "GlorotNormal",
    "glorot_uniform": "GlorotUniform",
    "he_normal": "HeNormal",
    "he_uniform": "HeUniform",
    "identity": "Identity",
    "lecun_normal": "LecunNormal",
    "lecun_uniform": "LecunUniform",
    "ones": "Ones",
    "orthogonal": "Orthogonal",
    "random_normal": "RandomNormal",
    "random_uniform": "RandomUniform",
    "stft": "STFT",
    "truncated_normal": "TruncatedNormal",
    "variance_scaling": "VarianceScaling",
    "zeros": "Zeros",
}
