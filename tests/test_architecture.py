"""The house: imports point one way, packages are entered by their front doors, values stay what they are.

`house.py` has the orders and the exceptions. Everything here reads the source and runs none of it, but for the last
section, which imports the package in fresh processes.
"""

import ast
import collections
import functools
import importlib
import inspect
import pathlib
import subprocess
import sys

import pytest

import fkeras as fk

from . import count_any, house

ROOT = pathlib.Path(__file__).parents[1] / "fkeras"
FILES = sorted(ROOT.rglob("*.py"))


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def room_of(path):
    parts = path.relative_to(ROOT).parts
    return parts[0] if len(parts) > 1 else ""


# A test of a package goes through its files: one for each of a thousand files took longer than what it looks at.
every_package = pytest.mark.parametrize("package", sorted(set(map(room_of, FILES))), ids=lambda name: name or "fkeras")


def files_of(package):
    return [path for path in FILES if room_of(path) == package]


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text())


def is_for_checkers(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(path):
    """`[(room, module below it, names, deferred)]` for each import of fkeras in a file."""
    return [found for found, _ in all_imports(path)]


def running_imports(path):
    """`imports`, without what only a type checker reads: a signature may name what uses the file."""
    return [found for found, for_checkers in all_imports(path) if not for_checkers]


def import_nodes(node, in_function=False, for_checkers=False):
    """`(import, whether a function makes it, whether only type checkers read it)`, for each one in a part of a file."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom):
            yield child, in_function, for_checkers
        elif isinstance(child, ast.stmt | ast.ExceptHandler):  # no expression has imports
            function = in_function or isinstance(child, ast.FunctionDef)
            yield from import_nodes(child, function, for_checkers or is_for_checkers(child))


@functools.cache
def all_imports(path):
    """`imports` of a file, each with whether only a type checker reads it."""
    found = []
    package = list(path.relative_to(ROOT).parts[:-1])
    for node, in_function, for_checkers in import_nodes(tree_of(path)):
        deferred = in_function or for_checkers  # imported when a function is called, or never
        if node.level:
            base = package[: len(package) - node.level + 1] + (node.module or "").split(".")
        elif (node.module or "").split(".")[0] == "fkeras":
            base = node.module.split(".")[1:]
        else:
            continue
        base = [b for b in base if b]
        names = {a.name for a in node.names}
        if base:
            found.append(((base[0], base[1:], names, deferred), for_checkers))
        else:  # from . import nn
            found.extend(((name, [], set(), deferred), for_checkers) for name in names)
    return found


# ------------------------------------------------------------------ rooms
@every_package
def test_imports_point_one_way_and_enter_by_the_front_door(package):
    for path in files_of(package):
        name = name_of(path)
        for target, below, names, deferred in imports(path):
            if target in house.LEAVES and not (deferred and (name, target) in house.DOORS):
                assert package in ("", *house.LEAVES), f"{name} imports {target}, which stands around the rooms"
            if target == package or target not in house.ROOMS:
                continue
            door = house.DOORS.get((name, target))
            if door is not None and deferred:
                assert names <= door, f"{name} opens {names - door} of {target}"
                continue
            assert target in house.MAY.get(package, house.ROOMS), f"{name} imports {target}, which is a later room"
            private = [part for part in below if part.startswith("_")]
            assert not private, f"{name} reaches into {target}.{'.'.join(private)}"
            assert not any(n.startswith("_") for n in names), f"{name} imports private names of {target}"


@pytest.mark.parametrize("leaf", house.LEAVES)
def test_a_leaf_takes_public_names_and_only_leaves_before_it(leaf):
    before = house.LEAVES[: house.LEAVES.index(leaf)]
    for path in [*(ROOT / leaf).rglob("*.py"), *(ROOT / leaf).rglob("*.pyi")]:
        for target, below, names, _ in imports(path):
            assert target in (leaf, *house.ROOMS, *before), f"{name_of(path)} imports {target}"
            private = [part for part in (*below, *names) if part.startswith("_")]
            assert target == leaf or not private or name_of(path) in house.OF_FUNCTIONS, f"{name_of(path)}: {private}"


def test_every_package_is_a_room_or_a_leaf():
    packages = [path.parent.name for path in ROOT.glob("*/__init__.py")]
    assert sorted([*packages, "demo"]) == sorted([*house.ROOMS, *house.LEAVES])  # which is a file


def test_the_doors_are_exactly_those_listed():
    found = {}
    for path in FILES:
        for target, _, names, deferred in imports(path):
            to_leaf = target in house.LEAVES and room_of(path) in house.ROOMS
            if deferred and target != room_of(path) and (target in house.ROOMS or to_leaf):
                found.setdefault((name_of(path), target), set()).update(names)
    assert found == house.DOORS


@every_package
def test_only_public_api_and_no_configuration(package):
    for path in files_of(package):
        name, text = name_of(path), path.read_text()
        for private in ("jax._src", "flax.linen.module", "optax._src", "orbax.checkpoint._src"):
            assert private not in text, f"{name} names {private}"
        if path.name != "_compile_cache.py":  # what a user calls to set JAX's own cache
            assert "jax.config.update" not in text, f"{name} configures JAX"
        for node in nodes_of(path):
            modules = []
            if isinstance(node, ast.Import):
                modules = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module != "__future__":
                modules = [node.module or ""]
            private = [module for module in modules if any(part.startswith("_") for part in module.split("."))]
            assert not private, f"{name} imports {private}"


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
        assert "attach_stub(__name__, __file__)" in text
        assert "from ." not in text.replace("from .._keras_api import attach_stub", "")


# ------------------------------------------------------------------ wings
def modules_of(room):
    """The modules of a room by their dotted name inside it."""
    found = {".".join(p.relative_to(ROOT / room).with_suffix("").parts): p for p in (ROOT / room).rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in found.items() if name != "__init__"}


def targets_of(path, room, modules, of=imports):
    """The modules of its own room that a file imports, deferred or not."""
    for target, below, names, _ in of(path):
        if target != room:
            continue
        base = ".".join(below)
        for name in names:
            module = f"{base}.{name}" if base else name
            yield module if module in modules else base


def level_of(module, order):
    wing = module.split(".")[0]
    levels = {name: level for level, names in enumerate(order) for name in names}
    return levels.get(wing, levels.get(house.REST))


@pytest.mark.parametrize("room", house.ROOMS)
def test_a_wing_imports_only_wings_before_it(room):
    order, modules, wrong = house.WINGS[room], modules_of(room), []
    for module, path in sorted(modules.items()):
        level = level_of(module, order)
        assert level is not None, f"{room}/{module} stands in no wing: name it in tests/house.py"
        for target in sorted(set(targets_of(path, room, modules))):
            assert target, f"{name_of(path)} imports its own room by the front door"
            if level_of(target, order) > level:
                wrong.append(f"{room}: {module} imports {target}, which stands in a later wing")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", house.ROOMS)
def test_every_wing_that_is_named_is_there(room):
    wings = {module.split(".")[0] for module in modules_of(room)}
    assert {name for names in house.WINGS[room] for name in names} - {house.REST} <= wings


@pytest.mark.parametrize("room", house.ROOMS)
def test_files_of_a_room_do_not_import_in_circles(room):
    modules = modules_of(room)
    edges = {
        m: set(targets_of(p, room, modules, running_imports)) - {m}
        for m, p in modules.items()
        if p.name != "__init__.py"
    }
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


# ------------------------------------------------------------------ types
def shares_of_any():
    counts = count_any.count(FILES)
    return ", ".join(f"{package or 'fkeras'} {some / every:.0%}" for package, (some, every) in counts.items())


def test_few_annotations_say_any():
    say_any = [count_any.says_any(found) for path in FILES for found in count_any.annotations(tree_of(path))]
    assert sum(say_any) / len(say_any) <= house.MOST_ANY, f"More annotations say Any than did: {shares_of_any()}"


# ------------------------------------------------------------------ state
CONSTRUCTORS = ("__init__", "__post_init__", "__new__", "__init_subclass__", "__set_name__")
CHANGES = {"append", "add", "update", "setdefault", "pop", "clear", "extend", "remove", "discard", "insert", "popitem"}
CONTAINERS = {"dict", "list", "set", "defaultdict", "deque", "Counter", "OrderedDict", "count"}
CONTAINERS |= {"WeakValueDictionary", "WeakKeyDictionary", "WeakSet", "ContextVar", "local"}


@functools.cache
def scopes(path):
    """`[(name of the function around it, node)]` for each node of a file; the name is dotted, "" at the top."""
    found, open_nodes = [], [("", tree_of(path))]
    while open_nodes:
        scope, node = open_nodes.pop()
        for child in ast.iter_child_nodes(node):
            inner = scope
            if isinstance(child, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                inner = f"{scope}.{child.name}" if scope else child.name
            found.append((inner, child))
            open_nodes.append((inner, child))
    return found


def nodes_of(path):
    return [node for _, node in scopes(path)]


def is_dict_of_value(node):
    """`vars(x)` or `x.__dict__`."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "vars" and bool(node.args)
    return isinstance(node, ast.Attribute) and node.attr == "__dict__"


def sets_an_attribute(node):
    """Whether a node goes round what `x.name = value` would do."""
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute):
            if function.attr in ("__setattr__", "__delattr__"):
                return isinstance(function.value, ast.Name) and function.value.id == "object"
            return is_dict_of_value(function.value) and function.attr in CHANGES
        own = node.args and isinstance(node.args[0], ast.Name) and node.args[0].id == "self"
        return isinstance(function, ast.Name) and function.id in ("setattr", "delattr") and not own
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Delete | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
        return any(isinstance(t, ast.Subscript) and is_dict_of_value(t.value) for t in targets)
    return False


def test_no_attribute_is_set_behind_a_frozen_value():
    found = set()
    for path in FILES:
        if name_of(path) == house.SEALING:
            continue
        for scope, node in scopes(path):
            if sets_an_attribute(node) and scope.split(".")[-1] not in CONSTRUCTORS:
                found.add(f"{name_of(path)}::{scope}" if scope else name_of(path))
    same(found, house.SETS_ATTRIBUTES, "sets attributes outside a constructor and outside _sealing")


def same(found, listed, what):
    """What is found is what is listed: nothing new, and nothing that is no longer there."""
    found, listed = set(found), set(listed)
    new, gone = sorted(found - listed), sorted(listed - found)
    assert not new, f"This {what}; mend it, or list it in tests/house.py with the reason:\n" + "\n".join(new)
    assert not gone, "No longer so: take these off the list in tests/house.py:\n" + "\n".join(gone)


def containers_of(path):
    """Names at the top of a file that are bound to something that could grow."""
    for node in tree_of(path).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        value = node.value
        function = value.func if isinstance(value, ast.Call) else None
        called = getattr(function, "attr", getattr(function, "id", ""))
        literal = isinstance(value, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp)
        if literal or called in CONTAINERS or isinstance(value, ast.BinOp):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (t.id for t in targets if isinstance(t, ast.Name))


def changed_names(path):
    """Names that are changed in place inside a function: `NAME[k] = v`, `NAME.append(v)`, `del NAME[k]`."""
    for scope, node in scopes(path):
        if not scope:  # the file fills its own table while it is read
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            targets = [node.func.value]
        elif isinstance(node, ast.Assign | ast.Delete):
            targets = [t.value for t in node.targets if isinstance(t, ast.Subscript)]
        elif isinstance(node, ast.AugAssign):
            targets = [node.target.value if isinstance(node.target, ast.Subscript) else node.target]
        else:
            continue
        yield from (t.id for t in targets if isinstance(t, ast.Name))


def test_nothing_at_the_top_of_a_file_changes_but_the_named_registries():
    found = set()
    for path in FILES:
        found |= {f"{name_of(path)}::{name}" for name in set(containers_of(path)) & set(changed_names(path))}
        declared = [node.names for _, node in scopes(path) if isinstance(node, ast.Global)]
        assert not declared, f"{name_of(path)} rebinds {declared}"
    same(found, house.REGISTRIES, "keeps state at the top of a file")


def is_a_trainer(node):
    return (isinstance(node, ast.Name) and node.id.endswith("trainer")) or (
        isinstance(node, ast.Attribute) and node.attr.endswith("trainer")
    )


def test_nobody_calls_up_into_private_methods_of_a_trainer():
    found = collections.defaultdict(set)
    for path in FILES:
        if name_of(path) == "train/_trainer.py":
            continue
        for node in nodes_of(path):
            private = isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
            if private and is_a_trainer(node.value):
                found[name_of(path)].add(node.attr)
    as_entries = lambda files: {f"{file}: trainer.{name}" for file, names in files.items() for name in names}  # noqa: E731
    same(as_entries(found), as_entries(house.CALLS_UP), "uses private parts of a Trainer")


# ------------------------------------------------------------------ importing is light
LONE = """
import gc, os, sys
import jax, flax.linen, jaxtyping, optax
import fkeras as fk
gc.disable()
def fork_for_each(names):
    for place, name in names:
        child = os.fork()
        if not child:
            getattr(fk.nn if place == "nn" else fk, name)
            os._exit(0)
        assert not os.waitpid(child, 0)[1], name
rooms = lambda: {{name.split(".")[1] for name in sys.modules if name.startswith("fkeras.")}}
assert not rooms()
fork_for_each({of_fkeras!r})
# the first that a layer imports, by its front door; and it imports no other room, so it is the same before each layer
import fkeras.core
assert rooms() == {{"core"}}, rooms()
fork_for_each({of_nn!r})
"""


def one_name_of_each_file(stub):
    """Names of a package that load different files: one for each line of its stub that imports from another place."""
    found = {}
    for node in ast.parse((ROOT / stub).read_text()).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:  # `from . import ops` names a file itself
                found.setdefault(node.module or alias.name, alias.asname or alias.name)
    return list(found.values())


def test_each_name_can_be_the_first_that_is_used():
    """Files are imported in the order in which a program names what is in them."""
    of_fkeras = [("", name) for name in one_name_of_each_file("__init__.pyi")]
    of_nn = [("nn", name) for name in one_name_of_each_file("nn/__init__.pyi")]
    assert {name for _, name in of_fkeras + of_nn} <= {*dir(fk), *dir(fk.nn)}
    assert len(of_fkeras + of_nn) > 60
    code = LONE.format(of_fkeras=of_fkeras, of_nn=of_nn)
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]


def test_a_config_is_read_before_its_layers_were_ever_named():
    """Those of one network alone, too."""
    scale, add = fk.applications.convnext.LayerScale, fk.applications.inception_resnet_v2.CustomScaleLayer
    inputs = fk.Input((6, 6, 1))
    x = scale(0.1, 2)(fk.nn.Conv2D(2, 3, activation="mish")(inputs))
    config = fk.Model(inputs, add(0.5)([x, x])).to_json()
    script = f"import fkeras as fk; print([type(layer).__name__ for layer in fk.model_from_json({config!r}).layers])"
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "['InputLayer', 'Conv2D', 'LayerScale', 'CustomScaleLayer']", run.stderr[-2000:]


def test_importing_fkeras_loads_nothing_heavy():
    heavy = ("tensorflow", "torch", "keras", "h5py", "orbax", "tensorstore", "safetensors", "tokenizers")
    code = f"import sys, fkeras; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_is_left_behind_by_an_import():
    code = "import jax, logging, signal; before = dict(jax.config.values), signal.getsignal(2); import fkeras;"
    code += "print(before == (dict(jax.config.values), signal.getsignal(2)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


# ------------------------------------------------------------------ words
def public_functions():
    """Functions, and methods of classes, that have a public name: `{(module, qualified name): function}`."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        parts = parts[: -1 if parts[-1] == "__init__" else None]
        if any(part.startswith("_") for part in parts) or "refuse_import(__name__)" in path.read_text():
            continue
        module = importlib.import_module(".".join(parts))
        values = [getattr(module, name) for name in dir(module) if not name.startswith("_")]
        classes = {base for value in values if inspect.isclass(value) for base in value.__mro__}
        values += [v for cls in classes for name, v in vars(cls).items() if not name.startswith("_")]
        for value in values:
            function = inspect.unwrap(getattr(value, "__func__", value))
            if inspect.isfunction(function) and function.__module__.startswith("fkeras"):
                found[function.__module__, function.__qualname__] = function
    return found


def test_what_is_told_its_arguments_says_what_it_returns():
    """A docstring of one line says it in that line; one that lists arguments has a section for what comes back."""
    functions = public_functions()
    assert len(functions) > 800
    silent = []
    for (module, name), function in functions.items():
        words = inspect.getdoc(function) or ""
        returns = function.__annotations__.get("return") not in (None, "None", "NoReturn", "Never")
        if returns and "Args:" in words and not {"Returns:", "Yields:"} & set(words.split()):
            silent.append(f"{module}: {name}")
    assert silent == []
