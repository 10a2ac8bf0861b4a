"""Rows: numbers as categories, hashing, lookups of integers, spectrograms."""

from .descriptors import Row

BINS = {"dtype": "half precision moves numbers across bins", "config": "Keras's has a dtype of another form"}
HOST = {"reference": "Keras needs TensorFlow: tests/nn/test_tabular.py", "config": "likewise", "dtype": "integers"}
SPECTRUM = "float32 sums of a few hundred products"
ROWS = [
    *(
        Row("CategoryEncoding", {"num_tokens": 5, "output_mode": mode}, (3, 4), dtype="int32", variant=mode,
            skip={"config": "Keras's loses `sparse`"})
        for mode in ("one_hot", "multi_hot", "count")
    ),
    Row("CategoryEncoding", {"num_tokens": 5, "output_mode": "one_hot"}, (3, 1), dtype="int32", variant="column",
        skip={"config": "Keras's loses `sparse`"}),
    Row("Discretization", {"bin_boundaries": [-0.5, 0.0, 1.0]}, (3, 4), skip=BINS),
    Row("Discretization", {"bin_boundaries": [-0.5, 0.5], "output_mode": "one_hot"}, (3, 1), variant="one_hot",
        skip=BINS),
    Row("Hashing", {"num_bins": 4}, (3, 2), dtype="int32", skip=HOST),
    Row("HashedCrossing", {"num_bins": 4}, [(3,), (3,)], dtype="int32", skip=HOST),
    Row("IntegerLookup", {"vocabulary": [3, 1]}, (3, 2), dtype="int32", skip=HOST),
    Row("STFTSpectrogram", {"frame_length": 16}, (3, 48, 2), variant="log", why=SPECTRUM,
        skip={"dtype": "a logarithm of noise"}),
    *(
        Row("STFTSpectrogram", {"mode": mode, "frame_length": 16, "frame_step": 5, **more}, (3, 48, 2), variant=mode,
            why=SPECTRUM, skip={"dtype": "Keras refuses half precision"})
        for mode, more in (
            ("magnitude", {"padding": "same"}), ("psd", {"window": "hamming", "periodic": True}),
            ("real", {"scaling": "spectrum"}), ("imag", {"window": None}), ("stft", {"expand_dims": True}),
        )
    ),
    Row("MelSpectrogram", {"fft_length": 64, "sequence_stride": 32, "num_mel_bins": 8}, (3, 300), atol=1e-4,
        why="decibels of float32 spectra: 10 log10 of a relative error of 1e-5",
        skip={"dtype": "decibels of bfloat16", "vmap": "the loudest of the whole batch is the reference"}),
    Row("MelSpectrogram", {"fft_length": 64, "sequence_stride": 32, "num_mel_bins": 8, "power_to_db": False,
                           "window": "hamming", "sequence_length": 50}, (3, 300), variant="power", why=SPECTRUM,
        skip={"dtype": "power of bfloat16"}),
]  # fmt: skip
