"""Commands that give results: overlap, screening, topics, two days compared, the report."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from qiutong.cli.app import (
    AsOfOption,
    CsvOption,
    JsonOption,
    StudyOption,
    app,
    note_stale,
    open_study,
)
from qiutong.cli.printing import (
    GRADE_SIGNS,
    Bar,
    print_json,
    print_rows,
    print_table,
    say,
    say_notes,
    show_sure,
    warn,
)

if TYPE_CHECKING:
    from qiutong.model import Comparison, Overlap, Recommendation, Screen
    from qiutong.study import Study


@app.command()
def overlap(
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show how far the parties speak about the same codes.

    And how firmly that holds.
    """
    from qiutong.exporters.tables import overlap_rows

    opened = open_study(study)
    note_stale(opened)
    with Bar("measuring"):
        held = opened.overlap(as_of or None)
    if print_rows(overlap_rows(held, opened.codebook), as_json, as_csv):
        return
    _print_overlap(opened, held)


@app.command()
def screen(
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show what is clear, needs care or is set aside, and why."""
    from qiutong.exporters.tables import screen_rows

    opened = open_study(study)
    note_stale(opened)
    with Bar("screening"):
        held = opened.screen(as_of or None)
    if print_rows(screen_rows(held), as_json, as_csv):
        return
    _print_screens(held)


@app.command()
def recommend(
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Say which topics to propose, on which track and where.

    With the forum, and the reasons.
    """
    from qiutong.exporters.tables import recommend_rows

    opened = open_study(study)
    note_stale(opened)
    with Bar("weighing"):
        held = opened.recommend(as_of or None)
    for warning in opened.playbook.warnings:
        warn(warning.get("en", ""))
    if print_rows(recommend_rows(held), as_json, as_csv):
        return
    _print_recommendations(opened, held)


@app.command()
def compare(
    as_of: Annotated[
        list[str],
        typer.Option("--as-of", metavar="DATE", help="Give two days: today or YYYY-MM-DD."),
    ] = [],  # noqa: B006
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show what differs between two days.

    Topics, subjects and documents.
    """
    from qiutong.exporters.tables import comparison_rows

    if not 1 <= len(as_of) <= 2:
        raise typer.BadParameter(
            "give two days, such as --as-of 2025-01-20 --as-of today", param_hint="--as-of"
        )
    opened = open_study(study)
    note_stale(opened)
    with Bar("weighing both days"):
        held = opened.compare(*as_of)
    if as_json:
        print_json(msgspec.to_builtins(held))
        return
    if print_rows(comparison_rows(held, opened.codebook), False, as_csv):
        return
    _print_comparison(opened, held)


@app.command()
def report(
    lang: Annotated[str, typer.Option(metavar="LANGUAGE", help="en or zh.")] = "en",
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")
    ] = "",
    as_of: AsOfOption = "",
    compare_to: Annotated[
        str, typer.Option("--compare-to", metavar="DATE", help="Add what differs on another day.")
    ] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write the report: one HTML file that needs no network."""
    if lang not in ("en", "zh"):
        raise typer.BadParameter(f'"{lang}" is not en or zh', param_hint="--lang")
    opened = open_study(study)
    note_stale(opened)
    with Bar("writing the report"):
        path = opened.report(
            output or None, language=lang, as_of=as_of or None, compare_to=compare_to or None
        )
    if as_json:
        print_json({"report": str(path)})
    else:
        say(f"The report is {path}")


@app.command()
def demo(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Where the study is made.")
    ] = "qiutong-demo",
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of",
            metavar="DATE",
            help="today or YYYY-MM-DD; by default the day of the published report, when all the "
            "bundled documents stood.",
        ),
    ] = "2025-01-20",
) -> None:
    """Run the whole job on the bundled documents.

    The report is written in both languages.
    """
    from qiutong.comparison import compare_results
    from qiutong.study import SETTINGS_FILE, Study

    with Bar() as bar:
        if (Path(folder) / SETTINGS_FILE).is_file():
            study = Study(folder)
        else:
            study = Study.create(
                folder,
                name="US and China on AI 中美人工智能政策",
                like="us-china-ai",
                as_of=as_of,
                progress=bar,
            )
        study.code(progress=bar)
    with Bar("weighing"):
        results = study.results(as_of)
        if results.as_of != study.day("today"):
            later = study.results("today", quoting=False)
            results = msgspec.structs.replace(results, comparison=compare_results(results, later))
        paths = [study.report(language=language, results=results) for language in ("en", "zh")]
    unread = sum(not one.read for one in study.documents())
    say(
        f"{len(results.documents)} bundled documents as of {results.as_of} ({unread} more are "
        "listed, whose text nobody has read). They are digests in our own words, coded twice by a "
        "large language model and adjudicated, and reviewed by no person yet: a worked example.\n"
    )
    _print_recommendations(study, results.recommendations)
    if results.comparison:
        _print_since(results.comparison)
    for path in paths:
        say(f"The report is {path}")


def _print_overlap(study: "Study", held: Sequence["Overlap"]) -> None:
    labels = {one.id: one.label.get("en", one.id) for one in study.codebook.codes}
    corrected = any(one.is_corrected for one in held)
    notes: dict[str, int] = {}
    rows = []
    for one in held:
        shares = []
        for party in study.parties:
            estimate, counted = one.prevalence[party.id], one.counted[party.id]
            if estimate.value is None:
                shares.append(f"undefined: {estimate.undefined}")
            else:
                # An estimated share has no count; what was counted stands behind it.
                of = f"{counted.count}/{counted.total}"
                interval = f"{estimate.low:.0%}–{estimate.high:.0%}"
                shares.append(
                    f"{estimate.value:.0%} ({interval}; counted {of})"
                    if one.is_corrected
                    else f"{estimate.value:.0%} ({of}; {interval})"
                )
        rows.append(
            [
                f"{GRADE_SIGNS[one.grade.value]} {one.grade.value}",
                labels[one.code],
                one.code,
                *shares,
                *([one.checked.counted_grade.value] if corrected and one.checked else []),
                show_sure(one.firmness, one.prevalence, study.parties, notes),
            ]
        )
    order = list(GRADE_SIGNS)
    rows.sort(key=lambda row: order.index(row[0].split()[-1]))
    print_table(
        [
            "Overlap", "Subject", "Code", *(one.label() for one in study.parties),
            *(["Counted", "Sure"] if corrected else ["Stable"]),
        ],
        rows,
    )  # fmt: skip
    if corrected:
        person = study.settings.coding.checked_by
        say_notes(notes)
        say(
            f"Shares and grades are corrected by the sample that {person} checked. Counted: as the "
            f"codes alone give it. Sure: probability that {person} would find this grade in all "
            "documents."
        )
        return
    say("Stable: share of bootstrap resamples (documents drawn again) that give the same grade.")
    if held and held[0].checked:
        warn(f"Not corrected by the checked sample: {held[0].checked.undefined}.")


def _print_screens(held: Iterable["Screen"]) -> None:
    print_table(
        ["Verdict", "Code or topic", "Reasons"],
        [
            [
                one.verdict.value,
                one.subject,
                "; ".join(f"{reason.kind} {reason.id}".strip() for reason in one.reasons) or "–",
            ]
            for one in sorted(held, key=lambda one: (one.verdict.value, one.subject))
        ],
    )


_VERDICT_SIGNS = {
    "recommended": "✓", "handle-with-care": "!", "not-supported": "–", "set-aside": "✕"
}  # fmt: skip


def _print_recommendations(study: "Study", held: Iterable["Recommendation"]) -> None:
    fora = {one.id: one.name.get("en", one.id) for one in study.playbook.fora}
    rows = []
    for one in held:
        rows.append(
            [
                f"{_VERDICT_SIGNS[one.verdict.value]} {one.verdict.value}",
                one.title.get("en", one.topic),
                "; ".join(track.name.get("en", track.track) for track in one.tracks) or "–",
                "; ".join(fora.get(forum, forum) for forum in one.fora[:3]) or "–",
            ]
        )
    print_table(["Verdict", "Topic", "Track", "Forum"], rows)


def _print_since(held: "Comparison") -> None:
    """Say in a few lines what differs on the later day."""

    def words(one: Any) -> str:
        return one.value.replace("-", " ") if one else "not weighed"

    moved = [one for one in held.topics if one.before != one.after]
    say(
        f"By {held.after}: {len(held.ended)} of these documents have ended and "
        f"{len(held.entered)} are new; {len(moved)} of {len(held.topics)} topics are judged "
        "otherwise:"
    )
    for one in moved:
        say(f"  {one.title.get('en', one.topic)}: {words(one.before)}, now {words(one.after)}")
    say("")


def _print_comparison(study: "Study", held: "Comparison") -> None:
    labels = {one.id: one.label.get("en", one.id) for one in study.codebook.codes}
    before, after = str(held.before), str(held.after)

    def verdict(value: Any, tracks: Sequence[str], names: dict[str, dict[str, str]]) -> str:
        if value is None:
            return "–"
        listed = ", ".join(names[one].get("en", one) for one in tracks)
        return f"{_VERDICT_SIGNS[value.value]} {value.value}" + (f": {listed}" if listed else "")

    print_table(
        ["Topic", before, after],
        [
            [
                one.title.get("en", one.topic),
                verdict(one.before, one.tracks_before, one.track_names),
                "as before"
                if not one.changed
                else verdict(one.after, one.tracks_after, one.track_names),
            ]
            for one in sorted(held.topics, key=lambda one: not one.changed)
        ],
    )

    def grade(value: Any) -> str:
        return f"{GRADE_SIGNS[value.value]} {value.value}" if value else "–"

    def listed(documents: dict[str, tuple[str, ...]]) -> str:
        return "; ".join(one for held in documents.values() for one in held) or "–"

    print_table(
        ["Subject", before, after, "Documents that ended", "Documents that are new"],
        [
            [
                labels.get(one.code, one.code),
                grade(one.before),
                grade(one.after),
                listed(one.gone),
                listed(one.new),
            ]
            for one in held.codes
            if one.before != one.after
        ],
    )
    say(
        f"{len(held.ended)} documents ended between the two days: {', '.join(held.ended) or 'none'}."
    )
    say(f"{len(held.entered)} are new: {', '.join(held.entered) or 'none'}.")
