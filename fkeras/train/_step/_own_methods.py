"""Methods of a Trainer subclass that are written as Keras and Lightning want them: refused where the class is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from ...core import explain


class _Form(NamedTuple):
    """How a method is written here.

    Attributes:
        arguments: the names of its arguments after `self`.
        body: the lines of a method that does what the built-in one does.
    """

    arguments: tuple[str, ...]
    body: str


_FORMS: Mapping[str, _Form] = MappingProxyType(
    {
        "train_step": _Form(
            ("state", "batch"),
            "x, y = batch\n    state, logs = super().train_step(state, batch)   # docs/training.md has it written out\n"
            "    return state, logs",
        ),
        "eval_step": _Form(("state", "batch"), "state, logs = super().eval_step(state, batch)\n    return state, logs"),
        "predict_step": _Form(("variables", "x"), "return super().predict_step(variables, x)"),
        "compute_loss": _Form(
            ("params", "state", "batch", "rng"),
            "x, y = batch\n    y_pred, updates = self.forward(params, state, x, rng)\n"
            '    return my_loss(y, y_pred), {"y_pred": y_pred}',
        ),
        "forward": _Form(
            ("params", "state", "x", "rng", "training"),
            "return super().forward(params, state, x, rng, training)   # outputs, updates; the layers are the model's",
        ),
    }
)

# Methods of Keras's models that have another name here.
_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "test_step": "eval_step",
        "stateless_train_step": "train_step",
        "stateless_test_step": "eval_step",
        "stateless_predict_step": "predict_step",
        "stateless_compute_loss": "compute_loss",
    }
)
# Methods of Keras's models that nothing here calls, but for steps of the class's own, and what to write instead.
_NOT_CALLED: Mapping[str, str] = MappingProxyType(
    {
        "compute_metrics": 'return loss, {"y_pred": y_pred, "logs": {"kl": kl}}   # of compute_loss',
        "compute_loss_and_updates": "def compute_loss(self, params, state, batch, rng): ...",
        "make_train_function": "def train_step(self, state, batch): ...",
        "make_test_function": "def eval_step(self, state, batch): ...",
        "make_predict_function": "def predict_step(self, variables, x): ...",
        "call": "the forward pass belongs to the model; here: outputs, updates = self.forward(params, state, x, rng)",
        "compile": "fields with annotations, which are arguments of compile: `alpha: float = 0.1`",
    }
)
_LOSS = "def compute_loss(self, params, state, batch, rng): ...   # a stepping rule: def train_step(self, state, batch)"
_HOOK = "def on_epoch_end(self, event): ...   # of a fk.callbacks.Callback, which fit(callbacks=[...]) takes"
_DATA = "state, history = trainer.fit(state, loader, validation_data=val_loader)"
# Methods of Lightning's modules, and of Hugging Face's Trainer, which nothing here calls either.
_OF_TORCH: Mapping[str, str] = MappingProxyType(
    {
        "training_step": _LOSS,
        "validation_step": "def eval_step(self, state, batch): ...   # metrics are arguments of compile",
        "prediction_step": "def predict_step(self, variables, x): ...",
        "configure_optimizers": 'model.compile(optimizer=fk.optimizers.Adam(1e-3), loss="mse")',
        "create_optimizer": 'model.compile(optimizer=fk.optimizers.Adam(1e-3), loss="mse")',
        "optimizer_step": "def train_step(self, state, batch): ...",
        "backward": _LOSS,
        "train_dataloader": _DATA,
        "val_dataloader": _DATA,
        "get_train_dataloader": _DATA,
        "get_eval_dataloader": _DATA,
        "training_epoch_end": _HOOK,
        "validation_epoch_end": _HOOK,
        "on_train_epoch_start": _HOOK,
        "on_train_epoch_end": _HOOK,
        "on_validation_epoch_end": _HOOK,
    }
)
_KERAS_CHANGES = "Keras's methods change the model; these are pure, take a state and return the next one."
_LIGHTNING_IS = "Lightning's module is model, loss and optimizer in one; a Trainer has pure methods of other names."


def check_own_methods(cls: type) -> None:
    """Refuse a class of trainers with a method that nothing would call, or would call with other arguments.

    Args:
        cls: the subclass, as it is being made.

    Raises:
        TypeError: there is one; the text has the method as it is written here.
    """
    calls_its_own = any(name in vars(cls) for name in ("train_step", "eval_step"))
    for name, method in list(vars(cls).items()):
        if name in _ELSEWHERE:
            raise _refused(cls, name, f"here it is called {_ELSEWHERE[name]}", _skeleton(_ELSEWHERE[name]))
        if name in _NOT_CALLED and callable(method) and not calls_its_own:
            raise _refused(cls, name, "nothing here calls it", _NOT_CALLED[name])
        if name in _OF_TORCH and callable(method) and not calls_its_own:
            raise _refused(cls, name, "nothing here calls it", _OF_TORCH[name], _LIGHTNING_IS)
        if name in _FORMS and inspect.isfunction(method) and not _is_ours(method, _FORMS[name]):
            raise _refused(cls, name, "it takes other arguments here", _skeleton(name))
    if isinstance(vars(cls).get("metrics"), property):
        write = 'return loss, {"logs": {"kl": kl}}   # of compute_loss; an epoch shows the mean over its batches'
        raise _refused(cls, "metrics", "running sums are in the state, and are reset by fit and evaluate", write)


def _is_ours(method: Callable[..., object], form: _Form) -> bool:
    """Whether a method takes the arguments of a form; Keras's `compute_loss(self, x, y, y_pred, …)` takes as many."""
    signature = inspect.signature(method)
    if "y_pred" in signature.parameters:
        return False
    try:
        signature.bind("self", *form.arguments)
    except TypeError:
        return False
    return True


def _skeleton(name: str) -> str:
    form = _FORMS[name]
    return f"def {name}(self, {', '.join(form.arguments)}):\n    {form.body}"


def _refused(cls: type, name: str, why: str, write: str, usually: str = _KERAS_CHANGES) -> TypeError:
    method = vars(cls)[name]
    signature = str(inspect.signature(method)) if inspect.isfunction(method) else ""
    return TypeError(
        explain(
            f"The Trainer {cls.__name__!r} cannot have this {name}: {why}.",
            received=f"{name}{signature or ' = ' + type(method).__name__}",
            usually=usually,
            write=write,
        )
    )
