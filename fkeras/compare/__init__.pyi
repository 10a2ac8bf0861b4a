"""`fk.diff`: two models layer by layer, and why they differ."""

from ._diff import diff as diff
from ._report import DiffReport as DiffReport
from ._report import DiffRow as DiffRow
