"""A module whose names are imported when they are first used, and which answers for those of Keras's that it lacks.

A missing attribute is an AttributeError. `from module import name` turns that into an ImportError of its own, without
its text, so there the answer is raised as an ImportError in the first place. The instruction that the caller's frame is
at, IMPORT_FROM, tells the two apart.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import opcode
import sys
import types
from collections.abc import Callable
from typing import Never

from ._stub import NotListedError, Stub


def attach_stub(module: str, file: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a module whose names the `.pyi` beside it lists.

    As `lazy_loader.attach_stub`, and names may come from other packages.

    Args:
        module: the module's `__name__`.
        file: its `__file__`.
    """
    stub = functools.cache(lambda: Stub.read(module, file))

    def __getattr__(name: str) -> object:  # noqa: N807
        if name == "__all__":
            return stub().listed()
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        with contextlib.suppress(NotListedError):
            found = stub().find(name)
            setattr(sys.modules[module], name, found)
            return found
        refuse(module, name)  # not while the other error is handled: one error is shown

    def __dir__() -> list[str]:  # noqa: N807
        return stub().listed()

    return __getattr__, __dir__


def refuse(module: str, name: str) -> Never:
    """Raise the answer to a name that a module does not have.

    Raises:
        AttributeError: always, but for
        ImportError: in `from module import name`.
    """
    if name.startswith("_"):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    from ._answers import answer

    found = answer(module, name)
    raise (ImportError if _is_importing(inspect.currentframe()) else AttributeError)(found)


def refuse_import(module: str) -> Never:
    """Raise the answer to a module of Keras's, while it is imported.

    Raises:
        ImportError: always.
    """
    from ._answers import answer

    raise ImportError(answer(*module.rpartition(".")[::2]))


def _is_importing(frame: types.FrameType | None) -> bool:
    """Whether what asked a module for its attribute is `from module import name`."""
    own = ("fkeras", "fkeras.nn", __name__)
    while frame is not None and frame.f_globals.get("__name__") in own:
        frame = frame.f_back
    return frame is not None and frame.f_code.co_code[frame.f_lasti] == opcode.opmap["IMPORT_FROM"]
