"""The verbs of a model that belong to later rooms: each imports its room when it is called, and hands everything on.

Their signatures and arguments are those of the functions they stand for, which a test holds, so that editors, `help()`
and mypy see what may be written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from .._words._call_arguments import checked_by_name
from ..typing import FilePath, KeyLike, PyTree, Spec, Variables, VariablesLike

if TYPE_CHECKING:
    import optax

    from ...train import Trainer
    from .._layer._layer import Layer

    OwnTrainer = TypeVar("OwnTrainer", bound=Trainer)

#: Which layers: a pattern of whole paths, several, or `layer -> bool`; `None` is every layer.
LayerFilter: TypeAlias = "str | Sequence[str] | Callable[[Layer], bool] | None"

# Who messages say has the verb.
_named = checked_by_name("model")


class Doors:
    """What `Model` can do by the rooms that come after core."""

    if TYPE_CHECKING:

        @overload
        def compile(
            self,
            optimizer: optax.GradientTransformation | Spec = "rmsprop",
            loss: PyTree = None,
            loss_weights: PyTree = None,
            metrics: PyTree = None,
            weighted_metrics: PyTree = None,
            run_eagerly: bool = False,
            steps_per_execution: int = 1,
            jit_compile: bool | str = "auto",
            auto_scale_loss: bool = True,
            trainer_class: None = None,
            **fields: Any,
        ) -> Trainer: ...

        @overload
        def compile(
            self,
            optimizer: optax.GradientTransformation | Spec = ...,
            loss: PyTree = ...,
            *,
            trainer_class: type[OwnTrainer],
            **fields: PyTree,
        ) -> OwnTrainer: ...

    @_named
    def compile(
        self,
        optimizer: optax.GradientTransformation | Spec = "rmsprop",
        loss: PyTree = None,
        loss_weights: PyTree = None,
        metrics: PyTree = None,
        weighted_metrics: PyTree = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        trainer_class: type[Any] | None = None,
        **fields: Any,
    ) -> Any:
        """A `Trainer` of this model: how it learns, as one frozen value. The model is unchanged.

        Args:
            optimizer: a name, a config, one of `fk.optimizers`, or any optax transformation.
            loss: a name, a loss, a function `(y_true, y_pred)`, or a list or dict of those by output.
            loss_weights: factors by output.
            metrics, weighted_metrics: names, metrics or functions; lists or dicts by output. The latter use sample
                weights.
            run_eagerly: whether steps run without `jax.jit`, for debugging.
            steps_per_execution: how many steps lie between two calls of callbacks that look at batches.
            jit_compile: accepted for Keras's sake.
            auto_scale_loss: whether a model of the policy `mixed_float16` gets dynamic loss scaling.
            trainer_class: a subclass of `fk.Trainer`, which is the default.
            **fields: its own fields, and `log`, see `fk.Trainer`.

        Returns:
            A `fk.Trainer`, or an instance of `trainer_class`: `trainer.init(0)` makes the state, `trainer.fit(state,
            x, y)` trains it.

        Raises:
            ValueError: an unknown name; the message lists the known ones.

        >>> import fkeras as fk
        >>> fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse").optimizer
        SGD(learning_rate=0.01)
        """
        from ...train import compile

        return compile(
            self,  # type: ignore[arg-type]  # a Model, which is a module
            optimizer,
            loss,
            loss_weights,
            metrics,
            weighted_metrics,
            run_eagerly,
            steps_per_execution,
            jit_compile,
            auto_scale_loss,
            trainer_class,
            **fields,
        )

    @_named
    def predict(
        self,
        variables: VariablesLike,
        x: PyTree,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: PyTree = None,
    ) -> PyTree:
        """The model's outputs for all of `x`, in batches, in inference mode.

        Args:
            variables: the model's variables, or the state of a run.
            x: an array, a pytree of arrays, or something that yields batches.
            batch_size: rows in a batch; what the model was described with, or 32, by default.
            verbose: 0 silent, 1 a bar, 2 a line; `"auto"` is a bar on a terminal and in a notebook where there are
                several batches, and silent elsewhere.
            steps: how many batches to use; all by default.
            callbacks: their `on_predict_*` hooks are called.

        Returns:
            Arrays on the host, in the structure of the model's outputs, with one row for each of `x`.
        """
        from ...train import predict

        return predict(self, variables, x, batch_size, verbose, steps, callbacks)  # type: ignore[arg-type]

    @_named
    def save(
        self,
        filepath: FilePath,
        variables: VariablesLike,
        overwrite: bool = True,
        zipped: bool | None = None,
        *,
        x: PyTree = None,
    ) -> None:
        """Save the model and its variables: a `.keras` file by that suffix, else an Orbax directory.

        Args:
            filepath: the file or directory to make; `fk.load_model` reads it.
            variables: the model's variables, or the state of a run.
            overwrite: whether a checkpoint that is already there may be replaced.
            zipped: accepted for Keras's sake; a directory is not zipped.
            x: an example input, for a `.keras` file of a model without a graph.

        Raises:
            ValueError: variables that are not this model's, or a suffix of a format that is not written.
            FileExistsError: something else is at `filepath`, or `overwrite` is false.
        """
        from ...checkpoint import save_model

        save_model(self, filepath, variables, overwrite, zipped, x=x)  # type: ignore[arg-type]

    @_named
    def save_weights(
        self,
        filepath: FilePath,
        variables: VariablesLike,
        overwrite: bool = True,
        max_shard_size: float | None = None,
        *,
        x: PyTree = None,
    ) -> None:
        """Save the variables alone; the suffix picks the format.

        Args:
            filepath: the file or directory to make: `.weights.h5` as real Keras 3 reads it, `.weights.json` with
                shards beside it, `.safetensors`, else an Orbax directory.
            variables: the model's variables, or the state of a run.
            overwrite: whether a checkpoint that is already there may be replaced.
            max_shard_size: the most that a shard of a `.weights.json` holds, in gigabytes.
            x: an example input, for a Keras file of a model without a graph.

        Raises:
            ValueError: variables that are not the model's, or `max_shard_size` with another suffix.
            FileExistsError: something is there and `overwrite` is false.
        """
        from ...checkpoint import save_weights

        save_weights(self, filepath, variables, overwrite, max_shard_size, x=x)  # type: ignore[arg-type]

    @_named
    def load_weights(
        self,
        filepath: FilePath,
        variables: VariablesLike,
        skip_mismatch: bool = False,
        *,
        by_name: bool = False,
        rename: Mapping[str, str] | None = None,
        allow: Sequence[str] | str = (),
        report: bool = False,
        x: PyTree = None,
    ) -> Any:
        """Variables from a file, checked against the ones given.

        Args:
            filepath: what `save_weights`, `save` or a trainer's `save` wrote, a `.safetensors` file, or real Keras's
                `.weights.h5`, `.weights.json` or `.keras`, or an HDF5 file of Keras 1 or 2.
            variables: what the model has now; tells the paths, shapes and dtypes to expect.
            skip_mismatch: whether to keep the given values wherever the file has none that fits.
            by_name: of a file of Keras 1 or 2, whether only the layers of the file's names are taken.
            rename: `{regular expression: replacement}` for the paths in the file, as `re.sub` takes them.
            allow: regular expressions of whole paths that may differ and then keep the given values: `["head/.*"]`.
            report: whether to return `(variables, LoadReport)`.
            x: an example input, for a Keras file of weights and a model without a graph.

        Returns:
            New variables of the same structure; with `report=True`, a pair of them and a report.

        Raises:
            FileNotFoundError: nothing is there.
            ValueError: a path, shape or dtype that differs and was not allowed to, or a pattern that matches nothing;
                every mismatch is listed, and nothing is loaded.
        """
        from ...checkpoint import load_weights

        return load_weights(
            self,  # type: ignore[arg-type]
            filepath,
            variables,
            skip_mismatch,
            by_name=by_name,
            rename=rename,
            allow=allow,
            report=report,
            x=x,
        )

    @_named
    def export(
        self,
        filepath: FilePath,
        variables: VariablesLike,
        format: str = "stablehlo",
        input_signature: PyTree = None,
        verify: bool = True,
        overwrite: bool = True,
        **options: Any,
    ) -> None:
        """Write the model as a program that runs without fkeras, for inference.

        What was written is run on a random batch and compared with `model.apply` before it is put in its place.

        Args:
            filepath: the directory (`"stablehlo"`, `"tf_saved_model"`) or file (`"onnx"`, `"litert"`) to make.
            variables: the model's variables, or the state of a run.
            format: `"stablehlo"` (read by JAX alone), `"tf_saved_model"` (TensorFlow), `"onnx"` (ONNX runtimes), or
                `"litert"` (phones and small devices).
            input_signature: shapes to use in place of those of the model's `Input`s, in their structure or by their
                names; needed for a model without a graph.
            verify: whether to run and compare.
            overwrite: whether an export that is already there may be replaced.
            **options: the format's own, see `fk.checkpoint.export`.

        Raises:
            ImportError: a library that the format needs is not installed; says the line that installs it.
            ValueError: an unknown format or option, or variables that are not the model's.
        """
        from ...checkpoint import export

        export(self, filepath, variables, format, input_signature, verify, overwrite, **options)  # type: ignore[arg-type]

    @_named
    def quantize(
        self,
        variables: VariablesLike,
        mode: str | Mapping[str, str | None] = "int8",
        filters: LayerFilter = None,
        calibration_data: PyTree = None,
        block_size: int | None = None,
        config: Any = None,
    ) -> tuple[Any, Variables]:
        """This model with its kernels and tables kept in few bits, and its variables.

        Args:
            variables: the model's variables; they are not changed.
            mode: `"int8"`, `"int4"`, `"float8"` round weights and inputs; `"int8_weight_only"`,
                `"int4_weight_only"`, `"float8_weight_only"` and `"nf4"` weights alone; or rules by path,
                `{"head": None, ".*": "int4"}`, where `None` stays float.
            filters: which layers: a pattern of whole paths, several, or `layer -> bool`; all by default.
            calibration_data: inputs (one batch) whose ranges become those of the layers' inputs.
            block_size: how many inputs share a scale; all of a channel's by default.
            config: of `fk.quantizers`, for Keras's own forms, with calibration for `"gptq"` and `"awq"`.

        Returns:
            `(qmodel, qvariables)`.

        Raises:
            ValueError: an unknown mode, a pattern that matches no layer, variables that are not the model's.
        """
        from ...nn import quantize

        return quantize(self, variables, mode, filters, calibration_data, block_size, config)  # type: ignore[arg-type]

    @_named
    def with_fake_quant(
        self,
        mode: str | Mapping[str, str | None] = "int8",
        filters: LayerFilter = None,
        block_size: int | None = None,
    ) -> Any:
        """This model, computing as `quantize(mode)` will on the same variables, so that training prepares for it.

        Args:
            mode, filters, block_size: as for `quantize`.

        Returns:
            A model that takes this one's variables.
        """
        from ...nn import with_fake_quant

        return with_fake_quant(self, mode, filters, block_size)  # type: ignore[arg-type]

    @_named
    def with_lora(self, rank: int, filters: LayerFilter = None, alpha: float | None = None) -> Any:
        """This model with frozen weights and a low-rank change, which trains, beside each kernel and table.

        Args:
            rank: of the changes.
            filters: which layers get one: a pattern of whole paths, several, or `layer -> bool`; all by default.
            alpha: the changes' factor is `alpha / rank`; the rank by default.

        Returns:
            The model; `lora_variables` makes its variables.
        """
        from ...nn import with_lora

        return with_lora(self, rank, filters, alpha)  # type: ignore[arg-type]

    @_named
    def lora_variables(self, variables: VariablesLike, key: KeyLike = 0, *args: PyTree) -> Variables:
        """Variables of a model that `with_lora` made: the weights as given, and changes that add nothing yet.

        Args:
            variables: those of the model it was made from.
            key: a seed or a `jax.random.key` for the changes' first factors.
            *args: an example input, for a model without a graph.

        Returns:
            Variables for this model, which computes with them what it computed with the weights alone.
        """
        from ...nn import lora_variables

        return lora_variables(self, variables, key, *args)  # type: ignore[arg-type]

    @_named
    def merge_lora(self, variables: VariablesLike, *args: PyTree) -> tuple[Any, Variables]:
        """The float model and variables that compute what this one with its low-rank changes does.

        Args:
            variables: this model's.
            *args: an example input, for a model without a graph.

        Returns:
            `(model, variables)`: plain weights, each with its change added.
        """
        from ...nn import merge_lora

        return merge_lora(self, variables, *args)  # type: ignore[arg-type]
