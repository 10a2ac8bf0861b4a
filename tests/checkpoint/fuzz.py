"""Files that were damaged at random: each is an error in words, or has the values that were saved.

`python -m tests.checkpoint.fuzz 10000` is the nightly run (`make fuzz`); the tests run three hundred. Each trial
follows from its number alone, so `python -m tests.checkpoint.fuzz 1 4711` repeats trial 4711.
"""

import contextlib
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
import zipfile

import h5py
import jax
import numpy as np

import fkeras as fk

# So long may one file take, and so many trials share a process: a crash of a library names the lot that it was in.
SECONDS = 10
LOT = 500


def network():
    inputs = fk.Input((3,))
    x = fk.nn.BatchNormalization()(fk.nn.Dense(4, activation="relu")(inputs))
    return fk.Model(inputs, fk.nn.Dense(2, dtype="mixed_bfloat16")(x))


class Corpus:
    """Good files of each form, and how each is loaded."""

    def __init__(self, place):
        self.place = pathlib.Path(place)
        self.trainer = network().compile("adam", "mse")
        x, y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
        self.state, _ = self.trainer.train_step(self.trainer.init(0), (x, y))
        model, variables = self.trainer.model, self.state.variables
        self.trainer.save(self.place / "good.keras", self.state)
        model.save_weights(self.place / "good.weights.h5", variables)
        self.trainer.save(self.place / "run", self.state)
        model.save_weights(self.place / "good.safetensors", variables)
        (self.place / "shards").mkdir()
        model.save_weights(self.place / "shards" / "m.weights.json", variables, max_shard_size=1e-7)
        keras_form(self.place / "good.weights.h5", self.place / "keras.weights.h5")
        blank = jax.tree.map(np.zeros_like, variables)
        self.trainer.save(self.place / "good.h5", self.state)
        old_names = pathlib.Path(__file__).parent / "old_files" / "goldens" / "keras_2_13.zip"
        with zipfile.ZipFile(old_names) as goldens:
            for name, kept in {"old.h5": "trained_adam.h5", "old.keras": "trained_adam.keras"}.items():
                (self.place / name).write_bytes(goldens.read(kept))
        self.loaders = {
            "good.h5": lambda path: leaves(fk.load_model(path)[1]),
            "old.h5": lambda path: leaves(quietly(fk.load_trainer, path)[1].variables),
            "old.keras": lambda path: leaves(fk.load_model(path)[1]),
            "good.keras": lambda path: leaves(fk.load_model(path)[1]),
            "good.weights.h5": lambda path: leaves(model.load_weights(path, blank)),
            "keras.weights.h5": lambda path: leaves(model.load_weights(path, blank)),
            "good.safetensors": lambda path: leaves(model.load_weights(path, blank)),
            "shards": lambda path: leaves(model.load_weights(path / "m.weights.json", blank)),
            "run": lambda path: leaves(fk.load_model(path)[1]),
        }
        self.good = {name: load(self.place / name) for name, load in self.loaders.items()}

    # HDF5 as Keras writes it has no checksum, so that other numbers cannot be told from the right ones
    UNCHECKED = ("keras.weights.h5", "good.h5", "old.h5")

    @property
    def names(self):
        return list(self.loaders)


def keras_form(path, to):
    """A weights file as real Keras writes it: an older form of HDF5, and nothing beside the numbers."""
    with h5py.File(path) as old, h5py.File(to, "w") as new:

        def copy(name, item):
            if isinstance(item, h5py.Group):
                made = new.require_group(name)
            else:
                made = new.create_dataset(name, data=item[()])
            made.attrs.update({k: v for k, v in item.attrs.items() if not k.startswith("fkeras")})

        old.visititems(copy)


def quietly(load, path):
    """What loads, where what does not fit of an optimizer is a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load(path)


def leaves(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def damage(data, rng):
    """The bytes with some bits flipped, cut off, overwritten, or with a part twice."""
    kind = rng.choice(["flip", "flip", "flip", "flips", "truncate", "zeros", "twice"])
    data = bytearray(data)
    if kind == "truncate" or not data:
        return kind, bytes(data[: rng.randrange(max(len(data), 1))])
    if kind in ("flip", "flips"):
        for _ in range(1 if kind == "flip" else 12):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return kind, bytes(data)
    start = rng.randrange(len(data))
    stop = min(start + rng.randrange(1, 65), len(data))
    if kind == "zeros":
        data[start:stop] = bytes(stop - start)
        return kind, bytes(data)
    return kind, bytes(data[:stop] + data[start:])


@contextlib.contextmanager
def at_most(seconds):
    def late(*_):
        raise AssertionError(f"took more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def trial(corpus, number):
    """One damaged file; returns what came of it.

    Raises:
        AssertionError: it loaded with other values, was refused without words, or took too long.
    """
    rng = random.Random(number)
    name = rng.choice(corpus.names)
    bad = corpus.place / f"bad_{name}"
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(bad) if bad.is_dir() else bad.unlink()
    if (corpus.place / name).is_dir():
        shutil.copytree(corpus.place / name, bad)
        target = rng.choice(sorted(p for p in bad.rglob("*") if p.is_file()))
    else:
        bad.write_bytes((corpus.place / name).read_bytes())
        target = bad
    before = target.read_bytes()
    kind, after = damage(before, rng)
    target.write_bytes(after)
    what = f"trial {number}: {kind} in {target.relative_to(corpus.place)}"
    try:
        with at_most(SECONDS):
            found = corpus.loaders[name](bad)
    except (ValueError, FileNotFoundError) as error:
        if len(str(error)) <= 40:
            raise AssertionError(f"{what}: no words in {error!r}") from error
        return "refused"
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    if name in corpus.UNCHECKED:
        return "loaded"
    same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(found, corpus.good[name], strict=True))
    assert same, f"{what}: loaded with other values"
    return "loaded"


def main(count, start=0):
    with tempfile.TemporaryDirectory() as place:
        corpus, results = Corpus(place), {"refused": 0, "loaded": 0}
        for number in range(start, start + count):
            results[trial(corpus, number)] += 1
    print(f"{start} to {start + count - 1}: {results}", flush=True)


if __name__ == "__main__":
    count, start = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    if count <= LOT:
        main(count, start)
    else:
        lots = [
            subprocess.run([sys.executable, "-m", "tests.checkpoint.fuzz", str(min(LOT, start + count - s)), str(s)])
            for s in range(start, start + count, LOT)
        ]
        sys.exit(any(lot.returncode for lot in lots))
