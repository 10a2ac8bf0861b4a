"""What the files of an exported program are called."""

KIND = "exported"  # the kind of its manifest
PROGRAM = "model.stablehlo"
WEIGHTS = "weights.safetensors"
