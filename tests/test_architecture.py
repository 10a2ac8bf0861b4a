"""The house: imports point one way, packages are entered by their front doors, importing is light."""

import ast
import pathlib
import subprocess
import sys

import pytest

import fkeras as fk

ROOT = pathlib.Path(__file__).parents[1] / "fkeras"
FILES = sorted(ROOT.rglob("*.py"))
ROOMS = ("core", "nn", "train", "checkpoint")

# What each room may import from the rooms before it.
MAY = {"core": set(), "nn": {"core"}, "train": {"core", "nn"}, "checkpoint": {"core", "nn", "train"}, "": set(ROOMS)}
# The doors of Model and Trainer to later rooms: a deferred import of one public name each.
DOORS = {
    ("core/_words/_config.py", "nn"): set(),  # all that is registered, when a config names what nobody has named yet
    ("core/_words/_config.py", "train"): set(),
    ("core/_model/_doors.py", "train"): {"compile", "predict"},
    ("core/_model/_doors.py", "checkpoint"): {
        "save_model",
        "save_weights",
        "load_weights",
        "export",
    },
    ("core/_model/_doors.py", "nn"): {"quantize", "with_fake_quant", "with_lora", "lora_variables", "merge_lora"},
    ("train/_trainer.py", "checkpoint"): {"save_trainer"},
    ("train/callbacks/_checkpoint.py", "checkpoint"): {"check_save", "delete_checkpoint"},
    ("train/_loop/_run_backup.py", "checkpoint"): {"save_run", "load_run", "delete_runs"},
}


def room_of(path):
    parts = path.relative_to(ROOT).parts
    return parts[0] if len(parts) > 1 else ""


def imports(path, tree=None):
    """`(room, module below it, names, deferred)` for each import of fkeras in a file."""
    tree = ast.parse(path.read_text()) if tree is None else tree
    package = list(path.relative_to(ROOT).parts[:-1])
    nested = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1] + (node.module or "").split(".")
            elif (node.module or "").split(".")[0] == "fkeras":
                base = node.module.split(".")[1:]
            else:
                continue
            base = [b for b in base if b]
            names = {a.name for a in node.names}
            if not base:  # from . import nn
                for name in names:
                    yield name, [], set(), id(node) in nested
            else:
                yield base[0], base[1:], names, id(node) in nested


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way_and_enter_by_the_front_door(path):
    room, name = room_of(path), str(path.relative_to(ROOT))
    for target, below, names, deferred in imports(path):
        if target == room or target not in ROOMS:
            continue
        door = DOORS.get((name, target))
        if door is not None and deferred:
            assert names <= door, f"{name} opens {names - door} of {target}"
            continue
        assert target in MAY[room], f"{name} imports {target}, which is a later room"
        private = [part for part in below if part.startswith("_")]
        assert not private, f"{name} reaches into {target}.{'.'.join(private)}"
        assert not any(n.startswith("_") for n in names), f"{name} imports private names of {target}"


def test_the_doors_are_exactly_those_listed():
    found = {}
    for path in FILES:
        for target, _, names, deferred in imports(path):
            if deferred and target in ROOMS and target != room_of(path):
                found.setdefault((str(path.relative_to(ROOT)), target), set()).update(names)
    assert found == DOORS


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_public_api_and_no_configuration(path):
    text = path.read_text()
    for private in ("jax._src", "flax.linen.module", "optax._src", "orbax.checkpoint._src"):
        assert private not in text
    if path.name != "_compile_cache.py":  # what a user calls to set JAX's own cache
        assert "jax.config.update" not in text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            assert not any(part.startswith("_") for a in node.names for part in a.name.split("."))
        if isinstance(node, ast.ImportFrom) and not node.level and node.module != "__future__":
            assert not any(part.startswith("_") for part in (node.module or "").split("."))


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=lambda p: str(p.relative_to(ROOT)))
def test_an_init_is_re_exports_and_nothing_else(path):
    stub = path.with_suffix(".pyi")  # of a package whose names are imported when they are used
    for node in ast.parse((stub if stub.exists() else path).read_text()).body:
        documented = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            assert target.id == "__version__"
        else:
            assert isinstance(node, ast.ImportFrom) or documented, ast.dump(node)
    if stub.exists():
        text = path.read_text()
        assert "lazy_loader.attach_stub(__name__, __file__)" in text
        assert "from ." not in text


LONE = """
import os, sys
import jax, flax.linen, optax
import fkeras as fk
assert not [name for name in sys.modules if name.startswith("fkeras.")]
names = [(fk.nn, name) for name in dir(fk.nn)] + [(fk, name) for name in dir(fk)]
for place, name in names:
    child = os.fork()
    if not child:
        getattr(place, name)
        os._exit(0)
    assert not os.waitpid(child, 0)[1], name
print(len(names))
"""


def test_each_name_can_be_the_first_that_is_used():
    """Files are imported in the order in which a program names what is in them."""
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", LONE], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert int(run.stdout) == len(dir(fk.nn)) + len(dir(fk))


def test_a_config_is_read_before_its_layers_were_ever_named():
    config = fk.Sequential([fk.Input((6, 6, 1)), fk.nn.Conv2D(2, 3, activation="mish"), fk.nn.Flatten()]).to_json()
    script = f"import fkeras as fk; print([type(layer).__name__ for layer in fk.model_from_json({config!r}).layers])"
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "['Conv2D', 'Flatten']", run.stderr[-2000:]


def runs(path):
    """A file without what only a type checker reads: a signature may name what uses the file."""
    tree = ast.parse(path.read_text())
    tree.body = [n for n in tree.body if not (isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")]
    return tree


@pytest.mark.parametrize("room", ROOMS)
def test_files_of_a_room_do_not_import_in_circles(room):
    edges = {}
    for path in FILES:
        if room_of(path) == room and path.name != "__init__.py":
            own = ".".join(path.relative_to(ROOT).with_suffix("").parts[1:])
            targets = set()
            for target, below, names, _ in imports(path, runs(path)):
                if target == room:
                    targets |= {".".join(below)} if below else names
                    targets |= {".".join([*below, n]) for n in names}
            edges[own] = {t for t in targets if t != own}
    done = set()

    def visit(node, trail):
        assert node not in trail, " -> ".join([*trail, node])
        if node in done or node not in edges:
            return
        for target in sorted(edges[node]):
            visit(target, [*trail, node])
        done.add(node)

    for node in sorted(edges):
        visit(node, [])


def test_importing_fkeras_loads_nothing_heavy():
    heavy = ("tensorflow", "torch", "keras", "h5py", "orbax", "tensorstore", "safetensors")
    code = f"import sys, fkeras; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_is_left_behind_by_an_import():
    code = "import jax, logging, signal; before = dict(jax.config.values), signal.getsignal(2); import fkeras;"
    code += "print(before == (dict(jax.config.values), signal.getsignal(2)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
