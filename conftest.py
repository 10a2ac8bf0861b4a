"""Doctests run in the world of the tests, which tests/conftest.py makes."""

from tests.conftest import nothing_is_kept_for_the_next_module as nothing_is_kept_for_the_next_module
from tests.conftest import pytest_configure as pytest_configure
