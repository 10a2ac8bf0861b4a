"""`fk.datasets.boston_housing`: house prices of the 1970s."""

from ._housing import load_boston_housing as _load_boston_housing

load_data = _load_boston_housing
