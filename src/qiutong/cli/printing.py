"""What every command prints with: lines, notes, tables, JSON, CSV and the progress bar."""

import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from qiutong.model import Estimate, Party
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
    """Print a table that fits the terminal; ids break at their dots and hyphens."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = open_console()
    # Text, not markup: a document may hold square brackets.
    lines = [
        [cell if isinstance(cell, Text) else Text(str(cell)) for cell in row]
        for row in [headings, *rows]
    ]
    widths = _column_widths([[one.plain for one in line] for line in lines], console.width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading, width in zip(lines[0], widths, strict=True):
        table.add_column(_broken(heading, width), width=width, overflow="fold")
    for line in lines[1:]:
        table.add_row(*(_broken(cell, width) for cell, width in zip(line, widths, strict=True)))
    console.print(table)


_PIECE = re.compile(r"\S+?(?:(?<=[a-z])[.-](?=[a-z])|(?<=[^\W\d_])/(?=[^\W\d_])|(?=\s)|$)")
"""What stays on one line of a narrow table: a word, or the part of an id up to a dot or hyphen."""

_LONGEST_PIECE = 18
_BROKEN_PIECE = 10


def _column_widths(lines: Sequence[Sequence[str]], width: int) -> list[int]:
    """Widths that fit the terminal, where they can without a break inside a word."""
    from rich.cells import cell_len

    columns = [*zip(*lines, strict=True)]
    wanted = [max(cell_len(part) for cell in one for part in cell.split("\n")) for one in columns]
    pieces = [
        [cell_len(piece) for cell in one for piece in _PIECE.findall(cell)] for one in columns
    ]
    # A longer piece, such as a Chinese sentence, is broken anyway.
    held = [
        min(want, max((n if n <= _LONGEST_PIECE else _BROKEN_PIECE for n in one), default=1))
        for one, want in zip(pieces, wanted, strict=True)
    ]
    # Two between columns, and one at each end.
    room = width - 2 * len(columns)
    while sum(held) > room and max(held) > 1:
        held[held.index(max(held))] -= 1
    while sum(held) < room and held != wanted:
        _, narrowest = min((n, at) for at, n in enumerate(held) if n < wanted[at])
        held[narrowest] += 1
    return held


def _broken(text: "Text", width: int) -> "Text":
    """The text with its lines broken between pieces; styles stay."""
    from rich.cells import cell_len
    from rich.text import Text

    lines: list[Text] = []
    for line in text.split("\n", allow_blank=True):
        starts = []
        begin = 0
        for piece in _PIECE.finditer(line.plain):
            if piece.start() > begin and cell_len(line.plain[begin : piece.end()]) > width:
                begin = piece.start()
                starts.append(begin)
        for part in line.divide(starts):
            part.rstrip()
            lines.append(part)
    return Text("\n").join(lines)


def show_coefficient(held: "Coefficient") -> str:
    """Put a coefficient in words: two decimals and its interval, or why it is undefined."""
    if held.value is None:
        return f"undefined: {held.undefined}"
    if held.low is None or held.high is None:
        return f"{held.value:.2f}"
    return f"{held.value:.2f} ({held.low:.2f}–{held.high:.2f})"


def show_noted(held: "Coefficient", notes: dict[str, int]) -> str:
    """Put a coefficient in words; why it is undefined goes into the notes, each reason once."""
    if held.value is not None:
        return show_coefficient(held)
    return f"undefined ({notes.setdefault(held.undefined, len(notes) + 1)})"


def show_sure(
    sure: float | None,
    prevalence: Mapping[str, "Estimate"],
    parties: Iterable["Party"],
    notes: dict[str, int],
) -> str:
    """Put a grade's probability in words; where it is too high for rare codes, with a note."""
    if sure is None:
        return "–"
    unseen = [
        f"{prevalence[one.id].total} checked documents of {one.label()}"
        for one in parties
        if one.id in prevalence and prevalence[one.id].is_unseen
    ]
    if not unseen:
        return f"{sure:.0%}"
    reason = (
        f"found in none of the {' and of the '.join(unseen)}: if hardly any document has the code, "
        "this is too sure"
    )
    return f"{sure:.0%} ({notes.setdefault(reason, len(notes) + 1)})"


def say_notes(notes: dict[str, int]) -> None:
    """Print the notes under a table."""
    for reason, number in notes.items():
        say(f"({number}) {reason}")


def show_count(n: int, noun: str) -> str:
    """Put a number of things in words: one document, two documents."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def show_figure(value: float | None) -> str:
    """Put a figure in words: three decimals, or a dash where there is none."""
    return "–" if value is None else f"{value:.3f}"


GRADE_SIGNS = {
    "strong": "●●●", "moderate": "●●○", "limited": "●○○", "partial": "◐", "one-sided": "◧",
    "absent": "–", "undefined": "?",
}  # fmt: skip
