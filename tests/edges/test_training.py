"""Training a coder from the codings in a study, and coding with it, at the command line."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from qiutong.model import CoderKind
from qiutong.study import Study

from .test_cli import assert_clear_error

LABELS = {
    "en": ("Sec. {n}. A provider of {x} shall label synthetic content with a visible mark.",
           "Sec. {n}. Pictures that {x} has drawn shall bear a watermark."),
    "zh": ("第{n}条 {x}的提供者应当对生成合成内容添加显式标识。",
           "第{n}条 由{x}绘制的图片应当添加数字水印。"),
}  # fmt: skip
OTHER = {
    "en": ("Sec. {n}. The office of {x} is open on weekdays and closed on public holidays.",
           "Sec. {n}. Words used in this order on {x} have their ordinary meaning."),
    "zh": ("第{n}条 {x}办公室工作日对外开放，法定节假日不对外办公。",
           "第{n}条 本办法关于{x}的用语按照通常含义理解。"),
}  # fmt: skip
SUBJECTS = {
    "en": ("painting tools", "speech engines", "film studios", "news desks", "game makers",
           "map services"),
    "zh": ("绘画工具", "语音引擎", "影视制作平台", "新闻编辑平台", "游戏开发平台", "地图服务平台"),
}  # fmt: skip
NUMBERS = {"en": ("1", "2", "3", "4"), "zh": ("一", "二", "三", "四")}
CODE = "governance.content-provenance"


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve invented documents, and a person's codings of all their provisions."""
    folder = tmp_path_factory.mktemp("training")
    rows = []
    for language, party in (("en", "us"), ("zh", "cn")):
        for number, subject in enumerate(SUBJECTS[language]):
            lines = [*LABELS[language], *OTHER[language]]
            lines = lines[number % 4 :] + lines[: number % 4]
            text = "\n\n".join(
                line.format(n=n, x=subject)
                for n, line in zip(NUMBERS[language], lines, strict=True)
            )
            name = f"{party}-{number}"
            (folder / f"{name}.txt").write_text(f"{subject}\n\n{text}\n", encoding="utf-8")
            rows.append((name, f"{name}.txt", party, subject, language))
    with (folder / "register.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "file", "party", "title", "language"), *rows])
    return folder


@pytest.fixture
def folder(run: Callable, given: Path, tmp_path: Path) -> Path:
    """A study of these documents with the codings of Ann."""
    study = tmp_path / "study"
    assert run("init", study, "--party", "us", "--party", "cn").code == 0
    assert run("add", given / "register.csv", folder=study).code == 0
    marks = ("label synthetic", "watermark", "标识", "水印")
    with (tmp_path / "ann.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("document", "locator", "codes"))
        for segment in Study(study).segments():
            has = any(mark in segment.text for mark in marks)
            writer.writerow((segment.document, segment.locator, CODE if has else ""))
    done = run("import", tmp_path / "ann.csv", "--coder", "ann", folder=study)
    assert done.code == 0, done
    return study


def test_a_study_learns_from_a_person_and_codes_again(
    run: Callable, folder: Path, tmp_path: Path
) -> None:
    """The card counts what Ann read; the trained coder says what she said; her codings stay."""
    ann = {(one.segment, one.code) for one in Study(folder).codings("ann")}
    file = tmp_path / "ann.npz"

    done = run("train", file, "--from", "ann", "--json", folder=folder)
    assert done.code == 0, done
    assert done.json["trained_on"] == "ann"
    assert done.json["documents"] == 12
    assert {one["code"] for one in done.json["figures"]} == {CODE}

    coded = run("code", "--coder", file, "--json", folder=folder)
    assert coded.code == 0, coded
    assert coded.json["coder"]["kind"] == CoderKind.MODEL
    study = Study(folder)
    assert {(one.segment, one.code) for one in study.codings("trained")} == ann
    assert {(one.segment, one.code) for one in study.codings("ann")} == ann
    again = run("code", "--coder", file, "--json", folder=folder)
    assert again.json["coded"] == []
    assert len(again.json["unchanged"]) == 12


def test_training_tells_figures_and_limits(run: Callable, folder: Path, tmp_path: Path) -> None:
    """A reader sees figures for each language, what was not learned, and the next command."""
    done = run("train", tmp_path / "ann.npz", "--from", "ann", folder=folder)
    assert done.code == 0, done
    told = done.out + done.err
    for words in ("held out", "Not learned", "zh", "qiutong code --coder"):
        assert words in told


def test_no_model_is_learned_from_a_program(run: Callable, folder: Path, tmp_path: Path) -> None:
    """The built-in coder, which study.toml counts here, teaches nothing; no file is written."""
    file = tmp_path / "own.npz"
    assert_clear_error(run("train", file, folder=folder), "builtin", "--from CODER")
    assert not file.exists()


def test_an_unknown_coder_is_named(run: Callable, folder: Path, tmp_path: Path) -> None:
    """The message lists the coders there are."""
    done = run("train", tmp_path / "x.npz", "--from", "bob", folder=folder)
    assert_clear_error(done, "bob", "ann")


def test_a_file_of_another_kind_is_wrong_use_or_refused(
    run: Callable, folder: Path, tmp_path: Path
) -> None:
    """Names that do not end in .npz are wrong use; a file that is no model is an error."""
    assert run("train", tmp_path / "model.bin", "--from", "ann", folder=folder).code == 2
    assert run("code", "--coder", "bob", folder=folder).code == 2
    (tmp_path / "no.npz").write_bytes(b"nothing")
    assert_clear_error(
        run("code", "--coder", tmp_path / "no.npz", folder=folder), "no trained coder"
    )
