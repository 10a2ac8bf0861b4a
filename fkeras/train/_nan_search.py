"""explain: where the first infinity or NaN of a step comes from."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from ..core import Model, plain_path_name
from ..core.typing import Batch, PyTree
from ._loop._nan_check import is_float, stays_finite
from ._step._batch import unpack
from ._step._learner import Learner
from ._step._state import TrainState
from ._step._train_step import advance, has_own_step, loss_and_extras


@dataclasses.dataclass(frozen=True)
class Finding:
    """The first thing in a step that is not finite.

    Attributes:
        kind: `"batch"`, `"state"`, `"layer"` (its output), `"loss"`, `"gradient"`, `"update"` (of the optimizer),
            `"collection"` (batch statistics, say), or `"nothing"`.
        path: where: a layer's path, a weight's, or a leaf of the batch.
        text: the whole story in words.
    """

    kind: str
    path: str
    text: str

    def __str__(self) -> str:
        return self.text


def explain(trainer: Learner, state: TrainState, batch: Batch) -> Finding:
    """Replay one training step and name the first layer or gradient that is not finite.

    The step runs as it does in `fit`, from the same state and so with the same randomness, with a probe on what goes
    into and comes out of each layer, in the forward and in the backward pass.

    Args:
        trainer: the trainer.
        state: the state before the step, as `fit(check_nans=True)` returns it.
        batch: `(x,)`, `(x, y)` or `(x, y, sample_weight)`; `history.bad_batch` after such a run.

    Returns:
        A `Finding`; `print` it.

    >>> import fkeras as fk, numpy as np
    >>> root = fk.nn.Lambda(lambda x: x**0.5, name="root")
    >>> model = fk.Sequential([fk.Input((2,)), fk.nn.Dense(2, kernel_initializer="ones"), root])
    >>> trainer = model.compile("sgd", "mse")
    >>> finding = fk.train.explain(trainer, trainer.init(0), (np.zeros((1, 2)), np.ones((1, 2))))
    >>> finding.kind, finding.path
    ('gradient', 'root')
    >>> finding = fk.train.explain(trainer, trainer.init(0), (-np.ones((1, 2)), np.ones((1, 2))))
    >>> print(finding)
    The output of layer 'root' (Lambda) is the first that is not finite: 2 NaN of 2 numbers.
      It took numbers from -2 to -2.
    """
    batch = jax.tree.map(np.asarray, unpack(batch))
    for kind, tree in (("batch", dict(zip(("x", "y", "sample_weight"), batch, strict=True))), ("state", _held(state))):
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
            if is_float(leaf) and not bool(jnp.isfinite(leaf).all()):
                where = plain_path_name(path)
                what = "The batch holds" if kind == "batch" else "Before the step the state holds"
                return Finding(kind, where, f"{what} {where} that is not finite: {_count(leaf)}.{_rows(kind, leaf)}")
    calls, after, shown = _replay(trainer, state, batch)
    if bool(stays_finite(trainer, state, after, shown)):
        return Finding("nothing", "", "Loss, weights and collections of this step are finite.")
    found = _forward(calls) or _loss(trainer, state, batch, shown, calls) or _backward(calls)
    return found or _gradient(trainer, state, batch) or _of_state(after)


def _held(state: TrainState) -> dict[str, Any]:
    return {"params": state.params, **state.model_state}


# ------------------------------------------------------------------ the replay, with probes
@dataclasses.dataclass
class _Call:
    """What the probes of one layer's call saw; a layer in a loop adds up its turns."""

    path: str
    kind: str
    seen: dict[str, list[Any]] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"layer {self.path!r} ({self.kind})" if self.path else f"the model ({self.kind})"

    def finite(self, what: str) -> bool:
        return all(not nan + inf for nan, inf, *_ in self.seen.get(what, []))

    def shown(self, what: str) -> str:
        nan, inf, size = (sum(int(s[i]) for s in self.seen[what]) for i in range(3))
        return _numbers(nan, inf, size)

    def range(self, what: str) -> str:
        lows, highs = zip(*[s[3:] for s in self.seen[what]], strict=True)
        return f"numbers from {min(map(float, lows)):.6g} to {max(map(float, highs)):.6g}"

    def largest(self, what: str) -> float:
        return max(abs(float(end)) for seen in self.seen[what] for end in seen[3:])


def _replay(trainer: Learner, state: TrainState, batch: Batch) -> tuple[list[_Call], Any, Any]:
    """`(calls in the order in which they ended, the next state, what the step shows)`."""
    try:
        return _replay_with(trainer, state, batch, _both_ways)
    except TypeError as error:  # a step that differentiates forwards, which a probe of the backward pass does not allow
        if "custom_vjp" not in str(error):
            raise
        return _replay_with(trainer, state, batch, _forwards)


def _replay_with(
    trainer: Learner, state: TrainState, batch: Batch, probe: Callable[..., Any]
) -> tuple[list[_Call], Any, Any]:
    calls: list[_Call] = []

    def watch(run: Any, args: Any, kwargs: Any, context: Any) -> Any:
        module = context.module
        if context.method_name == "operate" and isinstance(module, Model):
            call = _Call("/".join((*module.path, args[0])), "operation")
        elif context.method_name == "__call__":
            call = _Call("/".join(module.path), type(module).__name__)
        else:
            return run(*args, **kwargs)
        args = jax.tree.map(functools.partial(_probed, probe, call, "inputs"), args)
        outputs = jax.tree.map(functools.partial(_probed, probe, call, "outputs"), run(*args, **kwargs))
        calls.append(call)
        return outputs

    with linen.intercept_methods(watch):
        after, shown = jax.jit(lambda state, batch: advance(trainer, state, batch))(state, batch)
    jax.block_until_ready((after, shown))
    return calls, after, shown


def _probed(probe: Callable[..., Any], call: _Call, what: str, leaf: Any) -> Any:
    return probe(call, what, leaf) if isinstance(leaf, jax.Array) and is_float(leaf) else leaf


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _forwards(call: _Call, what: str, value: jax.Array) -> jax.Array:
    """The value; when it is there, it is looked at.

    It goes through the host and back, to the bit, so that the look is no effect: Linen's `scan` traces its body once
    more for what does not change from turn to turn, and an effect in there would count as something that does.
    """

    def look(array: np.ndarray) -> Any:
        array = np.asarray(array)
        numbers = array.real.astype(np.float64)
        nan, inf, finite = np.isnan(array), np.isinf(array), np.isfinite(array)
        low, high = (f(numbers, initial=i, where=finite) for f, i in ((np.min, np.inf), (np.max, -np.inf)))
        call.seen.setdefault(what, []).append((nan.sum(), inf.sum(), array.size, low, high))
        return array

    return jax.pure_callback(look, jax.ShapeDtypeStruct(value.shape, value.dtype), value, vmap_method="sequential")


@_forwards.defjvp
def _forwards_jvp(call: _Call, what: str, primals: Any, tangents: Any) -> Any:
    return _forwards(call, what, *primals), tangents[0]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _both_ways(call: _Call, what: str, value: jax.Array) -> jax.Array:
    """The value; it is looked at, and so is its gradient."""
    return _forwards(call, what, value)


def _both_ways_forward(call: _Call, what: str, value: jax.Array) -> tuple[jax.Array, None]:
    return _forwards(call, what, value), None


def _both_ways_backward(call: _Call, what: str, residuals: None, gradient: jax.Array) -> tuple[jax.Array]:
    return (_forwards(call, f"gradient of {what}", gradient),)


_both_ways.defvjp(_both_ways_forward, _both_ways_backward)


# ------------------------------------------------------------------ what went wrong first
def _forward(calls: list[_Call]) -> Finding | None:
    """The first layer whose inputs are finite and whose output is not; inner layers end before outer ones."""
    for call in calls:
        if call.finite("inputs") and not call.finite("outputs"):
            took = f"\n  It took {call.range('inputs')}." if "inputs" in call.seen else ""
            text = f"The output of {call.name} is the first that is not finite: {call.shown('outputs')}.{took}"
            return Finding("layer", call.path, text)
    return None


#: Beyond it the square of a number is no float32 any more.
_SQUARE_OVERFLOWS = float(np.finfo(np.float32).max) ** 0.5


def _loss(trainer: Learner, state: TrainState, batch: Batch, shown: Any, calls: list[_Call]) -> Finding | None:
    """A loss that is not finite though all outputs are."""
    if has_own_step(trainer):
        parts = {k: v for k, v in shown.items() if is_float(v)}
    else:
        parts = _parts_of_loss(trainer, state, batch)
    for name, value in parts.items():
        if not bool(jnp.isfinite(value).all()):
            text = f"The loss {name!r} is {float(jnp.ravel(value)[0])}, though the outputs of all layers are finite."
            outputs = next((call for call in reversed(calls) if "outputs" in call.seen), None)
            if outputs is not None and outputs.largest("outputs") > _SQUARE_OVERFLOWS:
                why = f"They are {outputs.range('outputs')}, the squares of which are beyond float32."
            else:
                why = "Usually a logarithm of 0 (from_logits=True avoids it), or a division by a sum of 0."
            return Finding("loss", name, f"{text}\n  {why}")
    return None


def _parts_of_loss(trainer: Learner, state: TrainState, batch: Batch) -> dict[str, Any]:
    rng = jax.random.fold_in(state.rng, state.step)

    def parts(params: PyTree) -> dict[str, Any]:
        loss, extras = loss_and_extras(trainer, params, state, batch, rng)
        added = {} if extras.get("added") is None else {"added by layers": extras["added"]}
        return {**(extras.get("parts") or {}), **added, "loss": loss}

    return jax.jit(parts)(state.params)


def _backward(calls: list[_Call]) -> Finding | None:
    """The first layer on the way back, which is the last one forward, that gets a finite gradient and hands on one
    that is not; the innermost, where it lies in others."""
    bad = [c for c in calls if c.finite("gradient of outputs") and not c.finite("gradient of inputs")]
    if not bad:
        return None
    inner = [c for c in bad if not any(_inside(other, c) for other in bad)]
    call = inner[-1]
    text = (
        f"The gradient that {call.name} hands back is the first that is not finite: "
        f"{call.shown('gradient of inputs')}, though its output is finite.\n  It took {call.range('inputs')}; "
        "a root, a norm or a logarithm at 0 has no finite slope there."
    )
    return Finding("gradient", call.path, text)


def _inside(inner: _Call, outer: _Call) -> bool:
    return inner is not outer and inner.path != outer.path and (
        not outer.path or inner.path.startswith(outer.path + "/")
    )  # fmt: skip


def _gradient(trainer: Learner, state: TrainState, batch: Batch) -> Finding | None:
    """The first weight whose gradient is not finite."""
    if has_own_step(trainer):
        return None
    rng = jax.random.fold_in(state.rng, state.step)

    def loss(params: PyTree) -> Any:
        return loss_and_extras(trainer, params, state, batch, rng)[0]

    grads = jax.jit(jax.grad(loss, allow_int=True))(state.params)
    for path, leaf in jax.tree_util.tree_leaves_with_path(grads):
        if is_float(leaf) and not bool(jnp.isfinite(leaf).all()):
            where = plain_path_name(path)
            return Finding("gradient", where, f"The gradient of the weight {where} is not finite: {_count(leaf)}.")
    return None


def _of_state(after: TrainState) -> Finding:
    """What the step wrote: a weight by its update, or a collection."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(_held(after)):
        if is_float(leaf) and not bool(jnp.isfinite(leaf).all()):
            where = plain_path_name(path)
            if where.startswith("params/"):
                where = where.removeprefix("params/")
                text = f"The optimizer's update makes the weight {where} not finite: {_count(leaf)}."
                why = "\n  Its gradient is finite; usually the learning rate is too high."
                return Finding("update", where, text + why)
            return Finding("collection", where, f"The step makes {where} not finite: {_count(leaf)}.")
    return Finding("loss", "loss", "The running loss is not finite any more: it overflowed.")


def _count(leaf: jax.Array) -> str:
    return _numbers(int(jnp.isnan(leaf).sum()), int(jnp.isinf(leaf).sum()), int(np.size(leaf)))


def _numbers(nan: int, inf: int, size: int) -> str:
    parts = [f"{n} {what}" for n, what in ((nan, "NaN"), (inf, "infinite")) if n]
    return f"{' and '.join(parts)} of {size} number{'s' if size > 1 else ''}"


def _rows(kind: str, leaf: Any) -> str:
    """In which rows of a batch the bad numbers are."""
    if kind != "batch" or not np.ndim(leaf):
        return ""
    bad = ~np.isfinite(np.asarray(leaf, np.float64)).reshape(len(leaf), -1).all(1)
    rows = [str(row) for row in np.flatnonzero(bad)]
    return f" They are in row{'s' if len(rows) > 1 else ''} {', '.join(rows[:8])}{', …' if len(rows) > 8 else ''}."
