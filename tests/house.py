"""What the house allows: the order of rooms and wings, and every exception by name. `test_architecture.py` holds it.

A list of exceptions holds exactly what there is: an entry that is no longer needed is an error too, so a list only
shrinks unless someone adds to it on purpose.
"""

from __future__ import annotations

# ------------------------------------------------------------------ who may import whom
ROOMS = ("core", "nn", "train", "checkpoint")

# Around the rooms stand Keras's namespaces, under Keras's names. They take public names of any room and of those before
# them on this list, and no room imports one but by a door.
LEAVES = (
    "_keras_api",
    "config",
    "backend",
    "saving",
    "layers",
    "ops",
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "callbacks",
    "optimizers",
    "dtype_policies",
    "mixed_precision",
    "models",
    "random",
    "tree",
    "visualization",
    "utils",
    "preprocessing",
    "legacy",
    "applications",
    "datasets",
    "distillation",
    "distribution",
    "export",
    "quantizers",
    "wrappers",
    "compare",
    "demo",
)
# Stubs that say for type checkers what a module made of functions has.
OF_FUNCTIONS = ("ops/image.pyi", "ops/linalg.pyi", "ops/nn.pyi", "ops/numpy.pyi")

# What each room may import from the rooms before it. "" is the package itself.
MAY: dict[str, set[str]] = {
    "core": set(),
    "nn": {"core"},
    "train": {"core", "nn"},
    "checkpoint": {"core", "nn", "train"},
    "": set(ROOMS),
}

# Inside a room a file imports from its own wing and from those of the lines above it. A wing is a folder, or a file at
# the top of the room; those that stand on one line do not import each other in circles, which is a test of its own.
# `REST` is every name that no line has.
REST = "the other files"
WINGS: dict[str, tuple[tuple[str, ...], ...]] = {
    "core": (("typing",), ("_words",), ("_graph",), ("_old_configs",), ("_layer",), ("_model",)),
    "nn": (
        ("_made_once", "_shapes", "_sequence_masks", "_resize", "_activations", "_initializers"),
        ("activations", "initializers", "regularizers", "constraints"),
        ("_arguments", "_moments"),
        ("_guests",),  # modules of other libraries
        (REST,),  # one file a layer family
        ("_attention", "_image", "_preprocessing", "_recurrent"),
        ("_generation", "_low_bits", "_ops"),
        ("_aliases", "ops"),
    ),
    "train": (
        ("losses",),
        ("metrics",),
        ("optimizers",),
        ("distribution",),
        ("_step",),
        ("callbacks",),
        ("_batches",),
        ("_loop",),
        (REST,),
    ),
    "checkpoint": (
        ("_files",),
        ("_orbax",),
        ("_safetensors",),
        ("_torch",),
        ("_training",),
        ("_keras",),
        ("_hdf5",),
        ("_live_keras",),
        ("_models",),
        ("_export",),
        (REST,),
    ),
}

# The doors of Layer, Model and Trainer to later rooms: a deferred import of one public name each.
DOORS: dict[tuple[str, str], set[str]] = {
    ("core/_words/_config.py", "nn"): set(),  # all that is registered, when a config names what nobody has named yet
    ("core/_words/_config.py", "train"): set(),
    ("core/_words/_config.py", "applications"): set(),  # the layers that one network alone has
    ("core/_layer/_weight_verbs.py", "checkpoint"): {"get_weights", "set_weights"},
    ("core/_model/_doors.py", "train"): {"compile", "predict", "Trainer"},
    ("core/_model/_doors.py", "checkpoint"): {"save_model", "save_weights", "load_weights", "export"},
    ("core/_model/_doors.py", "nn"): {"quantize", "with_fake_quant", "with_lora", "lora_variables", "merge_lora"},
    ("train/_trainer.py", "checkpoint"): {"save_trainer", "export_trainer"},
    ("train/callbacks/_checkpoint.py", "checkpoint"): {"check_save", "delete_checkpoint"},
    ("train/callbacks/_of_a_run.py", "checkpoint"): {"weight_order"},
    ("train/callbacks/_saved_model.py", "checkpoint"): {"check_save"},
    ("train/_loop/_run_backup.py", "checkpoint"): {"save_run", "load_run", "delete_runs"},
}

# ------------------------------------------------------------------ types
#: The share of annotations that say `Any`, `python -m tests.count_any`. It only goes down.
MOST_ANY = 0.06

# ------------------------------------------------------------------ state
# The only file in which attributes of a layer or model are set after its constructor.
SEALING = "core/_layer/_sealing.py"

# Where else `object.__setattr__`, `vars(x)[...] =`, `x.__dict__` or `setattr` go round what `x.name = value` would do.
# Constructors (`__init__`, `__post_init__`, `__new__`, `__init_subclass__`) may: the value is not a value yet.
SETS_ATTRIBUTES: dict[str, str] = {
    # a value that is not handed out yet: what a constructor calls to set a field of its own object
    "nn/_convolutional.py::normalise": "`__post_init__` of convolutions",
    "nn/_transposed.py::_prepare": "`__post_init__` of transposed convolutions",
    "nn/constraints.py::_set_axis": "`__post_init__` of constraints",
    "nn/regularizers.py::_set_factor": "`__post_init__` of regularizers",
    "train/losses/_frozen.py::set_fields": "`__post_init__` of losses and metrics",
    "train/losses/_frozen.py::Frozen.__setattr__": "an `__init__` as Keras users write it; sealed when it is through",
    "train/losses/_frozen.py::_Sealing.__call__": "seals what the constructor made",
    "train/optimizers/_from_arguments.py::rebuild": "makes an optimizer again from a pickle",
    "train/optimizers/_loss_scale.py::LossScaleOptimizer._check": "the last line of the constructor",
    "train/optimizers/_multi.py::MultiOptimizer._check": "the last line of the constructor",
    "train/optimizers/_muon.py::Muon._check": "the last line of the constructor",
    "core/_words/_fields.py::ListedField.__set__": "where a dataclass puts a field; what is frozen asks this last",
    # a class or module that is filled while its file is read, or as its names are first used
    "_keras_api/_attach.py::attach_stub.__getattr__": "a name of a module, imported when it is first used",
    "nn/_ops/_table.py::_namespace": "`fk.ops.image` and its like, a module made of functions",
    # an error of the user's, which gets the run that it ended
    "train/_loop/_unfinished_run.py::Reachable.__exit__": "`error.fkeras_run`, on frozen exceptions too",
    "train/_loop/_unfinished_run.py::add_note": "a note, on frozen exceptions too",
    # a record of the loop, which is no frozen value
    "train/_loop/_run_backup.py::Backup.restore": "the position of a run, read from its file",
    # to be emptied: what one call finds out is kept on a layer
    "nn/_embedding.py::ReversibleEmbedding.call": "which way a call went",
    "nn/_preprocessing/_text_vectorization.py::TextVectorization._lookup": "the look-up layer inside, kept",
}

# Module-level containers that grow while a program runs. None changes a result: each is filled by definitions, or
# holds what follows from its key alone.
REGISTRIES: dict[str, str] = {
    "core/_words/_config.py::_REGISTRY": "classes and functions by the name that a config has for them",
    "core/_words/_config.py::_ADDRESS": "the same, by the object",
    "core/_words/_config.py::_OWN": "a user's own classes and functions by the name that files have for them",
    "core/_words/_config.py::_OWN_NAMES": "the same, by the object",
    "core/_graph/_dimensions.py::_STANDS_FOR": "the text that a short symbol stands for, found from its hash",
    "core/_graph/_trace_cache.py::_TRACES": "traces that a recorded call still holds, by all they follow from",
    "train/_step/_programs.py::_PROGRAMS": "compiled programs by the trainer's value, weakly",
    "train/_step/_breakable.py::_PATIENCE": "functions that a signal may end, filled by a decorator",
    "train/losses/_inputs.py::_ELEMENTWISE": "losses that work element by element, filled by a decorator",
    "train/losses/_inputs.py::_BY_ROW": "losses that work row by row, filled by a decorator",
}

# `trainer._x` outside train/_trainer.py: calls up into private methods of a Trainer.
CALLS_UP: dict[str, set[str]] = {}
