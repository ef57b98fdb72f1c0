"""Commands that say how far coders agree, and make one coder of several."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from qiutong.cli.app import AsOfOption, CsvOption, JsonOption, StudyOption, app, open_study
from qiutong.cli.printing import (
    GRADE_SIGNS,
    Bar,
    print_json,
    print_rows,
    print_table,
    say,
    say_notes,
    show_coefficient,
    show_count,
    show_noted,
    warn,
)

if TYPE_CHECKING:
    from qiutong.combining import CombinedStudy
    from qiutong.reliability import Reliability, SpanAgreement
    from qiutong.study import Study


@app.command()
def reliability(
    coder: Annotated[
        list[str],
        typer.Option(metavar="CODER", help="A coder; give two or more, or none for all readings."),
    ] = [],  # noqa: B006
    disagreements: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="How many rows of the disagreement matrix to print."),
    ] = 12,
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show how far coders agree, with intervals.

    Code by code, and on the words marked.
    """
    with Bar("measuring"):
        held = open_study(study).reliability(*coder)
    if as_json:
        print_json(msgspec.to_builtins(held))
        return
    rows = [msgspec.to_builtins(one) for one in held.codes]
    if print_rows(rows, False, as_csv):
        return
    _print_reliability(held, disagreements)


@app.command()
def combine(
    name: Annotated[str, typer.Argument(metavar="CODER", help="Id of the combined coder.")],
    member: Annotated[
        list[str],
        typer.Option(
            "--from", metavar="CODER", help="A member; two or more, or none to combine anew."
        ),
    ] = [],  # noqa: B006
    rule: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="unanimous (if empty), majority, any, or how many must have given a code.",
        ),
    ] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Make one coder of several; where they differ, say nothing."""
    held = open_study(study).combine(name, member, rule=rule)
    for one, missing in held.left_out.items():
        warn(f"{one} is left out: not coded by {', '.join(missing)}.")
    if as_json:
        print_json(msgspec.to_builtins(held))
        return
    say(held.coder.description.splitlines()[0])
    say(
        f"{held.codings:,} codes on provisions stand and {held.undecided:,} are undecided, in "
        f"{show_count(len(held.combined) + len(held.unchanged), 'document')}: {len(held.combined)} combined now, "
        f"{len(held.unchanged)} as before, {len(held.left_out)} left out."
    )
    say(f'Next: qiutong agreement {name}; and coder = "{name}" in study.toml if it is to count.')


@app.command()
def agreement(
    name: Annotated[str, typer.Argument(metavar="CODER", help="Id of a combined coder.")],
    against: Annotated[
        str, typer.Option(metavar="CODER", help="A coder taken as right, to judge the others by.")
    ] = "",
    undecided: Annotated[
        bool, typer.Option("--undecided", help="List what is undecided, for a person to settle.")
    ] = False,
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show what a combined coder leaves undecided.

    And what the agreement of its members is worth.
    """
    opened = open_study(study)
    if undecided:
        _print_undecided(opened, name, as_json, as_csv)
        return
    with Bar("measuring"):
        held = opened.agreement(name, against=against, as_of=as_of or None)
    if as_json:
        print_json(msgspec.to_builtins(held))
        return
    bounds = {one.code: msgspec.to_builtins(one) for one in held.bounds}
    rows = [{**msgspec.to_builtins(one), **bounds.get(one.code, {})} for one in held.codes]
    if not print_rows(rows, False, as_csv):
        _print_agreement(opened, held)


def _print_reliability(held: "Reliability", disagreements: int) -> None:
    notes: dict[str, int] = {}
    print_table(
        ["Code", *held.coders, "Both", "Agreement", "Alpha", "AC1", "Verdict"],
        [
            [
                one.code,
                *(one.given_by.get(coder, 0) for coder in held.coders),
                one.given_by_all,
                f"{one.percent_agreement:.1%}",
                show_noted(one.alpha, notes),
                show_noted(one.ac1, notes),
                one.verdict.value,
            ]
            for one in sorted(
                held.codes,
                key=lambda one: (one.alpha.value is None, one.alpha.value or 0.0, one.code),
            )
        ],
    )
    say_notes(notes)
    if disagreements and held.disagreements:
        say("What one reading gave and the other did not, most frequent first:")
        print_table(
            ["Gave", "Code", "Where the other gave", "Provisions"],
            [
                [one.coder, one.code, one.other_code or "no code of its own", one.units]
                for one in held.disagreements[:disagreements]
            ],
        )
    say(
        f"{show_count(held.units, 'provision')} of {show_count(held.documents, 'document')} read by "
        f"{', '.join(held.coders)}"
        f"{f'; {held.left_out} read by one only were left out' if held.left_out else ''}. "
        f"Over all codes: alpha {show_coefficient(held.micro)}; on sets of codes (MASI) "
        f"{show_coefficient(held.masi)}; {held.level:.0%} intervals from {held.resamples} resamples of "
        "documents."
    )
    say(held.uncoded["en"])
    for pair in held.spans:
        _print_spans(pair)
    if held.spans:
        say(held.span_rule["en"])


def _print_spans(held: "SpanAgreement") -> None:
    one, two = held.coders
    # Where both mark whole provisions the table above has said it all, code by code.
    codes = [row for row in held.codes if sum(row.spans.values()) and len(held.whole_only) < 2]
    codes.sort(key=lambda row: (row.any_overlap.f1.value or 0.0, row.code))
    notes: dict[str, int] = {}
    say(f"Words that {one} and {two} marked for the same code, F1 of spans:")
    print_table(
        [
            "Code",
            one,
            two,
            "Any overlap",
            "Overlap ≥ .5",
            f"Of {one}, any; half",
            f"Of {two}, any; half",
        ],
        [
            [
                row.code or "all codes",
                *(row.spans[coder] for coder in held.coders),
                show_noted(row.any_overlap.f1, notes),
                show_noted(row.half_overlap.f1, notes),
                *(
                    "; ".join(
                        "–" if share.value is None else f"{share.value:.0%}"
                        for share in (
                            row.any_overlap.shares[coder],
                            row.half_overlap.shares[coder],
                        )
                    )
                    for coder in held.coders
                ),
            ]
            for row in (held.overall, *codes)
        ],
    )
    say_notes(notes)
    if held.whole_only:
        say(
            f"The evidence of {' and of '.join(held.whole_only)} is always the whole provision. "
            "These figures say whether both gave a code to the same provision, and nothing about "
            "which words they marked."
        )


def _print_undecided(study: "Study", name: str, as_json: bool, as_csv: bool) -> None:
    held = study.undecided(name)
    places = {one.id: one for one in study.store.segments(ids={one.segment for one in held})}
    rows = [
        {
            "document": one.document,
            "locator": places[one.segment].locator,
            "code": one.code,
            "share": one.confidence,
            "given_by": one.memo,
            "text": places[one.segment].text,
        }
        for one in held
    ]
    if not print_rows(rows, as_json, as_csv):
        print_table(
            ["Document", "Locator", "Code", "Given by"],
            [[row["document"], row["locator"], row["code"], row["given_by"]] for row in rows],
        )
        say(f"{len(rows)} undecided; --csv gives the text of each provision too.")


def _print_agreement(study: "Study", held: "CombinedStudy") -> None:
    bounds = {one.code: one for one in held.bounds}
    rows = []
    for one in held.codes:
        if not one.documents.given + one.documents.undecided:
            continue
        bound = bounds.get(one.code)
        rows.append(
            [
                one.code,
                f"{one.documents.given} / {one.documents.undecided} / {one.documents.absent}",
                f"{one.documents.coverage:.0%}",
                f"{one.provisions.given} / {one.provisions.undecided}",
                *(
                    _range(bound.low[party.id], bound.high[party.id]) if bound else "–"
                    for party in study.parties
                ),
                ""
                if bound is None
                else f"{GRADE_SIGNS[bound.grade_low.value]} {bound.grade_low.value}"
                + (f" … {bound.grade_high.value}" if bound.depends else ""),
            ]
        )
    print_table(
        [
            "Code", "Documents with / undecided / without", "Decided", "Provisions with / undecided",
            *(one.label() for one in study.parties), "Overlap",
        ],
        rows,
    )  # fmt: skip
    say(
        "Shares and grades: if every undecided cell is without its code, and if every one has it. "
        f"Codes that no member gave are not shown.{' ' if held.no_bounds else ''}{held.no_bounds}"
    )
    if held.levels:
        say(
            f"Against {held.against}, on {show_count(held.judged, 'document')} that it has coded too:"
        )
        print_table(
            ["Of all", "Given by", "Cells", "Share of cells", "Have the code"],
            [
                [
                    f"{one.unit} × code",
                    f"{one.given_by} of {len(held.members)}",
                    f"{one.cells:,}",
                    f"{one.share:.1%}",
                    show_coefficient(one.with_code),
                ]
                for one in held.levels
            ],
        )
        print_table(
            ["Coder or rule", "Of all", "Precision", "Recall", "F1", "Kappa"],
            [
                [
                    one.who,
                    f"{one.unit} × code",
                    *map(show_coefficient, (one.precision, one.recall, one.f1, one.kappa)),
                ]
                for one in held.quality
            ],
        )
        say("decided: only cells that all members gave or none did.")
    print_table(
        ["Members", "Kappa, provision × code", "Kappa, document × code"],
        [
            [
                f"{one.one}, {one.other}",
                show_coefficient(one.provisions),
                show_coefficient(one.documents),
            ]
            for one in held.pairs
        ],
    )
    say(held.caution["en"])
    depends = sum(one.depends for one in held.bounds)
    say(
        f"{held.rule} of {', '.join(held.members)}: {held.documents.coverage:.1%} of document × "
        f"code cells are decided and {held.provisions.coverage:.2%} of provision × code cells, most "
        "of them because nobody gave the code; of the provision × code cells that are given or "
        f"undecided, {'–' if held.provisions.met is None else f'{held.provisions.met:.0%}'} are "
        f"given. {depends} of {len(held.bounds)} grades depend on undecided cells."
    )


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "–"
    return f"{low:.0%}" if low == high else f"{low:.0%}–{high:.0%}"
