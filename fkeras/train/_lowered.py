"""Lowered: compiled programs by name, which another process finds ready to run."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jaxlib
from jax.experimental import serialize_executable
from jax.sharding import NamedSharding

from ..core import as_path, explain, read_json, to_read
from ._compile_cache import without_cache

#: The file that lists the others.
LIST = "programs.json"


class Lowered(dict[str, Callable[..., Any]]):
    """Compiled programs by name; those that `trainer.lower` made are `jax.stages.Compiled`.

    >>> import fkeras as fk, jax, numpy as np, tempfile
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> batch = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     trainer.lower(batch, verbs=("init", "train_step")).save(directory)
    ...     programs = fk.train.load_lowered(directory)  # in another process: it traces and compiles nothing
    >>> state, logs = programs["train_step"](programs["init"](np.int32(0)), batch)
    >>> int(state.step)
    1
    """

    def __init__(
        self, programs: Mapping[str, Callable[..., Any]], lowered: Mapping[str, jax.stages.Lowered] | None = None
    ) -> None:
        super().__init__(programs)
        self._lowered = dict(lowered or {})

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write the programs, as the machine runs them, into a directory.

        They run where jax, jaxlib and the kind of device are the same; `load_lowered` compares these first.

        Args:
            directory: where; made if it is not there. Programs of the same names are replaced.

        Raises:
            ValueError: a program that the backend cannot write down.
        """
        place = pathlib.Path(as_path(directory, "lower(...).save", '"programs"'))
        files = {}
        written = {name: _written(name, program) for name, program in self._compiled_here().items()}
        place.mkdir(parents=True, exist_ok=True)
        for name, (content, devices) in written.items():
            path = place / f"{name.replace(', ', '_').replace(' ', '_')}.program"
            path.write_bytes(content)
            files[name] = {"file": path.name, "sha256": hashlib.sha256(content).hexdigest(), "devices": devices}
        (place / LIST).write_text(json.dumps({"made by": _here(), "programs": files}, indent=1))

    def _compiled_here(self) -> dict[str, Any]:
        """The programs as this process compiled them: XLA cannot write down what it took from a compilation cache."""
        if not (jax.config.jax_compilation_cache_dir and jax.config.jax_enable_compilation_cache):
            return self
        with without_cache():
            # an option, though it is the default, makes JAX compile what it has compiled
            return {
                name: self._lowered[name].compile({"xla_embed_ir_in_executable": False})
                if name in self._lowered
                else program
                for name, program in self.items()
            }


def load_lowered(directory: str | os.PathLike[str]) -> Lowered:
    """The programs that `trainer.lower(...).save(directory)` wrote, ready to run: nothing is traced or compiled.

    Programs are machine code, which runs with all that this process may do. Load those that you wrote yourself, or had
    from someone whose code you would run; what `trainer.export` writes can be looked at before it runs.

    Args:
        directory: the directory.

    Returns:
        The programs by name, functions of the arguments that they were lowered for: `"train_step"` takes a state and
        a batch, `"init"` a seed as `np.int32`.

    Raises:
        FileNotFoundError: there are none.
        ValueError: they were made by another JAX or for another kind of device, or a file is not the one that was
            written.
    """
    place = pathlib.Path(to_read(directory, "fk.train.load_lowered", '"programs"'))
    if not (place / LIST).is_file():
        raise FileNotFoundError(
            explain(
                f"There are no programs at {str(place)!r}.",
                received=f"a directory without {LIST}",
                write='trainer.lower(batch, verbs=("init", "train_step")).save(directory)',
            )
        )
    listed: Any = read_json((place / LIST).read_text(), str(place / LIST))
    made, here = listed["made by"], _here()
    if made != here:
        other = {key: (made.get(key), here[key]) for key in here if made.get(key) != here[key]}
        raise ValueError(
            explain(
                f"The programs at {str(place)!r} were made for another machine.",
                received=", ".join(f"{key}: {there!r}, here {now!r}" for key, (there, now) in other.items()),
                usually="JAX was updated, or the programs came from a machine of another kind.",
                write="trainer.lower(batch, ...).save(directory)   # again, here",
            )
        )
    return Lowered({name: _read(place / told["file"], told) for name, told in listed["programs"].items()})


def _here() -> dict[str, str | bool]:
    """What programs depend on."""
    device = jax.devices()[0]
    return {"jax": jax.__version__, "jaxlib": jaxlib.__version__, "platform": device.platform,
            "device": device.device_kind, "x64": bool(jax.config.jax_enable_x64)}  # fmt: skip


def _written(name: str, program: jax.stages.Compiled) -> tuple[bytes, list[int]]:
    """A program's bytes, and the numbers of the devices that it runs on."""
    try:
        code, in_tree, out_tree = serialize_executable.serialize(program)
    except (ValueError, NotImplementedError, jax.errors.JaxRuntimeError) as error:
        raise ValueError(
            explain(
                f"The program {name!r} cannot be written down on this backend.",
                received=str(error).splitlines()[0][:200],
                write="fk.compile_cache(directory)   # another process then compiles nothing, and traces",
            )
        ) from error
    # pytrees of other classes have no written form of their own, and their values have
    trees = [jax.tree.unflatten(tree, range(tree.num_leaves)) for tree in (in_tree, out_tree)]
    return pickle.dumps((code, *trees)), _devices(program)


def _devices(program: jax.stages.Compiled) -> list[int]:
    shardings = jax.tree.leaves((program.input_shardings, program.output_shardings))
    for sharding in shardings:
        if isinstance(sharding, NamedSharding):
            return [device.id for device in sharding.mesh.devices.flat]
    return sorted({device.id for sharding in shardings for device in sharding.device_set})


def _read(path: pathlib.Path, told: dict[str, Any]) -> Callable[..., Any]:
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != told["sha256"]:
        raise ValueError(
            explain(
                f"{str(path)!r} is not the program that was written.",
                received=f"{len(content):,} bytes of another SHA-256",
                usually="the file was cut off on its way, or replaced.",
                write="trainer.lower(batch, ...).save(directory)   # again",
            )
        )
    code, arguments, results = pickle.loads(content)
    known = {device.id: device for device in jax.devices()}
    if not set(told["devices"]) <= set(known):
        raise ValueError(
            explain(
                f"{str(path)!r} runs on devices that are not here.",
                received=f"{len(told['devices'])} devices, and {len(known)} here",
                write="trainer.distribute(...).lower(batch, ...).save(directory)   # for the devices that are here",
            )
        )
    in_tree, out_tree = (jax.tree.structure(tree) for tree in (arguments, results))
    found: Callable[..., Any] = serialize_executable.deserialize_and_load(
        code, in_tree, out_tree, execution_devices=[known[n] for n in told["devices"]]
    )
    return found
