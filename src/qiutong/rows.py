"""Headings and rows of CSV text."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from qiutong.errors import BadRows, UnreadableFile


def read_rows(path: Path, error_class: type[BadRows]) -> tuple[list[str], list[list[str]]]:
    """Read the headings and rows of a CSV file with commas, in UTF-8.

    Parameters
    ----------
    path
        The file.
    error_class
        What to raise where two columns have one heading.

    Returns
    -------
    tuple of list
        Headings and rows, as :func:`split_rows` gives them.

    Raises
    ------
    BadRows
        As for :func:`split_rows`.
    UnreadableFile
        The file is missing, or no such table.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableFile(
            path, f"cannot be read ({error.strerror})", "Check the path."
        ) from None
    except UnicodeDecodeError:
        raise UnreadableFile(path, "is not UTF-8", "Save it as CSV UTF-8.") from None
    return split_rows(path, text, error_class)


def split_rows(
    path: Path,
    text: str,
    error_class: type[BadRows],
    *,
    delimiter: str = ",",
    fold: Callable[[str], str] = str,
) -> tuple[list[str], list[list[str]]]:
    """Split CSV text into its headings and its rows of cells.

    Parameters
    ----------
    path
        The file, for messages.
    text
        Its text, without a byte order mark.
    error_class
        What to raise where two columns have one heading.
    delimiter
        The character between cells.
    fold
        Brings spellings of one heading together: two that it makes equal count as one heading.

    Returns
    -------
    tuple of list
        The headings without spaces around them, and every row below them, empty ones too: the first
        has number 2, as a spreadsheet shows it.

    Raises
    ------
    BadRows
        Two columns have one heading. A row would hold one value for it, and the last would win in
        silence. Columns without a heading are no matter.
    UnreadableFile
        A quotation mark is not closed.
    """
    try:
        # Not csv.DictReader: it passes over empty lines, and the rows below one would be misnumbered.
        headings, *rows = [*csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)] or [[]]
    except csv.Error as error:
        raise UnreadableFile(
            path, f"is no CSV file ({error})", "Look for a quotation mark that is not closed."
        ) from None
    headings = [one.strip() for one in headings]
    places: dict[str, list[int]] = {}
    for number, heading in enumerate(headings, 1):
        if heading:
            places.setdefault(fold(heading), []).append(number)
    twice = [
        f'row 1: there are {len(held)} columns "{headings[held[0] - 1]}" (columns '
        + " and ".join(map(str, held))
        + "); keep one, or rename the others"
        for held in places.values()
        if len(held) > 1
    ]
    if twice:
        raise error_class(path, twice)
    return headings, rows


def refuse_surplus(
    path: Path,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    error_class: type[BadRows],
    *,
    delimiter: str = ",",
) -> None:
    """Refuse rows with more cells than headings, empty cells at the end aside.

    Parameters
    ----------
    path
        The file, for messages.
    headings, rows
        As :func:`split_rows` gives them.
    error_class
        What to raise.
    delimiter
        The character between cells.

    Raises
    ------
    BadRows
        A mark too many, in a title or between codes, would move or lose what was written.
    """
    remedy = {
        ",": "put text that holds a comma in quotation marks, and ; between codes or parties",
        ";": "put text that holds a semicolon in quotation marks",
        "\t": "put text that holds a tab in quotation marks",
    }[delimiter]
    surplus = [
        f'row {number}: more cells than headings, first "{over[0].strip()}"; {remedy}'
        for number, row in enumerate(rows, 2)
        if (over := [one for one in row[len(headings) :] if one.strip()])
    ]
    if surplus:
        raise error_class(path, surplus)
