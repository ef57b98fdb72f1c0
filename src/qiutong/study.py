"""A study: a folder with settings and a store, and the order of the stages.

::

    study = Study.create("my-study", parties=["us", "cn"])
    study.add("register.csv")
    study.code()
    study.recommend()
    study.report()

Each stage takes values and gives values (see :mod:`qiutong.overlap` and its neighbours); this
module only fetches what a stage needs and keeps what it gives.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from qiutong import codebook as codebooks
from qiutong.errors import (
    BadRegister,
    BadSettings,
    DuplicateDocument,
    FetchError,
    InputError,
    NotAStudy,
    StageMissing,
    StudyExists,
    UnknownName,
    UnreadableFile,
)
from qiutong.evidence import collect_passages, find_counter_evidence, pair_passages
from qiutong.model import (
    Codebook,
    Coder,
    CoderKind,
    Coding,
    CounterEvidence,
    Document,
    EvidencePair,
    Grade,
    Overlap,
    Party,
    Passage,
    Recommendation,
    Results,
    Rivalry,
    Screen,
    Segment,
    SourceText,
    TextKind,
)
from qiutong.overlap import documents_as_of, doubts_as_of, measure_overlap
from qiutong.playbook import (
    Playbook,
    bundled_playbook,
    known_on,
    load_playbook,
    missing_parties,
    stands,
)
from qiutong.recommend import recommend
from qiutong.register import parse_field, read_register, slug
from qiutong.screening import find_rivalries, screen_codes, screen_topics
from qiutong.segment import segment_document
from qiutong.settings import Settings, read_toml
from qiutong.store import CodedDocument, Hit, SqlStore, StoredDocument
from qiutong.text import detect_language, index_terms, to_simplified

if TYPE_CHECKING:
    import numpy as np

SETTINGS_FILE = "study.toml"
STORE_FILE = "study.sqlite"
ORIGINALS_FOLDER = "originals"
PLAYBOOK_FOLDER = "playbook"

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how many items are finished, and of how many (None: unknown)."""

T = TypeVar("T")


class Rows(tuple[T, ...], Generic[T]):
    """A tuple of results that shows itself as a table in a notebook.

    ``rows()`` gives plain dictionaries, the same as ``--json`` on the command line.
    """

    def rows(self) -> list[dict[str, Any]]:
        """Give the results as plain dictionaries."""
        return [msgspec.to_builtins(one) for one in self]

    def _repr_html_(self) -> str:
        from qiutong.exporters.notebook import render_rows

        return render_rows(self)


class AddReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an addition did.

    Parameters
    ----------
    added, updated, unchanged
        Document ids.
    failed
        Files that gave no text, each with its error; the others were added.
    warnings
        Sentences for the user.
    """

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    failed: tuple[Exception, ...] = ()
    warnings: tuple[str, ...] = ()


class CodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a coding run did: document ids coded now, those left as they were, codings made now."""

    coder: Coder
    coded: tuple[str, ...]
    unchanged: tuple[str, ...]
    codings: int
    warnings: tuple[str, ...] = ()


class _PartyFile(msgspec.Struct, frozen=True):
    parties: tuple[Party, ...]


def known_parties() -> dict[str, Party]:
    """Parties whose names and mentions come with the package, by id."""
    root = Path(str(files("qiutong")))
    paths = [root / "parties.toml", *sorted(root.glob("studies/*/parties.toml"))]
    return {party.id: party for path in paths for party in read_toml(path, _PartyFile).parties}


def bundled_studies() -> dict[str, Path]:
    """Folders of the studies that come with the package, by name."""
    root = Path(str(files("qiutong") / "studies"))
    return {path.parent.name: path.parent for path in sorted(root.glob("*/register.csv"))}


def software_version() -> str:
    """Version of Qiutong that is running."""
    try:
        return version("qiutong")
    except PackageNotFoundError:
        return "unknown"


class Study:
    """A study folder that is open.

    Parameters
    ----------
    folder
        Where ``study.toml`` lies.

    Raises
    ------
    NotAStudy
        There is no ``study.toml`` in the folder.
    BadSettings
        ``study.toml`` holds a wrong value.
    """

    def __init__(self, folder: str | Path = ".") -> None:
        self.folder = Path(folder).resolve()
        path = self.folder / SETTINGS_FILE
        if not path.is_file():
            raise NotAStudy(
                f"{self.folder}: there is no {SETTINGS_FILE} here, so this is no study. "
                "Go to the study's folder, name it with --study FOLDER, or make one: "
                "qiutong init FOLDER --party us --party cn"
            )
        self.settings = read_toml(path, Settings)
        ids = [party.id for party in self.settings.parties]
        if len(set(ids)) < 2 or len(set(ids)) < len(ids):
            raise BadSettings(
                path,
                "a study compares two or more different parties; "
                f"found: {', '.join(ids) or 'none'}. Write one [[parties]] table for each.",
                where="parties",
            )
        self._store: SqlStore | None = None

    # ------------------------------------------------------------------ making and opening

    @classmethod
    def create(
        cls,
        folder: str | Path,
        parties: Sequence[str | Party] = (),
        *,
        name: str = "",
        like: str = "",
        as_of: str = "today",
        progress: Progress | None = None,
    ) -> "Study":
        """Make a new study.

        Parameters
        ----------
        folder
            Made where missing. It may hold other files, but no study.
        parties
            Two or more ids, or parties with their names and mentions.
        name
            Title of the study; the folder's name where empty.
        like
            Name of a bundled study to copy, documents included.
        as_of
            ``today``, or the day written to ``study.toml``.

        Raises
        ------
        StudyExists
            The folder holds a study already.
        InputError
            Fewer than two parties, or one named twice.
        UnknownName
            ``like`` is no bundled study.
        """
        folder = Path(folder)
        if (folder / SETTINGS_FILE).exists() or (folder / STORE_FILE).exists():
            raise StudyExists(f"{folder}: there is a study here already; choose another folder.")
        template = None
        if like:
            if like not in bundled_studies():
                raise UnknownName("bundled study", like, bundled_studies())
            template = bundled_studies()[like]
            parties = parties or read_toml(template / "parties.toml", _PartyFile).parties
        known = known_parties()
        chosen = [
            one if isinstance(one, Party) else known.get(one, Party(id=one)) for one in parties
        ]
        ids = [party.id for party in chosen]
        if len(ids) < 2 or len(set(ids)) < len(ids):
            given = ", ".join(ids) or "none"
            raise InputError(
                f"a study compares two or more different parties; given: {given}. "
                "Example: qiutong init my-study --party us --party cn"
            )
        for identity in ids:
            if slug(identity) != identity:
                raise InputError(
                    f'party "{identity}": an id has lower-case letters, digits and hyphens, '
                    f'such as "{slug(identity)}".'
                )
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(bundled_playbook(), folder / PLAYBOOK_FOLDER, dirs_exist_ok=True)
        (folder / SETTINGS_FILE).write_text(
            _settings_text(name or folder.resolve().name, chosen, as_of), encoding="utf-8"
        )
        study = cls(folder)
        # The store is made now, so that a folder that cannot hold one is found out at once.
        study.store.document_ids()
        if template:
            study.add(template / "register.csv", progress=progress)
        return study

    @classmethod
    def find(cls, start: str | Path = ".") -> "Study":
        """Open the study in a folder or in the nearest folder above it."""
        here = Path(start).resolve()
        for folder in (here, *here.parents):
            if (folder / SETTINGS_FILE).is_file():
                return cls(folder)
        return cls(here)

    @property
    def store(self) -> SqlStore:
        """The study's store, opened on first use."""
        if self._store is None:
            self._store = SqlStore(self.folder / STORE_FILE)
        return self._store

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        parties = ", ".join(party.id for party in self.parties)
        return f"<Study {self.settings.name!r} in {self.folder}: {parties}>"

    def _repr_html_(self) -> str:
        from qiutong.exporters.notebook import render_rows

        return render_rows(self.documents())

    @property
    def parties(self) -> tuple[Party, ...]:
        """The parties compared."""
        return self.settings.parties

    @cached_property
    def codebook(self) -> Codebook:
        """The study's codebook."""
        source = self.settings.codebook
        path = self.folder / source
        if source.endswith((".yaml", ".yml")) or path.is_file():
            return codebooks.load_codebook(path)
        return codebooks.load_codebook(source)

    @cached_property
    def playbook(self) -> Playbook:
        """The study's playbook."""
        path = self.folder / self.settings.playbook
        folder = path if path.is_dir() else bundled_playbook(self.settings.playbook)
        return load_playbook(folder, self.codebook)

    def day(self, as_of: str | date | None = None) -> date:
        """Give the as-of date asked for, else the study's own, else today.

        Raises
        ------
        InputError
            The text is neither ``today`` nor a date.
        """
        asked = self.settings.as_of if as_of is None else as_of
        if isinstance(asked, date):
            return asked
        if asked == "today":
            return date.today()
        try:
            return date.fromisoformat(asked)
        except ValueError:
            raise InputError(
                f'"{asked}" is no date; give today or YYYY-MM-DD, such as 2025-01-20.'
            ) from None

    # ------------------------------------------------------------------ adding documents

    def add(
        self,
        *sources: str | Path,
        party: str = "",
        update: bool = False,
        only: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        **fields: str,
    ) -> AddReport:
        """Add documents: registers (CSV), files, folders, addresses, or the AGORA data set.

        All rows of a register are checked first, and one bad row means that nothing is added. A
        file that gives no text is reported and the others are added. What is in the study already
        is left alone.

        Parameters
        ----------
        sources
            Paths or ``https://`` addresses. A folder or zip with AGORA's ``documents.csv`` is read
            as that data set; any other folder stands for the files in it.
        party
            Party of files and addresses, and of rows that name none.
        update
            Replace the register fields of documents that are in the study already. Their text stays.
        only
            For AGORA: rows to take, by column and value.
        fields
            Register fields for files and addresses, such as ``issuer_type="company"``.

        Raises
        ------
        BadRegister
            Rows cannot be used; nothing was added.
        UnknownName
            ``party`` is no party of the study.
        DuplicateDocument
            A document has an id that is taken by another file.
        """
        ids = [one.id for one in self.parties]
        if party and party not in ids:
            raise UnknownName("party", party, ids)
        checked: dict[str, Any] = {}
        for column, value in fields.items():
            try:
                checked[column] = parse_field(column, value)
            except ValueError as error:
                raise InputError(f'{column}: "{value}" cannot be used; {error}.') from None
        batch = _Batch(self, update=update, progress=progress)
        for source in sources:
            if str(source).startswith(("https://", "http://")):
                batch.plan_url(str(source), party, checked)
                continue
            path = Path(source)
            if path.suffix.lower() in (".csv", ".tsv") and path.is_file():
                batch.plan_register(path, party, ids)
            elif _is_agora(path):
                batch.plan_agora(path, party, ids, only or {})
            elif path.is_dir():
                batch.plan_folder(path, party, checked)
            elif path.exists():
                batch.plan_file(path, party, checked)
            else:
                # A mistyped name is found before anything is read.
                raise UnreadableFile(path, "there is no such file", "Check the path.")
        return batch.run()

    def remove(self, document_id: str, why: str = "") -> None:
        """Take a document out of the study; its text and codings stay in the store."""
        self.store.remove_document(document_id, why)

    def documents(self) -> Rows[Document]:
        """Documents of the study without their text, in the order they were added."""
        return Rows(self.store.documents(with_text=False))

    def document(self, document_id: str) -> Document:
        """One document with its text."""
        return self.store.document(document_id)

    def segments(self, document_id: str | None = None) -> Iterator[Segment]:
        """Segments of one document, or of all."""
        document = None if document_id is None else self.document(document_id)
        return self.store.segments(document)

    def search(self, query: str, limit: int = 20) -> tuple[Hit, ...]:
        """Segments that hold every word of a query in any language, best first."""
        return self.store.search(query, limit)

    # ------------------------------------------------------------------ coding

    def code(self, *, again: bool = False, progress: Progress | None = None) -> CodeReport:
        """Code the documents with the built-in coder.

        Only what has changed is coded: a document is passed over when this version of the coder
        has coded this text with this codebook before.

        Parameters
        ----------
        again
            Code all documents, also those coded before.
        """
        from qiutong.coders.builtin import BuiltinCoder
        from qiutong.coders.embed import UseEmbedder

        embedder = UseEmbedder()
        cache = self.store.vector_cache(embedder.name)
        coder = BuiltinCoder(self.codebook, embedder, cache=cache)
        book = hashlib.sha256(msgspec.json.encode(self.codebook)).hexdigest()
        fingerprints = {
            document: hashlib.sha256(f"{coder.coder.version}\n{book}\n{text}".encode()).hexdigest()
            for document, text in self.store.text_digests().items()
        }
        done = {} if again else self.store.finished(coder.coder.id)
        todo = [one for one, mark in fingerprints.items() if done.get(one) != mark]
        unchanged = tuple(one for one in fingerprints if one not in set(todo))
        warnings = tuple(
            told["en"]
            for language in sorted({one.language for one in self.documents()})
            if (told := coder.warning(language))
        )
        if not todo:
            return CodeReport(
                coder=coder.coder, coded=(), unchanged=unchanged, codings=0, warnings=warnings
            )
        coded: list[str] = []
        count = 0

        def items() -> Iterator[tuple[Document, Sequence[Segment]]]:
            for identity in todo:
                document = self.document(identity)
                yield document, tuple(self.store.segments(document))

        if progress:
            progress("coding", 0, len(todo))
        for document, codings in coder.code_documents(items()):
            self.store.add_coded(
                CodedDocument(
                    document=document.id,
                    coder=coder.coder,
                    codebook=self.codebook.name,
                    fingerprint=fingerprints[document.id],
                    codings=tuple(codings),
                )
            )
            coded.append(document.id)
            count += len(codings)
            if progress:
                progress("coding", len(coded), len(todo))
        return CodeReport(
            coder=coder.coder,
            coded=tuple(coded),
            unchanged=unchanged,
            codings=count,
            warnings=warnings,
        )

    def codings(self, coder: str | None = None) -> Rows[Coding]:
        """Codings of a coder's latest pass over each document; of all coders where None."""
        return Rows(self.store.codings(coder))

    # ------------------------------------------------------------------ asking

    def overlap(self, as_of: str | date | None = None) -> Rows[Overlap]:
        """Measure overlap and stability of every code as of a date."""
        return Rows(_Asked(self, self.day(as_of)).overlaps)

    def screen(self, as_of: str | date | None = None) -> Rows[Screen]:
        """Screen every code and topic as of a date."""
        asked = _Asked(self, self.day(as_of))
        asked.need_two_parties()
        return Rows((*asked.code_screens.values(), *asked.topic_screens.values()))

    def recommend(self, as_of: str | date | None = None) -> Rows[Recommendation]:
        """Say of each topic whether to propose it, on which track, and why."""
        return Rows(_Asked(self, self.day(as_of)).recommendations)

    def results(self, as_of: str | date | None = None) -> Results:
        """Everything a report shows, as one value."""
        return _Asked(self, self.day(as_of)).results()

    def report(
        self,
        path: str | Path | None = None,
        *,
        language: str = "en",
        as_of: str | date | None = None,
        results: Results | None = None,
    ) -> Path:
        """Write the report as one HTML file.

        Parameters
        ----------
        path
            Where to; ``report.LANGUAGE.html`` in the study folder where None.
        language
            Language of the interface, ``en`` or ``zh``; quotes keep their own.
        results
            Results already computed, to write two languages from one computation.

        Returns
        -------
        The path written.
        """
        from qiutong.exporters.html import render_report

        target = Path(path) if path else self.folder / f"report.{language}.html"
        page = render_report(
            results or self.results(as_of), language, glossary=self.playbook.glossary
        )
        _write_whole(target, page.encode("utf-8"))
        return target


# ---------------------------------------------------------------------------- adding


class _Planned(msgspec.Struct, kw_only=True):
    """One document to be read and added."""

    document: Document
    path: Path | None = None
    origin: str = ""
    text: SourceText | None = None
    data: bytes = b""
    tags: tuple[str, ...] = ()
    free_id: bool = False
    """Whether the id was made from a file name and may be numbered."""


class _Batch:
    """One addition: planned whole, then read, then written in one transaction."""

    def __init__(self, study: Study, *, update: bool, progress: Progress | None) -> None:
        self.study = study
        self.update = update
        self.progress = progress
        self.plan: list[_Planned] = []
        self.warnings: list[str] = []
        self.failed: list[Exception] = []
        self.coders: dict[str, Coder] = {}

    # -- planning: no document is read yet

    def plan_register(self, path: Path, party: str, ids: Sequence[str]) -> None:
        rows, warnings = read_register(path, ids, {"party": party} if party else None)
        self.warnings += warnings
        for row in rows:
            self.plan.append(
                _Planned(
                    document=row.document,
                    path=row.path,
                    origin=f"{path}, row {row.row}",
                )
            )

    def plan_file(self, path: Path, party: str, fields: Mapping[str, Any]) -> None:
        self._need_party(path, party, fields)
        document = Document(
            **{"id": slug(path.name.removesuffix(".digest.md").removesuffix(path.suffix)),
               "party": party or "joint", "title": "", **fields}
        )  # fmt: skip
        self.plan.append(
            _Planned(document=document, path=path, origin=str(path), free_id="id" not in fields)
        )

    def plan_folder(self, path: Path, party: str, fields: Mapping[str, Any]) -> None:
        from qiutong.readers import supported

        endings = tuple(one if one.startswith(".") else f".{one}" for one in supported())
        found = [
            one
            for one in sorted(path.rglob("*"))
            if one.is_file()
            and one.name.lower().endswith(endings)
            and not any(part.startswith(".") for part in one.relative_to(path).parts)
        ]
        if not found:
            raise UnreadableFile(
                path, "holds no document", f"Kinds that can be read: {', '.join(endings)}."
            )
        for one in found:
            self.plan_file(one, party, fields)

    def plan_url(self, url: str, party: str, fields: Mapping[str, Any]) -> None:
        self._need_party(url, party, fields)
        document = Document(
            **{"id": "", "party": party or "joint", "title": "", "url": url, **fields}
        )
        self.plan.append(_Planned(document=document, origin=url))

    def plan_agora(
        self, path: Path, party: str, ids: Sequence[str], only: Mapping[str, str]
    ) -> None:
        from qiutong.readers.agora import read_agora

        skipped: dict[str, int] = {}
        for document, text, tags in read_agora(path, only=only):
            side = document.party or party
            if not text.text:
                reason = " ".join(text.warnings) or "no text"
                self.failed.append(UnreadableFile(f"{path}, {document.id}", reason.rstrip(".")))
                continue
            if side not in ids and not document.endorsed_by:
                skipped[side or "no party"] = skipped.get(side or "no party", 0) + 1
                continue
            self.plan.append(
                _Planned(
                    document=msgspec.structs.replace(document, party=side),
                    text=text,
                    data=text.text.encode(),
                    origin=f"{path}, {document.id}",
                    tags=tags,
                )
            )
        for side, count in skipped.items():
            self.warnings.append(
                f"{path}: {count} documents of {side} were passed over; the study compares "
                f"{', '.join(ids)}. Use --party for documents that name no party."
            )

    def _need_party(self, origin: str | Path, party: str, fields: Mapping[str, Any]) -> None:
        if not party and not fields.get("endorsed_by"):
            ids = ", ".join(one.id for one in self.study.parties)
            raise InputError(
                f"{origin}: whose document is this? Add --party (one of: {ids}), or for a joint "
                "text --endorsed-by."
            )

    # -- doing

    def run(self) -> AddReport:
        taken = self.study.store.taken_ids()
        held = {one.id: one for one in self.study.documents()}
        digests = {digest: identity for identity, digest in taken.items() if identity in held}
        added: list[StoredDocument] = []
        updates: list[Document] = []
        coded: list[CodedDocument] = []
        unchanged: list[str] = []
        problems: list[str] = []
        names: dict[str, str] = {}
        for number, item in enumerate(self.plan):
            if self.progress:
                self.progress("reading", number, len(self.plan))
            identity = item.document.id
            try:
                data = self._bytes(item)
            except (UnreadableFile, FetchError) as error:
                self.failed.append(error)
                continue
            digest = hashlib.sha256(data).hexdigest()
            identity = identity or slug(Path(item.document.url.split("?")[0]).stem)
            if item.free_id and identity in names:
                # Two files of one name in one batch are two documents. A name that the study has
                # already may be a new version of the same one: that is for the user to say.
                identity = self._free(identity, taken, names)
            item.document = msgspec.structs.replace(item.document, id=identity, sha256=digest)
            if taken.get(identity) == digest and identity in held:
                revised = self._revise(held[identity], item.document)
                if self.update and revised != held[identity]:
                    updates.append(revised)
                else:
                    unchanged.append(identity)
                continue
            if identity in taken and identity not in held:
                problems.append(
                    f'{item.origin}: the id "{identity}" belongs to a document that was removed. '
                    "Give this one its own id, such as "
                    f'"{self._free(identity, taken, names)}"'
                )
                continue
            if identity in taken:
                problems.append(
                    f'{item.origin}: the id "{identity}" is taken by a document with another text. '
                    "Give this one its own id, such as "
                    f'"{self._free(identity, taken, names)}"'
                )
                continue
            if identity in names and digests.get(digest) == identity:
                continue  # the same file named twice in one go
            if digest in digests:
                problems.append(
                    f'{item.origin}: the same file is in the study already as "{digests[digest]}". '
                    "A document counts once; leave one of the two out"
                )
                continue
            if identity in names:
                problems.append(
                    f'{item.origin}: the id "{identity}" stands for {names[identity]} already; '
                    "give each document its own id in a register"
                )
                continue
            names[identity], digests[digest] = item.origin, identity
            try:
                stored = self._read(item, data)
            except UnreadableFile as error:
                self.failed.append(error)
                continue
            self._keep(digest, data, item)
            added.append(stored)
            coded += self._tagged(item)
        if problems:
            if (
                any(one.path and one.path.suffix == ".csv" for one in self.plan)
                or len(problems) > 1
            ):
                raise BadRegister("documents", problems)
            raise DuplicateDocument(problems[0] + ". Nothing was added.")
        self.study.store.add_documents(added, updates, coded)
        if self.progress:
            self.progress("reading", len(self.plan), len(self.plan))
        return AddReport(
            added=tuple(one.document.id for one in added),
            updated=tuple(one.id for one in updates),
            unchanged=tuple(unchanged),
            failed=tuple(self.failed),
            warnings=tuple(self.warnings),
        )

    def _bytes(self, item: _Planned) -> bytes:
        if item.text is not None:
            return item.data
        if item.path is not None:
            from qiutong.readers import load_file

            return load_file(item.path)
        from qiutong.fetch import fetch_document

        fetched = fetch_document(item.document.url)
        item.document = msgspec.structs.replace(
            item.document, retrieved_at=str(fetched.retrieved_at), media_type=fetched.media_type
        )
        return fetched.data

    def _read(self, item: _Planned, data: bytes) -> StoredDocument:
        from qiutong.readers import read_bytes

        text = item.text
        if text is None:
            name = item.path.name if item.path else item.document.url
            text = read_bytes(data, str(item.path) if item.path else name)
        document = item.document
        language = document.language if document.language != "und" else detect_language(text.text)
        notes = list(text.warnings)
        if language == "und":
            notes.append(
                "The language was not recognised: paragraphs are the segments, and the built-in "
                "coder knows no cues for it. Name the language in the register if it is known."
            )
        is_digest = any(block.kind == "unit" for block in text.blocks)
        document = msgspec.structs.replace(
            document,
            text=text.text,
            pages=text.pages,
            blocks=text.blocks,
            title=document.title or text.title or document.id,
            language=language,
            media_type=text.media_type,
            text_kind=(
                TextKind.DIGEST
                if is_digest and document.text_kind is TextKind.ORIGINAL
                else document.text_kind
            ),
            source_file=item.path.name if item.path else document.source_file,
            retrieved_at=document.retrieved_at or datetime.now(UTC).isoformat(timespec="seconds"),
            warnings=tuple(notes),
        )
        self.warnings += [f"{document.id}: {note}" for note in notes]
        segments = segment_document(document)
        if not segments:
            raise UnreadableFile(
                item.path or item.origin,
                "holds headings but no provision",
                "Check that the text of the document is in the file.",
            )
        return StoredDocument(document=document, segments=segments)

    def _tagged(self, item: _Planned) -> list[CodedDocument]:
        """Document-level codings from the tags a data set brings along."""
        if not item.tags:
            return []
        codes = [
            code.id
            for code in self.study.codebook.codes
            if not set(code.agora).isdisjoint(item.tags)
        ]
        coder = Coder(
            id="agora",
            kind=CoderKind.PERSON,
            version="data set",
            description="Document-level tags of the AGORA data set (CSET/ETO), given by people.",
        )
        mark = hashlib.sha256(
            "\n".join((self.study.codebook.name, *item.tags)).encode()
        ).hexdigest()
        return [
            CodedDocument(
                document=item.document.id,
                coder=coder,
                codebook=self.study.codebook.name,
                fingerprint=mark,
                codings=tuple(
                    Coding(
                        document=item.document.id,
                        code=code,
                        coder=coder.id,
                        codebook=self.study.codebook.name,
                    )
                    for code in codes
                ),
            )
        ]

    def _keep(self, digest: str, data: bytes, item: _Planned) -> None:
        """Keep the original under its hash; a file that is there already is the same file."""
        suffix = (item.path.suffix if item.path else Path(item.document.url).suffix)[:8].lower()
        if not suffix.isascii() or "/" in suffix:
            suffix = ""
        target = self.study.folder / ORIGINALS_FOLDER / digest[:2] / f"{digest}{suffix or '.txt'}"
        if not target.exists():
            _write_whole(target, data)

    @staticmethod
    def _revise(old: Document, new: Document) -> Document:
        """Old document with the register fields of the new one, where it gives them."""
        kept = {"id", "sha256", "text", "pages", "blocks", "language", "media_type", "text_kind",
                "source_file", "retrieved_at", "warnings"}  # fmt: skip
        changes = {
            field.name: value
            for field in msgspec.structs.fields(Document)
            if field.name not in kept
            and (value := getattr(new, field.name)) != field.default
            and value != ""
        }
        return msgspec.structs.replace(old, **changes)

    @staticmethod
    def _free(identity: str, taken: Mapping[str, str], names: Mapping[str, str]) -> str:
        number = 2
        while f"{identity}-{number}" in taken or f"{identity}-{number}" in names:
            number += 1
        return f"{identity}-{number}"


def _is_agora(path: Path) -> bool:
    if path.is_dir():
        return (path / "documents.csv").is_file() and (path / "fulltext").is_dir()
    return path.suffix.lower() == ".zip" and path.is_file()


def _write_whole(target: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _settings_text(name: str, parties: Sequence[Party], as_of: str) -> str:
    """Write ``study.toml`` for a new study, with what each setting means."""
    template = (files("qiutong") / "study_template.toml").read_text(encoding="utf-8")
    lines = [
        template.replace("@NAME@", _toml_text(name)).replace(
            'as_of = "today"', f"as_of = {_toml_text(as_of)}"
        )
    ]
    for party in parties:
        lines.append(f"\n[[parties]]\nid = {_toml_text(party.id)}")
        names = ", ".join(f"{_toml_text(k)} = {_toml_text(v)}" for k, v in party.name.items())
        lines.append(f"name = {{ {names} }}")
        lines.append("[parties.mentions]   # ways texts name this party or its policy")
        for language, mentions in party.mentions.items():
            listed = ", ".join(_toml_text(one) for one in mentions)
            lines.append(f"{_toml_text(language)} = [{listed}]")
    return "\n".join(lines) + "\n"


def _toml_text(value: str) -> str:
    # A JSON string is a valid TOML basic string.
    return msgspec.json.encode(value).decode()


# ---------------------------------------------------------------------------- asking


class _Asked:
    """One question to a study as of a date; each stage is computed once, when it is needed."""

    def __init__(self, study: Study, as_of: date) -> None:
        self.study = study
        self.settings = study.settings
        self.as_of = as_of
        self.codebook = study.codebook

    @cached_property
    def _scope(self) -> tuple[tuple[Document, ...], dict[str, dict[str, str]]]:
        everything = tuple(self.study.documents())
        if not everything:
            raise StageMissing(
                f"{self.study.folder}: the study holds no documents. "
                "Add some: qiutong add register.csv"
            )
        kept, out = documents_as_of(
            everything,
            self.as_of,
            count_bills=self.settings.count_bills,
            count_drafts=self.settings.count_drafts,
        )
        coder = self.settings.coding.coder
        finished = self.study.store.finished(coder)
        if not finished:
            raise StageMissing(
                f'{self.study.folder}: coder "{coder}" has coded nothing here yet. '
                "Run: qiutong code"
                if coder == "builtin"
                else f'{self.study.folder}: coder "{coder}" has coded nothing here; coders with '
                f"codings: {', '.join(one.id for one in self.study.store.coders()) or 'none'}. "
                "Change coder in study.toml."
            )
        reasons = dict(out)
        for document in kept:
            if document.id not in finished:
                reasons[document.id] = {
                    "en": f'Not coded yet by "{coder}".',
                    "zh": f"编码者“{coder}”尚未对其编码。",
                }
        return tuple(one for one in kept if one.id in finished), reasons

    @property
    def documents(self) -> tuple[Document, ...]:
        """Documents in scope, without text."""
        return self._scope[0]

    @cached_property
    def codings(self) -> tuple[Coding, ...]:
        """Codings that count: of the study's coder, on documents in scope, sure enough."""
        coding = self.settings.coding
        known = {code.id for code in self.codebook.codes}
        inside = {one.id for one in self.documents}
        held = [one for one in self.study.store.codings(coding.coder) if one.document in inside]
        unknown = {one.code for one in held} - known
        if unknown:
            raise UnknownName(
                "code",
                sorted(unknown)[0],
                known,
                f'codings of "{coding.coder}" (run qiutong code again, or qiutong codebook migrate)',
            )
        return tuple(
            one for one in held if one.confidence is None or one.confidence >= coding.min_confidence
        )

    @cached_property
    def segment_counts(self) -> dict[str, int]:
        counts = self.study.store.segment_counts()
        return {one.id: counts.get(one.id, 0) for one in self.documents}

    @cached_property
    def overlaps(self) -> tuple[Overlap, ...]:
        return measure_overlap(
            self.documents,
            self.segment_counts,
            self.codings,
            self.codebook,
            self.study.parties,
            self.settings.thresholds,
            self.settings.stability,
            self.settings.interval_level,
        )

    def need_two_parties(self) -> None:
        """Refuse to screen what cannot be compared, with the same words as the overlap."""
        measure_overlap(
            self.documents, self.segment_counts, (), self.codebook, self.study.parties,
            self.settings.thresholds, None,
        )  # fmt: skip

    @cached_property
    def coded_segments(self) -> dict[str, Segment]:
        """Segments that carry a coding."""
        wanted = {one.segment for one in self.codings if one.segment}
        return {one.id: one for one in self.study.store.segments(ids=wanted)}

    @cached_property
    def rivalries(self) -> dict[str, Rivalry]:
        return find_rivalries(
            self.coded_segments.values(), self.documents, self.study.parties,
            self.study.playbook.rivalry,
        )  # fmt: skip

    @cached_property
    def code_screens(self) -> dict[str, Screen]:
        return screen_codes(*self._screening)

    @cached_property
    def topic_screens(self) -> dict[str, Screen]:
        return screen_topics(*self._screening)

    @property
    def _screening(self) -> tuple[Any, ...]:
        return (
            self.codebook,
            self.codings,
            self.documents,
            self.study.parties,
            self.study.playbook,
            self.settings.screening,
            self.as_of,
            self.rivalries,
            self.study.playbook.overrides,
            self.settings.interval_level,
        )

    @cached_property
    def all_passages(self) -> dict[str, dict[str, tuple[Passage, ...]]]:
        """Every passage behind a count, by code and party."""
        coded = {one.document for one in self.codings}
        documents = tuple(self.study.store.documents(coded))
        return collect_passages(documents, self.coded_segments, self.codings, self.codebook)

    @cached_property
    def passages(self) -> dict[str, dict[str, tuple[Passage, ...]]]:
        """Passages that may be quoted as evidence: those sure enough."""
        floor = self.settings.evidence.min_confidence
        return {
            code: {
                party: tuple(
                    one for one in held if one.confidence is None or one.confidence >= floor
                )
                for party, held in by_party.items()
            }
            for code, by_party in self.all_passages.items()
        }

    def _shown(self) -> dict[str, dict[str, tuple[Passage, ...]]]:
        """The surest passages of each party, of as many documents as possible, behind each count."""
        shown: dict[str, dict[str, tuple[Passage, ...]]] = {}
        compared = {party.id for party in self.study.parties}
        for code, by_party in self.all_passages.items():
            for party, held in by_party.items():
                if party not in compared:
                    continue
                ranked = sorted(
                    held, key=lambda one: (-(one.confidence or 1.0), one.document, one.start)
                )
                first: dict[str, Passage] = {}
                for one in ranked:
                    first.setdefault(one.document, one)
                best = list(first.values())[: self.settings.evidence.pairs]
                shown.setdefault(code, {})[party] = tuple(best)
        return shown

    @cached_property
    def _vectors(self) -> "Callable[[str], np.ndarray | None]":
        """Vector of a passage: from the store where the coder left one, else made now."""
        from qiutong.coders.embed import UseEmbedder, embed_cached

        embedder = UseEmbedder(processes=1)
        cache = self.study.store.vector_cache(embedder.name)
        compared = {party.id for party in self.study.parties}
        texts = sorted(
            {
                passage.text
                for by_party in self.passages.values()
                for party, held in by_party.items()
                if party in compared
                for passage in held
            }
        )
        matrix = embed_cached(embedder, cache, texts)
        place = {text: number for number, text in enumerate(texts)}
        return lambda text: matrix[place[text]] if text in place else None

    @cached_property
    def evidence(self) -> dict[str, tuple[EvidencePair, ...]]:
        return {
            one.code: pair_passages(
                one.code,
                self._sides(one.code),
                self._vectors,
                self.settings.evidence.pairs,
                rivals=self.rivalries,
                parties=self.study.parties,
            )
            for one in self.overlaps
            if one.grade in (Grade.STRONG, Grade.MODERATE, Grade.LIMITED)
        }

    @cached_property
    def counter_evidence(self) -> dict[str, tuple[CounterEvidence, ...]]:
        return {
            one.code: find_counter_evidence(
                one.code,
                self._sides(one.code),
                self.rivalries,
                one,
                self.settings.evidence.against,
                vector=self._vectors,
                documents=self.documents,
                parties=self.study.parties,
            )
            for one in self.overlaps
            if one.grade not in (Grade.ABSENT, Grade.UNDEFINED)
        }

    def _sides(self, code: str) -> dict[str, tuple[Passage, ...]]:
        """Passages of the compared parties, in the order of the parties."""
        held = self.passages.get(code, {})
        return {party.id: held.get(party.id, ()) for party in self.study.parties}

    @cached_property
    def recommendations(self) -> tuple[Recommendation, ...]:
        return recommend(
            self.study.playbook,
            self.overlaps,
            self.topic_screens,
            self.documents,
            self.study.parties,
            self.settings,
            self.as_of,
            codebook=self.codebook,
            evidence=self.evidence,
            counter_evidence=self.counter_evidence,
        )

    def results(self) -> Results:
        """Gather everything a report shows."""
        coder = self.settings.coding.coder
        coders = tuple(one for one in self.study.store.coders() if one.id == coder)
        warnings = [
            *_first_few(self.study.playbook.warnings),
            *missing_parties(self.study.playbook, [one.id for one in self.study.parties]),
            *(
                {"en": f"{document}: {doubt['en']}", "zh": f"{document}：{doubt['zh']}"}
                for document, doubt in doubts_as_of(self.documents, self.as_of).items()
            ),
            *(
                {
                    "en": f"{one.title_en or one.title} ended on this very day "
                    f"({one.status.value}) and still counts; ask for the next day to leave it out.",
                    "zh": f"《{one.title}》于当日终止，当日仍计入；查询次日即不计入。",
                }
                for one in self.documents
                if one.ended_on == self.as_of
            ),
        ]
        if coder == "builtin":
            from qiutong.coders.builtin import BuiltinCoder

            teller = BuiltinCoder(self.codebook)
            warnings += [
                told
                for language in sorted({one.language for one in self.documents})
                if (told := teller.warning(language))
            ]
        stability = self.settings.stability
        return Results(
            study=self.settings.name,
            as_of=self.as_of,
            parties=self.study.parties,
            codebook=self.codebook,
            coders=coders,
            documents=self.documents,
            left_out=self._scope[1],
            left_out_documents=tuple(
                one for one in self.study.documents() if one.id in self._scope[1]
            ),
            segments=self.segment_counts,
            overlaps=self.overlaps,
            evidence=self.evidence,
            counter_evidence=self.counter_evidence,
            screens={**self.code_screens, **self.topic_screens},
            recommendations=self.recommendations,
            fora=tuple(
                known_on(one, self.as_of)
                for one in self.study.playbook.fora
                if stands(one.since, one.until, self.as_of)
            ),
            passages=self._shown(),
            method={
                "software": f"qiutong {software_version()}",
                "codebook": self.codebook.name,
                "playbook": f"{self.study.playbook.id}@{self.study.playbook.version}",
                "coder": coder,
                "coder_version": coders[0].version if coders else "",
                "coder_kind": coders[0].kind.value if coders else "",
                "thresholds": {
                    "strong": self.settings.thresholds.strong,
                    "moderate": self.settings.thresholds.moderate,
                },
                "interval": f"Wilson {self.settings.interval_level:.0%}",
                "resamples": stability.resamples,
                "seed": stability.seed,
                "min_confidence": self.settings.coding.min_confidence,
                "codings": len(self.codings),
                "reliability": None,
            },
            warnings=tuple(warnings),
        )


def _first_few(warnings: Sequence[dict[str, str]], most: int = 3) -> list[dict[str, str]]:
    """Cut a long list of warnings of one kind, and say how many there are."""
    if len(warnings) <= most:
        return list(warnings)
    rest = len(warnings) - most
    return [
        *warnings[:most],
        {
            "en": f"{rest} more parts of the playbook do not fit the codebook: "
            "qiutong playbook check lists them.",
            "zh": f"预案另有{rest}处与编码表不符，可用 qiutong playbook check 查看。",
        },
    ]


def find_in_text(text: str, query: str) -> list[tuple[int, int]]:
    """Exact spans of a query's words in a text, for marking hits; traditional matches simplified."""
    simplified = to_simplified(text).lower()
    spans: list[tuple[int, int]] = []
    for term in sorted(set(index_terms(query)), key=len, reverse=True):
        start = simplified.find(term)
        while start >= 0:
            spans.append((start, start + len(term)))
            start = simplified.find(term, start + len(term))
    spans.sort()
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
