"""Results as rows: plain values for JSON, and flat columns for CSV.

The keys are what scripts lean on, so they stay: a new fact is a new key. Text in the study's two
languages is a mapping from language tag to text.
"""

import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from qiutong.model import Codebook, Comparison, Overlap, Recommendation, Results, Screen, Segment

Row = dict[str, Any]

# A spreadsheet runs a cell that begins with one of these. The full-width forms count too: Excel
# reads them as the plain ones when the system is Chinese or Japanese.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BOM = "\ufeff"


def segment_rows(segments: Iterable[Segment]) -> list[Row]:
    """Give provisions as rows.

    Parameters
    ----------
    segments
        In the order wanted.

    Returns
    -------
    list of dict
        ``document``, ``locator``, ``start``, ``end`` (code points into the document's text, end
        exclusive), ``page`` (or None), ``text``, ``language``, ``headings`` (outermost first),
        ``id``.
    """
    return [
        {
            "document": one.document,
            "locator": one.locator,
            "start": one.start,
            "end": one.end,
            "page": one.page,
            "text": one.text,
            "language": one.language,
            "headings": list(one.headings),
            "id": one.id,
        }
        for one in segments
    ]


def overlap_rows(
    overlaps: Results | Iterable[Overlap], codebook: Codebook | None = None
) -> list[Row]:
    """Give overlaps as rows.

    Parameters
    ----------
    overlaps
        Overlaps, or the results that hold them.
    codebook
        For labels; results bring their own.

    Returns
    -------
    list of dict
        ``code``, ``label`` (by language, empty without a codebook), ``grade``, ``lowest``,
        ``prevalence`` and ``salience`` (per party: ``value``, ``low``, ``high``, ``count``,
        ``total``, ``level``, ``method``, ``undefined``), ``stability`` (``resampled``,
        ``agreement``, ``resamples``, ``seed``, ``without``, ``thresholds``; None where not
        computed), ``documents`` (per party), ``precedents``, ``undefined`` (why there is no grade).
        Where the study names a checked sample also ``checked``: ``counted_grade`` and ``counted``
        (without the sample), ``sure``, ``odds``, ``thresholds``, ``lacking``, ``undefined``.
    """
    if isinstance(overlaps, Results):
        codebook, overlaps = overlaps.codebook, overlaps.overlaps
    labels = {code.id: code.label for code in codebook.codes} if codebook else {}
    rows = []
    for one in overlaps:
        held = _plain(one)
        rows.append(
            {
                "code": one.code,
                "label": dict(labels.get(one.code, {})),
                **{
                    key: held[key]
                    for key in (
                        "grade", "lowest", "prevalence", "salience", "stability", "documents",
                        "precedents", "undefined",
                    )
                },
                **({"checked": held["checked"]} if one.checked else {}),
            }
        )  # fmt: skip
    return rows


def screen_rows(screens: Results | Mapping[str, Screen] | Iterable[Screen]) -> list[Row]:
    """Give screens as rows.

    Parameters
    ----------
    screens
        Screens, a mapping to screens, or the results that hold them.

    Returns
    -------
    list of dict
        ``subject`` (code or topic), ``verdict``, ``reasons`` (``kind``, ``id``, ``verdict``,
        ``detail``, ``sources``), ``rivalry`` (per party, an estimate as in :func:`overlap_rows`).
    """
    if isinstance(screens, Results):
        screens = screens.screens
    held = screens.values() if isinstance(screens, Mapping) else screens
    return [_pick(one, ("subject", "verdict", "reasons", "rivalry")) for one in held]


def recommend_rows(recommendations: Results | Iterable[Recommendation]) -> list[Row]:
    """Give recommendations as rows.

    Parameters
    ----------
    recommendations
        Recommendations, or the results that hold them.

    Returns
    -------
    list of dict
        ``topic``, ``title``, ``verdict``, ``why``, ``question``, ``tracks`` (``track``, ``name``,
        ``rule``, ``why``, ``fora``, ``actors``), ``fora`` (ids), ``rule`` (the first that fired),
        ``inputs``, ``core``, ``supporting``, ``grades``, ``screen``, ``evidence``,
        ``counter_evidence``, ``precedents``, ``would_change``. ``title``, ``why`` and ``question``
        are by language.
    """
    if isinstance(recommendations, Results):
        recommendations = recommendations.recommendations
    keys = (
        "topic", "title", "verdict", "why", "question", "tracks", "fora", "rule", "inputs", "core",
        "supporting", "grades", "screen", "evidence", "counter_evidence", "precedents",
        "would_change",
    )  # fmt: skip
    return [_pick(one, keys) for one in recommendations]


def _plain(value: msgspec.Struct) -> Any:
    # Through JSON and back: lists instead of tuples, so that rows equal what a script reads.
    return msgspec.json.decode(msgspec.json.encode(value))


def _pick(value: msgspec.Struct, keys: Sequence[str]) -> Row:
    held = _plain(value)
    return {key: held[key] for key in keys}


# --------------------------------------------------------------------------- CSV


def flatten_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten a row's nested values into columns.

    A mapping becomes one column per key, with a dotted name (``prevalence.us.value``); a list of
    plain values is joined with ``"; "``; a list of mappings is written as JSON. An empty mapping is
    an empty cell, so that no key disappears.
    """
    flat: dict[str, Any] = {}

    def put(name: str, value: Any) -> None:
        if isinstance(value, Mapping) and value:
            for key, held in value.items():
                put(f"{name}.{key}" if name else str(key), held)
        elif isinstance(value, Mapping):
            flat[name] = None
        elif isinstance(value, list | tuple):
            nested = any(isinstance(one, Mapping | list | tuple) for one in value)
            flat[name] = (
                json.dumps(value, ensure_ascii=False, separators=(",", ":"))
                if nested
                else "; ".join("" if one is None else str(one) for one in value)
            )
        else:
            flat[name] = value

    put("", row)
    return flat


def guard_formula(cell: str) -> str:
    """Keep a spreadsheet from running a cell's text as a formula.

    A text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break (or a full-width form
    of the signs) gets an apostrophe in front, which spreadsheets read as "this is text". To read
    the value back, drop an apostrophe that stands before one of these.

    References
    ----------
    OWASP, "CSV Injection".
    """
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def write_csv(rows: Iterable[Mapping[str, Any]], *, bom: bool = False) -> str:
    """Write rows as CSV.

    Parameters
    ----------
    rows
        Nested values are flattened (:func:`flatten_row`). Columns are the union of all rows' keys,
        in the order they first come.
    bom
        Begin with a byte-order mark, by which Excel knows UTF-8.

    Returns
    -------
    str
        Lines end with ``\\n``. Text and column names are guarded (:func:`guard_formula`); numbers
        are left alone; true and false are written ``true`` and ``false``; None is an empty cell.
        Without rows there are no columns and the text is empty.
    """
    flat = [flatten_row(row) for row in rows]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    # A mapping that is empty in one row and filled in another: the filled columns say it all.
    prefixes = {
        ".".join(parts[:n])
        for parts in (c.split(".") for c in columns)
        for n in range(1, len(parts))
    }
    columns = [
        one
        for one in columns
        if one not in prefixes or any(row.get(one) is not None for row in flat)
    ]
    out = io.StringIO()
    if bom:
        out.write(_BOM)
    if columns:
        out.write(_line(map(guard_formula, columns)))
        out.writelines(_line(_cell(row.get(one)) for one in columns) for row in flat)
    return out.getvalue()


def _line(cells: Iterable[str]) -> str:
    # Not csv.writer: before Python 3.13 it leaves a lone carriage return unquoted.
    quoted = (
        '"' + cell.replace('"', '""') + '"' if re.search(r'[",\r\n]|^\s|\s$', cell) else cell
        for cell in cells
    )
    # A line without a character would be no row to a reader.
    return (",".join(quoted) or '""') + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    # A lone surrogate cannot be written as UTF-8 and would lose the whole file.
    return guard_formula(re.sub(r"[\ud800-\udfff]", "\ufffd", str(value)))


def comparison_rows(comparison: Comparison, codebook: Codebook) -> list[Row]:
    """Give what differs between two days as rows, for CSV and for scripts.

    Returns
    -------
    list of dict
        ``kind`` (``topic``, ``code``, ``document``), ``id``, ``title`` by language where there is
        one, ``before``, ``after``, ``ended`` and ``new`` (ids of documents).
    """
    labels = {one.id: one.label for one in codebook.codes}
    rows: list[Row] = [
        {
            "kind": "topic",
            "id": one.topic,
            "title": one.title,
            "before": one.before.value if one.before else "",
            "after": one.after.value if one.after else "",
            "ended": [],
            "new": [],
        }
        for one in comparison.topics
    ]
    rows += [
        {
            "kind": "code",
            "id": one.code,
            "title": labels.get(one.code, {}),
            "before": one.before.value if one.before else "",
            "after": one.after.value if one.after else "",
            "ended": [document for held in one.gone.values() for document in held],
            "new": [document for held in one.new.values() for document in held],
        }
        for one in comparison.codes
    ]
    rows += [
        {
            "kind": "document",
            "id": document,
            "title": {},
            "before": "in scope" if document in comparison.ended else "",
            "after": "" if document in comparison.ended else "in scope",
            "ended": [],
            "new": [],
        }
        for document in (*comparison.ended, *comparison.entered)
    ]
    return rows
