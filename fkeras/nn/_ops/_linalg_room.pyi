"""The functions of `fk.ops` that `fk.ops.linalg` has too."""

from ..ops import cholesky as cholesky
from ..ops import cholesky_inverse as cholesky_inverse
from ..ops import det as det
from ..ops import eig as eig
from ..ops import eigh as eigh
from ..ops import inv as inv
from ..ops import jvp as jvp
from ..ops import lstsq as lstsq
from ..ops import lu_factor as lu_factor
from ..ops import matrix_rank as matrix_rank
from ..ops import norm as norm
from ..ops import pinv as pinv
from ..ops import qr as qr
from ..ops import solve as solve
from ..ops import solve_triangular as solve_triangular
from ..ops import svd as svd
