"""What fkeras makes of the files of `make_zoo.py`: `python -m tests.checkpoint.old_files.check_zoo FOLDER [NAME ...]`.

Each NAME.h5, NAME.keras and NAME.w.h5 beside a NAME.npz is opened, predicts, and, where it was compiled, trains a step;
what differs from Keras by more than 1e-5 is printed.
"""

import glob
import os
import sys
import traceback
import warnings

import jax
import jax.numpy as jnp
import numpy as np

import fkeras as fk

SUFFIXES = os.environ.get("SUFFIXES", ".h5 .keras .w.h5").split()
# These compute in bfloat16, whose steps are larger.
LOOSE = {"mixed_precision": 2e-2}


class Scale(fk.nn.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.shift = self.add_weight(name="shift", shape=(int(input_shape[-1]),), initializer="ones")

    def call(self, x):
        return x * self.factor + self.shift[None, :]


def twice(x):
    return 2 * x


def sampling(both):
    mean, log_var = both
    return mean + jnp.exp(0.5 * log_var) * 0.3


class WithConstant(fk.nn.Layer):
    """A cell that is given a constant beside its state."""

    def __init__(self, units, known=3, **kwargs):
        super().__init__(**kwargs)
        self.units, self.known = units, known
        self.state_size = units

    def build(self, input_shape):
        x = input_shape[0] if isinstance(input_shape, list) else input_shape
        self.a = self.add_weight(shape=(x[-1], self.units), initializer="uniform", name="a")
        self.r = self.add_weight(shape=(self.units, self.units), initializer="uniform", name="r")
        self.c = self.add_weight(shape=(self.known, self.units), initializer="uniform", name="c")

    def call(self, inputs, states, constants):
        y = jnp.einsum("bx,xu->bu", inputs, self.a) + jnp.einsum("bx,xu->bu", states[0], self.r)
        y = y + jnp.einsum("bx,xu->bu", constants[0], self.c)
        return y, [y]


OWN = {
    "Scale": Scale,
    "twice": twice,
    "double": twice,
    "sampling": sampling,
    "z": sampling,
    "WithConstant": WithConstant,
}


def given(model, xs):
    if isinstance(model.input, dict):
        return dict(zip(sorted(model.input), xs, strict=True))
    return xs if len(xs) > 1 else xs[0]


def listed(y):
    if isinstance(y, dict):
        return [y[k] for k in sorted(y)]
    return list(y) if isinstance(y, list | tuple) else [y]


def numbers(npz, letter):
    return [npz[f"{letter}{i}"] for i in range(100) if f"{letter}{i}" in npz]


def worst(found, wanted):
    assert len(found) == len(wanted), f"{len(found)} outputs, not {len(wanted)}"
    assert all(np.shape(f) == w.shape for f, w in zip(found, wanted, strict=True)), [np.shape(f) for f in found]
    return max(
        float(np.max(np.abs(np.asarray(f, "float32") - w), initial=0) / max(1.0, float(np.max(np.abs(w), initial=0))))
        for f, w in zip(found, wanted, strict=True)
    )


def check(folder, name, suffix):
    """What differs, as text; empty where nothing does."""
    npz = dict(np.load(os.path.join(folder, name + ".npz")))
    path, xs = os.path.join(folder, name + suffix), numbers(npz, "x")
    if suffix == ".w.h5":
        model = fk.load_model(os.path.join(folder, name + ".h5"), custom_objects=OWN, compile=False)[0]
        blank = {
            kind: jax.tree.map(lambda s: jnp.full(s.shape, 7 * (kind != "recurrent_state"), s.dtype), tree)
            for kind, tree in model.abstract_variables().items()
        }
        variables = model.load_weights(path, blank)
    else:
        model, variables = fk.load_model(path, custom_objects=OWN)
    args = (given(model, xs),)
    run = jax.jit(lambda v, x: model.apply(v, x, mutable=["recurrent_state"])[0])
    difference = worst(listed(run(variables, *args)), numbers(npz, "y"))
    said = [] if difference <= LOOSE.get(name, 1e-5) else [f"predictions differ by {difference:.1e}"]
    if numbers(npz, "z") and suffix != ".w.h5":
        trainer, state = fk.load_trainer(path, custom_objects=OWN)
        target = numbers(npz, "t")
        if isinstance(model.output, dict):
            target = dict(zip(sorted(model.output), target, strict=True))
        batch = (*args, target if len(target) > 1 else target[0]) if target else args
        state, _ = trainer.train_step(state, batch)
        difference = worst(listed(run(state.variables, *args)), numbers(npz, "z"))
        if difference > 1e-5:
            said.append(f"after a step predictions differ by {difference:.1e}")
    return "; ".join(said)


def main(folder, names):
    bad = good = 0
    for npz in sorted(glob.glob(os.path.join(folder, "*.npz"))):
        name = os.path.basename(npz)[:-4]
        if names and name not in names:
            continue
        for suffix in SUFFIXES:
            if not os.path.exists(os.path.join(folder, name + suffix)):
                continue
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                try:
                    said = check(folder, name, suffix)
                except Exception as error:
                    said = f"{type(error).__name__}: {error}"[:1500]
                    if names:
                        traceback.print_exc()
            bad, good = bad + bool(said), good + (not said)
            if said or warned:
                print(
                    f"{name}{suffix}: {said} {[str(w.message)[: 1500 if names else 300] for w in warned]}", flush=True
                )
        jax.clear_caches()
    print(f"{folder}: {good} as in Keras, {bad} not")
    return bad


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1], sys.argv[2:])))
