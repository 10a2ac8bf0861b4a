"""FlaxLayer: any module of Flax, of Linen or NNX, as a layer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from ...core import Layer, field, is_lifted, mode_arguments, register
from ...core.typing import Config, CustomObjects, PyTree, Training, Variables
from .. import _arguments as arg
from ._as_module import as_module
from ._guest_in_config import config_of_guest, with_guest
from ._host import Host


@register("keras.layers")
class FlaxLayer(Layer):
    """A module of Flax as a layer of a graph; the module's variables are those of the layer.

    Args:
        module: a Linen module. Or one of NNX: an instance, whose values of now are what the layer starts with; a class,
            with `args` and `kwargs`; or a function that makes a module. Nothing is ever changed in an instance.
        method: the name of the method to call, or a function of the module and the inputs; `__call__` by default.
        variables: the first values of the module's variables, instead of those of its initializers.
        args, kwargs: what the class or function of NNX is called with. Its `rngs` follow from the key of `init`.
        wrt: which variables of a module of NNX train, as in `nnx.Optimizer`: a type, such as `nnx.LoRAParam`, or any of
            NNX's filters. Its other `Param`s are in the collection `non_trainable` then.

    A Linen module is told the mode by whichever of `training`, `train`, `is_training`, `is_train`, `deterministic`,
    `inference`, `eval` and `use_running_average` its method takes, but for what its fields say already. So is one of
    NNX, whose `train()` or `eval()` is called before. Its `nnx.Param`s, of any type, are the collection `params`, its
    `nnx.BatchStat`s `batch_stats`, and every other type of variable is a collection of its own. Its random streams
    follow from the keys of a call.

    Raises:
        TypeError: something that is no module, or a class without its arguments.

    >>> import fkeras as fk, jax
    >>> from flax import linen, nnx
    >>> inputs = fk.Input((3,))
    >>> model = fk.Model(inputs, fk.nn.FlaxLayer(linen.Dense(2))(inputs))
    >>> jax.tree.map(lambda a: a.shape, model.init(jax.random.key(0)))
    {'params': {'flax_layer': {'bias': (2,), 'kernel': (3, 2)}}}
    >>> model = fk.Model(inputs, fk.nn.FlaxLayer(nnx.Linear, args=(3, 2))(inputs))
    >>> jax.tree.map(lambda a: a.shape, model.init(jax.random.key(0)))
    {'params': {'flax_layer': {'bias': (2,), 'kernel': (3, 2)}}}

    Reference: https://keras.io/api/layers/backend_specific_layers/flax_layer/
    """

    module: linen.Module = field(convert=as_module)
    method: str | Callable[..., PyTree] | None = None
    variables_given: Variables | None = None

    @classmethod
    def _rewrite_arguments(cls, args: arg.Positional, kwargs: arg.Keywords) -> tuple[arg.Positional, arg.Keywords]:
        # The field has another name: `variables` is a property of every Linen module.
        kwargs = {{"variables": "variables_given"}.get(k, k): v for k, v in kwargs.items()}
        own: dict[str, Any] = {name: kwargs.pop(name) for name in ("args", "kwargs", "wrt") if name in kwargs}
        if not own:
            return args, kwargs
        module, *rest = args if args else (kwargs.pop("module", None),)
        return (as_module(module, **{"args": (), **own}), *rest), kwargs

    def setup(self) -> None:
        linen.share_scope(self, self.module)

    def call(self, *inputs: PyTree, training: Training = False, **kwargs: PyTree) -> PyTree:
        method = self.method
        if isinstance(self.module, Host):
            outputs = self.module(*inputs, method=method, training=training, **kwargs)
            self._start_from_given()
            return outputs
        function: Callable[..., PyTree]
        if method is None or isinstance(method, str):
            function = getattr(type(self.module), method or "__call__")
            run = getattr(self.module, method or "__call__")
        else:
            function, run = method, functools.partial(method, self.module)
        names = inspect.signature(function).parameters
        told = mode_arguments(function, bool(training), self.module)
        mode = {name: value for name, value in told.items() if name not in kwargs}
        if is_lifted(function):  # its static arguments are given by position
            for name in [*names][1 + len(inputs) :]:
                if name not in mode:
                    break
                inputs = (*inputs, mode.pop(name))
        outputs = run(*inputs, **mode, **kwargs)
        self._start_from_given()
        return outputs

    def _start_from_given(self) -> None:
        if self.is_initializing():
            for collection, tree in (self.variables_given or {}).items():
                for name, start in tree.items():
                    self.put_variable(collection, name, jax.tree.map(jnp.asarray, start))

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
