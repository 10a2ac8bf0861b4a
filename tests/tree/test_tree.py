"""`fk.tree` and real Keras's trees, on every kind of container that both know."""

import collections

import flax.struct
import jax
import pytest

import fkeras as fk

keras = pytest.importorskip("keras")

Point = collections.namedtuple("Point", ["y", "x"])
Other = collections.namedtuple("Other", ["y", "x"])

STRUCTURES = {
    "leaf": 3,
    "none": None,
    "list": [1, [2, 3], []],
    "tuple": (1, (2,), ()),
    "none inside": {"a": None, "b": [None, 1]},
    "dict": {"b": 1, "a": {"d": 2, "c": 3}},
    "numbers as keys": {100: "world!", 6: "Hello"},
    "ordered": collections.OrderedDict([("b", 1), ("a", [2])]),
    "default": collections.defaultdict(list, {"b": 1, "a": 2}),
    "named": Point(1, [2, 3]),
    "deque": collections.deque([1, (2,)], maxlen=5),
    "text": ["ab", {"c": b"d"}],
    "shapes": {"a": (None, 3), "b": [(2,), [1, 2]]},
}
every_structure = pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES)


def outcome(function, *args):
    """What is returned, or the kind of error."""
    try:
        found = function(*args)
    except (ValueError, TypeError) as error:
        return type(error)
    return type(found), found


@every_structure
def test_flat_forms_equal_keras(structure):
    for name in ("is_nested", "flatten", "flatten_with_path", "lists_to_tuples"):
        ours, theirs = getattr(fk.tree, name)(structure), getattr(keras.tree, name)(structure)
        assert ours == theirs, name
        assert repr(ours) == repr(theirs), name  # the order of keys, and the kinds of containers


@every_structure
def test_packing_is_the_inverse_of_flattening(structure):
    leaves = fk.tree.flatten(structure)
    packed = fk.tree.pack_sequence_as(structure, leaves)
    assert packed == structure
    assert repr(packed) == repr(keras.tree.pack_sequence_as(structure, leaves)) == repr(structure)


@every_structure
def test_maps_equal_keras(structure):
    for options in ({}, {"none_is_leaf": False}):
        ours = fk.tree.map_structure(str, structure, **options)
        assert repr(ours) == repr(keras.tree.map_structure(str, structure, **options))
    shapes = fk.tree.map_shape_structure(str, structure)
    assert repr(shapes) == repr(keras.tree.map_shape_structure(str, structure))


@every_structure
@pytest.mark.parametrize("top_down", [True, False])
def test_walks_equal_keras(structure, top_down):
    def run(package):
        seen = []

        def see(part):
            seen.append(repr(part))
            if part == 2:
                return package.tree.MAP_TO_NONE
            return "pair" if isinstance(part, tuple) and part else None

        return seen, repr(package.tree.traverse(see, structure, top_down=top_down))

    assert run(fk) == run(keras)


PAIRS = {
    "equal": ([1, {"a": 2}], [3, {"a": 4}]),
    "list and tuple": ([1, 2], (1, 2)),
    "kinds of dicts": ({"a": 1, "b": 2}, collections.OrderedDict([("b", 3), ("a", 4)])),
    "other keys": ({"a": 1}, {"b": 1}),
    "more entries": ([1, 2], [1, 2, 3]),
    "deeper": ([1, 2], [1, [2]]),
    "shallower": ([1, [2]], [1, 2]),
    "named": (Point(1, 2), Point(3, 4)),
    "other names": (Point(1, 2), Other(3, 4)),
    "named and tuple": (Point(1, 2), (3, 4)),
    "none and leaf": ([None, 1], [2, None]),
    "none and list": ([None], [[1]]),
    "leaves": (1, 2),
}
every_pair = pytest.mark.parametrize(("a", "b"), PAIRS.values(), ids=PAIRS)


@every_pair
def test_pairs_equal_keras(a, b):
    add = lambda x, y: f"{x}, {y}"  # noqa: E731
    for name, args in {
        "map_structure": (add, a, b),
        "assert_same_structure": (a, b),
        "assert_same_paths": (a, b),
        "map_structure_up_to": (a, str, b),
    }.items():
        if name == "map_structure_up_to" and isinstance(a, list) and None in a:
            continue  # what Keras documents there, and raises an error for
        ours, theirs = (outcome(getattr(package.tree, name), *args) for package in (fk, keras))
        assert repr(ours) == repr(theirs), name


def test_errors_say_what_differs():
    with pytest.raises(ValueError, match=r"don't have the same nested structure.*\n.*\n.*\n.*assert_same_paths"):
        fk.tree.assert_same_structure([1], (1,))
    with pytest.raises(ValueError, match=r"only in the first: \[\"\('b',\)\"\]"):
        fk.tree.assert_same_paths({"a": 1, "b": 2}, {"a": 1})
    with pytest.raises(ValueError, match="has 2 leaves"):
        fk.tree.pack_sequence_as([0, 0], [1])
    with pytest.raises(TypeError, match=r"fk.tree.map_structure\(function, structure\)"):
        fk.tree.map_structure([1], str)
    with pytest.raises(ValueError, match="keys of a dict have no order"):
        fk.tree.flatten({1: 2, "a": 3})
    with pytest.warns(DeprecationWarning, match="check_types"):
        fk.tree.assert_same_structure([1], [2], check_types=False)


def test_containers_that_jax_knows_are_taken_apart():
    @flax.struct.dataclass
    class Pair:
        a: object
        b: object

    pair = Pair(a=[1, None], b=2)
    assert fk.tree.flatten(pair) == [1, None, 2]
    assert fk.tree.flatten_with_path(pair)[0][0] == ("a", 0)
    assert fk.tree.map_structure(lambda leaf: leaf, pair) == pair
    assert fk.tree.flatten(pair.replace(a=3)) == jax.tree.leaves(pair.replace(a=3))
