"""Codings from files, several coders, documents only listed, and copies of a bundled study."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from qiutong.errors import BadCodings, InputError, StageMissing
from qiutong.model import Coder, CoderKind, TextKind
from qiutong.study import Study

from .invented import DIGEST_ACT, READING_A, act_html, write_study


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """Register, digests and codings of the invented study."""
    return write_study(tmp_path / "given")


@pytest.fixture
def folder(run: Callable, given: Path, tmp_path: Path) -> Path:
    """A study of the invented digests without codings."""
    study = tmp_path / "study"
    for words in (
        ("init", study, "--party", "us", "--party", "cn"),
        ("add", given / "register.csv", "--study", study),
    ):
        done = run(*words)
        assert done.code == 0, done
    return study


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def runs(folder: Path, coder: str) -> int:
    """Passes of a coder that the file holds, superseded ones too."""
    with closing(sqlite3.connect(folder / "study.sqlite")) as store:
        query = "SELECT count(*) FROM runs WHERE coder = ?"
        return int(store.execute(query, (coder,)).fetchone()[0])


# --------------------------------------------------------------------------- importing


def test_a_folder_of_codings_gives_each_coder_and_the_settled_one(
    run: Callable, folder: Path, given: Path
) -> None:
    """Counts are those of the files; decided codes carry their reason."""
    done = run("import", given / "codings", "--json", folder=folder)
    assert done.code == 0, done
    assert [one["id"] for one in done.json["coders"]] == ["first", "second", "settled"]
    assert done.json["documents"] == 2
    study = Study(folder)
    held = {one: study.codings(one) for one in ("first", "second", "settled")}
    assert done.json["codings"] == sum(len(one) for one in held.values())
    written = sum(
        len(row.split(",")[2].split(";")) for row in READING_A.splitlines()[1:] if row.split(",")[2]
    )
    assert len(held["first"]) == written
    reasons = {one.code: one.memo for one in held["settled"] if one.memo}
    assert reasons == {
        "risk.reliability.robustness": "robust behaviour is named",
        "governance.penalties": "fees in kind",
    }
    assert "risk.safety" not in {one.code for one in held["settled"]}


def test_words_given_as_evidence_are_compared(run: Callable, folder: Path, tmp_path: Path) -> None:
    """Quotes are spans, a code brings its parents for the same words, no quote means the whole."""
    quotes = {
        "ann": ("risk.reliability.robustness", "Developers must check large models"),
        "ben": ("risk.reliability", "large models for reliable and robust behaviour"),
    }
    for coder, (code, quote) in quotes.items():
        path = tmp_path / f"{coder}.csv"
        path.write_text(
            "document,locator,codes,evidence\n"
            f"us-act,Sec. 2,{code},{quote}\n"
            "cn-rule,第三条,governance.evaluation,\n",
            encoding="utf-8",
        )
        done = run("import", path, "--coder", coder, "--kind", "person", folder=folder)
        assert done.code == 0, done

    done = run("reliability", "--json", folder=folder)

    [pair] = done.json["spans"]
    assert pair["coders"] == ["ann", "ben"]
    by_code = {one["code"]: one for one in pair["codes"]}
    # 12 characters in both of 68 in either: they overlap, and not by half.
    parent = by_code["risk.reliability"]
    assert (parent["any_overlap"]["f1"]["value"], parent["half_overlap"]["f1"]["value"]) == (1, 0)
    child = by_code["risk.reliability.robustness"]
    assert (child["spans"], child["any_overlap"]["matched"]) == ({"ann": 1, "ben": 0}, 0)
    assert by_code["governance.evaluation"]["half_overlap"]["f1"]["value"] == 1
    assert pair["whole_only"] == []
    told = run("reliability", folder=folder)
    assert "Overlap ≥ .5" in told.out
    assert "always the whole provision" not in told.out


def test_readings_without_evidence_say_that_they_show_no_words(
    run: Callable, folder: Path, given: Path
) -> None:
    """Where every coding has its whole provision, figures of spans are said to mean little."""
    done = run("import", given / "codings", folder=folder)
    assert done.code == 0, done

    told = " ".join(run("reliability", folder=folder).out.split())

    assert "The evidence of first and of second is always the whole provision." in told


def test_imported_twice_nothing_changes(run: Callable, folder: Path, given: Path) -> None:
    """The same files are known again, document by document and coder by coder."""
    run("import", given / "codings", folder=folder)
    before = Study(folder).codings()
    done = run("import", given / "codings", "--json", folder=folder)
    assert (done.json["documents"], done.json["codings"], done.json["unchanged"]) == (0, 0, 6)
    assert Study(folder).codings() == before
    assert runs(folder, "first") == 2


def test_an_edited_reading_is_a_new_pass_over_that_document_only(
    run: Callable, folder: Path, given: Path
) -> None:
    """The earlier pass stays in the file and counts no more; the settled one follows."""
    run("import", given / "codings", folder=folder)
    change(
        given / "codings" / "first.csv", "Sec. 40,risk.minors", "Sec. 40,risk.minors; risk.rights"
    )
    change(
        given / "codings" / "second.csv", "Sec. 40,risk.minors", "Sec. 40,risk.rights; risk.minors"
    )
    done = run("import", given / "codings", "--json", folder=folder)
    assert (done.json["documents"], done.json["unchanged"]) == (1, 3)
    study = Study(folder)
    assert "risk.rights" in {one.code for one in study.codings("settled")}
    assert runs(folder, "first") == 3
    change(given / "codings" / "first.csv", "; risk.rights", "")
    refused = run("import", given / "codings", folder=folder)
    assert refused.code == 1
    assert "differ on risk.rights" in refused.err
    assert "risk.rights" in {one.code for one in study.codings("first")}


def test_an_edited_reason_is_taken_over(run: Callable, folder: Path, given: Path) -> None:
    """It is shown beside the coding, so it must be the one in the file."""
    run("import", given / "codings", folder=folder)
    change(given / "codings" / "decisions.csv", "fees in kind", "a fee is no fine but a duty")
    done = run("import", given / "codings", "--json", folder=folder)
    assert done.json["documents"] == 1
    memos = {one.memo for one in Study(folder).codings("settled")}
    assert "a fee is no fine but a duty" in memos
    assert "fees in kind" not in memos


def test_a_changed_decision_leaves_the_earlier_one_in_the_history(
    run: Callable, folder: Path, given: Path
) -> None:
    """Yes turned to no, and back: each is on record with its reason and its time."""
    first = run("import", given / "codings", folder=folder)
    assert "difference 3" in first.out
    held = run("decisions", "--json", folder=folder).json
    assert held == run("decisions", "--history", "--json", folder=folder).json
    [old] = [one for one in held if one["reason"] == "fees in kind"]
    yes = "yes" if old["given"] else "no"
    no = "no" if old["given"] else "yes"
    change(given / "codings" / "decisions.csv", f"{yes},fees in kind", f"{no},on second thoughts")
    assert run("import", given / "codings", folder=folder).code == 0

    now = run("decisions", old["document"], "--json", folder=folder).json
    [new] = [one for one in now if one["reason"] == "on second thoughts"]
    assert (new["given"], new["superseded"]) == (not old["given"], False)
    assert "fees in kind" not in {one["reason"] for one in now}
    every = run("decisions", old["document"], "--history", "--json", folder=folder).json
    [kept] = [one for one in every if one["reason"] == "fees in kind"]
    assert kept == {**old, "superseded": True}
    table = run("decisions", "--history", folder=folder).out
    assert "superseded" in table
    with closing(sqlite3.connect(folder / "study.sqlite")) as store:
        for words in ("DELETE FROM decisions", "UPDATE decisions SET reason = ''"):
            with pytest.raises(sqlite3.DatabaseError, match="append-only"):
                store.execute(words)


def test_a_correction_of_what_both_gave_is_told_as_one(
    run: Callable, folder: Path, given: Path
) -> None:
    """Overruled readers are neither an error nor passed over in silence."""
    path = given / "codings" / "decisions.csv"
    rows = path.read_text("utf-8").splitlines()
    document = next(line for line in READING_A.splitlines() if "Sec. 40,risk.minors" in line)
    rows.append(f"{document.split(',')[0]},Sec. 40,risk.minors,no,children are not its subject")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = run("import", given / "codings", folder=folder)

    assert done.code == 0, done
    assert "correction 1, difference 3" in done.out
    study = Study(folder)
    assert not any(
        one.code == "risk.minors" and one.segment in places
        for places in [{s.id for s in study.segments() if s.locator == "Sec. 40"}]
        for one in study.codings("settled")
    )
    [one] = [one for one in study.decisions() if one.kind == "correction"]
    assert (one.code, one.given, one.reason) == (
        "risk.minors",
        False,
        "children are not its subject",
    )


def test_provisions_without_a_row_are_warned_of(
    run: Callable, folder: Path, tmp_path: Path
) -> None:
    """They count as read and without codes, which the user must know."""
    path = tmp_path / "part.csv"
    path.write_text("document,locator,codes\ncn-rule,第二条,risk.reliability\n", encoding="utf-8")
    done = run("import", path, "--coder", "anna", "--kind", "person", folder=folder)
    assert done.code == 0, done
    assert "anna, cn-rule: 3 of 4 provisions have no row" in done.err
    assert "Took over 1 coding of 1 document by anna" in done.out


def test_a_wrong_row_takes_nothing_over(run: Callable, folder: Path, given: Path) -> None:
    """Neither of this coder nor of the others in the folder."""
    change(given / "codings" / "second.csv", "第四条", "第四十条")
    done = run("import", given / "codings", folder=folder)
    assert done.code == 1
    assert "Traceback" not in done.err
    for word in ("second.csv", "column locator", "第四十条"):
        assert word in done.err
    assert Study(folder).codings() == ()
    assert Study(folder).store.coders() == ()


def test_a_file_without_a_coder_and_an_unlisted_document_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    """Codings are somebody's, and stand on a text."""
    path = tmp_path / "some.csv"
    path.write_text("document,locator,codes\nus-listed,Sec. 1,risk.safety\n", encoding="utf-8")
    with pytest.raises(InputError, match="--coder"):
        Study(folder).import_codings(path)
    with pytest.raises(BadCodings, match="no document with a text"):
        Study(folder).import_codings(path, Coder(id="anna", kind=CoderKind.PERSON))


def test_an_odd_kind_of_coder_is_wrong_use(run: Callable, folder: Path, given: Path) -> None:
    """The kinds there are stand in the message."""
    path = given / "codings" / "first.csv"
    done = run("import", path, "--coder", "anna", "--kind", "robot", folder=folder)
    assert done.code == 2
    assert "person, rule, trained or model" in done.err


# --------------------------------------------------------------------------- several coders


def test_the_first_coder_named_counts_where_it_has_coded(
    run: Callable, folder: Path, given: Path, tmp_path: Path
) -> None:
    """For each document the first of the list; results say that coders are mixed."""
    path = tmp_path / "anna.csv"
    rows = [row for row in READING_A.splitlines() if row.startswith(("document", "us-act"))]
    path.write_text("\n".join(rows), encoding="utf-8")
    study = Study(folder)
    study.import_codings(path, Coder(id="anna", kind=CoderKind.PERSON))
    study.import_codings(given / "codings")
    change(folder / "study.toml", 'coder = "default"', 'coder = ["anna", "second"]')
    results = Study(folder).results("2025-01-20")
    assert [one.id for one in results.coders] == ["anna", "second"]
    carried = {one.code: one.documents for one in results.overlaps}
    assert carried["governance.penalties"]["us"] == ("us-act",)  # only the first reading has it
    (mixed,) = [one for one in results.warnings if "different coders" in one["en"]]
    assert "anna 1, second 1" in mixed["en"]
    assert "anna 1份" in mixed["zh"]
    change(folder / "study.toml", '["anna", "second"]', '["second", "anna"]')
    turned = Study(folder).results("2025-01-20")
    assert [one.id for one in turned.coders] == ["second"]
    assert not {one.code: one.documents for one in turned.overlaps}["governance.penalties"].get(
        "us"
    )
    assert not [one for one in turned.warnings if "different coders" in one["en"]]


def test_documents_that_no_named_coder_has_coded_are_left_out_with_the_reason(
    folder: Path, given: Path, tmp_path: Path
) -> None:
    """Not coded is not silent."""
    path = tmp_path / "cn-extra.txt"
    path.write_text("第一条 提供者应当开展红队测试。\n", encoding="utf-8")
    study = Study(folder)
    study.add(path, party="cn", date_issued="2023-01-01", status="in-force")
    study.import_codings(given / "codings")
    change(folder / "study.toml", 'coder = "default"', 'coder = ["first", "ben"]')
    left = Study(folder).results("2025-01-20").left_out
    assert left["cn-extra"]["en"] == 'not coded yet by "first / ben"'
    assert "first / ben" in left["cn-extra"]["zh"]
    assert "cn-rule" not in left


def test_a_coder_without_any_coding_is_told_with_those_that_have(folder: Path, given: Path) -> None:
    """A misspelt name must not look like a study without overlap."""
    Study(folder).import_codings(given / "codings")
    change(folder / "study.toml", 'coder = "default"', 'coder = ["ben"]')
    with pytest.raises(StageMissing, match=r'"ben".*first, second, settled'):
        Study(folder).overlap("2025-01-20")


# --------------------------------------------------------------------------- only listed, and later texts


def test_documents_only_listed_are_shown_and_enter_no_figure(
    run: Callable, folder: Path, given: Path
) -> None:
    """They stand in the register and in what is left out, with a reason in both languages."""
    study = Study(folder)
    assert [one.id for one in study.documents() if not one.read] == ["us-listed", "cn-nowhere"]
    study.import_codings(given / "codings")
    change(folder / "study.toml", 'coder = "default"', 'coder = "settled"')
    results = Study(folder).results("2025-01-20")
    assert {one.id for one in results.documents} == {"us-act", "cn-rule"}
    for identity in ("us-listed", "cn-nowhere"):
        assert results.left_out[identity]["en"]
        assert results.left_out[identity]["zh"]
    assert run("documents", "--json", folder=folder).json[2]["read"] is False


def test_a_listed_document_is_replaced_by_its_text_when_the_register_names_one(
    run: Callable, folder: Path, given: Path
) -> None:
    """Without --update: there was no text to lose. A register that knows less takes none away."""
    (given / "listed.html").write_bytes(act_html().replace(b"Testing", b"Trials"))
    register = given / "register.csv"
    listed = register.read_text("utf-8")
    text = listed.replace("us-listed,,", "us-listed,listed.html,").replace(
        "2023-08-01,in-force,false", "2023-08-01,in-force,true"
    )
    register.write_text(text, encoding="utf-8")
    done = run("add", register, "--json", folder=folder)
    assert done.code == 0, done
    assert done.json["updated"] == ["us-listed"]
    study = Study(folder)
    assert study.document("us-listed").read
    assert len(list(study.segments("us-listed"))) == 7
    register.write_text(listed, encoding="utf-8")
    again = run("add", register, "--json", "--update", folder=folder)
    assert "us-listed" in again.json["unchanged"]
    assert study.document("us-listed").read


def test_a_changed_text_is_taken_over_only_with_update(
    run: Callable, folder: Path, given: Path
) -> None:
    """The earlier text stays, and codings of it count no more until it is coded again."""
    Study(folder).import_codings(given / "codings")
    path = given / "us-act.digest.md"
    path.write_text(DIGEST_ACT.replace("three days", "seventy-two hours"), encoding="utf-8")
    plain = run("add", given / "register.csv", folder=folder)
    assert plain.code == 1
    assert '"us-act"' in plain.err
    done = run("add", given / "register.csv", "--update", "--json", folder=folder)
    assert done.code == 0, done
    assert done.json["updated"] == ["us-act"]
    study = Study(folder)
    assert "seventy-two hours" in study.document("us-act").text
    assert study.document("us-act").text_kind is TextKind.DIGEST
    assert set(study.store.finished("settled")) == {"cn-rule"}
    with closing(sqlite3.connect(folder / "study.sqlite")) as store:
        (old,) = store.execute("SELECT text FROM earlier_texts").fetchone()
    assert "three days" in old
    report = study.import_codings(given / "codings")
    assert (report.documents, report.unchanged) == (1, 3)
    assert set(study.store.finished("settled")) == {"us-act", "cn-rule"}


# --------------------------------------------------------------------------- a bundled study


@pytest.fixture
def bundled(given: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The invented study stands among those that come with the package."""
    monkeypatch.setattr("qiutong.study.bundled_studies", lambda: {"invented": given})
    digests = given / "digests"
    digests.mkdir()
    for name in ("us-act", "cn-rule"):
        (given / f"{name}.digest.md").rename(digests / f"{name}.digest.md")
        change(given / "register.csv", f"{name}.digest.md", f"digests/{name}.digest.md")
    return given


def test_a_copy_of_a_bundled_study_has_its_files_texts_and_codings(
    bundled: Path, tmp_path: Path
) -> None:
    """A researcher changes the copy; the settled coder counts first, then the built-in."""
    study = Study.create(tmp_path / "copy", like="invented")
    assert [one.id for one in study.parties] == ["us", "cn"]
    assert len(study.documents()) == 4
    assert {one.id for one in study.store.coders()} == {"first", "second", "settled"}
    assert study.settings.coding.coders == ("settled", "default")
    for path in bundled.rglob("*.*"):
        name = path.relative_to(bundled)
        if path.is_file() and name.name != "parties.toml":
            assert (study.folder / name).read_bytes() == path.read_bytes(), name
    assert study.overlap("2025-01-20")


def test_a_copy_is_changed_without_the_original(bundled: Path, tmp_path: Path) -> None:
    """Edited codings of the copy are a new pass there."""
    study = Study.create(tmp_path / "copy", like="invented")
    own = study.folder / "codings" / "decisions.csv"
    change(own, "Sec. 41,governance.penalties,yes", "Sec. 41,governance.penalties,no")
    assert study.import_codings(study.folder / "codings").documents == 1
    assert "governance.penalties" not in {one.code for one in study.codings("settled")}
    assert "governance.penalties,yes" in (bundled / "codings" / "decisions.csv").read_text("utf-8")


def test_a_copy_does_not_overwrite_files_that_are_there(bundled: Path, tmp_path: Path) -> None:
    """A folder may hold other things."""
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "README.md").write_text("mine", encoding="utf-8")
    Study.create(tmp_path / "copy", like="invented")
    assert (tmp_path / "copy" / "README.md").read_text("utf-8") == "mine"


@pytest.mark.parametrize("coder", ["builtin", "agora", "../x y"])
def test_a_coder_cannot_take_the_id_of_another(
    run: Callable, folder: Path, given: Path, coder: str
) -> None:
    """Codings under a program's id would pass for the program's."""
    done = run("import", given / "codings" / "first.csv", "--coder", coder, folder=folder)
    assert done.code == 1
    assert coder in done.err
    assert not Study(folder).codings()


def test_a_persons_codings_cannot_pass_for_a_models(
    run: Callable, folder: Path, given: Path
) -> None:
    """The id of a model that has coded here stays the model's."""
    assert run("import", given / "codings", folder=folder).code == 0
    kinds = {one.id: one.kind for one in Study(folder).store.coders()}
    other = "person" if kinds["first"] is not CoderKind.PERSON else "model"
    done = run(
        "import", given / "codings" / "first.csv", "--coder", "first", "--kind", other,
        folder=folder,
    )  # fmt: skip
    assert done.code == 1
    assert "another coder" in done.err
