"""Programs from a stranger: whatever is in the directory, and though its checksums fit, nothing runs but arithmetic."""

import dataclasses
import hashlib
import json
import pathlib
import random
import re

import flatbuffers
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax
from jax.extend import mlir as portable
from jax.interpreters import mlir

import fkeras as fk
from fkeras.checkpoint._export import _program_trial

safetensors_numpy = pytest.importorskip("safetensors.numpy")
X = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
CALLBACK = "xla_ffi_python_cpu_callback"
MAIN = "func.func public @main(%a: tensor<f32>) -> tensor<f32> {{ {} return %0 : tensor<f32> }}"


def mlp():
    return fk.Sequential([fk.Input((4,), name="x"), fk.nn.Dense(3, name="a"), fk.nn.Dense(3, name="b")])


@pytest.fixture(autouse=True)
def tried(monkeypatch, request):
    """Modules are tried in a process of their own where the test is about that: it takes a fifth of a second each."""
    if "elsewhere" not in request.node.name:
        monkeypatch.setattr(fk.checkpoint._export._program, "try_elsewhere", lambda modules: None)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    model, place = mlp(), tmp_path_factory.mktemp("good")
    variables = model.init(jax.random.key(0))
    model.export(place / "inside", variables, verify=False)
    model.export(place / "beside", variables, weights="separate", vjp_order=1, verify=False)
    return place, model, variables


def resealed(place, **changes):
    """The manifest of a directory, made to fit the files that are there."""
    path = pathlib.Path(place, "fkeras.json")
    said = {**json.loads(path.read_text()), **changes}
    del said["sha256"]
    for name in said["files"]:
        content = (path.parent / name).read_bytes()
        said["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    plain = json.dumps(said, sort_keys=True, separators=(",", ":"))
    path.write_text(json.dumps({**said, "sha256": hashlib.sha256(plain.encode()).hexdigest()}))
    return place


def copied(good, name, to):
    to.mkdir()
    for path in (good[0] / name).iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def described(avals, name):
    shapes = [[d if isinstance(d, int) else str(d) for d in a.shape] for a in avals]
    return [
        {"name": f"{name}{i}", "shape": s, "dtype": a.dtype.name}
        for i, (s, a) in enumerate(zip(shapes, avals, strict=True))
    ]


def written(good, place, exported, vjp_order=0):
    """The exported model with another program in it."""
    copied(good, "inside", place)
    (place / "model.stablehlo").write_bytes(exported.serialize(vjp_order=vjp_order))
    return resealed(place, inputs=described(exported.in_avals, "i"), outputs=described(exported.out_avals, "o"))


def exported(function, *shapes, targets=(), dtype="float32"):
    checks = [export.DisabledSafetyCheck.custom_call(t) for t in targets]
    structs = [jax.ShapeDtypeStruct(s, dtype) for s in shapes or [(2, 4)]]
    return export.export(jax.jit(function), platforms=("cpu",), disabled_checks=checks)(*structs)


def with_module(text):
    """A program of one float whose module was written by hand."""
    with mlir.make_ir_context():
        module = mlir.module_to_bytecode(mlir.ir.Module.parse(text))
    plain = exported(lambda x: x, ())
    made = portable.serialize_portable_artifact(module, "1.13.0")
    return dataclasses.replace(plain, mlir_module_serialized=made)


def refused(place, *words):
    with pytest.raises(ValueError, match="[\\s\\S]*".join(words)) as error:
        fk.load_exported(place)
    assert str(place) in str(error.value)
    return str(error.value)


# ------------------------------------------------------------------ calls of the outside
def callback(x):
    return jax.ffi.ffi_call(CALLBACK, jax.ShapeDtypeStruct(x.shape, x.dtype))(x, index=np.uint64(0x4141414141414141))


@jax.custom_vjp
def only_its_gradient(x):
    return 2 * x


only_its_gradient.defvjp(lambda x: (2 * x, None), lambda _, g: (callback(g),))


@pytest.mark.parametrize("function", [
    callback,
    lambda x: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, callback(c[1])), (0, x))[1],
    lambda x: lax.cond(x.sum() > 1e9, callback, lambda x: x, x),
    lambda x: jax.jit(lambda x: jax.checkpoint(callback)(x) + 1)(x),
    lambda x: lax.composite(callback, "fkeras.harmless")(x),
    only_its_gradient,
], ids=["plainly", "in a loop", "in a branch", "in a function", "in a composite", "in the gradient"])  # fmt: skip
def test_a_python_callback_is_not_called(good, tmp_path, function):
    program = exported(function, targets=[CALLBACK])
    place = written(good, tmp_path / "p", program, vjp_order=int(function is only_its_gradient))
    refused(place, "is not run", f"custom call of '{CALLBACK}'", r"model.export\(path, variables\) again")


@pytest.mark.parametrize("target", ["xla_python_cpu_callback", "lapack_sgees_ffi", "tpu_custom_call", "mosaic_gpu_v2",
                                    "tf.call_tf_function", "Sharding\\00", 'a\\22 @shape_assertion'])  # fmt: skip
def test_custom_calls_are_those_on_a_list(good, tmp_path, target):
    call = f'"stablehlo.custom_call"(%a) {{call_target_name = "{target}"}} : (tensor<f32>) -> tensor<f32>'
    text = (
        f"module {{ func.func public @main(%a: tensor<f32>) -> tensor<f32> {{ %0 = {call} return %0 : tensor<f32> }} }}"
    )
    refused(written(good, tmp_path / "p", with_module(text)), "is not run", "a custom call of")


@pytest.mark.parametrize("op", [
    "%t = stablehlo.create_token : !stablehlo.token "
    '%0, %u = "stablehlo.infeed"(%t) : (!stablehlo.token) -> (tensor<f32>, !stablehlo.token)',
    "%p = stablehlo.partition_id : tensor<ui32> %0 = stablehlo.convert %p : (tensor<ui32>) -> tensor<f32>",
], ids=["infeed", "partition_id"])  # fmt: skip
def test_nothing_outside_is_waited_for(good, tmp_path, op):
    program = with_module("module { " + MAIN.format(op) + " }")
    refused(written(good, tmp_path / "p", program), "is not run", "the operation 'stablehlo")


def test_a_harmless_program_is_run(good, tmp_path):
    for i, text in enumerate(["call_target_name = \\22xla_python_cpu_callback\\22", "@lapack_sgees_ffi"]):
        op = f'%0 = stablehlo.sine %a {{note = "{text}"}} : tensor<f32>'
        module = (
            f"module {{ func.func public @main(%a: tensor<f32>) -> tensor<f32> {{ {op} return %0 : tensor<f32> }} }}"
        )
        program = fk.load_exported(written(good, tmp_path / f"{i}", with_module(module)))
        np.testing.assert_allclose(program(np.float32(0.5)), np.sin(0.5), rtol=1e-6)


# ------------------------------------------------------------------ LAPACK: as much room as it writes
def lapack(name, shapes, **options):
    def call(x):
        results = [jax.ShapeDtypeStruct(s, t) for s, t in shapes]
        return jax.ffi.ffi_call(f"lapack_s{name}_ffi", results)(x, **options)[0]

    return call


def letters(**options):
    return {name: np.uint8(ord(letter)) for name, letter in options.items()}


@pytest.mark.parametrize("function", [
    lapack("getrf", [((4, 4), "float32"), ((1,), "int32"), ((), "int32")]),
    lapack("geqrf", [((4, 4), "float32"), ((1,), "float32")]),
    lapack("potrf", [((1, 1), "float32"), ((), "int32")], **letters(uplo="L")),
    lapack("syevd", [((4, 4), "float32"), ((1,), "float32"), ((), "int32")], **letters(uplo="L", mode="V")),
    lapack("gesdd", [((4, 4), "float32"), ((4,), "float32"), ((4, 1), "float32"), ((1, 4), "float32"), ((), "int32")],
           **letters(mode="A")),
])  # fmt: skip
def test_a_routine_has_the_room_that_it_writes(good, tmp_path, function):
    place = written(good, tmp_path / "p", exported(function, (4, 4)))
    refused(place, "is not run", "custom call of 'lapack_s.* with the sizes")


def test_routines_of_open_sizes_are_looked_at_when_the_sizes_are_known(good, tmp_path):
    (b,) = export.symbolic_shape("b")
    a = np.random.default_rng(0).normal(size=(3, 4, 4)).astype("float32")
    whole = exported(lambda x: jnp.linalg.qr(x)[1], (b, 4, 4))
    program = fk.load_exported(written(good, tmp_path / "whole", whole))
    np.testing.assert_allclose(np.abs(program(a)), np.abs(np.linalg.qr(a)[1]), atol=1e-5)  # signs are free
    call = lapack("geqrf", [((b, 4, 4), "float32"), ((1, 4), "float32")])
    short = exported(call, (b, 4, 4), targets=["lapack_sgeqrf_ffi"])
    program = fk.load_exported(written(good, tmp_path / "short", short))
    with pytest.raises(ValueError, match=r"is not run[\s\S]*lapack_sgeqrf_ffi' with the sizes"):
        program(a)


# ------------------------------------------------------------------ time and memory
def _function(name, body, last="%a"):
    return f"func.func private @{name}(%a: tensor<f32>) -> tensor<f32> {{ {body} return {last} : tensor<f32> }}"


def _calls(name, times=1):
    return " ".join(f"%{i} = func.call @{name}(%a) : (tensor<f32>) -> tensor<f32>" for i in range(times))


BIG = "tensor<1000000000000xf32>"
HUGE = (
    f"%1 = stablehlo.broadcast_in_dim %a, dims = [] : (tensor<f32>) -> {BIG} %2 = stablehlo.slice %1 [5:6] : "
    f"({BIG}) -> tensor<1xf32> %0 = stablehlo.reshape %2 : (tensor<1xf32>) -> tensor<f32>"
)


@pytest.mark.parametrize(("parts", "said"), [
    ([MAIN.format(_calls("f")), _function("f", _calls("g"), "%0"), _function("g", _calls("f"), "%0")], "calls itself"),
    ([MAIN.format(_calls("f0")), *[_function(f"f{i}", _calls(f"f{i + 1}", 2), "%0") for i in range(40)],
      _function("f40", "")], "operations when its calls are written out"),
    ([MAIN.format(HUGE)], "an array of 4,000,000,000,000 bytes"),
], ids=["recursion", "doubling", "an array"])  # fmt: skip
def test_a_small_program_asks_for_little(good, tmp_path, parts, said):
    refused(written(good, tmp_path / "p", with_module("module { " + " ".join(parts) + " }")), "is not run", said)


def test_open_sizes_do_not_grow_without_bound(good, tmp_path):
    (b,) = export.symbolic_shape("b")
    program = exported(lambda x: jnp.broadcast_to(x, (b * b, b * b, b)).sum(), (b,))
    with pytest.raises(ValueError, match=r"is not run[\s\S]*an array of"):
        fk.load_exported(written(good, tmp_path / "p", program))(np.ones(1_000, "float32"))


def bomb(size=None, levels=0, module=b"ML\xefR"):
    """A program's table with a size of one's own, or a tree in which each level has the next one twice."""
    build = flatbuffers.Builder(1024)
    text = build.CreateString(size) if size else None

    def vector(*offsets):
        build.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            build.PrependUOffsetTRelative(offset)
        return build.EndVector()

    tree = None
    for _ in range(levels):
        children = vector(tree, tree) if tree else None
        build.StartObject(5)
        if children:
            build.PrependUOffsetTRelativeSlot(1, children, 0)
        tree = build.EndObject()
    arrays = None
    if text:
        sizes = vector(text)
        build.StartObject(4)
        build.PrependUOffsetTRelativeSlot(1, sizes, 0)
        arrays = vector(build.EndObject())
    kept = build.CreateByteVector(module)
    build.StartObject(27)
    build.PrependUOffsetTRelativeSlot(13, kept, 0)
    if tree:
        build.PrependUOffsetTRelativeSlot(2, tree, 0)
    if arrays:
        build.PrependUOffsetTRelativeSlot(19, arrays, 0)
    build.Finish(build.EndObject())
    return bytes(build.Output())


@pytest.mark.parametrize(("content", "said"), [
    (bomb(levels=40), "a description of more than 200,000 parts"),
    (bomb(levels=200), "200,000 parts|levels deep"),
    *[(bomb(size=s), "which JAX does not write") for s in (
        "9^999999999", "(a+b+c+d)^400", "*".join(["(a+b+c+d+e)"] * 60), "a^9999", "9" * 400,
        "+".join("abcdefghij" * 99), "__import__('os').system('true')",
    )],
    (b"", "leaves the file"), (b"\xff" * 64, "leaves the file"), (b"\0" * 64, "main|is not run|cannot read"),
])  # fmt: skip
def test_bytes_that_are_no_program_are_refused_at_once(good, tmp_path, content, said):
    place = copied(good, "inside", tmp_path / "p")
    (place / "model.stablehlo").write_bytes(content)
    assert re.search(said, refused(resealed(place), "is not run|cannot read"))


@pytest.mark.parametrize("name", ["inside", "beside"])
def test_bytes_that_were_flipped_and_sealed_again_are_tried_elsewhere(good, tmp_path, name):
    model, variables = good[1:]
    place, results = copied(good, name, tmp_path / "p"), {"refused": 0, "loaded": 0}
    whole = (place / "model.stablehlo").read_bytes()
    for number in range(12):
        draw, bad = random.Random(number), bytearray(whole)
        for _ in range(draw.choice([1, 8, 8])):
            bad[draw.randrange(len(bad))] ^= 1 << draw.randrange(8)
        (place / "model.stablehlo").write_bytes(bad)
        try:
            program = fk.load_exported(resealed(place))
        except ValueError as error:
            results["refused"] += str(place) in str(error)
        else:
            results["loaded"] += jax.eval_shape(program, X).shape == (2, 3)
    assert results["refused"] + results["loaded"] == 12
    assert results["refused"] > 4
    (place / "model.stablehlo").write_bytes(whole)
    np.testing.assert_allclose(fk.load_exported(resealed(place))(X), model.apply(variables, X), atol=1e-6)


@pytest.mark.parametrize(("module", "said"), [
    (b"ML\xefR\x0d", "Error: "), (b"ML\xefR" + b"\xff" * 99, "Error: "),
])  # fmt: skip
def test_what_a_reader_says_elsewhere_is_said_here(module, said):
    with pytest.raises(ValueError, match=said):
        fk.checkpoint._export._program.try_elsewhere([module])


@pytest.mark.parametrize(("does", "said"), [
    ("os.abort()", "ends the process which reads it"), ("import time; time.sleep(60)", "not read in 1 seconds"),
])  # fmt: skip
def test_a_reader_that_ends_or_hangs_elsewhere_is_no_harm(monkeypatch, tmp_path, does, said):
    (tmp_path / "reader.py").write_text(f"import os; {does}")
    monkeypatch.setattr(_program_trial, "__file__", str(tmp_path / "reader.py"))
    monkeypatch.setattr(_program_trial, "_SECONDS", 1)
    with pytest.raises(ValueError, match=said):
        _program_trial.try_elsewhere([])


def nested(levels):
    """A branch in a branch in a branch: MLIR's reader goes down them all."""
    inner = "%r = stablehlo.sine %a : tensor<f32> stablehlo.return %r : tensor<f32>"
    for _ in range(levels):
        inner = (
            f'%r = "stablehlo.case"(%i) ({{ {inner} }}, {{ stablehlo.return %a : tensor<f32> }}) : '
            "(tensor<i32>) -> tensor<f32> stablehlo.return %r : tensor<f32>"
        )
    first = "%i = stablehlo.convert %a : (tensor<f32>) -> tensor<i32> "
    body = inner.removesuffix("stablehlo.return %r : tensor<f32>").replace("%r", "%0", 1)
    return "module { " + MAIN.format(first + body) + " }"


def test_regions_in_regions_are_counted_elsewhere(good, tmp_path):
    assert fk.load_exported(written(good, tmp_path / "few", with_module(nested(20))))(np.float32(0)) == 0
    refused(written(good, tmp_path / "many", with_module(nested(100))), "more than 64 levels deep")


def test_text_is_not_parsed(good, tmp_path):
    text = b"module { func.func public @main(%a: tensor<f32>) -> tensor<f32> { return %a : tensor<f32> } }"
    program = dataclasses.replace(exported(lambda x: x, ()), mlir_module_serialized=text)
    refused(written(good, tmp_path / "p", program), "is no MLIR bytecode")


# ------------------------------------------------------------------ what is told beside the program
def with_weights(good, place, change):
    copied(good, "beside", place)
    arrays = safetensors_numpy.load_file(place / "weights.safetensors")
    change(arrays)
    safetensors_numpy.save_file(arrays, place / "weights.safetensors")
    return resealed(place)


def swap(arrays):
    arrays["params/a/bias"], arrays["params/b/bias"] = arrays["params/b/bias"] + 1, arrays["params/a/bias"]


@pytest.mark.parametrize(("change", "said"), [
    (lambda a: a.update({"params/a/kernel": a["params/a/kernel"].astype("float64")}),
     r"mismatched  params/a/kernel float64\(4, 3\) in the file, float32\(4, 3\)"),
    (lambda a: a.update({"params/a/kernel": a["params/a/kernel"].T.copy()}),
     r"mismatched  params/a/kernel float32\(3, 4\)"),
    (lambda a: a.update({"params/a/kernal": a.pop("params/a/kernel")}), "missing     params/a/kernel"),
    (lambda a: a.update({"extra": a["params/a/bias"]}), "unexpected  extra"),
    (swap, "'params/a/bias', whose numbers are not those that were saved"),
], ids=["dtype", "shape", "name", "more", "order"])  # fmt: skip
def test_weights_beside_a_program_are_its_own(good, tmp_path, change, said):
    refused(with_weights(good, tmp_path / "p", change), said)


@pytest.mark.parametrize(("field", "change"), [
    ("inputs", lambda r: r[0].update(shape=["batch", 5])), ("inputs", lambda r: r[0].update(dtype="int32")),
    ("outputs", lambda r: r[0].update(shape=["batch"])), ("inputs", lambda r: r.append(r[0])),
    ("outputs", lambda r: r.clear()),
])  # fmt: skip
def test_a_manifest_describes_its_program(good, tmp_path, field, change):
    place = copied(good, "beside", tmp_path / "p")
    records = json.loads((place / "fkeras.json").read_text())[field]
    change(records)
    refused(resealed(place, **{field: records}), f"a description of other {field} than the program has")


def test_a_program_of_another_jax_says_which_and_how_to_go_on(good, tmp_path):
    place = copied(good, "inside", tmp_path / "p")
    told = json.loads((place / "fkeras.json").read_text())["versions"]
    assert told["jax"] == jax.__version__
    path = place / "model.stablehlo"
    path.write_bytes(path.read_bytes().replace(b"ML\xefR\x0d", b"ML\xefR\xc7"))  # bytecode of a version to come
    resealed(place, versions={**told, "jax": "0.4.1"})
    said = refused(place, "cannot read the program", "which JAX 0.4.1 wrote")
    assert f"This JAX ({jax.__version__})" in said
    assert f"model.export(path, variables)   # again, with JAX {jax.__version__}; or: pip install 'jax==0.4.1'" in said


@pytest.mark.parametrize("vjp_order", [1, 2])
def test_gradients_and_whole_numbers_pass(tmp_path, vjp_order):
    model = fk.Sequential([fk.Input((3,), dtype="int32"), fk.nn.Embedding(5, 4), fk.nn.LSTM(3)])
    model.export(tmp_path / "p", model.init(jax.random.key(0)), vjp_order=vjp_order, verify=False)
    program = fk.load_exported(tmp_path / "p")
    assert jax.jit(program)(np.ones((2, 3), "int32")).shape == (2, 3)
    assert program.program.has_vjp()
