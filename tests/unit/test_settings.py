"""Settings files: every mistake is told with its line."""

from pathlib import Path

import pytest

from qiutong.errors import BadSettings
from qiutong.model import Coder, Party
from qiutong.settings import Settings, line_of, parse_yaml, read_toml


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            "name = 'x'\n[thresholds]\nstrong = 1.2\n",
            3,
            ["thresholds.strong: 1.2 cannot be used; give a number of at most 1.0"],
        ),
        ("name = 'x'\n[thresholds]\nstrnog = 0.2\n", 3, ['"strnog"; known: strong']),
        ("[[parties]]\nname = { en = 'US' }\n", 1, ['"id" is missing']),
        ("[[parties]]\nid = 'us'\nname = 'US'\n", 3, ['"US" cannot be used; give a table']),
        ("as_of = 3\n", 1, ["3 cannot be used; give text"]),
        ("[thresholds]\nstrong = 0.2\n", 1, ["moderate (0.25)", "strong (0.2)"]),
        ("[thresholds]\nstrong = nan\n", 2, ["nan cannot be used; give a number above 0.0"]),
        ("[[parties]]\nid = 'us'\n[[parties]]\nid = 3\n", 4, ["parties[1].id", "give text"]),
        ("name = 'x'\nname = 'y'\n", 2, []),
        (
            "[screening]\nfewest = 0\n",
            2,
            ["fewest: 0 cannot be used; give a whole number of at least 1"],
        ),
    ],
)
def test_a_wrong_value_in_toml_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, words: list[str]
) -> None:
    """File, line, path and what would be accepted."""
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadSettings) as caught:
        read_toml(path, Settings)
    assert caught.value.line == line
    for word in [*words, "study.toml"]:
        assert word in str(caught.value)


def test_dates_may_be_written_with_or_without_quotes(tmp_path: Path) -> None:
    """TOML has a date type, and researchers use both forms."""
    path = tmp_path / "study.toml"
    for written in ("2025-01-20", '"2025-01-20"'):
        path.write_text(f"as_of = {written}\n", encoding="utf-8")
        assert read_toml(path, Settings).as_of == "2025-01-20"
    path.write_text('as_of = "soon"\n', encoding="utf-8")
    with pytest.raises(BadSettings, match="today"):
        read_toml(path, Settings)


def test_a_key_given_twice_in_yaml_is_refused() -> None:
    """Plain YAML would let the second win in silence."""
    with pytest.raises(BadSettings, match="stands twice") as caught:
        parse_yaml("a: x\nb: y\na: z\n", dict[str, str], "f.yaml")
    assert caught.value.line == 3


def test_yes_and_no_are_words_in_yaml() -> None:
    """Only true and false are truth values."""
    assert parse_yaml("us: yes\ncn: no\n", dict[str, str], "f") == {"us": "yes", "cn": "no"}
    assert parse_yaml("us: true\n", dict[str, bool], "f") == {"us": True}
    assert parse_yaml("since: 2024-05-14\n", dict[str, str], "f") == {"since": "2024-05-14"}


def test_a_wrong_value_deep_in_yaml_is_named_with_its_line() -> None:
    """The line is that of the value, not of the file's start."""
    text = "- id: us\n  name: {en: United States}\n- id: cn\n  nam: x\n  name: 3\n"
    with pytest.raises(BadSettings) as caught:
        parse_yaml(text, list[Party], "f.yaml")
    assert caught.value.line == 5
    assert "[1].name: 3 cannot be used; give a table of names and values" in str(caught.value)
    assert line_of(text, 1, "nam") == 4


def test_the_values_allowed_are_named() -> None:
    """Of a vocabulary inside a list, and where a name in a mapping has the wrong kind of value."""
    with pytest.raises(BadSettings, match='"robot" cannot be used; allowed: person, rule'):
        parse_yaml("- {id: a, kind: robot}\n", list[Coder], "f.yaml")
    with pytest.raises(BadSettings, match=r"give a whole number$"):
        parse_yaml("a: x\n", dict[str, int], "f.yaml")
    with pytest.raises(BadSettings, match=r"\[1\]: give a whole number$"):
        parse_yaml("a: [1, x]\n", dict[str, list[int]], "f.yaml")
    with pytest.raises(BadSettings, match=r"\[0\]: a name is no text; put it in quotation marks"):
        parse_yaml("- {1: x}\n", list[Coder], "f.yaml")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """A missing file and one that is not UTF-8."""
    with pytest.raises(BadSettings, match="does not exist"):
        read_toml(tmp_path / "none.toml", Settings)
    (tmp_path / "x.toml").write_bytes("name = '求同'".encode("gb18030"))
    with pytest.raises(BadSettings, match="UTF-8"):
        read_toml(tmp_path / "x.toml", Settings)
