"""`fk.datasets.california_housing`: house prices of 1990."""

from ._housing import load_california_housing as _load_california_housing

load_data = _load_california_housing
