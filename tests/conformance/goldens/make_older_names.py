"""Writes what an older Keras has into `older_names.json`: `python make_older_names.py` with Keras 2.2.4, then 2.13.1.

Public names of its packages, and its files from which names were imported (`keras.layers.convolutional`). Names inside
such files are in the package too.
"""

import importlib
import inspect
import json
import os
import pkgutil
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.filterwarnings("ignore")

import keras  # noqa: E402

#: No name of these was meant for users.
INTERNAL = ("src", "api", "testing", "protobuf", "__internal__", "legacy", "dtensor", "estimator", "common", "tools")
HELPERS = {
    "keras_modules_injection", "has_arg", "func_dump", "func_load", "to_list", "object_list_uid", "transpose_shape",
    "is_all_none", "slice_arrays", "unpack_singleton", "h5dict", "TimedThread", "generator_enqueuer",
}  # fmt: skip
FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "older_names.json")


def main():
    found, packages = set(), [keras]
    for module in pkgutil.walk_packages(keras.__path__, "keras."):
        parts = module.name.split(".")[1:]
        if any(part.startswith(INTERNAL) for part in parts):
            continue
        try:
            packages.append(importlib.import_module(module.name))
        except Exception:  # one that needs what is not installed
            continue
        found.add(".".join(parts))
    for package in packages:
        path = package.__name__[6:]
        if "." in path or path in ("engine", "experimental"):
            continue  # what files have is in their package
        for name, value in vars(package).items():
            own = getattr(value, "__module__", None) or ""
            is_package = package.__file__.endswith("__init__.py")
            meant = own.split(".")[0].startswith("keras") if is_package else own == package.__name__
            named = inspect.isclass(value) or inspect.isfunction(value)
            if name[0] != "_" and name not in HELPERS and meant and named:
                found.add(path + "." + name if path else name)
    names = {}
    if os.path.exists(FILE):
        with open(FILE) as file:
            names = json.load(file)
    names[keras.__version__] = sorted(p for p in found if not p.startswith("engine.") and "experimental." not in p)
    with open(FILE, "w") as file:
        json.dump(names, file, indent=0, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
