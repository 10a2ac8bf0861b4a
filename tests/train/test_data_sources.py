"""What `fit`, `evaluate` and `predict` read batches from; every source gives the run that arrays give."""

import collections

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype("float32")
Y = (X @ RNG.normal(size=(3, 1))).astype("float32")
W = RNG.uniform(0.5, 2, 20).astype("float32")


@pytest.fixture(scope="module")
def trainer():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("adam", "mse", weighted_metrics=["mae"])


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def batches(convert=np.asarray):
    return [tuple(convert(a[i : i + 4]) for a in (X, Y, W)) for i in range(0, 20, 4)]


class PyDataset:
    """As keras.utils.PyDataset: a length, items, and calls at an epoch's begin and end."""

    def __init__(self):
        self.calls = []

    def __len__(self):
        return 5

    def __getitem__(self, i):
        self.calls.append(i)
        return batches()[i]

    def on_epoch_begin(self):
        self.calls.append("begin")

    def on_epoch_end(self):
        self.calls.append("end")


class Tensor:
    """What a torch tensor is to its reader: a shape, and numpy only of what is detached and on the CPU."""

    def __init__(self, values, ready=()):
        self.values, self.ready = np.asarray(values), ready
        self.shape, self.dtype = self.values.shape, "torch.float32"

    def detach(self):
        return Tensor(self.values, (*self.ready, "detached"))

    def cpu(self):
        return Tensor(self.values, (*self.ready, "on the CPU"))

    def numpy(self):
        assert self.ready == ("detached", "on the CPU")
        return self.values

    def __array__(self, *args, **kwargs):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class Loader:
    """As torch's DataLoader: an iterable with a length and without items."""

    def __iter__(self):
        return iter([list(b) for b in batches(Tensor)])

    def __len__(self):
        return 5


class Eager:
    """As a tensor of TensorFlow: a shape and `__array__`."""

    def __init__(self, values):
        self.values = np.asarray(values)
        self.shape = self.values.shape

    def __array__(self, dtype=None, copy=None):
        return self.values


class TfData:
    """As tf.data: an iterable whose length may be unknown."""

    def __iter__(self):
        return iter(batches(Eager))

    def __len__(self):
        raise TypeError("The dataset length is unknown.")


SOURCES = {
    "a list of batches": batches,
    "a list of jax arrays": lambda: batches(jnp.asarray),
    "a PyDataset": PyDataset,
    "a torch loader": Loader,
    "tf.data": TfData,
    "a function that starts a pass": lambda: lambda: iter(batches()),
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_gives_the_run_that_arrays_give(trainer, source):
    start = trainer.init(0)
    wanted, reference = trainer.fit(start, X, Y, sample_weight=W, batch_size=4, epochs=3, shuffle=False, verbose=0)
    got, history = trainer.fit(start, SOURCES[source](), epochs=3, shuffle=source != "a PyDataset", verbose=0)
    assert equal(got.params, wanted.params)
    assert history.history == reference.history
    logs = trainer.evaluate(got, SOURCES[source]())
    for name, value in trainer.evaluate(wanted, X, Y, sample_weight=W, batch_size=4).items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-6)  # sums in another order
    np.testing.assert_array_equal(trainer.predict(got, SOURCES[source]()), trainer.predict(wanted, X, batch_size=4))


def test_a_generator_is_read_once_and_cut_up_by_steps_per_epoch(trainer):
    def generator():
        while True:
            yield from batches()

    start = trainer.init(0)
    wanted, _ = trainer.fit(start, X, Y, sample_weight=W, batch_size=4, epochs=2, shuffle=False, verbose=0)
    got, _ = trainer.fit(start, generator(), steps_per_epoch=5, epochs=2, verbose=0)
    assert equal(got.params, wanted.params)
    with pytest.warns(UserWarning, match=r"yielded no batch in epoch 2[\s\S]*steps_per_epoch"):
        got, history = trainer.fit(start, iter(batches()), epochs=2, verbose=0)
    wanted, _ = trainer.fit(start, X, Y, sample_weight=W, batch_size=4, shuffle=False, verbose=0)
    assert equal(got.params, wanted.params)
    assert history.epoch == [0]


def test_a_dataset_is_told_where_epochs_begin_and_end(trainer):
    dataset = PyDataset()
    trainer.fit(trainer.init(0), dataset, epochs=2, shuffle=False, verbose=0)
    assert dataset.calls == ["begin", 0, 1, 2, 3, 4, "end"] * 2
    shuffled = PyDataset()
    trainer.fit(trainer.init(0), shuffled, epochs=2, verbose=0)
    assert shuffled.calls[:2] == ["begin", 0]  # a look at the shapes
    calls = [shuffled.calls[2:8], shuffled.calls[9:]]
    assert [c[-1] for c in calls] == ["end"] * 2
    assert shuffled.calls[8] == "begin"
    orders = [c[:-1] for c in calls]
    assert [sorted(order) for order in orders] == [[0, 1, 2, 3, 4]] * 2
    assert orders[0] != orders[1]


class Reads(PyDataset):
    """One that raises when it is asked for a number of batches."""

    def __init__(self, most=1000):
        super().__init__()
        self.most = most

    def __getitem__(self, i):
        if sum(isinstance(c, int) for c in self.calls) == self.most:
            raise KeyboardInterrupt
        return super().__getitem__(i)


@pytest.mark.sweep(2, 1)
@pytest.mark.parametrize("steps_per_epoch", [None, 3])
def test_a_shuffled_dataset_goes_on_where_it_was(trainer, tmp_path, steps_per_epoch):
    start, whole = trainer.init(0), Reads()
    options = {"epochs": 4, "steps_per_epoch": steps_per_epoch, "verbose": 0}
    wanted, history = trainer.fit(start, whole, **options)
    again, _ = trainer.fit(start, Reads(), **options)
    assert equal(again.params, wanted.params)
    saving = fk.callbacks.BackupAndRestore(tmp_path / "run", save_freq=1, delete_checkpoint=False)
    cut, rest = Reads(8), Reads()
    trainer.fit(start, cut, checkpoint=saving, **options)
    got, resumed = trainer.fit(start, rest, checkpoint=saving, **options)
    assert equal(got.params, wanted.params)
    assert resumed.history == history.history
    read = [[c for c in data.calls if isinstance(c, int)] for data in (whole, cut, rest)]
    assert read[1][1:] + read[2][1:] == read[0][1:]  # each but for its look at the shapes
    assert [data.calls.count("end") for data in (whole, rest)] == [whole.calls.count("end")] * 2
    order = PyDataset()
    trainer.evaluate(got, order)
    own = type("Own", (fk.Trainer,), {"compute_loss": lambda self, *args: fk.Trainer.compute_loss(self, *args)})
    once = PyDataset()
    trainer.model.compile("adam", "mse", trainer_class=own).fit(start, once, shuffle=False, verbose=0)
    assert once.calls == order.calls
    assert order.calls == ["begin", 0, 1, 2, 3, 4, "end"]


def test_batches_are_pytrees():
    inputs = {"a": fk.Input((3,), name="a"), "b": fk.Input((1,), name="b")}
    model = fk.Model(inputs, fk.nn.Dense(1)(fk.nn.Concatenate()([inputs["a"], inputs["b"]])))
    trainer = model.compile("sgd", "mse")
    Batch = collections.namedtuple("Batch", "x y")
    plain = [({"a": X[i : i + 4], "b": Y[i : i + 4]}, Y[i : i + 4]) for i in range(0, 20, 4)]
    start = trainer.init(0)
    one, _ = trainer.fit(start, plain, verbose=0)
    two, _ = trainer.fit(start, [Batch(*b) for b in plain], verbose=0)
    three, _ = trainer.fit(start, {"a": X, "b": Y}, Y, batch_size=4, shuffle=False, verbose=0)
    assert equal(one.params, two.params)
    assert equal(one.params, three.params)


def test_grain_goes_on_from_its_own_position(trainer, tmp_path):
    grain = pytest.importorskip("grain.python")
    dataset = grain.MapDataset.source(list(zip(X, Y, strict=True))).seed(0).shuffle().repeat().batch(4)
    start = trainer.init(0)
    options = {"steps_per_epoch": 5, "verbose": 0}
    wanted, _ = trainer.fit(start, iter(dataset.to_iter_dataset()), epochs=4, **options)
    trainer.fit(start, iter(dataset.to_iter_dataset()), epochs=2, checkpoint=tmp_path / "run", **options)
    got, _ = trainer.fit(start, iter(dataset.to_iter_dataset()), epochs=4, checkpoint=tmp_path / "run", **options)
    assert equal(got.params, wanted.params)


def test_grain_s_datasets_and_loaders(trainer):
    grain = pytest.importorskip("grain.python")
    rows = list(zip(X, Y, W, strict=True))
    dataset = grain.MapDataset.source(rows).batch(4)
    loader = grain.DataLoader(
        data_source=rows,
        sampler=grain.SequentialSampler(len(rows), shard_options=grain.NoSharding()),
        operations=[grain.Batch(4)],
    )
    start = trainer.init(0)
    wanted, _ = trainer.fit(start, X, Y, sample_weight=W, batch_size=4, epochs=2, shuffle=False, verbose=0)
    for source in (dataset, dataset.to_iter_dataset()):
        assert equal(trainer.fit(start, source, epochs=2, verbose=0)[0].params, wanted.params)
    once, _ = trainer.fit(start, X, Y, sample_weight=W, batch_size=4, shuffle=False, verbose=0)
    # the sampler above has one epoch of records; each pass over the loader begins it again
    assert equal(trainer.fit(start, loader, epochs=1, verbose=0)[0].params, once.params)
    assert equal(trainer.fit(start, loader, epochs=2, verbose=0)[0].params, wanted.params)


def test_torch_s_own_loader(trainer):
    torch = pytest.importorskip("torch")
    dataset = torch.utils.data.TensorDataset(*(torch.tensor(a) for a in (X, Y, W)))
    start = trainer.init(0)
    wanted, _ = trainer.fit(start, X, Y, sample_weight=W, batch_size=4, epochs=2, shuffle=False, verbose=0)
    got, _ = trainer.fit(start, torch.utils.data.DataLoader(dataset, batch_size=4), epochs=2, verbose=0)
    assert equal(got.params, wanted.params)


def test_tf_data_itself(trainer):
    tf = pytest.importorskip("tensorflow")
    start = trainer.init(0)
    wanted, _ = trainer.fit(start, X, Y, sample_weight=W, batch_size=4, epochs=2, shuffle=False, verbose=0)
    got, _ = trainer.fit(start, tf.data.Dataset.from_tensor_slices((X, Y, W)).batch(4), epochs=2, verbose=0)
    assert equal(got.params, wanted.params)


class Rows:
    """A map-style data set: its items are single examples."""

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return X[i], i % 2


def test_a_data_set_of_single_examples_is_told_to_be_batched(trainer):
    state = trainer.init(0)
    for call in (trainer.fit, trainer.evaluate, trainer.predict):
        with pytest.raises(ValueError, match=r"single examples; batch them[\s\S]*DataLoader\(data, batch_size=32\)"):
            call(state, Rows(), verbose=0)


def test_what_yields_nothing_useful_is_refused(trainer):
    start = trainer.init(0)
    with pytest.raises(ValueError, match=r"A batch is \(x,\), \(x, y\) or \(x, y, sample_weight\)"):
        trainer.fit(start, [(X, Y, W, W)], verbose=0)
    with pytest.raises(ValueError, match=r"yielded no batch in epoch 1"):
        trainer.fit(start, iter([]), verbose=0)
    with pytest.raises(ValueError, match=r"y and validation_split go with arrays"):
        trainer.fit(start, iter(batches()), Y, verbose=0)
