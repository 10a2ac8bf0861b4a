"""`fk.tree`: nested lists, tuples and dicts, by the rules of Keras; `jax.tree` has those of JAX."""

from ._flat import MAP_TO_NONE as MAP_TO_NONE
from ._flat import flatten as flatten
from ._flat import flatten_with_path as flatten_with_path
from ._flat import is_nested as is_nested
from ._flat import lists_to_tuples as lists_to_tuples
from ._flat import pack_sequence_as as pack_sequence_as
from ._flat import traverse as traverse
from ._mapped import assert_same_paths as assert_same_paths
from ._mapped import assert_same_structure as assert_same_structure
from ._mapped import map_shape_structure as map_shape_structure
from ._mapped import map_structure as map_structure
from ._mapped import map_structure_up_to as map_structure_up_to
