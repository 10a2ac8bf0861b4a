"""What a layer's quantisation leaves open beside its mode, as Keras's configs say it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ...core import Configured, Layer, explain, register
from ...core.typing import Config
from ._abs_max import AbsMaxQuantizer

_DEFAULT = "default"


class QuantizationConfig(Configured):
    """The base of the configs; `mode` says which.

    >>> import fkeras as fk
    >>> fk.quantizers.Int8QuantizationConfig().mode
    'int8'

    Reference: https://keras.io/api/quantizers/
    """

    mode = ""
    _config_modules = ("keras.quantizers",)

    def policy_mode(self) -> str:
        """The mode as the name of a dtype policy has it."""
        return self.mode


@register("keras.quantizers")
@dataclasses.dataclass(frozen=True)
class Int8QuantizationConfig(QuantizationConfig):
    """int8 weights, and inputs on a grid of int8 that is found for each row.

    Args:
        weight_quantizer: the weights' grid; Keras's own by default.
        activation_quantizer: the inputs' grid; `None` leaves them.

    Raises:
        ValueError: a grid of another dtype.

    >>> Int8QuantizationConfig(activation_quantizer=None).activation_quantizer is None
    True

    Reference: https://keras.io/api/quantizers/
    """

    weight_quantizer: AbsMaxQuantizer | None = None
    activation_quantizer: AbsMaxQuantizer | str | None = _DEFAULT
    mode = "int8"

    def __post_init__(self) -> None:
        if self.activation_quantizer == _DEFAULT:
            object.__setattr__(self, "activation_quantizer", AbsMaxQuantizer())
        _check_grid(self.mode, self.weight_quantizer, "int8", None)


@register("keras.quantizers")
@dataclasses.dataclass(frozen=True)
class Int4QuantizationConfig(QuantizationConfig):
    """int4 weights, with a scale and a zero for each block of inputs, or a scale alone for each channel.

    Args:
        weight_quantizer: the weights' grid, for scales by channel.
        activation_quantizer: the inputs' grid, for scales by channel; none by default.
        block_size: how many inputs share a scale; `None` and -1 are all of a channel.

    Raises:
        ValueError: another grid, a size that is not positive, or grids of one's own with blocks.

    >>> Int4QuantizationConfig(block_size=64).policy_mode()
    'int4/64'

    Reference: https://keras.io/api/quantizers/
    """

    weight_quantizer: AbsMaxQuantizer | None = None
    activation_quantizer: AbsMaxQuantizer | str | None = _DEFAULT
    block_size: int | None = 128
    mode = "int4"

    def __post_init__(self) -> None:
        if self.activation_quantizer == _DEFAULT:
            object.__setattr__(self, "activation_quantizer", None)
        size = self.block_size
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < -1 or not size):
            raise ValueError(
                explain("block_size is a positive integer, or -1 or None for all inputs.", received=repr(size))
            )
        if size not in (None, -1) and (self.weight_quantizer or self.activation_quantizer):
            raise ValueError(
                explain(
                    "Blocks of int4 have a grid of their own.",
                    received=f"block_size={size}, and a quantizer",
                    write="Int4QuantizationConfig(weight_quantizer=..., block_size=-1)",
                )
            )
        _check_grid(self.mode, self.weight_quantizer, "int8", (-8, 7))

    def policy_mode(self) -> str:
        return f"int4/{-1 if self.block_size is None else self.block_size}"

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        # files of before there were blocks have none
        return super().from_config({"block_size": None, **config}, custom_objects)


@register("keras.quantizers")
@dataclasses.dataclass(frozen=True)
class Float8QuantizationConfig(QuantizationConfig):
    """Products in float8; it has nothing to choose.

    >>> Float8QuantizationConfig().mode
    'float8'

    Reference: https://keras.io/api/quantizers/
    """

    mode = "float8"


@dataclasses.dataclass(frozen=True)
class _Calibrated(QuantizationConfig):
    """What GPTQ and AWQ share: data that goes through the model, and the blocks in which they go through its layers."""

    dataset: Iterable[Any] | None = dataclasses.field(default=None, compare=False, repr=False)
    tokenizer: Any = dataclasses.field(default=None, compare=False, repr=False)
    _: dataclasses.KW_ONLY
    weight_bits: int = 4
    num_samples: int = 128
    sequence_length: int = 512
    group_size: int = 128
    quantization_layer_structure: Mapping[str, Sequence[Layer | str]] | None = dataclasses.field(
        default=None, compare=False
    )

    _bits: ClassVar[tuple[int, ...]] = (4,)

    def __post_init__(self) -> None:
        if self.weight_bits not in self._bits:
            raise self._wrong("weight_bits", f"one of {self._bits}")
        for name in ("num_samples", "sequence_length"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise self._wrong(name, "a positive integer")
        if isinstance(self.group_size, bool) or self.group_size < -1 or not self.group_size:
            raise self._wrong("group_size", "a positive integer, or -1 for all inputs")

    def _wrong(self, name: str, what: str) -> ValueError:
        received = f"{name}={getattr(self, name)!r}"
        return ValueError(explain(f"{type(self).__name__}: {name} is {what}.", received=received))

    def policy_mode(self) -> str:
        return f"{self.mode}/{self.weight_bits}/{self.group_size}"

    def dtype_policy_string(self) -> str:
        """Keras's name for `policy_mode`."""
        return self.policy_mode()

    def get_config(self) -> Config:
        """Without the data and the blocks, which are of one calibration."""
        left_out = ("dataset", "tokenizer", "quantization_layer_structure")
        return {f.name: None if f.name in left_out else getattr(self, f.name) for f in dataclasses.fields(self)}


@register("keras.quantizers")
@dataclasses.dataclass(frozen=True)
class GPTQConfig(_Calibrated):
    """GPTQ: each column of a kernel is rounded, and those after it make up for the error on the data.

    Args:
        dataset: what goes through the model to measure it: inputs of the model, one a row; or texts or rows of tokens,
            which are cut into pieces of `sequence_length`.
        tokenizer: what makes tokens of texts; a function, or an object with `tokenize`.
        weight_bits: 2, 3, 4 or 8.
        num_samples: how many inputs are used, at most.
        per_channel: whether each output has a scale of its own, and not one for all.
        sequence_length: of a piece of tokens.
        hessian_damping: what share of the mean is added to the Hessian's diagonal, so that it can be inverted.
        group_size: how many inputs share a scale; -1 for all of a channel.
        symmetric: whether the grid has its zero in the middle.
        activation_order: whether inputs that matter most come first.
        quantization_layer_structure: `{"pre_block_layers": [...], "sequential_blocks": [...]}`, layers of the model or
            their names: the blocks that are quantised one after another. By default each layer of the model is one.

    Raises:
        ValueError: sizes that there are not.

    >>> GPTQConfig(weight_bits=4, group_size=64).policy_mode()
    'gptq/4/64'

    Reference: Frantar et al., arXiv:2210.17323. https://keras.io/api/quantizers/
    """

    _: dataclasses.KW_ONLY
    per_channel: bool = True
    hessian_damping: float = 0.01
    symmetric: bool = False
    activation_order: bool = False
    mode = "gptq"
    _bits: ClassVar[tuple[int, ...]] = (2, 3, 4, 8)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.hessian_damping <= 1:
            raise self._wrong("hessian_damping", "a share between 0 and 1")


@register("keras.quantizers")
@dataclasses.dataclass(frozen=True)
class AWQConfig(_Calibrated):
    """AWQ: inputs that become large have their weights scaled up before they are rounded, which makes the error small.

    Args:
        dataset, tokenizer, num_samples, sequence_length, group_size, quantization_layer_structure: as for `GPTQConfig`.
        weight_bits: 4.
        num_grid_points: how many exponents of the inputs' sizes are tried.

    Raises:
        ValueError: sizes that there are not.

    >>> AWQConfig(group_size=-1).policy_mode()
    'awq/4/-1'

    Reference: Lin et al., arXiv:2306.00978. https://keras.io/api/quantizers/
    """

    _: dataclasses.KW_ONLY
    num_grid_points: int = 20
    mode = "awq"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.num_grid_points, bool) or self.num_grid_points < 1:
            raise self._wrong("num_grid_points", "a positive integer")


def _check_grid(mode: str, quantizer: AbsMaxQuantizer | None, dtype: str, ends: tuple[int, int] | None) -> None:
    if quantizer is None:
        return
    if quantizer.output_dtype != dtype or (ends is not None and quantizer.value_range != ends):
        raise ValueError(
            explain(
                f"{mode} weights lie on a grid of {dtype}" + (f" from {ends[0]} to {ends[1]}." if ends else "."),
                received=f"weight_quantizer={quantizer!r}",
                write=f"AbsMaxQuantizer(value_range={ends or (-127, 127)}, output_dtype={dtype!r})",
            )
        )
