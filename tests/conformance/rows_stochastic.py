"""Rows: layers that are random in training."""

from .descriptors import Row

ROWS = [
    Row("Dropout", {"rate": 0.4}, random=True),
    Row("Dropout", {"rate": 0.0}, variant="zero"),
    Row("Dropout", {"rate": 1.0}, variant="one"),
    Row("Dropout", {"rate": 0.4, "noise_shape": (None, 1), "seed": 3}, random=True, variant="noise_shape"),
    Row("SpatialDropout1D", {"rate": 0.4}, (3, 5, 2), random=True),
    Row("SpatialDropout2D", {"rate": 0.4}, (3, 5, 4, 2), random=True),
    Row("SpatialDropout2D", {"rate": 0.4, "data_format": "channels_first"}, (3, 5, 4, 2), random=True, variant="first"),
    Row("SpatialDropout3D", {"rate": 0.4}, (3, 5, 4, 3, 2), random=True),
    Row("SpatialDropout3D", {"rate": 0.0, "data_format": "channels_first"}, (3, 5, 4, 3, 2), variant="zero"),
    Row("GaussianNoise", {"stddev": 0.3}, random=True),
    Row("GaussianNoise", {"stddev": 0}, variant="zero"),
    Row("GaussianDropout", {"rate": 0.3, "seed": 1}, random=True),
    Row("GaussianDropout", {"rate": 0}, variant="zero"),
    Row("AlphaDropout", {"rate": 0.3}, random=True),
    Row("AlphaDropout", {"rate": 0.3, "noise_shape": (None, 1)}, random=True, variant="noise_shape"),
    Row("AlphaDropout", {"rate": 0}, variant="zero"),
    Row("ActivityRegularization", {}),
    Row("ActivityRegularization", {"l1": 0.5, "l2": 0.25}, (3, 4, 2), variant="both"),
]
