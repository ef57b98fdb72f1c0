"""What every store must do."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy
from msgspec import structs
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from qiutong.errors import DuplicateDocument, StudyError, StudyTooNew, UnknownName
from qiutong.model import Coder, CoderKind, Coding, Document, Position, Segment
from qiutong.store import CodedDocument, FetchRecord, SqlStore, StoredDocument, schema
from qiutong.text import index_terms

CODER = Coder(id="anna", kind=CoderKind.PERSON, version="1", description="test")


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    return SqlStore(tmp_path / "study.sqlite")


def stored(identity: str, text: str = "第一条 保障网络安全。") -> StoredDocument:
    document = Document(id=identity, party="cn", title=identity, text=text, sha256=identity)
    segment = Segment(
        id=f"{identity}:0-{len(text)}", document=identity, locator="第一条", start=0,
        end=len(text), text=text, language="zh",
    )  # fmt: skip
    return StoredDocument(document=document, segments=(segment,))


def coded(identity: str, *codes: str, mark: str = "a") -> CodedDocument:
    return CodedDocument(
        document=identity,
        coder=CODER,
        codebook="b@1",
        fingerprint=mark,
        codings=tuple(
            Coding(
                document=identity, code=code, coder="anna", codebook="b@1",
                segment=f"{identity}:0-11", evidence_start=4, evidence_end=9,
                position=Position.REQUIRES,
            )
            for code in codes
        ),
    )  # fmt: skip


def test_what_is_stored_comes_back_the_same(store: SqlStore) -> None:
    """A document, its text and its segments survive the round."""
    item = stored("a")
    store.add_documents([item])
    assert store.document("a") == item.document
    assert tuple(store.segments()) == item.segments
    assert store.segment_counts() == {"a": 1}


def test_a_failed_addition_adds_nothing(store: SqlStore) -> None:
    """Three documents of which the last is a duplicate leave the store as it was."""
    store.add_documents([stored("a")])
    with pytest.raises(DuplicateDocument):
        store.add_documents([stored("b"), stored("c"), stored("a")])
    assert store.document_ids() == ("a",)
    assert store.segment_counts() == {"a": 1}


def test_the_same_bytes_are_refused_under_another_id(store: SqlStore) -> None:
    """Also when two processes have both looked before either wrote."""
    store.add_documents([stored("a")])
    twin = stored("a").document
    renamed = StoredDocument(document=structs.replace(twin, id="b"), segments=())
    with pytest.raises(DuplicateDocument, match='"a"'):
        store.add_documents([renamed])
    assert store.document_ids() == ("a",)


def test_codings_cannot_be_changed_or_deleted(store: SqlStore) -> None:
    """The file itself refuses, whoever opens it."""
    store.add_documents([stored("a")], coded=[coded("a", "x")])
    with sqlite3.connect(store.path) as connection:
        for statement in ("UPDATE codings SET code = 'y'", "DELETE FROM codings"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
    connection.close()
    assert [one.code for one in store.codings()] == ["x"]


def test_the_latest_pass_of_a_coder_counts_and_the_earlier_stays(store: SqlStore) -> None:
    """A second pass supersedes the first without deleting it, also where it finds nothing."""
    store.add_documents([stored("a")], coded=[coded("a", "x", "y")])
    store.add_coded(coded("a", "z", mark="b"))
    assert [one.code for one in store.codings("anna")] == ["z"]
    store.add_coded(coded("a", mark="c"))
    assert store.codings("anna") == ()
    assert store.finished("anna") == {"a": "c"}
    with sqlite3.connect(store.path) as connection:
        assert connection.execute("SELECT count(*) FROM codings").fetchone() == (3,)
    connection.close()


def test_a_removed_document_is_out_but_not_lost(store: SqlStore) -> None:
    """Lists, search and codings pass it over; its rows stay in the file."""
    store.add_documents([stored("a"), stored("b")], coded=[coded("a", "x")])
    store.remove_document("a", "wrong text")
    assert store.document_ids() == ("b",)
    assert store.codings() == ()
    assert [hit.segment.document for hit in store.search("安全")] == ["b"]
    assert "a" in store.taken_ids()
    with pytest.raises(UnknownName, match="document"):
        store.document("a")


@pytest.mark.parametrize("query", ["安全", "網絡安全", "网络安全", '"网络 安全"', "保障 安全"])
def test_chinese_words_inside_longer_ones_are_found(store: SqlStore, query: str) -> None:
    """Two-character words, and traditional characters, find the provision."""
    store.add_documents([stored("a"), stored("b", "第一条 促进贸易发展。")])
    assert [hit.segment.document for hit in store.search(query)] == ["a"]


def test_words_in_quotes_must_follow_each_other(store: SqlStore) -> None:
    """A phrase is looked for as it stands, in Chinese and English."""
    store.add_documents(
        [
            stored("a", "risk of safety failures"),
            stored("b", "safety first, then risk"),
            stored("c"),
        ]
    )
    assert [hit.segment.document for hit in store.search('"Risk of  safety"')] == ["a"]
    assert [hit.segment.document for hit in store.search("risk safety", limit=5)] == ["a", "b"]
    assert store.search('"安全 网络"') == ()
    assert len(store.search('"网络安全"')) == 1


@pytest.mark.parametrize("query", ['"', "AND", "NEAR(", "* OR", "-", "", "x:y", "'; DROP"])
def test_no_query_is_read_as_syntax(store: SqlStore, query: str) -> None:
    """Signs that mean something to the search engine are words here."""
    store.add_documents([stored("a")])
    assert store.search(query) == ()


def test_a_corrected_field_leaves_its_old_value(store: SqlStore) -> None:
    """The history holds what stood there before."""
    item = stored("a")
    store.add_documents([item])
    revised = Document(id="a", party="cn", title="new", sha256="a")
    store.add_documents((), updates=[revised])
    assert store.document("a").title == "new"
    assert store.document("a").text == item.document.text
    with sqlite3.connect(store.path) as connection:
        (old,) = connection.execute("SELECT record FROM document_history").fetchone()
    connection.close()
    assert '"title":"a"' in old


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each of two stores on one file adds its documents while the other does."""
    path = tmp_path / "study.sqlite"
    SqlStore(path)

    def write(side: str) -> None:
        store = SqlStore(path)
        for number in range(15):
            store.add_documents([stored(f"{side}{number}")])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ["a", "b"]))
    store = SqlStore(path)
    assert len(store.document_ids()) == 30
    assert len(tuple(store.segments())) == 30
    assert len(store.search("安全", limit=100)) == 30


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    """The error says so and nothing is touched."""
    path = tmp_path / "study.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StudyTooNew, match="99"):
        SqlStore(path)


# --------------------------------------------------------------------------- later texts


def replacement(text: str = "第一条 促进贸易。第二条 保护未成年人。") -> StoredDocument:
    """Document a with another text of two provisions."""
    cut = text.index("第二条")
    document = Document(id="a", party="cn", title="official", text=text, sha256="a-official")
    return StoredDocument(
        document=document,
        segments=tuple(
            Segment(
                id=f"a:{start}-{end}", document="a", locator=locator, start=start, end=end,
                text=text[start:end], language="zh",
            )
            for locator, start, end in (("第一条", 0, cut), ("第二条", cut, len(text)))
        ),
    )  # fmt: skip


def rows(store: SqlStore, statement: str) -> list[tuple]:
    """What the file itself holds."""
    connection = sqlite3.connect(store.path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_a_replaced_text_is_the_only_one_seen(store: SqlStore) -> None:
    """Document, provisions, counts, hash and search are those of the present text."""
    store.add_documents([stored("b"), stored("a")])
    before = store.text_digests()
    store.replace_text(replacement(), "the official text")
    assert store.document("a") == replacement().document
    assert store.document_ids() == ("b", "a")
    assert [one.locator for one in store.segments(store.document("a"))] == ["第一条", "第二条"]
    assert store.segment_counts() == {"b": 1, "a": 2}
    assert store.text_digests()["a"] != before["a"]
    assert store.text_digests()["b"] == before["b"]
    assert [hit.segment.document for hit in store.search("网络安全")] == ["b"]
    assert [hit.segment.locator for hit in store.search("未成年人")] == ["第二条"]
    assert [hit.segment.text for hit in store.search('"促进贸易"')] == ["第一条 促进贸易。"]


def test_the_earlier_text_its_provisions_and_codings_stay_in_the_file(store: SqlStore) -> None:
    """With the reason; nothing is overwritten."""
    item = stored("a")
    store.add_documents([item], coded=[coded("a", "x", "y")])
    store.replace_text(replacement(), "the official text")
    store.replace_text(replacement("第一条 第三稿。第二条 再改。"), "it has changed")
    held = rows(store, "SELECT version, text, why FROM earlier_texts ORDER BY version")
    assert held == [
        (1, item.document.text, "the official text"),
        (2, replacement().document.text, "it has changed"),
    ]
    kept = rows(store, "SELECT version, count(*) FROM segments GROUP BY version ORDER BY version")
    assert kept == [(1, 1), (2, 2), (3, 2)]
    assert rows(store, "SELECT code FROM codings ORDER BY number") == [("x",), ("y",)]
    old = rows(store, "SELECT id FROM segments WHERE version = 1")
    assert old == [(item.segments[0].id,)]
    assert tuple(store.segments(ids=[item.segments[0].id])) == ()


def test_codings_of_an_earlier_text_count_no_more(store: SqlStore) -> None:
    """The document is not coded until its present text is."""
    store.add_documents([stored("a"), stored("b")], coded=[coded("a", "x"), coded("b", "x")])
    store.replace_text(replacement(), "why")
    assert [one.document for one in store.codings()] == ["b"]
    assert store.finished("anna") == {"b": "a"}
    assert [one.id for one in store.coders()] == ["anna"]


def test_codings_that_come_with_a_text_stand_on_its_provisions(store: SqlStore) -> None:
    """They name the segments as the caller does, and the store knows them by ids of their own."""
    store.add_documents([stored("a")], coded=[coded("a", "x")])
    item = replacement()
    moved = structs.replace(coded("a", mark="carried:a"), codings=(
        structs.replace(coded("a", "x").codings[0], segment=item.segments[1].id),
        structs.replace(coded("a", "y").codings[0], segment=""),
    ))  # fmt: skip
    store.replace_text(item, "why", [moved])
    on_segment, on_document = store.codings("anna")
    (place,) = store.segments(ids=[on_segment.segment])
    assert (place.locator, place.text) == ("第二条", item.segments[1].text)
    assert (on_document.code, on_document.segment) == ("y", "")
    assert store.finished("anna") == {"a": "carried:a"}
    later = structs.replace(coded("a", "z", mark="b"), codings=(
        structs.replace(coded("a", "z").codings[0], segment=place.id),
    ))  # fmt: skip
    store.add_coded(later)
    assert [one.code for one in store.codings("anna")] == ["z"]


def test_codings_stay_append_only_after_a_text_is_replaced(store: SqlStore) -> None:
    """Also those of the earlier text."""
    store.add_documents([stored("a")], coded=[coded("a", "x")])
    store.replace_text(replacement(), "why", [coded("a", mark="b")])
    for statement in ("UPDATE codings SET code = 'y'", "DELETE FROM codings"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            rows(store, statement)


def test_a_text_of_another_document_or_of_none_is_refused(store: SqlStore) -> None:
    """Twin bytes, an unknown id, a removed one; and the file is as it was."""
    store.add_documents([stored("a"), stored("b"), stored("c")])
    store.remove_document("c", "why")
    twin = structs.replace(
        replacement(), document=structs.replace(replacement().document, sha256="b")
    )
    with pytest.raises(DuplicateDocument, match='"b"'):
        store.replace_text(twin, "why")
    for identity in ("c", "none"):
        lost = structs.replace(
            replacement(), document=structs.replace(replacement().document, id=identity)
        )
        with pytest.raises(UnknownName, match=f'unknown document "{identity}". Known: a, b'):
            store.replace_text(lost, "why")
    assert store.document("a") == stored("a").document
    assert rows(store, "SELECT count(*) FROM earlier_texts") == [(0,)]
    assert [one.id for one in store.segments()] == ["a:0-11", "b:0-11"]


def test_a_text_may_go_back_to_the_bytes_it_had(store: SqlStore) -> None:
    """It is its own twin, which is no other document."""
    store.add_documents([stored("a")])
    store.replace_text(replacement(), "why")
    store.replace_text(stored("a"), "back")
    assert store.document("a") == stored("a").document
    assert [hit.segment.text for hit in store.search("网络安全")] == ["第一条 保障网络安全。"]
    assert store.search("未成年人") == ()


def test_documents_only_listed_have_no_text_and_no_hash(store: SqlStore) -> None:
    """Several of them are no twins of each other; they are in the register and in no figure."""
    listed = [
        StoredDocument(document=Document(id=one, party="us", title=one, read=False), segments=())
        for one in ("x", "y")
    ]
    store.add_documents([*listed, stored("a")])
    assert store.document_ids() == ("x", "y", "a")
    assert [one.read for one in store.documents(with_text=False)] == [False, False, True]
    assert set(store.text_digests()) == {"a"}
    assert "x" not in store.segment_counts()


def test_a_listed_document_gets_its_text(store: SqlStore) -> None:
    """It keeps its place in the order."""
    listed = Document(id="a", party="cn", title="a", read=False)
    store.add_documents([StoredDocument(document=listed, segments=()), stored("b")])
    store.replace_text(replacement(), "read now")
    assert store.document_ids() == ("a", "b")
    assert store.document("a").read
    assert store.segment_counts() == {"a": 2, "b": 1}
    assert len(store.search("未成年人")) == 1


def test_a_text_is_replaced_in_the_same_transaction_as_an_addition(store: SqlStore) -> None:
    """A duplicate among the new ones leaves the old text where it was."""
    store.add_documents([stored("a")])
    with pytest.raises(DuplicateDocument):
        store.add_documents([stored("b"), stored("b")], replaced=[replacement()])
    assert store.document("a") == stored("a").document
    store.add_documents([stored("b")], replaced=[replacement()])
    assert store.document("a").title == "official"


# --------------------------------------------------------------------------- fetches


def test_fetch_records_come_back_the_same_oldest_first(store: SqlStore) -> None:
    """Also of documents that are asked for twice, and of those that failed."""
    records = (
        FetchRecord(
            document="a", at="2025-01-20T00:00:00+00:00", outcome="fetched",
            url="https://example.org/a", final_url="https://example.org/b", sha256="ff", bytes=7,
            media_type="text/html", placed={"locator": 3, "unplaced": 1}, unplaced=("第三条（一）",),
        ),
        FetchRecord(document="z", at="2025-01-19T00:00:00+00:00", outcome="failed", reason="no"),
        FetchRecord(document="a", at="2025-01-21T00:00:00+00:00", outcome="unchanged"),
    )  # fmt: skip
    for record in records:
        store.note_fetch(record)
    assert store.fetches() == records
    assert SqlStore(store.path).fetches() == records


# --------------------------------------------------------------------------- migration

# The tables as the first migration wrote them before texts had versions. Kept word for word: a
# study made then must open now.
VERSION_1 = """
CREATE TABLE documents (rank INTEGER NOT NULL, id VARCHAR NOT NULL, party VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL, record TEXT NOT NULL, text TEXT NOT NULL, text_sha256 VARCHAR NOT NULL,
    layout TEXT NOT NULL, added_at VARCHAR NOT NULL, removed_at VARCHAR, removed_why VARCHAR,
    PRIMARY KEY (rank), UNIQUE (id));
CREATE INDEX ix_documents_sha256 ON documents (sha256);
CREATE TABLE document_history (number INTEGER NOT NULL, document VARCHAR NOT NULL,
    record TEXT NOT NULL, replaced_at VARCHAR NOT NULL, PRIMARY KEY (number));
CREATE INDEX ix_document_history_document ON document_history (document);
CREATE TABLE segments (number INTEGER NOT NULL, id VARCHAR NOT NULL, document VARCHAR NOT NULL,
    locator VARCHAR NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, page INTEGER,
    headings TEXT NOT NULL, lead_start INTEGER, lead_end INTEGER, language VARCHAR NOT NULL,
    PRIMARY KEY (number), UNIQUE (id));
CREATE INDEX ix_segments_document ON segments (document);
CREATE TABLE coders (id VARCHAR NOT NULL, version VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    description TEXT NOT NULL, PRIMARY KEY (id, version));
CREATE TABLE runs (number INTEGER NOT NULL, document VARCHAR NOT NULL, coder VARCHAR NOT NULL,
    coder_version VARCHAR NOT NULL, codebook VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
    finished_at VARCHAR NOT NULL, PRIMARY KEY (number));
CREATE INDEX runs_by_document ON runs (coder, document);
CREATE TABLE codings (number INTEGER NOT NULL, run INTEGER NOT NULL, document VARCHAR NOT NULL,
    segment VARCHAR NOT NULL, code VARCHAR NOT NULL, coder VARCHAR NOT NULL,
    codebook VARCHAR NOT NULL, evidence_start INTEGER, evidence_end INTEGER, confidence FLOAT,
    position VARCHAR, memo TEXT NOT NULL, created_at VARCHAR NOT NULL, PRIMARY KEY (number));
CREATE INDEX ix_codings_run ON codings (run);
CREATE TABLE vectors ("key" VARCHAR NOT NULL, model VARCHAR NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY ("key", model));
CREATE TABLE originals (sha256 VARCHAR NOT NULL, name VARCHAR NOT NULL, bytes INTEGER NOT NULL,
    added_at VARCHAR NOT NULL, PRIMARY KEY (sha256));
CREATE TRIGGER codings_no_update BEFORE UPDATE ON codings
    BEGIN SELECT RAISE(ABORT, 'codings are append-only'); END;
CREATE TRIGGER codings_no_delete BEFORE DELETE ON codings
    BEGIN SELECT RAISE(ABORT, 'codings are append-only'); END;
CREATE VIRTUAL TABLE segment_words USING fts5(words, content='', tokenize='unicode61');
PRAGMA user_version = 1;
"""

# What versions 2 and 3 added, as they wrote it into a new file.
VERSION_2 = (
    VERSION_1
    + """
CREATE TABLE earlier_texts (document VARCHAR NOT NULL, version INTEGER NOT NULL,
    record TEXT NOT NULL, text TEXT NOT NULL, layout TEXT NOT NULL, replaced_at VARCHAR NOT NULL,
    why VARCHAR NOT NULL, PRIMARY KEY (document, version));
CREATE TABLE fetches (number INTEGER NOT NULL, document VARCHAR NOT NULL, at VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL, reason VARCHAR NOT NULL, url VARCHAR NOT NULL,
    final_url VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, bytes INTEGER NOT NULL,
    media_type VARCHAR NOT NULL, placed TEXT NOT NULL, unplaced TEXT NOT NULL,
    PRIMARY KEY (number));
CREATE INDEX ix_fetches_document ON fetches (document);
ALTER TABLE documents ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE segments ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE runs ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;
PRAGMA user_version = 2;
"""
)
VERSION_3 = (
    VERSION_2
    + """
CREATE TABLE answers (document VARCHAR NOT NULL, coder VARCHAR NOT NULL, segment VARCHAR NOT NULL,
    "key" VARCHAR NOT NULL, answer TEXT NOT NULL, kept_at VARCHAR NOT NULL,
    PRIMARY KEY (document, coder, segment));
PRAGMA user_version = 3;
"""
)
OLD = (VERSION_1, VERSION_2, VERSION_3)


def test_kept_answers_come_back_under_their_key_only(store: SqlStore) -> None:
    """Of one coder, one document and one question; a new question takes the place of the old."""
    store.add_documents([stored("a"), stored("b")])
    store.keep_answers("a", "m", "k1", {"s1": "1", "s2": "2"})
    store.keep_answers("a", "m", "k1", {"s2": "3"})
    store.keep_answers("b", "m", "k1", {"s1": "4"})

    assert store.kept_answers("a", "m", "k1") == {"s1": "1", "s2": "3"}
    assert store.kept_answers("a", "m", "k2") == {}
    assert store.kept_answers("a", "other", "k1") == {}
    store.keep_answers("a", "m", "k2", {"s9": "5"})
    assert store.kept_answers("a", "m", "k1") == {}
    assert store.kept_answers("a", "m", "k2") == {"s9": "5"}
    store.forget_answers("a")
    assert store.kept_answers("a", "m", "k2") == {}
    assert store.kept_answers("b", "m", "k1") == {"s1": "4"}


def test_kept_answers_go_when_the_coder_has_finished(store: SqlStore) -> None:
    """Those of this coder on this document, with the codings, in one transaction."""
    store.add_documents([stored("a")])
    store.keep_answers("a", CODER.id, "k", {"s1": "1"})
    store.keep_answers("a", "other", "k", {"s1": "2"})
    store.add_coded(coded("a", "x"))

    assert store.kept_answers("a", CODER.id, "k") == {}
    assert store.kept_answers("a", "other", "k") == {"s1": "2"}


@pytest.fixture(params=[1, 2, 3])
def old_file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A store of an earlier version with one document, its provision and one coding."""
    path = tmp_path / "study.sqlite"
    text = "第一条 保障网络安全。"
    connection = sqlite3.connect(path)
    connection.executescript(OLD[request.param - 1])
    connection.execute(
        "INSERT INTO documents (rank, id, party, sha256, record, text, text_sha256, layout, added_at)"
        " VALUES (1, 'a', 'cn', 'a', ?, ?, 'h', ?, '2025')",
        ('{"id":"a","party":"cn","title":"a","sha256":"a"}', text, '{"pages":[],"blocks":[]}'),
    )
    connection.execute(
        "INSERT INTO segments (number, id, document, locator, start, end, headings, language)"
        " VALUES (1, 'a:0-11', 'a', '第一条', 0, ?, '[]', 'zh')",
        (len(text),),
    )
    connection.execute(
        "INSERT INTO segment_words (rowid, words) VALUES (1, ?)", (" ".join(index_terms(text)),)
    )
    connection.execute("INSERT INTO document_history VALUES (1, 'a', '{}', '2024')")
    connection.execute("INSERT INTO originals VALUES ('a', 'a.txt', 7, '2025')")
    connection.execute("INSERT INTO vectors VALUES ('k', 'm', x'003c')")
    connection.execute("INSERT INTO coders VALUES ('anna', '1', 'person', 'test')")
    connection.execute(
        "INSERT INTO runs (number, document, coder, coder_version, codebook, fingerprint, finished_at)"
        " VALUES (1, 'a', 'anna', '1', 'b@1', 'm', '2025')"
    )
    connection.execute(
        "INSERT INTO codings VALUES (1, 1, 'a', 'a:0-11', 'x', 'anna', 'b@1', 4, 9, NULL, "
        "'requires', '', '2025')"
    )
    if request.param >= 2:
        connection.execute("INSERT INTO earlier_texts VALUES ('a', 0, '{}', 't', '{}', '2', 'w')")
        connection.execute(
            "INSERT INTO fetches VALUES (1, 'a', '2', 'failed', 'no', '', '', '', 0, '', '{}', '[]')"
        )
    if request.param >= 3:
        connection.execute("INSERT INTO answers VALUES ('a', 'm', 's1', 'k1', '1', '2025')")
    connection.commit()
    connection.close()
    return path


def held(path: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table of a file, by column."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith("segment_words")
        ]
        return {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]
            for name in names
        }
    finally:
        connection.close()


def shape(path: Path) -> dict[str, object]:
    """Columns, keys, defaults and indexes of every table of a file, and its triggers."""
    connection = sqlite3.connect(path)
    try:
        found: dict[str, object] = {}
        for kind, name in connection.execute("SELECT type, name FROM sqlite_master").fetchall():
            about = "table_info" if kind == "table" else "index_info"
            found[f"{kind} {name}"] = [
                tuple(value.strip("'") if isinstance(value, str) else value for value in row)
                for row in connection.execute(f"PRAGMA {about}({name})")
            ]
        return found
    finally:
        connection.close()


def test_an_old_file_opens_with_all_it_held(old_file: Path) -> None:
    """Document, provision, search, coder and codings are there as they were, and so is every row."""
    before = held(old_file)
    store = SqlStore(old_file)
    assert store.document("a") == stored("a").document
    assert tuple(store.segments()) == stored("a").segments
    assert [hit.segment.id for hit in store.search("网络安全")] == ["a:0-11"]
    assert store.codings() == coded("a", "x").codings
    assert store.finished("anna") == {"a": "m"}
    assert store.coders() == (CODER,)
    assert len(store.fetches()) == len(before.get("fetches", ()))
    after = held(old_file)
    assert len(before) >= 8
    for name, old in before.items():
        assert old, name
        assert [{key: row[key] for key in old[0]} for row in after[name]] == old, name


def test_a_migrated_file_has_the_shape_of_a_new_one(old_file: Path) -> None:
    """Every table has the same columns in the same order, and every index and trigger is there."""
    SqlStore(old_file)
    fresh = SqlStore(old_file.with_name("fresh.sqlite"))
    assert shape(old_file) == shape(fresh.path)
    assert rows(SqlStore(old_file), "PRAGMA user_version") == [(len(schema.MIGRATIONS),)]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_migration_adds_what_its_version_added_and_no_more(tmp_path: Path, version: int) -> None:
    """A later table in an early step would be changed twice by the step that it belongs to."""
    paths = (tmp_path / "written.sqlite", tmp_path / "stepped.sqlite")
    scripts = (
        OLD[version - 1],
        ";\n".join(one for step in schema.MIGRATIONS[:version] for one in step) + ";",
    )
    for path, script in zip(paths, scripts, strict=True):
        connection = sqlite3.connect(path)
        connection.executescript(script)
        connection.close()
    assert shape(paths[1]) == shape(paths[0])


def test_the_migrations_lead_to_the_tables_that_are_used(store: SqlStore) -> None:
    """A column that is written in one of the two places alone is found here."""
    found = sqlalchemy.inspect(sqlalchemy.create_engine(f"sqlite:///{store.path}"))
    for name, table in schema.metadata.tables.items():
        columns = found.get_columns(name)
        assert {one["name"]: str(one["type"]) for one in columns} == {
            one.name: one.type.compile(sqlite_dialect()) for one in table.columns
        }
        assert {one["name"] for one in columns if not one["nullable"]} == {
            one.name for one in table.columns if not one.nullable
        }
        assert found.get_pk_constraint(name)["constrained_columns"] == [
            one.name for one in table.primary_key
        ]
        assert {one["name"] for one in found.get_indexes(name)} == {
            one.name for one in table.indexes
        }
    assert set(schema.metadata.tables) == {
        name for name in found.get_table_names() if not name.startswith("segment_words")
    }


def test_a_migrated_file_takes_later_texts_and_stays_append_only(old_file: Path) -> None:
    """What is new works on what is old."""
    store = SqlStore(old_file)
    store.replace_text(replacement(), "why")
    assert store.codings() == ()
    assert store.segment_counts() == {"a": 2}
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        rows(store, "DELETE FROM codings")
    assert SqlStore(old_file).document("a").title == "official"


def test_vectors_come_back_as_unit_vectors(store: SqlStore) -> None:
    """What float16 loses stays below a thousandth."""
    vector = np.random.default_rng(1).normal(size=512).astype(np.float32)
    vector /= np.linalg.norm(vector)
    cache = store.vector_cache("m")
    cache.put({"k": vector})
    back = cache.get(["k", "other"])
    assert set(back) == {"k"}
    assert np.linalg.norm(back["k"]) == pytest.approx(1, abs=1e-5)
    assert float(back["k"] @ vector) > 0.999
    assert store.vector_cache("n").get(["k"]) == {}


def test_errors_of_the_file_name_the_file(tmp_path: Path) -> None:
    """A file that is no database is told with its path, not with a trace."""
    path = tmp_path / "study.sqlite"
    path.write_bytes(b"no database at all, only some bytes " * 100)
    with pytest.raises(StudyError, match=r"study\.sqlite"):
        SqlStore(path)
