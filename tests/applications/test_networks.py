"""The networks beside what real Keras says of its own: names, layers, their order and what each
is called on, shapes, configs, counts of weights."""

import json
import os
import pathlib

import pytest

import fkeras as fk

from .described import described
from .networks import NETWORKS, VARIANTS, arguments

RECORDED = json.loads((pathlib.Path(__file__).parent / "goldens" / "networks.json").read_text(encoding="utf-8"))

# One of each kind of network every day, in both variants; all of them where everything is tested.
DAILY = (
    "ConvNeXtTiny top",
    "DenseNet121 features",
    "EfficientNetB0 top",
    "EfficientNetV2B0 features",
    "InceptionV3 top",
    "InceptionResNetV2 features",
    "MobileNet top",
    "MobileNetV2 features",
    "MobileNetV3Small top",
    "NASNetMobile features",
    "ResNet50 top",
    "ResNet50V2 features",
    "VGG19 top",
    "Xception features",
)


@pytest.mark.parametrize("case", RECORDED if os.environ.get("FKERAS_TEST") == "all" else DAILY)
def test_layers_are_those_of_keras(case):
    network, variant = case.split()
    model = getattr(fk.applications, network)(**arguments(network, variant))
    assert described(model, fk.nn.serialize) == RECORDED[case], "python -m tests.applications.goldens.make_networks"


def test_every_network_is_recorded():
    assert set(RECORDED) == {f"{network} {variant}" for network in NETWORKS for variant in VARIANTS}
