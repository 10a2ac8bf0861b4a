"""A table's columns, each made into numbers by a layer of its own, crossed and put side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from ...core import Input, Layer, SymbolicTensor, explain
from ...core.typing import FilePath, PyTree
from ...nn import CategoryEncoding, Concatenate, Discretization, HashedCrossing, Hashing
from ._columns import batches_of_columns, columns_of
from ._feature import Cross, Feature, Kinds, one_of

_KINDS = (
    "float",
    "float_normalized",
    "float_rescaled",
    "float_discretized",
    "integer_categorical",
    "string_categorical",
    "integer_hashed",
    "string_hashed",
)


@dataclasses.dataclass(frozen=True)
class FeatureSpace(Kinds):
    """The columns of a table as numbers: each by a layer of its own, some crossed, side by side in one array.

    A frozen value: `adapt` returns a new one, whose layers have learnt from data.

    Attributes:
        features: a kind of feature by the column's name: `"float"`, `"float_normalized"`, `"float_rescaled"`,
            `"float_discretized"`, `"integer_categorical"`, `"string_categorical"`, `"integer_hashed"`,
            `"string_hashed"`, or what the class methods of these names return.
        output_mode: `"concat"` for one array, or `"dict"` for one by column.
        crosses: tuples of columns that are hashed together, or what `FeatureSpace.cross` returns.
        crossing_dim: bins of a cross, unless it says its own.
        hashing_dim: bins of a column that is hashed, unless it says its own.
        num_discretization_bins: bins of a column that is cut into bins, unless it says its own.
        name: not used but kept.

    Raises:
        ValueError: an unknown kind or mode, or a cross of columns that are none.

    >>> import fkeras as fk
    >>> data = {"age": [20.0, 40.0], "city": ["Rome", "Oslo"]}
    >>> space = fk.utils.FeatureSpace({"age": "float_normalized", "city": "string_categorical"}).adapt(data)
    >>> space(data).tolist()
    [[-1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]]
    >>> space.preprocessors["city"].get_vocabulary()
    ['[UNK]', 'Rome', 'Oslo']
    >>> inputs, encoded = space.get_inputs(), space.get_encoded_features()
    >>> model = fk.Model(inputs, fk.nn.Dense(1)(encoded))
    >>> model.output_shape
    (None, 1)

    Reference: https://keras.io/api/utils/feature_space/

    Differs from Keras: `adapt` returns a new value, it needs no TensorFlow, and a column that is not expected is an
    error.
    """

    features: Mapping[str, Any]
    output_mode: str = "concat"
    crosses: Sequence[Any] | None = None
    crossing_dim: int = 32
    hashing_dim: int = 32
    num_discretization_bins: int = 32
    name: str | None = None
    _inputs: dict[str, SymbolicTensor] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        one_of("output_mode", self.output_mode, ("concat", "dict"))
        if not self.features:
            raise ValueError(
                explain("The `features` argument cannot be None or empty.", write='features={"age": "float"}')
            )
        features = {name: self._named(name, self._feature(name, kind)) for name, kind in self.features.items()}
        crosses = tuple(c if isinstance(c, Cross) else Cross(c, self.crossing_dim) for c in self.crosses or ())
        for cross in crosses:
            unknown = [name for name in cross.feature_names if name not in features]
            if unknown:
                raise ValueError(
                    explain(
                        "All features referenced in the `crosses` argument are in the `features` dict.",
                        received=f"{unknown}, and the features {list(features)}",
                        usually="another spelling; or one tuple, where a list of tuples is meant.",
                        write=f"crosses=[{tuple(list(features)[:2])}]",
                    )
                )
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "crosses", crosses)
        inputs = {name: Input((1,), dtype=feature.dtype, name=name) for name, feature in features.items()}
        object.__setattr__(self, "_inputs", inputs)

    def __hash__(self) -> int:
        return hash((tuple(self.features.items()), self.crosses, self.output_mode))

    # ------------------------------------------------------------------ what it is made of
    @property
    def preprocessors(self) -> dict[str, Layer]:
        """The layer of each column."""
        return {name: feature.preprocessor for name, feature in self.features.items()}

    @property
    def crossers(self) -> dict[str, HashedCrossing]:
        """The layer of each cross."""
        return {cross.name: HashedCrossing(cross.crossing_dim, name=cross.name) for cross in self.crosses or ()}

    def _feature(self, name: str, kind: Any) -> Feature:
        if isinstance(kind, Feature):
            return kind
        one_of(f"kind of the feature {name!r}", kind, _KINDS)
        given = {"float_discretized": self.num_discretization_bins}
        given |= dict.fromkeys(("integer_hashed", "string_hashed"), self.hashing_dim)
        make = getattr(self, kind)
        feature: Feature = make(given[kind]) if kind in given else make()
        return feature

    @staticmethod
    def _named(name: str, feature: Feature) -> Feature:
        """A feature whose layer has a name, by its column where it has none."""
        if feature.preprocessor.name is not None:
            return feature
        return dataclasses.replace(feature, preprocessor=feature.preprocessor.replace(name=f"{name}_preprocessor"))

    # ------------------------------------------------------------------ verbs
    def adapt(self, dataset: PyTree) -> FeatureSpace:
        """The same space, whose layers have learnt from data.

        Args:
            dataset: a dict of columns, a table of pandas, or something that yields batches of either or `(x, y)`.

        Returns:
            A new FeatureSpace.

        Raises:
            ValueError: a column is missing.
        """
        learning = {name: feature for name, feature in self.features.items() if feature.adapts}
        if not learning:
            return self
        pieces = batches_of_columns(dataset, learning)
        adapted = {
            name: dataclasses.replace(feature, preprocessor=feature.preprocessor.adapt(pieces[name]))
            for name, feature in learning.items()
        }
        return dataclasses.replace(self, features={**self.features, **adapted})

    def __call__(self, data: PyTree) -> PyTree:
        """Columns as numbers, eagerly; of one row alone, without an axis for rows.

        Args:
            data: a dict of arrays, lists or single values by column, or a table of pandas.

        Returns:
            float32 of shape `(rows, numbers)`, columns by their sorted names, then crosses by theirs; for
            `output_mode="dict"` an array by name.
        """
        columns, one = columns_of(data, self.features)
        merged = self._merged(columns)
        if not one:
            return merged
        if isinstance(merged, dict):
            return {name: value[0] if value.shape[0] == 1 else value for name, value in merged.items()}
        return jnp.squeeze(merged, 0)

    def get_inputs(self) -> dict[str, SymbolicTensor]:
        """The inputs of a model, by column: symbolic tensors of shape `(None, 1)`."""
        return dict(self._inputs)

    def get_encoded_features(self) -> PyTree:
        """What the inputs become, for the layers of a model: a symbolic tensor, or one by name."""
        return self._merged(self._inputs)

    def save(self, filepath: FilePath) -> None:
        """Write it to a `.keras` file, which real Keras's `load_model` opens too.

        Args:
            filepath: where; it ends in `.keras`.

        Raises:
            ValueError: another ending, or a feature's layer that Keras has none of.
        """
        from ._file import save_space

        save_space(self, filepath)

    @classmethod
    def load(cls, filepath: FilePath) -> FeatureSpace:
        """A FeatureSpace from the file that `save`, or that of real Keras, wrote.

        Args:
            filepath: where it is.

        Returns:
            The FeatureSpace, adapted as it was.

        Raises:
            ValueError: the file is damaged, or holds something else.
        """
        from ._file import load_space

        return cls(**load_space(filepath))

    # ------------------------------------------------------------------ from columns to numbers
    def _merged(self, columns: Mapping[str, Any]) -> PyTree:
        self._check_adapted()
        parts = {name: layer(columns[name]) for name, layer in self.preprocessors.items()}
        crossers = self.crossers
        crossed = {c.name: crossers[c.name]([parts[name] for name in c.feature_names]) for c in self.crosses or ()}
        modes = {name: feature.output_mode for name, feature in self.features.items()}
        crossed_modes = {cross.name: cross.output_mode for cross in self.crosses or ()}
        layers = {**self.preprocessors, **crossers}
        found = {
            name: self._encoded(name, value, layers[name], mode[name])
            for group, mode in ((parts, modes), (crossed, crossed_modes))
            for name, value in sorted(group.items())
        }
        if self.output_mode == "dict":
            return found
        return Concatenate(axis=-1)(list(found.values())) if len(found) > 1 else next(iter(found.values()))

    def _encoded(self, name: str, value: Any, layer: Layer, mode: str) -> Any:
        whole = jnp.issubdtype(value.dtype, jnp.integer)
        if mode == "one_hot":
            count = _cardinality(layer)
            if count is None or not whole:
                raise ValueError(
                    explain(
                        f"The feature {name!r} cannot be one-hot encoded.",
                        received=f"{type(layer).__name__}, which returns {value.dtype}",
                        usually="a layer of one's own, of which nobody knows how many classes it has.",
                        write='output_mode="int", or "float" where it returns floats',
                    )
                )
            return CategoryEncoding(num_tokens=count, output_mode="multi_hot")(value)
        if self.output_mode == "concat" and whole:
            raise ValueError(
                explain(
                    f"Cannot concatenate features, because {name!r} has not been encoded.",
                    received=f"dtype {value.dtype}",
                    usually='output_mode="int" of a feature, for an Embedding.',
                    write='FeatureSpace(..., output_mode="dict")',
                )
            )
        return value

    def _check_adapted(self) -> None:
        waiting = [name for name, feature in self.features.items() if feature.adapts and not _has_learnt(feature)]
        if waiting:
            raise ValueError(
                explain(
                    "You need to call `.adapt(dataset)` on the FeatureSpace before you can start using it.",
                    received=f"not adapted: {waiting}",
                    usually="`adapt` returns a new FeatureSpace, and its result was not kept.",
                    write="feature_space = feature_space.adapt(data)",
                )
            )


def _has_learnt(feature: Feature) -> bool:
    layer: Any = feature.preprocessor
    if isinstance(layer, Discretization):
        return layer.boundaries is not None
    return not getattr(layer, "_not_adapted", "")


def _cardinality(layer: Any) -> int | None:
    """How many classes a layer's output has; `None` where nobody knows."""
    if hasattr(layer, "vocabulary_size"):
        return int(layer.vocabulary_size())
    if isinstance(layer, CategoryEncoding):
        return layer.num_tokens
    if isinstance(layer, Discretization):
        return layer.num_bins or len(_listed(layer.boundaries)) + 1
    return layer.num_bins if isinstance(layer, Hashing | HashedCrossing) else None


def _listed(values: Iterable[complex] | None) -> list[complex]:
    return list(values or ())
