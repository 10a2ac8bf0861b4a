"""A policy-gradient agent in an environment written in JAX: rollouts and updates are one compiled step.

    python examples/policy_gradient.py

The batch is nothing but keys: each starts an episode in which a cart on a line is to be brought to rest at 0.

Reference: Williams (1992), Simple statistical gradient-following algorithms for connectionist reinforcement learning
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

import fkeras as fk

STEPS, PUSHES = 40, jnp.array([-1.0, 0.0, 1.0])


def reset(key):
    """A cart somewhere in [-1, 1], with some speed."""
    return jax.random.uniform(key, (2,), minval=-1.0, maxval=1.0)


def move(cart, action):
    """The next (place, speed) and the reward: the less far and the slower, the better."""
    speed = 0.9 * cart[1] + 0.3 * PUSHES[action]
    cart = jnp.stack([cart[0] + 0.2 * speed, speed])
    return cart, -(cart[0] ** 2 + 0.1 * cart[1] ** 2)


class Reinforce(fk.Trainer):
    """REINFORCE with rewards to go, compared with the mean over the batch's episodes."""

    discount: float = 0.95

    def compute_loss(self, params, state, batch, rng):
        rng = state.rng if rng is None else rng
        policy = lambda cart: self.model.apply({"params": params}, cart[None])[0]  # noqa: E731

        def episode(seed):
            def step(cart, key):
                logits = policy(cart)
                action = jax.random.categorical(key, logits)
                after, reward = move(cart, action)
                return after, (jax.nn.log_softmax(logits)[action], reward)

            begin, *keys = jax.random.split(jax.random.fold_in(rng, seed), STEPS + 1)
            return jax.lax.scan(step, reset(begin), jnp.stack(keys))[1]

        likelihoods, rewards = jax.vmap(episode)(batch[0])
        to_go = jax.lax.associative_scan(lambda a, b: a * self.discount + b, rewards, reverse=True, axis=1)
        advantage = jax.lax.stop_gradient(to_go - to_go.mean(0, keepdims=True))
        return -(likelihoods * advantage).sum(1).mean(), {"logs": {"reward": rewards.sum(1).mean()}}


def main(epochs: int = 60) -> tuple[float, float]:
    """Train; the mean reward of an episode in the first epoch and in the last."""
    policy = fk.Sequential([fk.Input((2,)), fk.nn.Dense(32, "tanh"), fk.nn.Dense(3)])
    trainer = policy.compile(fk.optimizers.Adam(5e-3), trainer_class=Reinforce)
    seeds = np.arange(512, dtype="int32")
    _, history = trainer.fit(trainer.init(0, jnp.zeros((1, 2))), seeds, batch_size=64, epochs=epochs, verbose=2)
    rewards = history.history["reward"]
    print(f"reward of an episode: {rewards[0]:.2f} -> {rewards[-1]:.2f}")
    return rewards[0], rewards[-1]


if __name__ == "__main__":
    main()
