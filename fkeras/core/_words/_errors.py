"""How fkeras words an error: what is wrong, what arrived, why it usually happens, what to write.

An error's text is an `Explanation`, which carries its parts: `ValueError(explain("…", write="…"))` is an ordinary
ValueError to whoever catches it, and `explanation_of(error).write` is the line to write instead. Code that has to know
what an error says asks for the parts; nothing is decided by looking for words in a message.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable


class Explanation(str):
    """The text of an error, with the parts that it was made of.

    Attributes:
        wrong: what is wrong.
        received: what arrived; `None` where that is not said.
        usually: why it usually happens; may be empty.
        write: the line to write instead; may be empty.
        place: where in a file it was found; may be empty.
        is_complete: whether a layer around the one that raised it has nothing to add.

    >>> found = explain("Dense got units=-1.", received=-1, write="Dense(32)")
    >>> found.received, found.write
    ('-1', 'Dense(32)')
    >>> print(found.of("Layer 'head'"))
    Layer 'head': Dense got units=-1.
      Received: -1
      Write:    Dense(32)
    """

    __slots__ = ("is_complete", "place", "received", "usually", "write", "wrong")

    wrong: str
    received: str | None
    usually: str
    write: str
    place: str
    is_complete: bool

    def __new__(
        cls,
        wrong: str,
        received: str | None = None,
        usually: str = "",
        write: str = "",
        place: str = "",
        is_complete: bool = False,
    ) -> Explanation:
        lines = [wrong]
        if received is not None:
            lines.append(f"  Received: {received}")
        hanging = "\n" + " " * 12  # the lines of a part stand below each other
        titled = (("Usually:", usually), ("Write:", write))
        lines += [f"  {title:10}{part.replace(chr(10), hanging)}" for title, part in titled if part]
        made = super().__new__(cls, "\n".join([*lines, *([f"  In:       {place}"] if place else [])]))
        made.wrong, made.received, made.usually, made.write = wrong, received, usually, write
        made.place, made.is_complete = place, is_complete
        return made

    def parts(self) -> dict[str, str | bool | None]:
        """The parts by name, which are the arguments that make the same explanation again."""
        return {name: getattr(self, name) for name in inspect.signature(Explanation).parameters}

    def __reduce__(self) -> tuple[object, ...]:
        return Explanation, tuple(self.parts().values())

    def with_parts(self, **changes: str | bool | None) -> Explanation:
        """The same with some parts changed."""
        return Explanation(**{**self.parts(), **changes})  # type: ignore[arg-type]

    def of(self, owner: str) -> Explanation:
        """The same, said of a layer or an object that holds what is wrong."""
        return self.with_parts(wrong=f"{owner}: {self.wrong}")

    def complete(self) -> Explanation:
        """The same, to which a layer around the one that raised it adds nothing."""
        return self.with_parts(is_complete=True)

    def is_about(self, owner: str) -> bool:
        """Whether what is wrong is said of this layer or class."""
        return self.wrong.startswith(owner)


def explain(wrong: str, *, received: object = None, usually: str = "", write: str = "") -> Explanation:
    """Word an error in the four parts that every fkeras error has.

    Args:
        wrong: what is wrong, naming the layer or argument; one sentence.
        received: what arrived (a value, shape or description); left out when `None`.
        usually: why it usually happens.
        write: the line to write instead.

    Returns:
        The text, one part a line; an `Explanation`.

    >>> print(explain("Dense got units=-1, but it must be positive.", received=-1, write="Dense(32)"))
    Dense got units=-1, but it must be positive.
      Received: -1
      Write:    Dense(32)
    """
    return Explanation(wrong, None if received is None else str(received), usually, write)


def explanation_of(error: BaseException) -> Explanation | None:
    """The parts that an error carries; `None` for an error that fkeras did not word.

    >>> explanation_of(ValueError(explain("Dense got units=-1.", received=-1))).received
    '-1'
    >>> explanation_of(IndexError("list index out of range")) is None
    True
    """
    return next((part for part in error.args if isinstance(part, Explanation)), None)


# Names are compared letter by letter, so of a name without an end only the beginning is.
_LONGEST_NAME = 100


def nearest(name: object, known: Iterable[str]) -> list[str]:
    """Up to three names that may be meant, the likeliest first: in other capitals, of equal letters, others.

    >>> nearest("adma", ["adamax", "adam", "nadam", "sgd"])
    ['adam', 'adamax', 'nadam']
    >>> nearest("adam", ["Nadam", "Adam", "AdamW"])
    ['Adam', 'Nadam', 'AdamW']
    """
    asked = str(name)[:_LONGEST_NAME]
    near = difflib.get_close_matches(asked, sorted({str(k)[:_LONGEST_NAME] for k in known}), n=3, cutoff=0.6)
    return sorted(near, key=lambda found: (found.lower() != asked.lower(), sorted(found) != sorted(asked)))


def did_you_mean(name: object, known: Iterable[str], limit: int = 40) -> str:
    """List what exists, the nearest names first asked for.

    >>> did_you_mean("rely", ["relu", "elu"])
    "Did you mean 'relu'? Known: elu, relu."
    """
    names = sorted({str(k)[:_LONGEST_NAME] for k in known})
    near = nearest(name, names)
    listed = ", ".join(names[:limit]) + (f", … ({len(names) - limit} more)" if len(names) > limit else "")
    hint = f"Did you mean {' or '.join(repr(n) for n in near)}? " if near else ""
    return f"{hint}Known: {listed or 'none'}."
