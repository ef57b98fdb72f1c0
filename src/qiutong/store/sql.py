"""The store: one SQLite file in WAL mode, written in whole transactions.

Nothing is overwritten: codings are append-only, a document that is removed is only marked, and a
register field that is corrected leaves its old value in ``document_history``.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa

from qiutong.errors import DuplicateDocument, StudyBusy, StudyError, StudyTooNew, UnknownName
from qiutong.model import (
    Block,
    Coder,
    CoderKind,
    Coding,
    Decision,
    Document,
    Page,
    Position,
    Segment,
)
from qiutong.store import schema
from qiutong.text import index_terms, to_simplified

BUSY_TIMEOUT_S = 30
"""How long a second process waits for the first to finish a transaction."""

CARRIED = "carried:"
"""Fingerprints of passes that were carried over from an earlier text begin so."""

_CHUNK = 500  # below SQLite's limit on bound values in one statement


class StoredDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document ready to be stored, with its segments."""

    document: Document
    segments: tuple[Segment, ...]


class CodedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What one coder said of one document, in one go."""

    document: str
    coder: Coder
    codebook: str
    fingerprint: str
    codings: tuple[Coding, ...]
    decisions: tuple[Decision, ...] = ()


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One segment found by a search, best first."""

    segment: Segment
    score: float


class FetchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to get a document from its address.

    Parameters
    ----------
    at
        When it ended: ISO 8601, UTC, seconds.
    outcome
        ``fetched``, ``unchanged``, ``changed``, ``doubtful`` (kept, not used) or ``failed``.
    reason
        Why it failed or is doubtful; empty otherwise.
    url, final_url
        The address asked for and the one that answered.
    sha256, bytes, media_type
        Of what came; empty and 0 where nothing did.
    placed
        Provisions of the digest by how they were placed: ``locator``, ``likeness``, ``unplaced``.
    unplaced
        Locators of the provisions that were not placed; their codings were not carried over.
    """

    document: str
    at: str
    outcome: str
    reason: str = ""
    url: str = ""
    final_url: str = ""
    sha256: str = ""
    bytes: int = 0
    media_type: str = ""
    placed: dict[str, int] = {}
    unplaced: tuple[str, ...] = ()


class _Layout(msgspec.Struct, frozen=True, kw_only=True):
    pages: tuple[Page, ...] = ()
    blocks: tuple[Block, ...] = ()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def text_sha256(text: str) -> str:
    """SHA-256 of a text, in hex: the name under which derived values are cached."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class SqlStore:
    """Documents, segments, codings and vectors of one study.

    Parameters
    ----------
    path
        The SQLite file; made when missing.

    Raises
    ------
    StudyTooNew
        The file was written by a later Qiutong.
    StudyBusy
        Another process kept the file for longer than :data:`BUSY_TIMEOUT_S`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = sa.create_engine(
            f"sqlite+pysqlite:///{path}",
            poolclass=sa.pool.NullPool,
            connect_args={"timeout": BUSY_TIMEOUT_S},
        )

        @sa.event.listens_for(self._engine, "connect")
        def _configure(connection: Any, _record: Any) -> None:
            # We open transactions ourselves: the driver would start them too late for a reader
            # that decides what to write.
            connection.isolation_level = None
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")

        @sa.event.listens_for(self._engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            writing = connection.get_execution_options().get("writing", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

        self._migrate()

    # ------------------------------------------------------------------ transactions

    @contextmanager
    def _transaction(self, *, writing: bool) -> Iterator[sa.Connection]:
        try:
            with (
                self._engine.connect() as raw,
                raw.execution_options(writing=writing) as connection,
                connection.begin(),
            ):
                yield connection
        except sa.exc.OperationalError as error:
            if "locked" in str(error.orig) or "busy" in str(error.orig):
                raise StudyBusy(
                    f"{self.path}: another process has been writing to this study for more than "
                    f"{BUSY_TIMEOUT_S} s. Wait for it to finish, then run the command again."
                ) from None
            raise StudyError(f"{self.path}: {error.orig}") from error
        except sa.exc.IntegrityError as error:
            if "documents." in str(error.orig):
                raise DuplicateDocument(
                    f"{self.path}: a document with one of these ids has been added meanwhile. "
                    "Run the command again."
                ) from None
            raise
        except sa.exc.DatabaseError as error:
            if isinstance(error.orig, sqlite3.DatabaseError) and "append-only" not in str(error):
                raise StudyError(f"{self.path}: {error.orig}") from error
            raise

    def _migrate(self) -> None:
        with self._transaction(writing=False) as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        known = len(schema.MIGRATIONS)
        if version > known:
            raise StudyTooNew(
                f"{self.path}: written by a later Qiutong (store version {version}, this one "
                f"knows {known}). Install the newer Qiutong to open it."
            )
        if version == known:
            return
        with self._transaction(writing=True) as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            for statements in schema.MIGRATIONS[version:]:
                for statement in statements:
                    connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"PRAGMA user_version = {known}")

    def close(self) -> None:
        """Close the file's connections."""
        self._engine.dispose()

    # ------------------------------------------------------------------ documents

    def add_documents(
        self,
        items: Sequence[StoredDocument],
        updates: Sequence[Document] = (),
        coded: Sequence[CodedDocument] = (),
        replaced: Sequence[StoredDocument] = (),
    ) -> None:
        """Add documents with their segments, update register fields, add codings: all or nothing.

        Parameters
        ----------
        items
            New documents.
        updates
            Documents already stored whose register fields are replaced; their text stays.
        coded
            Codings that arrive with the documents, such as the tags of a data set.
        replaced
            Documents already listed without a text, or with another one, and the text they get.
        """
        with self._transaction(writing=True) as connection:
            now = _now()
            for item in items:
                document = item.document
                # Asked again inside the transaction: another process may have added it meanwhile.
                twin = _twin(connection, document.sha256)
                if twin is not None:
                    raise DuplicateDocument(
                        f'{document.id}: the same file is in the study already as "{twin}". '
                        "Nothing was added."
                    )
                connection.execute(
                    schema.documents.insert(),
                    {
                        "id": document.id,
                        "party": document.party,
                        "sha256": document.sha256,
                        "record": _record(document),
                        "text": document.text,
                        "text_sha256": text_sha256(document.text),
                        "layout": _encode(_Layout(pages=document.pages, blocks=document.blocks)),
                        "added_at": now,
                    },
                )
                _insert_segments(connection, item.segments)
            for document in updates:
                old = connection.execute(
                    sa.select(schema.documents.c.record).where(schema.documents.c.id == document.id)
                ).scalar_one()
                if old == _record(document):
                    continue
                connection.execute(
                    schema.document_history.insert(),
                    {"document": document.id, "record": old, "replaced_at": now},
                )
                connection.execute(
                    schema.documents.update().where(schema.documents.c.id == document.id),
                    {"party": document.party, "record": _record(document)},
                )
                if document.never_send:
                    _forget_answers(connection, document.id)
            for item in replaced:
                _replace_text(connection, item, "the register names a text now", ())
            for one in coded:
                _insert_coded(connection, one, now)

    def replace_text(
        self, item: StoredDocument, why: str, coded: Sequence[CodedDocument] = ()
    ) -> None:
        """Give a document another text; the earlier text, its segments and codings are kept.

        Parameters
        ----------
        item
            The document as it shall be, with the segments of its new text.
        why
            The reason, kept beside the earlier text.
        coded
            Codings of the new text; their segments are named as in ``item``.

        Raises
        ------
        DuplicateDocument
            Another document has the same file.
        """
        with self._transaction(writing=True) as connection:
            _replace_text(connection, item, why, coded)

    def remove_document(self, document_id: str, why: str) -> None:
        """Mark a document as removed; its text and codings stay in the file."""
        with self._transaction(writing=True) as connection:
            result = connection.execute(
                schema.documents.update()
                .where(schema.documents.c.id == document_id)
                .where(schema.documents.c.removed_at.is_(None)),
                {"removed_at": _now(), "removed_why": why},
            )
            _forget_answers(connection, document_id)
        if not result.rowcount:
            raise UnknownName("document", document_id, self.document_ids())

    def document_ids(self) -> tuple[str, ...]:
        """Ids of the documents in the study, in the order they were added."""
        query = (
            sa.select(schema.documents.c.id)
            .where(schema.documents.c.removed_at.is_(None))
            .order_by(schema.documents.c.rank)
        )
        with self._transaction(writing=False) as connection:
            return tuple(connection.execute(query).scalars())

    def taken_ids(self) -> dict[str, str]:
        """SHA-256 of the kept bytes by document id, removed documents included."""
        query = sa.select(schema.documents.c.id, schema.documents.c.sha256)
        with self._transaction(writing=False) as connection:
            return {row.id: row.sha256 for row in connection.execute(query)}

    def documents(
        self, ids: Iterable[str] | None = None, *, with_text: bool = True
    ) -> Iterator[Document]:
        """Documents in the order they were added.

        Parameters
        ----------
        ids
            Only these; all where None.
        with_text
            Whether text, pages and blocks are read; without them a register of any size is cheap.
        """
        table = schema.documents
        wanted = None if ids is None else set(ids)
        columns = [table.c.id, table.c.record]
        if with_text:
            columns += [table.c.text, table.c.layout]
        query = sa.select(*columns).where(table.c.removed_at.is_(None)).order_by(table.c.rank)
        if wanted is not None and len(wanted) <= _CHUNK:
            query = query.where(table.c.id.in_(wanted))
        with self._transaction(writing=False) as connection:
            for row in connection.execute(query):
                if wanted is not None and row.id not in wanted:
                    continue
                document = msgspec.json.decode(row.record, type=Document)
                if with_text:
                    layout = msgspec.json.decode(row.layout, type=_Layout)
                    document = msgspec.structs.replace(
                        document, text=row.text, pages=layout.pages, blocks=layout.blocks
                    )
                yield document

    def document(self, document_id: str) -> Document:
        """One document with its text.

        Raises
        ------
        UnknownName
            No document of that id; the nearest ids are offered.
        """
        for document in self.documents([document_id]):
            return document
        raise UnknownName("document", document_id, self.document_ids())

    def text_digests(self) -> dict[str, str]:
        """SHA-256 of the normalised text by document id; documents only listed have none."""
        query = (
            sa.select(schema.documents.c.id, schema.documents.c.text_sha256)
            .where(schema.documents.c.removed_at.is_(None))
            .where(schema.documents.c.text != "")
        )
        with self._transaction(writing=False) as connection:
            return {row.id: row.text_sha256 for row in connection.execute(query)}

    # ------------------------------------------------------------------ segments

    def segments(
        self, document: Document | None = None, ids: Iterable[str] | None = None
    ) -> Iterator[Segment]:
        """Segments of one document, of given ids, or of the whole study, in reading order."""
        table, owner = schema.segments, schema.documents
        query = (
            sa.select(table, owner.c.rank)
            .join(owner, owner.c.id == table.c.document)
            .where(owner.c.removed_at.is_(None))
            .where(table.c.version == owner.c.version)
            .order_by(owner.c.rank, table.c.start)
        )
        if document is not None:
            query = query.where(table.c.document == document.id)
        wanted = None if ids is None else set(ids)
        if wanted is not None and len(wanted) <= _CHUNK:
            query = query.where(table.c.id.in_(wanted))
        with self._transaction(writing=False) as connection:
            text, holder = (document.text, document.id) if document else ("", "")
            for row in connection.execute(query):
                if wanted is not None and row.id not in wanted:
                    continue
                if row.document != holder:
                    holder = row.document
                    text = connection.execute(
                        sa.select(owner.c.text).where(owner.c.id == holder)
                    ).scalar_one()
                yield _segment(row, text)

    def segment_counts(self) -> dict[str, int]:
        """Number of segments by document id."""
        owner = schema.documents
        query = (
            sa.select(schema.segments.c.document, sa.func.count())
            .join(owner, owner.c.id == schema.segments.c.document)
            .where(schema.segments.c.version == owner.c.version)
            .group_by(schema.segments.c.document)
        )
        with self._transaction(writing=False) as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def search(self, query: str, limit: int = 20) -> tuple[Hit, ...]:
        """Segments that hold every word of the query, best first (BM25).

        Parameters
        ----------
        query
            Words in any language; the words inside one pair of double quotes must follow each
            other. Traditional and simplified characters find each other.
        """
        expression, phrases = _fts_expression(query)
        if not expression:
            return ()
        # Words of a phrase must all be there for the index; that they follow each other is seen in
        # the text itself, because the index holds long Chinese words and their parts side by side.
        sql = sa.text(
            "SELECT s.*, d.text AS document_text, bm25(segment_words) AS score FROM segment_words "
            "JOIN segments s ON s.number = segment_words.rowid "
            "JOIN documents d ON d.id = s.document "
            "WHERE segment_words MATCH :expression AND d.removed_at IS NULL "
            "AND s.version = d.version "
            "ORDER BY score, s.number" + ("" if phrases else " LIMIT :limit")
        ).bindparams(expression=expression)
        if not phrases:
            sql = sql.bindparams(limit=limit)
        hits: list[Hit] = []
        with self._transaction(writing=False) as connection:
            for row in connection.execute(sql):
                segment = _segment(row, row.document_text)
                if phrases:
                    held = _phrase("\n".join((*segment.headings, segment.text)))
                    if not all(phrase in held for phrase in phrases):
                        continue
                hits.append(Hit(segment=segment, score=-row.score))
                if len(hits) == limit:
                    break
        return tuple(hits)

    # ------------------------------------------------------------------ codings

    def add_coded(self, coded: CodedDocument) -> None:
        """Add what one coder said of one document."""
        self.add_documents((), coded=(coded,))

    def finished(self, coder: str) -> dict[str, str]:
        """Fingerprint of a coder's latest run by document id."""
        owner = schema.documents
        query = (
            sa.select(schema.runs.c.document, schema.runs.c.fingerprint)
            .join(owner, owner.c.id == schema.runs.c.document)
            .where(schema.runs.c.coder == coder)
            .where(schema.runs.c.version == owner.c.version)
            .order_by(schema.runs.c.number)
        )
        with self._transaction(writing=False) as connection:
            return {row.document: row.fingerprint for row in connection.execute(query)}

    def codings(self, coder: str | None = None) -> tuple[Coding, ...]:
        """Codings of each coder's latest run over each document still in the study."""
        owner = schema.documents
        latest = (
            sa.select(sa.func.max(schema.runs.c.number))
            .join(owner, owner.c.id == schema.runs.c.document)
            .where(schema.runs.c.version == owner.c.version)
            .group_by(schema.runs.c.coder, schema.runs.c.document)
        )
        table = schema.codings
        query = (
            sa.select(table)
            .join(schema.documents, schema.documents.c.id == table.c.document)
            .where(schema.documents.c.removed_at.is_(None))
            .where(table.c.run.in_(latest))
            .order_by(table.c.number)
        )
        if coder is not None:
            query = query.where(table.c.coder == coder)
        with self._transaction(writing=False) as connection:
            return tuple(
                Coding(
                    document=row.document,
                    code=row.code,
                    coder=row.coder,
                    codebook=row.codebook,
                    segment=row.segment,
                    evidence_start=row.evidence_start,
                    evidence_end=row.evidence_end,
                    confidence=row.confidence,
                    position=Position(row.position) if row.position else None,
                    memo=row.memo,
                )
                for row in connection.execute(query)
            )

    def coders(self) -> tuple[Coder, ...]:
        """Coders that have coded here, each in its latest version."""
        query = (
            sa.select(
                schema.runs.c.coder,
                schema.runs.c.coder_version,
                schema.coders.c.kind,
                schema.coders.c.description,
            )
            .join(
                schema.coders,
                (schema.coders.c.id == schema.runs.c.coder)
                & (schema.coders.c.version == schema.runs.c.coder_version),
            )
            .order_by(schema.runs.c.number)
        )
        with self._transaction(writing=False) as connection:
            found = {
                row.coder: Coder(
                    id=row.coder,
                    kind=CoderKind(row.kind),
                    version=row.coder_version,
                    description=row.description,
                )
                for row in connection.execute(query)
            }
        return tuple(found.values())

    def decisions(self) -> tuple[Decision, ...]:
        """Every decision taken over for a document still in the study, oldest first."""
        runs, owner, table = schema.runs, schema.documents, schema.decisions
        # A pass that was only carried to another text decided nothing.
        latest = (
            sa.select(sa.func.max(runs.c.number))
            .where(~runs.c.fingerprint.startswith(CARRIED))
            .group_by(runs.c.coder, runs.c.document)
        )
        query = (
            sa.select(
                table,
                runs.c.finished_at.label("recorded_at"),
                table.c.run.not_in(latest).label("superseded"),
            )
            .join(runs, runs.c.number == table.c.run)
            .join(owner, owner.c.id == table.c.document)
            .where(owner.c.removed_at.is_(None))
            .order_by(table.c.number)
        )
        with self._transaction(writing=False) as connection:
            return tuple(
                msgspec.convert(row, Decision)
                for row in (
                    {name: getattr(one, name) for name in Decision.__struct_fields__}
                    for one in connection.execute(query)
                )
            )

    # ------------------------------------------------------------------ answers

    def keep_answers(self, document: str, coder: str, key: str, answers: Mapping[str, str]) -> None:
        """Keep answers on provisions of a document that the coder has not finished.

        They are gone once the coder's codings of the document are added, its text changes, or it
        is removed or marked ``never_send``.

        Parameters
        ----------
        key
            Of everything they depend on; answers under another key go.
        answers
            By segment id.
        """
        table = schema.answers
        now = _now()
        with self._transaction(writing=True) as connection:
            connection.execute(
                table.delete()
                .where(table.c.document == document)
                .where(table.c.coder == coder)
                .where((table.c.key != key) | table.c.segment.in_(list(answers)))
            )
            if answers:
                connection.execute(
                    table.insert(),
                    [
                        {"document": document, "coder": coder, "segment": segment, "key": key,
                         "answer": answer, "kept_at": now}
                        for segment, answer in answers.items()
                    ],
                )  # fmt: skip

    def kept_answers(self, document: str, coder: str, key: str) -> dict[str, str]:
        """Answers kept under a key, by segment id."""
        table = schema.answers
        query = sa.select(table.c.segment, table.c.answer).where(
            table.c.document == document, table.c.coder == coder, table.c.key == key
        )
        with self._transaction(writing=False) as connection:
            return {row.segment: row.answer for row in connection.execute(query)}

    def forget_answers(self, document: str) -> None:
        """Let the answers kept on a document go, whoever gave them."""
        with self._transaction(writing=True) as connection:
            _forget_answers(connection, document)

    # ------------------------------------------------------------------ fetches

    def note_fetch(self, fetch: FetchRecord) -> None:
        """Record one attempt to get a document from its address."""
        row = msgspec.structs.asdict(fetch)
        row["placed"] = _encode(fetch.placed)
        row["unplaced"] = _encode(fetch.unplaced)
        with self._transaction(writing=True) as connection:
            connection.execute(schema.fetches.insert(), row)

    def fetches(self) -> tuple[FetchRecord, ...]:
        """Attempts to get documents from their addresses, oldest first."""
        table = schema.fetches
        query = sa.select(table).order_by(table.c.number)
        with self._transaction(writing=False) as connection:
            return tuple(
                FetchRecord(
                    **{
                        name: getattr(row, name)
                        for name in FetchRecord.__struct_fields__
                        if name not in ("placed", "unplaced")
                    },
                    placed=msgspec.json.decode(row.placed, type=dict[str, int]),
                    unplaced=msgspec.json.decode(row.unplaced, type=tuple[str, ...]),
                )
                for row in connection.execute(query)
            )

    # ------------------------------------------------------------------ vectors

    def vector_cache(self, model: str) -> "StoredVectors":
        """Cache of sentence vectors of one embedding model."""
        return StoredVectors(self, model)


class StoredVectors:
    """Sentence vectors kept in the store, by the SHA-256 of the sentence.

    Vectors are kept as float16 and given back as float32 of unit length.
    """

    def __init__(self, store: SqlStore, model: str) -> None:
        self._store = store
        self._model = model

    def get(self, keys: Sequence[str]) -> dict[str, np.ndarray]:
        """Vectors of those keys that are known."""
        table = schema.vectors
        found: dict[str, np.ndarray] = {}
        with self._store._transaction(writing=False) as connection:
            for first in range(0, len(keys), _CHUNK):
                query = sa.select(table.c.key, table.c.vector).where(
                    table.c.model == self._model, table.c.key.in_(keys[first : first + _CHUNK])
                )
                for key, blob in connection.execute(query):
                    vector = np.frombuffer(blob, dtype=np.float16).astype(np.float32)
                    found[key] = vector / max(float(np.linalg.norm(vector)), 1e-12)
        return found

    def put(self, vectors: Mapping[str, np.ndarray]) -> None:
        """Keep vectors; those already known stay as they are."""
        rows = [
            {"key": key, "model": self._model, "vector": vector.astype(np.float16).tobytes()}
            for key, vector in vectors.items()
        ]
        if rows:
            with self._store._transaction(writing=True) as connection:
                connection.execute(schema.vectors.insert().prefix_with("OR IGNORE"), rows)


# ---------------------------------------------------------------------------- rows and values


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _record(document: Document) -> str:
    return _encode(msgspec.structs.replace(document, text="", pages=(), blocks=()))


def _twin(connection: sa.Connection, sha256: str) -> str | None:
    """Id of a document with the same file; a document without text has no file."""
    if not sha256:
        return None
    return connection.execute(
        sa.select(schema.documents.c.id)
        .where(schema.documents.c.sha256 == sha256)
        .where(schema.documents.c.removed_at.is_(None))
    ).scalar()


def _replace_text(
    connection: sa.Connection,
    item: StoredDocument,
    why: str,
    coded: Sequence[CodedDocument],
) -> None:
    identity = item.document.id
    table = schema.documents
    now = _now()
    old = connection.execute(
        sa.select(table).where(table.c.id == identity).where(table.c.removed_at.is_(None))
    ).first()
    if old is None:
        held = sa.select(table.c.id).where(table.c.removed_at.is_(None))
        raise UnknownName("document", identity, connection.execute(held).scalars())
    twin = _twin(connection, item.document.sha256)
    if twin is not None and twin != identity:
        raise DuplicateDocument(
            f'{identity}: the same file is in the study already as "{twin}". Nothing was changed.'
        )
    connection.execute(
        schema.earlier_texts.insert(),
        {
            "document": identity,
            "version": old.version,
            "record": old.record,
            "text": old.text,
            "layout": old.layout,
            "replaced_at": now,
            "why": why,
        },
    )
    document = item.document
    connection.execute(
        table.update().where(table.c.id == identity),
        {
            "party": document.party,
            "sha256": document.sha256,
            "record": _record(document),
            "text": document.text,
            "text_sha256": text_sha256(document.text),
            "layout": _encode(_Layout(pages=document.pages, blocks=document.blocks)),
            "version": old.version + 1,
        },
    )
    _forget_answers(connection, identity)
    # Ids are unique over all texts of a document, and a coding names one of them.
    mark = f"{identity}@{old.version + 1}:"
    named = {one.id: mark + one.id.removeprefix(f"{identity}:") for one in item.segments}
    segments = tuple(msgspec.structs.replace(one, id=named[one.id]) for one in item.segments)
    _insert_segments(connection, segments, old.version + 1)
    for one in coded:
        codings = tuple(
            msgspec.structs.replace(coding, segment=named.get(coding.segment, ""))
            for coding in one.codings
        )
        _insert_coded(connection, msgspec.structs.replace(one, codings=codings), now)


def _insert_segments(
    connection: sa.Connection, segments: Sequence[Segment], version: int = 1
) -> None:
    if not segments:
        return
    first = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(schema.segments.c.number), 0))
    ).scalar_one()
    connection.execute(
        schema.segments.insert(),
        [
            {
                "number": number,
                "id": segment.id,
                "document": segment.document,
                "locator": segment.locator,
                "start": segment.start,
                "end": segment.end,
                "page": segment.page,
                "headings": _encode(segment.headings),
                "lead_start": segment.lead_in[0] if segment.lead_in else None,
                "lead_end": segment.lead_in[1] if segment.lead_in else None,
                "language": segment.language,
                "version": version,
            }
            for number, segment in enumerate(segments, first + 1)
        ],
    )
    connection.execute(
        sa.text("INSERT INTO segment_words (rowid, words) VALUES (:number, :words)"),
        [
            {
                "number": number,
                "words": " ".join(index_terms("\n".join((*segment.headings, segment.text)))),
            }
            for number, segment in enumerate(segments, first + 1)
        ],
    )


def _insert_coded(connection: sa.Connection, coded: CodedDocument, now: str) -> None:
    coder = coded.coder
    connection.execute(
        schema.coders.insert().prefix_with("OR IGNORE"),
        {
            "id": coder.id,
            "version": coder.version,
            "kind": coder.kind.value,
            "description": coder.description,
        },
    )
    version = connection.execute(
        sa.select(schema.documents.c.version).where(schema.documents.c.id == coded.document)
    ).scalar_one()
    run = connection.execute(
        schema.runs.insert(),
        {
            "version": version,
            "document": coded.document,
            "coder": coder.id,
            "coder_version": coder.version,
            "codebook": coded.codebook,
            "fingerprint": coded.fingerprint,
            "finished_at": now,
        },
    ).inserted_primary_key
    rows = [
        {
            "run": run[0] if run else None,
            "document": coding.document,
            "segment": coding.segment,
            "code": coding.code,
            "coder": coding.coder,
            "codebook": coding.codebook,
            "evidence_start": coding.evidence_start,
            "evidence_end": coding.evidence_end,
            "confidence": coding.confidence,
            "position": coding.position.value if coding.position else None,
            "memo": coding.memo,
            "created_at": now,
        }
        for coding in coded.codings
    ]
    if rows:
        connection.execute(schema.codings.insert(), rows)
    if coded.decisions:
        connection.execute(
            schema.decisions.insert(),
            [
                {
                    "run": run[0] if run else None,
                    **{
                        name: value
                        for name, value in msgspec.to_builtins(one).items()
                        if name not in ("recorded_at", "superseded")
                    },
                }
                for one in coded.decisions
            ],
        )
    _forget_answers(connection, coded.document, coder.id)


def _forget_answers(connection: sa.Connection, document: str, coder: str = "") -> None:
    query = schema.answers.delete().where(schema.answers.c.document == document)
    connection.execute(query.where(schema.answers.c.coder == coder) if coder else query)


def _segment(row: Any, text: str) -> Segment:
    return Segment(
        id=row.id,
        document=row.document,
        locator=row.locator,
        start=row.start,
        end=row.end,
        text=text[row.start : row.end],
        page=row.page,
        headings=tuple(msgspec.json.decode(row.headings, type=list[str])),
        lead_in=None if row.lead_start is None else (row.lead_start, row.lead_end),
        language=row.language,
    )


def _phrase(text: str) -> str:
    """Text as phrases are compared: simplified, lower case, spaces folded, none beside Han."""
    folded = re.sub(r"\s+", " ", to_simplified(text).lower()).strip()
    return re.sub(r"(?<=[\u3400-\u9fff]) | (?=[\u3400-\u9fff])", "", folded)


def _fts_expression(query: str) -> tuple[str, tuple[str, ...]]:
    """Give the index's query, and the phrases to look for in the text.

    Every word is quoted, so that no character of the query is read as FTS5 syntax.
    """
    words: list[str] = []
    phrases: list[str] = []
    pieces = query.split('"')
    for number, piece in enumerate(pieces):
        terms = [term.replace('"', "") for term in index_terms(piece)]
        words += [f'"{term}"' for term in terms]
        if terms and number % 2 and number < len(pieces) - 1:
            phrases.append(_phrase(piece))
    return " ".join(dict.fromkeys(words)), tuple(phrases)
