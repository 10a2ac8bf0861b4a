"""Doctests run in the world of the tests, which tests/conftest.py makes."""

from tests.conftest import nothing_is_kept_for_the_next_module as nothing_is_kept_for_the_next_module
from tests.conftest import pytest_configure as pytest_configure

# Importing one of these is answered with an error that says what to do.
collect_ignore_glob = ["fkeras/applications/[!_]*.py", "fkeras/datasets/[!_]*.py"]
