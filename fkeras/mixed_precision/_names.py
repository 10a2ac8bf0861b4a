"""Names of Keras 2 for dtype policies."""

from __future__ import annotations

from ..config import dtype_policy
from ..core import DTypePolicy

Policy = DTypePolicy
global_policy = dtype_policy
