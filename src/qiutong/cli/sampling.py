"""Commands of the checked sample: what to draw, what it says, what to check next."""

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
    show_count,
    show_sure,
    warn,
)
from qiutong.errors import InputError

if TYPE_CHECKING:
    from qiutong.sampling import CheckedStudy
    from qiutong.study import Study


ModelOption = Annotated[
    str,
    typer.Option(
        metavar="CODER",
        help="The coder of all documents; those that study.toml counts if empty.",
    ),
]


@app.command()
def sample(
    per_party: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Of each party, together with those drawn before: 30 documents, or 200 provisions.",
        ),
    ] = None,
    provisions: Annotated[
        bool, typer.Option("--provisions", help="Draw provisions, one by one, and no documents.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of the random order; only for the first sample."),
    ] = None,
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Draw documents at random for a person to check.

    Of each party, with sheets to code on.
    """
    if provisions:
        _sample_provisions(study, per_party or 200, seed, as_of, as_json)
        return
    draw, folder = open_study(study).sample(per_party or 30, seed=seed, as_of=as_of or None)
    if as_json:
        print_json({"folder": str(folder), **msgspec.to_builtins(draw)})
        return
    print_table(
        ["Party", "Drawn now", "Of all"],
        [
            [party, str(len(ids)), str(len(draw.frame[party]))]
            for party, ids in draw.documents.items()
        ],
    )
    provisions_drawn = show_count(draw.provisions, "provision")
    say(f"Wrote a sheet for each document, {provisions_drawn} in all, to {folder}.")
    say(
        "Put codes, or nothing, in place of each ? in the column codes; look at no model's codes. "
        "Then: qiutong import SHEET --coder YOU; qiutong estimate --person YOU"
    )


def _sample_provisions(
    study: str, per_party: int, seed: int | None, as_of: str, as_json: bool
) -> None:
    draw, folder = open_study(study).sample_provisions(per_party, seed=seed, as_of=as_of or None)
    if as_json:
        print_json({"folder": str(folder), **msgspec.to_builtins(draw)})
        return
    print_table(
        ["Party", "Drawn now", "Of all"],
        [[party, str(len(ids)), str(len(draw.frame[party]))] for party, ids in draw.drawn.items()],
    )
    say(f"Wrote a sheet for each party to {folder}.")
    say(
        "Put codes, or nothing, in place of each ? in the column codes, from the first row on; look "
        "at no model's codes. Then: qiutong estimate --provisions"
    )


@app.command()
def estimate(
    person: Annotated[
        str, typer.Option(metavar="CODER", help="The coder who checked the sample of documents.")
    ] = "",
    provisions: Annotated[
        bool, typer.Option("--provisions", help="From the sheets of provisions drawn.")
    ] = False,
    model: ModelOption = "",
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Estimate shares and grades from a checked sample.

    From a model's codes on everything and a person's on the sample.
    """
    from qiutong.sampling import doubt_learned

    opened = open_study(study)
    if bool(person) is provisions:
        raise InputError(
            "estimate: name who checked documents (--person ID), or ask for the sheets of provisions "
            "(--provisions), one of the two."
        )
    if provisions:
        _estimate_provisions(opened, model, as_of, as_json, as_csv)
        return
    held = opened.estimate(person, model=model, as_of=as_of or None)
    if held.passed_over:
        warn(
            f"{person} read {show_count(len(held.passed_over), 'document')} behind a gap in the "
            "random order, known in the grades and no part of the sample: "
            + ", ".join(held.passed_over[:5])
            + (" …" if len(held.passed_over) > 5 else "")
        )
    if learned := doubt_learned(opened, held):
        warn(learned["en"])
    if as_json:
        print_json(msgspec.to_builtins(held))
        return
    if print_rows([msgspec.to_builtins(one) for one in held.codes], False, as_csv):
        return
    _print_checked(opened, held)


def _estimate_provisions(
    opened: "Study", model: str, as_of: str, as_json: bool, as_csv: bool
) -> None:
    held = opened.estimate_provisions(model=model, as_of=as_of or None)
    if held.passed_over:
        warn(
            f"{show_count(held.passed_over, 'provision')} checked behind one that was not: no part "
            "of the sample."
        )
    if as_json:
        print_json(msgspec.to_builtins(held))
        return
    if print_rows([msgspec.to_builtins(one) for one in held.codes], False, as_csv):
        return
    counted = ", ".join(
        f"{party} {number} of {held.provisions[party]}" for party, number in held.checked.items()
    )
    say(f"Provisions checked at random: {counted}. All coded by {held.model}.")
    refused = {
        party: share.undefined for party, share in held.codes[0].salience.items() if share.undefined
    }
    if refused:
        say(
            "Too small to say: "
            + "; ".join(f"{party}: {why}" for party, why in refused.items())
            + "."
        )
    labels = {one.id: one.label.get("en", one.id) for one in opened.codebook.codes}
    print_table(
        ["Subject", "Code", *(one.label() for one in opened.parties), "Model alone"],
        [
            [
                labels[one.code],
                one.code,
                *(
                    "undefined"
                    if share.value is None
                    else f"{share.value:.1%} ({share.low:.1%}–{share.high:.1%})"
                    for share in one.salience.values()
                ),
                ", ".join(f"{share:.1%}" for share in one.model_alone.values()),
            ]
            for one in held.codes
        ],
    )
    say(
        "Shares of provisions. They say nothing of the share of documents, and change no grade: a "
        "document has a code by any of its provisions."
    )


@app.command("next")
def next_(
    person: Annotated[
        str, typer.Option(metavar="CODER", help="The coder who checks documents.")
    ] = "",
    provisions: Annotated[
        bool, typer.Option("--provisions", help="Name provisions, and no documents.")
    ] = False,
    model: ModelOption = "",
    number: Annotated[
        int, typer.Option(metavar="N", min=1, help="Most documents or provisions to name.")
    ] = 10,
    sheet: Annotated[
        str,
        typer.Option(
            metavar="FOLDER",
            help="With --provisions: write a sheet for decisions into a new folder.",
        ),
    ] = "",
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Name the documents, or the provisions, to check next.

    Those whose checking is expected to tell most about the grades.
    """
    opened = open_study(study)
    if bool(person) is provisions:
        raise InputError(
            "next: name who checks documents (--person ID), or ask for provisions (--provisions), "
            "one of the two."
        )
    if provisions:
        _next_provisions(opened, model, number, sheet, as_of, as_json, as_csv)
        return
    if sheet:
        raise typer.BadParameter("--sheet needs --provisions")
    held = opened.next(person, model=model, number=number, as_of=as_of or None)
    if print_rows(held.rows(), as_json, as_csv):
        return
    print_table(
        ["Document", "Party", "Provisions", "Gain (bits)", "Tells most about"],
        [
            [
                one.document,
                one.party,
                str(one.provisions),
                "sample" if one.gain is None else f"{one.gain:.2f}",
                ", ".join(one.codes) or "–",
            ]
            for one in held
        ],
    )
    if not held:
        say("Every document has been checked.")
    elif held[0].gain is None:
        say("These belong to the random sample, which comes first.")


_REASONS_SHOWN = 2


def _next_provisions(
    study: "Study",
    model: str,
    number: int,
    sheet: str,
    as_of: str,
    as_json: bool,
    as_csv: bool,
) -> None:
    with Bar("weighing") as bar:
        held = study.next_provisions(model=model, number=number, as_of=as_of or None, progress=bar)
    folders = study.write_checks(held, sheet) if sheet else ()
    if print_rows(held.rows(), as_json, as_csv):
        return
    if not held:
        say("Nothing leaves a doubt: every coding has a confidence of 1, or none, or was checked.")
        return
    print_table(
        ["Provision", "Gain (bits)", "Code (confidence): what the check may change"],
        [
            [
                f"{one.document} {one.locator}",
                f"{one.gain:.2f}",
                "\n".join(reason.why["en"] for reason in one.reasons[:_REASONS_SHOWN])
                + (
                    f"\n… and {more} more"
                    if (more := len(one.reasons) - _REASONS_SHOWN) > 0
                    else ""
                ),
            ]
            for one in held
        ],
    )
    say(
        "Chosen, and so no random sample: what is found here corrects codings, and enters no "
        "estimate."
    )
    for folder in folders:
        say(
            f"Wrote {folder}/decisions.csv. Put yes or no in place of each ?, with a reason. Then: "
            f"qiutong import {folder}; and in study.toml {folder.name}-corrected before {folder.name}"
        )


def _print_checked(study: "Study", held: "CheckedStudy") -> None:
    counted = ", ".join(
        f"{party} {len(ids)} of {held.documents[party]}" for party, ids in held.sample.items()
    )
    say(f"Checked at random by {held.person}: {counted}. All coded by {held.model}.")
    refused = list(dict.fromkeys(one.undefined for one in held.codes if one.undefined))
    if refused:
        say(f"No grades: {'; '.join(refused)}.")
    labels = {one.id: one.label.get("en", one.id) for one in study.codebook.codes}
    order = list(GRADE_SIGNS)
    notes: dict[str, int] = {}
    rows = []
    for one in sorted(held.codes, key=lambda one: order.index(one.grade.value)):
        shares = [
            "undefined"
            if share.value is None
            else f"{share.value:.0%} ({share.low:.0%}–{share.high:.0%})"
            for share in one.prevalence.values()
        ]
        alone = ", ".join(f"{share:.0%}" for share in one.model_alone.values())
        rows.append(
            [
                f"{GRADE_SIGNS[one.grade.value]} {one.grade.value}",
                show_sure(one.sure, one.prevalence, study.parties, notes),
                labels[one.code],
                one.code,
                *shares,
                alone,
            ]
        )
    print_table(
        [
            "Overlap", "Sure", "Subject", "Code", *(one.label() for one in study.parties),
            "Model alone",
        ],
        rows,
    )  # fmt: skip
    say_notes(notes)
    say("Sure: probability that a person who read every document would find this grade.")
