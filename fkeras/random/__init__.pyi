"""`fk.random`: random arrays; the key comes first."""

from ._draws import beta as beta
from ._draws import binomial as binomial
from ._draws import categorical as categorical
from ._draws import dropout as dropout
from ._draws import gamma as gamma
from ._draws import normal as normal
from ._draws import randint as randint
from ._draws import shuffle as shuffle
from ._draws import truncated_normal as truncated_normal
from ._draws import uniform as uniform
from ._seed_generator import SeedGenerator as SeedGenerator
