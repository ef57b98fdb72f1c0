"""``qiutong fetch`` from the address to the carried coding, against a server of our own."""

import functools
import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from qiutong.errors import FetchError, UnknownName
from qiutong.fetch import Fetched, Politeness, fetch_document
from qiutong.fetching import fetch_study
from qiutong.model import Coder, CoderKind, TextKind
from qiutong.study import Study

from .invented import (
    ACT,
    act_html,
    act_pdf,
    notice_html,
    other_html,
    rule_html,
    rule_pdf,
    write_study,
)
from .test_fetch import Site, reply

OFFICIAL = {"us-act", "cn-rule"}


@pytest.fixture
def server() -> Iterator[Site]:
    """A server that has every document of the invented study."""
    one = Site()
    one.routes["/act"] = reply(act_html(), "text/html; charset=utf-8")
    one.routes["/rule"] = reply(rule_html(), "text/html; charset=utf-8")
    one.routes["/listed"] = reply(other_html(), "text/html; charset=utf-8")
    yield one
    one.close()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask without the pause of a second between two requests; robots.txt is still obeyed."""
    impatient = functools.partial(
        fetch_document, politeness=Politeness(0.0), retries=0, timeout_s=20.0
    )
    monkeypatch.setattr("qiutong.fetch.fetch_document", impatient)


@pytest.fixture
def folder(run: Callable, server: Site, tmp_path: Path) -> Path:
    """The invented study: digests added, readings imported."""
    given = write_study(tmp_path / "given", f"http://127.0.0.1:{server.port}")
    study = tmp_path / "study"
    for words in (
        ("init", study, "--party", "us", "--party", "cn"),
        ("add", given / "register.csv", "--study", study),
        ("import", given / "codings", "--study", study),
    ):
        done = run(*words)
        assert done.code == 0, done
    settings = study / "study.toml"
    text = settings.read_text("utf-8").replace(
        'coder = "default"', 'coder = ["settled", "default"]'
    )
    settings.write_text(text, encoding="utf-8")
    return study


@pytest.fixture
def fetch(run: Callable, server: Site, folder: Path) -> Callable[..., dict[str, Any]]:
    """Run ``qiutong fetch`` and give its records by document."""

    def fetching(*words: str) -> dict[str, Any]:
        done = run("fetch", *words, "--json", "--trust", f"127.0.0.1:{server.port}", folder=folder)
        report = done.json
        lost = [one for one in report["records"] if one["outcome"] in ("failed", "doubtful")]
        assert done.code == (1 if lost else 0), done
        return {
            **{one["document"]: one for one in report["records"]},
            "skipped": report["skipped"],
            "without_url": report["without_url"],
        }

    return fetching


def asked(server: Site) -> list[str]:
    """Paths of the documents asked for."""
    return [path for _, path, _ in server.asked if path != "/robots.txt"]


def kept(folder: Path, data: bytes) -> list[Path]:
    """Files of the study's originals that hold these bytes."""
    digest = hashlib.sha256(data).hexdigest()
    found = list((folder / "originals").rglob(f"{digest}.*"))
    assert all(one.read_bytes() == data for one in found)
    return found


def codes(study: Study, document: str, coder: str = "settled") -> set[tuple[str, str]]:
    """Locator and code of a coder's codings of a document."""
    places = {one.id: one.locator for one in study.segments()}
    return {
        (places[one.segment], one.code) for one in study.codings(coder) if one.document == document
    }


# --------------------------------------------------------------------------- what comes


def test_official_texts_take_the_place_of_the_digests(
    fetch: Callable, folder: Path, server: Site
) -> None:
    """Text, kind, hash, time and type are those of what came; the register's fields stay."""
    records = fetch()
    assert {records[one]["outcome"] for one in OFFICIAL | {"us-listed"}} == {"fetched"}
    study = Study(folder)
    for identity, data, path in (
        ("us-act", act_html(), "/act"),
        ("cn-rule", rule_html(), "/rule"),
    ):
        held, record = study.document(identity), records[identity]
        assert held.text_kind is TextKind.ORIGINAL
        assert held.read
        assert held.media_type == record["media_type"] == "text/html"
        assert held.sha256 == record["sha256"] == hashlib.sha256(data).hexdigest()
        assert record["bytes"] == len(data)
        assert record["final_url"] == held.url == f"http://127.0.0.1:{server.port}{path}"
        assert held.retrieved_at == record["at"]
    act = study.document("us-act")
    assert (act.title, act.party, act.force.value) == ("Invented Model Safety Act", "us", "binding")
    for one, (number, _, words) in zip(study.segments("us-act"), ACT, strict=True):
        assert one.locator == f"Sec. {number}"
        assert one.text.endswith(words)


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_codings_of_every_person_and_model_are_carried_to_the_provisions(
    fetch: Callable, folder: Path, server: Site, kind: str
) -> None:
    """By number, by likeness where the number is not there, in both languages and both formats."""
    if kind == "pdf":
        server.routes["/act"] = reply(act_pdf(), "application/pdf")
        server.routes["/rule"] = reply(rule_pdf(), "application/octet-stream")
    records = fetch()
    assert records["us-act"]["placed"] == {"likeness": 1, "locator": 4, "unplaced": 1}
    assert records["us-act"]["unplaced"] == ["Sec. 41"]
    assert records["cn-rule"]["placed"] == {"locator": 4}
    study = Study(folder)
    assert (
        study.document("us-act").media_type == {"html": "text/html", "pdf": "application/pdf"}[kind]
    )
    assert codes(study, "us-act") == {
        ("Sec. 2", "risk.reliability.robustness"),
        ("Sec. 2", "governance.evaluation"),
        ("Sec. 3", "governance.evaluation.adversarial-testing"),
        ("Sec. 4", "governance.content-provenance"),
        ("Sec. 5", "governance.incident-reporting"),
        ("Sec. 6", "risk.minors"),
    }
    assert ("Sec. 5", "risk.safety") in codes(study, "us-act", "second")
    assert ("Sec. 2", "risk.reliability.robustness") in codes(study, "us-act", "first")
    assert codes(study, "cn-rule") == codes(study, "cn-rule", "first")
    assert ("第六条", "risk.minors") in codes(study, "cn-rule")


def test_a_carried_coding_quotes_the_official_words(fetch: Callable, folder: Path) -> None:
    """Its evidence is the provision, its memo says from where, confidence and reason stay."""
    fetch()
    study = Study(folder)
    text = study.document("us-act").text
    held = {one.code: one for one in study.codings("settled") if one.document == "us-act"}
    one = held["risk.minors"]
    assert "protect children from content" in text[one.evidence_start : one.evidence_end]
    assert one.memo == "carried from the digest, Sec. 40, by likeness"
    robust = held["risk.reliability.robustness"]
    assert robust.confidence == 0.5
    assert robust.memo.startswith("robust behaviour is named (carried from the digest, Sec. 2")


def test_digest_its_provisions_and_its_codings_stay_in_the_file(
    fetch: Callable, folder: Path
) -> None:
    """What was coded can be read as it stood."""
    before = len(Study(folder).codings())
    fetch()
    with closing(sqlite3.connect(folder / "study.sqlite")) as store:
        earlier = dict(store.execute("SELECT document, text FROM earlier_texts").fetchall())
        (count,) = store.execute("SELECT count(*) FROM codings").fetchone()
    assert "Fishing boats pay harbour fees" in earlier["us-act"]
    assert earlier["us-listed"] == ""
    assert count == before + len(Study(folder).codings())
    assert [hit.segment.document for hit in Study(folder).search("herring")] == ["us-listed"] * 8


def test_what_was_not_placed_is_listed_for_the_reader(
    run: Callable, server: Site, folder: Path
) -> None:
    """The table names each document and its locators."""
    done = run("fetch", "us-act", "--trust", f"127.0.0.1:{server.port}", folder=folder)
    assert done.code == 0, done
    assert "Not placed in the official text" in done.out
    assert "Sec. 41" in done.out.split("Not placed")[1]
    assert "Got 1 of 1 documents" in done.out


def test_a_document_nobody_had_read_gets_its_text(fetch: Callable, folder: Path) -> None:
    """It is read from now on, has provisions, and waits for a coder."""
    assert not Study(folder).document("us-listed").read
    records = fetch()
    assert records["us-listed"]["placed"] == {}
    study = Study(folder)
    assert study.document("us-listed").read
    assert len(list(study.segments("us-listed"))) == 8
    assert "us-listed" not in study.store.finished("settled")
    assert study.code().coded == ("us-listed",)


def test_the_builtin_coder_is_not_carried_but_codes_anew(fetch: Callable, folder: Path) -> None:
    """A program can read the official text itself."""
    study = Study(folder)
    assert set(study.code(again=True).coded) == OFFICIAL
    fetch("us-act")
    assert set(study.store.finished("default")) == {"cn-rule"}
    assert not [one for one in study.codings("default") if one.document == "us-act"]
    assert "us-act" in study.code(again=True).coded
    assert not any("carried" in one.memo for one in study.codings("default"))


def test_a_combined_coder_is_not_carried_but_combined_anew(fetch: Callable, folder: Path) -> None:
    """Its members are carried, and what it says follows from them."""
    study = Study(folder)
    study.combine("agreed", ["first", "second"])
    fetch("us-act")
    assert set(study.store.finished("agreed")) == {"cn-rule"}
    assert study.combine("agreed").combined == ("us-act",)
    assert {one.segment for one in study.codings("agreed") if one.document == "us-act"}


def test_a_coder_that_was_silent_stays_one_that_has_read(
    fetch: Callable, folder: Path, tmp_path: Path
) -> None:
    """Coded and silent is a result, also on the official text."""
    path = tmp_path / "silent.csv"
    path.write_text("document,locator,codes\ncn-rule,第二条,\n", encoding="utf-8")
    study = Study(folder)
    study.import_codings(path, Coder(id="silent", kind=CoderKind.PERSON))
    fetch("cn-rule")
    assert set(study.store.finished("silent")) == {"cn-rule"}
    assert study.codings("silent") == ()


def test_results_are_the_same_on_the_official_texts_where_all_was_placed(
    fetch: Callable, folder: Path
) -> None:
    """Shares of documents do not change with the text, only what could not be placed falls out."""
    lost = "governance.penalties"
    before = {one.code: one for one in Study(folder).overlap("2025-01-20")}
    fetch(*OFFICIAL)
    after = {one.code: one for one in Study(folder).overlap("2025-01-20")}
    assert before[lost].documents["us"] == ("us-act",)
    assert not after[lost].documents.get("us")
    for code in set(before) - {lost}:
        assert after[code].grade == before[code].grade, code
        assert after[code].documents == before[code].documents, code


# --------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        (reply(b"gone", "text/plain", 404), "failed", ["404", "in a browser"]),
        (reply(b"GIF89a....", "image/gif"), "failed", ['"image/gif"', "not PDF, HTML"]),
        (reply(b"<html><p>log in</p></html>", "application/pdf"), "failed", ["a web page"]),
        (reply(b"", "text/html"), "failed", ["empty"]),
        (reply(notice_html()), "doubtful", ["characters of text", "may be a notice"]),
        (reply(other_html(numbered=False)), "doubtful", ["of 6 digested", "another document"]),
    ],
    ids=["404", "wrong type", "page for pdf", "empty", "notice", "other document"],
)
def test_what_is_not_the_document_is_told_and_the_digest_kept(
    fetch: Callable, folder: Path, server: Site,
    answer: Callable, outcome: str, words: list[str],
) -> None:  # fmt: skip
    """A page's words would be quoted as the document's; the others are fetched all the same."""
    before = Study(folder).document("us-act"), Study(folder).codings("settled")
    server.routes["/act"] = answer
    records = fetch(*sorted(OFFICIAL))
    assert records["us-act"]["outcome"] == outcome
    for word in words:
        assert word in records["us-act"]["reason"]
    assert records["cn-rule"]["outcome"] == "fetched"
    study = Study(folder)
    assert study.document("us-act") == before[0]
    assert codes(study, "us-act") >= {("Sec. 41", "governance.penalties")}
    assert {one for one in study.codings("settled") if one.document == "us-act"} == {
        one for one in before[1] if one.document == "us-act"
    }


def test_another_document_with_the_same_numbers_is_doubtful(
    fetch: Callable, folder: Path, server: Site
) -> None:
    """Most documents have provisions 2 to 5; that alone makes no document the one looked for."""
    server.routes["/act"] = reply(other_html())
    record = fetch("us-act")["us-act"]
    assert record["outcome"] == "doubtful"
    assert Study(folder).document("us-act").text_kind is TextKind.DIGEST


def test_the_bytes_that_came_are_kept_under_their_hash_also_when_doubtful(
    fetch: Callable, folder: Path, server: Site
) -> None:
    """Once each, with an ending that opens them."""
    page_bytes = other_html(numbered=False)
    server.routes["/act"] = reply(page_bytes)
    server.routes["/rule"] = reply(rule_pdf(), "application/pdf")
    assert fetch(*OFFICIAL)["us-act"]["outcome"] == "doubtful"
    (page,) = kept(folder, page_bytes)
    assert page.suffix == ".html"
    (paper,) = (folder / "originals").rglob("*.pdf")
    assert paper.stem == hashlib.sha256(paper.read_bytes()).hexdigest()
    assert paper.stem == Study(folder).document("cn-rule").sha256
    assert paper.parent.name == paper.stem[:2]


def test_a_listed_document_is_known_by_its_title(
    fetch: Callable, folder: Path, server: Site
) -> None:
    """Without a digest the words of the title must be in the text."""
    server.routes["/listed"] = reply(act_html())
    record = fetch("us-listed")["us-listed"]
    assert record["outcome"] == "doubtful"
    assert "words of the title" in record["reason"]
    assert not Study(folder).document("us-listed").read


def test_two_rows_with_one_text_are_told(fetch: Callable, folder: Path, server: Site) -> None:
    """A document counts once, though two rows name the same address."""
    server.routes["/listed"] = reply(b"", None, 302, Location="/act")
    page = act_html().replace(b"<h1>", b"<h1>Harbour of Inventia opens its gate to fishing boats. ")
    server.routes["/act"] = reply(page)
    records = fetch()
    assert records["us-act"]["outcome"] == "fetched"
    assert records["us-listed"]["outcome"] == "failed"
    assert '"us-act"' in records["us-listed"]["reason"]
    assert not Study(folder).document("us-listed").read


def test_a_body_that_drips_is_cut_by_the_time_limit(folder: Path, server: Site) -> None:
    """The run goes on with the next document."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>")
        while not server.done.wait(0.05):
            handler.wfile.write(b"x")

    server.routes["/act"] = drip
    get = functools.partial(
        fetch_document, allow_private={"127.0.0.1"}, ports={server.port}, retries=0,
        politeness=Politeness(0.0), timeout_s=0.6,
    )  # fmt: skip
    began = time.monotonic()
    report = fetch_study(Study(folder), ["us-act", "cn-rule"], get=get)
    slow, quick = report.records
    assert slow.outcome == "failed"
    assert "longer than 0.6 s" in slow.reason
    assert quick.outcome == "fetched"
    assert time.monotonic() - began < 15


def test_redirects_are_followed_and_both_addresses_recorded(
    fetch: Callable, folder: Path, server: Site
) -> None:
    """The register's address stays the document's own."""
    server.routes["/act"] = reply(b"", None, 301, Location="/new/place")
    server.routes["/new/place"] = reply(act_html())
    record = fetch("us-act")["us-act"]
    home = f"http://127.0.0.1:{server.port}"
    assert (record["url"], record["final_url"]) == (f"{home}/act", f"{home}/new/place")
    assert Study(folder).document("us-act").url == f"{home}/act"


def test_a_redirect_to_a_place_inside_is_refused(
    fetch: Callable, folder: Path, server: Site
) -> None:
    """Only the host that was named is trusted."""
    server.routes["/act"] = reply(b"", None, 302, Location=f"http://localhost:{server.port}/in")
    server.routes["/in"] = reply(act_html())
    record = fetch("us-act")["us-act"]
    assert record["outcome"] == "failed"
    assert "public internet" in record["reason"]
    assert "/in" not in asked(server)


def test_an_inside_address_is_refused_unless_its_host_is_trusted(
    run: Callable, folder: Path, server: Site
) -> None:
    """Neither the host without the port nor the port without the host is enough."""
    for words in ((), ("--trust", "127.0.0.1"), ("--trust", f"localhost:{server.port}")):
        done = run("fetch", "us-act", "--json", *words, folder=folder)
        (record,) = done.json["records"]
        assert record["outcome"] == "failed", words
        assert "public internet" in record["reason"] or "its port is" in record["reason"]
    assert server.asked == []
    assert Study(folder).document("us-act").text_kind is TextKind.DIGEST


@pytest.mark.parametrize("odd", ["mirror.test:https", "mirror.test:"])
def test_an_odd_host_to_trust_is_wrong_use(run: Callable, folder: Path, odd: str) -> None:
    """A port is a number."""
    done = run("fetch", "--trust", odd, folder=folder)
    assert done.code == 2
    assert "HOST:PORT" in done.err


def test_robots_txt_is_obeyed(fetch: Callable, server: Site) -> None:
    """A site that wants no programs is not asked for the document."""
    server.routes["/robots.txt"] = reply(b"User-agent: *\nDisallow: /act\n", "text/plain")
    records = fetch(*sorted(OFFICIAL))
    assert "robots.txt" in records["us-act"]["reason"]
    assert records["cn-rule"]["outcome"] == "fetched"
    assert asked(server) == ["/rule"]


def test_an_unknown_id_is_named_and_nothing_is_asked(
    run: Callable, folder: Path, server: Site
) -> None:
    """The nearest ids are offered."""
    done = run("fetch", "us-act", "us-atc", folder=folder)
    assert done.code == 1
    assert "us-act" in done.err
    with pytest.raises(UnknownName):
        Study(folder).fetch("nobody")
    assert server.asked == []


def test_documents_without_an_address_are_counted(fetch: Callable, server: Site) -> None:
    """They are neither asked for nor forgotten."""
    assert fetch()["without_url"] == ["cn-nowhere"]
    assert sorted(asked(server)) == ["/act", "/listed", "/rule"]


# --------------------------------------------------------------------------- again and on


def test_a_second_run_asks_for_nothing_it_has(fetch: Callable, server: Site) -> None:
    """What was got is skipped; what failed is asked for again."""
    server.routes["/rule"] = reply(b"gone", "text/plain", 404)
    assert fetch()["cn-rule"]["outcome"] == "failed"
    server.asked.clear()
    server.routes["/rule"] = reply(rule_html())
    records = fetch()
    assert sorted(records["skipped"]) == ["us-act", "us-listed"]
    assert records["cn-rule"]["outcome"] == "fetched"
    assert asked(server) == ["/rule"]


def test_a_run_that_is_stopped_goes_on_where_it_was(
    fetch: Callable, folder: Path, server: Site
) -> None:
    """What came before the stop is kept and recorded, and is not asked for again."""

    def get(url: str) -> Fetched:
        if url.endswith("/rule"):
            raise KeyboardInterrupt
        return fetch_document(
            url, allow_private=True, ports={server.port}, politeness=Politeness(0.0)
        )

    study = Study(folder)
    with pytest.raises(KeyboardInterrupt):
        fetch_study(study, get=get)
    first = study.store.fetches()
    assert [(one.document, one.outcome) for one in first] == [("us-act", "fetched")]
    assert study.document("us-act").text_kind is TextKind.ORIGINAL
    assert study.document("cn-rule").text_kind is TextKind.DIGEST
    server.asked.clear()
    records = fetch()
    assert records["skipped"] == ["us-act"]
    assert "/act" not in asked(server)
    assert study.store.fetches()[: len(first)] == first
    assert study.document("cn-rule").text_kind is TextKind.ORIGINAL


def test_asked_again_an_unchanged_text_stays(fetch: Callable, folder: Path, server: Site) -> None:
    """Nothing is replaced, and the attempt is recorded."""
    fetch()
    study = Study(folder)
    before = study.document("us-act"), study.codings(), list(study.segments())
    records = fetch("--again")
    assert {records[one]["outcome"] for one in OFFICIAL | {"us-listed"}} == {"unchanged"}
    assert (study.document("us-act"), study.codings(), list(study.segments())) == before
    assert len(study.store.fetches()) == 6
    fetch("--again")
    assert len(study.store.fetches()) == 9
    assert len(kept(folder, act_html())) == 1


def test_asked_again_a_changed_text_is_taken_over_with_its_codings(
    fetch: Callable, folder: Path, server: Site
) -> None:
    """All three texts stay; the codings move on to the newest."""
    fetch("us-act")
    study = Study(folder)
    before = codes(study, "us-act")
    server.routes["/act"] = reply(act_html(changed=True))
    records = fetch("us-act", "--again")
    assert records["us-act"]["outcome"] == "changed"
    assert records["us-act"]["unplaced"] == []
    assert "twenty-four" in study.document("us-act").text
    assert codes(study, "us-act") == before
    with closing(sqlite3.connect(folder / "study.sqlite")) as store:
        held = store.execute(
            "SELECT text FROM earlier_texts WHERE document = 'us-act' ORDER BY version"
        ).fetchall()
    assert ["herring" in text for (text,) in held] == [True, False]
    assert "seventy-two" in held[1][0]
    assert kept(folder, act_html())
    assert kept(folder, act_html(changed=True))
    assert fetch("us-act", "--again")["us-act"]["outcome"] == "unchanged"


def test_without_again_a_changed_text_is_not_asked_for(fetch: Callable, server: Site) -> None:
    """A text that is there is left alone."""
    fetch("us-act")
    server.asked.clear()
    server.routes["/act"] = reply(act_html(changed=True))
    assert fetch("us-act")["skipped"] == ["us-act"]
    assert asked(server) == []


def test_a_notice_in_place_of_a_text_got_before_takes_nothing_away(
    fetch: Callable, folder: Path, server: Site
) -> None:
    """The official text stays, and the next run knows it is there."""
    fetch("us-act")
    server.routes["/act"] = reply(notice_html())
    assert fetch("us-act", "--again")["us-act"]["outcome"] == "doubtful"
    study = Study(folder)
    assert "robustness" in study.document("us-act").text
    assert fetch("us-act")["skipped"] == ["us-act"]
    server.routes["/act"] = reply(act_html())
    assert fetch("us-act", "--again")["us-act"]["outcome"] == "unchanged"


def test_the_register_added_again_takes_no_official_text_away(
    run: Callable, fetch: Callable, folder: Path
) -> None:
    """It names the digests still; they gave way, and a corrected field is taken over all the same."""
    fetch()
    register = folder.parent / "given" / "register.csv"
    text = register.read_text("utf-8")
    study = Study(folder)
    for words in ((), ("--update",)):
        done = run("add", register, *words, folder=folder)
        assert done.code == 0, done
        assert study.document("us-act").text_kind is TextKind.ORIGINAL
        assert "robustness" in study.document("us-act").text
    register.write_text(text.replace("2023-05-01", "2023-05-02"), encoding="utf-8")
    assert run("add", register, "--update", folder=folder).code == 0
    assert str(study.document("us-act").date_issued) == "2023-05-02"
    assert study.document("us-act").text_kind is TextKind.ORIGINAL
    assert codes(study, "us-act")


def test_table_and_csv_show_every_document_asked_for(
    run: Callable, folder: Path, server: Site
) -> None:
    """One row each, also for a reader who pipes it on."""
    trust = ("--trust", f"127.0.0.1:{server.port}")
    server.routes["/rule"] = reply(b"gone", "text/plain", 404)
    done = run("fetch", "--csv", *trust, folder=folder)
    assert done.code == 1, done
    assert done.out.count("fetched") == 2
    assert "404" in done.out
    again = run("fetch", *trust, folder=folder)
    for words in ("cn-rule", "failed", "Got 0 of 1", "2 were got earlier", "1 have no address"):
        assert words in again.out


def test_without_a_connection_the_run_stops_after_three_hosts(folder: Path) -> None:
    """Nobody waits an hour to be told seventy times that the machine is offline."""
    asked_for: list[str] = []

    def get(url: str) -> Fetched:
        asked_for.append(url)
        raise FetchError(url, f'the host "{url}" is not found (offline)', "Check the connection.")

    with Study(folder) as study:
        for number in range(6):
            path = folder / f"listed-{number}.csv"
            path.write_text(
                "id,party,title,url,read\n"
                f"more-{number},us,More {number},https://host{number}.example/a,false\n",
                encoding="utf-8",
            )
            study.add(path)
        report = fetch_study(study, [f"more-{number}" for number in range(6)], get=get)
    assert report.offline
    assert len(asked_for) == 3
    assert [one.outcome for one in report.records] == ["failed"] * 3
