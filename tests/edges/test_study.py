"""A study from its making to its report, with everything a user may get wrong on the way."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from qiutong.errors import (
    BadRegister,
    BadSettings,
    InputError,
    QiutongError,
    StageMissing,
    StudyExists,
    TooFewParties,
    UnknownName,
)
from qiutong.study import Study


def change(path: Path, old: str, new: str) -> None:
    """Replace a text in a file; it must be there."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def line_of(path: Path, text: str) -> int:
    """Line of a text in a file, from 1."""
    return path.read_text("utf-8").split(text)[0].count("\n") + 1


def refused(done, *words: str) -> str:
    """Give the message of a command that failed as it should."""
    assert done.code == 1, done
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err, done.err
    return done.err


# ---------------------------------------------------------------------------- making


@pytest.mark.parametrize("parties", [(), ("us",), ("us", "us")])
def test_a_study_of_fewer_than_two_parties_is_refused(tmp_path: Path, parties) -> None:
    """Nothing is made on disk."""
    with pytest.raises(InputError, match="two or more"):
        Study.create(tmp_path / "study", parties)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("odd", ["US", "a b", "", "../x", "a/b", 'x"y', "a\nb", " us", "-", "."])
def test_an_odd_party_id_is_refused_with_one_that_would_do(tmp_path: Path, odd: str) -> None:
    """Ids stand in files, tables and addresses, so they are held to plain signs."""
    with pytest.raises(InputError, match="such as"):
        Study.create(tmp_path / "study", ["cn", odd])
    assert not (tmp_path / "study").exists()


def test_a_study_is_not_made_over_another(run: Callable, coded: Path) -> None:
    """The second init fails and changes nothing."""
    before = (coded / "study.toml").read_bytes()
    with pytest.raises(StudyExists):
        Study.create(coded, ["us", "cn"])
    refused(run("init", coded, "--party", "fr", "--party", "de"), "study here already")
    assert (coded / "study.toml").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(run: Callable, tmp_path: Path) -> None:
    """A file in the way is an error with its name, not a traceback."""
    (tmp_path / "taken").write_text("x", encoding="utf-8")
    done = run("init", "taken", "--party", "us", "--party", "cn", folder=tmp_path)
    refused(done, "taken")


def test_a_title_with_quotes_and_chinese_comes_back(run: Callable, tmp_path: Path) -> None:
    """Whatever the title holds, study.toml stays readable."""
    title = 'Study "one" \\ 研究 \t #1'
    done = run("init", tmp_path / "研究 一", "--party", "us", "--party", "cn", "--name", title)
    assert done.code == 0, done.err
    assert Study(tmp_path / "研究 一").settings.name == title


def test_an_unknown_bundled_study_is_refused_with_those_known(
    run: Callable, tmp_path: Path
) -> None:
    """The names are offered; no folder is left behind."""
    refused(run("init", tmp_path / "s", "--from", "us-china"), "us-china-ai")
    assert not (tmp_path / "s").exists()


# ---------------------------------------------------------------------------- adding


def test_one_bad_row_adds_nothing_and_is_named(run: Callable, empty: Path, sources: Path) -> None:
    """File, row, column, value and the allowed values are told; all bad rows at once."""
    register = sources / "register.csv"
    change(
        register, "company,voluntary-commitment,voluntary,en", "firm,voluntary-commitment,soft,en"
    )
    change(register, "2023-12-01,rescinded,2024-06-01", "2023-13-01,rescinded,")
    error = refused(run("add", register, folder=empty), "nothing was added")
    for word in (
        "register.csv", "row 3, column issuer_type", '"firm"', "standards-body",
        "column force", '"soft"', "aspirational", "row 5, column date_issued", '"2023-13-01"',
        "status_date",
    ):  # fmt: skip
        assert word in error, word
    assert run("documents", "--json", folder=empty).json == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "file"),
        ("id,party\na,us\n", '"file" or "url"'),
        ("file,party\n", "no documents"),
        ("file,party\nus-act.txt,fr\n", "us, cn"),
        ("file,party\nus-act.txt,\n", "column party"),
        ("file,party\nnope.txt,us\n", "nope.txt"),
        ("file,party\n,us\n", "column file"),
        ("url,party\nftp://a/b,us\n", "https://"),
        ("file,party,id\nus-act.txt,us,a\nus-pledge.txt,us,a\n", "row 2"),
        ("file,party,id\nus-act.txt,us,../up\n", "column id"),
        ("file,party,id\nus-act.txt,us,a/b\n", "column id"),
        ("file,endorsed_by\nus-act.txt,us;fr\n", "fr"),
        ("\x00\x01\x02", "CSV"),
    ],
)
def test_a_register_that_cannot_be_used_says_why(
    run: Callable, empty: Path, sources: Path, content: str, said: str
) -> None:
    """Each mistake has a message of its own and nothing is added."""
    path = sources / "bad.csv"
    path.write_text(content, encoding="utf-8")
    refused(run("add", path, folder=empty), "bad.csv", said)
    assert Study(empty).documents() == ()


def test_a_register_in_a_spreadsheets_encoding_is_read(
    run: Callable, empty: Path, sources: Path
) -> None:
    """Semicolons and GB18030, as a Chinese spreadsheet saves them; endings of lines as they come."""
    path = sources / "sheet.csv"
    text = "file;party;title\r\ncn-rule.txt;cn;虚构办法\r\ncn-norm.txt;cn;虚构承诺\r\n"
    path.write_bytes(text.encode("gb18030"))
    done = run("add", path, "--json", folder=empty)
    assert done.json["added"] == ["cn-rule", "cn-norm"]
    assert Study(empty).document("cn-rule").title == "虚构办法"


def test_a_missing_file_among_sources_adds_nothing(
    run: Callable, empty: Path, sources: Path
) -> None:
    """A mistyped name is found before anything is read."""
    done = run("add", sources / "us-act.txt", sources / "nope.txt", "--party", "us", folder=empty)
    refused(done, "nope.txt", "no such file")
    assert Study(empty).documents() == ()


def test_a_document_without_a_party_is_asked_for(run: Callable, empty: Path, sources: Path) -> None:
    """The parties of the study are offered."""
    refused(run("add", sources / "us-act.txt", folder=empty), "--party", "us, cn")
    refused(run("add", sources / "us-act.txt", "--party", "usa", folder=empty), '"usa"', "us")


def test_the_same_register_twice_changes_nothing(run: Callable, empty: Path, sources: Path) -> None:
    """Also both times in one command."""
    register = sources / "register.csv"
    done = run("add", register, register, "--json", folder=empty)
    assert len(done.json["added"]) == 4, done.err
    again = run("add", register, "--json", folder=empty)
    assert again.code == 0
    assert again.json["added"] == []
    assert len(again.json["unchanged"]) == 4


def test_the_same_content_under_another_id_is_refused(
    run: Callable, coded: Path, sources: Path
) -> None:
    """A document counts once, whatever its name."""
    copy = shutil.copy(sources / "us-act.txt", sources / "copy.txt")
    refused(run("add", copy, "--party", "us", folder=coded), '"us-act"', "counts once")
    assert len(Study(coded).documents()) == 4


def test_another_content_under_a_taken_id_is_refused(
    run: Callable, coded: Path, sources: Path
) -> None:
    """An id that is free is offered."""
    (sources / "us-act.txt").write_text("Sec. 1. Another text altogether.", encoding="utf-8")
    done = run("add", sources / "us-act.txt", "--party", "us", folder=coded)
    refused(done, '"us-act"', '"us-act-2"')
    assert "another text" in done.err


def test_a_removed_document_can_come_back_under_another_id(
    run: Callable, coded: Path, sources: Path
) -> None:
    """Its id stays its own, and the message says that it was removed."""
    assert run("remove", "us-act", "--why", "superseded", folder=coded).code == 0
    assert "us-act" not in run("overlap", "--json", folder=coded).out
    refused(
        run("add", sources / "us-act.txt", "--party", "us", folder=coded), "removed", "us-act-2"
    )
    done = run("add", sources / "us-act.txt", "--party", "us", "--id", "us-act-2", folder=coded)
    assert done.code == 0, done.err


def test_unreadable_files_are_told_and_the_rest_is_added(
    run: Callable, empty: Path, sources: Path
) -> None:
    """Exit status 1, one line for each with its reason; --json names both lots."""
    from io import BytesIO

    from pypdf import PdfReader, PdfWriter
    from reportlab.pdfgen.canvas import Canvas

    buffer = BytesIO()
    canvas = Canvas(buffer)
    canvas.drawString(72, 720, "Sec. 1. A locked text.")
    canvas.showPage()
    canvas.save()
    locked = PdfWriter(clone_from=PdfReader(buffer))
    locked.encrypt("secret", algorithm="RC4-128")
    locked.write(sources / "locked.pdf")
    scan = BytesIO()
    canvas = Canvas(scan)
    canvas.rect(72, 72, 400, 600, fill=1)
    canvas.showPage()
    canvas.save()
    (sources / "scan.pdf").write_bytes(scan.getvalue())
    (sources / "nothing.txt").write_bytes(b"")
    (sources / "blank.md").write_bytes(b" \n\n\t")
    (sources / "picture.pdf").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    bad = ["locked.pdf", "scan.pdf", "nothing.txt", "blank.md", "picture.pdf"]
    files = [sources / name for name in ("us-act.txt", *bad, "us-pledge.txt")]
    done = run("add", *files, "--party", "us", "--json", folder=empty)
    assert done.code == 1
    assert "Traceback" not in done.err
    assert done.json["added"] == ["us-act", "us-pledge"]
    assert len(done.json["failed"]) == 5
    for name in bad:
        assert name in done.err
    assert "password" in done.err
    assert "OCR" in done.err
    assert len(Study(empty).documents()) == 2


def test_update_corrects_register_fields_and_keeps_the_old(
    run: Callable, coded: Path, sources: Path
) -> None:
    """Text and codings stay; the old record is in the history; without --update nothing changes."""
    import sqlite3
    from contextlib import closing

    change(sources / "register.csv", "Pledge of an Invented Company", "Pledge (corrected)")
    plain = run("add", sources / "register.csv", "--json", folder=coded)
    assert plain.json["updated"] == []
    done = run("add", sources / "register.csv", "--update", "--json", folder=coded)
    assert done.json["updated"] == ["us-pledge"]
    assert len(done.json["unchanged"]) == 3
    study = Study(coded)
    assert study.document("us-pledge").title == "Pledge (corrected)"
    assert len(study.codings()) > 0
    assert study.code().coded == ()
    with closing(sqlite3.connect(coded / "study.sqlite")) as store:
        held = store.execute("SELECT document, record FROM document_history").fetchall()
    assert [row[0] for row in held] == ["us-pledge"]
    assert "Pledge of an Invented Company" in str(held[0][1])


def test_update_with_another_text_says_whose_codings_no_longer_count(
    run: Callable, coded: Path, sources: Path
) -> None:
    """A document not coded anew would be missed nowhere; another field changes no text."""
    change(sources / "register.csv", "Pledge of an Invented Company", "Pledge (corrected)")
    done = run("add", sources / "register.csv", "--update", folder=coded)
    assert "no longer counts" not in done.err
    with (sources / "us-pledge.txt").open("a", encoding="utf-8") as file:
        file.write("\n9. We will label synthetic content.\n")
    done = run("add", sources / "register.csv", "--update", folder=coded)
    assert done.code == 0, done.err
    assert "us-pledge: another text now. What default coded in the earlier one" in done.err
    assert "no longer counts" in done.err
    assert run("code", folder=coded).code == 0
    assert "no longer counts" not in run("add", sources / "register.csv", folder=coded).err


def test_a_folder_gives_the_files_in_it(run: Callable, empty: Path, tmp_path: Path) -> None:
    """Folders below too, in order; hidden files and other kinds are passed over."""
    place = tmp_path / "texts"
    (place / "more").mkdir(parents=True)
    for name in ("b.md", "a.txt", "more/c.html", ".hidden.txt", "table.xlsx"):
        (place / name).write_text(f"<p>Sec. 1. Text of {name} for the test.</p>", encoding="utf-8")
    done = run("add", place, "--party", "us", "--json", folder=empty)
    assert done.json["added"] == ["a", "b", "c"], done.err
    (tmp_path / "void").mkdir()
    refused(run("add", tmp_path / "void", "--party", "us", folder=empty), "holds no document")


def test_a_joint_text_is_no_partys_own(run: Callable, coded: Path, sources: Path) -> None:
    """It is a precedent and changes no prevalence."""
    before = run("overlap", "--json", folder=coded).json
    joint = sources / "joint.txt"
    joint.write_text(
        "Joint Statement\n\n1. We support red-team testing of models before release.\n",
        encoding="utf-8",
    )
    done = run("add", joint, "--endorsed-by", "us;cn", "--date", "2023-11-01", folder=coded)
    assert done.code == 0, done.err
    assert run("code", folder=coded).code == 0
    after = run("overlap", "--json", folder=coded).json
    assert [row["prevalence"] for row in after] == [row["prevalence"] for row in before]
    testing = next(r for r in after if r["code"] == "governance.evaluation.adversarial-testing")
    assert testing["precedents"] == ["joint"]


def test_a_digest_keeps_the_locators_of_the_official_text(
    run: Callable, empty: Path, tmp_path: Path
) -> None:
    """Its kind is digest, and each heading of the third level is a locator."""
    path = tmp_path / "cn-x.digest.md"
    path.write_text(
        "---\ndocument: cn-x\nkind: digest\nlanguage: zh\nread: original\n---\n# 虚构规定\n"
        "## 第一章\n### 第三条第二款（一）\n模型上线前应当开展红队测试。\n",
        encoding="utf-8",
    )
    assert run("add", path, "--party", "cn", folder=empty).code == 0
    shown = run("show", "cn-x", "--json", folder=empty).json
    assert shown["text_kind"] == "digest"
    assert [one["locator"] for one in shown["segments"]] == ["第三条第二款（一）"]


def write_agora(folder: Path) -> Path:
    """Write a data set of two invented documents and one without text in AGORA's shape."""
    (folder / "fulltext").mkdir(parents=True)
    (folder / "documents.csv").write_text(
        "AGORA ID,Official name,Authority,Most recent activity,Most recent activity date,"
        "Collections,Risk factors: Reliability,split,party\n"
        "9001,Invented Order,Nobody,Enacted,2024-01-02,,True,study,us\n"
        "9002,Invented Notice,Nobody,Enacted,2024-01-03,,False,dev,cn\n"
        "9003,Invented Gap,Nobody,Enacted,2024-01-03,,False,study,us\n",
        encoding="utf-8",
    )
    for number in (9001, 9002):
        (folder / "fulltext" / f"{number}.txt").write_text(
            f"Invented text {number}\n\nSec. 1. A model shall be tested.\n", encoding="utf-8"
        )
    return folder


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_agora_comes_with_its_tags(
    run: Callable, empty: Path, tmp_path: Path, packed: bool
) -> None:
    """A document without text is told; tags are codings of a human coder; --only takes rows."""
    source = write_agora(tmp_path / "agora")
    if packed:
        with zipfile.ZipFile(tmp_path / "agora.zip", "w") as archive:
            for path in sorted(source.rglob("*.*")):
                archive.write(path, f"agora/{path.relative_to(source)}")
        source = tmp_path / "agora.zip"
    some = run("add", source, "--only", "split=dev", "--json", folder=empty)
    assert some.json["added"] == ["agora-9002"], some.err
    done = run("add", source, "--json", folder=empty)
    assert done.code == 1
    assert "9003" in done.err
    assert done.json["added"] == ["agora-9001"]
    codings = run("codings", "--coder", "agora", "--json", folder=empty).json
    assert [(row["document"], row["code"]) for row in codings] == [
        ("agora-9001", "risk.reliability")
    ]
    refused(run("add", source, "--only", "splot=dev", folder=empty), "splot", "split")


def test_an_unknown_language_is_warned_of_and_does_no_harm(
    run: Callable, coded: Path, sources: Path
) -> None:
    """Paragraphs become segments, coding goes on, and both steps say what is missing."""
    path = sources / "odd.txt"
    path.write_text("Xqzv brrg tlopk.\n\nWwqj zzyx plorf grunk.\n", encoding="utf-8")
    done = run("add", path, "--party", "us", "--language", "tlh", "--json", folder=coded)
    assert done.code == 0, done.err
    coded_now = run("code", "--json", folder=coded)
    assert coded_now.code == 0, coded_now.err
    assert coded_now.json["coded"] == ["odd"]
    assert any("tlh" in warning for warning in coded_now.json["warnings"])
    assert "tlh" in coded_now.err
    assert run("overlap", "--json", folder=coded).code == 0


# ---------------------------------------------------------------------------- coding


def test_only_what_is_new_is_coded(run: Callable, coded: Path, sources: Path) -> None:
    """One added document is one coded document; --again codes all, with the same codings."""
    before = run("codings", "--json", folder=coded).json
    path = sources / "us-new.txt"
    path.write_text("Sec. 1. A developer shall do red-team testing.\n", encoding="utf-8")
    run("add", path, "--party", "us", folder=coded)
    done = run("code", "--json", folder=coded)
    assert done.json["coded"] == ["us-new"]
    assert len(done.json["unchanged"]) == 4
    run("remove", "us-new", folder=coded)
    again = run("code", "--again", "--json", folder=coded)
    assert len(again.json["coded"]) == 4
    assert run("codings", "--json", folder=coded).json == before


FRENCH = """id: livre
version: '{version}'
title: {{fr: Essais}}
dimensions:
  d: {{fr: Dimension}}
source: invented
licence: CC0-1.0
codes:
- id: d.essai
  dimension: d
  label: {{fr: Essais des modèles}}
  definition: {{fr: "L'essai d'un modèle avant sa mise sur le marché."}}
  anchors: {{fr: ["Tout modèle doit être essayé avant sa mise sur le marché."]}}
  cues: {{fr: [{cue}]}}
- id: d.transparence
  dimension: d
  label: {{fr: Transparence}}
  definition: {{fr: "L'information du public sur le fonctionnement des systèmes."}}
  anchors: {{fr: ["Le fournisseur informe le public du fonctionnement du système."]}}
  cues: {{fr: [informer le public, transparence]}}
"""


def test_a_changed_codebook_codes_all_again(run: Callable, coded: Path) -> None:
    """The codebook is part of what a coding depends on."""
    (coded / "own.yaml").write_text(FRENCH.format(version=1, cue="essai"), encoding="utf-8")
    change(coded / "study.toml", 'codebook = "ai-governance"', 'codebook = "own.yaml"')
    assert len(run("code", "--json", folder=coded).json["coded"]) == 4
    assert run("code", "--json", folder=coded).json["coded"] == []
    (coded / "own.yaml").write_text(FRENCH.format(version=2, cue="banc d'essai"), encoding="utf-8")
    assert len(run("code", "--json", folder=coded).json["coded"]) == 4


# ---------------------------------------------------------------------------- wrong files


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("strong = 0.50", "strong = 1.50", "strong"),
        ("strong = 0.50", 'strong = "half"', "strong"),
        ("strong = 0.50", "strang = 0.50", "strang"),
        ("strong = 0.50", "strong = = 0.50", ""),
        ("interval_level = 0.95", "interval_level = 95", "interval_level"),
        ("resamples = 1000", "resamples = -1", "resamples"),
        ('min_grade = "moderate"', 'min_grade = "fair"', "fair"),
        ("count_bills = true", 'count_bills = "maybe"', "count_bills"),
    ],
)
def test_a_wrong_setting_is_named_with_file_and_line(
    run: Callable, coded: Path, old: str, new: str, said: str
) -> None:
    """Every command that reads study.toml refuses it in the same way."""
    path = coded / "study.toml"
    line = line_of(path, old)
    change(path, old, new)
    for words in (("overlap",), ("recommend", "--json"), ("report",)):
        refused(run(*words, folder=coded), "study.toml", f"line {line}", said)
    assert not (coded / "report.en.html").exists()


def test_a_study_of_one_party_in_its_settings_is_refused(run: Callable, coded: Path) -> None:
    """A party taken out by hand leaves nothing to compare."""
    path = coded / "study.toml"
    text = path.read_text("utf-8")
    path.write_text(text[: text.rindex("[[parties]]")], encoding="utf-8")
    refused(run("overlap", folder=coded), "study.toml", "parties", "found: us")


def test_a_coder_without_codings_is_told_with_those_that_have(run: Callable, coded: Path) -> None:
    """The message names the coders of the store."""
    change(coded / "study.toml", 'coder = "default"', 'coder = "anna"')
    refused(run("overlap", folder=coded), '"anna"', "default")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "topics.yaml",
            "risk.dangerous-capabilities,",
            "risk.dangerous-capabilites,",
            "capabilites",
        ),
        ("topics.yaml", "  - id: dangerous-capabilities", "  - ad: dangerous-capabilities", "ad"),
        ("topics.yaml", "topics:", "topics: [", ""),
        ("tensions.yaml", "id: ", "id: [", ""),
    ],
)
def test_a_wrong_playbook_is_named_with_file_and_line(
    run: Callable, coded: Path, file: str, old: str, new: str, said: str
) -> None:
    """The check and the commands that use the playbook say the same."""
    change(coded / "playbook" / file, old, new)
    checked = refused(run("playbook", "check", folder=coded), file, "line ", said)
    assert refused(run("recommend", "--json", folder=coded), file) == checked


@pytest.mark.parametrize("name", ["topics.yaml", "tracks.yaml", "playbook.yaml", "rivalry.yaml"])
def test_a_missing_playbook_file_never_ends_in_a_traceback(
    run: Callable, coded: Path, name: str
) -> None:
    """What rests on it is refused or empty, and the overlap, which needs no playbook, still works."""
    (coded / "playbook" / name).unlink()
    for words in (("playbook", "check"), ("recommend", "--json"), ("report",)):
        done = run(*words, folder=coded)
        assert done.code in (0, 1)
        assert "Traceback" not in done.err
    if name == "playbook.yaml":
        refused(run("playbook", "check", folder=coded), name)
    assert run("overlap", "--json", folder=coded).code == 0


def test_an_unknown_playbook_or_codebook_is_named(run: Callable, coded: Path) -> None:
    """The names that exist are offered."""
    change(coded / "study.toml", 'playbook = "playbook"', 'playbook = "ploybook"')
    refused(run("playbook", "check", folder=coded), "ploybook", "us-china-ai")
    change(coded / "study.toml", 'codebook = "ai-governance"', 'codebook = "ai-governence"')
    refused(run("overlap", folder=coded), "ai-governence", "ai-governance")


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough" * 40])
def test_a_store_that_is_no_database_is_told(run: Callable, coded: Path, content: bytes) -> None:
    """An emptied store is an empty study; a broken one is an error with its path."""
    for path in coded.glob("study.sqlite*"):
        path.unlink()
    (coded / "study.sqlite").write_bytes(content)
    if content:
        refused(run("overlap", folder=coded), "study.sqlite")
    else:
        refused(run("overlap", folder=coded), "qiutong add")


# ---------------------------------------------------------------------------- too early, too little


@pytest.mark.parametrize("command", ["overlap", "screen", "recommend", "report"])
def test_an_empty_study_says_to_add(run: Callable, empty: Path, command: str) -> None:
    """The remedy is in the message."""
    refused(run(command, folder=empty), "qiutong add")
    assert run("documents", "--json", folder=empty).json == []
    assert run("segments", "--json", folder=empty).json == []
    assert run("search", "x", "--json", folder=empty).json == []
    assert run("code", "--json", folder=empty).json["coded"] == []


@pytest.mark.parametrize("command", ["overlap", "screen", "recommend", "report"])
def test_an_uncoded_study_says_to_code(
    run: Callable, empty: Path, sources: Path, command: str
) -> None:
    """The remedy is in the message, and the library raises StageMissing."""
    run("add", sources / "register.csv", folder=empty)
    refused(run(command, folder=empty), "qiutong code")
    with pytest.raises(StageMissing):
        Study(empty).overlap()


def test_documents_of_one_party_cannot_be_compared(
    run: Callable, empty: Path, sources: Path
) -> None:
    """Every question says which party is there."""
    run("add", sources / "us-act.txt", "--party", "us", folder=empty)
    run("code", folder=empty)
    for command in ("overlap", "screen", "recommend", "report"):
        refused(run(command, folder=empty), "two parties", "only us")
    with pytest.raises(TooFewParties):
        Study(empty).recommend()


# ---------------------------------------------------------------------------- other studies


def test_three_parties_go_from_init_to_report(run: Callable, sources: Path, tmp_path: Path) -> None:
    """The lowest of three shares grades the overlap, and the report has a column for each."""
    study = tmp_path / "three"
    run("init", study, "--party", "us", "--party", "cn", "--party", "atlantis")
    run("add", sources / "register.csv", folder=study)
    path = sources / "at.txt"
    path.write_text("Art. 1. Providers shall conduct red-team testing.\n", encoding="utf-8")
    done = run("add", path, "--party", "atlantis", "--title", "Atlantean Act", folder=study)
    assert done.code == 0, done.err
    assert run("code", folder=study).code == 0
    rows = run("overlap", "--json", folder=study).json
    assert all(list(row["prevalence"]) == ["us", "cn", "atlantis"] for row in rows)
    testing = next(r for r in rows if r["code"] == "governance.evaluation.adversarial-testing")
    assert testing["grade"] == "strong"
    assert "partial" in {row["grade"] for row in rows}
    for language in ("en", "zh"):
        done = run("report", "--lang", language, folder=study)
        assert done.code == 0, done.err
        page = (study / f"report.{language}.html").read_text("utf-8")
        assert "atlantis" in page.lower()


def test_a_codebook_and_texts_of_another_language_work_to_the_report(
    run: Callable, tmp_path: Path
) -> None:
    """Only French, with the user's own codes: overlap finds them and both reports are written."""
    study = tmp_path / "study"
    run("init", study, "--party", "fr", "--party", "be")
    (study / "livre.yaml").write_text(FRENCH.format(version=1, cue="essai*"), encoding="utf-8")
    change(study / "study.toml", 'codebook = "ai-governance"', 'codebook = "livre.yaml"')
    for party, text in {
        "fr": "Loi inventée\n\nArticle 1. Les essais du modèle sont obligatoires avant la vente.\n\n"
        "Article 2. Le fournisseur doit informer le public de ses choix.\n",
        "be": "Charte inventée\n\nArticle 1. Nous faisons l'essai de chaque modèle avec soin.\n",
    }.items():
        (tmp_path / f"{party}.txt").write_text(text, encoding="utf-8")
        done = run(
            "add", tmp_path / f"{party}.txt", "--party", party, "--language", "fr", folder=study
        )
        assert done.code == 0, done.err
    done = run("code", folder=study)
    assert done.code == 0, done.err
    rows = {row["code"]: row for row in run("overlap", "--json", folder=study).json}
    assert rows["d.essai"]["grade"] == "strong"
    assert rows["d.transparence"]["grade"] == "one-sided"
    # The playbook that init copied speaks of another codebook: nothing is proposed, and that is told.
    done = run("recommend", "--json", folder=study)
    assert done.json == []
    assert "Note: " in done.err
    for language in ("en", "zh"):
        done = run("report", "--lang", language, folder=study)
        assert done.code == 0, done.err
        assert "essais du modèle" in (study / f"report.{language}.html").read_text("utf-8")


# ---------------------------------------------------------------------------- the library


def test_the_library_does_what_the_command_line_does(
    run: Callable, coded: Path, tmp_path: Path
) -> None:
    """Rows of the library are the JSON of the commands."""
    study = Study(coded)
    topics = run("recommend", "--json", "--as-of", "2024-01-20", folder=coded).json
    held = study.recommend(as_of="2024-01-20")
    assert [(one.topic, one.verdict.value) for one in held] == [
        (row["topic"], row["verdict"]) for row in topics
    ]
    assert len(study.documents().rows()) == 4
    assert "<table" in study.documents()._repr_html_()
    path = study.report(tmp_path / "r" / "report.html", language="zh")
    assert path.is_file()


def test_results_say_which_documents_are_out_and_why(coded: Path) -> None:
    """Not issued yet, rescinded by then: each with a reason in both languages."""
    study = Study(coded)
    early = study.results("2023-12-15")
    assert set(early.left_out) == {"us-pledge"}
    late = study.results("2024-12-01")
    assert set(late.left_out) == {"cn-norm"}
    for reasons in (early.left_out["us-pledge"], late.left_out["cn-norm"]):
        assert reasons.keys() >= {"en", "zh"}
        assert all(reasons.values())
    assert "2024-06-01" in late.left_out["cn-norm"]["en"]


def test_every_error_of_the_library_is_of_one_family(coded: Path, tmp_path: Path) -> None:
    """One except clause is enough for a caller."""
    study = Study(coded)
    (tmp_path / "r.csv").write_text("file,party\nx,us\n", encoding="utf-8")
    for wanted, call in (
        (UnknownName, lambda: study.document("x")),
        (UnknownName, lambda: study.add("x.txt", party="x")),
        (BadRegister, lambda: study.add(tmp_path / "r.csv")),
        (InputError, lambda: study.day("x")),
        (InputError, lambda: study.add(coded / "study.toml", party="us", force="hard")),
        (BadSettings, lambda: Study(_broken(tmp_path))),
    ):
        with pytest.raises(QiutongError) as caught:
            call()
        assert isinstance(caught.value, wanted)


def _broken(folder: Path) -> Path:
    (folder / "study.toml").write_text("name = [", encoding="utf-8")
    return folder


def test_two_files_of_one_name_in_one_batch_are_two_documents(
    run: Callable, empty: Path, tmp_path: Path
) -> None:
    """rule.txt and rule.md do not stop each other; the second id is numbered."""
    (tmp_path / "rule.txt").write_text("Sec. 1. One rule for artificial intelligence.", "utf-8")
    (tmp_path / "rule.md").write_text("Sec. 1. Another rule for such systems.", "utf-8")
    done = run("add", tmp_path / "rule.txt", tmp_path / "rule.md", "--party", "us", folder=empty)
    assert done.code == 0, done.err
    assert [one.id for one in Study(empty).documents()] == ["rule", "rule-2"]
