"""Layers and Flax's lifted transforms: inside modules, inside layers of one's own, and around layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import fkeras as fk

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
SPLIT = {"variable_axes": {"params": 0}, "split_rngs": {"params": True}}


class Block(linen.Module):
    @linen.compact
    def __call__(self, x):
        return x + linen.Dense(4)(linen.LayerNorm()(x))


class Round(linen.Module):
    @linen.compact
    def __call__(self, carry, _):
        return linen.tanh(linen.Dense(4)(carry)), carry.sum()


def _choice(module, x):
    branches = [lambda m, x: linen.Dense(4, name="a")(x), lambda m, x: linen.Dense(4, name="b")(x)]
    if module.is_mutable_collection("params"):
        for branch in branches:
            branch(module, x)
    return linen.switch((x.sum() > 0).astype(int), branches, module, x)


def _backwards(module, x):
    def run(m, x):
        return m(x)

    def back(pull, g):
        return pull(g)

    return linen.custom_vjp(run, lambda m, x: linen.vjp(run, m, x), back)(linen.Dense(4), x)


def _twice(module, x):
    block = linen.remat(Block)()
    return block(block(x))


WAYS = {
    "remat": lambda module, x: linen.remat(Block)()(x),
    "remat, shared": _twice,
    "jit of remat": lambda module, x: linen.jit(linen.remat(Block))()(x),
    "scan": lambda module, x: linen.scan(Round, length=3, **SPLIT)()(x, None)[0],
    "scan of remat over rows": lambda module, x: linen.scan(linen.remat(Round), **SPLIT)()(x, jnp.stack([x, x]))[0],
    "scan, one set": lambda module, x: linen.scan(
        Round, length=2, variable_broadcast="params", split_rngs={"params": False}
    )()(x, None)[0],
    "vmap": lambda module, x: linen.vmap(linen.Dense, in_axes=None, axis_size=2, **SPLIT)(4)(x).sum(0),
    "RNN": lambda module, x: linen.RNN(linen.SimpleCell(4))(jnp.stack([x, x], 1))[:, -1],
    "remat_scan": lambda module, x: linen.remat_scan(Block, lengths=(2, 2))()(x),
    "switch": _choice,
    "custom_vjp": _backwards,
}


class Lifted(linen.Module):
    way: str

    @linen.compact
    def __call__(self, x):
        return WAYS[self.way](self, x)


class Own(fk.nn.Layer):
    way: str = ""

    @linen.compact
    def call(self, inputs):
        return WAYS[self.way](self, inputs)


def shapes(tree):
    return jax.tree.map(jnp.shape, tree)


@pytest.mark.parametrize("way", WAYS)
def test_weights_made_inside_a_lifted_transform_need_only_the_key(way):
    module = Lifted(way)
    own = jax.eval_shape(module.init, KEY, X)
    model = fk.Sequential([fk.Input((4,)), fk.nn.FlaxLayer(module, name="lifted")])
    mine = fk.Sequential([fk.Input((4,)), Own(way=way, name="lifted")])
    assert shapes(model.abstract_variables()["params"]["lifted"]) == shapes(own["params"])
    assert shapes(mine.abstract_variables()) == shapes(model.abstract_variables())
    program = str(jax.make_jaxpr(model.init)(KEY))
    assert "random_bits" in program
    assert "dot_general" not in program

    @jax.jit
    def made(key):
        variables = model.init(key)
        outputs = module.apply({"params": variables["params"]["lifted"]}, X), model.apply(variables, X)
        return variables, mine.init(key), outputs

    variables, again, (want, got) = made(KEY)
    assert shapes(variables) == shapes(model.abstract_variables())
    jax.tree.map(np.testing.assert_array_equal, again, variables)
    np.testing.assert_allclose(got, want, atol=1e-6)  # float32 sums in another order
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        if path[-1].key == "kernel" and leaf.ndim > 2:  # each round and each row has weights of its own
            assert not np.array_equal(leaf[0], leaf[1])


def test_lifted_layers_train_and_are_made_under_vmap():
    model = fk.Sequential([fk.Input((4,)), Own(way="scan", name="scan"), Own(way="custom_vjp", name="own")])
    variables = model.init(KEY)
    many = jax.vmap(model.init)(KEY[None])
    # fused float32 arithmetic in the initializers
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[0], b, atol=1e-6), many, variables)
    trainer = model.compile("sgd", "mse")
    start = trainer.init(0)
    state, _ = trainer.train_step(start, (X, X))
    moved = jax.tree.map(lambda a, b: not np.array_equal(a, b), state.params, start.params)
    assert all(jax.tree.leaves(moved))
    model.summary(print_fn=lambda text: None)


def test_a_scan_carries_what_its_weights_need():
    class Keyed(linen.Module):
        @linen.compact
        def __call__(self, carry, _):
            (key, x), scale = carry, jnp.float32(2)
            w = self.param("w", lambda _: scale * jax.random.normal(key, (4,)))
            return (jax.random.split(key, 1)[0], x * w[None]), None

    class Host(linen.Module):
        @linen.compact
        def __call__(self, x):
            scan = linen.scan(Keyed, length=3, **SPLIT)
            return scan()((self.make_rng("params"), x), None)[0][1]

    model = fk.Sequential([fk.Input((4,)), fk.nn.FlaxLayer(Host(), name="host")])
    program = str(jax.make_jaxpr(model.init)(KEY))
    assert "scan[" in program
    w = jax.tree.leaves(model.init(KEY))[0]
    assert w.shape == (3, 4)
    assert not np.array_equal(w[0], w[1])


class KerasStyle(fk.nn.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.dense = fk.nn.Dense(units, kernel_constraint="non_neg")
        self.drop = fk.nn.Dropout(0.5)

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), name="w", initializer="ones", regularizer="l2")

    def call(self, inputs):
        return self.drop(self.dense(inputs * self.w[None]))


class Decorated(KerasStyle):
    @linen.remat
    def call(self, inputs, training=False):
        out = self.drop(self.dense(inputs * self.w[None]))
        return 2 * out if training else out


class Helped(KerasStyle):
    @linen.remat
    def part(self, inputs):
        return self.drop(self.dense(inputs * self.w[None]))

    def call(self, inputs):
        return self.part(inputs)


class Fields(fk.nn.Layer):
    @linen.jit
    @linen.compact
    def call(self, inputs, training=False):
        out = fk.nn.Dropout(0.5, name="drop")(fk.nn.Dense(4, name="dense", kernel_constraint="non_neg")(inputs))
        return 2 * out if training else out


CLASSES = {
    "remat": linen.remat(KerasStyle),
    "jit": linen.jit(KerasStyle),
    "decorated": Decorated,
    "helped": Helped,
    "fields": Fields,
}


@pytest.mark.parametrize("kind", CLASSES)
def test_layers_of_every_style_under_lifted_transforms(kind):
    model = fk.Sequential([fk.Input((4,)), CLASSES[kind](name="part"), fk.nn.Dense(1)])
    with jax.checking_leaks():
        variables, still = jax.jit(lambda key: (made := model.init(key), model.apply(made, X)))(KEY)
    np.testing.assert_allclose(model.apply(variables, X), still, atol=1e-6)  # fused float32 arithmetic

    @jax.jit
    def more(variables):
        moving = model.apply(variables, X, training=True, rngs={"dropout": KEY})
        return moving, *(m.apply(variables, X, mutable=["losses"])[1] for m in (model, model.freeze("part")))

    moving, losses, at_rest = more(variables)
    assert not np.allclose(moving, still)  # the mode reaches the layers inside
    assert model.weight_facts()["part", "dense"].constraints["kernel"] is not None
    trainer = model.compile("sgd", "mse")
    state, _ = trainer.train_step(trainer.init(0), (X, X[:, :1]))
    assert (np.asarray(state.params["part"]["dense"]["kernel"]) >= 0).all()
    if kind != "fields":
        assert float(sum(jax.tree.leaves(losses))) == pytest.approx(0.04)
        assert not jax.tree.leaves(at_rest)


@pytest.mark.parametrize("lift", [linen.remat, linen.jit])
def test_a_layer_inside_a_lifted_linen_module_is_told_what_is_around_it(lift):
    class Inner(linen.Module):
        @linen.compact
        def __call__(self, x):
            return fk.nn.Dropout(0.5)(fk.nn.BatchNormalization()(x))

    class Outer(fk.nn.Layer):
        @linen.compact
        def call(self, inputs):
            return lift(Inner)()(inputs)

    model = fk.Sequential([fk.Input((4,)), Outer(name="outer")])
    variables = model.init(KEY)
    call = {"training": True, "rngs": {"dropout": KEY}, "mutable": ["batch_stats"]}
    out, updates = model.apply(variables, X, **call)
    assert (np.asarray(out) == 0).any()
    changed = jax.tree.map(np.array_equal, updates["batch_stats"], variables["batch_stats"])
    assert not any(jax.tree.leaves(changed))
    rested = model.freeze("outer").apply(variables, X, **call)[1]
    jax.tree.map(np.testing.assert_array_equal, rested["batch_stats"], variables["batch_stats"])


def test_vmap_of_a_keras_style_layer_has_weights_for_each_row():
    lifts = {"params": 0, "losses": 0}, {"params": True, "dropout": True}

    class Host(linen.Module):
        lifted: tuple = ("params", "losses")

        @linen.compact
        def __call__(self, x):
            axes = {name: lifts[0][name] for name in self.lifted}
            return linen.vmap(
                KerasStyle, in_axes=None, axis_size=2, variable_axes=axes, split_rngs=lifts[1]
            )(name="rows")(x)  # fmt: skip

    variables = Host().init(KEY, X)
    assert shapes(variables["params"]) == {"rows": {"dense": {"bias": (2, 4), "kernel": (2, 4, 4)}, "w": (2, 4)}}
    assert shapes(Host().apply(variables, X, mutable=["losses"])[1]["losses"]) == {"rows": {"w": (2,)}}
    with pytest.warns(UserWarning, match="does not lift 'losses'"):
        Host(("params",)).apply(variables, X, mutable=["losses"])


def test_a_linen_module_under_remat_is_told_the_mode():
    class Net(linen.Module):
        @linen.compact
        def __call__(self, x, train: bool = False):
            return linen.Dropout(0.5, deterministic=not train)(linen.Dense(4)(x))

    for lifted in (linen.remat(Net)(), linen.remat(Net, static_argnums=(2,))()):
        model = fk.Sequential([fk.Input((4,)), fk.nn.FlaxLayer(lifted)])
        variables = model.init(KEY)
        still = model.apply(variables, X)
        assert not np.allclose(model.apply(variables, X, training=True, rngs={"dropout": KEY}), still)
