"""Dtype policies of layers whose weights are kept in few bits, as Keras 3.15 has them: a mode, and the policy it is of.

A layer's `dtype` is the policy's name, `"int8_from_mixed_bfloat16"`; `policy_of` gives the policy back.
Reference: https://keras.io/api/mixed_precision/policy/
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar, cast

from ..typing import Config, DTypeLike
from ._config import register
from ._config_errors import at
from ._dtypes import DTypePolicy, policy_name
from ._errors import did_you_mean, explain

#: The modes that Keras has, each with the class of its policies below.
QUANTIZATION_MODES = ("int8", "float8", "int4", "gptq", "awq")
_FROM = "_from_"
_HISTORY = 1024


@register("keras.dtype_policies")
@dataclasses.dataclass(frozen=True)
class QuantizedDTypePolicy(DTypePolicy):
    """The policy of a layer in few bits: `mode` says how the weights are kept, `source_name` what is computed in.

    Args:
        mode: `"int8"`, or `"int4"` with a scale for each channel.
        source_name: the policy that the layer had as a float one.

    Raises:
        ValueError: another mode, or int8 with float16.

    >>> policy = QuantizedDTypePolicy("int8", "mixed_bfloat16")
    >>> policy.name, policy.compute_dtype, policy.quantization_mode
    ('int8_from_mixed_bfloat16', 'bfloat16', 'int8')

    Reference: https://keras.io/api/mixed_precision/policy/
    Unlike Keras, `source_name` is float32 by default: there is no global policy.
    """

    name: str = dataclasses.field(init=False, default="")
    mode: str
    source_name: str = "float32"

    _forms: ClassVar[tuple[str, ...]] = ("int8", "int4")

    def __post_init__(self) -> None:
        if self.quantization_mode not in self._forms:
            raise _unknown(self.mode, did_you_mean(self.mode, self._forms))
        source = DTypePolicy(self.source_name)
        if source.compute_dtype == "float16" and self.quantization_mode == "int8":
            raise ValueError(
                explain(
                    "int8 does not go with float16: scales and sums leave its range.",
                    received=f"mode={self.mode!r}, source_name={self.source_name!r}",
                    write='dtype="int8_from_mixed_bfloat16"',
                )
            )
        self._check(*str(self.mode).split("/")[1:])
        object.__setattr__(self, "name", f"{self.mode}{_FROM}{self.source_name}")

    def _check(self, *numbers: str) -> None:
        if numbers:
            raise _unknown(self.mode, f"{type(self).__name__} takes no sizes.")

    @property
    def quantization_mode(self) -> str:
        """The mode without its sizes."""
        return str(self.mode).partition("/")[0]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The sizes that the mode names: bits and the size of a group, or the latter alone."""
        return tuple(int(n) for n in self.mode.split("/")[1:])

    @property
    def compute_dtype(self) -> str:
        """The dtype of the arithmetic and of the outputs."""
        return DTypePolicy(self.source_name).compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights that stay floats, and of scales."""
        return DTypePolicy(self.source_name).variable_dtype


@register("keras.dtype_policies")
@dataclasses.dataclass(frozen=True)
class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer that multiplies in float8: its kernel stays a float, with scales from a history.

    Args:
        mode: `"float8"`.
        source_name: the policy that the layer had as a float one.
        amax_history_length: how many largest values the scales look back on.

    >>> QuantizedFloat8DTypePolicy("float8").name
    'float8_from_float32'

    Reference: https://keras.io/api/mixed_precision/policy/
    The name of one with another history holds its length, `"float8/16_from_float32"`.
    """

    amax_history_length: int = _HISTORY
    _forms: ClassVar[tuple[str, ...]] = ("float8",)

    def __post_init__(self) -> None:
        length = self.amax_history_length
        if isinstance(length, bool) or not isinstance(length, int) or length < 1:
            raise TypeError(explain("amax_history_length is a positive integer.", received=repr(length), write="1024"))
        super().__post_init__()
        if length != _HISTORY:
            object.__setattr__(self, "name", f"{self.mode}/{length}{_FROM}{self.source_name}")


@register("keras.dtype_policies")
@dataclasses.dataclass(frozen=True)
class Int4DTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer in int4 whose scales, and zeros, are each of a block of inputs.

    Args:
        mode: `"int4/<block_size>"`; -1 is a scale for each channel, without zeros.
        source_name: the policy that the layer had as a float one.

    >>> Int4DTypePolicy("int4/128").block_size
    128

    Reference: https://keras.io/api/mixed_precision/policy/
    """

    _forms: ClassVar[tuple[str, ...]] = ("int4",)

    def _check(self, *numbers: str) -> None:
        _check_sizes(self.mode, "int4/<block_size>", numbers, 1)

    @property
    def block_size(self) -> int:
        """How many inputs share a scale; -1 for all."""
        return self.numbers[0]


@register("keras.dtype_policies")
@dataclasses.dataclass(frozen=True)
class GPTQDTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer that GPTQ quantised.

    Args:
        mode: `"gptq/<weight_bits>/<group_size>"`: 2, 3, 4 or 8 bits; -1 is one group.
        source_name: the policy that the layer had as a float one.

    >>> GPTQDTypePolicy("gptq/4/128").weight_bits
    4

    Reference: Frantar et al., arXiv:2210.17323.
    """

    _forms: ClassVar[tuple[str, ...]] = ("gptq",)

    def _check(self, *numbers: str) -> None:
        _check_sizes(self.mode, "gptq/<weight_bits>/<group_size>", numbers, 2, (2, 3, 4, 8))

    @property
    def weight_bits(self) -> int:
        """The bits of a number."""
        return self.numbers[0]

    @property
    def group_size(self) -> int:
        """How many inputs share a scale; -1 for all."""
        return self.numbers[1]


@register("keras.dtype_policies")
@dataclasses.dataclass(frozen=True)
class AWQDTypePolicy(GPTQDTypePolicy):
    """The policy of a layer that AWQ quantised.

    Args:
        mode: `"awq/4/<group_size>"`; -1 is one group.
        source_name: the policy that the layer had as a float one.

    >>> AWQDTypePolicy("awq/4/128").group_size
    128

    Reference: Lin et al., arXiv:2306.00978.
    """

    _forms: ClassVar[tuple[str, ...]] = ("awq",)

    def _check(self, *numbers: str) -> None:
        _check_sizes(self.mode, "awq/4/<group_size>", numbers, 2, (4,))


def policy_of(name: str) -> DTypePolicy:
    """The policy of a name, quantised or not.

    Raises:
        ValueError: a name of neither.

    >>> policy_of("gptq/4/128_from_float32"), policy_of("float32").quantization_mode
    (GPTQDTypePolicy(mode='gptq/4/128'), None)
    """
    mode, found, source = name.partition(_FROM)
    if not found:
        return DTypePolicy(name)
    kind, slash, sizes = mode.partition("/")
    if kind == "float8" and slash and sizes.isdigit():
        return QuantizedFloat8DTypePolicy(kind, source, int(sizes))
    if kind == "int4" and slash:
        return Int4DTypePolicy(mode, source)
    classes = {"float8": QuantizedFloat8DTypePolicy, "gptq": GPTQDTypePolicy, "awq": AWQDTypePolicy}
    return cast(DTypePolicy, classes.get(kind, QuantizedDTypePolicy)(mode, source))


def layer_policy_name(dtype: DTypeLike | DTypePolicy | Config | None) -> str:
    """The policy's name for whatever a user may pass as a layer's `dtype=`, quantised policies among them.

    >>> layer_policy_name("int8_from_float32"), layer_policy_name(None)
    ('int8_from_float32', 'float32')
    """
    if isinstance(dtype, dict) and dtype.get("class_name") in _CLASSES:
        with at(dtype["class_name"]):
            dtype = _CLASSES[dtype["class_name"]].from_config(dtype["config"])
    if isinstance(dtype, str) and _FROM in dtype:
        return policy_of(dtype).name
    return policy_name(dtype)


_CLASSES: Mapping[str, type[QuantizedDTypePolicy]] = {
    c.__name__: c
    for c in (QuantizedDTypePolicy, QuantizedFloat8DTypePolicy, Int4DTypePolicy, GPTQDTypePolicy, AWQDTypePolicy)
}


def _check_sizes(mode: str, form: str, sizes: tuple[str, ...], count: int, bits: tuple[int, ...] = ()) -> None:
    """Refuse sizes of another number, or values that the form does not have."""
    whole = [int(n) for n in sizes if n.removeprefix("-").isdigit()]
    if len(whole) != count or len(sizes) != count or whole[-1] < -1 or not whole[-1]:
        raise _unknown(mode, f"the form is {form}, where -1 is one group of all inputs.")
    if bits and whole[0] not in bits:
        raise _unknown(mode, f"{form.partition('/')[0]} has {', '.join(map(str, bits))} bits.")


def _unknown(mode: object, why: str) -> ValueError:
    return ValueError(
        explain(
            f"Unknown quantisation mode {mode!r} of a dtype policy.",
            received=repr(mode),
            usually=why,
            write='dtype="int8_from_float32", dtype="int4/128_from_mixed_bfloat16", dtype="gptq/4/128_from_float32"',
        )
    )
