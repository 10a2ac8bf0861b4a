"""Every network of `fk.applications`, and the sizes of images at which each is looked at."""

from __future__ import annotations

from typing import Any

NETWORKS: tuple[str, ...] = (
    "Xception", "VGG16", "VGG19",
    "ResNet50", "ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2",
    "InceptionV3", "InceptionResNetV2",
    "MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large",
    "DenseNet121", "DenseNet169", "DenseNet201",
    "NASNetMobile", "NASNetLarge",
    "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5",
    "EfficientNetB6", "EfficientNetB7",
    "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3", "EfficientNetV2S",
    "EfficientNetV2M", "EfficientNetV2L",
    "ConvNeXtTiny", "ConvNeXtSmall", "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge",
)  # fmt: skip

# The least that a network takes, where that is not 32.
_LEAST = {"Xception": 71, "InceptionV3": 75, "InceptionResNetV2": 75}


def sizes(name: str) -> tuple[int, int]:
    """Two sizes: the least that the network takes, and an odd one beyond."""
    least = _LEAST.get(name, 32)
    return least, least + 33


#: Each way in which a network's layers are recorded.
VARIANTS = ("top", "features")


def arguments(name: str, variant: str) -> dict[str, Any]:
    """What a network is made with; in each variant with something that is not the default."""
    if variant == "top":
        return {"weights": None}
    least = sizes(name)[0]
    return {"weights": None, "include_top": False, "pooling": "max", "input_shape": (least + 1, least + 2, 3)}
