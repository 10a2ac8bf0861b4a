"""Every network of `fk.applications` beside the real one, forward, at two image sizes, with and without its top.

`make test-applications`, or `python -m tests.applications.against_keras ResNet50 VGG16` for some. The weights are
random and the same in both: real Keras's file is what the network is given. The batch is one image. A line a network
says how far the outputs are apart, relative to the largest.
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np

import fkeras as fk

from .networks import NETWORKS, sizes

#: How far outputs may be apart, relative to the largest of them: some hundred convolutions, summed in another order.
TOLERANCE = 2e-4


def kwargs_of(name: str) -> list[dict]:
    """What each network is made with: without its top at a small size, and with it at a larger one."""
    small, large = sizes(name)
    return [
        {"include_top": False, "pooling": "avg", "input_shape": (small, small, 3)},
        {"include_top": True, "classes": 7, "classifier_activation": None, "input_shape": (large, large, 3)},
    ]


def fill(model: keras.Model, seed: int) -> None:
    """Random weights whose outputs neither vanish nor grow: every other deviation is one of its kind."""
    generator = np.random.default_rng(seed)
    for variable in model.variables:
        shape, name = tuple(variable.shape), variable.path.rpartition("/")[2]
        if not np.issubdtype(np.dtype(variable.dtype), np.floating):
            continue
        fan = max(int(np.prod(shape[:-1])), 1)
        if "depthwise" in variable.path and name != "bias":
            fan = shape[0] * shape[1] if len(shape) == 4 else fan
        value = generator.normal(size=shape) * np.sqrt(2.0 / fan)
        if name in ("gamma", "moving_variance", "variance") or "variance" in name:
            value = generator.uniform(0.6, 1.4, size=shape)
        elif name in ("bias", "beta", "moving_mean", "mean"):
            value = generator.normal(size=shape) * 0.1
        variable.assign(value.astype("float32"))


def without_draws() -> None:
    """Real Keras's initializers as zeros: the weights are filled, and drawing each anew compiles for minutes."""
    zeros = keras.initializers.Zeros()
    for kind in (keras.initializers.VarianceScaling,):
        kind.__call__ = lambda self, shape, dtype=None, **_: zeros(shape, dtype)


def compare(name: str, kwargs: dict) -> tuple[float, float]:
    """How far the outputs of one network are apart, and the largest of them."""
    keras.backend.clear_session()
    theirs = getattr(keras.applications, name)(weights=None, **kwargs)
    fill(theirs, 0)
    model = getattr(fk.applications, name)(weights=None, **kwargs)
    place = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"{os.getpid()}.weights.h5")
    try:
        theirs.save_weights(place)
        ours = getattr(fk.applications, name)(**{**kwargs, "weights": place})
    finally:
        os.path.exists(place) and os.unlink(place)
    variables = ours.init(0)
    loaded = {path: np.asarray(leaf) for path, leaf in ours.variable_map(variables).items()}
    assert len(loaded) == len([v for v in theirs.variables if "seed_generator" not in v.path]), name
    assert jax.tree.structure(variables) == jax.tree.structure(model.abstract_variables())
    x = np.random.default_rng(1).uniform(0, 255, (1, *kwargs["input_shape"])).astype("float32")
    if name.startswith(("VGG", "ResNet", "DenseNet", "Xception", "Inception", "NASNet")) or name in (
        "MobileNet",
        "MobileNetV2",
    ):
        x = x / 127.5 - 1
    state = [v.value for v in theirs.trainable_variables], [v.value for v in theirs.non_trainable_variables]
    forward = jax.jit(lambda state, x: theirs.stateless_call(*state, x, training=False)[0])
    expected = np.asarray(forward(state, x))
    found = np.asarray(jax.jit(ours.apply)(variables, x))
    return float(np.abs(found - expected).max()), float(np.abs(expected).max())


def main(names: list[str]) -> int:
    """Compare some networks, or all."""
    without_draws()
    wrong = 0
    for name in names or NETWORKS:
        for kwargs in kwargs_of(name):
            start = time.perf_counter()
            apart, largest = compare(name, kwargs)
            size, top = kwargs["input_shape"][0], "top" if kwargs["include_top"] else "no top"
            ok = largest > 1e-3 and np.isfinite(largest) and apart <= TOLERANCE * largest
            wrong += not ok
            took = time.perf_counter() - start
            line = f"{name:18} {size:4} {top:7} {apart / largest:.1e} of {largest:.3g}  {took:.0f} s"
            print(line, "" if ok else "WRONG", flush=True)
            jax.clear_caches()
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
