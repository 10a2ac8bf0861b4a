"""The notebooks in the order in which one reads them: a table of what each shows, and the navigation."""

from __future__ import annotations

import posixpath

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.directives.other import TocTree

#: What each shows. A notebook that is not here comes last, under its title alone.
ORDER = {
    "quickstart": "a model, training, evaluation and files, in ten minutes",
    "functional_api": "models as graphs: several inputs and outputs, shared layers, parts of a model",
    "own_layers": "layers and models by subclass, and modules of Linen and NNX",
    "training": "callbacks, steps of your own, trackers",
    "from_keras": "a file of Keras opened, trained on and sent back",
    "twenty_slips": "what one types by habit, what is answered, and the line that then works",
    "training_as_a_function": "a run under `jit`, `vmap` and `grad`",
    "time_travel": "checkpoints, runs that go on, and any step of a run again",
    "many_devices": "one model over several devices",
    "many_models": "seeds and hyperparameters as one program",
    "export_quantise_lora": "programs for elsewhere, fewer bits, small changes",
    "language_model": "a small language model, trained and generating",
    "debugging": "NaN, programs that are compiled again, memory, time",
}


class Tutorials(TocTree):
    """A table of all notebooks, and a `toctree` of them."""

    def run(self) -> list[nodes.Node]:
        folder = "notebooks"
        found = {posixpath.basename(name) for name in self.env.found_docs if posixpath.dirname(name) == folder}
        names = [name for name in ORDER if name in found] + sorted(found - set(ORDER))
        rows = [f"| {{doc}}`/{folder}/{name}` | {ORDER.get(name, '')} |" for name in names]
        table = "\n".join(["| notebook | what it shows |", "| --- | --- |", *rows])
        self.content = StringList([f"/{folder}/{name}" for name in names], source=self.get_source_info()[0])
        self.options["hidden"] = True
        return [*self.parse_text_to_nodes(table), *super().run()]


def setup(app: Sphinx) -> None:
    """Registers the directive."""
    app.add_directive("tutorials", Tutorials)
