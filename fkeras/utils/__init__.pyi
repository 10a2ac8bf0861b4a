"""`fk.utils`: small helpers around data and objects."""

from ..backend import is_keras_tensor as is_keras_tensor
from ..backend import standardize_dtype as standardize_dtype
from ..saving import deserialize_keras_object as deserialize_keras_object
from ..saving import get_registered_name as get_registered_name
from ..saving import get_registered_object as get_registered_object
from ..saving import register_keras_serializable as register_keras_serializable
from ..saving import serialize_keras_object as serialize_keras_object
from . import bounding_boxes as bounding_boxes
from . import legacy as legacy
from ._batches import pack_x_y_sample_weight as pack_x_y_sample_weight
from ._batches import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from ._cache import keras_home as keras_home
from ._get_file import get_file as get_file
from ._images import img_to_array as img_to_array
from ._numbers import normalize as normalize
from ._numbers import to_categorical as to_categorical
from ._pillow import array_to_img as array_to_img
from ._pillow import load_img as load_img
from ._pillow import save_img as save_img
from ._py_dataset import PyDataset as PyDataset
from ._py_dataset import Sequence as Sequence
from ._sequences import pad_sequences as pad_sequences
from ._smart_resize import smart_resize as smart_resize
from ._source_inputs import get_source_inputs as get_source_inputs
from ._split import split_dataset as split_dataset
from ._timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array
