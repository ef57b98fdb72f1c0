"""Write the figures of docs/us-china-ai.md: every number there comes from a run of the study.

Run ``python tests/docs/study_page.py`` after a change of register, digests, codings, playbook or
method. The words around the figures stay as they are; a test compares page and figures.
"""

import csv
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from qiutong.model import Grade, Overlap, Recommendation
from qiutong.study import Study

PAGE = Path(__file__).parents[2] / "docs" / "us-china-ai.md"
THEN, NOW = "2025-01-20", "2026-11-23"
FINDINGS = (
    "risk.transparency",
    "risk.reliability",
    "governance.multi-stakeholder",
    "governance.ai-for-safety",
)
FOUR = ("dangerous-capabilities", "technical-standards", "content-provenance", "novel-governance")
_STANDARDS = r"core: \[risk.reliability, governance.technical-standards\]"
# A change is a file of the study, a pattern in it and what takes its place; or a column of the
# register and the values whose documents are made context, so that they do not count.
VARIANTS = (
    ("as published here", THEN, ()),
    ("the day after: 21 January 2025", "2025-01-21", ()),
    ("reading A alone", THEN, (("study.toml", r"^coder = .*", 'coder = "reading-a"'),)),
    ("reading B alone", THEN, (("study.toml", r"^coder = .*", 'coder = "reading-b"'),)),
    ("only codes both readings gave", THEN,
     (("study.toml", r"(?s)(\[coding\].*?)^min_confidence = 0\.5", r"\1min_confidence = 1.0"),)),
    ("documents about other subjects counted", THEN,
     (("study.toml", r"^count_context = false", "count_context = true"),)),
    ("bills and drafts not counted", THEN,
     (("study.toml", r"^count_bills = true", "count_bills = false"),
      ("study.toml", r"^count_drafts = true", "count_drafts = false"))),
    ("documents of expert groups not counted", THEN,
     (("register.csv", "issuer_type", "expert-group"),)),
    ("companies and their associations not counted", THEN,
     (("register.csv", "issuer_type", "company industry-association"),)),
    ("statements of companies for the 2023 summit not counted", THEN,
     (("register.csv", "id", "us-amazon-summit-2023 us-meta-summit-2023 us-microsoft-summit-2023 "
       "us-gdm-summit-2023 us-openai-frontier-risk-2023 us-inflection-frontier-2023"),)),
    ("dangerous capabilities: proliferation is core too", THEN,
     (("playbook/topics.yaml", r"core: \[risk.dangerous-capabilities\]",
       "core: [risk.dangerous-capabilities, risk.proliferation]"),
      ("playbook/topics.yaml", r"supporting: \[risk.proliferation,", "supporting: ["))),
    ("standards: robustness is core too", THEN,
     (("playbook/topics.yaml", _STANDARDS, "core: [risk.reliability, "
       "governance.technical-standards, risk.reliability.robustness]"),
      ("playbook/topics.yaml", r"supporting: \[risk.reliability.robustness,", "supporting: ["))),
    ("standards: adversarial testing is core too", THEN,
     (("playbook/topics.yaml", _STANDARDS, "core: [risk.reliability, "
       "governance.technical-standards, governance.evaluation.adversarial-testing]"),
      ("playbook/topics.yaml",
       r"(risk.reliability.robustness), governance.evaluation.adversarial-testing,", r"\1,"))),
    ("new approaches: moderate overlap asked, as of others", THEN,
     (("playbook/topics.yaml", r"^    min_grade: limited\n", ""),)),
    ("thresholds .60 and .35", THEN,
     (("study.toml", r"^strong = 0\.50", "strong = 0.60"),
      ("study.toml", r"^moderate = 0\.25", "moderate = 0.35"))),
    ("thresholds .40 and .15", THEN,
     (("study.toml", r"^strong = 0\.50", "strong = 0.40"),
      ("study.toml", r"^moderate = 0\.25", "moderate = 0.15"))),
)  # fmt: skip


def _share(one: Overlap, party: str) -> str:
    held = one.prevalence[party]
    if held.value is None:
        return "undefined"
    return f"{held.value:.0%} ({held.count}/{held.total}; {held.low:.0%}–{held.high:.0%})"


def _grades(study: Study, day: str) -> dict[str, Overlap]:
    return {one.code: one for one in study.overlap(day)}


def _said(study: Study, day: str) -> dict[str, Recommendation]:
    return {one.topic: one for one in study.recommend(day)}


def _findings(study: Study) -> str:
    labels = {one.id: one.label["en"] for one in study.codebook.codes}
    then, now = _grades(study, THEN), _grades(study, NOW)
    rows = [
        "| subject | United States | China | grade | resamples with this grade | today |",
        "|---|---|---|---|---|---|",
    ]
    for code in FINDINGS:
        one = then[code]
        agreement = f"{one.stability.agreement:.0%}" if one.stability else "–"
        rows.append(
            f"| {labels[code]} | {_share(one, 'us')} | {_share(one, 'cn')} | {one.grade.value} | "
            f"{agreement} | {now[code].grade.value} |"
        )
    return "\n".join(rows)


def _topics(study: Study) -> str:
    then, now = _said(study, THEN), _said(study, NOW)
    rows = ["| topic | 20 January 2025 | track | 23 November 2026 |", "|---|---|---|---|"]
    for topic, one in then.items():
        mark = " (published)" if topic in FOUR else ""
        tracks = "; ".join(track.name["en"] for track in one.tracks) or "–"
        later = now[topic].verdict.value
        rows.append(
            f"| {one.title['en']}{mark} | {one.verdict.value} | {tracks} | "
            f"{'as before' if later == one.verdict.value else later} |"
        )
    return "\n".join(rows)


def _changes(study: Study) -> str:
    labels = {one.id: one.label["en"] for one in study.codebook.codes}
    held = study.compare(THEN, NOW)
    rows = [
        "| subject | then | now | what ended | what is new |",
        "|---|---|---|---|---|",
    ]
    for one in held.codes:
        if one.before == one.after or one.before is None or one.after is None:
            continue
        gone = [document for party in one.gone.values() for document in party]
        new = [document for party in one.new.values() for document in party]
        rows.append(
            f"| {labels[one.code]} | {one.before.value} | {one.after.value} | "
            f"{_few(gone)} | {_few(new)} |"
        )
    counts = f"{len(held.ended)} documents ended between the two days, {len(held.entered)} are new."
    return "\n".join([*rows, "", counts])


def _few(ids: list[str], most: int = 4) -> str:
    if not ids:
        return "–"
    shown = ", ".join(f"`{one}`" for one in ids[:most])
    return shown + (f" and {len(ids) - most} more" if len(ids) > most else "")


def _alone(study: Study) -> str:
    """Subjects that only one side speaks of, then and now."""
    labels = {one.id: one.label["en"] for one in study.codebook.codes}
    lines = []
    for day, words in ((THEN, "On 20 January 2025"), (NOW, "On 23 November 2026")):
        found = [
            f"{labels[one.code]} ({', '.join(party for party, ids in one.documents.items() if ids)})"
            for one in study.overlap(day)
            if one.grade is Grade.ONE_SIDED
        ]
        lines.append(f"{words} one side alone speaks of: {'; '.join(found) or 'nothing'}.")
    return "\n".join(lines)


_FEW_RESAMPLES = ("study.toml", r"^resamples = 1000", "resamples = 100")


def _change(folder: Path, name: str, edits: tuple[tuple[str, str, str], ...]) -> bool:
    """Change files of a study; whether the register is among them."""
    for file, pattern, new in edits:
        path = folder / file
        if file == "register.csv":
            with path.open(encoding="utf-8-sig", newline="") as held:
                rows = list(csv.DictReader(held))
            found = [row for row in rows if row[pattern] in new.split()]
            for row in found:
                row["scope"] = "context"
            with path.open("w", encoding="utf-8", newline="") as held:
                writer = csv.DictWriter(held, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
            count = len(found)
        else:
            text = path.read_text(encoding="utf-8")
            text, count = re.subn(pattern, new, text, count=1, flags=re.MULTILINE)
            path.write_text(text, encoding="utf-8")
        if not count:
            raise ValueError(f"{name}: nothing matches {pattern}")
    return any(file == "register.csv" for file, _, _ in edits)


def _variants(study: Study) -> str:
    rows = [
        "| choice | "
        + " | ".join(FINDINGS_SHORT)
        + " | published topics recommended | topics recommended in all |",
        "|---|" + "---|" * (len(FINDINGS) + 2),
    ]
    for name, day, edits in VARIANTS:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "study"
            shutil.copytree(study.folder, copy)
            # Grades and verdicts do not hang on resampling, which takes most of the time.
            register = _change(copy, name, (*edits, _FEW_RESAMPLES))
            with Study(copy) as changed:
                if register:
                    changed.add(copy / "register.csv", update=True)
                grades, said = _grades(changed, day), _said(changed, day)
        good = [one for one in FOUR if said[one].verdict.value == "recommended"]
        every = [one for one in said.values() if one.verdict.value == "recommended"]
        rows.append(
            f"| {name} | "
            + " | ".join(grades[code].grade.value for code in FINDINGS)
            + f" | {len(good)} of 4{': not ' + ', '.join(x for x in FOUR if x not in good) if len(good) < 4 else ''} | {len(every)} |"
        )
    return "\n".join(rows)


FINDINGS_SHORT = ("transparency", "reliability", "many stakeholders", "AI for safety")


def _reliability(study: Study) -> str:
    rows = [
        "| code | reading A | reading B | both | α (95 % interval) | AC1 | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    held = study.reliability("reading-a", "reading-b")
    for one in sorted(
        held.codes, key=lambda one: (one.alpha.value is None, one.alpha.value or 0, one.code)
    ):
        alpha = (
            "undefined"
            if one.alpha.value is None
            else f"{one.alpha.value:.2f} ({one.alpha.low:.2f}–{one.alpha.high:.2f})"
            if one.alpha.low is not None
            else f"{one.alpha.value:.2f}"
        )
        ac1 = "–" if one.ac1.value is None else f"{one.ac1.value:.2f}"
        rows.append(
            f"| `{one.code}` | {one.given_by['reading-a']} | {one.given_by['reading-b']} | "
            f"{one.given_by_all} | {alpha} | {ac1} | {one.verdict.value} |"
        )
    return "\n".join(rows)


def _overall(study: Study) -> str:
    held = study.reliability("reading-a", "reading-b")
    judged = [one.verdict.value for one in held.codes]
    decisions = (study.folder / "codings" / "adjudication.csv").read_text("utf-8").splitlines()
    yes = sum(",yes," in one for one in decisions[1:])
    return (
        f"{held.units:,} provisions of {held.documents} documents. α over all codes "
        f"{held.micro.value:.3f} ({held.micro.low:.3f}–{held.micro.high:.3f}); on sets of codes with "
        f"MASI {held.masi.value:.3f} ({held.masi.low:.3f}–{held.masi.high:.3f}). "
        f"{judged.count('reliable')} of {len(judged)} codes at α ≥ .800, "
        f"{judged.count('tentative')} from .667, {judged.count('not reliable')} below. "
        f"{len(decisions) - 1} differing codes were adjudicated, {yes} given."
    )


def _disagreements(study: Study) -> str:
    rows = ["| one reading gave | where the other gave | provisions |", "|---|---|---|"]
    held = study.reliability("reading-a", "reading-b")
    for one in held.disagreements[:12]:
        other = f"`{one.other_code}`" if one.other_code else "no code of its own"
        rows.append(f"| `{one.code}` ({one.coder}) | {other} | {one.units} |")
    return "\n".join(rows)


def _register(study: Study) -> str:
    counts = study.store.segment_counts()
    rows = [
        "| document | issuer | kind, force | issued | status | provisions |",
        "|---|---|---|---|---|---|",
    ]
    for one in study.documents():
        if not one.read:
            continue
        ended = f" {one.status_date}" if one.ended_on else ""
        scope = "; context" if one.scope.value == "context" else ""
        rows.append(
            f"| `{one.id}` {one.title_en} | {one.issuer} | {one.instrument.value}, "
            f"{one.force.value}{scope} | {one.date_issued} | {one.status.value}{ended} | "
            f"{counts.get(one.id, 0)} |"
        )
    return "\n".join(rows)


def _unread(study: Study) -> str:
    found = [f"{one.title_en} (`{one.id}`)" for one in study.documents() if not one.read]
    return f"{len(found)} documents: {'; '.join(found)}."


def _counts(study: Study) -> str:
    held = [one for one in study.documents() if one.read]
    counts = study.store.segment_counts()
    us = [one for one in held if one.party == "us"]
    cn = [one for one in held if one.party == "cn"]
    then = study.results(THEN).documents
    sides = {party: sum(one.party == party for one in then) for party in ("us", "cn")}
    industry = {
        party: sum(
            one.party == party and one.issuer_type.value in ("company", "industry-association")
            for one in then
        )
        for party in ("us", "cn")
    }
    return (
        f"{len(study.documents())} documents in the register, {len(held)} of them read: {len(us)} of "
        f"the United States, {len(cn)} of China, {len(held) - len(us) - len(cn)} joint texts; "
        f"{sum(counts.values()):,} provisions. In scope on 20 January 2025: {sides['us']} US "
        f"documents ({industry['us']} of industry) and {sides['cn']} Chinese ({industry['cn']} of "
        "industry)."
    )


PARTS: dict[str, Callable[[Study], str]] = {
    "counts": _counts,
    "findings": _findings,
    "topics": _topics,
    "changes": _changes,
    "alone": _alone,
    "variants": _variants,
    "overall": _overall,
    "reliability": _reliability,
    "disagreements": _disagreements,
    "register": _register,
    "unread": _unread,
}


def write_page(text: str, study: Study) -> str:
    """Fill the figures of a page in."""
    for name, part in PARTS.items():
        pattern = rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)"
        if not re.search(pattern, text, re.DOTALL):
            raise ValueError(f"the page has no part for {name}")
        new = part(study)
        text = re.sub(
            pattern, lambda hit, new=new: f"{hit[1]}{new}\n{hit[2]}", text, flags=re.DOTALL
        )
    return text


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as made,
        Study.create(Path(made) / "study", like="us-china-ai", as_of=THEN) as bundled,
    ):
        PAGE.write_text(write_page(PAGE.read_text("utf-8"), bundled), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.name}\n")
