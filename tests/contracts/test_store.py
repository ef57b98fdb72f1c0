"""What every store must do."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from qiutong.errors import DuplicateDocument, StudyError, StudyTooNew, UnknownName
from qiutong.model import Coder, CoderKind, Coding, Document, Position, Segment
from qiutong.store import CodedDocument, SqlStore, StoredDocument

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
