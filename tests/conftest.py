"""The test world, stricter than a user's: ranks are not promoted silently, and there are two CPU devices.

Everything is set through the environment before JAX is imported, so that fkeras itself is never configured.
Real Keras relies on rank promotion: wrap calls of it in `with jax.numpy_rank_promotion("allow")`.
"""

import os
import pathlib

_CACHE = pathlib.Path(__file__).parents[1] / ".cache" / "jax"

os.environ.setdefault("KERAS_BACKEND", "jax")
# Each program runs once or twice here, so compiling it well costs more than it saves.
_QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count=2 {_QUICK}")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# One compilation cache for all workers of a run, and for the runs after it.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
