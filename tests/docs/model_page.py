"""Write docs/reference/model.md from the docstrings and types of the nouns.

Run ``python tests/docs/model_page.py`` after a change to ``qiutong/model.py``.
"""

import inspect
import re
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from qiutong import model

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "model.md"

PARTS = [
    ("Corpus", ["Party", "Document", "SourceText", "Block", "Page", "Segment"]),
    ("Codebook and codings", ["Codebook", "Code", "Change", "Coder", "Coding", "Decision"]),
    ("Overlap", ["Overlap", "Estimate", "Stability", "Checked", "GradeSwitch", "OverlapChange"]),
    ("Evidence", ["Passage", "EvidencePair", "CounterEvidence", "Rivalry"]),
    ("Screening", ["Screen", "ScreenReason", "Source"]),
    ("Recommendation", ["Recommendation", "TrackAdvice", "WouldChange", "Forum"]),
    ("Everything at once", ["Results", "Comparison", "TopicChange"]),
]

PLAIN = {
    str: "text", int: "integer", float: "number", bool: "true or false", date: "date",
    NoneType: "null", object: "any value",
}  # fmt: skip

INTRO = """\
# Nouns

This page is made from the code: `python tests/docs/model_page.py`. A test fails when it is stale.

All are immutable values of `qiutong.model`. `rows()` gives them as plain dictionaries with these \
fields; what `--json` prints is in [commands](commands.md). `{text: …}` is a mapping. Offsets are code points into a document's normalised text, end exclusive. Shares are \
in [0, 1]. Dates are `YYYY-MM-DD`. Texts for readers are by language tag, such as `{"en": …, "zh": …}`.
"""


def write_page() -> str:
    """Give the text of the page."""
    lines = [INTRO]
    for title, names in PARTS:
        lines.append(f"## {title}\n")
        for name in names:
            lines += _noun(getattr(model, name))
    lines.append("## Vocabularies\n")
    lines.append("| name | values | what it says |")
    lines.append("|---|---|---|")
    for one in vocabularies():
        values = ", ".join(f"`{value}`" for value in one)
        lines.append(f"| {one.__name__} | {values} | {_summary(one)} |")
    return "\n".join(lines) + "\n"


def nouns() -> list[type[msgspec.Struct]]:
    """All the nouns of the model, in the order of the module."""
    return [
        one
        for one in vars(model).values()
        if inspect.isclass(one) and issubclass(one, model.Value) and one is not model.Value
    ]


def vocabularies() -> list[type[StrEnum]]:
    """All the vocabularies of the model, in the order of the module."""
    return [
        one
        for one in vars(model).values()
        if inspect.isclass(one) and issubclass(one, StrEnum) and one is not StrEnum
    ]


def _noun(noun: type[msgspec.Struct]) -> list[str]:
    described = _parameters(inspect.getdoc(noun) or "")
    lines = [f"### {noun.__name__}\n", _summary(noun), "", "| field | type | |", "|---|---|---|"]
    for field in msgspec.structs.fields(noun):
        kind = _type(field.type)
        kind = kind if field.required else f"{kind}, optional"
        lines.append(f"| `{field.name}` | {kind} | {described.get(field.name, '')} |")
    derived = [
        (name, inspect.getdoc(value) or "")
        for name, value in vars(noun).items()
        if isinstance(value, property) and not name.startswith("_")
    ]
    lines += [f"| `{name}` | derived | {_cell(text)} |" for name, text in derived]
    return [*lines, ""]


def _summary(one: type) -> str:
    """The first paragraphs of a docstring, up to the parameters."""
    text = (inspect.getdoc(one) or "").split("\nParameters\n")[0]
    return _cell(text)


def _parameters(text: str) -> dict[str, str]:
    """Descriptions of the parameters in a numpydoc docstring, by name."""
    found: dict[str, str] = {}
    body = text.partition("\nParameters\n")[2]
    for names, words in re.findall(r"(?m)^(\w+(?:, \w+)*)\n((?:    .*\n?|\n)+)", body):
        for name in names.split(", "):
            found[name] = _cell(words)
    return found


def _cell(text: str) -> str:
    """A docstring's words in one line that a Markdown table can hold."""
    line = re.sub(r"\s+", " ", text).strip()
    line = re.sub(r"\bNone\b", "null", line)
    line = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", line)
    line = re.sub(r"``(.+?)``", r"`\1`", line.replace("`` ... ``", "`...`"))
    return line.replace("|", "\\|")


def _type(kind: Any) -> str:
    """A type in words that a reader of JSON knows, with links to the nouns."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(_type(part) for part in parts)
    if origin is tuple and parts[-1] is Ellipsis:
        return f"list of {_type(parts[0])}"
    if origin is tuple:
        return f"list of {len(parts)}: {', '.join(_type(part) for part in parts)}"
    if origin is dict:
        return f"{{{_type(parts[0])}: {_type(parts[1])}}}"
    if kind in nouns():
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    if kind in vocabularies():
        return f"[{kind.__name__}](#vocabularies)"
    return PLAIN[kind]


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
