"""The tests of `make test-gpu`: those whose numbers an accelerator makes, and how far these may be from a CPU's.

They run on what JAX finds, and say what that is; on a machine without an accelerator they run on its CPU, with the
tolerances that the tests have. Of the files in `FILES` the cases of `make test-fast` are run, and all that `WHOLE` has.

On an accelerator each test runs with `jax_default_matmul_precision="highest"` (`PRECISION`), as its tolerance is
float32's, and `np.testing.assert_allclose` allows what `TOLERANCES` has for its kind where that is more. Equal bits
stay equal bits: programs are made with `--xla_gpu_deterministic_ops=true`.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any
from unittest import mock

import jax
import numpy as np

from . import fast

#: Where the numbers of a GPU come from: layers, losses, metrics, optimizers, steps, runs. Files, configs, names,
#: pictures and the graph are the same everywhere.
FILES = (
    *(f"tests/conformance/test_{name}.py" for name in (
        "laws", "loss_laws", "metric_laws", "optimizer_laws", "op_laws", "initializer_laws", "schedule_laws",
    )),
    *(f"tests/nn/test_{name}.py" for name in (
        "activations", "attention", "attention_kernel", "convolutional", "einsum", "embedding", "low_bits", "masks",
        "normalization", "stochastic",
    )),
    *(f"tests/train/test_{name}.py" for name in (
        "against_keras", "donate", "evaluate", "fit", "nans", "optimizers", "own_steps", "profile", "running_sums",
        "step_loop", "trainer", "unfinished",
    )),
    "tests/checkpoint/test_conditions.py",
    "tests/checkpoint/test_resume.py",
)  # fmt: skip

#: Tests of which every case is run, those that take long too.
WHOLE = (
    "tests/train/test_profile.py",
    "tests/train/test_step_loop.py",
    "tests/checkpoint/test_resume.py::test_processes_that_are_killed_go_on",
)

#: What a CPU alone can hold, by the beginning of the test's name, and why.
_IN_ROWS = "small steps over arrays are made eight at a time there, and are one event of a trace for each eight"
_OF_CPUS = "is about what a CPU does in another way"
ONLY_ON_CPU: dict[str, str] = {
    "tests/train/test_profile.py::test_exactly_the_steps": _IN_ROWS,
    "tests/train/test_profile.py::test_a_callback_of_keras": _IN_ROWS,
    "tests/train/test_profile.py::test_each_way_to_dispatch_makes_the_same_numbers[by batch]": _IN_ROWS,
    "tests/train/test_profile.py::test_a_run_that_ends_within_it": _IN_ROWS,
    "tests/train/test_step_loop.py::test_small_steps_are_written_out_where_the_device_is_no_cpu": _OF_CPUS,
    "tests/train/test_fit.py::test_convolutions_are_not_looped_on_the_cpu_and_train_the_same": _OF_CPUS,
}


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """How far a number of an accelerator may be from a CPU's.

    Attributes:
        rtol: of the number's size.
        atol: of the largest number beside it, or of 1 where that is less.
        why: what makes the difference.
    """

    rtol: float
    atol: float
    why: str


#: The one table, by what a test is about. With `PRECISION` a product is float32's; without, TF32 has 10 bits of the
#: mantissa, and errors near 1e-3. No entry was measured here on a GPU: they follow from the formats.
TOLERANCES = {
    "float32": Tolerance(
        1e-5, 1e-5, "sums of up to a thousand numbers in another order; exp, log and tanh of the device"
    ),
    "products": Tolerance(2e-5, 2e-5, "float32 products whose sums are cut into tiles, in another order"),
    "convolutions": Tolerance(1e-4, 1e-4, "cuDNN may choose Winograd or FFT, which add and subtract the numbers first"),
    "recurrences": Tolerance(1e-4, 5e-5, "a step's rounding goes through all steps after it"),
    "optimizers": Tolerance(1e-4, 1e-5, "m / sqrt(v) of gradients near 0 makes their rounding large"),
    "training": Tolerance(1e-3, 1e-4, "each step's rounding goes through the steps after it"),
    "half": Tolerance(2e-2, 2e-2, "bfloat16 has 8 bits; sums are kept in float32, products are rounded once more"),
}

# The kind of a test, by words in its name; the first that is found. What none names is "float32".
_KINDS = (
    ("half", ("half", "bfloat16", "float16", "low_bits", "mixed")),
    ("convolutions", ("conv", "Conv")),
    ("recurrences", ("LSTM", "GRU", "RNN", "Bidirectional", "recurrent")),
    ("optimizers", ("test_optimizer",)),
    ("training", ("tests/train/", "tests/checkpoint/")),
    ("products", ("Dense", "dense", "attention", "Attention", "einsum", "Einsum", "matmul", "dot", "Dot")),
)

#: `jax_default_matmul_precision` on an accelerator.
PRECISION = "highest"


def chosen(node_ids: Iterable[str], slow: Iterable[str]) -> set[str]:
    """Which of the collected tests are run.

    Args:
        node_ids: all tests, as pytest names them.
        slow: tests without their parameters that take long.
    """
    own = [node_id for node_id in node_ids if node_id.startswith(FILES)]
    whole = {node_id for node_id in own if node_id.startswith(WHOLE)}
    return fast.chosen(own, slow) | whole


def on_accelerator() -> bool:
    """Whether the tests run on something else than a CPU."""
    return jax.default_backend() != "cpu"


def kind_of(node_id: str) -> str:
    """What a test is about, a key of `TOLERANCES`.

    >>> kind_of("tests/conformance/test_laws.py::test_equals_keras[Conv2D-default]")
    'convolutions'
    """
    return next((kind for kind, words in _KINDS if any(word in node_id for word in words)), "float32")


def why_only_on_cpu(node_id: str) -> str:
    """Why a test is skipped on an accelerator; empty for one that is not."""
    return next((why for beginning, why in ONLY_ON_CPU.items() if node_id.startswith(beginning)), "")


@contextlib.contextmanager
def allowed(node_id: str) -> Iterator[None]:
    """Within it, numbers may differ by what a test's kind allows."""
    tolerance, exact = TOLERANCES[kind_of(node_id)], np.testing.assert_allclose

    def close(actual: Any, desired: Any, rtol: float = 1e-7, atol: float = 0, **further: Any) -> None:
        wanted = np.abs(np.asarray(desired, "complex128"))
        largest = np.max(wanted, initial=1.0, where=np.isfinite(wanted))
        exact(actual, desired, max(rtol, tolerance.rtol), max(atol, tolerance.atol * largest), **further)

    with jax.default_matmul_precision(PRECISION), mock.patch.object(np.testing, "assert_allclose", close):
        yield


def header() -> str:
    """What the tests ran on, for the end of pytest's report."""
    devices = jax.devices()
    if on_accelerator():
        return f"accelerator: {len(devices)} {devices[0].device_kind}, products in float32"
    return "accelerator: NONE IS HERE; the tests ran on the CPU, which says nothing of a GPU's numbers"
