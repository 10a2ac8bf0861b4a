"""Models that begin with text: every verb runs their text layers on the host, and gives what `apply` gives."""

import jax
import numpy as np
import pytest

import fkeras as fk

TEXTS = np.array([["the cat"], ["a dog"], ["dog dog dog"], ["cat"], ["the the cat dog"]])
Y = np.arange(5, dtype="float32")[:, None] / 4
WORDS = ["the", "cat", "dog"]


def words(length=3):
    return fk.nn.TextVectorization(output_sequence_length=length, vocabulary=WORDS)


def head():
    return [fk.nn.Embedding(6, 3, mask_zero=True), fk.nn.GlobalAveragePooling1D(), fk.nn.Dense(1)]


def run(layers, x):
    for layer in layers:
        x = layer(x)
    return x


def functional(length=3):
    inputs = fk.Input((1,), dtype="string", name="text")
    return fk.Model(inputs, run([words(length), *head()], inputs))


def chain():
    return fk.Sequential([fk.Input((1,), dtype="string"), words(), *head()])


def around_a_model_of_numbers():  # which a row of layers that begins with sentences needs no Input for
    return fk.Sequential([words(), fk.Sequential([fk.Input((3,)), *head()])])


def around_a_model_of_text():
    inputs = fk.Input((1,), dtype="string")
    inner = fk.Model(inputs, run([words(), *head()[:2]], inputs), name="encoder")
    outer = fk.Input((1,), dtype="string")
    return fk.Model(outer, fk.nn.Dense(1)(fk.nn.Dropout(0.5)(inner(outer))))


def row_of_a_model_of_text():
    inner = fk.Sequential([fk.Input((1,), dtype="string"), words(), *head()[:2]], name="encoder")
    return fk.Sequential([fk.Input((1,), dtype="string"), inner, fk.nn.Dense(1)])


MODELS = {
    "functional": functional,
    "sequential": chain,
    "around a model of numbers": around_a_model_of_numbers,
    "around a model of text": around_a_model_of_text,
    "a row of a model of text": row_of_a_model_of_text,
    "sentences as long as the longest": lambda: functional(None),
}


@pytest.mark.parametrize("name", MODELS)
def test_verbs_give_what_apply_gives(name):
    model = MODELS[name]()
    trainer = model.compile("sgd", "mse", metrics=["mae"])
    state = trainer.init(0)
    wanted = np.asarray(model.apply(state.variables, TEXTS))
    for found in (
        trainer.predict(state, TEXTS),
        trainer.predict(state, TEXTS, batch_size=2),
        trainer.predict(state, TEXTS.ravel().tolist(), batch_size=2),
        trainer.predict_on_batch(state, TEXTS),
        model.predict(state.variables, TEXTS.astype(bytes), batch_size=2),
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-6)  # batches of another size
    loss = ((wanted - Y) ** 2).mean()
    assert trainer.evaluate(state, TEXTS, Y, batch_size=2)["loss"] == pytest.approx(loss, rel=1e-5)
    assert trainer.test_on_batch(state, TEXTS, Y)["loss"] == pytest.approx(loss, rel=1e-5)


def test_training_on_text_is_training_on_what_it_is_looked_up_as():
    on_text, on_numbers = functional(), fk.Sequential([fk.Input((3,)), *head()])
    trainer, plain = on_text.compile("sgd", "mse"), on_numbers.compile("sgd", "mse")
    state = trainer.init(0, TEXTS)
    start = plain.init(0, variables=state.variables)
    tokens = np.asarray(words()(TEXTS))
    options = {"batch_size": 2, "epochs": 2, "verbose": 0}
    found, history = trainer.fit(state, TEXTS[:4], Y[:4], validation_data=(TEXTS, Y), **options)
    wanted, same = plain.fit(start, tokens[:4], Y[:4], validation_data=(tokens, Y), **options)
    jax.tree.map(np.testing.assert_array_equal, found.variables, wanted.variables)
    assert history.history == same.history
    one, _ = trainer.train_on_batch(state, TEXTS, Y)
    two, _ = plain.train_on_batch(start, tokens, Y)
    jax.tree.map(np.testing.assert_array_equal, one.variables, two.variables)


def test_batches_of_text_are_read_one_by_one():
    model = functional(None)  # as long as the batch's longest sentence
    trainer = model.compile("sgd", "mse")
    state = trainer.init(0)
    batches = [(TEXTS[:2], Y[:2]), (TEXTS[2:4], Y[2:4])]
    found = trainer.predict(state, [(TEXTS[:2],), (TEXTS[2:4],)])
    np.testing.assert_allclose(found, model.apply(state.variables, TEXTS[:4]), atol=1e-6)  # its padding is masked
    trained, history = trainer.fit(state, batches, epochs=2, validation_data=batches, verbose=0)
    assert int(trained.step) == 4
    assert history.history["val_loss"][-1] == pytest.approx(trainer.evaluate(trained, batches)["loss"])


def test_batches_of_text_by_index_are_read():
    class Data:
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return TEXTS[2 * i : 2 * i + 2], Y[2 * i : 2 * i + 2]

    trainer = functional().compile("sgd", "mse")
    state, _ = trainer.fit(trainer.init(0), Data(), epochs=2, class_weight={0: 2.0}, verbose=0)
    assert int(state.step) == 4
    assert trainer.evaluate(state, Data())["loss"] == trainer.evaluate(state, TEXTS[:4], Y[:4], batch_size=2)["loss"]


def test_text_stands_beside_numbers():
    inputs = {"text": fk.Input((1,), dtype="string"), "age": fk.Input((1,)), "year": fk.Input((1,), dtype="int32")}
    crossed = fk.nn.HashedCrossing(8, output_mode="one_hot")((inputs["text"], inputs["year"]))
    word = fk.nn.StringLookup(vocabulary=["cat"], output_mode="one_hot")(inputs["text"])
    model = fk.Model(inputs, fk.nn.Dense(1)(fk.nn.Concatenate()([crossed, word, fk.nn.Dense(2)(inputs["age"])])))
    trainer = model.compile("sgd", "mse")
    state = trainer.init(0)
    x = {"text": TEXTS, "age": Y, "year": np.arange(5)[:, None]}
    wanted = np.asarray(model.apply(state.variables, x))
    np.testing.assert_allclose(trainer.predict(state, x, batch_size=2), wanted, atol=1e-6)
    trained, history = trainer.fit(state, x, Y, batch_size=2, epochs=3, validation_split=0.4, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert not np.array_equal(trained.params["dense"]["kernel"], state.params["dense"]["kernel"])


def test_text_beside_what_depends_on_weights_is_refused():
    text, number = fk.Input((1,), dtype="string"), fk.Input((1,))
    made = fk.nn.Dense(1)(number)
    model = fk.Model([text, number], fk.nn.Dense(1)(fk.nn.HashedCrossing(8, output_mode="one_hot")((text, made))))
    trainer = model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"A text layer of .* reads what .*dense.* makes[\s\S]*model's inputs alone"):
        trainer.predict(trainer.init(0), [TEXTS, Y])


def test_text_for_a_model_of_numbers_names_what_to_write():
    trainer = fk.Sequential([fk.Input((1,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    with pytest.raises(TypeError, match=r"x holds text[\s\S]*Write:    tokens = fk.nn.StringLookup"):
        trainer.predict(trainer.init(0), TEXTS)
