"""The test world, stricter than a user's.

- `jax_numpy_rank_promotion="raise"`: an array is broadcast to more axes only where the code says so.
- Every warning is an error; pyproject.toml names the few of other libraries that only they can mend.
- There are several CPU devices.
- Programs, traces and arrays of one module are dropped before the next one, and within a module that grows, so that a
  process that runs the suite stays near `MOST_MEMORY`. A run that needs more says so, and one that needs twice as much
  is red: with an empty compilation cache XLA's compiler was seen to take 2.6 GB.

The rest is set through the environment before JAX is imported. Real Keras broadcasts to more axes in most of its
layers, losses and optimizers: calls of it stand in `with keras_world()`, which tests/real_keras.py has.
"""

import ctypes
import gc
import os
import pathlib
import re
import resource
import sys

import pytest

_CACHE = pathlib.Path(__file__).parents[1] / ".cache" / "jax"
#: Bytes that one process, such as a worker of `pytest -n 2`, may hold at its peak.
MOST_MEMORY = 2 * 2**30
#: Bytes that a module's tests may leave behind. Clearing costs a quarter of a second, and programs made again.
KEPT = 2**25
#: From so many bytes on a process gives back between two tests of one module, each time that it grew by so many.
HELD, GROWN = 5 * 2**28, 2**28

os.environ.setdefault("KERAS_BACKEND", "jax")
# Processes that tests start read fkeras's thousand files compiled, where this one may have been told not to.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Each program runs once or twice here, so compiling it well costs more than it saves.
_QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
if "--gpu" in sys.argv:
    # Programs as a user has them, and what JAX finds: an accelerator, or else the CPU. Workers share its memory.
    _GPU = any(pathlib.Path("/dev").glob("nvidia[0-9]*")) or pathlib.Path("/dev/kfd").exists()
    _QUICK = "--xla_gpu_deterministic_ops=true" if _GPU else f"{_QUICK} --xla_gpu_deterministic_ops=true"
    os.environ.setdefault("JAX_PLATFORMS", "")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count=4 {_QUICK}")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# One compilation cache for all workers of a run, and for the runs after it.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import jax  # noqa: E402

from . import fast, gpu, sweeps  # noqa: E402
from .real_keras import keras_world  # noqa: E402


def pytest_configure():
    """Not through the environment: what a test starts in another process is a user's program, in a user's world."""
    jax.config.update("jax_numpy_rank_promotion", "raise")


# ------------------------------------------------------------------ which tests
def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help="the tests of `make test-fast`: see tests/fast.py")
    parser.addoption("--few", action="store_true", help="the cases of `make test-floor`: see tests/fast.py")
    parser.addoption("--gpu", action="store_true", help="the tests of `make test-gpu`: see tests/gpu.py")


def pytest_collection_modifyitems(config, items):
    waiting = set(sweeps.left_out(config, items))
    config.hook.pytest_deselected(items=list(waiting))
    items[:] = [item for item in items if item not in waiting]
    choose = {"--fast": fast.chosen, "--few": lambda node_ids, slow: fast.chosen(node_ids, ()), "--gpu": gpu.chosen}
    for option in filter(config.getoption, choose):
        chosen = choose[option]([item.nodeid for item in items], fast.SLOW.read_text().split())
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in chosen])
        items[:] = [item for item in items if item.nodeid in chosen]
    order = fast.longest_first(map(sweeps.file_of, items), fast.FILES.read_text().split())
    place = {file: place for place, file in enumerate(order)}
    items.sort(key=lambda item: place[sweeps.file_of(item)])


@pytest.fixture(autouse=True)
def _on_an_accelerator(request):
    """Under `--gpu`, the tolerances of an accelerator; what only a CPU can hold is skipped there."""
    if not request.config.getoption("--gpu") or not gpu.on_accelerator():
        yield
        return
    if why := gpu.why_only_on_cpu(request.node.nodeid):
        pytest.skip(why)
    with gpu.allowed(request.node.nodeid):
        yield


# ------------------------------------------------------------------ real Keras
# Files in which most lines call Keras, or layers are written as Keras's users write them. That losses and metrics of
# ours broadcast to no further axes is a law of its own.
_IN_KERAS_WORLD = re.compile(r"test_(keras_\w+|every_weight|paths|losses|metrics|(loss|metric|initializer)_laws)\.py")


@pytest.fixture(autouse=True, scope="module")
def _broadcasts_as_keras(request):
    """What `keras_world()` allows, around the fixtures of such a file too."""
    if not _IN_KERAS_WORLD.fullmatch(request.path.name):
        yield
        return
    with jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(autouse=True)
def _warns_as_keras(request):
    """`keras_world()` around each test of such a file: pytest sets the filters of warnings for each test anew."""
    if not _IN_KERAS_WORLD.fullmatch(request.path.name):
        yield
        return
    with keras_world():
        yield


# ------------------------------------------------------------------ memory
@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """After it no garbage collection looks at modules and tests, which stay: each took half a second for them.

    Keras asks for one whenever a layer gives up a variable, and so does each module of tests that leaves much behind.
    """
    gc.disable()  # a million objects are made that stay
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def nothing_is_kept_for_the_next_module():
    """Drop JAX's programs and traces, which hold arrays, once a module has added more than `KEPT` bytes.

    XLA's compiler leaves the heap in pieces that glibc keeps, three quarters of what a module adds: `malloc_trim` gives
    them back.
    """
    before = _held()
    yield
    if _held() - before > KEPT:
        _give_back()


_after_giving_back = 0


@pytest.fixture(autouse=True)
def nothing_piles_up_within_a_module():
    """The same between two tests of a module that holds much."""
    yield
    held = _held()
    if held > HELD and held - _after_giving_back > GROWN:
        _give_back()


def _give_back() -> None:
    global _after_giving_back
    jax.clear_caches()
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # glibc has it
        trim(0)
    _after_giving_back = _held()


def _held() -> int:
    """Bytes that this process holds now, as Linux says it; the peak elsewhere."""
    statm = pathlib.Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * resource.getpagesize() if statm.exists() else _peak()


def _peak() -> int:
    """Bytes that this process held at most; Linux counts in kilobytes, macOS in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


_peaks: dict[str, int] = {}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    _peaks[node.gateway.id] = node.workeroutput["peak"]


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["peak"] = _peak()
        return
    _peaks.setdefault("this process", _peak())
    if max(_peaks.values()) > 2 * MOST_MEMORY and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    if terminalreporter.config.getoption("--gpu"):
        terminalreporter.write_line(gpu.header())
    over = {name: peak for name, peak in _peaks.items() if peak > MOST_MEMORY}
    if over or len(_peaks) > 1:
        peaks = ", ".join(f"{name} {peak / 2**30:.2f} GB" for name, peak in sorted(_peaks.items()))
        terminalreporter.write_line(f"peak memory: {peaks}", red=bool(over))
    if over:
        terminalreporter.write_line(
            f"A process should hold {MOST_MEMORY / 2**30:.0f} GB: see MOST_MEMORY in tests/conftest.py", red=True
        )
