"""The page of the bundled study says what the study says."""

import importlib.util
from pathlib import Path

import pytest

from qiutong.study import Study

_SPEC = importlib.util.spec_from_file_location(
    "study_page", Path(__file__).with_name("study_page.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
study_page = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(study_page)


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The bundled study, made once."""
    folder = tmp_path_factory.mktemp("page") / "study"
    return Study.create(folder, like="us-china-ai", as_of=study_page.THEN)


@pytest.mark.parametrize("name", study_page.PARTS)
def test_figures_of_the_page_are_the_studys(bundled: Study, name: str) -> None:
    """Stale: run `python tests/docs/study_page.py`."""
    text = study_page.PAGE.read_text(encoding="utf-8")
    written = text.split(f"<!-- figures: {name} -->\n")[1].split("<!-- end -->")[0].rstrip("\n")
    assert written == study_page.PARTS[name](bundled)


def test_the_page_says_what_the_coders_are() -> None:
    """No reader can take the codings for those of people."""
    text = study_page.PAGE.read_text(encoding="utf-8")
    assert "No person has" in text
    assert "large language model" in text
