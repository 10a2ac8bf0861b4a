"""`fk.quantizers`: what `model.quantize` and the layers' `quantization_config` take beside a mode."""

from ..nn import AbsMaxQuantizer as AbsMaxQuantizer
from ..nn import AWQConfig as AWQConfig
from ..nn import Float8QuantizationConfig as Float8QuantizationConfig
from ..nn import GPTQConfig as GPTQConfig
from ..nn import Int4QuantizationConfig as Int4QuantizationConfig
from ..nn import Int8QuantizationConfig as Int8QuantizationConfig
from ..nn import QuantizationConfig as QuantizationConfig
from ..nn import abs_max_quantize as abs_max_quantize
from ..nn import abs_max_quantize_grouped_with_zero_point as abs_max_quantize_grouped_with_zero_point
