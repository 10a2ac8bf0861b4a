"""`fk.applications.convnext`: ConvNeXt, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._convnext import ConvNeXtBase as ConvNeXtBase
from ._networks._convnext import ConvNeXtLarge as ConvNeXtLarge
from ._networks._convnext import ConvNeXtSmall as ConvNeXtSmall
from ._networks._convnext import ConvNeXtTiny as ConvNeXtTiny
from ._networks._convnext import ConvNeXtXLarge as ConvNeXtXLarge
from ._networks._convnext import LayerScale as LayerScale

preprocess_input = _preprocess(None, "ConvNeXt")
