"""Rows: image preprocessing. What is drawn is compared in tests/nn/test_image.py, with the same draw on both sides."""

from .descriptors import Row

# Where the laws draw pixels: normal numbers, nearly all within this range.
PIXELS = (-3, 3)
RGB = (3, 5, 4, 3)
NO_DTYPE = {"dtype": "levels of a histogram are found by rounding, so bfloat16 moves pixels to other levels"}


def _pipeline(n):
    return n.Pipeline(
        [n.Resizing(3, 3, name="a"), n.Rescaling(0.5, name="b"), n.RandomFlip(seed=1, name="c")], name="p"
    )


ROWS = [
    Row("Rescaling", {"scale": 0.5, "offset": -1.0}, (3, 4, 5, 2)),
    Row("Rescaling", {"scale": [0.5, 2.0], "offset": [1.0, -1.0]}, (3, 4, 5, 2), variant="channels"),
    Row("Resizing", {"height": 7, "width": 3}, (3, 4, 5, 2)),
    Row("Resizing", {"height": 3, "width": 7, "data_format": "channels_first"}, (3, 2, 5, 4), variant="first"),
    Row("Resizing", {"height": 7, "width": 8, "interpolation": "nearest"}, (3, 4, 5, 2), variant="nearest"),
    Row("Resizing", {"height": 7, "width": 8, "interpolation": "bicubic"}, (3, 4, 5, 2), variant="bicubic"),
    Row("Resizing", {"height": 3, "width": 4, "interpolation": "lanczos3"}, (3, 6, 5, 2), variant="lanczos3"),
    Row("Resizing", {"height": 3, "width": 4, "interpolation": "lanczos5"}, (3, 6, 5, 2), variant="lanczos5"),
    Row("Resizing", {"height": 3, "width": 2, "antialias": True}, (3, 8, 7, 2), variant="antialias"),
    Row("Resizing", {"height": 4, "width": 4, "crop_to_aspect_ratio": True}, (3, 9, 6, 2), variant="crop"),
    Row("Resizing", {"height": 6, "width": 4, "pad_to_aspect_ratio": True}, (3, 5, 9, 2), variant="pad"),
    Row(
        "Resizing",
        {"height": 4, "width": 6, "pad_to_aspect_ratio": True, "fill_value": 2.0, "data_format": "channels_first"},
        (3, 2, 9, 5),
        variant="pad_first",
    ),
    Row("CenterCrop", {"height": 3, "width": 2}, (3, 6, 5, 2)),
    Row("CenterCrop", {"height": 5, "width": 4, "data_format": "channels_first"}, (3, 2, 4, 9), variant="small"),
    Row("RandomCrop", {"height": 3, "width": 2, "seed": 1}, (3, 5, 4, 2), random=True),
    Row("RandomCrop", {"height": 6, "width": 4}, (3, 5, 9, 2), variant="small"),
    Row("RandomFlip", {"mode": "vertical", "seed": 1}, RGB, random=True),
    Row("RandomFlip", {"mode": "horizontal", "data_format": "channels_first"}, RGB, random=True, variant="first"),
    Row("RandomRotation", {"factor": 0.3}, RGB, random=True),
    Row("RandomRotation", {"factor": (0.25, 0.25), "fill_mode": "nearest"}, RGB, variant="quarter"),
    Row("RandomTranslation", {"height_factor": 0.3, "width_factor": (-0.2, 0.4)}, RGB, random=True),
    Row(
        "RandomTranslation",
        {"height_factor": (0.4, 0.4), "width_factor": (-0.5, -0.5), "fill_mode": "constant", "fill_value": 2.0},
        (3, 5, 4, 2),
        variant="fixed",
    ),
    Row("RandomZoom", {"height_factor": 0.3, "interpolation": "nearest"}, RGB, random=True),
    Row(
        "RandomZoom",
        {"height_factor": (0.5, 0.5), "width_factor": (-0.25, -0.25), "fill_mode": "wrap"},
        (3, 5, 4, 2),
        variant="fixed",
    ),
    Row("RandomShear", {"x_factor": (0.1, 0.3), "y_factor": (0.0, 0.2)}, RGB, random=True),
    Row("RandomPerspective", {"factor": 0.5, "scale": 0.4, "seed": 1}, RGB, random=True),
    Row("RandomElasticTransform", {"factor": (0.5, 1.0), "scale": 0.7, "value_range": PIXELS}, RGB, random=True),
    Row("RandomElasticTransform", {"scale": 0.0}, RGB, variant="none"),
    Row("RandomBrightness", {"factor": 0.3, "value_range": (3, -3)}, RGB, random=True),
    Row("RandomBrightness", {"factor": (0.25, 0.25), "value_range": PIXELS}, RGB, variant="fixed"),
    Row("RandomContrast", {"factor": (0.2, 0.7), "value_range": PIXELS}, RGB, random=True),
    Row("RandomSaturation", {"factor": 0.3}, RGB, random=True),
    Row("RandomSaturation", {"factor": (0.25, 0.25), "value_range": (0, 1)}, RGB, variant="fixed"),
    Row("RandomHue", {"factor": 0.3, "value_range": PIXELS}, RGB, random=True),
    Row("RandomColorDegeneration", {"factor": 0.3}, RGB, random=True),
    Row("RandomColorDegeneration", {"factor": (0.5, 0.5), "value_range": PIXELS}, RGB, variant="fixed"),
    Row("RandomGrayscale", {"factor": 0.3}, RGB, random=True),
    Row("RandomGrayscale", {"factor": 1.0}, RGB, variant="always"),
    Row("RandomGrayscale", {"factor": 0.0}, RGB, variant="never"),
    Row("RandomColorJitter", {"brightness_factor": 0.2, "hue_factor": 0.1, "contrast_factor": 0.1}, RGB, random=True),
    Row("RandomColorJitter", {"value_range": PIXELS, "saturation_factor": (0.5, 0.6)}, RGB, random=True, variant="one"),
    Row("RandomInvert", {"factor": 0.4, "value_range": PIXELS}, RGB, random=True),
    Row("RandomPosterization", {"factor": 4, "value_range": PIXELS}, RGB, random=True),
    Row(
        "Solarization",
        {"addition_factor": 0.3, "threshold_factor": (0.2, 0.6), "value_range": PIXELS},
        RGB,
        random=True,
    ),
    Row("AutoContrast", {"value_range": PIXELS}, RGB),
    Row("AutoContrast", {"value_range": (0, 1), "data_format": "channels_first"}, (3, 3, 4, 5), variant="first"),
    Row("Equalization", {"value_range": PIXELS, "bins": 16}, RGB),
    Row(
        "Equalization",
        {"value_range": PIXELS, "bins": 12, "data_format": "channels_first"},  # Keras writes out a loop over bins
        (3, 3, 4, 5),
        variant="first",
    ),
    Row(
        "ContrastLimitedAdaptiveHistogramEqualization",
        {"value_range": PIXELS, "tile_grid_size": (2, 3)},
        (3, 5, 7, 2),
        skip=NO_DTYPE,
    ),
    Row(
        "ContrastLimitedAdaptiveHistogramEqualization",
        {"value_range": PIXELS, "clip_limit": 0.0, "tile_grid_size": (3, 2), "data_format": "channels_first"},
        (3, 2, 6, 4),
        variant="first",
        skip=NO_DTYPE,
    ),
    Row("RandomSharpness", {"factor": 0.7, "value_range": PIXELS}, RGB, random=True),
    Row("RandomSharpness", {"factor": (0.9, 0.9), "value_range": PIXELS}, (3, 5, 4, 2), variant="fixed"),
    Row("RandomGaussianBlur", {"factor": 0.5, "kernel_size": (3, 5), "sigma": (0.2, 0.9)}, RGB, random=True),
    Row(
        "RandomGaussianBlur",
        {"factor": (1, 1), "kernel_size": (3, 5), "sigma": (0.5, 0.5), "value_range": PIXELS},
        (3, 6, 7, 2),
        variant="fixed",
    ),
    Row("RandomErasing", {"factor": 0.5, "fill_value": (1, 2, 3)}, RGB, random=True),
    Row(
        "RandomErasing",
        {"scale": (0.1, 0.2), "data_format": "channels_first"},
        (3, 2, 5, 6),
        random=True,
        variant="first",
    ),
    Row("MixUp", {"alpha": 0.3, "seed": 1}, RGB, random=True),
    Row("CutMix", {"factor": 0.8}, RGB, random=True),
    Row("RandAugment", {"value_range": (0, 1), "num_ops": 3, "factor": (0.1, 0.4)}, RGB, random=True),
    Row("AugMix", {"value_range": (0, 1), "num_chains": 2, "chain_depth": 2, "all_ops": False}, RGB, random=True),
    Row("MaxNumBoundingBoxes", {"max_number": 4}, RGB),
    Row(
        "Pipeline", {}, RGB, make=_pipeline, random=True, skip={"dtype": "the layers inside have policies of their own"}
    ),
]
