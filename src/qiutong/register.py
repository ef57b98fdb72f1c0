"""Registers: CSV files with one row a document.

A register is checked whole before anything is read from it. One bad row means that nothing is
added; every problem is named with row, column, value and what would be accepted.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path

import msgspec

from qiutong.errors import BadRegister, UndecodableText, UnreadableFile
from qiutong.model import (
    Document,
    Force,
    Instrument,
    IssuerType,
    Scope,
    Status,
    TextKind,
)
from qiutong.rows import refuse_surplus, split_rows

COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("document", "document_id"),
    "file": ("path", "filename", "local_file"),
    "url": ("url_official", "link"),
    "party": (),
    "title": ("title_orig",),
    "title_en": (),
    "issuer": ("issuer_orig",),
    "issuer_type": (),
    "instrument": (),
    "force": (),
    "language": ("lang",),
    "date_issued": ("date", "issued"),
    "date_effective": ("effective",),
    "status": (),
    "status_date": (),
    "text_kind": (),
    "endorsed_by": (),
    "licence": ("license",),
    "note": ("notes",),
    "source": (),
    "verified": (),
    "scope": (),
    "read": (),
    "never_send": (),
}
"""Columns of a register, each with the other names it may have."""

_VOCABULARIES: dict[str, type[StrEnum]] = {
    "issuer_type": IssuerType,
    "instrument": Instrument,
    "force": Force,
    "status": Status,
    "text_kind": TextKind,
    "scope": Scope,
}


class RegisterRow(msgspec.Struct, frozen=True, kw_only=True):
    """One checked row.

    Parameters
    ----------
    row
        Row number as a spreadsheet shows it; the heading is row 1.
    document
        The fields of the register; text, hash and id may still be missing.
    path
        The file, absolute, or None where the text is to be fetched from ``document.url``.
    """

    row: int
    document: Document
    path: Path | None


def slug(name: str) -> str:
    """Make a document id from a file name: lower case, letters of any script, hyphens."""
    words = re.sub(r"[^\w]+", "-", name.lower()).strip("-_")
    return words or "document"


def parse_date(text: str) -> tuple[date, bool]:
    """Read ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``.

    Returns
    -------
    The date, and whether the day was given. A missing month or day counts as the first.

    Raises
    ------
    ValueError
        The text is no such date.
    """
    match = re.fullmatch(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?", text.strip())
    if not match:
        raise ValueError(text)
    year, month, day = match.groups()
    return date(int(year), int(month or 1), int(day or 1)), day is not None


def date_as_given(text: str) -> str:
    """Write a date in ISO form with only the parts it has: ``2022/10`` gives ``2022-10``.

    Raises
    ------
    ValueError
        The text is no date that :func:`parse_date` reads.
    """
    parts = len(re.findall(r"\d+", text))
    return parse_date(text)[0].isoformat()[: {1: 4, 2: 7}.get(parts, 10)]


def parse_field(column: str, value: str) -> object:
    """Check one value of a register column and give it its type.

    Raises
    ------
    ValueError
        The value is not accepted; the message says what would be.
    """
    if column in _VOCABULARIES:
        vocabulary = _VOCABULARIES[column]
        wanted = value.strip().lower().replace(" ", "-").replace("_", "-")
        try:
            return vocabulary(wanted)
        except ValueError:
            raise ValueError("allowed: " + ", ".join(vocabulary)) from None
    if column.startswith("date_") or column == "status_date":
        try:
            return parse_date(value)[0]
        except ValueError:
            raise ValueError("give YYYY-MM-DD, YYYY-MM or YYYY") from None
    if column in ("read", "never_send"):
        wanted = value.strip().lower()
        if wanted not in ("true", "false", "yes", "no"):
            raise ValueError("give true or false")
        return wanted in ("true", "yes")
    if column == "endorsed_by":
        return tuple(part.strip() for part in re.split(r"[;,|]", value) if part.strip())
    return value.strip()


def read_register(
    path: Path, parties: Iterable[str], defaults: Mapping[str, str] | None = None
) -> tuple[tuple[RegisterRow, ...], tuple[str, ...]]:
    """Read and check a register.

    Parameters
    ----------
    path
        A CSV file (comma, semicolon or tab; UTF-8 or GB18030). Files it names are relative to it.
    parties
        Ids of the study's parties.
    defaults
        Values for columns that a row leaves empty, by column.

    Returns
    -------
    The rows, and warnings about columns that are not used or dates without a day.

    Raises
    ------
    BadRegister
        One or more rows cannot be used, or two columns have one heading.
    UnreadableFile
        The file is missing or is no table.
    """
    headings, rows, delimiter = _table(path)
    names = {alias: name for name, aliases in COLUMNS.items() for alias in (name, *aliases)}
    chosen: dict[str, str] = {}
    for heading in headings:
        name = names.get(_fold(heading))
        # The field's own name wins over another name for it, wherever it stands.
        if name and (name not in chosen or _fold(heading) == name):
            chosen[name] = heading
    unused = [heading for heading in headings if heading and heading not in chosen.values()]
    known = tuple(parties)
    problems: list[str] = []
    warnings: list[str] = []
    if not ({"file", "url", "read"} & chosen.keys()):
        raise BadRegister(
            path,
            [
                'row 1: there is no column "file" or "url"; found: '
                + ", ".join(heading for heading in headings if heading)
                + ". Name one of them to say where each document's text is."
            ],
        )
    refuse_surplus(path, headings, rows, BadRegister, delimiter=delimiter)
    result: list[RegisterRow] = []
    first_row_of: dict[str, int] = {}
    for number, values in enumerate(rows, 2):
        row = dict(zip(headings, values, strict=False))
        cells = {name: row.get(heading, "").strip() for name, heading in chosen.items()}
        if not any(cells.values()):
            continue
        for name, value in (defaults or {}).items():
            cells[name] = cells.get(name) or value
        checked = _check_row(path, number, cells, known, problems, warnings)
        if checked is None:
            continue
        identity = checked.document.id
        if identity and identity in first_row_of:
            problems.append(
                f'row {number}, column id: "{identity}" stands in row {first_row_of[identity]} '
                "already; give each document its own id"
            )
        first_row_of.setdefault(identity, number)
        result.append(checked)
    if problems:
        raise BadRegister(path, problems)
    if not result:
        raise BadRegister(path, ["it holds no documents; give one row a document"])
    if unused:
        warnings.append(f"{path.name}: columns not used: {', '.join(unused)}.")
    return tuple(result), tuple(warnings)


def _fold(heading: str) -> str:
    return heading.lower().replace(" ", "_")


def _table(path: Path) -> tuple[list[str], list[list[str]], str]:
    """Headings, rows and delimiter of a CSV file in any of the encodings spreadsheets save."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(
            path, f"cannot be read ({error.strerror})", "Check the path."
        ) from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise UndecodableText(path, "is neither UTF-8 nor GB18030", "Save it as CSV UTF-8.")
    if "\x00" in text:
        raise UnreadableFile(path, "is no CSV file", "Save the table as CSV UTF-8.")
    head = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=head.count)
    return *split_rows(path, text, BadRegister, delimiter=delimiter, fold=_fold), delimiter


def _check_row(
    path: Path,
    number: int,
    cells: Mapping[str, str],
    parties: Sequence[str],
    problems: list[str],
    warnings: list[str],
) -> RegisterRow | None:
    before = len(problems)

    def wrong(column: str, reason: str) -> None:
        value = cells.get(column, "")
        problems.append(f'row {number}, column {column}: "{value}" cannot be used; {reason}')

    fields: dict[str, object] = {}
    for column, value in cells.items():
        if column in ("file", "party") or not value:
            continue
        try:
            fields[column] = parse_field(column, value)
        except ValueError as error:
            wrong(column, str(error))
            continue
        if column == "date_issued":
            fields["issued_as"] = date_as_given(value)
        if (column.startswith("date_") or column == "status_date") and not parse_date(value)[1]:
            warnings.append(
                f"{path.name}, row {number}: {column} {value} has no day; "
                f"counted as {fields[column]}."
            )
    endorsed = fields.get("endorsed_by", ())
    strangers = [one for one in endorsed if one not in parties]  # type: ignore[attr-defined]
    if strangers:
        wrong(
            "endorsed_by", f"not a party of the study: {', '.join(strangers)}; " + _allowed(parties)
        )
    party = cells.get("party", "")
    if not party and not endorsed:
        problems.append(f"row {number}, column party: empty; {_allowed(parties)}")
    elif party not in parties and not endorsed:
        wrong(
            "party",
            _allowed(parties)
            + ". For a joint text name the parties that endorsed it in the column endorsed_by",
        )
    status = fields.get("status")
    if isinstance(status, Status) and status.ended and not fields.get("status_date"):
        wrong("status", "give the day it ended in the column status_date")
    where: Path | None = None
    if cells.get("file"):
        where = Path(cells["file"])
        where = where if where.is_absolute() else path.parent / where
        if not where.is_file():
            wrong("file", f"there is no file {where}")
    elif not cells.get("url") and fields.get("read", True):
        problems.append(
            f"row {number}, column file: empty, and no url; give one of them, or read = false "
            "for a document that is only listed"
        )
    if where and not fields.get("read", True):
        wrong("read", "the row names a file; leave file empty, or write true")
    if cells.get("url") and not re.match(r"https?://", cells["url"]):
        wrong("url", "give an address that starts with https:// or http://")
    if len(problems) > before:
        return None
    fields.setdefault("title", "")
    identity = str(fields.pop("id", "")) or (slug(where.stem) if where else "")
    if identity and not re.fullmatch(r"[\w][\w.\-]*", identity):
        wrong_id = re.sub(r"[^\w.\-]+", "-", identity).strip("-.")
        problems.append(
            f'row {number}, column id: "{identity}" cannot be used; letters, digits, hyphen, '
            f"underscore and full stop are allowed, such as {wrong_id}"
        )
        return None
    document = Document(id=identity, party=party or "joint", **fields)  # type: ignore[arg-type]
    return RegisterRow(row=number, document=document, path=where)


def _allowed(parties: Sequence[str]) -> str:
    return "allowed: " + (", ".join(parties) or "none, the study names no parties")
