"""The loop over steps, which accelerators make in stretches, has the numbers of a run that is cut anywhere."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk
from fkeras.train._loop._evaluate import _many as evaluate_many
from fkeras.train._loop._step_inspection import small_steps_in_a_row, steps_in_a_row
from fkeras.train._step._many_steps import many_steps, one_step
from fkeras.train._step._step_loop import BOUNDS, bounds_of, over_steps

X = np.random.default_rng(0).normal(size=(88, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(88, 1)).astype("float32")
ORDER = np.random.default_rng(2).permutation(88).astype("int32")


@pytest.fixture(scope="module")
def trainer():
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dropout(0.5), fk.nn.Dense(1)])
    return model.compile("adam", "mse", metrics=["mae"], log=["grad_norm"])


@pytest.fixture(scope="module")
def state(trainer):
    state = trainer.init(0)
    return state.replace(metrics=trainer.reset_metrics(state))


def run(trainer, state, cuts, unrolled):
    steps, logs = many_steps(trainer, donate=False), None
    for start, stop in itertools.pairwise(cuts):
        state, logs = steps(state, (X, Y, None), ORDER, bounds_of(start, stop), 8, unrolled)
    return state, logs


def is_same(a, b):
    return all(map(np.array_equal, jax.tree.leaves(a), jax.tree.leaves(b)))


@pytest.mark.parametrize("unrolled", [0, 1, 4, 8])
@pytest.mark.parametrize("bounds", [(0, 0), (3, 3), (0, 8), (5, 6), (7, 9), (1, 31)])
def test_each_step_within_the_bounds_is_made_once_in_order(bounds, unrolled):
    loop = jax.jit(over_steps, static_argnums=(0, 3))
    digits = loop(
        lambda i, seen: seen.at[seen[-1]].set(i).at[-1].add(1), bounds_of(*bounds), jnp.zeros(40, jnp.int32), unrolled
    )
    assert digits[: digits[-1]].tolist() == list(range(*bounds))


def test_what_lies_outside_of_the_bounds_is_not_kept_even_where_it_is_not_finite():
    found = over_steps(lambda i, x: x / (i - 2), bounds_of(3, 5), jnp.float32(6), unrolled=8)
    np.testing.assert_array_equal(found, 3.0)  # 6 / 1 / 2; the step before the first divides by zero


def test_a_run_that_is_cut_has_the_numbers_of_one_that_is_not(trainer, state):
    whole = run(trainer, state, (0, 11), 4)
    assert is_same(whole, run(trainer, state, (0, 3, 4, 8, 11), 4))
    assert int(whole[0].step) == 11
    # XLA may order the sums of the steps that are written out otherwise: a few units in the last place, eleven times
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), whole, run(trainer, state, (0, 11), 0))


def test_a_program_for_a_gpu_asks_its_host_once_for_all_steps_that_are_written_out(trainer, state):
    def text(unrolled):
        traced = many_steps(trainer, donate=False).trace(state, (X, Y, None), ORDER, BOUNDS, 8, unrolled)
        return traced.lower(lowering_platforms=("cuda",)).as_text()

    for unrolled, copies in ((0, 1), (4, 4)):
        program = text(unrolled)
        assert program.count("stablehlo.while") == 1
        assert program.count("call @advance") == copies


def test_small_steps_are_written_out_where_the_device_is_no_cpu(trainer, state):
    step, batch = one_step(trainer, False), (X[:8], Y[:8], None)
    assert steps_in_a_row(trainer, step, state, batch) == 0  # here, where asking costs nothing
    assert small_steps_in_a_row(trainer, step, state, batch) == 8
    large = jax.ShapeDtypeStruct((2**22, 3), "float32"), jax.ShapeDtypeStruct((2**22, 1), "float32"), None
    assert small_steps_in_a_row(trainer, step, state, large) == 0

    class Calls(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            y_pred, _ = self.forward(params, state, batch[0], rng)
            jax.debug.callback(lambda y: None, y_pred)
            return jnp.mean(y_pred), {}

    calls = Calls(trainer.model, optimizer="sgd")
    assert small_steps_in_a_row(calls, one_step(calls, False), calls.init(0), batch) == 0


def test_evaluation_in_stretches_has_the_same_numbers(trainer, state):
    bare, loop = state.replace(opt_state=(), metrics=()), evaluate_many(trainer)
    sums = [loop(state.metrics, bare, (X, Y, None), bounds_of(0, 6), 16, unrolled) for unrolled in (0, 4)]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), *sums)  # sums in another order
    assert len(jax.tree.leaves(sums[0]))


def test_fit_runs_in_stretches_as_an_accelerator_would(trainer, state, monkeypatch):
    whole, _ = trainer.fit(state, X, Y, batch_size=8, epochs=2, verbose=0)
    monkeypatch.setattr("fkeras.train._loop._drivers.steps_in_a_row", lambda *args: 4)
    found, history = trainer.fit(state, X, Y, batch_size=8, epochs=2, verbose=0)
    cut = state
    for epoch in range(2):
        cut, _ = trainer.fit(cut, X, Y, batch_size=8, epochs=epoch + 1, initial_epoch=epoch, verbose=0)
    assert is_same(found.params, cut.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), found.params, whole.params)
    assert len(history.history["grad_norm"]) == 2
