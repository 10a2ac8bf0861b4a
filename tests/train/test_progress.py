"""What a run shows: one line that is drawn again on a terminal or in a notebook, and whole lines everywhere else."""

import contextlib
import functools
import io
import sys

import numpy as np
import pytest

import fkeras as fk
from fkeras.train._loop import _progress
from fkeras.train._loop._progress import Progress
from fkeras.train._loop._screen import Log, Notebook, Terminal, screen_for

X = np.arange(24, dtype="float32").reshape(8, 3) / 10
Y = X[:, :1]
TRAINER = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse", metrics=["mse", "mae"])
STATE = TRAINER.init(0)


class Screen(io.StringIO):
    """A terminal, and what stands on it."""

    encoding = "utf-8"

    def isatty(self):
        return True

    def rendered(self):
        lines, column = [[]], 0
        for character in self.getvalue():
            if character == "\n":
                lines.append([])
                column = 0
            elif character == "\r":
                column = 0
            else:
                lines[-1] += " " * (column + 1 - len(lines[-1]))
                lines[-1][column] = character
                column += 1
        return ["".join(line).rstrip() for line in lines]


@pytest.fixture
def terminal(monkeypatch):
    """What stands in place of stdout and stderr in a test that is `on_terminal`, 80 characters wide."""
    monkeypatch.setenv("COLUMNS", "80")
    return Screen()


def on_terminal(test):
    """A test whose streams are its `terminal`; pytest sets its own when a test begins."""

    @functools.wraps(test)
    def run(*args, terminal, **kwargs):
        with contextlib.redirect_stdout(terminal), contextlib.redirect_stderr(terminal):
            test(*args, terminal=terminal, **kwargs)
            assert sys.stdout is sys.stderr is terminal

    return run


@pytest.fixture
def clock(monkeypatch):
    """Seconds that the test sets."""
    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def often(monkeypatch):
    """Lines are drawn after every step."""
    monkeypatch.setattr(_progress, "_EVERY", 0.0)


# ------------------------------------------------------------------ the line
@on_terminal
def test_the_line_has_keras_parts_and_counts_without_the_first_steps(terminal, clock):
    progress = Progress(Terminal(), 100, "Epoch 1/5", ("loss", "mse", "mae"))
    for clock[0], done in ((10.0, 10), (11.0, 20)):  # ten seconds for the first ten steps, which were compiled
        progress.step(done, {"mae": 2.0, "mse": 3.0, "kl": 1e-5, "loss": 1.0})
    line = " 20/100 ━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 8s 100ms/step - loss: 1.0000 - mse: 3.0000 - ma..."
    assert terminal.rendered() == ["Epoch 1/5", line]
    clock[0] = 19.0
    progress.finish(100, {"loss": 1.0, "mse": 3.0, "mae": 2.0, "val_loss": 0.0, "val_mse": 3.0, "val_mae": 0.25})
    last = "100/100 ━━━━━━━━━━━━━━━━━━━━ 19s 100ms/step - loss: 1.0000 - mse: 3.0000 - mae: 2.0000"
    assert terminal.rendered() == ["Epoch 1/5", last + " - val_loss: 0.0000 - val_mse: 3.0000 - val_mae: 0.2500", ""]


@on_terminal
def test_a_run_that_goes_on_is_timed_by_its_own_steps(terminal, clock):
    screen = Terminal()
    progress = Progress(screen, 4000, done=2000)
    for clock[0], done in ((1.0, 2010), (101.0, 2020)):
        progress.step(done, {})
    assert terminal.rendered()[-1] == "2020/4000 ━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌ 5:30:00 10s/step"
    screen.close()


@on_terminal
def test_a_validation_is_shown_in_the_line_and_not_timed(terminal, clock):
    progress = Progress(Terminal(), 4)
    clock[0] = 4.0
    progress.step(4, {"loss": 1.0})
    part = progress.part("validation", 50)
    clock[0] = 9.0
    part.step(20, {})
    assert terminal.rendered()[-1] == "4/4 ━━━━━━━━━━━━━━━━━━━━ 0s 1s/step - validation 20/50 - loss: 1.0000"
    part.finish(50, {})
    progress.finish(4, {"loss": 1.0})
    assert terminal.rendered()[-2:] == ["4/4 ━━━━━━━━━━━━━━━━━━━━ 9s 1s/step - loss: 1.0000", ""]


@on_terminal
def test_steps_that_nobody_knows_are_counted(terminal, clock):
    progress = Progress(Terminal(), None)
    clock[0] = 3.0
    progress.step(3, {})
    assert terminal.rendered()[-1] == "3/Unknown 3s 1s/step"
    progress.finish(3, {})
    assert terminal.rendered()[-2] == "3/3 ━━━━━━━━━━━━━━━━━━━━ 3s 1s/step"


@on_terminal
def test_a_terminal_without_the_letters_gets_others(terminal):
    terminal.encoding = "ascii"
    Progress(Terminal(), 4).finish(4, {"per class": np.arange(12.0).reshape(3, 4)})
    terminal.getvalue().encode("ascii")


# ------------------------------------------------------------------ beside others
class Talks(fk.callbacks.Callback):
    def on_train_batch_end(self, event):
        if event.batch == 1:
            print("a line")
            print("half a line", end="")

    def on_epoch_end(self, event):
        print("the end of an epoch")


@on_terminal
def test_what_others_print_has_lines_of_its_own(terminal, often):

    def batches():
        for i in range(0, 8, 2):
            yield X[i : i + 2], Y[i : i + 2]
            print("an error", file=sys.stderr)

    TRAINER.fit(STATE, batches, steps_per_epoch=4, epochs=2, callbacks=[Talks()])
    lines = terminal.rendered()
    for line in ("a line", "half a line", "the end of an epoch"):
        assert lines.count(line) == 2
    assert all("━" not in line or line.startswith("4/4 ━") for line in lines)
    assert lines.count("an error") >= 6
    assert [line[:5] for line in lines if "━" in line or "Epoch" in line] == ["Epoch", "4/4 ━"] * 2


@on_terminal
def test_an_error_leaves_the_streams_and_the_line_as_they_are(terminal, often):
    class Fails(fk.callbacks.Callback):
        def on_train_batch_end(self, event):
            if event.batch == 2:
                raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk"):
        TRAINER.fit(STATE, X, Y, batch_size=2, callbacks=[Fails()])
    assert terminal.getvalue().endswith("\n")
    assert terminal.rendered()[-2].startswith("2/4 ━")


@on_terminal
def test_streams_that_others_put_there_stay(terminal):
    screen, other = Terminal(), io.StringIO()
    screen.show("a line")
    before, sys.stdout = sys.stdout, other
    screen.close()
    assert sys.stdout is other
    sys.stdout = before.stream


# ------------------------------------------------------------------ where it is shown
@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_log_has_a_line_an_epoch(verbose, capsys):
    TRAINER.fit(STATE, X, Y, batch_size=2, epochs=2, validation_split=0.5, verbose=verbose)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:15] for line in lines] == ["Epoch 1/2 - 2/2", "Epoch 2/2 - 2/2"]
    for line in lines:
        names = [part.split(": ")[0] for part in line.split(" - ")[4:]]
        assert names == ["loss", "mse", "mae", "val_loss", "val_mse", "val_mae"]


VERBS = {
    "evaluate": lambda **options: TRAINER.evaluate(STATE, X, Y, batch_size=2, **options),
    "predict": lambda **options: TRAINER.predict(STATE, X, batch_size=2, **options),
    "predict of one batch": lambda **options: TRAINER.predict(STATE, X, **options),
    "predict of a model": lambda **options: TRAINER.model.predict(STATE.variables, X, batch_size=2, **options),
}


@pytest.mark.parametrize("verb", VERBS)
@on_terminal
def test_evaluate_and_predict_show_a_bar_on_a_terminal_alone(verb, terminal, capsys):
    silent = VERBS[verb](verbose=0)
    assert not terminal.getvalue()
    np.testing.assert_array_equal(VERBS[verb](), silent)
    shown = terminal.rendered()
    if verb == "predict of one batch":  # which often stands in a loop
        assert shown == [""]
        VERBS[verb](verbose=1)
        shown = terminal.rendered()
        assert shown[0].startswith("1/1 ━━━━━━━━━━━━━━━━━━━━ 0s")
    else:
        assert shown[0].startswith("4/4 ━━━━━━━━━━━━━━━━━━━━ ")
    assert len(shown) == 2
    with contextlib.redirect_stdout(io.StringIO()) as pipe:
        VERBS[verb]()
        assert not pipe.getvalue()
        VERBS[verb](verbose=1)
    assert len(pipe.getvalue().splitlines()) == 1
    assert "\r" not in pipe.getvalue()


def test_a_notebook_has_one_output_an_epoch(monkeypatch, often):
    shown = []

    class Output:
        def __init__(self, content):
            self.contents = [content]
            shown.append(self)

        def update(self, content, raw):
            self.contents.append(content)

    import IPython.display

    monkeypatch.setattr(IPython.display, "display", lambda content, raw, display_id: Output(content))
    kernel = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    with contextlib.redirect_stdout(kernel):
        assert isinstance(screen_for(1), Notebook)
        TRAINER.fit(STATE, X, Y, batch_size=2, epochs=2, callbacks=[Talks()])
    assert len(shown) == 2
    assert [output.contents[0]["text/plain"][:13] for output in shown] == ["Epoch 1/2 0/4", "Epoch 2/2 0/4"]
    assert all(len(output.contents) > 3 for output in shown)
    assert all("━ 0s" in output.contents[-1]["text/plain"] for output in shown)
    assert "\r" not in kernel.getvalue()


def test_a_log_is_no_terminal(capsys):
    assert isinstance(screen_for(1), Log)
