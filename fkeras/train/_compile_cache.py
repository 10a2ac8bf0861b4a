"""compile_cache: programs that one process compiles and the next one finds."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

import jax
from jax.experimental.compilation_cache import compilation_cache


def compile_cache(directory: str | os.PathLike[str]) -> pathlib.Path:
    """Keep every compiled program of this process in a directory, and take those that are there from it.

    It is JAX's own persistent cache, told to keep small and quick programs too: the second process that runs the same
    script compiles nothing. It makes nothing compute differently. Call it once, first thing.

    Args:
        directory: where; made if it is not there. It may be shared by many scripts, and deleted at any time.

    Returns:
        The directory's absolute path.

    >>> import fkeras as fk, jax, tempfile
    >>> before = jax.config.jax_compilation_cache_dir
    >>> fk.compile_cache(tempfile.mkdtemp()).is_dir()
    True
    >>> jax.config.update("jax_compilation_cache_dir", before)

    Reference: https://docs.jax.dev/en/latest/persistent_compilation_cache.html
    """
    path = pathlib.Path(directory).expanduser().resolve()
    path.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    compilation_cache.reset_cache()  # one that was opened before, at another place
    return path


@contextlib.contextmanager
def without_cache() -> Iterator[None]:
    """While this is open what is compiled is compiled here, and not taken from a directory."""
    before = jax.config.jax_enable_compilation_cache
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()  # which looks at the settings when it is first used
    try:
        yield
    finally:
        jax.config.update("jax_enable_compilation_cache", before)
        compilation_cache.reset_cache()
