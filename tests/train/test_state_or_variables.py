"""The state of a run and variables: each is taken where the other is meant, and what is neither is named."""

import ast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(6, 3)).astype("float32"), rng.normal(size=(6, 1)).astype("float32")
MODEL = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)])
TRAINER = MODEL.compile("sgd", "mse")
STATE = TRAINER.init(0)
WANTED = np.asarray(MODEL.apply(STATE.variables, X))
LORA = MODEL.with_lora(1)


def same(found, wanted):
    return jax.tree.structure(found) == jax.tree.structure(wanted) and all(
        np.allclose(a, b, atol=1e-6) for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True)
    )


@pytest.mark.parametrize(
    "use",
    [
        lambda s, place: MODEL.apply(s, X),
        lambda s, place: jax.jit(MODEL.apply)(s, X),
        lambda s, place: MODEL.predict(s, X),
        lambda s, place: fk.train.predict(MODEL, s, X),
        lambda s, place: TRAINER.predict(s, X),
        lambda s, place: TRAINER.predict(s, X, batch_size=2),
        lambda s, place: TRAINER.predict_step(s, X),
        lambda s, place: TRAINER.predict_on_batch(s, X),
        lambda s, place: TRAINER.evaluate(s, X, Y),
        lambda s, place: TRAINER.test_on_batch(s, X, Y),
        lambda s, place: TRAINER.init(0, variables=s).params,
        lambda s, place: STATE.with_variables(s).params,
        lambda s, place: MODEL.count_params(s),
        lambda s, place: MODEL.variable_map(s),
        lambda s, place: MODEL.variables_for("dense", s),
        lambda s, place: MODEL.summary(variables=s, print_fn=lambda text: None),
        lambda s, place: MODEL.quantize(s, "int8")[1],
        lambda s, place: LORA.lora_variables(s),
        lambda s, place: LORA.merge_lora(LORA.lora_variables(s))[1],
        lambda s, place: (MODEL.save(place / "model", s), fk.load_model(place / "model")[1])[1],
        lambda s, place: (MODEL.save_weights(place / "w", s), MODEL.load_weights(place / "w", s))[1],
        lambda s, place: (MODEL.export(place / "p", s, verify=False), fk.load_exported(place / "p")(X))[1],
    ],
)
def test_either_is_taken(use, tmp_path):
    assert same(use(STATE, tmp_path / "a"), use(STATE.variables, tmp_path / "b"))


def test_a_prediction_from_either_is_the_model_s():
    np.testing.assert_allclose(TRAINER.predict(STATE.variables, X), WANTED, atol=1e-6)
    np.testing.assert_allclose(MODEL.predict(STATE, X), WANTED, atol=1e-6)


def test_numbers_of_variables_are_those_of_a_run_that_begins_with_them():
    model = fk.Sequential([fk.Input((3,)), fk.nn.BatchNormalization(), fk.nn.Dropout(0.5), fk.nn.Dense(1)])
    trainer = model.compile("adam", "mse", metrics=["mae"])
    state, _ = trainer.fit(trainer.init(1), X, Y, epochs=2, verbose=0)
    begun = trainer.init(0, variables=state.variables)
    assert trainer.evaluate(state.variables, X, Y, batch_size=4) == trainer.evaluate(begun, X, Y, batch_size=4)


class OwnLoss(fk.Trainer):
    def compute_loss(self, params, state, batch, rng):
        return jnp.sum(params["dense"]["kernel"] ** 2) * (1 + state.step)


def test_a_loss_of_one_s_own_may_look_at_the_whole_state():
    trainer = MODEL.compile("sgd", trainer_class=OwnLoss)
    with pytest.raises(TypeError, match=r"evaluate` of OwnLoss takes the state[\s\S]*trainer.init\(0, variables"):
        trainer.evaluate(STATE.variables, X, Y)


PARAMS = STATE.params
RUN = (STATE, fk.callbacks.History())


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: MODEL.apply(PARAMS, X), r"`state.params`[\s\S]*model.apply\(state.variables, x\)"),
        (lambda: MODEL.predict(PARAMS, X), r"`state.params`[\s\S]*state.variables"),
        (lambda: MODEL.save("m", PARAMS), r"`state.params`[\s\S]*model.save\(path, state.variables\)"),
        (lambda: MODEL.quantize(PARAMS), r"`state.params`[\s\S]*model.quantize\(state.variables\)"),
        (lambda: TRAINER.predict(PARAMS, X), r"`state.params`[\s\S]*trainer.predict\(state, x\)"),
        (
            lambda: TRAINER.init(0, variables=PARAMS),
            r"`state.params`[\s\S]*trainer.init\(0, variables=state.variables\)",
        ),
        (lambda: STATE.with_variables(PARAMS), r"`state.params`[\s\S]*state.with_variables\(state.variables\)"),
        (lambda: MODEL.apply(X, STATE.variables), r"the order of the arguments[\s\S]*model.apply\(variables, x\)"),
        (lambda: MODEL.predict(X, STATE), r"the order of the arguments[\s\S]*model.predict\(variables, x\)"),
        (lambda: TRAINER.predict(X, STATE), r"the order of the arguments[\s\S]*trainer.predict\(state, x\)"),
        (lambda: TRAINER.evaluate(X, STATE), r"the order of the arguments[\s\S]*trainer.evaluate\(state, x, y\)"),
        (lambda: TRAINER.fit(X, Y, STATE), r"takes the state of the run first[\s\S]*trainer.fit\(state, x, y\)"),
        (
            lambda: TRAINER.train_step((X, Y), STATE),
            r"takes the state of the run first[\s\S]*train_step\(state, batch\)",
        ),
        (
            lambda: TRAINER.train_step(STATE.variables, (X, Y)),
            r"variables were passed[\s\S]*init\(0, variables",
        ),
        (lambda: TRAINER.eval_step(STATE.variables, (X, Y)), r"variables were passed[\s\S]*init\(0, variables"),
        (lambda: TRAINER.fit(STATE.variables, X, Y), r"variables were passed[\s\S]*init\(0, variables"),
        (lambda: TRAINER.fit(RUN, X, Y), r"not taken apart[\s\S]*state, history = trainer.fit"),
        (lambda: MODEL.predict(RUN, X), r"not taken apart[\s\S]*model.predict\(state.variables, x\)"),
        (lambda: MODEL.predict((MODEL, STATE.variables), X), r"not taken apart[\s\S]*model, variables = fk.load_model"),
        (lambda: TRAINER.predict((TRAINER, STATE), X), r"not taken apart[\s\S]*trainer, state = fk.load_trainer"),
        (lambda: TRAINER.predict(TRAINER, X), r"a trainer holds no weights[\s\S]*state = trainer.init\(0\)"),
        (lambda: MODEL.apply(TRAINER, X), r"a trainer holds no weights[\s\S]*model.apply\(state.variables, x\)"),
        (lambda: MODEL.apply(MODEL, X), r"holds no weights[\s\S]*variables = model.init"),
        (lambda: TRAINER.predict(MODEL, X), r"holds no weights[\s\S]*state = trainer.init\(0\)"),
        (lambda: TRAINER.save("run", STATE.variables), r"variables were passed[\s\S]*trainer.model.save"),
        (lambda: TRAINER.save(STATE, "run"), r"the order of the arguments[\s\S]*trainer.save\(path, state\)"),
        (lambda: MODEL.save(STATE, "m"), r"the path comes first[\s\S]*model.save\(path, variables\)"),
        (lambda: TRAINER.save("run"), r"no state[\s\S]*trainer.save\(directory, state\)"),
        (lambda: MODEL.predict(X), r"no x[\s\S]*model.predict\(variables, x\)"),
        (lambda: MODEL.save("m.keras"), r"no variables[\s\S]*model.save\(filepath, variables\)"),
        (lambda: MODEL.load_weights("m.weights.h5"), r"no variables[\s\S]*model.load_weights\(filepath, variables"),
        (lambda: MODEL.quantize("int8"), r"needs the model's variables[\s\S]*model.quantize\(variables\)"),
        (lambda: MODEL.export("place"), r"no variables[\s\S]*model.export\(filepath, variables\)"),
        (lambda: MODEL.init(), r"no rngs[\s\S]*model.init\(jax.random.key\(0\)\)"),
        (lambda: MODEL.variable_map(), r"no variables[\s\S]*model.variable_map\(variables\)"),
        (lambda: TRAINER.predict_on_batch(X), r"takes the state of the run first"),
        (lambda: TRAINER.train_on_batch(X, Y), r"takes the state of the run first"),
    ],
)
def test_what_is_neither_is_named(call, said):
    with pytest.raises((TypeError, ValueError), match=said) as caught:
        call()
    ast.parse(next(part.write for part in caught.value.args))


def test_flax_s_own_state_is_named():
    class FlaxState:
        params, opt_state = PARAMS, ()

    with pytest.raises(TypeError, match=r"state of Flax's own[\s\S]*model.apply\(\{\"params\": state.params\}, x\)"):
        MODEL.apply(FlaxState(), X)
