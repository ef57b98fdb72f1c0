"""Commands that code documents, take codings over, and list them."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from qiutong.cli.app import CsvOption, JsonOption, StudyOption, app, open_study
from qiutong.cli.printing import (
    Bar,
    print_json,
    print_rows,
    print_table,
    say,
    show_count,
    show_figure,
    warn,
)
from qiutong.errors import InputError, ModelServerError, UnknownName

if TYPE_CHECKING:
    from qiutong.coders.trained import ModelCard
    from qiutong.sending import SendPlan, SendReport


@app.command()
def code(
    ids: Annotated[
        list[str],
        typer.Argument(metavar="DOCUMENT", help="With --coder llm: only these documents."),
    ] = [],  # noqa: B006
    coder: Annotated[
        str,
        typer.Option(
            metavar="CODER",
            help="default; builtin; llm: a language model on a server that you name; or a file "
            "that qiutong train wrote. If empty, the program that study.toml counts.",
        ),
    ] = "",
    again: Annotated[
        bool, typer.Option("--again", help="Code documents that are coded already.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="llm: show what would be sent, and send nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="llm: send without asking first.")] = False,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="llm: the model, instead of study.toml's.")
    ] = "",
    endpoint: Annotated[
        str, typer.Option(metavar="URL", help="llm: the server, instead of study.toml's.")
    ] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Code the documents with Qiutong's coders or a language model.

    Only what has changed is coded.
    """
    if coder == "llm":
        _code_llm(study, ids, again, dry_run, yes, model, endpoint, as_json)
        return
    if coder not in ("", "default", "builtin") and not coder.endswith(".npz"):
        raise typer.BadParameter(
            f'"{coder}" is not default, builtin, llm or a file NAME.npz', param_hint="--coder"
        )
    if ids or dry_run or yes or model or endpoint:
        raise typer.BadParameter(
            "documents, --dry-run, --yes, --model and --endpoint need --coder llm"
        )
    with Bar() as bar:
        report = open_study(study).code(again=again, coder=coder, progress=bar)
    for warning in report.warnings:
        warn(warning)
    if as_json:
        print_json(msgspec.to_builtins(report))
        return
    say(
        f"Coded {show_count(len(report.coded), 'document')} with {report.coder.id}: "
        f"{show_count(report.codings, 'coding')}"
        + (f"; coded already: {len(report.unchanged)}." if report.unchanged else ".")
    )


@app.command()
def train(
    file: Annotated[str, typer.Argument(metavar="FILE", help="File to write, NAME.npz.")],
    coder: Annotated[
        str,
        typer.Option("--from", metavar="CODER", help="Whose codings; those that count if empty."),
    ] = "",
    tags: Annotated[
        str,
        typer.Option(
            metavar="TAGS.csv",
            help="Learn from tags of whole documents instead: a row a document, a column a code.",
        ),
    ] = "",
    base: Annotated[
        str,
        typer.Option(
            metavar="FILE.npz",
            help="For tags: a coder learned from provisions; what it says is seen too. The default "
            "coder if empty; none for none.",
        ),
    ] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Learn a coder from codings or tags in this study.

    Codings are of provisions, tags of whole documents.
    """
    if not file.endswith(".npz"):
        raise typer.BadParameter(f'"{file}" does not end in .npz', param_hint="FILE")
    if tags and coder:
        raise typer.BadParameter("give --from or --tags, not both")
    with Bar() as bar:
        card = open_study(study).train(
            file, coder=coder, tags=tags or None, base=base or None, progress=bar
        )
    if as_json:
        print_json(msgspec.to_builtins(card))
        return
    _print_card(card)
    say(f"Wrote {file}. Next: qiutong code --coder {file}")


def _print_card(card: "ModelCard") -> None:
    from qiutong.coders.trained import LEAST_PRECISION

    units = card.provisions if card.unit == "provision" else card.languages
    total = sum(units.values())
    f1 = {(one.code, one.language): show_figure(one.f1) for one in card.figures}
    apart = [one for one in card.macro_f1 if one != "all"] if len(card.languages) > 1 else []
    print_table(
        [
            "Code",
            f"{card.unit.capitalize()}s",
            "F1",
            *(f"F1 {one}" for one in apart),
            "Average precision",
            "By chance",
            "",
        ],
        [
            [
                one.code,
                one.given,
                *(f1[one.code, language] for language in ("", *apart)),
                show_figure(one.average_precision),
                f"{one.given / total:.3f}",
                "not given" if one.code in card.withheld else "",
            ]
            for one in card.figures
            if not one.language
        ],
    )
    print_table(
        ["Language", "Documents", "Provisions", "Macro F1", "Micro F1"],
        [
            [
                language,
                card.languages.get(language, card.documents),
                card.provisions.get(language, sum(card.provisions.values())),
                f"{macro:.3f}",
                f"{card.micro_f1[language]:.3f}",
            ]
            for language, macro in card.macro_f1.items()
        ],
    )
    learned = "coded by" if card.unit == "provision" else "tagged in"
    base = f" It sees with model {card.base} besides." if card.base else ""
    say(
        f"Learned from {show_count(card.documents, 'document')} {learned} {card.trained_on}; the figures are of "
        f"documents held out. Calibration error {card.calibration_error:.3f}.{base}"
    )
    say(
        "Learned and not given, because average precision is below "
        f"{LEAST_PRECISION} or no better than chance: {', '.join(card.withheld) or 'none'}."
    )
    say(f"Not learned, too few {card.unit}s: {', '.join(card.untrained) or 'none'}.")
    for limit in card.limits:
        say(limit)


def _code_llm(
    study: str,
    ids: Sequence[str],
    again: bool,
    dry_run: bool,
    yes: bool,
    model: str,
    endpoint: str,
    as_json: bool,
) -> None:
    """Show what would be sent; send it if that is wanted."""
    opened = open_study(study)
    with Bar("planning"):
        plan = opened.plan_llm(*ids, model=model, endpoint=endpoint, again=again)
    if dry_run:
        if as_json:
            print_json(msgspec.to_builtins(plan))
        else:
            _print_plan(plan)
            say("Nothing was sent.")
        return
    if as_json and not yes:
        raise typer.BadParameter("--json cannot ask: add --yes, or --dry-run. Nothing was sent.")
    if not as_json:
        _print_plan(plan)
    if plan.documents and not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter(
                "there is nobody to ask: add --yes, or --dry-run. Nothing was sent."
            )
        if not typer.confirm(f"Send this to {plan.host}?"):
            say("Nothing was sent.")
            return
    with Bar() as bar:
        report = opened.code_llm(plan, progress=bar)
    if as_json:
        print_json(msgspec.to_builtins(report))
    else:
        _print_sent(plan, report)
    if report.failed:
        listed = "\n".join(f"  {one.document}: {one.reason}" for one in report.failed)
        raise ModelServerError(
            plan.url,
            f"{show_count(len(report.failed), 'document')} not coded; what was finished is kept",
            ("The run was stopped. " if report.stopped else "")
            + f"Run the command again to go on.\n{listed}",
        )
    if report.stopped:
        raise InputError(f"The run was stopped: {report.stopped}")


@app.command("import")
def import_(
    path: Annotated[
        str, typer.Argument(metavar="FILE", help="A CSV of codings, or a folder with coders.toml.")
    ] = "codings",
    coder: Annotated[
        str, typer.Option(metavar="CODER", help="Id of the coder of a CSV file.")
    ] = "",
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="person, rule, trained or model.")
    ] = "person",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take over codings made by people or by another program.

    Nothing is overwritten.
    """
    from qiutong.model import Coder, CoderKind

    if kind not in list(CoderKind) or kind == CoderKind.COMBINED:
        raise typer.BadParameter(
            f'"{kind}" is not person, rule, trained or model', param_hint="--kind"
        )
    report = open_study(study).import_codings(
        path, Coder(id=coder, kind=CoderKind(kind)) if coder else None
    )
    for warning in report.warnings:
        warn(warning)
    if as_json:
        print_json(msgspec.to_builtins(report))
        return
    say(
        f"Took over {show_count(report.codings, 'coding')} of "
        f"{show_count(report.documents, 'document')} by "
        f"{', '.join(one.id for one in report.coders)}"
        + (f"; document readings here already: {report.unchanged}." if report.unchanged else ".")
    )
    if report.decisions:
        listed = ", ".join(f"{kind} {count}" for kind, count in sorted(report.decisions.items()))
        say(f"Decisions: {listed}. qiutong decisions lists them.")


@app.command()
def decisions(
    document: Annotated[
        str, typer.Argument(metavar="DOCUMENT", help="Id of a document; all where empty.")
    ] = "",
    history: Annotated[
        bool, typer.Option("--history", help="Also decisions that later ones took the place of.")
    ] = False,
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List what adjudicators decided.

    They decide where readings differ, and may overrule what all readings say.
    """
    rows = [
        one
        for one in open_study(study).decisions(document).rows()
        if history or not one["superseded"]
    ]
    if print_rows(rows, as_json, as_csv):
        return
    if not rows:
        say("No decisions. They come with qiutong import FOLDER, where readings are adjudicated.")
        return
    print_table(
        ["Document", "Locator", "Code", "Decision", "About", "Reason", "Taken over"],
        [
            [one["document"], one["locator"], one["code"], "yes" if one["given"] else "no",
             one["kind"] + (" (superseded)" if one["superseded"] else ""), one["reason"],
             one["recorded_at"]]
            for one in rows
        ],
    )  # fmt: skip


@app.command()
def codings(
    document: Annotated[
        str, typer.Argument(metavar="DOCUMENT", help="Id of a document; all where empty.")
    ] = "",
    coder: Annotated[str, typer.Option(metavar="CODER", help="Only this coder's.")] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the codings with their evidence."""
    opened = open_study(study)
    if document:
        opened.document(document)
    known = [one.id for one in opened.store.coders()]
    if coder and coder not in known:
        raise UnknownName("coder", coder, known)
    held = [
        one for one in opened.codings(coder or None) if not document or one.document == document
    ]
    wanted = {one.segment for one in held if one.segment}
    places = {one.id: one for one in opened.store.segments(ids=wanted)}
    rows = []
    for one in held:
        row = msgspec.to_builtins(one)
        segment = places.get(one.segment)
        row["locator"] = segment.locator if segment else ""
        row["evidence"] = (
            segment.text[one.evidence_start - segment.start : one.evidence_end - segment.start]
            if segment and one.evidence_start is not None and one.evidence_end is not None
            else ""
        )
        rows.append(row)
    if print_rows(rows, as_json, as_csv):
        return
    if not held:
        say("No codings. qiutong code makes some; qiutong import takes over those of people.")
        return
    names = ["document", "locator", "code", "position", "evidence"]
    if len({one.coder for one in held}) > 1:
        names.insert(0, "coder")
    print_table(
        [one.capitalize() for one in names], [[row[one] or "–" for one in names] for row in rows]
    )


def _print_plan(plan: "SendPlan") -> None:
    """Say what would leave the machine, whereto, and what it would cost."""
    say(f"Model {plan.model}, prompt {plan.coder.version.partition('+')[0]}")
    where = "this machine" if plan.local else plan.host
    way = "encrypted" if plan.encrypted else "not encrypted"
    say(f"Sent to: {plan.url} ({where}{'' if plan.local else f', {way}'})")
    held = "holds one, sent to that host" if plan.key_found else "is empty, so none is sent"
    say(f"Key: the environment variable {plan.key_variable or '(none named)'} {held}")
    if plan.documents:
        print_table(
            ["Document", "Provisions", "Characters of its text", "Requests"],
            [
                [one.document, one.provisions, f"{one.characters + one.context:,}", one.requests]
                for one in plan.documents
            ],
        )
        if plan.requests_answered:
            say(
                f"{plan.requests_answered} of {plan.requests_answered + plan.requests} requests "
                "were answered in a run that did not finish their documents. These answers are "
                "used, and their provisions are not sent again."
            )
        books = " / ".join(f"{n:,} ({name})" for name, n in plan.codebook_characters.items())
        say(
            "Each request holds provisions with their headings and opening words, and the rules "
            f"and codebook ({books} characters). Nothing of the register is sent, and no codings."
        )
    if plan.refused:
        say("Not sent:")
        print_table(["Document", "Why"], [[one.document, one.reason] for one in plan.refused])
    if plan.unchanged:
        say(f"Coded by this model already: {show_count(len(plan.unchanged), 'document')}.")
    cost = (
        "study.toml names no prices, so no cost is given"
        if plan.cost is None
        else f"about {plan.cost:,.2f} {plan.currency} at the prices in study.toml"
    )
    text = sum(one.characters + one.context for one in plan.documents)
    say(
        f"{show_count(len(plan.documents), 'document')}, {show_count(text, 'character')} of text, "
        f"{show_count(plan.requests, 'request')}, about {plan.tokens_in:,} tokens sent and {plan.tokens_out:,} answered; {cost}."
    )
    if plan.budget and plan.cost is not None and plan.cost > plan.budget:
        say(f"The run will end when {plan.budget:,.2f} {plan.currency} are spent: llm.budget.")
    if plan.documents:
        say(plan.estimate)


_DROPPED_SHOWN = 12


def _print_sent(plan: "SendPlan", report: "SendReport") -> None:
    parts = [show_count(report.requests, "request")]
    if report.tokens_in or report.tokens_out:
        parts.append(f"{report.tokens_in:,} tokens sent and {report.tokens_out:,} answered")
    if report.cost is not None:
        parts.append(f"about {report.cost:,.2f} {report.currency}")
    say(
        f"Coded {show_count(len(report.coded), 'document')} with {report.coder.id}: "
        f"{show_count(report.codings, 'coding')}; "
        f"{', '.join(parts)}."
    )
    for title, held in (
        ("Codes that did not count", report.dropped),
        ("Answers asked for again", report.unusable),
    ):
        if held:
            say(f"{title}: " + ", ".join(f"{why} {count}" for why, count in sorted(held.items())))
    if report.dropped_codes:
        print_table(
            ["Document", "Locator", "Code", "Why it does not count"],
            [
                [one.document, one.locator, one.code or "(unknown)", one.reason]
                for one in report.dropped_codes[:_DROPPED_SHOWN]
            ],
        )
        if len(report.dropped_codes) > _DROPPED_SHOWN:
            say(f"… and {len(report.dropped_codes) - _DROPPED_SHOWN} more; --json lists all.")
    late = [one for one in report.refused if one not in plan.refused]
    if late:
        say("Planned, and not sent:")
        print_table(["Document", "Why"], [[one.document, one.reason] for one in late])
    other = [one for one in report.models if one != report.coder.id.partition(":")[2]]
    if other:
        say(f"The server calls the model {', '.join(other)}.")
