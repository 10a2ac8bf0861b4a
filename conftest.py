"""Doctests run in the world of the tests, which tests/conftest.py makes."""

import pathlib

from tests.conftest import nothing_is_kept_for_the_next_module as nothing_is_kept_for_the_next_module
from tests.conftest import pytest_collection as pytest_collection
from tests.conftest import pytest_configure as pytest_configure

# Second names of modules that have their doctests where they are.
collect_ignore_glob = [
    *(f"fkeras/applications/{name}*.py" for name in ("*net", "convnext", "inception", "vgg", "xception")),
    "tests/*/make_*.py",  # they write goldens, with libraries and versions that are not installed here
    "fkeras/datasets/[!_]*.py", "fkeras/ops/*.py", "fkeras/optimizers/*.py",
]  # fmt: skip
# Files of Keras 1 and 2, whose import is answered.
collect_ignore = [
    str(path)
    for path in pathlib.Path(__file__).parent.glob("fkeras/**/*.py")
    if path.read_text().endswith("\nrefuse_import(__name__)\n")
]
