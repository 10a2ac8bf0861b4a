"""What is said where a name of Keras's is asked for that has no equal here: one look-up over the tables."""

from __future__ import annotations

import functools
import sys
import types

import fkeras

from ..core import Explanation, did_you_mean, explain, nearest
from ._answers_backend import BACKEND
from ._answers_data import DATA
from ._answers_models import MODELS
from ._answers_older import OLDER
from ._answers_others import of_others
from ._answers_scopes import SCOPES
from ._answers_switches import SWITCHES
from ._answers_torch import TORCH

# Parts whose names are in other parts too, which are the ones to name.
_SECOND = {"core", "layers", "train", "models", "mixed_precision", "preprocessing", "legacy", "backend"}


@functools.cache
def answers() -> dict[str, tuple[str, str]]:
    """Every row of the tables: Keras's path without `keras.` -> why there is none, and the line to write.

    `"applications.*"` is what is said of all names in a namespace that have no row of their own.
    """
    tables = (SCOPES, SWITCHES, DATA, MODELS, BACKEND, OLDER)
    return {path: row for table in tables for paths, row in table.items() for path in paths.split()}


def look_up(path: str) -> tuple[str, str] | None:
    """The row of a name of Keras's; `None` where no table has one.

    >>> look_up("backend.mean")
    ('Keras 3 has it in keras.ops.', 'fk.ops.mean')
    """
    rooms = path.split(".")
    general = [".".join([*rooms[:i], "*"]) for i in range(len(rooms) - 1, 0, -1)]
    row = next((answers()[key] for key in [path, *general] if key in answers()), None)
    return None if row is None else (row[0], row[1].replace("NAME", rooms[-1]))


def answer(module: str, name: str) -> Explanation:
    """What is said where `name` is asked of `module`, which has none.

    >>> print(answer("fkeras.config", "set_floatx"))
    fkeras has no `config.set_floatx`.
      Usually:  a default dtype for all of a program; here it is an argument.
      Write:    fk.nn.Dense(10, dtype="bfloat16"), or model.with_dtype_policy("bfloat16")
    >>> print(answer("fkeras", "Dense"))
    fkeras has no `Dense`.
      Usually:  it is in another part.
      Write:    fk.nn.Dense
    """
    path = f"{module}.{name}".removeprefix("fkeras.")
    row = look_up(path) or TORCH.get(path) or of_others(name)
    if row is not None:
        return explain(f"fkeras has no `{path}`.", usually=row[0], write=row[1])
    elsewhere = [f"fk.{name}"] if module != "fkeras" and name in dir(fkeras) else []
    elsewhere += [f"fk.{room}.{name}" for room in dir(fkeras) if room not in _SECOND and name in _names_of(room)]
    if elsewhere:
        return explain(f"fkeras has no `{path}`.", usually="it is in another part.", write=" or ".join(elsewhere[:3]))
    known = dir(sys.modules[module])
    near = nearest(name, known)
    room = module.replace("fkeras", "fk", 1)
    return explain(
        f"fkeras has no `{path}`. {did_you_mean(name, known, limit=12)}", write=f"{room}.{near[0]}" if near else ""
    )


def _names_of(part: str) -> list[str]:
    """The names of a part of fkeras; none of what is no module."""
    if not part.islower():
        return []
    found = getattr(fkeras, part)
    return dir(found) if isinstance(found, types.ModuleType) else []
