"""Small torch modules: their weights as safetensors, an input of each and what torch computes.

    python -m tests.checkpoint.goldens.make_torch_weights

It needs torch, which the tests do not have; `torch.json` says of which release.
"""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent


def modules():
    from torch import nn

    class Attends(nn.Module):
        """Self-attention, with one matrix of the projections or with a layer for each."""

        def __init__(self, apart):
            super().__init__()
            self.mha = nn.MultiheadAttention(6, 2, kdim=None, batch_first=True)
            self.apart = apart

        def forward(self, x):
            return self.mha(x, x, x)[0]

        def state_dict(self):
            found = super().state_dict()
            if self.apart:
                for kind in ("weight", "bias"):
                    for name, part in zip("qkv", found.pop(f"mha.in_proj_{kind}").chunk(3), strict=True):
                        found[f"mha.{name}_proj.{kind}"] = part
            return found

    class Runs(nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.rnn = layer

        def forward(self, x):
            return self.rnn(x)[0]

    class Image(nn.Module):
        """Convolutions of each kind, moments, and a dense layer behind a flattened image."""

        def __init__(self):
            super().__init__()
            self.grouped = nn.Conv2d(4, 6, 3, groups=2)
            self.norm = nn.BatchNorm2d(6)
            self.apart = nn.Conv2d(6, 12, (2, 3), groups=6)
            self.up = nn.ConvTranspose2d(12, 5, 3, stride=2)
            self.groups = nn.GroupNorm(1, 5)
            self.flat_norm = nn.BatchNorm1d(5 * 9 * 7)
            self.head = nn.Linear(5 * 9 * 7, 3)

        def forward(self, x):
            x = self.apart(self.norm(self.grouped(x)).relu())
            x = self.groups(self.up(x)).flatten(1)
            return self.head(self.flat_norm(x))

    class Signal(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(3, 4, 3)
            self.up = nn.ConvTranspose1d(4, 2, 3, stride=2)

        def forward(self, x):
            return self.up(self.conv(x))

    class Text(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(7, 6)
            self.norm = nn.LayerNorm(6)
            self.dense = nn.Linear(6, 4, bias=False)

        def forward(self, x):
            return self.dense(self.norm(self.embedding(x)))

    return {
        "image": (Image(), (2, 4, 7, 7)),
        "signal": (Signal(), (2, 3, 6)),
        "volume": (nn.Sequential(nn.Conv3d(2, 3, 2)), (2, 2, 3, 3, 3)),
        "text": (Text(), (2, 5)),
        "attention": (Attends(False), (2, 5, 6)),
        "projections": (Attends(True), (2, 5, 6)),
        "lstm": (Runs(nn.LSTM(3, 4, batch_first=True, bidirectional=True)), (2, 5, 3)),
        "gru": (Runs(nn.GRU(3, 4, batch_first=True)), (2, 5, 3)),
        "rnn": (Runs(nn.RNN(3, 4, batch_first=True)), (2, 5, 3)),
    }


def main():
    import torch
    from safetensors.numpy import save_file

    torch.manual_seed(0)
    tensors, arrays = {}, {}
    for name, (module, shape) in modules().items():
        for part in (*module.parameters(), *module.buffers()):
            if part.is_floating_point():
                part.data = (0.3 * torch.randn_like(part)).half().float()
        for key, part in module.named_buffers():
            if key.endswith("running_var"):
                part.data = (part.abs() + 0.5).half().float()
        x = torch.randint(0, 7, shape) if name == "text" else torch.randn(shape)
        with torch.no_grad():
            y = module.eval()(x)
        arrays |= {f"{name}/x": x.numpy(), f"{name}/y": y.numpy()}
        for key, part in module.state_dict().items():
            tensors[f"{name}/{key}"] = part.half().numpy() if part.is_floating_point() else part.numpy()
    save_file(tensors, HERE / "torch.safetensors", metadata={"format": "pt"})
    np.savez_compressed(HERE / "torch.npz", **arrays)
    (HERE / "torch.json").write_text(json.dumps({"torch": torch.__version__}) + "\n")


if __name__ == "__main__":
    main()
