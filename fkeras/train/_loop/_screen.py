"""Where a run's lines go: a line of a terminal or a notebook that is drawn again and again, or whole lines of a log."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from ..distribution._processes import is_first


def is_live() -> bool:
    """Whether what stands on stdout can be drawn again: on a terminal, and in a notebook."""
    return _to_notebook() or _on_terminal(sys.stdout)


def _to_notebook() -> bool:
    """Whether stdout goes to a notebook's cell, and not to whatever was put in its place."""
    return type(sys.stdout).__module__.partition(".")[0] == "ipykernel"


def _on_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # no stream at all, or one that is closed
        return False


class Screen:
    """A place for lines, which are drawn again where that can be; this one is silent.

    Attributes:
        live: whether a line can be drawn before it is finished.
        silent: whether nothing is shown at all.
        has_titles: whether a line's title stands in the line, and not above it.
        glyphs: what the part of a bar that is done is drawn with, and the rest.
    """

    live, silent, has_titles, glyphs = False, True, True, "━╌"

    def title(self, text: str) -> None:
        """Show what the next line is about, where that stands above it."""

    def show(self, line: str) -> None:
        """Draw a line over the last one."""

    def end(self, line: str) -> None:
        """Draw a line that stays."""

    def close(self) -> None:
        """Leave what was drawn as it is, and the streams as they were."""

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Log(Screen):
    """Whole lines, for a file or a pipe."""

    silent = False

    def end(self, line: str) -> None:
        print(line, flush=True)


class Terminal(Screen):
    """A line of a terminal, not wider than that.

    While a line stands there unfinished, whoever else writes to the terminal finds it cleared: callbacks, data sets,
    warnings and `jax.debug.print` get lines of their own, and the line is drawn again below them.
    """

    live, silent, has_titles = True, False, False

    def __init__(self) -> None:
        self.stream: Any = sys.stdout
        self.width = 0
        self.unended = False
        self.taken: dict[str, _Beside] = {}
        try:
            self.glyphs.encode(getattr(self.stream, "encoding", None) or "utf-8")
        except UnicodeEncodeError:
            self.glyphs = "=."

    def title(self, text: str) -> None:
        print(text, flush=True)

    def show(self, line: str) -> None:
        self._take_streams()
        room = shutil.get_terminal_size().columns - 1
        line = line if len(line) <= room else line[: max(0, room - 3)] + "..."
        start = "\n" if self.unended else "\r"
        self.stream.write(f"{start}{line}{' ' * (self.width - len(line))}")
        self.stream.flush()
        self.width, self.unended = len(line), False

    def clear(self) -> None:
        """Take the line off the terminal."""
        if self.width:
            self.stream.write(f"\r{' ' * self.width}\r")
            self.stream.flush()
            self.width = 0

    def end(self, line: str) -> None:
        self.clear()
        self.stream.write("\n" * self.unended + line + "\n")  # in full: it may take several lines, as it stays
        self.stream.flush()
        self.unended = False
        self.close()

    def close(self) -> None:
        if self.width:
            self.stream.write("\n")
            self.stream.flush()
            self.width = 0
        taken, self.taken = self.taken, {}
        if sys.stdout is taken.get("stdout", self):  # whoever put a stream of their own there keeps it
            sys.stdout = taken["stdout"].stream
        if sys.stderr is taken.get("stderr", self):
            sys.stderr = taken["stderr"].stream

    def _take_streams(self) -> None:
        if not self.taken:
            if _is_screen(sys.stdout):
                self.taken["stdout"] = sys.stdout = _Beside(sys.stdout, self)
            if _is_screen(sys.stderr):
                self.taken["stderr"] = sys.stderr = _Beside(sys.stderr, self)


def _is_screen(stream: Any) -> bool:
    return _on_terminal(stream) and not isinstance(stream, _Beside)


class _Beside:
    """A stream of others, who write to the terminal while a line stands there."""

    def __init__(self, stream: Any, terminal: Terminal) -> None:
        self.stream, self.terminal = stream, terminal

    def write(self, text: str) -> Any:
        if text:
            self.terminal.clear()
            self.terminal.unended = not text.endswith("\n")
        return self.stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Notebook(Screen):
    """An output of a notebook's cell for each line, whose content is replaced: the file has the last one alone."""

    live, silent = True, False

    def __init__(self) -> None:
        self.output: Any = None

    def show(self, line: str) -> None:
        from IPython.display import display  # the notebook has it

        content = {"text/plain": line}
        if self.output is None:
            self.output = display(content, raw=True, display_id=True)
        else:
            self.output.update(content, raw=True)

    def end(self, line: str) -> None:
        self.show(line)
        self.output = None


def screen_for(verbose: int) -> Screen:
    """The place for the lines of a run.

    Args:
        verbose: 0 is silent, 1 draws a bar where that can be, 2 prints a line at the end. Of several processes that
            make a run together the first one shows it.
    """
    if not is_first():
        return Screen()
    if verbose == 1 and _to_notebook():
        return Notebook()
    if verbose == 1 and _on_terminal(sys.stdout):
        return Terminal()
    return Log() if verbose else Screen()
