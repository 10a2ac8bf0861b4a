"""Columns of a table as numbers."""

from ._feature import Cross as Cross
from ._feature import Feature as Feature
from ._space import FeatureSpace as FeatureSpace
