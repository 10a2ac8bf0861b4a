"""How fast a run is: `compile(log=["steps_per_second", "mfu"])`."""

from __future__ import annotations

import re
import time

import jax
import jax.numpy as jnp

from ...core.typing import PyTree
from .._step._batch import Batch
from .._step._learner import Learner
from .._step._logged_norms import OF_THE_RUN
from .._step._state import TrainState
from .._step._step_flops import step_flops

# Operations a second of bfloat16 products without sparsity, as the makers say them, by what JAX calls a device.
# Google: https://cloud.google.com/tpu/docs; Nvidia: the data sheets, of the SXM form where there are several.
_PEAKS: tuple[tuple[str, float], ...] = (
    (r"TPU v2", 45e12), (r"TPU v3", 123e12), (r"TPU v4", 275e12), (r"TPU v5 ?(lite|e)", 197e12), (r"TPU v5", 459e12),
    (r"TPU v6", 918e12), (r"TPU ?v?7", 2307e12),
    (r"GB200|B200", 2250e12), (r"H100 PCIe", 756e12), (r"H100|H200|GH200", 989e12), (r"A100", 312e12),
    (r"L40S", 362e12), (r"L4\b", 121e12), (r"A10\b|A10G", 125e12), (r"V100", 125e12), (r"T4\b", 65e12),
)  # fmt: skip
# Rows of the matrices whose product is timed on other devices, and how often.
_ROWS, _TIMES = 1024, 8


class Throughput:
    """The steps a second of each epoch, and which part of the device's speed they use.

    The clock starts when the first dispatch of the run has ended, which compiles, or after it where there is no other;
    it stands while the run is validated.

    Args:
        trainer: whose `log` says which numbers.
        state: a state of the run.
        batch: a batch, or its shapes.
    """

    def __init__(self, trainer: Learner, state: TrainState, batch: Batch) -> None:
        self.names = [name for name in OF_THE_RUN if name in trainer.log]
        self.relative = 0.0
        if "mfu" in self.names:
            where = trainer.distribution
            devices = list(jax.local_devices()[:1] if where is None else where.mesh.devices.flat)
            self.relative = step_flops(trainer, state, batch) / (peak_flops(devices[0]) * len(devices))
        self._began, self._steps, self._warm = time.perf_counter(), 0, False
        self._first: tuple[float, int] | None = None

    def begin(self) -> None:
        """An epoch begins."""
        self._began, self._steps = time.perf_counter(), 0

    def note(self, logs: PyTree, made: int) -> None:
        """Some steps were dispatched; the logs are of the last one."""
        self._steps += made
        if not self._warm:
            jax.block_until_ready(logs)
            self._warm, self._first = True, (time.perf_counter(), made)

    def numbers(self, logs: PyTree) -> dict[str, float]:
        """The numbers of the epoch whose last step's logs these are."""
        jax.block_until_ready(logs)
        now, began, steps = time.perf_counter(), self._began, self._steps
        if self._first is not None and steps > self._first[1]:
            began, steps = self._first[0], steps - self._first[1]
        self._first = None
        rate = steps / max(now - began, 1e-9)
        found = {"steps_per_second": rate, "mfu": rate * self.relative}
        return {name: found[name] for name in self.names}


def peak_flops(device: jax.Device) -> float:
    """The floating-point operations a second that a device can do.

    Args:
        device: the device. Of an accelerator it is what its maker says of bfloat16 products; of any other device, such
            as a CPU, the speed of a product of two float32 matrices, which is measured.

    >>> import jax
    >>> peak_flops(jax.devices("cpu")[0]) > 1e6
    True
    """
    for pattern, peak in _PEAKS:
        if re.search(pattern, device.device_kind):
            return peak
    with jax.default_device(device):
        matrix, product = jnp.ones((_ROWS, _ROWS), jnp.float32), jax.jit(jnp.matmul)
        product(matrix, matrix).block_until_ready()
        seconds = []
        for _ in range(_TIMES):
            began = time.perf_counter()
            product(matrix, matrix).block_until_ready()
            seconds.append(time.perf_counter() - began)
    return 2 * _ROWS**3 / min(seconds)
