"""Keras's switches for all of a program, and the arguments that replace them."""

from __future__ import annotations

SWITCHES: dict[str, tuple[str, str]] = {
    "config.set_floatx backend.set_floatx": (
        "a default dtype for all of a program; here it is an argument.",
        'fk.nn.Dense(10, dtype="bfloat16"), or model.with_dtype_policy("bfloat16")',
    ),
    "config.set_dtype_policy mixed_precision.set_dtype_policy mixed_precision.set_global_policy": (
        "a dtype policy for all of a program; here it is an argument of a layer, or of a model.",
        'model = model.with_dtype_policy("mixed_bfloat16"), or fk.nn.Dense(10, dtype="mixed_bfloat16")',
    ),
    "config.set_epsilon backend.set_epsilon": (
        "a small number for all of a program; here it is an argument.",
        "fk.nn.LayerNormalization(epsilon=1e-6), fk.optimizers.Adam(epsilon=1e-8)",
    ),
    "config.set_image_data_format backend.set_image_data_format": (
        "an order of axes for all of a program; here it is an argument.",
        'fk.nn.Conv2D(32, 3, data_format="channels_first")',
    ),
    "config.set_backend": ("fkeras is JAX, and nothing else.", "nothing: leave the line out"),
    "config.enable_interactive_logging utils.enable_interactive_logging": (
        "a switch for all of a program; here it is an argument.",
        "trainer.fit(state, x, y, verbose=1)",
    ),
    "config.disable_interactive_logging utils.disable_interactive_logging": (
        "a switch for all of a program; here it is an argument.",
        "trainer.fit(state, x, y, verbose=0)",
    ),
    "config.is_interactive_logging_enabled utils.is_interactive_logging_enabled": (
        "a switch for all of a program; here it is an argument.",
        'trainer.fit(state, x, y, verbose="auto")',
    ),
    "config.enable_traceback_filtering": (
        "JAX shortens the tracebacks, and has the switch.",
        'os.environ["JAX_TRACEBACK_FILTERING"] = "auto"   # before JAX is imported',
    ),
    "config.disable_traceback_filtering": (
        "JAX shortens the tracebacks, and has the switch.",
        'os.environ["JAX_TRACEBACK_FILTERING"] = "off"   # before JAX is imported',
    ),
    "config.is_traceback_filtering_enabled": (
        "JAX shortens the tracebacks, and has the switch.",
        "jax.config.jax_traceback_filtering",
    ),
    "config.enable_flash_attention config.disable_flash_attention config.is_flash_attention_enabled": (
        "a switch for all of a program; here it is an argument of the layer.",
        "fk.nn.MultiHeadAttention(8, 64, flash_attention=True)",
    ),
    "config.enable_unsafe_deserialization": (
        "code in files is never run here; a custom class or function is given by name.",
        'model, variables = fk.load_model("model.keras", custom_objects={"my_function": my_function})',
    ),
    "config.set_max_epochs": (
        "a limit for all of a program; here it is an argument.",
        "trainer.fit(state, x, y, epochs=1)",
    ),
    "config.set_max_steps_per_epoch": (
        "a limit for all of a program; here it is an argument.",
        "trainer.fit(state, x, y, steps_per_epoch=10)",
    ),
    "utils.set_random_seed": (
        "a seed for all of a program; here it is an argument of what draws.",
        "state = trainer.init(0)   # variables = model.init(jax.random.key(0))",
    ),
    "backend.clear_session utils.clear_session": (
        "there is no global state, so there is nothing to clear: models are values, and equal ones get equal names.",
        "nothing: leave the line out; jax.clear_caches() drops compiled programs",
    ),
    "backend.get_uid": (
        "a global counter of names; here names follow from the model.",
        'fk.nn.Dense(10, name="head")',
    ),
    "saving.custom_object_scope saving.CustomObjectScope utils.custom_object_scope utils.CustomObjectScope": (
        "a scope in which files are read; here the classes are an argument.",
        'fk.load_model("model.keras", custom_objects={"MyLayer": MyLayer})',
    ),
    "saving.get_custom_objects utils.get_custom_objects": (
        "a dict for all of a program; here it is an argument, or a class is registered where it is defined.",
        'fk.load_model(path, custom_objects={"MyLayer": MyLayer}), or @fk.saving.register_keras_serializable()',
    ),
}
