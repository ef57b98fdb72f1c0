"""The AGORA data set: documents with metadata, plain text and human tags.

AGORA is the AI Governance and Regulatory Archive of the Emerging Technology Observatory. What its
columns mean here is written in ``agora.yaml`` beside this module.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import msgspec

from qiutong.errors import BadRegister, InputError, UnknownName, UnreadableFile
from qiutong.model import Document, Force, Instrument, IssuerType, SourceText, Status, TextKind
from qiutong.readers.archive import MAX_MEMBER_BYTES, BoundedArchive
from qiutong.readers.layout import squeeze
from qiutong.readers.text import TextReader, decode_text
from qiutong.settings import read_yaml
from qiutong.text import detect_language, normalize_text

LICENCE = "AGORA data set, CSET/ETO: full text for non-commercial use, cite ETO"
_REQUIRED = ("AGORA ID", "Official name", "Authority")


class AgoraRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shape of ``agora.yaml``."""

    authority_party: dict[str, str] = {}
    jurisdiction_party: dict[str, str] = {}
    official_languages: dict[str, tuple[str, ...]] = {}
    issuer_types: dict[str, IssuerType] = {}
    legislatures: tuple[str, ...] = ()
    collection_instruments: dict[str, Instrument] = {}
    name_instruments: tuple[tuple[Instrument, str], ...] = ()
    instrument_force: dict[Instrument, Force] = {}


def read_agora(
    path: Path | str,
    *,
    parties: Mapping[str, str] | None = None,
    rules: Path | str | None = None,
    only: Mapping[str, str] | None = None,
) -> Iterator[tuple[Document, SourceText, tuple[str, ...]]]:
    """Read an AGORA data set, one document after another.

    Parameters
    ----------
    path
        A folder or zip archive with ``documents.csv``, ``authorities.csv`` and ``fulltext/``.
    parties
        Party by AGORA ID, for documents whose authority has no jurisdiction (companies) or to
        set another one. A column ``party`` in ``documents.csv`` does the same; this wins.
    rules
        A file to use in place of the bundled ``agora.yaml``.
    only
        Rows of ``documents.csv`` to take, by column and value.

    Returns
    -------
    iterator of tuple
        The document without its text, the text, and its tags (``"Risk factors: Safety"``): the
        document-level codings of human annotators; none where AGORA left them blank. A document
        without a party has ``party == ""`` and a warning; a document whose text is missing or
        cannot be read has ``text == ""`` and a warning that says why. The caller decides.

    Raises
    ------
    UnreadableFile
        No AGORA data set is there, or the archive is unsafe.
    BadRegister
        ``documents.csv`` lacks a column, or names a document twice.
    UnknownName
        ``only`` names a column that is not there.
    """
    path = Path(path)
    loaded = read_yaml(Path(rules or Path(__file__).with_name("agora.yaml")), AgoraRules)
    source = _Source(path)
    try:
        rows = _rows(source, "documents.csv")
        _check_rows(rows, source.shown("documents.csv"))
        for column, value in (only or {}).items():
            if column not in rows[0]:
                raise UnknownName("column", column, rows[0], where=source.shown("documents.csv"))
            rows = [row for row in rows if row[column] == value]
        authorities = (
            {row["Name"]: row for row in _rows(source, "authorities.csv") if row.get("Name")}
            if source.has("authorities.csv")
            else {}
        )
    except BaseException:
        source.close()
        raise
    return _documents(source, rows, authorities, loaded, parties or {})


class _Source:
    """A folder or a checked archive, read by names below the data set's own folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive: BoundedArchive | None = None
        self._base = ""
        if path.is_dir():
            if not (path / "documents.csv").is_file():
                inner = sorted(path.glob("*/documents.csv"))
                if not inner:
                    raise UnreadableFile(
                        path,
                        "there is no documents.csv in this folder",
                        "Name the folder or zip archive of the AGORA data set.",
                    )
                self.path = inner[0].parent
            return
        if not path.is_file():
            raise UnreadableFile(path, "it does not exist", "Check the path.")
        with path.open("rb") as stream:
            magic = stream.read(4)
        if magic[:2] != b"PK":
            raise UnreadableFile(
                path,
                "this is neither a folder nor a zip archive",
                "Name the folder or zip archive of the AGORA data set.",
            )
        self._archive = BoundedArchive(path, str(path))
        found = sorted(
            (n for n in self._archive.names if re.search(r"(?:^|/)documents\.csv$", n)), key=len
        )
        found = [name for name in found if not name.startswith("__MACOSX/")]
        if not found:
            self._archive.close()
            raise UnreadableFile(
                path,
                "there is no documents.csv in this archive",
                "Name the folder or zip archive of the AGORA data set.",
            )
        self._base = found[0].removesuffix("documents.csv")
        self._names = frozenset(self._archive.names)

    def shown(self, name: str) -> str:
        return f"{self.path}/{name}"

    def has(self, name: str) -> bool:
        if self._archive is not None:
            return self._base + name in self._names
        return (self.path / name).is_file()

    def read(self, name: str) -> bytes:
        if self._archive is not None:
            return self._archive.read(self._base + name)
        file = self.path / name
        if file.stat().st_size > MAX_MEMBER_BYTES:
            raise UnreadableFile(
                file, f"it is over the limit of {MAX_MEMBER_BYTES / 1e6:,.0f} MB", "Split it."
            )
        try:
            return file.read_bytes()
        except OSError as error:
            raise UnreadableFile(file, str(error.strerror), "Check the file.") from None

    def close(self) -> None:
        if self._archive is not None:
            self._archive.close()


def _rows(source: _Source, name: str) -> list[dict[str, str]]:
    text, _, _ = decode_text(source.read(name), source.shown(name))
    try:
        reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline=""), restval="")
        return [{k: v or "" for k, v in row.items() if isinstance(k, str)} for row in reader]
    except csv.Error as error:
        raise UnreadableFile(
            source.shown(name), f"it is no readable CSV ({error})", "Get the data set again."
        ) from None


def _check_rows(rows: list[dict[str, str]], file: str) -> None:
    if not rows:
        raise BadRegister(file, ["the table has no rows"])
    missing = [column for column in _REQUIRED if column not in rows[0]]
    if missing:
        raise BadRegister(
            file,
            [
                f'the column "{column}" is missing; columns: {", ".join(rows[0])}'[:400]
                for column in missing
            ],
        )
    problems = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 2):
        agora_id = row["AGORA ID"].strip()
        # The id becomes part of a path, so it is held to digits, letters and dashes.
        if not re.fullmatch(r"[\w-]{1,64}", agora_id):
            problems.append(f'row {number}, column "AGORA ID": "{agora_id}" is no id')
        elif agora_id in seen:
            problems.append(
                f'row {number}, column "AGORA ID": "{agora_id}" stands in row {seen[agora_id]} too'
            )
        seen.setdefault(agora_id, number)
    if problems:
        raise BadRegister(file, problems)


def _documents(
    source: _Source,
    rows: list[dict[str, str]],
    authorities: Mapping[str, Mapping[str, str]],
    rules: AgoraRules,
    parties: Mapping[str, str],
) -> Iterator[tuple[Document, SourceText, tuple[str, ...]]]:
    try:
        for row in rows:
            yield _document(source, row, authorities, rules, parties)
    finally:
        source.close()


def _document(
    source: _Source,
    row: Mapping[str, str],
    authorities: Mapping[str, Mapping[str, str]],
    rules: AgoraRules,
    parties: Mapping[str, str],
) -> tuple[Document, SourceText, tuple[str, ...]]:
    agora_id = row["AGORA ID"].strip()
    authority = row["Authority"].strip()
    chain = _chain(authority, authorities)
    jurisdiction = authorities.get(authority, {}).get("Jurisdiction", "")
    warnings: list[str] = []
    party = (
        parties.get(agora_id)
        or row.get("party", "").strip()
        or next(
            (rules.authority_party[name] for name in chain if name in rules.authority_party), ""
        )
        or rules.jurisdiction_party.get(jurisdiction, "")
    )
    if not party:
        warnings.append(
            f'AGORA {agora_id}: no party follows from the authority "{authority}"; name one in a '
            'column "party" of documents.csv.'
        )
    title = squeeze(normalize_text(row["Official name"]))
    text = _read_fulltext(source, agora_id, title)
    warnings += text.warnings
    language = detect_language(text.text) if text.text else "und"
    instrument = _instrument(row, chain, rules)
    status, status_date, issued = _dates(row, agora_id, chain, rules, warnings)
    official = rules.official_languages.get(jurisdiction, ())
    translated = bool(official) and bool(text.text) and language not in official
    force = Force.UNKNOWN
    if row.get("Most recent activity", "").strip() == "Enacted":
        force = rules.instrument_force.get(instrument, Force.UNKNOWN)
    document = Document(
        id=f"agora-{agora_id}",
        party=party,
        title=title,
        title_en=title,
        issuer=authority,
        issuer_type=next(
            (rules.issuer_types[name] for name in chain if name in rules.issuer_types),
            IssuerType.UNKNOWN,
        ),
        instrument=instrument,
        force=force,
        language=language,
        date_issued=issued,
        status=status,
        status_date=status_date,
        url=row.get("Link to document", "").strip(),
        retrieved_at=row.get("Official plaintext retrieved", "").strip(),
        licence=LICENCE,
        text_kind=TextKind.TRANSLATION if translated else TextKind.ORIGINAL,
        source_file=f"fulltext/{agora_id}.txt",
        warnings=tuple(warnings),
    )
    return (
        document,
        SourceText(
            text=text.text,
            blocks=text.blocks,
            title=title,
            encoding=text.encoding,
            warnings=tuple(warnings),
        ),
        _tags(row),
    )


def _chain(authority: str, authorities: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """An authority and those above it."""
    chain = [authority]
    while parent := authorities.get(chain[-1], {}).get("Parent authority", ""):
        if parent in chain:
            break
        chain.append(parent)
    return tuple(chain)


def _read_fulltext(source: _Source, agora_id: str, title: str) -> SourceText:
    name = f"fulltext/{agora_id}.txt"
    if not source.has(name):
        return SourceText(
            text="",
            warnings=(f"AGORA {agora_id} ({title}): {source.shown(name)} is missing; not read.",),
        )
    try:
        data = source.read(name)
        return TextReader().read(data, source.shown(name))
    except InputError as error:
        return SourceText(text="", warnings=(f"AGORA {agora_id} ({title}): not read. {error}",))


def _instrument(row: Mapping[str, str], chain: tuple[str, ...], rules: AgoraRules) -> Instrument:
    if any(name in rules.legislatures for name in chain):
        enacted = row.get("Most recent activity", "").strip() == "Enacted"
        return Instrument.LAW if enacted else Instrument.BILL
    for collection in row.get("Collections", "").split(";"):
        if collection.strip() in rules.collection_instruments:
            return rules.collection_instruments[collection.strip()]
    name = row["Official name"]
    for instrument, pattern in rules.name_instruments:
        if re.search(pattern, name):
            return instrument
    return Instrument.UNKNOWN


def _dates(
    row: Mapping[str, str],
    agora_id: str,
    chain: tuple[str, ...],
    rules: AgoraRules,
    warnings: list[str],
) -> tuple[Status, date | None, date | None]:
    """Status, its date, and the date of issue."""

    def day(column: str) -> date | None:
        value = row.get(column, "").strip()
        if not value:
            return None
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            warnings.append(f'AGORA {agora_id}: "{value}" in column "{column}" is no date.')
            return None

    activity = row.get("Most recent activity", "").strip()
    latest, proposed = day("Most recent activity date"), day("Proposed date")
    if activity == "Enacted":
        return Status.IN_FORCE, latest, latest or proposed
    if activity == "Proposed":
        return Status.DRAFT, latest, proposed or latest
    if activity == "Defunct":
        # AGORA says "defunct" of a bill that died and of an order that was revoked alike.
        bill = any(name in rules.legislatures for name in chain)
        if proposed is None and not bill:
            warnings.append(
                f"AGORA {agora_id}: no longer in force since {latest}; the data set does not say "
                "when it was issued."
            )
        return (Status.EXPIRED if bill else Status.RESCINDED), latest, proposed
    if activity:
        warnings.append(f'AGORA {agora_id}: activity "{activity}" is unknown.')
    return Status.UNKNOWN, latest, proposed or latest


def _tags(row: Mapping[str, str]) -> tuple[str, ...]:
    """Tags set in a column of their own or listed in ``Tags``, in alphabetical order."""
    tags = {
        column
        for column, value in row.items()
        if ": " in column and value.strip().lower() in ("true", "1", "yes")
    }
    tags.update(tag.strip() for tag in row.get("Tags", "").split(";") if tag.strip())
    return tuple(sorted(tags))
