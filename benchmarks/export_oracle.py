"""Every `.keras` file of a folder, exported, and run again in a process without Flax and fkeras.

usage: python benchmarks/export_oracle.py FOLDER [--format stablehlo] [--only REGEX] [--every N] [--lines FILE]

FOLDER   `.keras` files; inputs come from `NAME.npz` beside them (`in_0`, `in_1`, …), or are drawn
--format stablehlo (the second process has JAX and numpy alone), tf_saved_model (TensorFlow alone), onnx (onnxruntime
         alone) or litert
--every  takes one file of N
--lines  a file to which each result is written as a line of JSON

Batches of 1 and 5 go through `model.apply` here and through the file there. Prints each file that cannot be expressed
with the error given, each that differs by more than 1e-5, and the totals. Exit 0 when all that can be expressed agree.
"""

import argparse
import collections
import contextlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

BOUND = 1e-5  # some ulps of float32 sums in another order
HALF = 2e-2  # the same of bfloat16, where the two compilers keep other intermediate results in float32
SUFFIX = {"stablehlo": "", "tf_saved_model": "", "onnx": ".onnx", "litert": ".tflite"}

# ------------------------------------------------------------------ the other side: no Flax, no fkeras
READERS = {
    "stablehlo": """
import jax
from jax import export
def reader(place):
    program = export.deserialize(bytearray(open(f"{place}/model.stablehlo", "rb").read()))
    run = jax.jit(program.call)
    def outputs(leaves, names):
        (inputs,), _ = jax.tree.unflatten(program.in_tree, leaves)
        return jax.tree.leaves(run(inputs))
    return outputs
""",
    "tf_saved_model": """
import tensorflow as tf
def reader(place):
    serve = tf.saved_model.load(place).signatures["serving_default"]
    return lambda leaves, names: in_order(serve(**{n: tf.constant(x) for n, x in zip(names["in"], leaves)}), names)
""",
    "onnx": """
import onnxruntime
onnxruntime.set_default_logger_severity(4)
def reader(place):
    session = onnxruntime.InferenceSession(place, providers=["CPUExecutionProvider"])
    return lambda leaves, names: session.run(names["out"], dict(zip(names["in"], leaves)))
""",
    "litert": """
import tensorflow as tf
def reader(place):
    serve = tf.lite.Interpreter(model_path=place).get_signature_runner("serving_default")
    return lambda leaves, names: in_order(serve(**dict(zip(names["in"], leaves))), names)
""",
}
ELSEWHERE = """
import json, os, sys
import numpy as np
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
def in_order(found, names):
    return [np.asarray(found[n]) for n in names["out"]]
{reader}
for line in sys.stdin:
    case = json.loads(line)
    data = np.load(case["data"])
    try:
        run = reader(case["place"])
        for n in case["batches"]:
            count = range(len(case["names"]["in"]))
            got = run([data[f"in{{i}}_{{n}}"] for i in count], case["names"])
            for i, g in enumerate(got):
                np.save(case["data"] + f".{{n}}.{{i}}.npy", np.asarray(g).astype("float64"))
        print(json.dumps({{"name": case["name"]}}), flush=True)
    except Exception as error:
        print(json.dumps({{"name": case["name"], "error": f"{{type(error).__name__}}: {{error}}"[:600]}}), flush=True)
foreign = {{"flax", "fkeras", "optax", "orbax"}} & set(sys.modules)
assert not foreign, foreign
"""


# ------------------------------------------------------------------ this side
def batches_of(model, path):
    """`{batch size: inputs in order}`, or one of its own size for a model with a fixed one."""
    import jax

    tensors = jax.tree.leaves(model.input)
    data = path.with_suffix(".npz")
    draw = np.random.default_rng(0)
    if data.is_file():
        kept = np.load(data)
        leaves = [kept[f"in_{i}"] for i in range(len(tensors))]
    else:
        shapes = [[8 if d is None else d for d in t.shape] for t in tensors]
        leaves = [
            draw.normal(size=s) if t.dtype.kind == "f" else draw.integers(0, 2, s)
            for s, t in zip(shapes, tensors, strict=True)
        ]
    dtypes = [jax.dtypes.canonicalize_dtype(t.dtype) for t in tensors]  # what a program takes of an int64 input
    leaves = [np.asarray(a).astype(d) for a, d in zip(leaves, dtypes, strict=True)]
    if any(t.shape and t.shape[0] is not None for t in tensors):
        return {len(leaves[0]): leaves}
    return {n: [np.resize(a, (n, *a.shape[1:])) if a.ndim else a for a in leaves] for n in (1, 5)}


def export_one(path, place, format):
    """What the other process needs, or the error; writes the program and the numbers to compare with."""
    import jax

    import fkeras as fk

    case = {"name": path.stem, "place": str(place) + SUFFIX[format], "data": str(place) + ".npz"}
    try:
        model, variables = fk.load_model(path, compile=False)
    except Exception as error:
        return {**case, "error": f"not loaded: {type(error).__name__}: {error}"}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            model.export(case["place"], variables, format=format)
    except Exception as error:
        return {**case, "error": str(error), "kind": type(error).__name__}
    try:
        arrays, batches = {}, batches_of(model, path)
        for n, leaves in batches.items():
            x = jax.tree.unflatten(jax.tree.structure(model.input), leaves)
            arrays |= {f"in{i}_{n}": a for i, a in enumerate(leaves)}
            wanted = jax.tree.leaves(model.apply(variables, x))
            arrays |= {f"out{i}_{n}": np.asarray(a).astype("float64") for i, a in enumerate(wanted)}
        np.savez(case["data"], **arrays)
    except Exception as error:
        return {**case, "error": f"model.apply: {type(error).__name__}: {error}"}
    names = {"in": [re.sub(r"\W", "_", n) for n in model.input_names], "out": names_of(model, len(wanted))}
    half = any(str(layer.compute_dtype) in ("bfloat16", "float16") for layer in layers(model))
    return {**case, "batches": list(batches), "outputs": len(wanted), "names": names, "bound": HALF if half else BOUND}


def layers(model):
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from layers(layer)


def names_of(model, count):
    """The outputs' names as they are exported: equal ones are numbered."""
    found = []
    for name in model.output_names if len(model.output_names) == count else [f"output_{i}" for i in range(count)]:
        same = [n for n in found if re.fullmatch(re.escape(name) + r"(_\d+)?", n)]
        found.append(f"{name}_{len(same)}" if same else name)
    return [re.sub(r"\W", "_", n) for n in found]


def distances(case):
    """`max |Δ|` and the same divided by `max(1, max |want|)`, over outputs and batches."""
    data, largest, scaled = np.load(case["data"]), 0.0, 0.0
    for n in case["batches"]:
        for i in range(case["outputs"]):
            want, got = data[f"out{i}_{n}"], np.load(f"{case['data']}.{n}.{i}.npy")
            if want.shape != got.shape:
                return float("inf"), float("inf")
            same = (want == got) | (np.isnan(want) & np.isnan(got))
            off = float(np.abs(want - got)[~same].max(initial=0.0))
            off = off if np.isfinite(off) else float("inf")
            finite = np.abs(want[np.isfinite(want)]).max(initial=1.0)
            largest, scaled = max(largest, off), max(scaled, off / finite)
    return largest, scaled


def run(folder, format, only, every, lines):
    cases = []
    files = [p for p in sorted(pathlib.Path(folder).glob("*.keras")) if re.search(only, p.stem)][::every]
    with tempfile.TemporaryDirectory() as place:
        for path in files:
            cases.append(export_one(path, pathlib.Path(place) / path.stem, format))
            print(f"{'!' if 'error' in cases[-1] else '.'}", end="", flush=True, file=sys.stderr)
        print(file=sys.stderr)
        code = ELSEWHERE.format(reader=READERS[format])
        asked = "".join(json.dumps(c) + "\n" for c in cases if "error" not in c)
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        environment["PYTHONPATH"] = os.environ.get("EXPORT_READER_PATH", "")
        done = subprocess.run(
            [sys.executable, "-c", code], input=asked, capture_output=True, text=True, cwd=place, env=environment
        )
        answers = {a["name"]: a for a in map(json.loads, filter(None, done.stdout.splitlines()))}
        for case in cases:
            if "error" in case:
                continue
            answer = answers.get(case["name"], {"error": f"the reader ended: {done.stderr[-300:]}"})
            if "error" in answer:
                case["failure"] = answer["error"]
            else:
                case["off"], case["scaled"] = distances(case)
    if done.returncode:
        print(done.stderr[-1000:])
    if lines:
        kept = [{k: v for k, v in c.items() if k not in ("place", "data")} for c in cases]
        pathlib.Path(lines).write_text("".join(json.dumps(c) + "\n" for c in kept))
    return cases, done.returncode


def report(cases, format):
    """Print what differs and what cannot be expressed; returns how many differ."""
    good = [c for c in cases if c.get("scaled", 1) <= c.get("bound", BOUND)]
    wrong = [c for c in cases if "error" not in c and c not in good]
    refused = collections.defaultdict(list)
    for c in cases:
        if "error" in c:
            refused[c["error"]].append(c["name"])
    for c in wrong:
        print(f"DIFFERS {c['name']}: {c.get('failure') or c.get('off')}")
    for error, names in refused.items():
        print(f"CANNOT {', '.join(names)}\n    " + "\n    ".join(error.splitlines()))
    single = [c for c in good if c["bound"] == BOUND]
    print(f"{format}: {len(good)} of {len(cases)} agree, {len(wrong)} differ, {sum(map(len, refused.values()))} cannot")
    print(f"  largest |difference| of those in float32: {max((c['off'] for c in single), default=0.0):.2g}")
    above = [f"{c['name']} {c['off']:.2g}" for c in single if c["off"] > BOUND]
    print(f"  above {BOUND:.0e} with outputs above 1, and below it in proportion: {', '.join(above) or 'none'}")
    return len(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--format", default="stablehlo", choices=sorted(READERS))
    parser.add_argument("--only", default="")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--lines")
    given = parser.parse_args()
    cases, code = run(given.folder, given.format, given.only, given.every, given.lines)
    return 1 if report(cases, given.format) or code else 0


if __name__ == "__main__":
    sys.exit(main())
