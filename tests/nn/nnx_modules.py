"""Ten modules of Flax NNX, written as Flax's own examples are, that know nothing of fkeras."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx


class MLP(nnx.Module):
    def __init__(self, din, dmid, dout, *, rngs: nnx.Rngs):
        self.linear1 = nnx.Linear(din, dmid, rngs=rngs)
        self.bn = nnx.BatchNorm(dmid, rngs=rngs)
        self.dropout = nnx.Dropout(0.0, rngs=rngs)
        self.linear2 = nnx.Linear(dmid, dout, rngs=rngs)

    def __call__(self, x):
        x = self.dropout(nnx.gelu(self.bn(self.linear1(x))))
        return self.linear2(x)


class CNN(nnx.Module):
    def __init__(self, *, rngs: nnx.Rngs):
        self.conv1 = nnx.Conv(1, 4, kernel_size=(3, 3), rngs=rngs)
        self.conv2 = nnx.Conv(4, 4, kernel_size=(3, 3), rngs=rngs)
        self.linear1 = nnx.Linear(16, 8, rngs=rngs)
        self.linear2 = nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, x):
        x = nnx.avg_pool(nnx.relu(self.conv1(x)), window_shape=(2, 2), strides=(2, 2))
        x = nnx.avg_pool(nnx.relu(self.conv2(x)), window_shape=(2, 2), strides=(2, 2))
        return self.linear2(nnx.relu(self.linear1(x.reshape(x.shape[0], -1))))


@nnx.register_variable_name("losses")
class Loss(nnx.Intermediate):
    pass


class VAE(nnx.Module):
    def __init__(self, din, latent, *, rngs: nnx.Rngs):
        self.encoder = nnx.Linear(din, 2 * latent, rngs=rngs)
        self.decoder = nnx.Linear(latent, din, rngs=rngs)
        # The noise of the first steps is below what float32 shows, so that two runs of other keys are equal.
        self.encoder.bias[...] = jnp.asarray([0.0] * latent + [-60.0] * latent)
        self.rngs = rngs

    def __call__(self, x):
        mean, logvar = jnp.split(self.encoder(x), 2, axis=-1)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(self.rngs.noise(), mean.shape)
        self.sow(Loss, "kl", 1e-3 * jnp.mean(mean**2 + jnp.exp(logvar) - logvar - 1.0))
        return nnx.sigmoid(self.decoder(z))


class Block(nnx.Module):
    def __init__(self, dim, heads, *, decode=False, rngs: nnx.Rngs):
        self.norm1 = nnx.LayerNorm(dim, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(heads, dim, decode=decode, dropout_rate=0.0, rngs=rngs)
        self.norm2 = nnx.RMSNorm(dim, rngs=rngs)
        self.mlp = nnx.Sequential(nnx.Linear(dim, 2 * dim, rngs=rngs), nnx.relu, nnx.Linear(2 * dim, dim, rngs=rngs))

    def __call__(self, x, mask=None, *, deterministic: bool):
        x = x + self.attention(self.norm1(x), mask=mask, deterministic=deterministic)
        return x + self.mlp(self.norm2(x))


class TransformerLM(nnx.Module):
    def __init__(self, vocab, dim, *, decode=False, rngs: nnx.Rngs):
        self.embed = nnx.Embed(vocab, dim, rngs=rngs)
        self.blocks = nnx.List([Block(dim, 2, decode=decode, rngs=rngs) for _ in range(2)])
        self.decode = decode

    def __call__(self, tokens, *, deterministic: bool = True):
        x = self.embed(tokens)
        mask = None if self.decode else nnx.make_causal_mask(tokens)
        for block in self.blocks:
            x = block(x, mask, deterministic=deterministic)
        return self.embed.attend(x)


class ResidualBlock(nnx.Module):
    def __init__(self, features, *, rngs: nnx.Rngs):
        self.conv = nnx.Conv(features, features, (3, 3), use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(features, momentum=0.9, rngs=rngs)

    def __call__(self, x, train: bool):
        return nnx.relu(x + self.norm(self.conv(x), use_running_average=not train))


class ResNet(nnx.Module):
    def __init__(self, *, rngs: nnx.Rngs):
        self.stem = nnx.Conv(1, 4, (3, 3), rngs=rngs)
        self.stages = nnx.Dict(first=ResidualBlock(4, rngs=rngs), second=ResidualBlock(4, rngs=rngs))
        self.head = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x, train: bool = True):
        x = self.stem(x)
        for name in ("first", "second"):
            x = self.stages[name](x, train)
        return self.head(x.mean(axis=(1, 2)))


class Tagger(nnx.Module):
    def __init__(self, vocab, dim, *, rngs: nnx.Rngs):
        self.embed = nnx.Embed(vocab, dim, rngs=rngs)
        self.lstm = nnx.RNN(nnx.LSTMCell(dim, dim, rngs=rngs), rngs=rngs)
        self.head = nnx.Linear(dim, 3, rngs=rngs)

    def __call__(self, tokens):
        return self.head(self.lstm(self.embed(tokens)))


class Seq2Seq(nnx.Module):
    def __init__(self, vocab, dim, *, rngs: nnx.Rngs):
        self.embed = nnx.Embed(vocab, dim, rngs=rngs)
        self.encoder = nnx.RNN(nnx.GRUCell(dim, dim, rngs=rngs), return_carry=True, rngs=rngs)
        self.decoder = nnx.RNN(nnx.GRUCell(dim, dim, rngs=rngs), rngs=rngs)
        self.attention = nnx.MultiHeadAttention(1, dim, decode=False, rngs=rngs)
        self.head = nnx.Linear(dim, vocab, rngs=rngs)

    def __call__(self, source, target):
        carry, memory = self.encoder(self.embed(source))
        hidden = self.decoder(self.embed(target), initial_carry=carry)
        return self.head(hidden + self.attention(hidden, memory))


class Discriminator(nnx.Module):
    def __init__(self, *, rngs: nnx.Rngs):
        self.layers = nnx.List([nnx.Conv(din, 4, (3, 3), strides=2, rngs=rngs) for din in (1, 4)])
        self.head = nnx.Linear(16, 1, rngs=rngs)
        self.seen = Seen(jnp.zeros((), jnp.int32))

    def __call__(self, x):
        self.seen[...] += x.shape[0]
        for layer in self.layers:
            x = nnx.leaky_relu(layer(x), 0.2)
        return self.head(x.reshape(x.shape[0], -1))


class Seen(nnx.Variable):
    pass


class LoRAMLP(nnx.Module):
    def __init__(self, din, dmid, dout, *, rngs: nnx.Rngs):
        self.first = nnx.LoRALinear(din, dmid, lora_rank=2, rngs=rngs)
        self.second = nnx.LoRA(dmid, 2, dout, base_module=nnx.Linear(dmid, dout, rngs=rngs), rngs=rngs)

    def __call__(self, x):
        return self.second(nnx.tanh(self.first(x)))


class ScannedMLP(nnx.Module):
    """Four layers as one with stacked weights, and a mixture of experts, which are mapped."""

    def __init__(self, dim, *, rngs: nnx.Rngs):
        @nnx.split_rngs(splits=4)
        @nnx.vmap(in_axes=(0,), out_axes=0)
        def stacked(rngs):
            return nnx.Linear(dim, dim, rngs=rngs)

        self.blocks, self.experts = stacked(rngs), stacked(rngs)
        self.gate = nnx.Linear(dim, 4, rngs=rngs)

    def __call__(self, x):
        @nnx.scan(in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
        @nnx.remat
        def forward(x, block):
            return x + nnx.tanh(block(x))

        x = forward(x, self.blocks)
        mixed = nnx.vmap(lambda expert, x: expert(x), in_axes=(0, None), out_axes=1)(self.experts, x)
        return jnp.einsum("be,bed->bd", nnx.softmax(self.gate(x)), mixed)


def _floats(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def _ints(limit, *shape):
    return np.random.default_rng(0).integers(0, limit, size=shape)


#: Name: what makes the module from `rngs`, its inputs, targets, and the loss.
MODULES = {
    "mlp": (lambda rngs: MLP(3, 4, 2, rngs=rngs), _floats(4, 3), _floats(4, 2), "mse"),
    "cnn": (lambda rngs: CNN(rngs=rngs), _floats(4, 8, 8, 1), _ints(3, 4), "xent"),
    "vae": (lambda rngs: VAE(4, 2, rngs=rngs), _floats(4, 4), _floats(4, 4), "mse"),
    "lm": (lambda rngs: TransformerLM(7, 4, rngs=rngs), _ints(7, 2, 5), _ints(7, 2, 5), "xent"),
    "resnet": (lambda rngs: ResNet(rngs=rngs), _floats(4, 6, 6, 1), _ints(3, 4), "xent"),
    "tagger": (lambda rngs: Tagger(7, 4, rngs=rngs), _ints(7, 2, 5), _ints(3, 2, 5), "xent"),
    "seq2seq": (lambda rngs: Seq2Seq(7, 4, rngs=rngs), (_ints(7, 2, 5), _ints(7, 2, 3)), _ints(7, 2, 3), "xent"),
    "discriminator": (lambda rngs: Discriminator(rngs=rngs), _floats(4, 8, 8, 1), _floats(4, 1), "mse"),
    "lora": (lambda rngs: LoRAMLP(3, 4, 2, rngs=rngs), _floats(4, 3), _floats(4, 2), "mse"),
    "scanned": (lambda rngs: ScannedMLP(4, rngs=rngs), _floats(4, 4), _floats(4, 4), "mse"),
}
