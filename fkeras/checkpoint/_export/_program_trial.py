"""Whether MLIR's reader survives a module: this file is run as a script in a process that reads nothing else.

The reader is native code, of which some bytes end the process, and from some of which it does not return. So it reads
them first in a process that has nothing else, and whose time and memory are bounded.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Sequence

# Exit statuses; with `_FAULT` the output says what is wrong with a module.
_READ, _FAULT, _NO_READER = 0, 3, 4
_DEPTH = 64
_SECONDS = 10
# Memory for the library itself; a module takes several times its own bytes beside it.
_MEMORY = 4 << 30


def try_elsewhere(modules: Sequence[bytes]) -> None:
    """Refuse modules that another process could not read.

    Args:
        modules: as JAX serialised them.

    Raises:
        ValueError: in one line, what became of it.
    """
    if not sys.executable:
        return  # Python is embedded in another program, and there is no interpreter to start
    size = sum(map(len, modules))
    given = struct.pack(f"<{1 + len(modules)}Q", len(modules), *map(len, modules)) + b"".join(modules)
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        done = subprocess.run(
            [sys.executable, "-P", __file__], input=given, capture_output=True, check=False,
            timeout=_SECONDS + size / (10 << 20), env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ValueError(f"a module that was not read in {_SECONDS} seconds") from None
    except OSError:
        return  # no process can be started here
    if done.returncode == _FAULT:
        raise ValueError(done.stdout.decode(errors="replace").strip()[:300])
    if done.returncode not in (_READ, _NO_READER):
        raise ValueError(f"a module that ends the process which reads it (status {done.returncode})")


def _limit(size: int) -> None:
    try:
        import resource
    except ImportError:
        return  # there is none on Windows
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY + 32 * size,) * 2)


def _read() -> int:
    """Read the modules on the input; the exit status."""
    try:
        from jaxlib.mlir import ir
        from jaxlib.mlir.dialects import chlo, sdy, stablehlo
    except ImportError:
        return _NO_READER
    (count,) = struct.unpack("<Q", sys.stdin.buffer.read(8))
    sizes = struct.unpack(f"<{count}Q", sys.stdin.buffer.read(8 * count))
    _limit(sum(sizes))
    for size in sizes:
        context = ir.Context()
        for dialect in (stablehlo, chlo, sdy):
            dialect.register_dialect(context)
        try:
            module = stablehlo.deserialize_portable_artifact(context, sys.stdin.buffer.read(size))
        except Exception as error:  # the library raises many types; this process only reports them
            print(f"{type(error).__name__}: {error}")
            return _FAULT
        waiting = [(module.operation, 0)]
        while waiting:
            op, depth = waiting.pop()
            if depth > _DEPTH:
                print(f"operations more than {_DEPTH} levels deep")
                return _FAULT
            waiting += [(o.operation, depth + 1) for region in op.regions for block in region for o in block.operations]
    return _READ


if __name__ == "__main__":
    status = _read()
    sys.stdout.flush()
    os._exit(status)  # ends at once: the library's own clean-up may crash on a damaged module
