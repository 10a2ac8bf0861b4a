"""Keras's namespaces: how their names are found here, and what is answered where a name has no equal."""

from ._answers import answers as answers
from ._answers import look_up as look_up
from ._attach import attach_stub as attach_stub
from ._attach import refuse as refuse
from ._attach import refuse_import as refuse_import
