"""Trackers: each logger run for real; a run that is killed and goes on has one log, with each step once."""

import csv
import importlib.util
import json
import pickle

import numpy as np
import pytest

import fkeras as fk
from fkeras.callbacks import CSVFileLogger, JSONLinesLogger, MLFlowLogger, TensorBoardLogger, Tracker, WandbLogger
from fkeras.train.callbacks._replayed import changes_state

X, Y = np.ones((12, 2), "float32"), np.zeros((12, 1), "float32")
QUIET = {"settings": {"silent": True, "console": "off", "x_disable_stats": True, "disable_git": True}}
LOGGERS = {
    "csv": lambda place: CSVFileLogger(place / "log.csv"),
    "json": lambda place: JSONLinesLogger(place / "log.jsonl"),
    "tensorboard": lambda place: TensorBoardLogger(place / "events"),
    "wandb": lambda place: WandbLogger("project", dir=place, settings=QUIET),
    "mlflow": lambda place: MLFlowLogger(
        uri=f"sqlite:///{place}/runs.db", artifact_location=(place / "artifacts").as_uri()
    ),
}
NEEDS = {"tensorboard": "tensorboardX", "wandb": "wandb", "mlflow": "mlflow"}


def read_csv(place):
    rows = list(csv.DictReader((place / "log.csv").read_text().splitlines()))
    return [(int(row["step"]), name, float(row[name])) for row in rows for name in row if name != "step" and row[name]]


def read_json(place):
    lines = [json.loads(line) for line in (place / "log.jsonl").read_text().splitlines()]
    return [
        (line["step"], k, v) for line in lines for k, v in line.items() if isinstance(v, float | int) and k != "step"
    ]


def read_tensorboard(place):
    from tensorboardX.proto.event_pb2 import Event

    from fkeras.train.callbacks._tensorboard import records

    found = []
    for path in sorted((place / "events").iterdir()):
        for _, content in records(path.read_bytes()):
            event = Event.FromString(content)
            found += [(event.step, v.tag, v.simple_value) for v in event.summary.value if v.HasField("simple_value")]
    return found


def read_wandb(place):
    from wandb.proto import wandb_internal_pb2 as messages

    (path,) = place.glob("wandb/offline-run-*/*.wandb")
    found = []
    for data in blocks(path.read_bytes()):
        record = messages.Record.FromString(data)
        if record.WhichOneof("record_type") == "history":
            row = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            found += [(row["_step"], k, v) for k, v in row.items() if isinstance(v, float | int) and k[0] != "_"]
    return found


def blocks(data):
    """The records of a file of LevelDB's log format, after a header of seven bytes."""
    at, part = 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        size, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        part += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):
            yield part
            part = b""


def read_mlflow(place):
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{place}/runs.db")
    (run,) = client.search_runs([client.get_experiment_by_name("fkeras").experiment_id])
    assert run.info.status == "FINISHED"
    return [(m.step, k, m.value) for k in run.data.metrics for m in client.get_metric_history(run.info.run_id, k)]


READ = {"csv": read_csv, "json": read_json, "tensorboard": read_tensorboard, "wandb": read_wandb, "mlflow": read_mlflow}


# what MLflow's own libraries warn of is let through
_PARAMS = [
    pytest.param(name, marks=pytest.mark.filterwarnings("ignore")) if name == "mlflow" else name for name in LOGGERS
]


@pytest.fixture(params=_PARAMS)
def kind(request):
    needed = NEEDS.get(request.param)
    if needed and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed: make test-trackers installs it")
    return request.param


@pytest.fixture(scope="module")
def trainer():
    return fk.Sequential([fk.Input((2,)), fk.nn.Dense(1)]).compile("sgd", "mse", log=["grad_norm"])


class Killed(fk.callbacks.Callback):
    """Ends the process, as it were, after a step."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, event):
        if int(event.state.step) == self.step:
            raise RuntimeError("killed")


def run(trainer, logger, kill=10**9, **arguments):
    callbacks = [Tracker(logger, every=1), Killed(kill)]
    return trainer.fit(trainer.init(0), X, Y, batch_size=4, epochs=3, callbacks=callbacks, verbose=0, **arguments)


@pytest.mark.sweep
@pytest.mark.parametrize("kill", [5, 7])
def test_a_killed_run_has_one_log(trainer, kind, kill, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(trainer, LOGGERS[kind](whole))
    saved = fk.callbacks.BackupAndRestore(tmp_path / "run", save_freq=2 if kill == 7 else "epoch")
    with pytest.raises(RuntimeError, match="killed"):
        run(trainer, LOGGERS[kind](cut), kill, checkpoint=saved)
    run(trainer, LOGGERS[kind](cut), checkpoint=saved)
    found, want = READ[kind](cut), READ[kind](whole)
    assert len(found) == len({(step, name) for step, name, _ in found})  # none twice
    assert sorted(found) == sorted(want)
    assert sorted({step for step, _, _ in found}) == list(range(1, 10))
    assert [step for step, name, _ in sorted(found) if name == "loss"] == [3, 6, 9]


def test_pictures_texts_and_histograms(trainer, kind, tmp_path):
    if kind != "csv" and importlib.util.find_spec("PIL") is None:
        pytest.skip("Pillow is not installed: make test-trackers installs it")
    image = np.zeros((4, 5, 3), "float32")
    tracker = Tracker(
        [LOGGERS[kind](tmp_path), JSONLinesLogger(tmp_path / "second.jsonl")],
        config={"seed": np.int64(3)},
        histograms=2,
        images=lambda event: {"first": image + event.epoch / 4},
        text=lambda event: {"said": f"epoch {event.epoch}"},
    )
    if kind == "csv":
        with pytest.raises(TypeError, match=r"(?s)CSVFileLogger has no place for histograms.*JSONLinesLogger"):
            trainer.fit(trainer.init(0), X, Y, callbacks=[tracker], verbose=0)
        assert not list(tmp_path.iterdir())  # before the run, of which nothing is written
        return
    trainer.fit(trainer.init(0), X, Y, batch_size=12, epochs=2, callbacks=[tracker], verbose=0)
    lines = [json.loads(line) for line in (tmp_path / "second.jsonl").read_text().splitlines()]
    assert lines[0] == {"config": {"model": "sequential", "weights": 3, "seed": 3}}
    assert [(line["step"], line["text"]["said"]) for line in lines[1:]] == [(1, "epoch 0"), (2, "epoch 1")]
    assert list(lines[1]["histograms"]) == ["dense/bias", "dense/kernel"]
    assert "histograms" not in lines[2]
    np.testing.assert_array_equal(np.load(tmp_path / lines[2]["images"]["first"]), image + 0.25)
    files = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    if kind == "wandb":
        assert sum(f"first_{step}_" in name for name in files for step in (1, 2)) == 2
    if kind == "mlflow":
        assert sum(name.endswith(("images/first/2.png", "text/said/1.txt", "dense/bias/1.json")) for name in files) == 3
    if kind == "tensorboard":
        (events,) = (tmp_path / "events").iterdir()
        for name in (b"config/text_summary", b"said/text_summary", b"first", b"dense/kernel/histogram"):
            assert name in events.read_bytes()


def graph_in(place):
    """The graph of an event file, `{name: node}`, and the step that it is at."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.graph_pb2 import GraphDef

    from fkeras.train.callbacks._tensorboard import records

    events = [Event.FromString(content) for path in place.iterdir() for _, content in records(path.read_bytes())]
    ((step, graph),) = [(event.step, GraphDef.FromString(event.graph_def)) for event in events if event.graph_def]
    return step, {node.name: node for node in graph.node}


def test_tensorboard_has_the_graph_of_a_model_once(tmp_path):
    pytest.importorskip("tensorboardX")
    inner = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, name="one"), fk.nn.Dropout(0.1)], name="inner")
    left, right = fk.Input((2,), name="left"), fk.Input((2,), name="right")
    shared = fk.nn.Dense(3, name="shared")
    both = fk.nn.Concatenate(name="both")([inner(shared(left)), inner(shared(right))])
    trainer = fk.Model([left, right], fk.nn.Dense(1, name="head")(both * 2.0)).compile("sgd", "mse")
    run = {"epochs": 2, "checkpoint": tmp_path / "run", "verbose": 0}
    tracker = [Tracker(TensorBoardLogger(tmp_path / "events")), Tracker(TensorBoardLogger(tmp_path / "none", False))]
    with pytest.raises(RuntimeError, match="killed"):
        trainer.fit(trainer.init(0), [X, X], Y, batch_size=12, callbacks=[*tracker, Killed(2)], **run)
    trainer.fit(trainer.init(0), [X, X], Y, batch_size=12, callbacks=[*tracker, Killed(9)], **run)  # goes on
    step, nodes = graph_in(tmp_path / "events")
    assert step == 0
    assert {name: (node.op, list(node.input)) for name, node in nodes.items()} == {
        "left": ("InputLayer", []),
        "right": ("InputLayer", []),
        "shared": ("Dense", ["left"]),
        "inner/one": ("Dense", ["shared"]),
        "inner/dropout": ("Dropout", ["inner/one"]),
        "shared/call_2": ("Dense", ["right"]),
        "inner/call_2/one": ("Dense", ["shared/call_2"]),
        "inner/call_2/dropout": ("Dropout", ["inner/call_2/one"]),
        "both": ("Concatenate", ["inner/dropout", "inner/call_2/dropout"]),
        "multiply": ("multiply", ["both"]),
        "head": ("Dense", ["multiply"]),
    }
    sizes = {name: [dim.size for dim in value.shape.dim] for name, value in nodes["head"].attr.items()}
    assert sizes["params/kernel"] == [4, 1]
    assert [dim.size for dim in nodes["both"].attr["_output_shapes"].list.shape[0].dim] == [-1, 4]
    with pytest.raises(ValueError, match="not enough values"):
        graph_in(tmp_path / "none")
    if importlib.util.find_spec("tensorboard"):  # make test-trackers installs it
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        read = EventAccumulator(str(tmp_path / "events")).Reload().Graph()
        assert [node.name for node in read.node] == list(nodes)


class Branches(fk.Model):
    def __init__(self):
        super().__init__()
        self.one, self.two = fk.nn.Dense(2), fk.nn.Dense(1)

    def call(self, inputs):
        return self.two(self.one(inputs))


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (Branches(), {"one": [], "two": []}),
        (fk.Sequential([fk.nn.Dense(2, name="a"), fk.nn.Dense(1, name="b")]), {"a": [], "b": ["a"]}),
    ],
)
def test_the_graph_of_what_is_described_by_none_has_its_parts(model, wanted, tmp_path):
    pytest.importorskip("tensorboardX")
    trainer = model.compile("sgd", "mse")
    callbacks = [fk.callbacks.TensorBoard(tmp_path)]
    trainer.fit(trainer.init(0, X), X, Y, callbacks=callbacks, verbose=0)
    _, nodes = graph_in(tmp_path / "train")
    assert {name: list(node.input) for name, node in nodes.items()} == wanted
    assert nodes[min(nodes)].attr["params/kernel"].shape.dim[0].size == 2


def test_a_file_is_begun_anew_or_goes_on(tmp_path):
    for made in (CSVFileLogger, JSONLinesLogger):
        file = tmp_path / made.__name__
        for append, count in ((False, 2), (True, 4), (False, 2)):
            log = made(file, append=append).open()
            log.log(1, {"loss": 1.0})
            log.log(2, {"loss": 0.5})
            assert file.read_text().count("0.5") == count // 2
        log = made(file, append=True).open()
        for step in (1, 2, 3):
            log.log(step, {"loss": 8.0})
        with file.open("a") as cut:
            cut.write('{"step": 9')  # it was killed while it wrote
        again = made(file, append=True).open(log.run_id, 2)
        again.log(3, {"loss": 16.0, "more": 1.0})
        text = file.read_text()
        assert (text.count("8.0"), text.count("16.0"), text.count("9")) == (2, 1, 0)


def test_several_steps_in_one_dispatch_and_no_writing_in_a_dry_run(tmp_path):
    trainer = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1)]).compile("sgd", "mse", steps_per_execution=4)
    tracker = Tracker(JSONLinesLogger(tmp_path / "log.jsonl"), every=3)
    trainer.fit(trainer.init(0), X, Y, batch_size=1, callbacks=[tracker], verbose=0)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "batch_loss" in line] == [4, 8, 12]
    other = Tracker(JSONLinesLogger(tmp_path / "dry.jsonl"))
    trainer.fit(trainer.init(0), X, Y, callbacks=[other], verbose=0, fast_dev_run=True)
    assert not (tmp_path / "dry.jsonl").exists()


def test_a_replay_leaves_the_log_alone():
    calls = fk.callbacks.CallbackList([Tracker(JSONLinesLogger("log.jsonl"))])
    assert not changes_state(calls, 0)


def test_trackers_are_values():
    tracker = Tracker(JSONLinesLogger("log.jsonl"), every=10, config={"seed": 1})
    assert tracker == Tracker(JSONLinesLogger("log.jsonl"), every=10, config={"seed": 1})
    assert pickle.loads(pickle.dumps(tracker)) == tracker
    assert repr(tracker).startswith("Tracker(logger=")
    assert tracker != Tracker(JSONLinesLogger("other.jsonl"), every=10, config={"seed": 1})


def test_errors_say_what_to_write(trainer, tmp_path, monkeypatch):
    with pytest.raises(TypeError, match=r"(?s)takes loggers.*CSVLogger.*JSONLinesLogger"):
        Tracker(fk.callbacks.CSVLogger(tmp_path / "log.csv"))
    with pytest.raises(TypeError, match="a class was not called"):
        Tracker(JSONLinesLogger)
    with pytest.raises(TypeError, match="takes loggers"):
        Tracker([])
    with pytest.raises(TypeError, match=r"Received: 'log\.csv'"):
        Tracker("log.csv")
    with pytest.raises(ValueError, match="write to one place"):
        Tracker([JSONLinesLogger("log.jsonl"), JSONLinesLogger("log.jsonl")])
    wrong = {"images": (lambda event: {"a": np.zeros(3)}, ValueError, "height, width, channels"),
             "text": (lambda event: "said", TypeError, "returns a dict")}  # fmt: skip
    for name, (function, kind, says) in wrong.items():
        tracker = Tracker(JSONLinesLogger(tmp_path / name), **{name: function})
        with pytest.raises(kind, match=says):
            trainer.fit(trainer.init(0), X, Y, callbacks=[tracker], verbose=0)
    with pytest.raises(ValueError, match="a number of steps"):
        Tracker(JSONLinesLogger("log.jsonl"), every=0)
    with pytest.raises(IsADirectoryError, match="JSONLinesLogger makes a file"):
        trainer.fit(trainer.init(0), X, Y, callbacks=[Tracker(JSONLinesLogger(tmp_path))], verbose=0)
    for name, library in NEEDS.items():
        monkeypatch.setitem(__import__("sys").modules, library, None)
        with pytest.raises(ImportError, match=rf"pip install 'fkeras\[{name}\]'"):
            trainer.fit(trainer.init(0), X, Y, callbacks=[Tracker(LOGGERS[name](tmp_path))], verbose=0)
