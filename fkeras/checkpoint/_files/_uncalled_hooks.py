"""Methods by which Keras's layers and models take part in saving, and which nothing here calls: each is named."""

from __future__ import annotations

from collections.abc import Iterator

from flax import linen

from ...core import Layer, explain, walk
from ._warnings import warn

# By method, what holds instead what it would write or read.
_INSTEAD = {
    "save_own_variables": "self.add_weight(...)   # in build: each weight is saved, and has its place in the file",
    "load_own_variables": "self.add_weight(...)   # in build: each weight is saved, and has its place in the file",
    "save_assets": "def get_config(self): return {**super().get_config(), 'words': self.words}   # arguments, as JSON",
    "load_assets": "def get_config(self): return {**super().get_config(), 'words': self.words}   # arguments, as JSON",
    "get_build_config": "def build(self, input_shape): ...   # it runs on the input's shape, which a file has",
    "build_from_config": "def build(self, input_shape): ...   # it runs on the input's shape, which a file has",
    "get_compile_config": "trainer = model.compile(...)   # trainer.save(path, state) has its arguments",
    "compile_from_config": "trainer, state = fk.load_trainer(path, loss=my_loss)   # in place of what was saved",
}


def warn_of_uncalled_hooks(model: linen.Module, verb: str) -> None:
    """Warn of methods of the user's own that Keras would call while it saves or loads a model, and that nothing calls.

    Args:
        model: the model.
        verb: what is done with it: `"model.save"`.
    """
    found: dict[str, str] = {}
    for layer in _with_all_inside(model):
        for cls in type(layer).__mro__:
            if cls.__module__.partition(".")[0] not in ("fkeras", "flax", "builtins"):
                found |= {name: f"{cls.__name__}.{name}" for name in _INSTEAD if name in vars(cls)}
    if found:
        lines = list(dict.fromkeys(_INSTEAD[name] for name in found))
        warn(
            explain(
                f"`{verb}` does not call {', '.join(found.values())}.",
                usually="Keras's objects write what they hold; here weights are variables, all else is in the config.",
                write="\n".join(lines),
            )
        )


def _with_all_inside(model: linen.Module) -> Iterator[linen.Module]:
    yield model
    if isinstance(model, Layer):
        yield from (layer for _, layer in walk(model))
