"""The verbs of a model that belong to later rooms: each imports its room when it is called, and hands everything on."""

from __future__ import annotations

from typing import Any

from ..typing import FilePath, PyTree, Spec, Variables


class Doors:
    """What `Model` can do by the rooms that come after core. Arguments are those of the functions that are named."""

    def compile(self, *args: Any, **kwargs: Any) -> Any:
        """A `Trainer` of this model; the arguments are `fk.train.compile`'s. The model is unchanged.

        Returns:
            A `fk.Trainer`, or an instance of `trainer_class`.
        """
        from ...train import compile

        return compile(self, *args, **kwargs)  # type: ignore[arg-type]  # of a Model, which is a module

    def predict(self, variables: Variables, x: PyTree, **kwargs: Any) -> PyTree:
        """The model's outputs for all of `x`, in batches; the arguments are `fk.train.predict`'s.

        Returns:
            Arrays on the host, in the structure of the model's outputs.
        """
        from ...train import predict

        return predict(self, variables, x, **kwargs)  # type: ignore[arg-type]

    def save(self, filepath: FilePath, variables: Variables, **kwargs: Any) -> None:
        """Save the model and its variables; the arguments are `fk.checkpoint.save_model`'s."""
        from ...checkpoint import save_model

        save_model(self, filepath, variables, **kwargs)  # type: ignore[arg-type]

    def save_weights(self, filepath: FilePath, variables: Variables, **kwargs: Any) -> None:
        """Save the variables alone; the arguments are `fk.checkpoint.save_weights`'s."""
        from ...checkpoint import save_weights

        save_weights(self, filepath, variables, **kwargs)  # type: ignore[arg-type]

    def load_weights(self, filepath: FilePath, variables: Variables, **kwargs: Any) -> Any:
        """Variables read from a file, checked against `variables`; see `fk.checkpoint.load_weights`.

        Returns:
            The variables; with `report=True`, a pair of them and a report.
        """
        from ...checkpoint import load_weights

        return load_weights(self, filepath, variables, **kwargs)  # type: ignore[arg-type]

    def export(self, filepath: FilePath, variables: Variables, format: str = "stablehlo", **kwargs: Any) -> None:
        """Write the model as a program for elsewhere; the arguments are `fk.checkpoint.export`'s."""
        from ...checkpoint import export

        export(self, filepath, variables, format, **kwargs)  # type: ignore[arg-type]

    def quantize(self, variables: Variables, mode: Spec = "int8", **kwargs: Any) -> tuple[Any, Variables]:
        """This model with weights in few bits; see `fk.checkpoint.quantize`.

        Returns:
            `(qmodel, qvariables)`.
        """
        from ...nn import quantize

        return quantize(self, variables, mode, **kwargs)  # type: ignore[arg-type]

    def with_fake_quant(self, mode: Spec = "int8", **kwargs: Any) -> Any:
        """This model, computing as `quantize(mode)` will, to be trained so; see `fk.checkpoint.with_fake_quant`."""
        from ...nn import with_fake_quant

        return with_fake_quant(self, mode, **kwargs)  # type: ignore[arg-type]

    def with_lora(self, rank: int, filters: Any = None, **kwargs: Any) -> Any:
        """This model with frozen weights and low-rank changes that train; see `fk.checkpoint.with_lora`."""
        from ...nn import with_lora

        return with_lora(self, rank, filters, **kwargs)  # type: ignore[arg-type]

    def lora_variables(self, variables: Variables, *args: Any, **kwargs: Any) -> Variables:
        """Variables of a model that `with_lora` made, from those of the model it was made from."""
        from ...nn import lora_variables

        return lora_variables(self, variables, *args, **kwargs)  # type: ignore[arg-type]

    def merge_lora(self, variables: Variables, *args: PyTree) -> tuple[Any, Variables]:
        """The low-rank changes added to the weights; see `fk.checkpoint.merge_lora`.

        Returns:
            `(model, variables)`.
        """
        from ...nn import merge_lora

        return merge_lora(self, variables, *args)  # type: ignore[arg-type]
