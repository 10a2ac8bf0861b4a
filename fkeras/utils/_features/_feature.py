"""One column of a table, or several crossed: which layer makes numbers of it, and how they are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ...core import Layer, did_you_mean, explain
from ...nn import Discretization, Hashing, Identity, IntegerLookup, Normalization, Rescaling, StringLookup


@dataclasses.dataclass(frozen=True)
class Feature:
    """A column: `fk.utils.FeatureSpace.float()` and its like make one.

    Attributes:
        dtype: of its values, `"float32"`, `"int32"` or `"string"`.
        preprocessor: the layer that is called on the column.
        output_mode: `"float"` or `"int"`, the layer's output as it is, or `"one_hot"`.

    Raises:
        ValueError: another mode.
    """

    dtype: str
    preprocessor: Layer
    output_mode: str

    def __post_init__(self) -> None:
        one_of("output_mode", self.output_mode, ("int", "one_hot", "float"))

    @property
    def adapts(self) -> bool:
        """Whether the layer learns from data, and was not given what it would learn."""
        layer = self.preprocessor
        if isinstance(layer, Normalization):
            return layer.input_mean is None
        if isinstance(layer, Discretization):
            return layer.bin_boundaries is None
        if hasattr(layer, "adapt"):
            return getattr(layer, "vocabulary", None) is None
        return False


@dataclasses.dataclass(frozen=True)
class Cross:
    """Columns that are hashed together: `fk.utils.FeatureSpace.cross` makes one.

    Attributes:
        feature_names: the columns.
        crossing_dim: how many bins there are.
        output_mode: `"one_hot"`, or `"int"` for the bin's number.

    Raises:
        ValueError: another mode.
    """

    feature_names: Sequence[str]
    crossing_dim: int
    output_mode: str = "one_hot"

    def __post_init__(self) -> None:
        one_of("output_mode", self.output_mode, ("int", "one_hot"))
        object.__setattr__(self, "feature_names", tuple(self.feature_names))

    @property
    def name(self) -> str:
        """The names of the columns, joined."""
        return "_X_".join(self.feature_names)


def one_of(name: str, value: object, known: Sequence[str]) -> None:
    """Check a word.

    Raises:
        ValueError: it is none of those that are known.
    """
    if not isinstance(value, str) or value not in known:
        raise ValueError(
            explain(
                f"Unknown {name}. {did_you_mean(value, known)}",
                received=f"{name}={value!r}",
                write=f'{name}="{known[0]}"',
            )
        )


class Kinds:
    """The kinds of features, under Keras's names."""

    @classmethod
    def cross(cls, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Columns that are hashed together into `crossing_dim` bins."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Layer, output_mode: str) -> Feature:
        """A column that a layer of the user's own makes numbers of."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers as they are."""
        return Feature("float32", Identity(name=_layer_name(name)), "float")

    @classmethod
    def float_rescaled(cls, scale: complex = 1.0, offset: complex = 0.0, name: str | None = None) -> Feature:
        """Numbers times `scale`, and `offset` added."""
        return Feature("float32", Rescaling(scale=scale, offset=offset, name=_layer_name(name)), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Numbers with a mean of 0 and a variance of 1 over the data of `adapt`."""
        return Feature("float32", Normalization(axis=-1, name=_layer_name(name)), "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int | None = None,
        bin_boundaries: Sequence[complex] | None = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Numbers in `num_bins` bins with as much of the data each, or in bins that are given."""
        given = {"num_bins": num_bins} if bin_boundaries is None else {"bin_boundaries": list(bin_boundaries)}
        return Feature("float32", Discretization(**given, name=_layer_name(name)), output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Whole numbers by their place among those of the data of `adapt`."""
        layer = IntegerLookup(max_tokens=max_tokens, num_oov_indices=num_oov_indices, name=_layer_name(name))
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Words by their place among those of the data of `adapt`."""
        layer = StringLookup(max_tokens=max_tokens, num_oov_indices=num_oov_indices, name=_layer_name(name))
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Words hashed into bins."""
        return Feature("string", Hashing(num_bins=num_bins, name=_layer_name(name)), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Whole numbers hashed into bins."""
        return Feature("int32", Hashing(num_bins=num_bins, name=_layer_name(name)), output_mode)


def _layer_name(name: str | None) -> str | None:
    return None if name is None else f"{name}_preprocessor"
