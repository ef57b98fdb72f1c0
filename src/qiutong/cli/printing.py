"""What every command prints with: lines, notes, tables, JSON, CSV and the progress bar."""

import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import typer

if TYPE_CHECKING:
    from rich.console import Console

    from qiutong.reliability import Coefficient


class Bar:
    """A progress bar on standard error, shown only once a second has passed."""

    def __init__(self, title: str = "") -> None:
        self._title = title
        self._progress: Any = None
        self._tasks: dict[str, Any] = {}
        self._began = time.monotonic()

    def __enter__(self) -> "Bar":
        if self._title and sys.stderr.isatty():
            self(self._title, 0, None)
        return self

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Show how far a stage is; the library's functions call this as they go."""
        if not sys.stderr.isatty():
            return
        if self._progress is None:
            if not self._title and time.monotonic() - self._began < 1.0:
                return
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

            self._progress = Progress(
                "{task.description}",
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._progress.start()
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[stage], completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()


def open_console() -> "Console":
    """Make a console that writes to standard output."""
    from rich.console import Console

    # Not a terminal: wide enough that a script or a file gets whole lines.
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False, soft_wrap=False)


def say(text: str) -> None:
    """Print a line."""
    print(text)


def warn(text: str) -> None:
    """Print a note on standard error."""
    print(f"Note: {text}", file=sys.stderr)


def print_json(value: Any) -> None:
    """Print one JSON value."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.flush()


def print_rows(rows: Sequence[dict[str, Any]], as_json: bool, as_csv: bool) -> bool:
    """Print rows for a script, if asked; say whether that was so."""
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    if as_json:
        print_json(rows)
    if as_csv:
        from qiutong.exporters.tables import write_csv

        sys.stdout.buffer.write(write_csv(rows).encode("utf-8"))
        sys.stdout.flush()
    return as_json or as_csv


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table whose long cells fold."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        # Text, not markup: a document may hold square brackets.
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    open_console().print(table)


def show_coefficient(held: "Coefficient") -> str:
    """Put a coefficient in words: two decimals and its interval, or why it is undefined."""
    if held.value is None:
        return f"undefined: {held.undefined}"
    if held.low is None or held.high is None:
        return f"{held.value:.2f}"
    return f"{held.value:.2f} ({held.low:.2f}–{held.high:.2f})"


def show_figure(value: float | None) -> str:
    """Put a figure in words: three decimals, or a dash where there is none."""
    return "–" if value is None else f"{value:.3f}"


GRADE_SIGNS = {
    "strong": "●●●", "moderate": "●●○", "limited": "●○○", "partial": "◐", "one-sided": "◧",
    "absent": "–", "undefined": "?",
}  # fmt: skip
