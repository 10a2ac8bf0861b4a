"""What the files of an exported program are called."""

KIND = "exported"  # the kind of its manifest
PROGRAM = "model.stablehlo"
WEIGHTS = "weights.safetensors"
# Of a trainer: its programs, and the state that they begin with.
PROGRAMS = {name: f"{name}.stablehlo" for name in ("init", "train_step", "eval_step", "predict")}
STATE = "state.safetensors"
