"""What a run will take, asked before it runs."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import fkeras as fk
from fkeras.train._preflight._largest import largest
from fkeras.train._preflight._needs import Needs
from fkeras.train._preflight._plan import plan_for

STRUCT = jax.ShapeDtypeStruct


@pytest.fixture(scope="module")
def trainer():
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(512, activation="tanh"), fk.nn.Dense(3)])
    return model.compile("adam", fk.losses.SparseCategoricalCrossentropy(from_logits=True))


@pytest.fixture(scope="module")
def report(trainer):
    return trainer.preflight(batch_size=4096, memory="12MB")


def analysed(trainer, size, y):
    found = trainer.lower((STRUCT((size, 4), "float32"), y), verbs="fit")["fit"].memory_analysis()
    return (
        found.argument_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes + found.temp_size_in_bytes
    )


def test_numbers_are_those_of_the_program_that_fit_runs(trainer, report):
    assert report.parameters == 4 * 512 + 512 + 512 * 3 + 3
    assert report.parameter_bytes == report.gradient_bytes == 4 * report.parameters
    assert report.slot_bytes == pytest.approx(2 * report.parameter_bytes, abs=64)
    assert report.batch_bytes == 4096 * (4 * 4 + 4)
    state = trainer.init(0)
    held = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
    assert report.kept_bytes == held == report.parameter_bytes + report.slot_bytes + report.other_bytes
    peak = analysed(report.trainer, 4096, STRUCT((4096,), "int32"))
    assert report.peak_bytes == pytest.approx(peak, rel=0.1)
    # two products of the forward pass, and of each the two of the gradient without that of the inputs
    assert report.flops_per_step == pytest.approx(2 * 4096 * (2 * 4 * 512 + 3 * 512 * 3), rel=0.25)


def test_a_batch_is_made_to_fit_and_it_is_said_how(trainer, report):
    assert report.fits
    assert report.total_bytes <= 12_000_000 < trainer.preflight(batch_size=4096).total_bytes
    assert report.batch_size == 4096
    assert report.trainer == trainer.replace(accumulate_in_step=report.accumulate_in_step) != trainer
    assert 0 < report.largest_batch_size < 4096
    text = str(report)
    for part in ("4096 rows need", "accumulate_in_step=", "targets assumed: int32(4096,)", "largest batch that fits"):
        assert part in text
    told = report.to_dict()
    assert told["peak_bytes"] == report.peak_bytes
    assert "trainer" not in told
    with pytest.raises(AttributeError):
        report.batch_size = 1


def test_devices_that_are_not_here_are_taken_as_shapes(trainer):
    report = trainer.preflight(batch_size=4096, rows=10_000, mesh={"data": 32, "model": 16}, layout="fsdp")
    assert not report.compiled
    assert "512 x a device that is not here" in report.devices
    assert any("temporaries =" in choice for choice in report.choices)
    # of each weight, the largest axis that 32 divides is cut
    assert report.parameter_bytes == 4 * (4 * 512 + 512 + 512 * 3) // 32 + 4 * 3
    assert report.batch_bytes == 4096 // 32 * 20
    assert report.steps_per_epoch == 3
    assert report.flops_per_epoch == pytest.approx(report.flops_per_step * 10_000 / 4096)


@pytest.fixture(scope="module")
def deep():
    block = fk.Sequential([fk.nn.Dense(64, activation="tanh"), fk.nn.Dense(8, activation="tanh")], name="block")
    inputs = fk.Input((8,))
    return fk.Model(inputs, fk.nn.Repeat(block, 12, name="blocks")(inputs)).compile("sgd", "mse")


def test_blocks_in_a_loop_are_counted_each(deep):
    # both products of twelve blocks: forwards, and twice backwards
    wanted = 12 * 3 * 2 * 2 * 64 * 8 * 64
    assert deep.preflight(batch_size=64).flops_per_step == pytest.approx(wanted, rel=0.15)


@pytest.mark.parametrize(("limit", "parts", "again", "fits"), [
    (1_700, 1, False, True), (1_400, 2, False, True), (1_090, 8, False, True), (1_060, 8, True, True),
    (1_030, 32, False, True), (1_007, 64, True, True), (500, 64, True, False),
])  # fmt: skip
def test_what_costs_nothing_is_tried_first(deep, limit, parts, again, fits):
    def asks(trainer, size):
        each = 10 if trainer.model == deep.model else 6
        return Needs(1_000, 0, 0, each * -(-size // trainer.accumulate_in_step), 0, 0, 0, 0.0)

    plan = plan_for(deep, 64, limit, asks)
    assert (plan.needs.total <= limit) == fits
    assert bool(plan.policies) == again, plan.choices
    if fits:
        assert plan.trainer.accumulate_in_step == parts, plan.choices
        assert again == any("with_remat({'blocks'" in choice for choice in plan.choices)
    else:
        assert "Nothing that was tried fits" in plan.choices[-1]


@pytest.mark.parametrize(("arguments", "said"), [
    ({"memory": "20 apples"}, r"memory= is a number of bytes[\s\S]*'20 apples'[\s\S]*GB"),
    ({"batch_size": None}, r"largest batch is asked for[\s\S]*memory="),
    ({"batch_size": 0}, "batch_size"),
])  # fmt: skip
def test_what_cannot_be_asked(trainer, arguments, said):
    with pytest.raises(ValueError, match=said):
        trainer.preflight(**arguments)


def test_a_length_that_stays_open_needs_an_example():
    model = fk.Sequential([fk.Input((None, 3)), fk.nn.GlobalAveragePooling1D(), fk.nn.Dense(1)])
    trainer = model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"needs the shape of an input[\s\S]*ShapeDtypeStruct"):
        trainer.preflight()
    assert trainer.preflight(np.zeros((1, 5, 3), "float32"), batch_size=8).batch_bytes == 8 * (15 + 1) * 4


def test_text_is_refused_in_words():
    words = fk.Sequential([fk.Input((1,), dtype="string"), fk.nn.Hashing(8), fk.nn.Embedding(8, 2)])
    with pytest.raises(ValueError, match=r"no program takes text[\s\S]*begins behind them"):
        words.compile("sgd", "mse").preflight(np.array([["a"]]))


@pytest.mark.parametrize(("bytes_of", "limit", "most", "found"), [
    (lambda n: 1000 + 50 * n, 9_999, None, 179),
    (lambda n: 1000 + 50 * n, 9_999, 100, 100),
    (lambda n: 1000 + 50 * n, 1_051, None, 1),
    (lambda n: 10**9, 1_000, None, 0),
])  # fmt: skip
def test_the_largest_of_a_law(bytes_of, limit, most, found):
    assert largest(bytes_of, limit, 32, most=most) == found


# The memory that a process may have for its data is limited beyond what it has when its programs are compiled, by as
# many bytes as were said, and what its threads and its allocator take besides.
_RUNS = """
import resource, jax, numpy as np, fkeras as fk
memory, besides, struct = 600_000_000, 48_000_000, jax.ShapeDtypeStruct
model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(4096, activation="tanh"), fk.nn.Dense(1)])
trainer = model.compile("sgd", "mse")
largest = trainer.preflight(batch_size=None, memory=memory).largest_batch_size
sizes = [largest, int(1.15 * largest)]
for size in sizes:
    trainer.lower((struct((size, 4), "float32"), struct((size, 1), "float32")), verbs="fit")

def run(size):
    batch = np.zeros((size, 4), "float32"), np.zeros((size, 1), "float32")
    trainer.fit(trainer.init(0), iter([batch]), steps_per_epoch=1, verbose=0)

run(64)
held = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData")) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (held + memory + besides, -1))
for size in sizes:
    run(size)
    print("ran")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on a process's data is Linux's")
def test_the_largest_batch_runs_and_a_larger_one_does_not():
    done = subprocess.run([sys.executable, "-c", _RUNS], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["ran"], done.stderr[-2000:]
    assert "Out of memory" in done.stderr
