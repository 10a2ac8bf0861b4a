"""Flax's ImageNet ResNet under `pmap`, `shard_map` and as a Trainer: moments over devices are those of the batch."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import fkeras as fk

RNG = np.random.default_rng(0)
DEVICES, ROWS, CLASSES, STEPS = 4, 8, 3, 2
# no two devices have rows of the same moments
X = (RNG.normal(size=(ROWS, 6, 6, 2)) * np.arange(1, ROWS + 1)[:, None, None, None]).astype("float32")
Y = RNG.integers(0, CLASSES, ROWS)
MOVE = optax.sgd(0.1, momentum=0.9, nesterov=True)


class ResNet(linen.Module):
    """That of `flax/examples/imagenet/models.py`, of one block."""

    axis_name: str | None = None

    @linen.compact
    def __call__(self, x: Any, train: bool = True) -> Any:
        conv = functools.partial(linen.Conv, use_bias=False)
        norm = functools.partial(
            linen.BatchNorm, use_running_average=not train, momentum=0.9, epsilon=1e-5, axis_name=self.axis_name
        )
        x = linen.relu(norm(name="bn_init")(conv(4, (3, 3), name="conv_init")(x)))
        y = linen.relu(norm()(conv(8, (3, 3), (2, 2))(x)))
        y = norm(scale_init=linen.initializers.zeros_init())(conv(8, (3, 3))(y))
        residual = norm(name="norm_proj")(conv(8, (1, 1), (2, 2), name="conv_proj")(x))
        x = linen.relu(residual + y)
        return linen.Dense(CLASSES)(jnp.mean(x, axis=(1, 2)))


@functools.cache
def start_of_linen() -> Any:
    return jax.jit(ResNet().init)(jax.random.key(0), X)


def of_linen(axis_name: str | None) -> tuple[Any, Any]:
    model = ResNet(axis_name)

    def run(variables: Any, x: Any) -> Any:
        return model.apply(variables, x, mutable=["batch_stats"])

    return run, start_of_linen()


def of_layers(synchronized: bool | str) -> tuple[Any, Any]:
    norm = functools.partial(fk.nn.BatchNormalization, momentum=0.9, epsilon=1e-5, synchronized=synchronized)
    inputs = fk.Input((6, 6, 2))
    x = fk.nn.Activation("relu")(norm()(fk.nn.Conv2D(4, 3, padding="same", use_bias=False)(inputs)))
    y = norm()(fk.nn.Conv2D(8, 3, 2, padding="same", use_bias=False)(x))
    x = fk.nn.Activation("relu")(fk.nn.Add()([norm()(fk.nn.Conv2D(8, 1, 2, use_bias=False)(x)), y]))
    model = fk.Model(inputs, fk.nn.Dense(CLASSES)(fk.nn.GlobalAveragePooling2D()(x)))

    def run(variables: Any, x: Any) -> Any:
        return model.apply(variables, x, training=True, mutable=["batch_stats"])

    return run, model.init(0)


def step_of(run: Any, mean: Any, mean_of_gradients: Any) -> Any:
    """A step of the user's own: `(variables, slots, x, y) -> (variables, slots, loss)`."""

    def step(variables: Any, slots: Any, x: Any, y: Any) -> Any:
        def loss(params: Any) -> Any:
            logits, updates = run({**variables, "params": params}, x)
            return mean(optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()), updates

        (value, updates), gradient = jax.value_and_grad(loss, has_aux=True)(variables["params"])
        moved, slots = MOVE.update(mean_of_gradients(gradient), slots, variables["params"])
        return {**updates, "params": optax.apply_updates(variables["params"], moved)}, slots, value

    return step


def trained(step: Any, variables: Any, x: Any, y: Any, place: Any = None, copies: int = 0) -> tuple[Any, list[float]]:
    """Some steps, from where `place` puts what is trained: as they leave it, so that there is one program."""
    slots, losses = jax.jit(MOVE.init)(variables["params"]), []
    if copies:
        variables, slots = jax.tree.map(lambda a: np.stack([a] * copies), (variables, slots))
    if place is not None:
        variables, slots = place((variables, slots))
    for _ in range(STEPS):
        variables, slots, loss = step(variables, slots, x, y)
        losses.append(float(np.ravel(loss)[0]))
    if copies:
        variables = jax.tree.map(lambda a: np.asarray(a)[copies - 1], variables)
    return variables, losses


def same(tree: Any) -> Any:
    return tree


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    """Two steps of one device on the whole batch."""
    kinds = {"linen": of_linen(None), "fkeras": of_layers(False)}
    return {kind: trained(jax.jit(step_of(run, same, same)), start, X, Y) for kind, (run, start) in kinds.items()}


def check(found: Any, wanted: Any) -> None:
    # sums over four parts of eight rows in another order, through two steps of four normalisations
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found[0], wanted[0])


KINDS = {"linen": (of_linen, "batch"), "fkeras": (of_layers, True)}


@pytest.mark.sweep(2)
@pytest.mark.parametrize("kind", KINDS)
def test_under_pmap_it_trains_as_one_device_does(whole: Any, kind: str) -> None:
    make, said = KINDS[kind]
    run, start = make(said)
    step = step_of(run, same, functools.partial(jax.lax.pmean, axis_name="batch"))
    over_devices = functools.partial(jax.pmap, axis_name="batch")
    parts = X.reshape(DEVICES, -1, *X.shape[1:]), Y.reshape(DEVICES, -1)
    variables, _ = trained(over_devices(step), start, *parts, place=over_devices(same), copies=DEVICES)
    check((variables, whole[kind][1]), whole[kind])  # what is left of its losses is that of the first rows


@pytest.mark.sweep(2, 1)
@pytest.mark.parametrize("kind", KINDS)
def test_and_under_shard_map(whole: Any, kind: str) -> None:
    make, said = KINDS[kind]
    run, start = make(said)
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:DEVICES]), ("batch",), axis_types=(AxisType.Auto,))
    step = step_of(run, functools.partial(jax.lax.pmean, axis_name="batch"), same)
    spread = jax.shard_map(step, mesh=mesh, in_specs=(P(), P(), P("batch"), P("batch")), out_specs=P())
    place = functools.partial(jax.device_put, device=NamedSharding(mesh, P()))
    check(trained(jax.jit(spread), start, X, Y, place=place), whole[kind])


def test_and_as_a_trainer_on_several_devices(whole: Any) -> None:
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer = fk.Trainer(ResNet("batch"), MOVE, loss).distribute(DEVICES, offload="opt_state")
    state = trainer.init(0, X, variables=start_of_linen())
    state, history = trainer.fit(state, X, Y, batch_size=ROWS, epochs=STEPS, shuffle=False, verbose=0)
    check((state.variables, history.history["loss"]), whole["linen"])
    assert state.params["conv_init"]["kernel"].sharding.device_set == set(jax.devices()[:DEVICES])
