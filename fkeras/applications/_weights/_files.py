"""Published weights: the one table of their files, addresses and digests, as Keras has it."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TypeAlias

from ...core import did_you_mean, explain
from ...utils import keras_home

#: The digests of the files with and without the top: MD5, or SHA-256 where they are longer.
Digests: TypeAlias = tuple[str, str]

_ROOT = "https://storage.googleapis.com/tensorflow/keras-applications"

# How the files without the top are called is the same throughout a kind: `NAME_weights_tf_dim_ordering_tf_kernels.h5`
# and `…_notop.h5`. The network: its folder, NAME, digests.
_BY_ORDERING: dict[str, tuple[str, str, Digests]] = {
    "Xception": ("xception", "xception", ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97")),
    "VGG16": ("vgg16", "vgg16", ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc")),
    "VGG19": ("vgg19", "vgg19", ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6")),
    "InceptionV3": (
        "inception_v3",
        "inception_v3",
        ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"),
    ),
    "InceptionResNetV2": (
        "inception_resnet_v2",
        "inception_resnet_v2",
        ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4"),
    ),
    "ResNet50": ("resnet", "resnet50", ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626")),
    "ResNet101": ("resnet", "resnet101", ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21")),
    "ResNet152": ("resnet", "resnet152", ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c")),
    "ResNet50V2": ("resnet", "resnet50v2", ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917")),
    "ResNet101V2": ("resnet", "resnet101v2", ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5")),
    "ResNet152V2": ("resnet", "resnet152v2", ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33")),
    "DenseNet121": (
        "densenet",
        "densenet121",
        ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
    ),
    "DenseNet169": (
        "densenet",
        "densenet169",
        ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
    ),
    "DenseNet201": (
        "densenet",
        "densenet201",
        ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
    ),
}
# `NAME.h5` and `NAME_notop.h5`. The network: the address of its folder, NAME, digests.
_EFFICIENT = "https://storage.googleapis.com/keras-applications"
_EFFICIENT_V2, _CONVNEXT = f"{_ROOT}/efficientnet_v2", f"{_ROOT}/convnext"
_BY_NAME: dict[str, tuple[str, str, Digests]] = {
    "EfficientNetB0": (
        _EFFICIENT,
        "efficientnetb0",
        ("902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    ),
    "EfficientNetB1": (
        _EFFICIENT,
        "efficientnetb1",
        ("1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    ),
    "EfficientNetB2": (
        _EFFICIENT,
        "efficientnetb2",
        ("b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    ),
    "EfficientNetB3": (
        _EFFICIENT,
        "efficientnetb3",
        ("ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    ),
    "EfficientNetB4": (
        _EFFICIENT,
        "efficientnetb4",
        ("18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    ),
    "EfficientNetB5": (
        _EFFICIENT,
        "efficientnetb5",
        ("ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    ),
    "EfficientNetB6": (
        _EFFICIENT,
        "efficientnetb6",
        ("165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    ),
    "EfficientNetB7": (
        _EFFICIENT,
        "efficientnetb7",
        ("8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
    ),
    "EfficientNetV2B0": (
        _EFFICIENT_V2,
        "efficientnetv2-b0",
        ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"),
    ),
    "EfficientNetV2B1": (
        _EFFICIENT_V2,
        "efficientnetv2-b1",
        ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"),
    ),
    "EfficientNetV2B2": (
        _EFFICIENT_V2,
        "efficientnetv2-b2",
        ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"),
    ),
    "EfficientNetV2B3": (
        _EFFICIENT_V2,
        "efficientnetv2-b3",
        ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"),
    ),
    "EfficientNetV2S": (
        _EFFICIENT_V2,
        "efficientnetv2-s",
        ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"),
    ),
    "EfficientNetV2M": (
        _EFFICIENT_V2,
        "efficientnetv2-m",
        ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"),
    ),
    "EfficientNetV2L": (
        _EFFICIENT_V2,
        "efficientnetv2-l",
        ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615"),
    ),
    "ConvNeXtTiny": (
        _CONVNEXT,
        "convnext_tiny",
        (
            "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
            "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        ),
    ),
    "ConvNeXtSmall": (
        _CONVNEXT,
        "convnext_small",
        (
            "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
            "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
        ),
    ),
    "ConvNeXtBase": (
        _CONVNEXT,
        "convnext_base",
        (
            "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
            "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
        ),
    ),
    "ConvNeXtLarge": (
        _CONVNEXT,
        "convnext_large",
        (
            "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
            "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
        ),
    ),
    "ConvNeXtXLarge": (
        _CONVNEXT,
        "convnext_xlarge",
        (
            "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
            "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
        ),
    ),
}
# The cache calls them otherwise than the address. The network: file at the address, file in the cache, digests.
_NASNET: dict[str, tuple[str, str, Digests]] = {
    "NASNetMobile": (
        "NASNet-mobile",
        "nasnet_mobile",
        ("020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"),
    ),
    "NASNetLarge": (
        "NASNet-large",
        "nasnet_large",
        ("11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"),
    ),
}
# MobileNetV3 by size, alpha and whether it is minimalistic.
_MOBILENET_V3: dict[str, Digests] = {
    "large_224_0.75_float": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0_float": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0_float": ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75_float": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0_float": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0_float": ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}
# Widths of MobileNet as its files are called by them.
_ALPHAS = {1.0: "1_0", 0.75: "7_5", 0.50: "5_0", 0.25: "2_5"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """Which of a network's files: with or without the top, and what the mobile networks were published for.

    Attributes:
        include_top: whether the file has the top.
        alpha: the factor of the widths.
        size: the rows and columns of the images.
        minimalistic: of MobileNetV3.
    """

    include_top: bool = True
    alpha: float = 1.0
    size: int | None = 224
    minimalistic: bool = False


@dataclasses.dataclass(frozen=True)
class Published:
    """A file that is published.

    Attributes:
        network: whose weights it holds; empty for what is no network's.
        url: its address.
        name: what the cache calls it.
        digest: of its bytes, MD5 or SHA-256; empty where none was published.
        call: the line that downloads it.
    """

    network: str
    url: str
    name: str
    digest: str
    call: str

    @property
    def key(self) -> str:
        """What `download` knows it by."""
        return self.network or self.name.partition(".")[0]

    @property
    def path(self) -> pathlib.Path:
        """Its place in Keras's cache."""
        return cache() / self.name

    def in_cache(self) -> pathlib.Path:
        """Its place in the cache.

        Raises:
            FileNotFoundError: it is not there.
        """
        if not self.path.is_file():
            raise FileNotFoundError(
                explain(
                    f"The published file of {self.network or self.name} is not on this machine.",
                    received=str(self.path),
                    usually="nothing is downloaded unless it is asked for; Keras downloads on the first use.",
                    write=self.call + ("   # or weights=None, or weights='a file'" if self.network else ""),
                )
            )
        return self.path


CLASS_INDEX = Published(
    network="",
    url="https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    name="imagenet_class_index.json",
    digest="c2c37ea517e94d9795004a39431a14cb",
    call="fk.applications.download('imagenet_class_index')",
)


def cache() -> pathlib.Path:
    """The folder in which Keras keeps what it downloaded: `$KERAS_HOME/models`, `~/.keras/models` by default."""
    return keras_home() / "models"


def published(network: str, choice: Choice) -> Published:
    """The file of a network's weights.

    Raises:
        ValueError: there is no such network, or no weights for what was chosen.
    """
    table = _table(choice)
    if network not in table:
        raise ValueError(
            explain(
                f"There is no network {network!r} with published weights. {did_you_mean(network, sorted(table))}",
                received=repr(network),
                write='fk.applications.download("ResNet50")',
            )
        )
    url, name, digest = table[network]
    if not url:
        raise ValueError(
            explain(
                f"No weights of {network} were published for this choice.",
                received=f"{choice}",
                usually="another width, or a minimalistic network of another width than 1.",
                write=f'fk.applications.download("{network}", include_top={choice.include_top})',
            )
        )
    return Published(network, url, name, digest, _call(network, choice))


def _call(network: str, choice: Choice) -> str:
    """The line that downloads a file."""
    told = {f.name: getattr(choice, f.name) for f in dataclasses.fields(choice) if getattr(choice, f.name) != f.default}
    arguments = ", ".join([repr(network), *(f"{name}={value!r}" for name, value in told.items())])
    return f"fk.applications.download({arguments})"


def _table(choice: Choice) -> dict[str, tuple[str, str, str]]:
    """Each network's file for a choice: its address, name and digest; an empty address where there is none."""
    top, which = choice.include_top, 0 if choice.include_top else 1
    found = {}
    for network, (folder, known, digests) in _BY_ORDERING.items():
        name = f"{known}_weights_tf_dim_ordering_tf_kernels{'' if top else '_notop'}.h5"
        found[network] = (f"{_ROOT}/{folder}/{name}", name, digests[which])
    for network, (address, known, digests) in _BY_NAME.items():
        name = f"{known}{'' if top else '_notop'}.h5"
        found[network] = (f"{address}/{name}", name, digests[which])
    for network, (there, here, digests) in _NASNET.items():
        url = f"{_ROOT}/nasnet/{there}{'' if top else '-no-top'}.h5"
        found[network] = (url, f"{here}{'' if top else '_no_top'}.h5", digests[which])
    size, end = choice.size or 224, "" if top else "_no_top"
    name = f"mobilenet_{_ALPHAS.get(choice.alpha)}_{size}_tf{end}.h5"
    found["MobileNet"] = (f"{_ROOT}/mobilenet/{name}" if choice.alpha in _ALPHAS else "", name, "")
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(choice.alpha)}_{size}{end}.h5"
    found["MobileNetV2"] = (f"{_ROOT}/mobilenet_v2/{name}", name, "")
    for network, kind in (("MobileNetV3Small", "small"), ("MobileNetV3Large", "large")):
        model = f"{kind}{'_minimalistic' if choice.minimalistic else ''}_224_{choice.alpha}_float"
        name = f"weights_mobilenet_v3_{model}{'' if top else '_no_top_v2'}.h5"
        known_v3 = _MOBILENET_V3.get(model)
        found[network] = (f"{_ROOT}/mobilenet_v3/{name}", name, known_v3[which]) if known_v3 else ("", name, "")
    return found
