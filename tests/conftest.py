"""The test world: real Keras on the JAX backend, one compilation cache per run, two CPU devices."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
