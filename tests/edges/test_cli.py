"""What the commands promise to scripts: exit status, one JSON value, tables, clear errors."""

import csv
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

VERDICTS = {"recommended", "handle-with-care", "set-aside", "not-supported"}
GRADES = {"strong", "moderate", "limited", "one-sided", "absent", "undefined", "partial"}
READING = [
    ("documents",), ("segments",), ("segments", "us-act"), ("search", "红队"), ("codings",),
    ("codings", "cn-rule"), ("overlap",), ("screen",), ("recommend",),
]  # fmt: skip


def assert_clear_error(done, *words: str) -> None:
    """One message on standard error that holds the words; nothing on standard output."""
    assert done.code == 1, done
    assert done.out == ""
    assert done.err.startswith("Error: ")
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err, done.err


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_json_is_one_value_and_nothing_else(run: Callable, coded_once: Path, words) -> None:
    """A script can parse the whole of standard output."""
    done = run(*words, "--json", folder=coded_once)
    assert done.code == 0, done.err
    assert isinstance(done.json, list)
    assert done.json
    assert all(isinstance(row, dict) for row in done.json)


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_csv_has_a_heading_and_as_many_rows_as_json(run: Callable, coded_once: Path, words) -> None:
    """Every row has as many cells as the heading has columns."""
    done = run(*words, "--csv", folder=coded_once)
    assert done.code == 0, done.err
    rows = list(csv.reader(io.StringIO(done.out, newline="")))
    assert len(rows) - 1 == len(run(*words, "--json", folder=coded_once).json)
    assert {len(row) for row in rows} == {len(rows[0])}


@pytest.mark.parametrize("words", [*READING, ("show", "us-act")], ids=" ".join)
def test_tables_are_printed_without_an_option(run: Callable, coded_once: Path, words) -> None:
    """A reader at the terminal gets text on standard output."""
    done = run(*words, folder=coded_once)
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) > 2


def test_a_cell_that_is_a_formula_is_guarded_in_csv_only(run: Callable, coded_once: Path) -> None:
    """A title that begins with = gets an apostrophe for spreadsheets and none in JSON."""
    done = run("documents", "--csv", folder=coded_once)
    titles = [row["title"] for row in csv.DictReader(io.StringIO(done.out, newline=""))]
    assert titles[0] == "'=Invented Model Safety Act"
    held = run("documents", "--json", folder=coded_once).json
    assert held[0]["title"] == "=Invented Model Safety Act"


def test_segments_have_the_documented_keys(run: Callable, coded_once: Path) -> None:
    """The keys come in the documented order, so that CSV columns stay where they are."""
    for row in run("segments", "--json", folder=coded_once).json:
        assert list(row)[:6] == ["document", "locator", "start", "end", "page", "text"]
        assert {"id", "language", "headings"} <= row.keys()


def test_overlap_has_the_documented_keys(run: Callable, coded_once: Path) -> None:
    """Shares come per party with interval and counts."""
    rows = run("overlap", "--json", folder=coded_once).json
    for row in rows:
        assert row.keys() >= {
            "code", "grade", "prevalence", "stability", "documents",
            "label", "lowest", "salience", "precedents",
        }  # fmt: skip
        assert row["grade"] in GRADES
        assert list(row["prevalence"]) == ["us", "cn"]
        for share in (*row["prevalence"].values(), *row["salience"].values()):
            assert share.keys() >= {
                "value", "low", "high", "count", "total", "level", "method", "undefined",
            }  # fmt: skip
            assert 0 <= share["low"] <= share["value"] <= share["high"] <= 1
            assert share["value"] == pytest.approx(share["count"] / share["total"])
    testing = next(r for r in rows if r["code"] == "governance.evaluation.adversarial-testing")
    assert testing["prevalence"]["us"]["count"] == testing["prevalence"]["us"]["total"] == 2


def test_screen_has_the_documented_keys(run: Callable, coded_once: Path) -> None:
    """Every code and topic has a verdict."""
    rows = run("screen", "--json", folder=coded_once).json
    assert all(row.keys() >= {"subject", "verdict", "reasons", "rivalry"} for row in rows)
    assert len({row["subject"] for row in rows}) > 60


def test_recommend_has_the_documented_keys(run: Callable, coded_once: Path) -> None:
    """Every topic of the playbook comes with a verdict, the rule that fired and its inputs."""
    rows = run("recommend", "--json", folder=coded_once).json
    for row in rows:
        assert row.keys() >= {
            "topic", "title", "verdict", "tracks", "fora", "rule", "inputs", "evidence",
            "counter_evidence", "why", "question", "grades", "screen", "would_change",
        }  # fmt: skip
        assert row["verdict"] in VERDICTS
        assert row["title"].keys() >= {"en", "zh"}
        # A topic that is not proposed has no track, so no rule of the table fired.
        assert bool(row["rule"]) is (row["verdict"] in ("recommended", "handle-with-care"))
        assert bool(row["tracks"]) is bool(row["rule"])
        assert row["inputs"]["grade"] in GRADES


def test_the_offsets_of_segments_cut_the_text_exactly(
    run: Callable, empty: Path, tmp_path: Path
) -> None:
    """Whatever encoding and line ends a file has, text[start:end] of show is the provision."""
    body = "虚构办法\n\n第一条 为防范风险，制定本办法。\n\n第二条 模型应当可靠。\n"
    files = {
        "crlf.txt": b"Title\r\n\r\nSec. 1. One must test\r\nmodels.\r\n\r\nSec. 2. Two.\r\n",
        "bom.txt": b"\xef\xbb\xbf" + body.encode(),
        "gb.txt": body.encode("gb18030"),
        "astral.md": "# T 𝒳😀\n\n## 🏛 Part\n\nSec. 1. A 😀 model 𠮷 shall be “tested”.\n".encode(),
        "wide.txt": "標題\n\n第一條　ＡＩ系統應當可靠\u200b。\n\n（一）其一；\n（二）其二。\n".encode("big5", "ignore"),
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    done = run("add", *(tmp_path / name for name in files), "--party", "us", folder=empty)
    assert done.code == 0, done.err
    for name in files:
        shown = run("show", Path(name).stem, "--json", folder=empty).json
        assert shown["segments"], name
        for one in shown["segments"]:
            assert shown["text"][one["start"] : one["end"]] == one["text"]
        assert "\r" not in shown["text"]
        assert "\ufeff" not in shown["text"]


def test_the_evidence_of_codings_is_the_text_at_its_offsets(
    run: Callable, coded_once: Path
) -> None:
    """Evidence lies inside its segment and is quoted exactly."""
    texts = {
        row["id"]: run("show", row["id"], "--json", folder=coded_once).json
        for row in run("documents", "--json", folder=coded_once).json
    }
    rows = run("codings", "--json", folder=coded_once).json
    assert len(rows) > 8
    for row in rows:
        document = texts[row["document"]]
        start, end = row["evidence_start"], row["evidence_end"]
        assert row["evidence"] == document["text"][start:end] != ""
        segment = next(one for one in document["segments"] if one["id"] == row["segment"])
        assert segment["start"] <= start < end <= segment["end"]
        assert row["locator"] == segment["locator"]
        assert row["codebook"] == "ai-governance@2"


def test_code_says_what_it_did_as_json(run: Callable, coded: Path) -> None:
    """The second run codes nothing and says so."""
    done = run("code", "--json", folder=coded)
    assert done.json.keys() == {"coder", "coded", "unchanged", "codings", "warnings"}
    assert done.json["coded"] == []
    assert set(done.json["unchanged"]) == {"us-act", "us-pledge", "cn-rule", "cn-norm"}
    assert done.json["codings"] == 0


def test_the_study_is_named_before_or_after_the_command(
    run: Callable, coded_once: Path, tmp_path: Path
) -> None:
    """Both places of --study mean the same from any folder."""
    before = run("--study", coded_once, "documents", "--json", folder=tmp_path)
    after = run("documents", "--json", "--study", coded_once, folder=tmp_path)
    assert before.code == after.code == 0
    assert before.out == after.out
    # One call's --study must not linger in the next of the same process.
    assert_clear_error(run("documents", folder=tmp_path), "no study.toml")


def test_the_study_is_found_from_a_folder_below(run: Callable, coded: Path) -> None:
    """A user who stands in playbook/ or deeper is still in the study."""
    deep = coded / "notes" / "deep"
    deep.mkdir(parents=True)
    done = run("documents", "--json", folder=deep)
    assert done.out == run("documents", "--json", folder=coded).out


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",), ("show",), ("add",), ("init",), ("overlap", "--nonsense"),
        ("documents", "--json", "--csv"), ("overlap", "--json", "--csv"), ("report", "--lang", "fr"),
        ("search", "x", "--limit", "0"), ("add", "a.txt", "b.txt", "--id", "x"),
        ("add", "a.zip", "--only", "split"), ("codebook", "migrate", "x.csv"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_use_is_status_2_with_nothing_on_standard_output(
    run: Callable, coded_once: Path, words
) -> None:
    """A mistake in the command itself is told apart from an error of the data."""
    done = run(*words, folder=coded_once)
    assert done.code == 2, done
    assert done.out == ""
    assert "Usage:" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "us-ac"), ("us-ac", "us-act")),
        (("show", "us-act", "Sec. 99"), ("Sec. 99", "Sec. 1")),
        (("segments", "nope"), ("nope",)),
        (("codings", "nope"), ("nope",)),
        (("codings", "--coder", "defualt"), ("defualt", "default")),
        (("remove", "nope"), ("nope",)),
        (("add", "missing.pdf", "--party", "us"), ("missing.pdf", "no such file")),
        (("overlap", "--as-of", "2025-13-01"), ("2025-13-01", "YYYY-MM-DD")),
        (("recommend", "--as-of", "tomorrow", "--json"), ("tomorrow", "YYYY-MM-DD")),
        (("report", "--as-of", "20.1.2025"), ("20.1.2025", "YYYY-MM-DD")),
        (("overlap", "--as-of", "1999-01-01"), ("two parties", "us, cn")),
        (("recommend", "--as-of", "1999-01-01", "--json"), ("two parties",)),
        (("screen", "--as-of", "1999-01-01", "--csv"), ("two parties",)),
        (("report", "--as-of", "2023-06-01"), ("only us",)),
        (("codebook", "show", "nope"), ("nope", "ai-governance")),
        (("codebook", "show", "--code", "risk.reliabilty"), ("risk.reliability",)),
        (("codebook", "check", "nope.yaml"), ("nope.yaml",)),
        (("codebook", "diff", "ai-governance", "nope.yaml"), ("nope.yaml",)),
        (("codebook", "migrate", "nope.csv", "--from", "0"), ("nope.csv",)),
        (("report", "-o", "study.toml/report.html"), ("study.toml",)),
        (("import",), ("codings", "no such file or folder", "--coder ID")),
        (
            ("codebook", "migrate", "study.toml", "--from", "1"),
            ('no column "code"', "codings --csv"),
        ),
    ],
    ids=lambda value: " ".join(value),
)
def test_an_error_is_one_clear_message_and_status_1(
    run: Callable, coded: Path, words, said
) -> None:
    """It names the value at fault and what would be accepted; no traceback, nothing on stdout."""
    assert_clear_error(run(*words, folder=coded), *said)


@pytest.mark.parametrize(
    "words", [("documents",), ("code",), ("overlap", "--json"), ("report",), ("playbook", "check")]
)
def test_outside_a_study_the_way_to_one_is_told(run: Callable, tmp_path: Path, words) -> None:
    """The message names --study and init."""
    assert_clear_error(run(*words, folder=tmp_path), "--study", "qiutong init")


@pytest.mark.parametrize("words", [(), ("--help",), ("add", "--help"), ("codebook", "--help")])
def test_help_is_there(run: Callable, tmp_path: Path, words) -> None:
    """Help needs no study."""
    done = run(*words, folder=tmp_path)
    assert "Usage: qiutong" in done.out + done.err
    assert done.code == (0 if words else 2)


def test_the_version_is_printed_alone(run: Callable, tmp_path: Path) -> None:
    """A script can compare it."""
    done = run("--version", folder=tmp_path)
    assert done.code == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", done.out)


def test_show_gives_one_provision_or_those_under_it(run: Callable, coded_once: Path) -> None:
    """Sec. 2 means its items too; 第三条（一） means itself; 第三条 is not 第三十条."""

    def places(*words: str) -> list[str]:
        shown = run("show", *words, "--json", folder=coded_once).json
        return [one["locator"] for one in shown["segments"]]

    assert places("us-act", "Sec. 2") == ["Sec. 2(a)", "Sec. 2(b)"]
    assert places("us-act", "sec.2(A)") == ["Sec. 2(a)"]
    assert places("cn-rule", "第三条（一）") == ["第三条（一）"]
    assert "第三条（二）" in places("cn-rule", "第三条")


@pytest.mark.parametrize("query", ["", '"', "NEAR(", "a AND (", "*", "-", "' OR 1=1", "测试；DROP"])
def test_any_query_is_answered(run: Callable, coded_once: Path, query: str) -> None:
    """Signs of a query language are ordinary characters here."""
    done = run("search", "--json", "--", query, folder=coded_once)
    assert done.code == 0, done.err
    assert isinstance(done.json, list)


def test_search_finds_words_of_both_languages(run: Callable, coded_once: Path) -> None:
    """Traditional characters find simplified ones; every hit has a score, best first."""
    for query in ("红队测试", "紅隊測試"):
        hits = run("search", query, "--json", folder=coded_once).json
        assert {"cn-rule", "cn-norm"} == {hit["document"] for hit in hits}
        scores = [hit["score"] for hit in hits]
        assert scores == sorted(scores, reverse=True)
    assert run("search", "red-team", "--limit", "1", "--json", folder=coded_once).json[0]["text"]


def test_as_of_leaves_out_what_was_not_there(run: Callable, coded_once: Path) -> None:
    """Before its issue, and after it was rescinded, a document does not count; reasons are told."""

    def counted(day: str) -> set[str]:
        rows = run("overlap", "--json", "--as-of", day, folder=coded_once).json
        return {one for row in rows for held in row["documents"].values() for one in held}

    assert counted("2023-08-01") == {"us-act", "cn-rule"}
    assert counted("2024-01-01") == {"us-act", "cn-rule", "cn-norm"}
    assert counted("2024-12-01") == {"us-act", "us-pledge", "cn-rule"}
    assert counted("today") == counted("2024-12-01")


def test_the_report_is_one_file_without_network(run: Callable, coded: Path) -> None:
    """Both languages, with lang set; nothing is loaded from elsewhere; no half-written file."""
    for language, sign in (("en", 'lang="en'), ("zh", 'lang="zh')):
        done = run("report", "--lang", language, "--json", folder=coded)
        page = Path(done.json["report"]).read_text("utf-8")
        assert sign in page[:400]
        assert not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"']?https?:", page)
        assert "红队测试" in page
    assert not list(coded.glob(".*.part"))


def test_the_report_goes_into_a_folder_that_is_not_there_yet(run: Callable, coded: Path) -> None:
    """-o makes the folders on the way."""
    done = run("report", "-o", "out/deep/report.html", folder=coded)
    assert done.code == 0, done.err
    assert (coded / "out" / "deep" / "report.html").stat().st_size > 10_000


def test_a_report_that_fails_leaves_the_old_one(
    run: Callable, coded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is replaced whole or not at all, also when the disk is full."""
    import os

    target = coded / "report.en.html"
    target.write_text("the report of yesterday", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(os, "replace", full)
    assert_clear_error(run("report", folder=coded), "No space left")
    assert target.read_text("utf-8") == "the report of yesterday"
    assert not list(coded.glob(".*.part"))


def test_the_codebook_commands_show_check_and_compare(run: Callable, tmp_path: Path) -> None:
    """They need no study."""
    book = run("codebook", "show", "--json", folder=tmp_path).json
    assert len(book["codes"]) >= 50
    one = run("codebook", "show", "--code", "risk.reliability", "--json", folder=tmp_path).json
    assert one["id"] == "risk.reliability"
    assert run("codebook", "check", folder=tmp_path).code == 0
    done = run("codebook", "diff", "ai-governance", "ai-governance", "--json", folder=tmp_path)
    assert done.json == []


def test_migrated_codings_go_to_a_new_file_and_never_over_one(
    run: Callable, tmp_path: Path
) -> None:
    """A second run refuses to write over the first run's file."""
    (tmp_path / "old.csv").write_text("code,memo\nrisk.reliability,=1+1\n", encoding="utf-8")
    words = ("codebook", "migrate", "old.csv", "--from", "1")
    done = run(*words, folder=tmp_path)
    assert done.code == 0, done.err
    rows = list(csv.DictReader((tmp_path / "old.migrated.csv").read_text("utf-8").splitlines()))
    assert rows[0]["code"] == "risk.reliability"
    assert_clear_error(run(*words, folder=tmp_path), "exists already")


def test_a_row_that_cannot_be_migrated_is_told_in_words(run: Callable, tmp_path: Path) -> None:
    """With the number a spreadsheet shows, what happened to its code, and what it may become."""
    book = tmp_path / "book.yaml"
    done = run("codebook", "show", "--json", folder=tmp_path)
    held = {**done.json, "version": "9"}
    held["history"] = [
        {"version": "9", "kind": "split", "codes": ["old"], "into": ["risk.bias", "risk.rights"],
         "why": "Two things."}
    ]  # fmt: skip
    book.write_text(json.dumps(held), "utf-8")
    (tmp_path / "old.csv").write_text("code,memo\nrisk.bias,a\n,\nold,b\n", encoding="utf-8")
    done = run("codebook", "migrate", "old.csv", "--from", "1", "--codebook", book, folder=tmp_path)
    assert done.code == 0, done
    assert "Wrote 1 coding to" in done.out + done.err
    assert "Row 4 is left out" in done.err
    assert "It may become: risk.bias, risk.rights." in done.err
    assert "UndecidedRow" not in done.err
    (tmp_path / "twice.csv").write_text("code,memo,memo\nrisk.bias,a,b\n", encoding="utf-8")
    done = run("codebook", "migrate", "twice.csv", "--from", "1", folder=tmp_path)
    assert_clear_error(done, "twice.csv", '2 columns "memo"')
    (tmp_path / "nameless.csv").write_text("code,,\n,,\nrisk.bias,a,b\n", encoding="utf-8")
    done = run("codebook", "migrate", "nameless.csv", "--from", "1", folder=tmp_path)
    assert_clear_error(done, "nameless.csv", "row 3: a cell under no heading")
    (tmp_path / "empty.csv").write_text("code,,\nrisk.bias,,\n", encoding="utf-8")
    assert run("codebook", "migrate", "empty.csv", "--from", "1", folder=tmp_path).code == 0


@pytest.mark.parametrize("group", [(), ("codebook",), ("playbook",)])
def test_the_list_of_commands_is_not_cut(run: Callable, tmp_path: Path, group) -> None:
    """Every line is a whole sentence, and no option shows the name of a type."""
    done = run(*group, "--help", folder=tmp_path)
    lines = done.out.split("Commands:\n")[1].splitlines()
    assert [line for line in lines if not line.endswith(".")] == []
    for line in lines:
        if (name := line.split()[0]) not in ("codebook", "playbook"):
            shown = run(*group, name, "--help", folder=tmp_path).out.split("Options:\n")[1]
            assert not re.search(r"<(str|int|list)", shown), shown


def test_what_was_done_is_told_in_whole_words(run: Callable, empty: Path) -> None:
    """One document, two documents; nothing to list is said, and how to get some."""
    assert "qiutong add" in run("documents", folder=empty).out
    assert "qiutong code" in run("codings", folder=empty).out
    assert "qiutong import" in run("decisions", folder=empty).out
    (empty / "a.txt").write_text("Sec. 1. The Office shall label content.\n", "utf-8")
    add = ("add", "a.txt", "--party", "us")
    assert "Added 1 document." in run(*add, folder=empty).out
    assert "Added 0 documents; 1 was there already." in run(*add, folder=empty).out
    assert "Coded 1 document with default: " in run("code", folder=empty).out
    assert "; coded already: 1." in run("code", folder=empty).out
    assert "No provision holds all of this: zebra" in run("search", "zebra", folder=empty).out


def test_the_playbook_of_a_new_study_is_sound(run: Callable, empty: Path) -> None:
    """What init copies passes its own check."""
    done = run("playbook", "check", folder=empty)
    assert done.code == 0, done.err
    assert "no errors" in done.out


def test_the_demo_runs_twice(run: Callable, tmp_path: Path) -> None:
    """The second run uses the study of the first and gives the same answer."""
    first = run("demo", "tried", folder=tmp_path)
    assert first.code == 0, first.err
    assert "reviewed by no person yet" in first.out
    for language in ("en", "zh"):
        assert (tmp_path / "tried" / f"report.{language}.html").stat().st_size > 10_000
    second = run("demo", "tried", folder=tmp_path)
    assert second == first


def test_a_narrow_table_breaks_ids_at_their_dots_and_no_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a terminal of 80 columns what can be read in a wide one can still be read."""
    from rich.cells import cell_len
    from rich.console import Console

    from qiutong.cli import printing

    monkeypatch.setattr(printing, "open_console", lambda: Console(width=80, file=sys.stdout))
    code = "governance.evaluation.adversarial-testing"
    row = [code, "第三条（一）", "undefined", "0.12 (0.05–0.21)", "Requirements", "对抗" * 40]
    printing.print_table(["Code", "Locator", "United States", "China", "Subject", "Text"], [row])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) <= 80
    words = {word for line in lines for word in line.split()}
    assert {"adversarial-", "testing", "第三条（一）", "undefined", "Requirements"} <= words
    assert "".join(line[:15].strip() for line in lines if line[:15].strip("─ ")) == f"Code{code}"
