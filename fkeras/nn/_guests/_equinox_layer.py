"""EquinoxLayer: any module of Equinox as a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flax import linen

from ...core import Layer, register
from ...core.typing import Config, CustomObjects, PyTree, Training
from .. import _arguments as arg
from ._as_module import as_equinox
from ._guest_in_config import config_of_guest, with_guest
from ._host import Host


@register("fkeras")
class EquinoxLayer(Layer):
    """A module of Equinox as a layer of a graph; the module's arrays are the layer's variables.

    Args:
        module: an `eqx.Module`, whose arrays are what the layer starts with, or what `eqx.nn.make_with_state` returned;
            a class of modules, with `args` and `kwargs`; or a function that makes a module.
        method: the name of the method to call, or a function of the module and the inputs; `__call__` by default.
        args, kwargs: what the class or function is called with. Its `key` follows from that of `init`.
        state: the `eqx.nn.State` of a module that has one.
        filter: which leaves train, as in `eqx.partition`: a function, or a tree of flags. `eqx.is_inexact_array` by
            default. Other arrays are in the collection `non_trainable`.
        vmap: whether the module takes one example, as Equinox's own layers do, and is mapped over the first axis of the
            inputs. The mapped axis has the name that the module's layers reduce over, `"batch"` where there is none.

    The module is put in inference mode or out of it before a call, and is given `key` where it takes one; each example
    has a key of its own. What it keeps in an `eqx.nn.State` is the collection `state`.

    Raises:
        ImportError: Equinox is not installed.
        TypeError: something that is no module, or a class without its arguments.
        ValueError: a stateful module without its state.

    >>> import equinox as eqx, fkeras as fk, jax
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.EquinoxLayer(eqx.nn.Linear, args=(3, 2))])
    >>> jax.tree.map(lambda a: a.shape, model.init(jax.random.key(0)))
    {'params': {'equinox_layer': {'bias': (2,), 'weight': (2, 3)}}}

    Reference: https://docs.kidger.site/equinox/
    Keras has none.
    """

    module: linen.Module
    method: str | Callable[..., PyTree] | None = None

    @classmethod
    def _rewrite_arguments(cls, args: arg.Positional, kwargs: arg.Keywords) -> tuple[arg.Positional, arg.Keywords]:
        kwargs = dict(kwargs)
        names = ("args", "kwargs", "state", "filter", "vmap")
        own: dict[str, Any] = {name: kwargs.pop(name) for name in names if name in kwargs}
        module, *rest = args if args else (kwargs.pop("module", None),)
        return (as_equinox(module, **own), *rest), kwargs

    def setup(self) -> None:
        linen.share_scope(self, self.module)

    def call(self, *inputs: PyTree, training: Training = False, **kwargs: PyTree) -> PyTree:
        assert isinstance(self.module, Host)
        return self.module(*inputs, method=self.method, training=training, **kwargs)

    def get_config(self) -> Config:
        """The class of the module by its name, and the arguments that it was made with.

        Raises:
            TypeError: an instance of a module that is no dataclass, or an argument that JSON cannot say.
        """
        return config_of_guest(self, self.module)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: CustomObjects | None = None) -> Any:
        """The layer that `get_config` described; classes of one's own come from `custom_objects`."""
        return super().from_config(with_guest(config, custom_objects), custom_objects)
