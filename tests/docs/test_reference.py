"""The reference pages say what the code says, and their examples run."""

import contextlib
import doctest
import importlib.util
import io
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
import yaml

from qiutong import load_codebook
from qiutong.coders.builtin import BuiltinCoder
from qiutong.errors import BadSettings
from qiutong.model import (
    Coding,
    Document,
    Estimate,
    Force,
    Grade,
    Overlap,
    Party,
    Position,
    Recommendation,
    Screen,
    ScreenVerdict,
    Verdict,
)
from qiutong.settings import Setting, Settings, read_toml
from qiutong.study import Rows, Study, known_parties
from qiutong.text import SENTENCE_LANGUAGES

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
TEMPLATE = ROOT / "src" / "qiutong" / "study_template.toml"

# Loaded by path: it is a script to run by hand, and the tests are no package.
_SPEC = importlib.util.spec_from_file_location(
    "model_page", Path(__file__).with_name("model_page.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
model_page = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(model_page)

ROW = re.compile(r"(?m)^\| `(?P<key>[\w.]+)` \| (?P<default>.+?) \| (?P<accepted>.+?) \| ")


def settings_rows() -> dict[str, tuple[str, str]]:
    """Default and accepted values on the page on settings, by key."""
    page = (REFERENCE / "settings.md").read_text("utf-8")
    return {row["key"]: (row["default"], row["accepted"]) for row in ROW.finditer(page)}


def settings_in_code() -> dict[str, tuple[Any, Any]]:
    """Default and annotated type of each setting, by dotted key."""

    def walk(shape: type[msgspec.Struct], before: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
        hints = get_type_hints(shape, include_extras=True)
        for field in msgspec.structs.fields(shape):
            if isinstance(field.default, Setting):
                yield from walk(type(field.default), f"{before}{field.name}.")
            else:
                default = field.default
                if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
                    default = field.default_factory()
                yield f"{before}{field.name}", (default, hints[field.name])

    return {**dict(walk(Settings, "")), **dict(walk(Party, "parties."))}


def bounds_in_words(kind: Any) -> str:
    """Say of a bounded number type what the page must say."""
    if get_origin(kind) is tuple:
        words = bounds_in_words(get_args(kind)[0])
        return f"list, each {words}" if words else ""
    if get_origin(kind) is not Annotated:
        return ""
    [meta] = kind.__metadata__
    low, high = (
        next((bound for bound in pair if bound is not None), None)
        for pair in ((meta.ge, meta.gt), (meta.le, meta.lt))
    )
    if high is None:
        return f"{low:g} or more"
    if meta.ge is not None:
        return f"from {low:g} to {high}" if isinstance(high, int) else f"from {low:g} to {high:g}"
    return f"above {low:g}, {'below' if meta.lt is not None else 'up to'} {high:g}"


def test_the_page_on_settings_names_every_setting_and_no_other() -> None:
    """A setting without a row, or a row without a setting, is a mistake."""
    assert settings_rows().keys() == settings_in_code().keys()


def test_the_defaults_on_the_page_are_those_in_code() -> None:
    """What the page gives as default is what an empty file gives."""
    for key, (default, _) in settings_in_code().items():
        said = settings_rows()[key][0]
        if default is msgspec.NODEFAULT:
            assert said == "none", key
            continue
        value = tomllib.loads(f"x = {said.strip('`')}")["x"]
        assert value == msgspec.json.decode(msgspec.json.encode(default)), key


def test_the_bounds_on_the_page_are_those_in_code() -> None:
    """The range of each number on the page is the one that is checked."""
    checked = 0
    for key, (_, kind) in settings_in_code().items():
        words = bounds_in_words(kind)
        assert words in settings_rows()[key][1], key
        checked += bool(words)
    assert checked > 10


def test_the_template_of_a_study_gives_the_defaults(tmp_path: Path) -> None:
    """A new study's file shows each setting with the value it would have without the line."""
    path = tmp_path / "study.toml"
    text = TEMPLATE.read_text("utf-8").replace("@NAME@", '""')
    path.write_text(text, encoding="utf-8")
    assert read_toml(path, Settings) == Settings()
    shown = tomllib.loads(text)
    for key in settings_in_code():
        table, _, name = key.rpartition(".")
        if not key.startswith("parties"):
            assert name in (shown[table] if table else shown), key


def test_limits_between_two_settings_are_checked_as_the_page_says(tmp_path: Path) -> None:
    """Moderate above strong, and care above set aside, are refused with the line."""
    path = tmp_path / "study.toml"
    for text in ("[thresholds]\nmoderate = 0.6\n", "[screening]\ncare = 0.4\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(BadSettings, match=r"must not be above"):
            read_toml(path, Settings)


def test_the_parties_known_by_id_are_those_on_the_page() -> None:
    """The page lists the parties that a new study can name by id alone."""
    page = (REFERENCE / "settings.md").read_text("utf-8")
    [listed] = re.findall(r"parties it knows: (.+?)\.\n", page)
    assert re.findall(r"`(\w+)`", listed) == sorted(known_parties())
    example = tomllib.loads(page.rpartition("```toml\n")[2].partition("```")[0])
    assert msgspec.convert(example["parties"][0], Party) == known_parties()["eu"]


def test_the_error_of_agreement_on_the_page_is_right() -> None:
    """The standard error of a share of n resamples is largest at one half."""
    page = (REFERENCE / "settings.md").read_text("utf-8")
    [said] = re.findall(r"standard error is at most ([\d.]+)", page)
    assert float(said) == round((0.25 / Settings().stability.resamples) ** 0.5, 3)


def test_the_page_of_nouns_is_what_the_code_gives() -> None:
    """Stale: run `python tests/docs/model_page.py`."""
    fresh = model_page.PAGE.read_text("utf-8") == model_page.write_page()
    assert fresh, "docs/reference/model.md is stale; run: python tests/docs/model_page.py"


def test_every_noun_and_vocabulary_has_its_place_on_the_page() -> None:
    """A new noun must be put under a heading."""
    placed = {name for _, names in model_page.PARTS for name in names}
    assert placed == {noun.__name__ for noun in model_page.nouns()}


LANGUAGES = {
    "Chinese": "zh", "English": "en", "French": "fr", "German": "de", "Spanish": "es",
    "Italian": "it", "Portuguese": "pt", "Dutch": "nl", "Japanese": "ja", "Russian": "ru",
    "Arabic": "ar", "Korean": "ko", "Polish": "pl", "Thai": "th", "Turkish": "tr",
}  # fmt: skip


def test_the_table_of_languages_is_what_the_code_does() -> None:
    """Sentence rules and sentence vectors exist for the languages the page says."""
    page = (ROOT / "docs" / "how-to" / "three-parties.md").read_text("utf-8")
    [heads] = re.findall(r"(?m)^\| \| (Chinese, .+) \|$", page)
    [sentences] = re.findall(r"(?m)^\| sentence rules \| (.+) \|$", page)
    [vectors] = re.findall(r"(?m)^\| likeness by sentence vectors \| (.+) \|$", page)
    columns = zip(heads.split(" | "), sentences.split(" | "), vectors.split(" | "), strict=True)
    coder = BuiltinCoder(load_codebook("ai-governance"))
    named = set()
    for names, ruled, likened in columns:
        for name in names.split(", "):
            if name == "any other":
                assert "does not know" in coder.warning("fi")["en"]
                continue
            language = LANGUAGES[name]
            named.add(language)
            assert (language in SENTENCE_LANGUAGES) == (ruled == "yes"), name
            unknown = "does not know" in coder.warning(language).get("en", "")
            assert unknown == (likened != "yes"), name
    assert named == set(LANGUAGES.values())


def test_the_words_on_the_method_page_are_those_of_the_report() -> None:
    """Grades, positions and forces are called in Chinese what the report calls them."""
    page = (ROOT / "docs" / "method" / "README.md").read_text("utf-8")
    wording = yaml.safe_load(
        (ROOT / "src" / "qiutong" / "exporters" / "wording.yaml").read_text("utf-8")
    )
    for kind, values in (("grade", Grade), ("position", Position), ("force", Force)):
        for value in values:
            if value is not Force.UNKNOWN:
                assert re.search(rf"\b{value} {wording['zh'][kind][value]}(?!\w)", page), value


@pytest.mark.parametrize(
    "name",
    sorted(
        path.relative_to(ROOT / "docs").as_posix()
        for path in (ROOT / "docs").rglob("*.md")
        if ">>>" in path.read_text("utf-8")
    ),
)
def test_worked_examples_give_what_the_page_says(name: str) -> None:
    """Each `>>>` example on a page is run."""
    failed, tried = doctest.testfile(str(ROOT / "docs" / name), module_relative=False)
    assert tried > 0
    assert failed == 0


def test_the_python_of_the_readme_runs(
    register: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first lines that a reader copies work as they stand."""
    monkeypatch.chdir(register.parent)
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    scope: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), scope)
    scope["study"].close()
    assert "recommended" in capsys.readouterr().out
    assert (register.parent / "my-study" / "report.zh.html").is_file()


def test_the_columns_in_a_notebook_are_those_on_the_page() -> None:
    """Each kind of result shows itself with the columns the page lists."""
    page = (ROOT / "docs" / "how-to" / "notebook.md").read_text("utf-8")
    listed = dict(re.findall(r"(?m)^\| `study(?:` or `study)?\.(\w+)\(\)` \| (.+) \|$", page))
    shown = {
        "documents": Document(id="d", party="us", title=""),
        "screen": Screen(subject="a", verdict=ScreenVerdict.CLEAR),
        "recommend": Recommendation(topic="t", title={}, verdict=Verdict.SET_ASIDE, why={}),
        "codings": Coding(document="d", code="a", coder="me", codebook="b@1"),
        "overlap": Overlap(
            code="a",
            grade=Grade.ABSENT,
            lowest=None,
            prevalence={"us": Estimate(value=None, undefined="no documents")},
            salience={},
            documents={},
        ),
    }
    assert listed.keys() == shown.keys()
    columns = {
        name: ", ".join(re.findall(r">([^<]+)</th>", Rows([one])._repr_html_()))
        for name, one in shown.items()
    }
    assert columns.pop("overlap") == "code, grade, us, stable"
    assert columns == {name: words for name, words in listed.items() if name != "overlap"}


def test_the_index_names_every_page() -> None:
    """A page that nobody can find is not written."""
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    linked = set(re.findall(r"\]\(([^)#]+)\)", index)) | {"README.md"}
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages - linked == set()


BLOCK = re.compile(r"<!-- run: python -->\n```python\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)
PAGES = [
    "reference/python.md",
    "how-to/as-of.md",
    "how-to/notebook.md",
    "how-to/three-parties.md",
]


@pytest.mark.parametrize("name", PAGES)
def test_the_examples_of_a_page_run_and_print_what_it_says(name: str, register: Path) -> None:
    """Blocks run in order beside `register.csv`; a text block after one is what it prints."""
    page = (ROOT / "docs" / name).read_text("utf-8")
    blocks = BLOCK.findall(page)
    assert blocks
    scope: dict[str, Any] = {"__name__": "page"}
    before = Path.cwd()
    os.chdir(register.parent)
    try:
        for code, wanted in blocks:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code, name, "exec"), scope)
            if wanted:
                assert printed.getvalue() == wanted, code
    finally:
        os.chdir(before)
        for value in scope.values():
            if isinstance(value, Study):
                value.close()
