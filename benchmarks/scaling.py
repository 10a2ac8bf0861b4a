"""What a step of a Transformer takes on many devices: memory, traffic and time by formula, for `docs/scaling.md`.

python benchmarks/scaling.py           # the tables
python benchmarks/scaling.py --write   # into the page
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "scaling.md"
BEGIN, END = "<!-- tables: benchmarks/scaling.py -->", "<!-- end of tables -->"

# One H100 SXM, as its makers publish it (NVIDIA H100 data sheet; DGX H100: eight of them, a 400 Gb/s card for each).
PEAK = 989e12  # floating-point operations a second, bfloat16, dense
HBM = 3.35e12  # bytes a second
MEMORY = 80e9  # bytes
NVLINK = 900e9 / 2  # bytes a second in each direction
INFINIBAND = 400e9 / 8  # bytes a second
NODE = 8  # devices that NVLink joins

# Assumed.
USED = 0.5  # of the peak, by the matrix products of a step
LINK = 0.8  # of a link's rate, by a collective
TOKENS = 8192  # for each device in a step


@dataclasses.dataclass(frozen=True)
class Transformer:
    """A decoder with grouped keys and values and a gated MLP."""

    name: str
    layers: int
    width: int
    hidden: int
    keys: int  # keys' (and values') heads times their size
    vocabulary: int = 32000
    length: int = 4096

    @property
    def layer(self) -> int:
        """Numbers in the weights of one layer."""
        return 2 * self.width**2 + 2 * self.width * self.keys + 3 * self.width * self.hidden

    @property
    def weights(self) -> int:
        """Numbers in all weights."""
        return self.layers * self.layer + 2 * self.vocabulary * self.width

    @property
    def work(self) -> int:
        """Operations for a token: forward, once more in the backward pass (`remat`), and the gradient's two."""
        products = 2 * (self.weights - self.vocabulary * self.width)
        attention = 2 * self.width * self.length * self.layers  # q k and p v, of which causality leaves a half
        return 4 * (products + attention)


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What one device holds, sends and takes in a step: bytes and seconds."""

    memory: float
    nvlink: float
    infiniband: float
    compute: float
    update: float

    @property
    def transfer(self) -> float:
        return (self.nvlink / NVLINK + self.infiniband / INFINIBAND) / LINK

    @property
    def overlapped(self) -> float:
        return max(self.compute, self.transfer) + self.update

    @property
    def in_turns(self) -> float:
        return self.compute + self.transfer + self.update


def gathered(size: float, devices: int) -> tuple[float, float]:
    """Bytes that a device receives by NVLink and by InfiniBand where `size` bytes are gathered on each of `devices`.

    Each byte enters a node once, by one of its eight cards, and goes on by NVLink. A sum that is scattered is the same
    backwards, and a sum on each device is both.
    """
    near, nodes = min(devices, NODE), max(1, devices // NODE)
    return size * (near - 1) / near, size / near * (1 - 1 / nodes)


def estimate(model: Transformer, devices: int, layout: str) -> Estimate:
    """One step under a layout: `"data"`, `"fsdp"`, or `"auto"` on a mesh with `"model"` of 8, and `"data"`."""
    parts = {"data": 1, "fsdp": devices, "auto": devices}[layout]  # of the weights and slots
    across = NODE if layout == "auto" else 1  # devices that work on the same rows
    rounds = across  # accumulate_in_step: so that activations are those of TOKENS tokens
    held = model.weights / parts
    # float32 weights, gradients, and Adam's two slots; and weights in bfloat16: all of them, or of two layers
    states = 16 * held + 2 * (model.weights if layout == "data" else 2 * model.layer / across)
    inside = 2 * (8 * model.width + 3 * model.hidden) + 8 * model.vocabulary  # of one layer; logits and their gradient
    activations = TOKENS * (2 * model.width * model.layers + inside / across)
    near = far = 0.0

    def add(size: float, times: float, count: int = devices) -> None:
        nonlocal near, far
        by_nvlink, by_infiniband = gathered(size, count)
        near, far = near + times * by_nvlink, far + times * by_infiniband

    if layout == "data":
        add(4 * model.weights, 2)  # the gradient's sum
    elif layout == "fsdp":
        add(2 * model.weights, 2)  # weights in bfloat16, forward and backward
        add(4 * model.weights, 1)  # the gradient's sum, scattered
    else:
        nodes = devices // NODE  # along the batch's axis there is one device of each node, and an eighth of the weights
        far += rounds * (2 * 2 + 4) * model.weights / NODE * (1 - 1 / nodes)
        add(
            2 * TOKENS * model.width, rounds * model.layers * 6 * 2, NODE
        )  # two sums a layer: forward twice, and backward
    return Estimate(
        states + activations, near, far, TOKENS * model.work / (PEAK * USED), 28 * held / HBM
    )  # the update reads four arrays of float32 and writes three


MODELS = (
    Transformer("1 B", layers=16, width=2048, hidden=8192, keys=512),
    Transformer("70 B", layers=80, width=8192, hidden=28672, keys=1024),
)
NAMES = {"data": '`"data"`', "fsdp": '`"fsdp"`', "auto": '`"auto"`, 8 along `"model"`'}
HEADERS = (
    "layout", "devices", "memory, GB", "fits", "NVLink, GB", "InfiniBand, GB", "compute, ms", "transfers, ms",
    "step, ms", "tokens a second",
)  # fmt: skip


def row(model: Transformer, devices: int, layout: str) -> tuple[str, ...]:
    """A line of the table."""
    e = estimate(model, devices, layout)
    rates = [TOKENS * devices / seconds for seconds in (e.in_turns, e.overlapped)]
    return (
        NAMES[layout], str(devices), f"{e.memory / 1e9:.1f}", "yes" if e.memory < MEMORY else "no",
        f"{e.nvlink / 1e9:.2f}", f"{e.infiniband / 1e9:.2f}", f"{1e3 * e.compute:.0f}", f"{1e3 * e.transfer:.0f}",
        f"{1e3 * e.overlapped:.0f} to {1e3 * e.in_turns:.0f}", f"{rates[0]:.3g} to {rates[1]:.3g}",
    )  # fmt: skip


def tables() -> str:
    """The tables of the page, as Markdown."""
    lines = []
    for model in MODELS:
        lines += [f"### {model.name}: {model.weights / 1e9:.2f} × 10⁹ weights", ""]
        lines += [f"| {' | '.join(HEADERS)} |", f"| --- |{' ---: |' * (len(HEADERS) - 1)}"]
        for layout in NAMES:
            lines += [f"| {' | '.join(row(model, devices, layout))} |" for devices in (8, 64, 512)]
        lines.append("")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Print the tables, or write them into the page."""
    if "--write" not in arguments:
        print(tables())
        return
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables()}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main(sys.argv[1:])
