"""Two processes on one machine: they train and save as one, one of them is killed, and one process goes on."""

import os
import signal
import sys

import jax
import numpy as np
import pytest

import fkeras as fk

from . import two_processes
from .pairs import MOST, said, two, wait_for_both


@pytest.mark.skipif("--gpu" in sys.argv, reason="both processes would take the whole card")
def test_two_processes_are_one_run_of_which_one_may_die(tmp_path):
    trainer = two_processes.trainer()
    with two("two_processes", tmp_path) as processes:
        # while both begin, the run of one process
        state, history = trainer.distribute(None, "fsdp").fit(
            trainer.init(0), two_processes.X, two_processes.Y, batch_size=two_processes.BATCH,
            epochs=two_processes.EPOCHS, verbose=0,
        )  # fmt: skip
        wait_for_both(tmp_path, processes)
        os.kill(processes[1].pid, signal.SIGKILL)
        # until the first one knows that the other is gone, what both wrote is what one would have written
        model, of_one = trainer.model, fk.load_trainer(tmp_path / "saved")[1].variables
        for name in two_processes.FILES:
            load = fk.load_model if "weights" not in name and "safetensors" not in name else None
            path = tmp_path / name
            variables = load(path)[1] if load else model.load_weights(path, state)
            jax.tree.map(np.testing.assert_array_equal, variables, {"params": of_one["params"], **of_one})
        assert int(fk.load_trainer(tmp_path / "saved.keras", layout="fsdp")[1].step) == 7
        assert processes[0].wait(MOST) != 0
    logs = [said(tmp_path, number) for number in range(2)]
    assert "Task 1 heartbeat timeout" in logs[0] or "stopped sending heartbeats):\n1\n" in logs[0]

    # the curve of one process; the first one prints and logs, and both have the same numbers
    for log in logs:
        found = [float(line.split()[1]) for line in log.splitlines() if line.startswith("loss ")]
        np.testing.assert_allclose(found, history.history["loss"][:2], rtol=1e-6)
    assert ("Epoch 2/3" in logs[0], "Epoch" in logs[1]) == (True, False)
    assert ((tmp_path / "0.csv").exists(), (tmp_path / "1.csv").exists()) == (True, False)

    # one process goes on, and ends where the run that nobody touched does
    changed = r"devices 4, now 3; processes 2, now 1; mesh data=4, now data=3"
    with pytest.warns(RuntimeWarning, match=changed):
        resumed, again = two_processes.fit(
            trainer.distribute(3, "fsdp"), tmp_path / "run", epochs=two_processes.EPOCHS, verbose=0,
            callbacks=[fk.callbacks.EarlyStopping("loss", patience=9), *map(_nothing, range(3))],
        )  # fmt: skip
    assert int(resumed.step) == int(state.step) == 21
    np.testing.assert_allclose(again.history["loss"], history.history["loss"], rtol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), resumed.params, state.params)


def _nothing(_):
    return lambda trainer, state, logs: state
