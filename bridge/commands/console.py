"""What a person sees while they wait: a spinner or a bar on a terminal, and nothing where a script reads along."""

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def waiting(for_what: str) -> Iterator[None]:
    """Turn a spinner beside `for_what` until the block ends."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(for_what):
        yield


@contextlib.contextmanager
def progress(of_what: str) -> Iterator[Callable[[float], None]]:
    """Draw a bar beside `of_what` until the block ends; what is yielded moves it, from 0 to 1."""
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(of_what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def columns(rows: list[list[str]]) -> str:
    """Rows of words as aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
