"""Several coders combined into one in a study: what counts, what is said, what is refused."""

import csv
import io
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from qiutong.ensemble import NOT_INDEPENDENT
from qiutong.errors import BadCodings, BadSettings, InputError, StageMissing
from qiutong.model import Coder, CoderKind, Coding
from qiutong.store import CodedDocument
from qiutong.study import Study

from .test_cli import assert_clear_error

LABELS, ROBUST, RED = (
    "governance.content-provenance",
    "risk.reliability.robustness",
    "governance.evaluation.adversarial-testing",
)
ANNA = {
    ("us-act", "Sec. 3"): LABELS, ("us-act", "Sec. 2(a)"): ROBUST, ("us-act", "Sec. 2(b)"): RED,
    ("cn-rule", "第三条（一）"): LABELS, ("cn-rule", "第二条"): RED,
}  # fmt: skip
BEN = {
    ("us-act", "Sec. 3"): LABELS, ("us-act", "Sec. 2(b)"): RED,
    ("cn-rule", "第三条（一）"): LABELS, ("cn-rule", "第二条"): ROBUST,
}  # fmt: skip


def sheet(path: Path, study: Path, codes: dict[tuple[str, str], str], *documents: str) -> Path:
    """Codings of every provision of some documents, as a person hands them in."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("document", "locator", "codes"))
        with Study(study) as opened:
            for one in opened.segments():
                if one.document in documents:
                    cell = codes.get((one.document, one.locator), "")
                    writer.writerow((one.document, one.locator, cell))
    return path


def read_by(run: Callable, study: Path, coder: str, codes: dict, *documents: str) -> None:
    path = sheet(study.parent / f"{coder}.csv", study, codes, *documents)
    done = run("import", path, "--coder", coder, folder=study)
    assert done.code == 0, done


def count(study: Path, coder: str) -> None:
    """Let a coder's codings count."""
    path = study / "study.toml"
    path.write_text(
        re.sub(r"(?m)^coder = \S+", f'coder = "{coder}"', path.read_text("utf-8")), "utf-8"
    )


@pytest.fixture
def folder(run: Callable, coded: Path) -> Path:
    """A study of four documents coded by a program; two people read two of them."""
    for coder, codes in (("anna", ANNA), ("ben", BEN)):
        read_by(run, coded, coder, codes, "us-act", "cn-rule")
    return coded


@pytest.fixture
def agreed(run: Callable, folder: Path) -> Path:
    """The same with what both people say as a coder."""
    done = run("combine", "agreed", "--from", "anna", "--from", "ben", folder=folder)
    assert done.code == 0, done
    return folder


def cells(study: Path, coder: str) -> dict[tuple[str, str], float | None]:
    with Study(study) as opened:
        places = {one.id: one.locator for one in opened.segments()}
        return {(places[one.segment], one.code): one.confidence for one in opened.codings(coder)}


# --------------------------------------------------------------------------- combining


def test_what_both_gave_is_a_coders_and_the_members_stay(run: Callable, folder: Path) -> None:
    """Sure cells stand with confidence 1; the members' codings are as before."""
    before = cells(folder, "anna"), cells(folder, "ben")
    done = run("combine", "agreed", "--from", "anna", "--from", "ben", "--json", folder=folder)
    assert done.code == 0, done
    assert done.json["coder"]["kind"] == "combined"
    assert done.json["coder"]["version"] == "unanimous: anna, ben"
    assert done.json["combined"] == ["us-act", "cn-rule"]
    assert cells(folder, "agreed") == {
        ("Sec. 3", LABELS): 1.0, ("Sec. 2(b)", RED): 1.0, ("第三条（一）", LABELS): 1.0,
    }  # fmt: skip
    assert (done.json["codings"], done.json["undecided"]) == (3, 3)
    assert (cells(folder, "anna"), cells(folder, "ben")) == before


def test_documents_that_some_have_not_coded_are_left_out_and_named(
    run: Callable, folder: Path
) -> None:
    """The program coded four, Anna two; the other two are told, with who lacks them."""
    done = run("combine", "both", "--from", "default", "--from", "anna", folder=folder)
    assert done.code == 0, done
    assert "us-pledge is left out: not coded by anna" in done.err
    assert "2 left out" in done.out
    with Study(folder) as study:
        assert set(study.store.finished("both")) == {"us-act", "cn-rule"}


def test_undecided_cells_can_be_listed_for_a_person(run: Callable, agreed: Path) -> None:
    """Each with its provision and who gave it; none is among the codings."""
    done = run("agreement", "agreed", "--undecided", "--csv", folder=agreed)
    assert done.code == 0, done
    rows = {(row["locator"], row["code"]): row for row in csv.DictReader(io.StringIO(done.out))}
    assert {cell: row["given_by"] for cell, row in rows.items()} == {
        ("Sec. 2(a)", ROBUST): "anna", ("第二条", ROBUST): "ben", ("第二条", RED): "anna",
    }  # fmt: skip
    assert "robustness" in rows["Sec. 2(a)", ROBUST]["text"]
    assert not set(rows) & set(cells(agreed, "agreed"))


def test_a_share_below_the_least_confidence_counts_where_the_rule_says_so(
    run: Callable, agreed: Path
) -> None:
    """One of three is enough for any, though one third is below coding.min_confidence."""
    read_by(run, agreed, "cleo", {}, "us-act", "cn-rule")
    members = ("--from", "anna", "--from", "ben", "--from", "cleo")
    for name, rule in (("loose", "any"), ("most", "majority"), ("two", "2")):
        assert run("combine", name, *members, "--rule", rule, folder=agreed).code == 0
    count(agreed, "loose")
    held = {one["code"]: one["documents"] for one in run("overlap", "--json", folder=agreed).json}
    assert held[ROBUST] == {"us": ["us-act"], "cn": ["cn-rule"]}
    assert cells(agreed, "loose")["Sec. 2(a)", ROBUST] == pytest.approx(1 / 3)
    assert cells(agreed, "most") == cells(agreed, "two")
    assert ("Sec. 2(a)", ROBUST) not in cells(agreed, "most")


def test_a_members_codings_below_the_least_confidence_are_not_given(
    run: Callable, folder: Path
) -> None:
    """What does not count alone does not count in company."""
    run("code", "--coder", "builtin", folder=folder)
    read_by(run, folder, "anna", {}, "cn-norm")
    run("combine", "both", "--from", "builtin", "--from", "anna", "--rule", "any", folder=folder)
    unsure = {cell for cell, share in cells(folder, "builtin").items() if (share or 0) < 0.5}
    assert unsure == {("第1段", "governance.evaluation")}
    assert not unsure & set(cells(folder, "both"))
    assert ("第2段", LABELS) in cells(folder, "both")


# --------------------------------------------------------------------------- a member that changed


def test_a_member_that_changed_is_said_everywhere_until_it_is_combined_anew(
    run: Callable, agreed: Path
) -> None:
    """Commands note it, the report says it in both languages, and nothing is measured of it."""
    count(agreed, "agreed")
    assert "combine" not in run("overlap", folder=agreed).err
    read_by(run, agreed, "ben", {**BEN, ("us-act", "Sec. 2(a)"): ROBUST}, "us-act")
    for words in (("overlap",), ("screen",), ("recommend",), ("report",)):
        done = run(*words, folder=agreed)
        assert done.code == 0, done
        assert "1 documents has changed" in done.err, words
        assert "qiutong combine agreed" in done.err
    with Study(agreed) as study:
        results = study.results()
        [told] = [one for one in results.warnings if "qiutong combine" in one["en"]]
        assert "编码已有变动" in told["zh"]
        assert results.method["combined"]["depends"] is None
        with pytest.raises(StageMissing, match=r"us-act.*qiutong combine agreed"):
            study.agreement("agreed")
    assert_clear_error(
        run("agreement", "agreed", folder=agreed), "us-act", "qiutong combine agreed"
    )

    done = run("combine", "agreed", "--json", folder=agreed)
    assert (done.json["combined"], done.json["unchanged"]) == (["us-act"], ["cn-rule"])
    assert ("Sec. 2(a)", ROBUST) in cells(agreed, "agreed")
    assert "changed" not in run("overlap", folder=agreed).err


def test_combined_twice_nothing_changes(run: Callable, agreed: Path) -> None:
    """The same members say the same."""
    before = cells(agreed, "agreed")
    done = run("combine", "agreed", "--from", "anna", "--from", "ben", "--json", folder=agreed)
    assert (done.json["combined"], len(done.json["unchanged"])) == ([], 2)
    assert cells(agreed, "agreed") == before
    with closing(sqlite3.connect(agreed / "study.sqlite")) as store:
        query = "SELECT count(*) FROM runs WHERE coder = 'agreed'"
        assert store.execute(query).fetchone() == (2,)


def test_a_document_that_all_members_coded_later_makes_it_stale(
    run: Callable, agreed: Path
) -> None:
    """It lacks a document that it could have; and it is combined when asked."""
    for coder in ("anna", "ben"):
        read_by(run, agreed, coder, {}, "us-pledge")
    with Study(agreed) as study, pytest.raises(StageMissing, match="us-pledge"):
        study.undecided("agreed")
    assert run("combine", "agreed", "--json", folder=agreed).json["combined"] == ["us-pledge"]


# --------------------------------------------------------------------------- agreement


def test_agreement_gives_coverage_bounds_and_worth(run: Callable, agreed: Path) -> None:
    """Both documents, the shares that undecided cells allow, and each level against a reference."""
    read_by(run, agreed, "judge", {**BEN, ("us-act", "Sec. 2(a)"): ROBUST}, "us-act", "cn-rule")
    done = run("agreement", "agreed", "--against", "judge", "--json", folder=agreed)
    assert done.code == 0, done
    held = done.json
    assert held["judged"] == 2
    bounds = {one["code"]: one for one in held["bounds"]}
    assert (bounds[ROBUST]["low"], bounds[ROBUST]["high"]) == (
        {"us": 0.0, "cn": 0.0}, {"us": 1.0, "cn": 1.0},
    )  # fmt: skip
    assert (bounds[ROBUST]["grade_low"], bounds[ROBUST]["grade_high"]) == ("absent", "strong")
    assert bounds[LABELS]["depends"] is False
    levels = {(one["unit"], one["given_by"]): one for one in held["levels"]}
    assert levels["provision", 2]["with_code"]["value"] == 1.0
    codes = {one["code"]: one for one in held["codes"]}
    assert codes[ROBUST]["documents"]["undecided"] == 2
    assert codes[ROBUST]["elsewhere"] == 0
    assert {one["who"] for one in held["quality"]} == {
        "anna", "ben", "unanimous", "any", "decided",
    }  # fmt: skip
    assert held["caution"] == NOT_INDEPENDENT
    shown = run("agreement", "agreed", "--against", "judge", folder=agreed)
    for words in (
        "Against judge, on 2 documents",
        "absent … strong",
        "grades depend",
        "err together",
    ):
        assert words in shown.out, words
    rows = list(csv.DictReader(io.StringIO(run("agreement", "agreed", "--csv", folder=agreed).out)))
    assert {row["grade_high"] for row in rows if row["code"] == ROBUST} == {"strong"}


def test_a_reference_that_codes_whole_documents_judges_documents_only(
    run: Callable, agreed: Path
) -> None:
    """It says nothing of provisions."""
    with Study(agreed) as study:
        tags = Coder(id="tags", kind=CoderKind.PERSON)
        study.store.add_coded(
            CodedDocument(
                document="us-act", coder=tags, codebook=study.codebook.name, fingerprint="x",
                codings=(
                    Coding(document="us-act", code=LABELS, coder="tags",
                           codebook=study.codebook.name),
                ),
            )
        )  # fmt: skip
        held = study.agreement("agreed", against="tags")
        assert held.judged == 1
        assert {one.unit for one in (*held.levels, *held.quality)} == {"document"}
        with pytest.raises(InputError, match='"tags" codes whole documents'):
            study.combine("other", ["anna", "tags"])


def test_without_two_parties_there_are_no_bounds_and_the_rest_stands(
    run: Callable, coded: Path
) -> None:
    """One side's documents say nothing of overlap."""
    for coder, codes in (("anna", ANNA), ("ben", BEN)):
        read_by(run, coded, coder, codes, "us-act")
    assert run("combine", "agreed", "--from", "anna", "--from", "ben", folder=coded).code == 0
    held = run("agreement", "agreed", "--json", folder=coded).json
    assert held["bounds"] == []
    assert "only us has any" in held["no_bounds"]
    assert held["provisions"]["given"] > 0
    assert "only us has any" in run("agreement", "agreed", folder=coded).out


def test_the_report_says_what_is_combined_and_marks_grades(run: Callable, agreed: Path) -> None:
    """In both languages: the rule, what is decided, and how high a grade might be."""
    with Study(agreed) as study:
        assert study.readings() == ("anna", "ben")  # its own members would agree with it
    count(agreed, "agreed")
    with Study(agreed) as study:
        results = study.results("2025-01-20")
        assert results.method["combined"]["depends"][ROBUST] == ["absent", "strong"]
        assert results.method["combined"]["coders"]["agreed"]["members"] == ["anna", "ben"]
        shown = {
            language: study.report(language=language, results=results).read_text("utf-8")
            for language in ("en", "zh")
        }
    assert "all of anna, ben gave it" in shown["en"]
    assert "of document × code cells are decided" in shown["en"]
    assert "anna、ben 均给出的编码成立" in shown["zh"]
    assert "一致不等于独立" in shown["zh"]
    # Two people's codes are not called a program's.
    assert "program of rules" not in shown["en"]
    # A subject that is absent for sure and one that may be there are not told alike.
    label = {one.id: one.label["en"] for one in results.codebook.codes}[ROBUST]
    assert f"{label} (up to strong if what is undecided had the code)" in shown["en"]
    assert shown["en"].count("up to strong") == 4  # two codes on which they differ, and those above
    assert "若未定者均有该编码，可至“强”" in shown["zh"]


# --------------------------------------------------------------------------- refused


def test_names_and_members_that_cannot_be_used_are_refused(run: Callable, agreed: Path) -> None:
    """Each message says what is wrong and what there is; nothing is stored."""
    pair = ("--from", "anna", "--from", "ben")
    before = Study(agreed).codings()
    for words, told in (
        (("x", "--from", "anna", "--from", "bob"), ("bob", "anna, ben")),
        (("x", "--from", "anna"), ("two or more different coders", "anna")),
        (("x", "--from", "anna", "--from", "anna"), ("two or more different coders",)),
        (("x",), ("two or more different coders", "--from default")),
        (("x", "--from", "agreed", "--from", "anna"), ("agreed", "unanimous: anna, ben")),
        (("anna", "--from", "ben", "--from", "default"), ("anna", "another coder")),
        (("default", *pair), ("default", "another coder")),
        (("trained", *pair), ("trained", "another coder")),
        (("a b", *pair), ("letters, digits and hyphens",)),
        (("x", *pair, "--rule", "most"), ("most", "unanimous, majority, any")),
        (("x", *pair, "--rule", "3"), ("3", "from 1 to 2")),
        (("agreed", *pair, "--rule", "any"), ("unanimous: anna, ben already", "another name")),
        (("agreed", "--from", "ben", "--from", "default"), ("another name",)),
    ):
        assert_clear_error(run("combine", *words, folder=agreed), *told)
    assert Study(agreed).codings() == before
    # Coders that coded nothing here are not named as if they had.
    assert "agora" not in run("combine", "default", *pair, folder=agreed).err


def test_why_agreement_is_undefined_is_told_once(run: Callable, folder: Path) -> None:
    """Most codes are given by nobody; the reason stands under the table and not in every row."""
    shown = run("reliability", folder=folder)
    assert shown.code == 0, shown
    assert shown.out.count("no reader gave it to any unit") == 1
    assert shown.out.count("undefined (1)") > 1
    assert "(1) no reader gave it to any unit" in shown.out


def test_members_without_a_common_document_are_refused(run: Callable, coded: Path) -> None:
    """The message says how many each has coded."""
    read_by(run, coded, "anna", ANNA, "us-act")
    read_by(run, coded, "ben", BEN, "cn-rule")
    done = run("combine", "agreed", "--from", "anna", "--from", "ben", folder=coded)
    assert_clear_error(done, "no document was coded by all", "anna 1, ben 1")


def test_members_with_another_codebook_are_refused(agreed: Path) -> None:
    """A code that one codebook lacks is no disagreement."""
    with Study(agreed) as study:
        old = Coder(id="old", kind=CoderKind.PERSON)
        study.store.add_coded(
            CodedDocument(
                document="us-act", coder=old, codebook="ai-governance@1", fingerprint="x",
                codings=tuple(
                    msgspec.structs.replace(one, coder="old", codebook="ai-governance@1")
                    for one in study.codings("anna")
                    if one.document == "us-act"
                ),
            )
        )  # fmt: skip
        with pytest.raises(InputError, match=r'"old" coded with ai-governance@1, and the study'):
            study.combine("other", ["anna", "old"])


def test_a_reference_must_be_a_coder_of_its_own(run: Callable, agreed: Path) -> None:
    """Not a member, not unknown, and with a document in common."""
    for against, told in (
        ("anna", "one of those compared"), ("agreed", "one of those compared"), ("bob", "bob"),
    ):  # fmt: skip
        assert_clear_error(run("agreement", "agreed", "--against", against, folder=agreed), told)
    read_by(run, agreed, "cleo", {}, "us-pledge")
    done = run("agreement", "agreed", "--against", "cleo", folder=agreed)
    assert_clear_error(done, "none of the 2 documents")
    assert_clear_error(run("agreement", "anna", folder=agreed), "anna", "agreed")


def test_no_file_can_hold_a_combined_coder(run: Callable, agreed: Path, tmp_path: Path) -> None:
    """Its codings are what its members say, not what a file says."""
    path = sheet(tmp_path / "x.csv", agreed, ANNA, "us-act")
    done = run("import", path, "--coder", "x", "--kind", "combined", folder=agreed)
    assert done.code == 2
    taken = run("import", path, "--coder", "agreed", folder=agreed)
    assert_clear_error(taken, "agreed", "another coder")
    codings = tmp_path / "codings"
    codings.mkdir()
    path.rename(codings / "x.csv")
    (codings / "coders.toml").write_text(
        '[[coders]]\nid = "x"\nfile = "x.csv"\nkind = "combined"\n', "utf-8"
    )
    with Study(agreed) as study, pytest.raises((BadSettings, BadCodings), match="qiutong combine"):
        study.import_codings(codings)


def test_nothing_is_learned_from_a_coder_that_abstains(
    run: Callable, agreed: Path, tmp_path: Path
) -> None:
    """What is undecided would be learned as absent."""
    done = run("train", tmp_path / "x.npz", "--from", "agreed", folder=agreed)
    assert_clear_error(done, "undecided", "--rule any")


def test_a_text_that_is_replaced_is_combined_anew(run: Callable, agreed: Path) -> None:
    """Codings of the earlier text count no more, and the combined coder has none of the new one."""
    path = agreed.parent / "us-act.txt"
    path.write_text("Another Act\n\nSec. 1. A provider must label pictures.\n", "utf-8")
    done = run("add", path, "--party", "us", "--id", "us-act", "--update", folder=agreed)
    assert done.code == 0, done
    with Study(agreed) as study:
        assert set(study.store.finished("agreed")) == {"cn-rule"}
        assert study.agreement("agreed").provisions.cells > 0
