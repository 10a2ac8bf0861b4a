"""Writes `networks.json`: `KERAS_BACKEND=numpy python -m tests.applications.goldens.make_networks`.

What real Keras 3.15.1 says of each of its networks; on numpy, which makes weights without compiling.
"""

import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "numpy")

import keras

from ..described import described
from ..networks import NETWORKS, VARIANTS, arguments

PLACE = pathlib.Path(__file__).with_name("networks.json")


def main() -> None:
    """Write the file."""
    zeros = keras.initializers.Zeros()
    keras.initializers.VarianceScaling.__call__ = lambda self, shape, dtype=None, **_: zeros(shape, dtype)
    found = {}
    for network in NETWORKS:
        for variant in VARIANTS:
            keras.backend.clear_session()
            model = getattr(keras.applications, network)(**arguments(network, variant))
            found[f"{network} {variant}"] = described(model, keras.saving.serialize_keras_object)
            print(network, variant, found[f"{network} {variant}"], flush=True)
    PLACE.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
