"""The commands in the README and the tutorial are run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

from qiutong import Study
from qiutong.register import read_register
from qiutong.study import bundled_studies

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"<!-- run: (?P<name>\w+)(?P<fails>, fails)? -->\n```sh\n(?P<code>.*?)```", re.DOTALL
)


def run_blocks(page: Path, name: str, folder: Path) -> list[str]:
    """Run the marked blocks of a page in order, each in the folder where the last ended."""
    place = folder / ".place"
    place.write_text(str(folder), encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    outputs = []
    blocks = [match for match in BLOCK.finditer(page.read_text("utf-8")) if match["name"] == name]
    assert blocks, f"there is nothing to run in {page}"
    for block in blocks:
        done = subprocess.run(
            ["bash", "-e", "-c", f'{block["code"]}\npwd > "$PLACE"'],
            cwd=place.read_text("utf-8").strip(),
            env={**os.environ, "PATH": path, "PLACE": str(place), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        wanted = 1 if block["fails"] else 0
        assert done.returncode == wanted, block["code"] + done.stdout + done.stderr
        outputs.append(done.stdout + done.stderr)
    return outputs


def test_the_tutorial_runs_from_import_to_report(tmp_path: Path) -> None:
    """Every command does what the page says, and the report is there in both languages."""
    outputs = run_blocks(ROOT / "docs" / "tutorial.md", "tutorial", tmp_path)
    study = tmp_path / "my-study"
    assert (study / "report.en.html").stat().st_size > 10_000
    assert 'lang="zh' in (study / "report.zh.html").read_text("utf-8")[:300]
    assert "第三条（一）" in outputs[3]
    failing = next(text for text in outputs if "Error" in text)
    assert "study.toml, line" in failing
    assert "strong" in failing


def test_the_tutorial_writes_the_documents_that_other_pages_build_on(register: Path) -> None:
    """Who has followed the tutorial can follow the pages beside its four documents."""
    page = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    for path in register.parent.glob("*.txt"):
        assert f"cat > sources/{path.name} <<'TEXT'\n{path.read_text('utf-8')}TEXT\n" in page


def test_the_commands_of_the_readme_run(tmp_path: Path, register: Path) -> None:
    """A reader who has a register gets from init to report as the README says."""
    text = (
        register.read_text("utf-8").replace(",us-", ",sources/us-").replace(",cn-", ",sources/cn-")
    )
    (tmp_path / "register.csv").write_text(text, encoding="utf-8")
    outputs = run_blocks(ROOT / "README.md", "readme", tmp_path)
    assert (tmp_path / "my-study" / "report.en.html").exists()
    assert "第一条" in outputs[-1]


def test_the_readme_counts_the_documents_there_are() -> None:
    """What the README says of the size of the bundled study is what its register holds."""
    path = bundled_studies()["us-china-ai"] / "register.csv"
    rows, _ = read_register(path, ["us", "cn"])
    said = re.search(r"(\d+) listed, (\d+) of them read", (ROOT / "README.md").read_text("utf-8"))
    assert said is not None
    assert int(said[1]) == len(rows)
    assert int(said[2]) == sum(row.document.read for row in rows)


def test_codings_made_by_hand_come_to_count_as_the_page_says(
    tmp_path: Path, register: Path
) -> None:
    """Two readings and an adjudication are taken over, counted and compared."""
    page = ROOT / "docs" / "how-to" / "code-by-hand.md"
    outputs = run_blocks(page, "byhand", register.parent)
    assert "显式标识和数字水印" in outputs[2]
    assert 'row 7: "risk.cbnr" is no code' in outputs[3]
    assert "adjudicated" in outputs[5]
    assert "read by li, smith" in outputs[7]
    with Study(register.parent / "my-study") as study:
        held = {(one.document, one.code) for one in study.codings("adjudicated")}
        assert {document for document, _ in held} == {"us-act", "cn-rule"}
        assert ("us-act", "risk.safety") in held
        assert ("us-act", "risk.reliability") not in held
        assert [one.id for one in study.results().coders] == ["adjudicated", "default"]


def test_a_coder_is_learned_from_tags_as_the_page_says(tmp_path: Path) -> None:
    """Tags of the bundled study, a misspelt code, a model card, codings with their evidence."""
    page = ROOT / "docs" / "how-to" / "tags.md"
    outputs = [" ".join(text.split()) for text in run_blocks(page, "tags", tmp_path)]
    assert "Learned from 80 documents tagged in tags.csv" in outputs[2]
    assert 'row 1: "risk.cbnr" is no code' in outputs[3]
    assert {"watermark", "鼓励"} <= set(outputs[4].split())
    assert "Coded 80 documents with trained" in outputs[5]
    with Study(tmp_path / "my-study") as study:
        codings = [one for one in study.codings("trained") if one.document == "us-eo-14110"]
        text = study.document("us-eo-14110").text
        assert codings
        assert all(text[one.evidence_start : one.evidence_end].strip() for one in codings)
        assert any("without this provision" in one.memo for one in codings)


def test_every_command_is_in_the_reference(tmp_path: Path) -> None:
    """A command without documentation is not finished."""
    from qiutong.cli import app

    page = (ROOT / "docs" / "reference" / "commands.md").read_text("utf-8")
    names = [(one.name or one.callback.__name__) for one in app.registered_commands]
    for group in app.registered_groups:
        names += [f"{group.name} {one.name}" for one in group.typer_instance.registered_commands]
    assert len(names) > 10
    missing = [name for name in names if f"`qiutong {name}" not in page]
    assert missing == []


def test_links_between_pages_lead_somewhere() -> None:
    """No page links to a file that is not there."""
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text("utf-8")):
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_coders_are_combined_as_the_page_says(tmp_path: Path, register: Path) -> None:
    """What two coders agree on is theirs, what is undecided is listed, and all of it is fresh."""
    outputs = run_blocks(ROOT / "docs" / "how-to" / "combine-coders.md", "combine", register.parent)
    assert "us-pledge is left out: not coded by li" in outputs[1]
    assert "governance.content-provenance" in outputs[1]
    assert "err together" in outputs[2]
    assert "0 combined now, 2 as before" in outputs[3]
    with Study(register.parent / "my-study") as study:
        assert {one.document for one in study.codings("agreed")} == {"us-act", "cn-rule"}
        assert study.undecided("agreed")


def test_a_sample_is_drawn_as_the_page_says(tmp_path: Path, register: Path) -> None:
    """One document of each party has a sheet with the name that the page uses, and a record."""
    page = ROOT / "docs" / "how-to" / "check-a-sample.md"
    run_blocks(page, "sample", register.parent)
    names = sorted(path.name for path in (register.parent / "my-study/samples/1").iterdir())
    assert [name[:7] for name in names] == ["cn-001-", "sample.", "us-001-"]
