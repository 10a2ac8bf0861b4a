"""`fk.backend`: facts about dtypes and tensors; the functions of arrays are in `fk.ops`."""

from ..config import backend as backend
from ..config import epsilon as epsilon
from ..config import floatx as floatx
from ..config import image_data_format as image_data_format
from ._dtypes import is_float_dtype as is_float_dtype
from ._dtypes import is_int_dtype as is_int_dtype
from ._dtypes import result_type as result_type
from ._dtypes import standardize_dtype as standardize_dtype
from ._symbolic import is_keras_tensor as is_keras_tensor
