"""How fast a run is, in its logs."""

import time

import jax
import numpy as np
import pytest

import fkeras as fk
from fkeras.train._loop import _throughput

X, Y = np.ones((64, 4), "float32"), np.ones((64, 3), "float32")


def trained(log, **arguments):
    trainer = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3)]).compile("sgd", "mse", log=log)
    return trainer.fit(trainer.init(0), X, Y, batch_size=8, verbose=0, **arguments)


class Pause(fk.callbacks.Callback):
    """Makes each batch last, and the validation too."""

    def on_train_batch_begin(self, event):
        time.sleep(0.02)

    def on_test_batch_begin(self, event):
        time.sleep(0.2)


def test_steps_a_second_leave_compiling_and_validation_out():
    _, history = trained(
        ["steps_per_second"], epochs=2, callbacks=[Pause()], validation_data=(X, Y), validation_batch_size=64
    )
    for rate in history.history["steps_per_second"]:
        assert 5 < rate < 1 / 0.02  # never above what the pauses allow; a loaded machine may take longer
    assert list(history.history) == ["loss", "steps_per_second", "val_loss"]


def test_many_members_have_no_speed_of_their_own():
    trainer = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3)]).compile("sgd", "mse", log=["mfu", "grad_norm"])
    with pytest.raises(ValueError, match=r"(?s)no mfu: members.*trainer.replace\(log=\['grad_norm'\]\)"):
        trainer.fit_many(X, Y, seeds=range(2))
    _, found = trainer.replace(log=["grad_norm"]).fit_many(X, Y, seeds=range(2), batch_size=64, verbose=0)
    assert "grad_norm" in found[0].history


def test_the_part_that_is_used_is_counted_from_the_step_s_operations(monkeypatch):
    monkeypatch.setattr(_throughput, "peak_flops", lambda device: 1e6)
    _, history = trained(["steps_per_second", "mfu"])
    flops = [
        used / rate * 1e6
        for used, rate in zip(history.history["mfu"], history.history["steps_per_second"], strict=True)
    ]
    # two products of the batch with the kernel: forwards, and for the kernel's gradient; the rest is by element
    assert 2 * 2 * 8 * 4 * 3 <= flops[0] < 2000


def test_a_step_has_no_speed():
    trainer = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3)]).compile("sgd", "mse", log=["mfu", "grad_norm"])
    assert sorted(trainer.train_step(trainer.init(0), (X, Y))[1]) == ["grad_norm", "loss"]


def test_callbacks_follow_it_and_a_file_has_it(tmp_path):
    stop = fk.callbacks.EarlyStopping("steps_per_second", patience=50)
    trained(["steps_per_second"], epochs=2, callbacks=[stop, fk.callbacks.CSVLogger(tmp_path / "log.csv")])
    assert (tmp_path / "log.csv").read_text().splitlines()[0] == "epoch,loss,steps_per_second"


@pytest.mark.parametrize(("kind", "peak"), [
    ("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA H100 PCIe", 756e12), ("NVIDIA A100-SXM4-80GB", 312e12),
    ("TPU v4", 275e12), ("TPU v5 lite", 197e12), ("TPU v5p", 459e12), ("TPU v6 lite", 918e12), ("Tesla T4", 65e12),
])  # fmt: skip
def test_the_speed_of_accelerators_is_their_makers(kind, peak):
    class Device:
        device_kind = kind

    assert _throughput.peak_flops(Device()) == peak


def test_that_of_a_cpu_is_measured():
    assert 1e7 < _throughput.peak_flops(jax.devices("cpu")[0]) < 1e14
