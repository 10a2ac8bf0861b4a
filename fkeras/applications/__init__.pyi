"""`fk.applications`: trained networks; those of text are built in, and other names say how they are read from Keras."""

from ._pretrained._directory import load_pretrained as load_pretrained
from ._pretrained._directory import read_config as read_config
from ._pretrained._directory import save_pretrained as save_pretrained
from ._pretrained._tokenizers import load_tokenizer as load_tokenizer
from .gpt2 import GPT2 as GPT2
from .gpt2 import GPT2Config as GPT2Config
from .llama import Llama as Llama
from .llama import LlamaConfig as LlamaConfig
from .llama import RopeScaling as RopeScaling
