"""Two processes, each with rows of its own, are one run: its numbers, its words, and how it stops and goes on."""

import json
import sys
import warnings

import numpy as np
import pytest

import fkeras as fk

from . import own_rows
from .pairs import MOST, said, two

pytestmark = pytest.mark.skipif("--gpu" in sys.argv, reason="both processes would take the whole card")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """What both processes said, and the directory of their runs."""
    place = tmp_path_factory.mktemp("pair")
    with two("own_rows", place) as processes:
        codes = [process.wait(3 * MOST) for process in processes]
    logs = [said(place, number) for number in range(2)]
    found = []
    for log in logs:
        lines = [line for line in log.splitlines() if line.startswith("{")]
        assert lines, log
        found.append(json.loads(lines[0]))
    return found, codes, place


@pytest.fixture(scope="module")
def one():
    """The same run in one process, on all rows."""
    trainer = own_rows.trainer()
    state, history = trainer.fit(
        trainer.init(0), own_rows.X, own_rows.Y, batch_size=own_rows.BATCH, sample_weight=own_rows.W, shuffle=False,
        epochs=own_rows.EPOCHS, verbose=0, validation_data=(own_rows.X, own_rows.Y), callbacks=[own_rows.each_step],
    )  # fmt: skip
    return trainer, state, history.history


def test_numbers_are_those_of_one_process_with_all_rows(pair, one):
    trainer, state, history = one
    first = trainer.test_on_batch(trainer.init(0), own_rows.X[:8], own_rows.Y[:8])
    for process, found in enumerate(pair[0]):
        for name, values in history.items():
            np.testing.assert_allclose(found["history"][name], values, rtol=1e-5)
        np.testing.assert_allclose(found["streamed"]["loss"], history["loss"], rtol=1e-5)
        np.testing.assert_allclose(found["on_batch"]["loss"], first["loss"], rtol=1e-5)
        rows = own_rows.mine(trainer.predict(state, own_rows.X), process)
        for values, wanted in zip(found["predicted"], (rows, rows, rows[:4], rows[:3]), strict=True):
            np.testing.assert_allclose(values, wanted, atol=1e-5)


def test_rows_that_one_process_has_more_count_and_are_told_of(pair, one):
    trainer, counts = one[0], (12, 4)
    parts = [[own_rows.mine(a, i)[:n] for i, n in enumerate(counts)] for a in (own_rows.X, own_rows.Y)]
    loss = trainer.evaluate(trainer.init(0), *map(np.concatenate, parts), verbose=0)["loss"]
    for found in pair[0]:
        assert found["steps"] == 3
        np.testing.assert_allclose(found["counted"], loss, rtol=1e-5)
        lengths, ended = found["uneven"]
        assert "the last 2 of the 3 of an epoch" in lengths
        assert "process 0: 3 batches; process 1: 1 batches" in lengths
        assert "steps_per_epoch=1" in lengths
        assert "The data ended in process 0 after 2 batches" in ended


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("share", ("batch_size=7, 2 processes", "batch_size=6")),
        ("form", ("y: float32(rows, 3)", "y: float32(rows, 2)")),
        ("steps_per_epoch", ("process 0: arrays, batch_size=32, steps_per_epoch=2; process 1",)),
        ("whole", ("18 rows; process 1", "auto_shard_dataset=False")),
        ("whole later", ("Batch 2 is another one in some processes", "auto_shard_dataset=False")),
        ("mesh", ("several processes hold the same rows",)),
    ],
)
def test_data_that_do_not_go_together_are_refused_in_all_processes(pair, case, words):
    for found in pair[0]:
        assert all(each in found[case] for each in words), found[case]


def test_data_that_fail_in_one_process_stop_the_others(pair):
    of_first, of_second = (found["fails"] for found in pair[0])
    assert of_first.startswith("RuntimeError: The data failed in process 1, so no process can go on.")
    assert of_second == "OSError: the disk is gone"


def test_a_signal_to_one_process_stops_all_at_one_step_and_the_run_goes_on_to_the_bit(pair):
    found, codes, _ = pair
    assert found[0]["cut"] == found[1]["cut"]
    step, interrupted, ended, again = found[0]["cut"]
    assert 2 * own_rows.STEPS <= step < own_rows.TURNS * own_rows.STEPS
    assert interrupted
    assert (ended, again) == (own_rows.TURNS * own_rows.STEPS, False)
    assert all(each["exact"] for each in found)
    assert codes == [143, 143]  # of SIGTERM, of which the second one alone was told


def test_rows_of_other_processes_are_not_gone_on_with_in_silence(pair, one):
    trainer, place = one[0], pair[2]
    steps = int(max(path.name for path in (place / "arrays").iterdir()))
    both = {"callbacks": [fk.callbacks.LambdaCallback(), own_rows.each_step], "verbose": 0}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        trainer.fit(
            trainer.init(0), own_rows.X, own_rows.Y, batch_size=own_rows.BATCH, sample_weight=own_rows.W,
            epochs=steps // 5 + 1, checkpoint=place / "arrays", **both,
        )  # fmt: skip
        with pytest.raises(ValueError, match=r"2 processes with data of their own then, and 1 now"):
            trainer.fit(
                trainer.init(0), own_rows.shard(0), steps_per_epoch=5, epochs=9, checkpoint=place / "run", **both
            )
    words = "2 processes with rows of their own then, and 1 now; "
    assert any(words in str(each.message) for each in told) or steps % 5 == 0
