"""Batches that are copied ahead of their step: in order, none lost, errors where they belong, buffers used again."""

import signal
import threading
import time

import jax
import numpy as np
import pytest

import fkeras as fk
from fkeras.train._batches._prefetch import Prefetch, copied_ahead

RNG = np.random.default_rng(0)
X = RNG.integers(0, 255, (9, 64, 700)).astype("uint8")  # 44,800 bytes a batch: too much to wait for each other
Y = RNG.normal(size=(9, 64, 1)).astype("float32")


@pytest.fixture(scope="module")
def trainer():
    # on a CPU alone nothing is copied; on several devices each batch goes to its own
    layers = [fk.Input((700,)), fk.nn.Rescaling(1 / 255), fk.nn.Dense(1)]
    return fk.Sequential(layers).compile("sgd", "mse").distribute()


@pytest.fixture(scope="module")
def state(trainer):
    return trainer.init(0)


def same(a, b):
    return all(map(np.array_equal, jax.tree.leaves(a.params), jax.tree.leaves(b.params)))


def threads():
    return [t.name for t in threading.enumerate() if t.name.startswith("fkeras-prefetch")]


def fresh(count=9):
    return ((X[i].copy(), Y[i].copy()) for i in range(count))


def refilled(count=9):
    x, y = np.empty_like(X[0]), np.empty_like(Y[0])
    for i in range(count):
        x[...], y[...] = X[i], Y[i]
        yield x, y


@pytest.mark.parametrize("prefetch", [1, 2, 5])
@pytest.mark.parametrize("batches", [fresh, refilled])
def test_the_run_is_the_one_without(trainer, state, batches, prefetch):
    wanted, _ = trainer.fit(state, batches(), verbose=0, prefetch=0)
    found, _ = trainer.fit(state, batches(), verbose=0, prefetch=prefetch)
    assert int(found.step) == 9
    assert same(found, wanted)
    assert not threads()


def test_bytes_travel_as_bytes(trainer, state, monkeypatch):
    seen, put = set(), jax.device_put

    def noted(x, *to, **how):
        seen.update(a.dtype.name for a in jax.tree.leaves(x))
        return put(x, *to, **how)

    monkeypatch.setattr(jax, "device_put", noted)
    trainer.fit(state, fresh(3), verbose=0)
    assert "uint8" in seen


def test_no_batch_is_drawn_that_is_not_trained_on(trainer, state):
    batches = fresh()
    first, _ = trainer.fit(state, batches, steps_per_epoch=4, verbose=0)
    assert int(first.step) == 4
    second, _ = trainer.fit(first, batches, steps_per_epoch=5, verbose=0)
    assert next(batches, None) is None
    assert same(second, trainer.fit(state, fresh(), verbose=0, prefetch=0)[0])


def test_an_error_of_the_data_comes_after_what_was_drawn_before(trainer, state):
    def breaks():
        yield from fresh(5)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as error:
        trainer.fit(state, breaks(), steps_per_epoch=9, verbose=0)
    found, _ = error.value.fkeras_run
    assert int(found.step) == 5
    assert any(frame.name == "breaks" for frame in error.traceback)
    assert not threads()


def test_ctrl_c_trains_on_what_was_drawn(trainer, state):
    drawn = []

    def batches():
        for i in range(9):
            if i == 6:
                signal.raise_signal(signal.SIGINT)
            drawn.append(i)
            yield X[i], Y[i]

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background has not
    try:
        found, history = trainer.fit(state, batches(), steps_per_epoch=9, verbose=0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert history.interrupted
    assert int(found.step) == len(drawn)
    assert not threads()


def test_a_batch_that_does_not_fit_is_told_and_leaves_no_thread(trainer, state):
    def strange():
        yield from fresh(2)
        yield X[0, :, :300], Y[0]

    with pytest.raises(Exception, match="300"):
        trainer.fit(state, strange(), steps_per_epoch=3, verbose=0)
    assert not threads()


def test_a_run_that_is_cut_is_the_run_that_is_not(trainer, state, tmp_path):
    options = {"steps_per_epoch": 3, "verbose": 0}
    whole, _ = trainer.fit(state, fresh(), epochs=3, **options)

    class Stops(fk.callbacks.Callback):
        ends = True

        def on_epoch_end(self, event):
            if event.epoch == 1 and Stops.ends:
                raise RuntimeError("cut")
            return event

    run = {"epochs": 3, "checkpoint": tmp_path / "run", "callbacks": [Stops()], **options}
    with pytest.raises(RuntimeError, match="cut"):
        trainer.fit(state, fresh(), **run)
    Stops.ends = False
    assert same(whole, trainer.fit(state, fresh(), **run)[0])


def test_memory_that_is_shared_all_at_once_is_told():
    entered, release = threading.Event(), threading.Event()

    def slow(batch):
        if batch[0] >= 4:
            entered.set()
            release.wait(5)
        return batch

    ahead, one = Prefetch(slow, 2), np.full(2, 4)
    with ahead.open():
        for i in range(4):
            ahead.before_a_draw()
            ahead.add(np.full(2, i))
            while ahead.is_full():
                ahead.take()
        ahead.before_a_draw()
        ahead.add(one)
        entered.wait(5)
        ahead.before_a_draw()
        with pytest.raises(RuntimeError, match="filled the arrays of a batch again"):
            ahead.add(one)
        release.set()


def test_copies_overlap_with_what_is_done_between():
    def put(x):
        time.sleep(0.03)
        return x

    begun, count = time.monotonic(), 14
    for _ in copied_ahead((np.full(2, i) for i in range(count)), put, 2):
        time.sleep(0.03)
    assert time.monotonic() - begun < count * 0.06  # one after the other


def test_a_single_batch_needs_no_thread():
    copiers, ahead = [], Prefetch(lambda x: copiers.append(threading.current_thread()) or x, 2)
    for count in (1, 1, 2):
        with ahead.open(count):
            for i in range(count):
                ahead.before_a_draw()
                ahead.add(np.full(2, i))
            assert [int(ahead.take()[0]) for _ in range(count)] == list(range(count))
    assert [one is threading.current_thread() for one in copiers] == [True, True, False, False]


@pytest.mark.parametrize("wrong", [-1, 1.5, True, None])
def test_the_depth_is_a_number_of_batches(trainer, state, wrong):
    with pytest.raises(ValueError, match="prefetch is the number of batches"):
        trainer.fit(state, fresh(), verbose=0, prefetch=wrong)


def test_evaluation_and_validation_of_streams(trainer, state):
    batches = list(fresh())
    alone = trainer.replace(distribution=None)
    found, wanted = (t.evaluate(s, iter(batches), verbose=0) for t, s in ((trainer, state), (alone, alone.init(0))))
    np.testing.assert_allclose(found["loss"], wanted["loss"], rtol=1e-5)  # sums over the devices
    _, history = trainer.fit(state, batches, validation_data=batches[:2], verbose=0)
    assert np.isfinite(history.history["val_loss"][0])
