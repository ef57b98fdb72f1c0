"""How results show themselves in a notebook: plain tables, no script, no network."""

from collections.abc import Iterable
from html import escape
from typing import Any

from qiutong.model import Coding, Document, Overlap, Recommendation, Screen, Segment

MOST_ROWS = 200
"""Longer results are cut here and say so; ``rows()`` gives all."""


def render_rows(values: Iterable[Any]) -> str:
    """Give results as an HTML table; every text is escaped."""
    held = list(values)
    if not held:
        return "<p>None.</p>"
    cells = [_cells(one) for one in held[:MOST_ROWS]]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in cells[0])
    body = "".join(
        "<tr>"
        + "".join(f'<td style="text-align:left">{escape(value)}</td>' for value in row.values())
        + "</tr>"
        for row in cells
    )
    more = f"<p>{len(held) - MOST_ROWS} more.</p>" if len(held) > MOST_ROWS else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cells(one: Any) -> dict[str, str]:
    """The columns a reader wants first, by kind of result."""
    if isinstance(one, Document):
        return {
            "document": one.id, "party": one.party, "date": str(one.date_issued or "–"),
            "status": one.status.value, "title": one.title,
        }  # fmt: skip
    if isinstance(one, Overlap):
        shares = {
            party: f"undefined: {estimate.undefined}"
            if estimate.value is None
            else f"{estimate.value:.0%} ({estimate.low:.0%}–{estimate.high:.0%})"
            if one.is_corrected
            else f"{estimate.value:.0%} ({estimate.count}/{estimate.total})"
            for party, estimate in one.prevalence.items()
        }
        firm = "–" if one.firmness is None else f"{one.firmness:.0%}"
        name = "sure" if one.is_corrected else "stable"
        return {"code": one.code, "grade": one.grade.value, **shares, name: firm}
    if isinstance(one, Recommendation):
        return {
            "topic": one.title.get("en", one.topic),
            "verdict": one.verdict.value,
            "track": "; ".join(track.name.get("en", track.track) for track in one.tracks) or "–",
            "why": one.why.get("en", ""),
        }
    if isinstance(one, Screen):
        reasons = "; ".join(f"{reason.kind} {reason.id}".strip() for reason in one.reasons) or "–"
        return {"subject": one.subject, "verdict": one.verdict.value, "reasons": reasons}
    if isinstance(one, Segment):
        return {"document": one.document, "locator": one.locator, "text": one.text}
    if isinstance(one, Coding):
        position = one.position.value if one.position else "–"
        return {
            "document": one.document,
            "code": one.code,
            "coder": one.coder,
            "position": position,
        }
    return {"value": str(one)}
