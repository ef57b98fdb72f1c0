"""Drawing a random sample, coding it blind, and what it says of a model's codes."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from qiutong.errors import InputError, StageMissing, UnknownName
from qiutong.estimate import Cells, share_of_cells, share_of_provisions
from qiutong.model import Coder, CoderKind, Coding, Grade
from qiutong.sampling import checked_beginning, estimate_provisions, random_order, read_draws
from qiutong.store import CodedDocument
from qiutong.study import Study

TEXT = "The Office shall place a watermark on generated content so that its provenance is known."
OTHER = "The Office shall publish a yearly account of its buildings and of the people in them."
PER_PARTY = 24


@pytest.fixture(scope="module")
def many_once(run: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A coded study of 24 documents a party, every third of which is about another thing."""
    place = tmp_path_factory.mktemp("many")
    lines = ["id,file,party,title,language"]
    for party in ("us", "cn"):
        for number in range(PER_PARTY):
            name = f"{party}-{number}"
            body = TEXT if number % 3 else OTHER
            (place / f"{name}.txt").write_text(
                f"Notice {number} of {party}\n\nSec. 1. {body}\n\nSec. 2. This notice ends.\n",
                "utf-8",
            )
            lines.append(f"{name},{name}.txt,{party},Notice {number},en")
    (place / "register.csv").write_text("\n".join(lines) + "\n", "utf-8")
    for words in (
        ("init", place / "study", "--party", "us", "--party", "cn"),
        ("add", place / "register.csv", "--study", place / "study"),
        ("code", "--study", place / "study"),
    ):
        done = run(*words)
        assert done.code == 0, done
    return place / "study"


@pytest.fixture
def many(many_once: Path, tmp_path: Path) -> Path:
    """A copy of the study."""
    return Path(shutil.copytree(many_once, tmp_path / "study"))


def fill(sheet: Path, codes: Callable[[dict[str, str]], str]) -> None:
    """Code a sheet as a person would."""
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["codes"] = codes(row)
    with sheet.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)


def right(row: dict[str, str]) -> str:
    """The code of a provision about watermarks, and none for the others."""
    return "governance.content-provenance" if "watermark" in row["text"] else ""


def test_the_order_depends_on_the_seed_and_not_on_the_others():
    """Other documents never change which of two comes first, and another seed gives another order."""
    ids = [f"d{number}" for number in range(50)]

    order = random_order(ids, 1)

    assert sorted(order) == sorted(ids)
    assert random_order(reversed(ids), 1) == order
    assert random_order(ids[:20], 1) == tuple(one for one in order if one in ids[:20])
    assert random_order(ids, 2) != order


def test_a_gap_ends_the_sample():
    """Documents behind one that was not read do not count."""
    assert checked_beginning(("a", "b", "c", "d"), ("a", "b", "d")) == ("a", "b")
    assert checked_beginning(("a", "b"), ("a", "b", "x")) == ("a", "b")
    assert checked_beginning(("a", "b"), ("b",)) == ()


def test_sheets_are_blind_and_an_untouched_one_is_refused(run: Callable, many: Path):
    """No sheet holds a code of the model, and a provision not looked at is none without a code."""
    done = run("sample", "--per-party", 3, "--json", folder=many)

    sheets = sorted((many / "samples" / "1").glob("*.csv"))
    assert done.code == 0, done
    assert len(sheets) == 6
    assert all("governance." not in sheet.read_text("utf-8") for sheet in sheets)
    refused = run("import", sheets[0], "--coder", "li", folder=many)
    assert refused.code == 1
    assert '"?"' in refused.err
    assert not Study(many).codings("li")


def test_a_larger_sample_goes_on_where_the_smaller_ended(run: Callable, many: Path):
    """The second draw holds what the first lacks, and both are the beginning of one order."""
    first = run("sample", "--per-party", 3, "--json", folder=many).json
    second = run("sample", "--per-party", 5, "--json", folder=many).json

    for party in ("us", "cn"):
        both = [*first["documents"][party], *second["documents"][party]]
        assert both == first["frame"][party][:5]
    assert [draw.number for draw in read_draws(many)] == [1, 2]
    names = sorted(path.name[:6] for path in (many / "samples" / "2").glob("*.csv"))
    assert names == ["cn-004", "cn-005", "us-004", "us-005"]


def test_a_sample_is_never_written_over(run: Callable, many: Path):
    """The same sample again is refused, and so is another seed; the sheets stay as they are."""
    run("sample", "--per-party", 2, folder=many)
    sheet = next((many / "samples" / "1").glob("*.csv"))
    sheet.write_text("my work", "utf-8")

    again = run("sample", "--per-party", 2, folder=many)
    other = run("sample", "--per-party", 4, "--seed", 7, folder=many)

    assert (again.code, other.code) == (1, 1)
    assert "Ask for more" in again.err
    assert "would leave gaps" in other.err
    assert sheet.read_text("utf-8") == "my work"
    assert [path.name for path in (many / "samples").iterdir()] == ["1"]


def test_a_damaged_record_is_told(run: Callable, many: Path):
    """A record that cannot be read stops the draw, instead of beginning another order."""
    run("sample", "--per-party", 2, folder=many)
    (many / "samples" / "1" / "sample.json").write_text("{", "utf-8")

    done = run("sample", "--per-party", 4, folder=many)

    assert done.code == 1
    assert "sample.json" in done.err


def test_nothing_to_draw_is_told(run: Callable, empty: Path):
    """A study without documents has no sample."""
    done = run("sample", folder=empty)

    assert done.code == 1
    assert "no document to draw" in done.err


def test_a_checked_sample_gives_shares_and_grades(run: Callable, many: Path):
    """From sheets to estimate: the shares are those of the counts, and the grade is told."""
    run("sample", "--per-party", 20, folder=many)
    for sheet in (many / "samples" / "1").glob("*.csv"):
        fill(sheet, right)
        assert run("import", sheet, "--coder", "li", folder=many).code == 0

    held = run("estimate", "--person", "li", "--json", folder=many).json
    shown = run("estimate", "--person", "li", folder=many)

    code = next(one for one in held["codes"] if one["code"] == "governance.content-provenance")
    study = Study(many)
    with_code = {one.document for one in study.codings("default") if one.code == code["code"]}
    truth = {f"{party}-{n}" for party in ("us", "cn") for n in range(PER_PARTY) if n % 3}
    for party in ("us", "cn"):
        sample = set(held["sample"][party])
        rest = {f"{party}-{n}" for n in range(PER_PARTY)} - sample
        cells = Cells(
            len(sample & with_code & truth), len((sample & with_code) - truth),
            len((sample & truth) - with_code), len(sample - with_code - truth),
            len(rest & with_code), len(rest - with_code),
        )  # fmt: skip
        assert len(sample) == 20
        assert code["prevalence"][party]["value"] == share_of_cells(cells).value
        assert code["prevalence"][party]["method"] == "ppi"
    assert code["grade"] == Grade.STRONG
    assert code["sure"] > 0.9
    assert "us 20 of 24" in shown.out
    label = {one.id: one.label() for one in study.parties}
    unseen = f"20 checked documents of {label['us']} and of the 20 checked documents of"
    assert shown.out.count(f"(1) found in none of the {unseen} {label['cn']}") == 1
    (row,) = [one for one in shown.out.splitlines() if code["code"] in one]
    assert "% (1)" not in row
    assert "% (1)" in shown.out
    assert run("estimate", "--person", "li", "--csv", folder=many).out.startswith("code,")


def test_too_small_a_sample_gives_a_reason(run: Callable, many: Path):
    """Three checked documents a party give neither shares nor grades."""
    run("sample", "--per-party", 3, folder=many)
    for sheet in (many / "samples" / "1").glob("*.csv"):
        fill(sheet, right)
        run("import", sheet, "--coder", "li", folder=many)

    held = Study(many).estimate("li")

    assert {one.grade for one in held.codes} == {Grade.UNDEFINED}
    assert {share.value for one in held.codes for share in one.prevalence.values()} == {None}
    assert "3 of 24" in run("estimate", "--person", "li", folder=many).out


def test_documents_read_for_another_reason_are_passed_over(run: Callable, many: Path):
    """A document read out of turn is named and does not count."""
    drawn = run("sample", "--per-party", 3, "--json", folder=many).json
    sheet = next((many / "samples" / "1").glob(f"us-*-{drawn['documents']['us'][2]}.csv"))
    fill(sheet, right)
    run("import", sheet, "--coder", "li", folder=many)

    done = run("estimate", "--person", "li", "--json", folder=many)

    assert done.json["passed_over"] == [drawn["documents"]["us"][2]]
    assert done.json["sample"] == {"us": [], "cn": []}
    assert "no part of the sample" in done.err


def test_what_is_missing_for_an_estimate_is_told(run: Callable, many: Path):
    """No sample, a coder nobody knows, and one coder in both parts are errors with a way out."""
    study = Study(many)
    with pytest.raises(StageMissing, match="qiutong sample"):
        study.estimate("li")
    study.sample(2)
    with pytest.raises(UnknownName):
        study.estimate("li")
    with pytest.raises(InputError, match="--model"):
        study.estimate("default")


def test_the_record_says_what_was_drawn_from_what(many: Path):
    """Seed, day, frame and documents stand in sample.json."""
    draw, folder = Study(many).sample(4, seed=99, as_of="2030-01-01")

    record = json.loads((folder / "sample.json").read_text("utf-8"))

    assert (record["seed"], record["as_of"], record["per_party"]) == (99, "2030-01-01", 4)
    assert {party: len(ids) for party, ids in record["frame"].items()} == {"us": 24, "cn": 24}
    assert read_draws(many) == (draw,)
    assert draw.provisions == sum(
        len(list(Study(many).segments(one))) for ids in draw.documents.values() for one in ids
    )


def test_a_document_added_later_takes_its_place_in_the_order(run: Callable, many: Path):
    """One that belongs among those drawn is what the same command draws next; the rest stays."""
    first = run("sample", "--per-party", 23, "--json", folder=many).json
    order = first["frame"]["us"]
    late = next(
        name
        for n in range(1000)
        if random_order((*order, name := f"late-{n}"), first["seed"])[4] == name
    )
    path = many / "late.txt"
    path.write_text(f"A late notice\n\nSec. 1. {TEXT}\n", "utf-8")
    assert run("add", path, "--party", "us", "--id", late, folder=many).code == 0

    second = run("sample", "--per-party", 23, "--json", folder=many).json

    assert second["documents"] == {"us": [late], "cn": []}
    assert [one for one in second["frame"]["us"] if one != late] == order
    assert (many / "samples" / "2" / f"us-005-{late}.csv").exists()


def test_next_names_the_sample_first_and_then_what_tells_most(run: Callable, many: Path):
    """Until twenty a party are checked, in random order; then by what is expected to be learned."""
    drawn = run("sample", "--per-party", 20, "--json", folder=many).json
    sheets = sorted((many / "samples" / "1").glob("*.csv"))
    for sheet in sheets[1:]:
        fill(sheet, right)
        run("import", sheet, "--coder", "li", folder=many)

    first = run("next", "--person", "li", "--json", folder=many).json
    fill(sheets[0], right)
    run("import", sheets[0], "--coder", "li", folder=many)
    then = run("next", "--person", "li", "--number", 3, "--json", folder=many).json
    shown = run("next", "--person", "li", folder=many)

    assert [(one["document"], one["gain"]) for one in first] == [(drawn["frame"]["cn"][0], None)]
    assert len(then) == 3
    assert all(one["gain"] >= 0 for one in then)
    assert [one["gain"] for one in then] == sorted((one["gain"] for one in then), reverse=True)
    checked = {one for ids in drawn["documents"].values() for one in ids}
    assert not checked & {one["document"] for one in then}
    assert "Gain (bits)" in shown.out


def test_a_document_checked_because_it_was_named_is_known_in_the_grades(run: Callable, many: Path):
    """With all documents of both parties read, some out of turn, the grade is certain."""
    run("sample", "--per-party", 24, folder=many)
    sheets = sorted((many / "samples" / "1").glob("*.csv"))
    for sheet in sheets:
        if "-021-" not in sheet.name:
            fill(sheet, right)
            run("import", sheet, "--coder", "li", folder=many)

    held = Study(many).estimate("li")

    code = next(one for one in held.codes if one.code == "governance.content-provenance")
    assert {len(ids) for ids in held.sample.values()} == {20}
    assert len(held.passed_over) == 6
    assert {share.total for share in code.prevalence.values()} == {20}
    assert code.grade == Grade.STRONG
    assert code.sure == pytest.approx(1.0)
    assert {one.document for one in Study(many).next("li")} == {
        sheet.stem[len("us-021-") :] for sheet in sheets if "-021-" in sheet.name
    }


# --------------------------------------------------------------------------- checked_by


CODE = "governance.content-provenance"


def check(run: Callable, study: Path, number: int, codes: Callable = right) -> None:
    """Draw a sample, code it as li, and name li in the settings."""
    run("sample", "--per-party", number, folder=study)
    for sheet in (study / "samples" / "1").glob("*.csv"):
        fill(sheet, codes)
        assert run("import", sheet, "--coder", "li", folder=study).code == 0
    set_checker(study, "li")


def set_checker(study: Path, person: str, coder: str = '"default"') -> None:
    """Name who checked, and whose codings count."""
    path = study / "study.toml"
    text = path.read_text("utf-8").replace('coder = "default"', f"coder = {coder}")
    path.write_text(text.replace('checked_by = ""', f'checked_by = "{person}"'), "utf-8")


def unsaid(row: dict[str, str]) -> str:
    """A person who finds the code in every second of the documents that have it."""
    return right(row) if int(row["document"].split("-")[1]) % 2 else ""


def test_without_the_setting_a_sample_changes_nothing(run: Callable, many: Path):
    """Overlap, recommendations and report are the same before and after a sample was checked."""
    before = [
        run(*words, folder=many).out
        for words in (("overlap", "--json"), ("overlap",), ("recommend", "--json"))
    ]
    check(run, many, 20)
    path = many / "study.toml"
    path.write_text(
        path.read_text("utf-8").replace('checked_by = "li"', 'checked_by = ""'), "utf-8"
    )

    after = [
        run(*words, folder=many).out
        for words in (("overlap", "--json"), ("overlap",), ("recommend", "--json"))
    ]

    assert after == before
    assert "checked" not in Study(many).results(quoting=False).method


def test_a_checked_sample_corrects_what_follows(run: Callable, many: Path):
    """Shares and grade are those of the estimate, and the topic falls or stands by them."""
    counted = {one.code: one for one in Study(many).overlap()}
    check(run, many, 20, unsaid)

    study = Study(many)
    told = next(one for one in study.estimate("li").codes if one.code == CODE)
    one = next(held for held in study.overlap() if held.code == CODE)
    results = study.results(quoting=False)

    assert one.prevalence == told.prevalence
    assert (one.grade, one.checked.sure, one.firmness) == (told.grade, told.sure, told.sure)
    assert one.lowest == min(share.value for share in told.prevalence.values())
    assert one.stability is None
    assert one.checked.counted == counted[CODE].prevalence
    assert one.checked.counted_grade == counted[CODE].grade == Grade.STRONG
    assert one.grade == Grade.MODERATE
    assert len(one.checked.thresholds) == len(counted[CODE].stability.thresholds)
    topic = next(held for held in results.recommendations if CODE in held.core)
    assert topic.grades[CODE] == Grade.MODERATE
    assert results.method["checked"]["by"] == "li"
    assert results.method["checked"]["documents"] == {"us": 20, "cn": 20}
    shown = run("overlap", folder=many)
    assert "Counted" in shown.out
    assert "counted 16/24" in shown.out
    assert "corrected by the sample that li checked" in shown.err + shown.out
    assert "checked.sure" in run("overlap", "--csv", folder=many).out
    for language in ("en", "zh"):
        assert run("report", "--lang", language, "-o", many / "r.html", folder=many).code == 0
        assert "li" in (many / "r.html").read_text("utf-8")


def test_a_sample_too_small_leaves_the_counts_and_says_so(run: Callable, many: Path):
    """The figures are the counted ones, and each says how many documents are lacking."""
    counted = {one.code: one for one in Study(many).overlap()}
    check(run, many, 12)

    study = Study(many)
    results = study.results(quoting=False)

    for one in study.overlap():
        bare = msgspec.structs.replace(one, checked=None)
        assert bare == counted[one.code]
        assert one.checked.lacking == {"us": 8, "cn": 8}
        assert one.checked.sure is None
        assert "12 of 24" in one.checked.undefined
    assert any("8 documents" in told["en"] and "8份文件" in told["zh"] for told in results.warnings)
    assert "12 of 24" in run("overlap", folder=many).err


def test_a_checker_nobody_knows_is_told(run: Callable, many: Path):
    """The error names the setting; without a sample it says how to draw one."""
    set_checker(many, "nobody")
    done = run("overlap", folder=many)
    assert done.code == 1
    assert "checked_by in study.toml" in done.err
    assert '"nobody"' in done.err

    path = many / "study.toml"
    path.write_text(path.read_text("utf-8").replace('"nobody"', '"default"'), "utf-8")
    assert "qiutong sample" in run("overlap", folder=many).err
    run("sample", "--per-party", 2, folder=many)
    done = run("recommend", folder=many)
    assert done.code == 1
    assert "no other coder counts" in done.err


def test_the_same_sample_serves_another_day(run: Callable, many: Path):
    """Drawn as of one day and asked as of another, the documents of both days are its sample."""
    check(run, many, 20, unsaid)

    early, late = (Study(many).overlap(as_of=day) for day in ("2020-01-01", "2030-01-01"))

    assert [one.checked.sure for one in early] == [one.checked.sure for one in late]
    assert all(one.is_corrected for one in late)


def test_documents_the_model_has_not_coded_stop_the_correction(run: Callable, many: Path):
    """Where the checker alone has coded a document that counts, the shares would be of others."""
    check(run, many, 20)
    (many / "late.txt").write_text(f"A late notice\n\nSec. 1. {TEXT}\n", "utf-8")
    run("add", many / "late.txt", "--party", "us", "--id", "late", folder=many)
    rows = many / "late.csv"
    rows.write_text(f"document,locator,codes\nlate,Sec. 1,{CODE}\n", "utf-8")
    assert run("import", rows, "--coder", "li", folder=many).code == 0
    path = many / "study.toml"
    text = path.read_text("utf-8").replace('coder = "default"', 'coder = ["li", "default"]')
    path.write_text(text, "utf-8")

    study = Study(many)

    told = {one.checked.undefined for one in study.overlap()}
    assert told == {"us: 1 of 25 documents are coded by li and not by default"}
    warned = study.results(quoting=False).warnings
    (warning,) = [one for one in warned if "stand as they were counted" in one["en"]]
    assert "United States: 1 of 25 documents are coded by li and not by default." in warning["en"]
    assert "美国25份文件中，有1份由li编码而未经default编码。" in warning["zh"]


def test_a_party_without_documents_stops_the_correction_in_both_languages(
    run: Callable, many: Path
):
    """The reason on the Chinese page is Chinese, where a checked sample corrects nothing."""
    check(run, many, 20)
    path = many / "study.toml"
    path.write_text(
        path.read_text("utf-8") + '\n[[parties]]\nid = "eu"\nname = { en = "EU", zh = "欧盟" }\n'
    )

    warned = Study(many).results(quoting=False).warnings

    (warning,) = [one for one in warned if "stand as they were counted" in one["en"]]
    assert warning["en"].endswith("although a sample was checked: EU has no documents that count.")
    assert warning["zh"].endswith("仍按编码计数：欧盟没有计入的文件。")


def test_a_program_as_checker_is_said(run: Callable, many: Path):
    """Who is taken as right and is no person stands among what to know first."""
    check(run, many, 20)
    study = Study(many)
    run("sample", "--per-party", 24, folder=many)
    path = many / "study.toml"
    text = path.read_text("utf-8").replace('coder = "default"', 'coder = "li"')
    path.write_text(text.replace('checked_by = "li"', 'checked_by = "default"'), "utf-8")

    warned = [one["en"] for one in Study(many).results(quoting=False).warnings]

    assert not any("no person" in one["en"] for one in study.results(quoting=False).warnings)
    assert any("default" in one and "no person" in one for one in warned)


def test_agreement_with_the_checker_is_no_model_of_the_rest(run: Callable, many: Path):
    """Where the person is a member, the combination has no error on the sample, and none elsewhere."""
    check(run, many, 20, unsaid)
    assert run("combine", "agreed", "--from", "li", "--from", "default", folder=many).code == 0
    path = many / "study.toml"
    text = path.read_text("utf-8")
    path.write_text(text.replace('coder = "default"', 'coder = ["agreed", "default"]'), "utf-8")

    study = Study(many)

    held = study.estimate("li")
    assert held.model == "default"
    assert held == study.estimate("li", model="default")
    assert study.estimate("li", model="agreed").model == "agreed"


def test_a_model_that_learned_is_doubted(run: Callable, many: Path):
    """What it learned from may be the sample, and nothing in the figures would show it."""
    check(run, many, 20)
    learned = Coder(id="trained", kind=CoderKind.TRAINED)
    with Study(many) as study:
        for one in study.documents():
            study.store.add_coded(
                CodedDocument(
                    document=one.id,
                    coder=learned,
                    codebook=study.codebook.name,
                    fingerprint="x",
                    codings=(),
                )
            )
    assert "learned from codings" not in run("estimate", "--person", "li", folder=many).err

    warned = run("estimate", "--person", "li", "--model", "trained", folder=many).err
    path = many / "study.toml"
    path.write_text(
        path.read_text("utf-8").replace('coder = "default"', 'coder = "trained"'), "utf-8"
    )
    told = [one for one in Study(many).results(quoting=False).warnings if "trained" in one["en"]]

    assert "trained learned from codings" in " ".join(warned.split())
    assert ["训练" in one["zh"] for one in told] == [True]


# --------------------------------------------------------------------------- provisions


def fill_beginning(sheet: Path, number: int) -> None:
    """Code the first rows of a sheet and leave the others."""
    places = iter(range(10_000))
    fill(sheet, lambda row: right(row) if next(places) < number else row["codes"])


def test_provisions_are_drawn_from_all_and_go_on_where_the_last_draw_ended(
    run: Callable, many: Path
):
    """One random order over all provisions of a party; sheets are blind and in this order."""
    first = run("sample", "--provisions", "--per-party", 5, "--json", folder=many).json
    second = run("sample", "--provisions", "--per-party", 8, "--json", folder=many).json

    ids = {party: [] for party in ("us", "cn")}
    for one in Study(many).segments():
        ids[one.document[:2]].append(one.id)
    for party, held in ids.items():
        assert sorted(first["frame"][party]) == sorted(held)
        both = [*first["drawn"][party], *second["drawn"][party]]
        assert both == list(random_order(held, first["seed"])[:8])
    sheet = many / "samples" / "provisions-2" / "us.csv"
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["sampled"] for row in rows] == ["6", "7", "8"]
    assert {row["codes"] for row in rows} == {"?"}
    again = run("sample", "--provisions", "--per-party", 8, folder=many)
    assert again.code == 1
    assert "Ask for more" in again.err


def test_checked_provisions_give_shares_of_provisions(run: Callable, many: Path):
    """From the rows filled in without a gap; the rest stays unread, and nothing is stored."""
    run("sample", "--provisions", "--per-party", 40, folder=many)
    for party in ("us", "cn"):
        fill_beginning(many / "samples" / "provisions-1" / f"{party}.csv", 30)

    study = Study(many)
    small = study.estimate_provisions()
    shown = run("estimate", "--provisions", folder=many)
    held = estimate_provisions(study, as_of=study.day(None), fewest=20)

    assert {share.value for one in small.codes for share in one.salience.values()} == {None}
    assert "Too small to say: us: 30 of" in shown.out
    assert held.checked == {"us": 30, "cn": 30}
    share = next(one for one in held.codes if one.code == CODE)
    texts = {one.id: one.text for one in study.segments()}
    given = {one.segment for one in study.codings("default") if one.code == CODE}
    for party in ("us", "cn"):
        order = random_order([one for one in texts if one.startswith(party)], held.seed)
        said = {one for one in order[:30] if "watermark" in texts[one]}
        cells = Cells(
            len(said & given), len(given & set(order[:30]) - said), len(said - given),
            len(set(order[:30]) - said - given), len(given & set(order[30:])),
            len(set(order[30:]) - given),
        )  # fmt: skip
        assert share.salience[party] == share_of_provisions(cells, fewest=20)
        assert share.model_alone[party] == len(given & set(order)) / len(order)
    assert study.codings("person") == ()
    assert "person" not in [one.id for one in study.store.coders()]


def test_provisions_behind_a_gap_do_not_count(run: Callable, many: Path):
    """A row left out in the middle ends the sample, and the others are told."""
    run("sample", "--provisions", "--per-party", 10, folder=many)
    for party in ("us", "cn"):
        fill(
            many / "samples" / "provisions-1" / f"{party}.csv",
            lambda row: row["codes"] if row["sampled"] == "4" else right(row),
        )

    done = run("estimate", "--provisions", "--json", folder=many)

    assert done.json["checked"] == {"us": 3, "cn": 3}
    assert done.json["passed_over"] == 12
    assert "12 provisions" in done.err


def test_a_sample_of_provisions_is_none_of_documents(run: Callable, many: Path):
    """It is refused by the import, by the estimate of documents, and by checked_by."""
    run("sample", "--provisions", "--per-party", 3, folder=many)
    sheet = many / "samples" / "provisions-1" / "us.csv"
    fill(sheet, right)

    taken = run("import", sheet, "--coder", "li", folder=many)
    asked = run("estimate", "--person", "default", folder=many)
    set_checker(many, "default")
    counted = run("overlap", folder=many)

    assert (taken.code, asked.code, counted.code) == (1, 1, 1)
    assert "drawn at random" in taken.err
    assert not Study(many).codings("li")
    assert "cannot take its place" in asked.err
    assert "cannot take its place" in counted.err


def test_what_is_missing_for_shares_of_provisions_is_told(run: Callable, many: Path):
    """Nothing drawn, a code nobody knows, a lost sheet, and a question that is two."""
    assert "sample --provisions" in run("estimate", "--provisions", folder=many).err
    assert "one of the two" in run("estimate", folder=many).err
    assert "one of the two" in run("estimate", "--provisions", "--person", "li", folder=many).err
    run("sample", "--provisions", "--per-party", 3, folder=many)
    sheet = many / "samples" / "provisions-1" / "us.csv"
    fill(sheet, lambda row: "no.such")
    done = run("estimate", "--provisions", folder=many)
    assert done.code == 1
    assert "no.such" in done.err
    sheet.unlink()
    assert "us.csv" in run("estimate", "--provisions", folder=many).err
    assert run("estimate", "--provisions", "--model", "x", folder=many).code == 1


# --------------------------------------------------------------------------- chosen provisions


def decide(sheet: Path, verdict: Callable[[dict[str, str]], str]) -> None:
    """Decide the rows of a sheet of chosen provisions."""
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["decision"] == "?":
            row["decision"], row["reason"] = verdict(row), "read by Li"
    with sheet.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)


@pytest.fixture
def doubted(tmp_path: Path, run: Callable, many: Path) -> Path:
    """Codings of a rule in two documents of each party: one sure, one not; one carried twice."""
    study = Study(many)
    places = {(one.document, one.locator): one for one in study.segments()}
    rule = Coder(id="rule-1", kind=CoderKind.RULE)

    def coding(document: str, locator: str, confidence: float) -> Coding:
        place = places[document, locator]
        return Coding(
            document=document, code=CODE, coder="rule-1", codebook=study.codebook.name,
            segment=place.id, evidence_start=place.start, evidence_end=place.end,
            confidence=confidence,
        )  # fmt: skip

    held = {
        "us-1": [coding("us-1", "Sec. 1", 0.6)],
        "us-2": [coding("us-2", "Sec. 1", 0.6), coding("us-2", "Sec. 2", 0.95)],
        "us-3": [coding("us-3", "Sec. 1", 0.4)],
        "cn-1": [coding("cn-1", "Sec. 1", 1.0)],
    }
    for one in study.documents():
        study.store.add_coded(
            CodedDocument(
                document=one.id,
                coder=rule,
                codebook=study.codebook.name,
                fingerprint="1",
                codings=tuple(held.get(one.id, ())),
            )
        )
    study.close()
    settings = (many / "study.toml").read_text("utf-8")
    (many / "study.toml").write_text(
        settings.replace('coder = "default"', 'coder = ["rule-1-corrected", "rule-1"]'), "utf-8"
    )
    return many


def test_next_names_the_provisions_that_may_change_a_grade(run: Callable, doubted: Path):
    """The only support of a document comes before one of two; a certain one is not named."""
    done = run("next", "--provisions", "--json", folder=doubted)

    assert done.code == 0, done
    named = [(one["document"], one["locator"]) for one in done.json]
    assert ("cn-1", "Sec. 1") not in named
    assert named.index(("us-1", "Sec. 1")) < named.index(("us-2", "Sec. 1"))
    first = next(one for one in done.json if one["document"] == "us-1")
    reason = next(one for one in first["reasons"] if one["code"] == CODE)
    assert (reason["given"], reason["others"], reason["chance"]) == (True, 0, 0.6)
    assert (reason["documents"], reason["documents_then"], reason["total"]) == (2, 1, PER_PARTY)
    assert "us-1" in reason["why"]["en"]
    assert "us-1" in reason["why"]["zh"]
    missed = next(one for one in done.json if one["document"] == "us-3")["reasons"][0]
    assert (missed["given"], missed["documents_then"]) == (False, 3)
    again = run("next", "--provisions", "--json", folder=doubted)
    assert again.json == done.json
    table = run("next", "--provisions", folder=doubted).out
    assert "no random sample" in table
    assert run("next", "--provisions", "--csv", folder=doubted).out.count("Sec. 1") >= 3


def test_decisions_on_chosen_provisions_correct_the_coder(run: Callable, doubted: Path):
    """They go back as corrections, are repeated in the next sheet, and are not asked again."""
    wrote = run("next", "--provisions", "--sheet", "checks", folder=doubted)
    sheet = doubted / "checks" / "rule-1" / "decisions.csv"
    untouched = run("import", "checks/rule-1", folder=doubted)
    decide(sheet, lambda row: "no" if row["document"] == "us-1" else "?")
    taken = run("import", "checks/rule-1", "--json", folder=doubted)

    assert "checks/rule-1" in wrote.out
    assert (untouched.code, taken.code) == (1, 0)
    assert "no row is decided" in untouched.err
    assert set(taken.json["decisions"]) == {"correction"}
    rows = run("overlap", "--json", folder=doubted).json
    code = next(one for one in rows if one["code"] == CODE)
    assert code["documents"]["us"] == ["us-2"]
    named = [one["document"] for one in run("next", "--provisions", "--json", folder=doubted).json]
    assert set(named) == {"us-2", "us-3"}
    run("next", "--provisions", "--sheet", "more", folder=doubted)
    with (doubted / "more" / "rule-1" / "decisions.csv").open(encoding="utf-8-sig") as file:
        kept = {row["document"]: row["decision"] for row in csv.DictReader(file)}
    assert kept == {"us-1": "no", "us-2": "?", "us-3": "?"}
    assert run("import", "more/rule-1", folder=doubted).code == 0
    again = run("overlap", "--json", folder=doubted).json
    assert [one["documents"] for one in again] == [one["documents"] for one in rows]


def test_the_report_says_that_single_codes_were_corrected(run: Callable, doubted: Path):
    """Where it says that nobody reviewed the program's; in the language of the page."""
    shown = {"en": "codes of single provisions that were corrected", "zh": "已逐项更正"}

    def pages() -> dict[str, str]:
        with Study(doubted) as study:
            results = study.results()
            return {
                one: study.report(language=one, results=results).read_text("utf-8") for one in shown
            }

    before = pages()
    run("next", "--provisions", "--sheet", "checks", folder=doubted)
    decide(doubted / "checks/rule-1/decisions.csv", lambda row: "no")
    run("import", "checks/rule-1", folder=doubted)
    after = pages()

    for language, words in shown.items():
        assert words not in before[language]
        assert after[language].count(words) == 2
        assert "corrects: " not in after[language]
    assert "no person has reviewed the codes. The exception:" in after["en"]


def test_decisions_on_a_text_that_was_replaced_are_not_repeated(run: Callable, doubted: Path):
    """The next sheet can be imported, and the decision stays on record."""
    run("next", "--provisions", "--sheet", "checks", folder=doubted)
    decide(doubted / "checks/rule-1/decisions.csv", lambda row: "no")
    assert run("import", "checks/rule-1", folder=doubted).code == 0
    (doubted / "us-1.txt").write_text("Sec. 1. Another text.\n", "utf-8")
    replaced = run("add", "us-1.txt", "--id", "us-1", "--party", "us", "--update", folder=doubted)
    assert replaced.code == 0, replaced
    with Study(doubted) as study:
        place = next(one for one in study.segments("cn-2") if one.locator == "Sec. 1")
        (held,) = (one for one in study.codings("rule-1") if one.document == "cn-1")
        code_again(study, structs.replace(held, document="cn-2", segment=place.id, confidence=0.6))

    wrote = run("next", "--provisions", "--sheet", "more", folder=doubted)
    assert wrote.code == 0, wrote
    sheet = doubted / "more/rule-1/decisions.csv"
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        kept = {(row["document"], row["decision"]) for row in csv.DictReader(file)}
    decide(sheet, lambda row: "yes")

    assert kept == {("us-2", "no"), ("us-3", "no"), ("cn-2", "?")}
    assert run("import", "more/rule-1", folder=doubted).code == 0
    decided = run("decisions", "us-1", "--json", folder=doubted).json
    assert [one["given"] for one in decided] == [False]


def test_a_corrected_document_is_coded_anew_when_its_coder_changed(run: Callable, many: Path):
    """Corrections rest on the coder; they would hold an earlier state of it for ever."""
    path = many / "study.toml"
    path.write_text(
        path.read_text("utf-8").replace('"default"', '["default-corrected", "default"]'), "utf-8"
    )
    (many / "checks").mkdir()
    (many / "checks" / "coders.toml").write_text(
        '[corrections]\ncorrects = "default"\nfile = "decisions.csv"\n', "utf-8"
    )
    (many / "checks" / "decisions.csv").write_text(
        f"document,locator,code,decision,reason\nus-1,Sec. 2,{CODE},yes,seen\n", "utf-8"
    )
    assert run("import", "checks", folder=many).code == 0
    assert run("code", "--json", folder=many).json["coded"] == []
    with Study(many) as study:
        coder = next(one for one in study.store.coders() if one.id == "default")
        study.store.add_coded(
            CodedDocument(
                document="us-1",
                coder=coder,
                codebook=study.codebook.name,
                fingerprint="of an earlier version",
                codings=(),
            )
        )

    assert run("code", "--json", folder=many).json["coded"] == ["us-1"]


def test_corrections_of_a_reading_are_no_reading_beside_it(run: Callable, many: Path):
    """They repeat it, and would agree with it."""
    for name in ("anna", "ben"):
        read_first(run, many, name)
    corrected = many / "anna"
    corrected.mkdir()
    (corrected / "coders.toml").write_text(
        '[corrections]\ncorrects = "anna"\nfile = "decisions.csv"\n', "utf-8"
    )
    (corrected / "decisions.csv").write_text(
        f"document,locator,code,decision,reason\nus-1,Sec. 2,{CODE},yes,seen\n", "utf-8"
    )
    assert run("import", "anna", folder=many).code == 0
    path = many / "study.toml"
    path.write_text(
        path.read_text("utf-8").replace('"default"', '["anna-corrected", "anna"]'), "utf-8"
    )

    assert Study(many).readings() == ("anna", "ben")


def read_first(run: Callable, folder: Path, coder: str) -> None:
    """One document, coded by a person."""
    path = folder / f"{coder}.csv"
    path.write_text(f"document,locator,codes\nus-1,Sec. 1,{CODE}\nus-1,Sec. 2,\n", "utf-8")
    assert run("import", path, "--coder", coder, folder=folder).code == 0


def test_chosen_provisions_enter_no_estimate(run: Callable, doubted: Path):
    """Neither as a reading, nor as a sheet of the sample, nor as a checker, nor as the model."""
    run("next", "--provisions", "--sheet", "checks", folder=doubted)
    sheet = doubted / "checks" / "rule-1" / "decisions.csv"
    decide(sheet, lambda row: "no")
    taken = run("import", sheet, "--coder", "li", folder=doubted)
    run("import", "checks/rule-1", folder=doubted)
    run("sample", "--provisions", "--per-party", 3, folder=doubted)
    before = run("estimate", "--provisions", "--json", folder=doubted).json
    shutil.copy(sheet, doubted / "samples" / "provisions-1" / "us.csv")
    drawn = run("estimate", "--provisions", folder=doubted)
    run("sample", "--per-party", 3, folder=doubted)
    asked = run("estimate", "--person", "rule-1-corrected", folder=doubted)

    assert (taken.code, drawn.code, asked.code) == (1, 1, 1)
    for done in (taken, drawn, asked):
        assert "no random sample" in done.err
    assert before["model"] == "rule-1"


def test_what_next_cannot_do_with_provisions_is_told(run: Callable, doubted: Path):
    """Two questions at once, a coder nobody knows, a folder that is there, nothing to check."""
    assert "one of the two" in run("next", folder=doubted).err
    assert "one of the two" in run("next", "--provisions", "--person", "li", folder=doubted).err
    assert run("next", "--provisions", "--model", "nobody", folder=doubted).code == 1
    (doubted / "checks").mkdir()
    assert "exists" in run("next", "--provisions", "--sheet", "checks", folder=doubted).err
    assert not list((doubted / "checks").iterdir())
    (doubted / "wrong").mkdir()
    (doubted / "wrong" / "coders.toml").write_text(
        '[corrections]\ncorrects = "nobody"\nfile = "decisions.csv"\n', "utf-8"
    )
    assert '"nobody"' in run("import", "wrong", folder=doubted).err


def test_provisions_of_nothing_are_told(run: Callable, empty: Path):
    """A party without a coded document has no grade to change."""
    done = run("next", "--provisions", folder=empty)

    assert done.code == 1
    assert "no coded document" in done.err


def test_the_folder_above_or_a_coder_for_a_folder_is_told(run: Callable, doubted: Path):
    """Sheets lie in a folder for each coder; who coded stands there, and nowhere else."""
    run("next", "--provisions", "--sheet", "checks", folder=doubted)
    decide(doubted / "checks" / "rule-1" / "decisions.csv", lambda row: "no")

    above = run("import", "checks", folder=doubted)
    named = run("import", "checks/rule-1", "--coder", "li", folder=doubted)
    (doubted / "bare").mkdir()
    bare = run("import", "bare", folder=doubted)

    assert (above.code, named.code, bare.code) == (1, 1, 1)
    assert "qiutong import checks/rule-1" in above.err.replace("\n", " ")
    assert "Leave out --coder" in named.err.replace("\n", " ")
    assert "coders.toml: the file does not exist" in bare.err
    with Study(doubted) as study:
        assert not study.store.decisions()


def test_a_combined_coder_is_not_corrected(run: Callable, doubted: Path):
    """Its members are; nothing is written."""
    run("combine", "both", "--from", "default", "--from", "rule-1", "--rule", "any", folder=doubted)

    done = run(
        "next",
        "--provisions",
        "--model",
        "both",
        "--sheet",
        "checks",
        "--number",
        5,
        folder=doubted,
    )

    assert done.code == 1
    assert "combined of others" in done.err
    assert not (doubted / "checks").exists()


def test_the_default_coder_says_what_it_may_have_missed(run: Callable, many: Path):
    """Provisions it gave no code are named too, with the chance that they have one."""
    held = run("next", "--provisions", "--number", 60, "--json", folder=many).json

    missed = [reason for one in held for reason in one["reasons"] if not reason["given"]]
    assert missed
    assert all(0.0 < one["chance"] < 1.0 for one in missed)


def code_again(study: Study, coding: Coding) -> None:
    """Let the coder `rule-1` say this of a document, and no more what it said before."""
    study.store.add_coded(
        CodedDocument(
            document=coding.document,
            coder=Coder(id="rule-1", kind=CoderKind.RULE),
            codebook=study.codebook.name,
            fingerprint="2",
            codings=(coding,),
        )
    )


def correct(run: Callable, folder: Path, verdict: Callable[[dict[str, str]], str]) -> Path:
    """Ask for provisions, decide, and import; the sheet."""
    run("next", "--provisions", "--sheet", "checks", folder=folder)
    sheet = folder / "checks" / "rule-1" / "decisions.csv"
    decide(sheet, verdict)
    assert run("import", "checks/rule-1", folder=folder).code == 0
    return sheet


def test_decisions_that_an_import_does_not_repeat_are_told(run: Callable, doubted: Path):
    """Those of a document in the file fall, those of other documents stand; both are said."""
    sheet = correct(run, doubted, lambda row: "no")
    same = run("import", "checks/rule-1", folder=doubted)
    heading = "document,locator,code,decision,reason\n"
    sheet.write_text(f"{heading}us-2,Sec. 1,{CODE},no,read by Li\n", "utf-8")
    fewer = run("import", "checks/rule-1", folder=doubted)
    sheet.write_text(f"{heading}us-2,Sec. 2,{CODE},no,read by Li\n", "utf-8")
    other = run("import", "checks/rule-1", folder=doubted)

    assert "Note" not in same.err
    assert "earlier decisions on us-1, us-3 are not in this file, and still count" in fewer.err
    assert f"us-2: decided before, not in this file, and no longer counted: Sec. 1 {CODE}" in (
        other.err
    )


def test_a_recoded_document_makes_its_corrections_old(run: Callable, doubted: Path):
    """What the coder says now does not count before the folder is imported again; that is said."""
    correct(run, doubted, lambda row: "no" if row["document"] == "us-1" else "?")
    before = Study(doubted).stale()
    study = Study(doubted)
    place = next(one for one in study.segments() if one.id.startswith("us-1:"))
    last = [one for one in study.segments() if one.document == "us-1"][-1]
    assert last.id != place.id
    other = Coding(
        document="us-1", code=CODE, coder="rule-1", codebook=study.codebook.name,
        segment=last.id, evidence_start=last.start, evidence_end=last.end, confidence=0.9,
    )  # fmt: skip
    code_again(study, other)
    (told,) = study.stale()
    shown = study.results(quoting=False).warnings
    noted = run("overlap", folder=doubted).err
    run("import", "checks/rule-1", folder=doubted)

    assert before == ()
    assert '"rule-1" says of 1 document has changed' in told["en"]
    assert "1 份文件的编码已有变动" in told["zh"]
    assert told in shown
    assert "has changed" in noted
    assert Study(doubted).stale() == ()


def test_a_combination_with_corrections_in_it_enters_no_estimate(run: Callable, doubted: Path):
    """Neither as the person, nor as the model; and a corrected coder judges no combination."""
    correct(run, doubted, lambda row: "no")
    members = ("--from", "default", "--from", "rule-1-corrected")
    assert run("combine", "both", *members, "--rule", "any", folder=doubted).code == 0
    assert run("combine", "two", "--from", "default", "--from", "rule-1", folder=doubted).code == 0
    run("sample", "--per-party", 3, folder=doubted)
    run("sample", "--provisions", "--per-party", 3, folder=doubted)

    as_person = run("estimate", "--person", "both", folder=doubted)
    as_model = run("estimate", "--person", "default", "--model", "both", folder=doubted)
    drawn = run("estimate", "--provisions", "--model", "both", folder=doubted)
    judged = run("agreement", "two", "--against", "rule-1-corrected", folder=doubted)

    for done in (as_person, as_model, drawn, judged):
        assert done.code == 1
        assert "rule-1-corrected holds corrections on chosen provisions" in done.err
