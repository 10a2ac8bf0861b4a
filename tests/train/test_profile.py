"""Profiles of a run: traces of the steps that were asked for, with their numbers, and a run that stays the same."""

from __future__ import annotations

import pathlib
import re
import warnings

import jax
import numpy as np
import pytest

import fkeras as fk
from fkeras.train._loop._interrupt import Interruptible
from fkeras.train._loop._on_device import OnDevice
from fkeras.train._loop._profile import Profile, Profiled

X = np.random.default_rng(0).normal(size=(46, 3)).astype("float32")
Y = X[:, :1] * 2 - 1
# 12 steps an epoch, of which the last has a batch of two rows
FIT = {"batch_size": 4, "verbose": 0}


def described(loss="mse"):
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(4, "relu"), fk.nn.Dropout(0.2), fk.nn.Dense(1)])
    return model.compile("adam", loss, metrics=["mae"])


@pytest.fixture(scope="module")
def plain():
    """What a run of two epochs comes to without a profile."""
    trainer = described()
    return trainer.fit(trainer.init(0), X, Y, epochs=2, **FIT)


def written(place):
    return sorted(pathlib.Path(place).glob("plugins/profile/*/*.xplane.pb"))


def steps_in(path):
    """The numbers of the steps in a trace."""
    numbers = []
    trace = jax.profiler.ProfileData.from_file(str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a class of JAX's has no module; as an error it aborts
        for plane in trace.planes:
            for event in (event for line in plane.lines for event in line.events):
                if event.name == "train":
                    numbers.append(dict(event.stats)["step_num"])
    return sorted(numbers)


def same(one, other):
    equal = jax.tree.map(np.array_equal, one[0].params, other[0].params)
    assert all(jax.tree.leaves(equal))
    assert one[1].history == other[1].history


def stream():
    return [(X[i : i + 4], Y[i : i + 4]) for i in range(0, 44, 4)]


# ------------------------------------------------------------------ which steps
def test_exactly_the_steps_that_were_asked_for_across_epochs(tmp_path, plain):
    trainer = described()
    found = trainer.fit(trainer.init(0), X, Y, epochs=2, profile=(10, 14), profile_dir=tmp_path, **FIT)
    (path,) = written(tmp_path)
    assert steps_in(path) == [10, 11, 12, 13, 14]
    same(found, plain)


@pytest.mark.parametrize("given", [(3, 4), "3,4"])
def test_a_callback_of_keras_writes_it_where_keras_does(tmp_path, plain, given):
    trainer, board = described(), fk.callbacks.TensorBoard(tmp_path, profile_batch=given, write_graph=False)
    found = trainer.fit(trainer.init(0), X, Y, epochs=2, callbacks=board, **FIT)
    (path,) = written(tmp_path / "train")
    assert steps_in(path) == [3, 4]
    same(found, plain)


@pytest.mark.sweep(2)
@pytest.mark.parametrize("how", ["stream", "checked", "by batch"])
def test_each_way_to_dispatch_makes_the_same_numbers(tmp_path, how):
    trainer, further = described(), {}
    data = (stream(),) if how == "stream" else (X, Y)
    if how == "checked":
        further["check_nans"] = True
    if how == "by batch":
        trainer = trainer.replace(steps_per_execution=4)
        further["callbacks"] = fk.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    size = {"verbose": 0} if how == "stream" else FIT
    runs = [
        trainer.fit(trainer.init(0), *data, **size, **further, **asked)
        for asked in ({}, {"profile": (3, 6), "profile_dir": tmp_path})
    ]
    same(*runs)
    assert steps_in(written(tmp_path)[0]) == [3, 4, 5, 6]


def test_steps_that_a_program_makes_in_a_row_stay_together(tmp_path):
    trainer = described()
    state = trainer.init(0)
    source = fk.train._batches._given_data.training_source(trainer, state, X, Y, None, None, 4, 0.0, None)[0]
    driver = Profiled(OnDevice(trainer, source, None, False, unrolled=4), [Profile(3, 9, tmp_path, "profile")], 0)
    driver.begin(fk.train._batches._sources.Position(0, 0), 0)
    with Interruptible() as interruption:
        driver.advance(state, 12, interruption)
    assert driver.reached[2] == 12
    assert steps_in(written(tmp_path)[0]) == [3, 5, 9]


# ------------------------------------------------------------------ runs that end otherwise
def test_a_run_that_ends_within_it_writes_what_there_is_and_says_so(tmp_path):
    trainer = described()
    with pytest.warns(RuntimeWarning, match=r"steps 10 to 15 of the run in .* covers 3 of them, from step 10 on"):
        trainer.fit(trainer.init(0), X, Y, profile=(10, 15), profile_dir=tmp_path, **FIT)
    assert steps_in(written(tmp_path)[0]) == [10, 11, 12]


def test_a_run_that_never_comes_there_says_so(tmp_path):
    trainer = described()
    with pytest.warns(RuntimeWarning, match="Nothing was profiled: the profile of steps 100 to 100") as caught:
        trainer.fit(trainer.init(0), X, Y, profile=100, profile_dir=tmp_path, **FIT)
    assert not written(tmp_path)
    assert caught[0].filename == __file__


def what_is_left_of(fit, *args, **kwargs):
    try:
        return fit(*args, **kwargs)
    except OSError as error:
        return error.fkeras_run


@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt])
def test_what_ends_a_run_within_it_ends_the_trace(tmp_path, kind):
    def batches():
        yield from stream()[:5]
        raise kind("away")

    trainer = described()
    with pytest.warns(RuntimeWarning, match="covers 3 of them, from step 3 on"):
        state, _ = what_is_left_of(
            trainer.fit, trainer.init(0), batches(), steps_per_epoch=9, verbose=0, profile=(3, 8), profile_dir=tmp_path
        )
    assert int(state.step) == 5
    assert steps_in(written(tmp_path)[0])[:3] == [3, 4, 5]
    jax.profiler.start_trace(tmp_path / "another")  # nothing was left open
    jax.profiler.stop_trace()


def test_another_profiler_is_an_error_that_keeps_the_run(tmp_path):
    trainer = described()
    wanted = pytest.raises(RuntimeError, match=r"cannot begin(?s:.*)another profiler is active")
    with jax.profiler.trace(tmp_path / "mine"), wanted as caught:
        trainer.fit(trainer.init(0), X, Y, profile=(4, 5), profile_dir=tmp_path, **FIT)
    assert int(caught.value.fkeras_run.state.step) == 3
    assert written(tmp_path / "mine")


def test_a_run_that_goes_on_counts_from_its_beginning(tmp_path):
    trainer = described()
    more = {"checkpoint": tmp_path / "run", "profile": (10, 14), "profile_dir": tmp_path, **FIT}
    with pytest.warns(RuntimeWarning, match="covers 3 of them"):
        trainer.fit(trainer.init(0), X, Y, epochs=1, **more)
    with pytest.warns(RuntimeWarning, match="covers 2 of them, from step 13 on"):
        trainer.fit(trainer.init(0), X, Y, epochs=2, **more)
    with pytest.warns(RuntimeWarning, match="went on from a later step"):
        trainer.fit(trainer.init(0), X, Y, epochs=3, **more)


# ------------------------------------------------------------------ arguments
@pytest.mark.parametrize("given", [(15, 10), -1, (0, 4), "a", (1, 2, 3), True, 2.0, "1,2,3", []])
def test_what_is_no_range_is_refused_before_the_first_step(tmp_path, given):
    trainer = described()
    with pytest.raises(ValueError, match=r"profile is a step, or the first and the last(?s:.*)profile=\(10, 15\)"):
        trainer.fit(trainer.init(0), X, Y, profile=given, profile_dir=tmp_path)
    with pytest.raises(ValueError, match="profile_batch is a step"):
        fk.callbacks.TensorBoard(tmp_path, profile_batch=given)


def test_steps_and_a_directory_belong_together(tmp_path):
    trainer = described()
    with pytest.raises(ValueError, match=r'needs a directory(?s:.*)profile=\(2, 3\), profile_dir="logs"'):
        trainer.fit(trainer.init(0), X, Y, profile=(2, 3))
    with pytest.warns(RuntimeWarning, match="says nothing without profile="):
        trainer.fit(trainer.init(0), X, Y, profile_dir=tmp_path, **FIT)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="profile_dir makes a directory"):
        trainer.fit(trainer.init(0), X, Y, profile=2, profile_dir=tmp_path / "file")
    board = fk.callbacks.TensorBoard(tmp_path, profile_batch=(2, 5))
    with pytest.raises(ValueError, match="cannot be of the same steps"):
        trainer.fit(trainer.init(0), X, Y, profile=(4, 6), profile_dir=tmp_path, callbacks=board)


@pytest.mark.parametrize("off", [0, None, "0", (0, 0)])
def test_no_profile(tmp_path, off):
    trainer, board = described(), fk.callbacks.TensorBoard(tmp_path, write_graph=False, profile_batch=off or 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        place = {} if off is None else {"profile_dir": tmp_path}
        trainer.fit(trainer.init(0), X, Y, callbacks=board, profile=off, **place, **FIT)
    assert not written(tmp_path)
    assert not written(tmp_path / "train")


# ------------------------------------------------------------------ names in it
def test_operations_have_the_names_of_layers_and_of_parts_of_the_step():
    inputs = fk.Input((6, 6, 2))
    block = fk.Sequential([fk.Input((6, 6, 2)), fk.nn.Conv2D(2, 3, padding="same"), fk.nn.ReLU()], name="block")
    x = fk.nn.GlobalAveragePooling2D()(block(inputs))
    x = fk.nn.Dense(2, "relu", name="same_shape")(fk.nn.Dense(2, "relu")(x))
    trainer = fk.Model(inputs, fk.nn.Dense(1, name="head")(x)).compile("adam", "mse", metrics=["mae"])
    batch = np.ones((4, 6, 6, 2), "float32"), np.ones((4, 1), "float32")
    program = jax.jit(lambda state, batch: trainer.train_step(state, batch)).lower(trainer.init(0), batch).compile()
    names = set(re.findall(r'op_name="([^"]*)"', program.as_text()))
    for path in ("block/block.call/conv2d", "dense", "same_shape", "head"):
        assert any(f"jvp(functional)/functional.call/{path}/" in name for name in names), path
        assert any(f"transpose(jvp(functional))/functional.call/{path}/" in name for name in names), path
    for part in ("loss", "metrics", "optimizer"):
        assert any(re.search(rf"\b{part}\b", name) for name in names), (part, sorted(names))
