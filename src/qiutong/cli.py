"""The command line: parse, call one library function, print.

Every command works on the study in the current folder (or the nearest folder above it), or on
``--study FOLDER``. ``--json`` prints one JSON value and nothing else on standard output; progress,
warnings and errors go to standard error. Exit status: 0 done; 1 an error of ours with one clear
message; 2 wrong use; 130 stopped with Ctrl-C.
"""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import msgspec
import typer

from qiutong.errors import BadSettings, InputError, ModelServerError, QiutongError, UnknownName

if TYPE_CHECKING:
    from rich.console import Console

    from qiutong.coders.trained import ModelCard
    from qiutong.combining import CombinedStudy
    from qiutong.model import Comparison, Document, Overlap, Recommendation, Screen, Segment
    from qiutong.reliability import Coefficient, Reliability, SpanAgreement
    from qiutong.sampling import CheckedStudy
    from qiutong.sending import SendPlan, SendReport
    from qiutong.study import FetchReport, Study

app = typer.Typer(
    name="qiutong",
    help="Find what AI-policy documents of two or more parties share, how sure that is, and what "
    "to talk about: 求同存异.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
codebook_app = typer.Typer(
    help="Show, check, compare and migrate codebooks.", no_args_is_help=True, rich_markup_mode=None
)
playbook_app = typer.Typer(
    help="Check the playbook: tensions, topics, tracks and fora.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(codebook_app, name="codebook")
app.add_typer(playbook_app, name="playbook")

StudyOption = Annotated[
    str, typer.Option("--study", metavar="FOLDER", help="The study; the current folder by default.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
AsOfOption = Annotated[
    str,
    typer.Option(
        "--as-of", metavar="DATE", help="today or YYYY-MM-DD; the study's own date by default."
    ),
]

_root_study = ""


def _version(asked: bool) -> None:
    if asked:
        from qiutong.study import software_version

        print(software_version())
        raise typer.Exit


@app.callback()
def _root(
    study: StudyOption = "",
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    global _root_study
    _root_study = study


# ---------------------------------------------------------------------------- making and adding


@app.command()
def init(
    folder: Annotated[str, typer.Argument(help="Folder of the new study.")],
    party: Annotated[
        list[str], typer.Option("--party", help="A party's id; give two or more.")
    ] = [],  # noqa: B006  typer copies the default
    name: Annotated[str, typer.Option(help="Title of the study.")] = "",
    like: Annotated[
        str, typer.Option("--from", metavar="STUDY", help="Copy a bundled study: us-china-ai.")
    ] = "",
) -> None:
    """Make a new study."""
    from qiutong.study import SETTINGS_FILE, Study

    with _Bar() as bar:
        study = Study.create(folder, party, name=name, like=like, progress=bar)
    count = len(study.documents())
    _say(f"Made the study {study.folder} ({', '.join(one.id for one in study.parties)}).")
    if count:
        _say(f"{count} documents were copied. Next: qiutong --study {folder} recommend")
    else:
        _say(f"Settings are in {SETTINGS_FILE}. Next: cd {folder}; qiutong add register.csv")


@app.command()
def add(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Registers (CSV), files, folders, addresses, or an AGORA folder or zip."
        ),
    ],
    study: StudyOption = "",
    party: Annotated[str, typer.Option(help="Party of files, and of rows that name none.")] = "",
    title: Annotated[str, typer.Option(help="Title in the document's language.")] = "",
    issuer: Annotated[str, typer.Option(help="Who issued it.")] = "",
    issuer_type: Annotated[str, typer.Option(help="Such as central-government, company.")] = "",
    instrument: Annotated[str, typer.Option(help="Such as law, standard, statement.")] = "",
    force: Annotated[str, typer.Option(help="binding, voluntary or aspirational.")] = "",
    date_issued: Annotated[str, typer.Option("--date", help="Day of issue, YYYY-MM-DD.")] = "",
    language: Annotated[str, typer.Option(help="Language tag; found from the text if empty.")] = "",
    endorsed_by: Annotated[
        str, typer.Option(help="For a joint text: the parties, with semicolons between.")
    ] = "",
    identity: Annotated[str, typer.Option("--id", help="Id of a single document.")] = "",
    only: Annotated[
        list[str], typer.Option(metavar="COLUMN=VALUE", help="AGORA: rows to take.")
    ] = [],  # noqa: B006
    never_send: Annotated[
        bool,
        typer.Option("--never-send", help="Their text must never leave this machine (AGORA too)."),
    ] = False,
    update: Annotated[
        bool, typer.Option(help="Correct the register fields of documents already there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add documents to the study."""
    given = {
        "title": title, "issuer": issuer, "issuer_type": issuer_type, "instrument": instrument,
        "force": force, "date_issued": date_issued, "language": language,
        "endorsed_by": endorsed_by, "id": identity, "never_send": "true" if never_send else "",
    }  # fmt: skip
    wanted: dict[str, str] = {}
    for one in only:
        column, equals, value = one.partition("=")
        if not equals:
            raise typer.BadParameter(f'"{one}" is not COLUMN=VALUE', param_hint="--only")
        wanted[column] = value
    if identity and len(sources) > 1:
        raise typer.BadParameter("an id is for one document only", param_hint="--id")
    with _Bar() as bar:
        report = _open(study).add(
            *sources,
            party=party,
            update=update,
            only=wanted,
            progress=bar,
            **{column: value for column, value in given.items() if value},
        )
    for warning in report.warnings:
        _warn(warning)
    if as_json:
        _print_json(
            {
                "added": report.added,
                "updated": report.updated,
                "unchanged": report.unchanged,
                "failed": [str(error) for error in report.failed],
                "warnings": report.warnings,
            }
        )
    else:
        parts = [f"Added {len(report.added)}"]
        if report.updated:
            parts.append(f"corrected {len(report.updated)}")
        if report.unchanged:
            parts.append(f"{len(report.unchanged)} were there already")
        _say("; ".join(parts) + ".")
    if report.failed:
        count = len(report.failed)
        listed = "\n".join(f"  {error}" for error in report.failed)
        raise InputError(
            f"{count} document{'s' if count != 1 else ''} could not be read; "
            f"the others were added.\n{listed}"
        )


@app.command()
def fetch(
    ids: Annotated[
        list[str],
        typer.Argument(help="Ids of documents; all that lack the official text if empty."),
    ] = [],  # noqa: B006
    again: Annotated[
        bool, typer.Option(help="Ask again for documents got before; take over changed texts.")
    ] = False,
    trust: Annotated[
        list[str],
        typer.Option(metavar="HOST[:PORT]", help="A host that need not be on the public internet."),
    ] = [],  # noqa: B006
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Get the official texts from the register's addresses, and carry codings over to them."""
    for one in trust:
        host, _, port = one.rpartition(":")
        if host and not port.isdigit():
            raise typer.BadParameter(f'"{one}" is not HOST or HOST:PORT', param_hint="--trust")
    with _Bar() as bar:
        report = _open(study).fetch(*ids, again=again, trusted=trust, progress=bar)
    rows = [{**msgspec.to_builtins(one), "unplaced": list(one.unplaced)} for one in report.records]
    if as_json:
        _print_json(msgspec.to_builtins(report))
        _raise_lost(report)
        return
    if _printed(rows, False, as_csv):
        _raise_lost(report)
        return
    if rows:
        _print_table(
            ["Document", "Outcome", "Provisions placed", "Remark"],
            [
                [
                    one.document,
                    one.outcome,
                    ", ".join(f"{how} {count}" for how, count in one.placed.items()) or "–",
                    one.reason or one.final_url,
                ]
                for one in report.records
            ],
        )
    unplaced = [one for one in report.records if one.unplaced]
    if unplaced:
        _say("Not placed in the official text, so that their codings were not carried over:")
        _print_table(
            ["Document", "Locators in the digest"],
            [[one.document, "; ".join(one.unplaced)] for one in unplaced],
        )
    got = sum(one.outcome in ("fetched", "changed") for one in report.records)
    parts = [f"Got {got} of {len(report.records)} documents asked for"]
    if report.skipped:
        parts.append(f"{len(report.skipped)} were got earlier")
    if report.without_url:
        parts.append(f"{len(report.without_url)} have no address in the register")
    _say("; ".join(parts) + ".")
    if got:
        _say("Next: qiutong code, for the documents that nobody has coded yet.")
    _raise_lost(report)


@app.command()
def remove(
    document: Annotated[str, typer.Argument(help="Id of the document.")],
    why: Annotated[str, typer.Option(help="The reason, kept in the store.")] = "",
    study: StudyOption = "",
) -> None:
    """Take a document out of the study; its text and codings stay in the store."""
    _open(study).remove(document, why)
    _say(f"Removed {document}.")


# ---------------------------------------------------------------------------- finding and reading


@app.command()
def documents(
    study: StudyOption = "", as_json: JsonOption = False, as_csv: CsvOption = False
) -> None:
    """List the documents."""
    held = _open(study).documents()
    rows = [
        {
            key: value
            for key, value in msgspec.to_builtins(one).items()
            if key not in ("text", "pages", "blocks")
        }
        for one in held
    ]
    if _printed(rows, as_json, as_csv):
        return
    _print_table(
        ["Document", "Party", "Date", "Status", "Title"],
        [
            [one.id, one.party, str(one.date_issued or "–"), one.status.value, one.title]
            for one in held
        ],
    )


@app.command()
def segments(
    document: Annotated[str, typer.Argument(help="Id of a document; all where empty.")] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the provisions with their locators and exact offsets."""
    from qiutong.exporters.tables import segment_rows

    held = list(_open(study).segments(document or None))
    if _printed(segment_rows(held), as_json, as_csv):
        return
    _print_table(
        ["Document", "Locator", "Text"], [[one.document, one.locator, one.text] for one in held]
    )


@app.command()
def show(
    document: Annotated[str, typer.Argument(help="Id of a document.")],
    locator: Annotated[str, typer.Argument(help="Only this provision, such as 第四条.")] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Read a document, or one of its provisions."""
    from qiutong.locators import find_place

    opened = _open(study)
    held = opened.document(document)
    provisions = list(opened.segments(document))
    if locator:
        places = [one.locator for one in provisions]
        found = find_place(locator, places)
        if not found:
            raise UnknownName("locator", locator, places, where=document)
        provisions = [provisions[at] for at in found]
    if as_json:
        value = msgspec.to_builtins(held)
        value.pop("blocks")
        from qiutong.exporters.tables import segment_rows

        value["segments"] = segment_rows(provisions)
        _print_json(value)
        return
    _print_document(held, provisions)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="Words in any language; quotes for a phrase.")],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most hits to show.")] = 20,
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Find provisions that hold every word."""
    from qiutong.exporters.tables import segment_rows
    from qiutong.study import find_in_text

    hits = _open(study).search(query, limit)
    rows = segment_rows([hit.segment for hit in hits])
    for row, hit in zip(rows, hits, strict=True):
        row["score"] = hit.score
    if _printed(rows, as_json, as_csv):
        return
    if not hits:
        _say(f'Nothing holds all of "{query}".')
        return
    from rich.text import Text

    shown = []
    for hit in hits:
        text = Text(hit.segment.text)
        for start, end in find_in_text(hit.segment.text, query):
            text.stylize("bold reverse", start, end)
        shown.append([hit.segment.document, hit.segment.locator, text])
    _print_table(["Document", "Locator", "Text"], shown)


# ---------------------------------------------------------------------------- coding


@app.command()
def code(
    ids: Annotated[list[str], typer.Argument(help="With --coder llm: only these documents.")] = [],  # noqa: B006
    coder: Annotated[
        str,
        typer.Option(
            help="default; builtin; llm: a language model on a server that you name; or a file "
            "that qiutong train wrote. If empty, the program that study.toml counts."
        ),
    ] = "",
    again: Annotated[bool, typer.Option(help="Code documents that are coded already.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="llm: show what would be sent, and send nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="llm: send without asking first.")] = False,
    model: Annotated[str, typer.Option(help="llm: the model, instead of study.toml's.")] = "",
    endpoint: Annotated[
        str, typer.Option(metavar="URL", help="llm: the server, instead of study.toml's.")
    ] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Code the documents: Qiutong's coders or a language model; only what changed."""
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
    with _Bar() as bar:
        report = _open(study).code(again=again, coder=coder, progress=bar)
    for warning in report.warnings:
        _warn(warning)
    if as_json:
        _print_json(msgspec.to_builtins(report))
        return
    _say(
        f"Coded {len(report.coded)} documents with {report.coder.id} {report.coder.version}: "
        f"{report.codings} codings; {len(report.unchanged)} documents were coded already."
    )


@app.command()
def train(
    file: Annotated[str, typer.Argument(help="File to write, NAME.npz.")],
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
            help="For tags: a coder learned from provisions; what it says is seen too.",
        ),
    ] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Learn a coder from codings of provisions in this study, or from tags of its documents."""
    if not file.endswith(".npz"):
        raise typer.BadParameter(f'"{file}" does not end in .npz', param_hint="FILE")
    if tags and coder:
        raise typer.BadParameter("give --from or --tags, not both")
    with _Bar() as bar:
        card = _open(study).train(
            file, coder=coder, tags=tags or None, base=base or None, progress=bar
        )
    if as_json:
        _print_json(msgspec.to_builtins(card))
        return
    _print_card(card)
    _say(f"Wrote {file}. Next: qiutong code --coder {file}")


def _print_card(card: "ModelCard") -> None:
    from qiutong.coders.trained import LEAST_PRECISION

    units = card.provisions if card.unit == "provision" else card.languages
    total = sum(units.values())
    f1 = {(one.code, one.language): _or_dash(one.f1) for one in card.figures}
    apart = [one for one in card.macro_f1 if one != "all"] if len(card.languages) > 1 else []
    _print_table(
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
                _or_dash(one.average_precision),
                f"{one.given / total:.3f}",
                "not given" if one.code in card.withheld else "",
            ]
            for one in card.figures
            if not one.language
        ],
    )
    _print_table(
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
    _say(
        f"Learned from {card.documents} documents {learned} {card.trained_on}; the figures are of "
        f"documents held out. Calibration error {card.calibration_error:.3f}.{base}"
    )
    _say(
        "Learned and not given, because average precision is below "
        f"{LEAST_PRECISION} or no better than chance: {', '.join(card.withheld) or 'none'}."
    )
    _say(f"Not learned, too few {card.unit}s: {', '.join(card.untrained) or 'none'}.")
    for limit in card.limits:
        _say(limit)


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


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
    opened = _open(study)
    with _Bar("planning"):
        plan = opened.plan_llm(*ids, model=model, endpoint=endpoint, again=again)
    if dry_run:
        if as_json:
            _print_json(msgspec.to_builtins(plan))
        else:
            _print_plan(plan)
            _say("Nothing was sent.")
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
            _say("Nothing was sent.")
            return
    with _Bar() as bar:
        report = opened.code_llm(plan, progress=bar)
    if as_json:
        _print_json(msgspec.to_builtins(report))
    else:
        _print_sent(plan, report)
    if report.failed:
        listed = "\n".join(f"  {one.document}: {one.reason}" for one in report.failed)
        raise ModelServerError(
            plan.url,
            f"{len(report.failed)} documents were not coded; what was finished is kept",
            ("The run was stopped. " if report.stopped else "")
            + f"Run the command again to go on.\n{listed}",
        )
    if report.stopped:
        raise InputError(f"The run was stopped: {report.stopped}")


@app.command("import")
def import_(
    path: Annotated[
        str, typer.Argument(help="A CSV of codings, or a folder with coders.toml.")
    ] = "codings",
    coder: Annotated[str, typer.Option(help="Id of the coder of a CSV file.")] = "",
    kind: Annotated[str, typer.Option(help="person, rule or model.")] = "person",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take over codings made by people or by another program; nothing is overwritten."""
    from qiutong.model import Coder, CoderKind

    if kind not in list(CoderKind) or kind == CoderKind.COMBINED:
        raise typer.BadParameter(f'"{kind}" is not person, rule or model', param_hint="--kind")
    report = _open(study).import_codings(
        path, Coder(id=coder, kind=CoderKind(kind)) if coder else None
    )
    for warning in report.warnings:
        _warn(warning)
    if as_json:
        _print_json(msgspec.to_builtins(report))
        return
    _say(
        f"Took over {report.codings} codings of {report.documents} documents by "
        f"{', '.join(one.id for one in report.coders)}"
        + (f"; {report.unchanged} were here already." if report.unchanged else ".")
    )
    if report.decisions:
        listed = ", ".join(f"{kind} {count}" for kind, count in sorted(report.decisions.items()))
        _say(f"Decisions: {listed}. qiutong decisions lists them.")


@app.command()
def decisions(
    document: Annotated[str, typer.Argument(help="Id of a document; all where empty.")] = "",
    history: Annotated[
        bool, typer.Option("--history", help="Also decisions that later ones took the place of.")
    ] = False,
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List what adjudicators decided, where readings differ and where they were overruled."""
    rows = [
        one for one in _open(study).decisions(document).rows() if history or not one["superseded"]
    ]
    if _printed(rows, as_json, as_csv):
        return
    _print_table(
        ["Document", "Locator", "Code", "Decision", "About", "Reason", "Taken over"],
        [
            [one["document"], one["locator"], one["code"], "yes" if one["given"] else "no",
             one["kind"] + (" (superseded)" if one["superseded"] else ""), one["reason"],
             one["recorded_at"]]
            for one in rows
        ],
    )  # fmt: skip


@app.command()
def reliability(
    coder: Annotated[
        list[str], typer.Option(help="A coder; give two or more, or none for all readings.")
    ] = [],  # noqa: B006
    disagreements: Annotated[
        int, typer.Option(min=0, help="How many rows of the disagreement matrix to print.")
    ] = 12,
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show how far coders agree, code by code and on the words marked, with intervals."""
    with _Bar("measuring"):
        held = _open(study).reliability(*coder)
    if as_json:
        _print_json(msgspec.to_builtins(held))
        return
    rows = [msgspec.to_builtins(one) for one in held.codes]
    if _printed(rows, False, as_csv):
        return
    _print_reliability(held, disagreements)


@app.command()
def combine(
    name: Annotated[str, typer.Argument(help="Id of the combined coder.")],
    member: Annotated[
        list[str],
        typer.Option(
            "--from", metavar="CODER", help="A member; two or more, or none to combine anew."
        ),
    ] = [],  # noqa: B006
    rule: Annotated[
        str,
        typer.Option(
            help="unanimous (if empty), majority, any, or how many must have given a code."
        ),
    ] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Make one coder of several; where they differ, say nothing."""
    held = _open(study).combine(name, member, rule=rule)
    for one, missing in held.left_out.items():
        _warn(f"{one} is left out: not coded by {', '.join(missing)}.")
    if as_json:
        _print_json(msgspec.to_builtins(held))
        return
    _say(held.coder.description.splitlines()[0])
    _say(
        f"{held.codings:,} codes on provisions stand and {held.undecided:,} are undecided, in "
        f"{len(held.combined) + len(held.unchanged)} documents: {len(held.combined)} combined now, "
        f"{len(held.unchanged)} as before, {len(held.left_out)} left out."
    )
    _say(f'Next: qiutong agreement {name}; and coder = "{name}" in study.toml if it is to count.')


@app.command()
def agreement(
    name: Annotated[str, typer.Argument(help="Id of a combined coder.")],
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
    """Show what a combined coder leaves undecided, and what its members' agreement is worth."""
    opened = _open(study)
    if undecided:
        _print_undecided(opened, name, as_json, as_csv)
        return
    with _Bar("measuring"):
        held = opened.agreement(name, against=against, as_of=as_of or None)
    if as_json:
        _print_json(msgspec.to_builtins(held))
        return
    bounds = {one.code: msgspec.to_builtins(one) for one in held.bounds}
    rows = [{**msgspec.to_builtins(one), **bounds.get(one.code, {})} for one in held.codes]
    if not _printed(rows, False, as_csv):
        _print_agreement(opened, held)


@app.command()
def codings(
    document: Annotated[str, typer.Argument(help="Id of a document; all where empty.")] = "",
    coder: Annotated[str, typer.Option(help="Only this coder's.")] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the codings with their evidence."""
    opened = _open(study)
    if document:
        opened.document(document)
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
    if _printed(rows, as_json, as_csv):
        return
    _print_table(
        ["Document", "Locator", "Code", "Position", "Evidence"],
        [
            [row["document"], row["locator"], row["code"], row["position"] or "–", row["evidence"]]
            for row in rows
        ],
    )


@app.command()
def sample(
    per_party: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of each party, together with those drawn before: 30 documents, or 200 provisions.",
        ),
    ] = None,
    provisions: Annotated[
        bool, typer.Option("--provisions", help="Draw provisions, one by one, and no documents.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(help="Of the random order; only for the first sample.")
    ] = None,
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Draw documents of each party at random for a person to check, with sheets to code on."""
    if provisions:
        _sample_provisions(study, per_party or 200, seed, as_of, as_json)
        return
    draw, folder = _open(study).sample(per_party or 30, seed=seed, as_of=as_of or None)
    if as_json:
        _print_json({"folder": str(folder), **msgspec.to_builtins(draw)})
        return
    _print_table(
        ["Party", "Drawn now", "Of all"],
        [
            [party, str(len(ids)), str(len(draw.frame[party]))]
            for party, ids in draw.documents.items()
        ],
    )
    _say(f"Wrote a sheet for each document, {draw.provisions} provisions in all, to {folder}.")
    _say(
        "Put codes, or nothing, in place of each ? in the column codes; look at no model's codes. "
        "Then: qiutong import SHEET --coder YOU; qiutong estimate --person YOU"
    )


def _sample_provisions(
    study: str, per_party: int, seed: int | None, as_of: str, as_json: bool
) -> None:
    draw, folder = _open(study).sample_provisions(per_party, seed=seed, as_of=as_of or None)
    if as_json:
        _print_json({"folder": str(folder), **msgspec.to_builtins(draw)})
        return
    _print_table(
        ["Party", "Drawn now", "Of all"],
        [[party, str(len(ids)), str(len(draw.frame[party]))] for party, ids in draw.drawn.items()],
    )
    _say(f"Wrote a sheet for each party to {folder}.")
    _say(
        "Put codes, or nothing, in place of each ? in the column codes, from the first row on; look "
        "at no model's codes. Then: qiutong estimate --provisions"
    )


@app.command()
def estimate(
    person: Annotated[
        str, typer.Option(help="The coder who checked the sample of documents.")
    ] = "",
    provisions: Annotated[
        bool, typer.Option("--provisions", help="From the sheets of provisions drawn.")
    ] = False,
    model: Annotated[
        str, typer.Option(help="The coder of all documents; those that study.toml counts if empty.")
    ] = "",
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Estimate shares and grades from a model's codes and a person's on a random sample."""
    opened = _open(study)
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
        _warn(
            f"{len(held.passed_over)} documents that {person} read are not at the beginning of the "
            "random order and do not count as sample; they are known in the grades: "
            + ", ".join(held.passed_over[:5])
            + (" …" if len(held.passed_over) > 5 else "")
        )
    if as_json:
        _print_json(msgspec.to_builtins(held))
        return
    if _printed([msgspec.to_builtins(one) for one in held.codes], False, as_csv):
        return
    _print_checked(opened, held)


def _estimate_provisions(
    opened: "Study", model: str, as_of: str, as_json: bool, as_csv: bool
) -> None:
    held = opened.estimate_provisions(model=model, as_of=as_of or None)
    if held.passed_over:
        _warn(
            f"{held.passed_over} provisions were checked behind one that was not, and do not count "
            "as sample."
        )
    if as_json:
        _print_json(msgspec.to_builtins(held))
        return
    if _printed([msgspec.to_builtins(one) for one in held.codes], False, as_csv):
        return
    counted = ", ".join(
        f"{party} {number} of {held.provisions[party]}" for party, number in held.checked.items()
    )
    _say(f"Provisions checked at random: {counted}. All coded by {held.model}.")
    refused = {
        party: share.undefined for party, share in held.codes[0].salience.items() if share.undefined
    }
    if refused:
        _say(
            "Too small to say: "
            + "; ".join(f"{party}: {why}" for party, why in refused.items())
            + "."
        )
    labels = {one.id: one.label.get("en", one.id) for one in opened.codebook.codes}
    _print_table(
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
    _say(
        "Shares of provisions. They say nothing of the share of documents, and change no grade: a "
        "document has a code by any of its provisions."
    )


@app.command("next")
def next_(
    person: Annotated[str, typer.Option(help="The coder who checks.")],
    model: Annotated[
        str, typer.Option(help="The coder of all documents; those that study.toml counts if empty.")
    ] = "",
    number: Annotated[int, typer.Option(min=1, help="Most documents to name.")] = 10,
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Name the documents whose checking is expected to tell most about the grades."""
    held = _open(study).next(person, model=model, number=number, as_of=as_of or None)
    if _printed(held.rows(), as_json, as_csv):
        return
    _print_table(
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
        _say("Every document has been checked.")
    elif held[0].gain is None:
        _say("These belong to the random sample, which comes first.")


# ---------------------------------------------------------------------------- asking


@app.command()
def overlap(
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show how far the parties speak about the same codes, and how firmly that holds."""
    from qiutong.exporters.tables import overlap_rows

    opened = _open(study)
    _note_stale(opened)
    with _Bar("measuring"):
        held = opened.overlap(as_of or None)
    if _printed(overlap_rows(held, opened.codebook), as_json, as_csv):
        return
    _print_overlap(opened, held)


@app.command()
def screen(
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show what is clear, what to handle with care and what is set aside, and why."""
    from qiutong.exporters.tables import screen_rows

    opened = _open(study)
    _note_stale(opened)
    with _Bar("screening"):
        held = opened.screen(as_of or None)
    if _printed(screen_rows(held), as_json, as_csv):
        return
    _print_screens(held)


@app.command()
def recommend(
    as_of: AsOfOption = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Say which topics to propose, on which track and in which forum, and why."""
    from qiutong.exporters.tables import recommend_rows

    opened = _open(study)
    _note_stale(opened)
    with _Bar("weighing"):
        held = opened.recommend(as_of or None)
    for warning in opened.playbook.warnings:
        _warn(warning.get("en", ""))
    if _printed(recommend_rows(held), as_json, as_csv):
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
    """Show what differs between two days: topics, subjects and documents."""
    from qiutong.exporters.tables import comparison_rows

    if not 1 <= len(as_of) <= 2:
        raise typer.BadParameter(
            "give two days, such as --as-of 2025-01-20 --as-of today", param_hint="--as-of"
        )
    opened = _open(study)
    _note_stale(opened)
    with _Bar("weighing both days"):
        held = opened.compare(*as_of)
    if as_json:
        _print_json(msgspec.to_builtins(held))
        return
    if _printed(comparison_rows(held, opened.codebook), False, as_csv):
        return
    _print_comparison(opened, held)


@app.command()
def report(
    lang: Annotated[str, typer.Option(help="en or zh.")] = "en",
    output: Annotated[str, typer.Option("--output", "-o", help="The file to write.")] = "",
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
    opened = _open(study)
    _note_stale(opened)
    with _Bar("writing the report"):
        path = opened.report(
            output or None, language=lang, as_of=as_of or None, compare_to=compare_to or None
        )
    if as_json:
        _print_json({"report": str(path)})
    else:
        _say(f"The report is {path}")


@app.command()
def demo(
    folder: Annotated[str, typer.Argument(help="Where the study is made.")] = "qiutong-demo",
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
    """Run the whole job on the bundled documents and write the report in both languages."""
    from qiutong.comparison import compare_results
    from qiutong.study import SETTINGS_FILE, Study

    with _Bar() as bar:
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
    with _Bar("weighing"):
        results = study.results(as_of)
        if results.as_of != study.day("today"):
            later = study.results("today", quoting=False)
            results = msgspec.structs.replace(results, comparison=compare_results(results, later))
        paths = [study.report(language=language, results=results) for language in ("en", "zh")]
    unread = sum(not one.read for one in study.documents())
    _say(
        f"{len(results.documents)} bundled documents as of {results.as_of} ({unread} more are "
        "listed, whose text nobody has read). They are digests in our own words, coded twice by a "
        "large language model and adjudicated, and reviewed by no person yet: a worked example.\n"
    )
    _print_recommendations(study, results.recommendations)
    if results.comparison:
        _print_since(results.comparison)
    for path in paths:
        _say(f"The report is {path}")


# ---------------------------------------------------------------------------- codebook and playbook


@codebook_app.command("show")
def codebook_show(
    name: Annotated[str, typer.Argument(help="Bundled id or YAML file.")] = "ai-governance",
    code: Annotated[str, typer.Option(help="Only this code.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Show a codebook, or one of its codes in full."""
    from qiutong.codebook import codebook_markdown, load_codebook

    book = load_codebook(_book_source(name))
    if code:
        known = {one.id: one for one in book.codes}
        if code not in known:
            raise UnknownName("code", code, known)
        chosen = known[code]
        if as_json:
            _print_json(msgspec.to_builtins(chosen))
        else:
            print(msgspec.yaml.encode(chosen).decode())
        return
    if as_json:
        _print_json(msgspec.to_builtins(book))
    elif sys.stdout.isatty():
        _print_table(
            ["Code", "English", "中文"],
            [[one.id, one.label.get("en", ""), one.label.get("zh", "")] for one in book.codes],
        )
    else:
        print(codebook_markdown(book))


@codebook_app.command("check")
def codebook_check(
    path: Annotated[str, typer.Argument(help="Bundled id or YAML file.")] = "ai-governance",
) -> None:
    """Check a codebook: shape, parents, languages, cues."""
    from qiutong.codebook import check_codebook, load_codebook

    for warning in check_codebook(_book_source(path)):
        _warn(warning)
    book = load_codebook(_book_source(path))
    _say(f"{book.name}: {len(book.codes)} codes, no errors.")


@codebook_app.command("diff")
def codebook_diff(
    old: Annotated[str, typer.Argument(help="Bundled id or YAML file.")],
    new: Annotated[str, typer.Argument(help="Bundled id or YAML file.")],
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two codebooks."""
    from qiutong.codebook import compare_codebooks, load_codebook

    changes = compare_codebooks(load_codebook(_book_source(old)), load_codebook(_book_source(new)))
    if as_json:
        _print_json(msgspec.to_builtins(changes))
        return
    if not changes:
        _say("No difference.")
        return
    _print_table(
        ["Kind", "Codes", "Into", "Why"],
        [[one.kind, ", ".join(one.codes), ", ".join(one.into), one.why] for one in changes],
    )


@codebook_app.command("migrate")
def codebook_migrate(
    path: Annotated[str, typer.Argument(help="A CSV of codings with a column code.")],
    since: Annotated[str, typer.Option("--from", help="Version the codings were made with.")],
    book: Annotated[str, typer.Option("--codebook", help="Bundled id or file.")] = "ai-governance",
    output: Annotated[str, typer.Option("--output", "-o", help="The file to write.")] = "",
) -> None:
    """Carry codings over to the codebook's present version; nothing is overwritten."""
    import csv

    from qiutong.codebook import load_codebook, migrate_rows
    from qiutong.exporters.tables import write_csv

    source = Path(path)
    if not source.is_file():
        raise InputError(f"{path}: there is no such file.")
    with source.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or "code" not in rows[0]:
        raise InputError(f'{path}: there is no column "code".')
    moved = migrate_rows(load_codebook(_book_source(book)), rows, since)
    target = Path(output) if output else source.with_name(f"{source.stem}.migrated.csv")
    if target.exists():
        raise InputError(f"{target}: exists already; name another file with --output.")
    target.write_text(write_csv(list(moved.rows)), encoding="utf-8")
    _say(f"Wrote {len(moved.rows)} codings to {target}.")
    for one in moved.undecided:
        _warn(f"A person must decide: {one}")


@playbook_app.command("check")
def playbook_check(study: StudyOption = "") -> None:
    """Check the study's playbook against its codebook."""
    opened = _open(study)
    held = opened.playbook
    for warning in held.warnings:
        _warn(warning.get("en", ""))
    _say(
        f"{held.id}@{held.version}: {len(held.topics)} topics, {len(held.tensions)} tensions, "
        f"{len(held.fora)} fora, {len(held.tracks.rules)} rules; no errors."
    )


# ---------------------------------------------------------------------------- printing


class _Bar:
    """A progress bar on standard error, shown only once a second has passed."""

    def __init__(self, title: str = "") -> None:
        self._title = title
        self._progress: Any = None
        self._tasks: dict[str, Any] = {}
        self._began = time.monotonic()

    def __enter__(self) -> "_Bar":
        if self._title and sys.stderr.isatty():
            self(self._title, 0, None)
        return self

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if not sys.stderr.isatty():
            return
        if self._progress is None:
            if not self._title and time.monotonic() - self._began < 1.0:
                return
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

            self._progress = Progress(
                "{task.description}",
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._progress.start()
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[stage], completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()


def _raise_lost(report: "FetchReport") -> None:
    """End with an error where documents could not be got; what was got is kept."""
    lost = [one for one in report.records if one.outcome in ("failed", "doubtful")]
    if report.offline:
        raise InputError(
            "No host could be reached, so the run stopped. What was got is kept; run the command "
            "again when there is a connection."
        )
    if lost:
        raise InputError(
            f"{len(lost)} document{'s' if len(lost) != 1 else ''} could not be got, for the reasons "
            "above; what the study held of them stays."
        )


def _note_stale(study: "Study") -> None:
    """Say of combined coders that count whether their members have changed."""
    for warning in study.stale():
        _warn(warning["en"])


def _open(study: str) -> "Study":
    from qiutong.study import Study

    folder = study or _root_study
    return Study(folder) if folder else Study.find()


def _book_source(name: str) -> str | Path:
    return Path(name) if name.endswith((".yaml", ".yml")) or Path(name).is_file() else name


def _console() -> "Console":
    from rich.console import Console

    # Not a terminal: wide enough that a script or a file gets whole lines.
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False, soft_wrap=False)


def _say(text: str) -> None:
    print(text)


def _warn(text: str) -> None:
    print(f"Note: {text}", file=sys.stderr)


def _print_json(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.flush()


def _printed(rows: Sequence[dict[str, Any]], as_json: bool, as_csv: bool) -> bool:
    """Print rows for a script, if asked; say whether that was so."""
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    if as_json:
        _print_json(rows)
    if as_csv:
        from qiutong.exporters.tables import write_csv

        sys.stdout.buffer.write(write_csv(rows).encode("utf-8"))
        sys.stdout.flush()
    return as_json or as_csv


def _print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        # Text, not markup: a document may hold square brackets.
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    _console().print(table)


def _print_plan(plan: "SendPlan") -> None:
    """Say what would leave the machine, whereto, and what it would cost."""
    _say(f"Model {plan.model}, prompt {plan.coder.version.partition('+')[0]}")
    where = "this machine" if plan.local else plan.host
    way = "encrypted" if plan.encrypted else "not encrypted"
    _say(f"Sent to: {plan.url} ({where}{'' if plan.local else f', {way}'})")
    held = "holds one, sent to that host" if plan.key_found else "is empty, so none is sent"
    _say(f"Key: the environment variable {plan.key_variable or '(none named)'} {held}")
    if plan.documents:
        _print_table(
            ["Document", "Provisions", "Characters of its text", "Requests"],
            [
                [one.document, one.provisions, f"{one.characters + one.context:,}", one.requests]
                for one in plan.documents
            ],
        )
        if plan.requests_answered:
            _say(
                f"{plan.requests_answered} of {plan.requests_answered + plan.requests} requests "
                "were answered in a run that did not finish their documents. These answers are "
                "used, and their provisions are not sent again."
            )
        books = " / ".join(f"{n:,} ({name})" for name, n in plan.codebook_characters.items())
        _say(
            "Each request holds provisions with their headings and opening words, and the rules "
            f"and codebook ({books} characters). Nothing of the register is sent, and no codings."
        )
    if plan.refused:
        _say("Not sent:")
        _print_table(["Document", "Why"], [[one.document, one.reason] for one in plan.refused])
    if plan.unchanged:
        _say(f"{len(plan.unchanged)} documents were coded by this model already.")
    cost = (
        "study.toml names no prices, so no cost is given"
        if plan.cost is None
        else f"about {plan.cost:,.2f} {plan.currency} at the prices in study.toml"
    )
    text = sum(one.characters + one.context for one in plan.documents)
    _say(
        f"{len(plan.documents)} documents, {text:,} characters of their text, {plan.requests:,} "
        f"requests, about {plan.tokens_in:,} tokens sent and {plan.tokens_out:,} answered; {cost}."
    )
    if plan.budget and plan.cost is not None and plan.cost > plan.budget:
        _say(f"The run will end when {plan.budget:,.2f} {plan.currency} are spent: llm.budget.")
    if plan.documents:
        _say(plan.estimate)


_DROPPED_SHOWN = 12


def _print_sent(plan: "SendPlan", report: "SendReport") -> None:
    parts = [f"{report.requests} requests"]
    if report.tokens_in or report.tokens_out:
        parts.append(f"{report.tokens_in:,} tokens sent and {report.tokens_out:,} answered")
    if report.cost is not None:
        parts.append(f"about {report.cost:,.2f} {report.currency}")
    _say(
        f"Coded {len(report.coded)} documents with {report.coder.id}: {report.codings} codings; "
        f"{', '.join(parts)}."
    )
    for title, held in (
        ("Codes that did not count", report.dropped),
        ("Answers asked for again", report.unusable),
    ):
        if held:
            _say(f"{title}: " + ", ".join(f"{why} {count}" for why, count in sorted(held.items())))
    if report.dropped_codes:
        _print_table(
            ["Document", "Locator", "Code", "Why it does not count"],
            [
                [one.document, one.locator, one.code or "(unknown)", one.reason]
                for one in report.dropped_codes[:_DROPPED_SHOWN]
            ],
        )
        if len(report.dropped_codes) > _DROPPED_SHOWN:
            _say(f"… and {len(report.dropped_codes) - _DROPPED_SHOWN} more; --json lists all.")
    late = [one for one in report.refused if one not in plan.refused]
    if late:
        _say("Planned, and not sent:")
        _print_table(["Document", "Why"], [[one.document, one.reason] for one in late])
    other = [one for one in report.models if one != report.coder.id.partition(":")[2]]
    if other:
        _say(f"The server calls the model {', '.join(other)}.")


def _print_document(document: "Document", provisions: Sequence["Segment"]) -> None:
    from rich.text import Text

    console = _console()
    console.print(Text(document.title, style="bold"))
    facts = [document.id, document.party, document.issuer, str(document.date_issued or ""),
             document.status.value, document.text_kind.value, document.url]  # fmt: skip
    console.print(Text(" · ".join(fact for fact in facts if fact)))
    for warning in document.warnings:
        console.print(Text(f"Note: {warning}", style="italic"))
    shown: tuple[str, ...] = ()
    for one in provisions:
        if one.headings != shown:
            shown = one.headings
            console.print()
            console.print(Text(" › ".join(shown), style="bold"))
        place = one.locator + (f" (p. {one.page})" if one.page else "")
        console.print(Text(place, style="cyan"))
        console.print(Text(one.text))


_GRADE_SIGNS = {
    "strong": "●●●", "moderate": "●●○", "limited": "●○○", "partial": "◐", "one-sided": "◧",
    "absent": "–", "undefined": "?",
}  # fmt: skip


def _print_overlap(study: "Study", held: Sequence["Overlap"]) -> None:
    labels = {one.id: one.label.get("en", one.id) for one in study.codebook.codes}
    corrected = any(one.is_corrected for one in held)
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
                f"{_GRADE_SIGNS[one.grade.value]} {one.grade.value}",
                labels[one.code],
                one.code,
                *shares,
                *([one.checked.counted_grade.value] if corrected and one.checked else []),
                "–" if one.firmness is None else f"{one.firmness:.0%}",
            ]
        )
    order = list(_GRADE_SIGNS)
    rows.sort(key=lambda row: order.index(row[0].split()[-1]))
    _print_table(
        [
            "Overlap", "Subject", "Code", *(one.label() for one in study.parties),
            *(["Counted", "Sure"] if corrected else ["Stable"]),
        ],
        rows,
    )  # fmt: skip
    if corrected:
        person = study.settings.coding.checked_by
        _say(
            f"Shares and grades are corrected by the sample that {person} checked. Counted: as the "
            f"codes alone give it. Sure: probability that {person} would find this grade in all "
            "documents."
        )
        return
    _say("Stable: share of bootstrap resamples (documents drawn again) that give the same grade.")
    if held and held[0].checked:
        _warn(f"Not corrected by the checked sample: {held[0].checked.undefined}.")


def _print_checked(study: "Study", held: "CheckedStudy") -> None:
    counted = ", ".join(
        f"{party} {len(ids)} of {held.documents[party]}" for party, ids in held.sample.items()
    )
    _say(f"Checked at random by {held.person}: {counted}. All coded by {held.model}.")
    refused = list(dict.fromkeys(one.undefined for one in held.codes if one.undefined))
    if refused:
        _say(f"No grades: {'; '.join(refused)}.")
    labels = {one.id: one.label.get("en", one.id) for one in study.codebook.codes}
    order = list(_GRADE_SIGNS)
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
                f"{_GRADE_SIGNS[one.grade.value]} {one.grade.value}",
                "–" if one.sure is None else f"{one.sure:.0%}",
                labels[one.code],
                one.code,
                *shares,
                alone,
            ]
        )
    _print_table(
        [
            "Overlap", "Sure", "Subject", "Code", *(one.label() for one in study.parties),
            "Model alone",
        ],
        rows,
    )  # fmt: skip
    _say("Sure: probability that a person who read every document would find this grade.")


def _print_screens(held: Iterable["Screen"]) -> None:
    _print_table(
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
    _print_table(["Verdict", "Topic", "Track", "Forum"], rows)


def _print_since(held: "Comparison") -> None:
    """Say in a few lines what differs on the later day."""

    def words(one: Any) -> str:
        return one.value.replace("-", " ") if one else "not weighed"

    moved = [one for one in held.topics if one.before != one.after]
    _say(
        f"By {held.after}: {len(held.ended)} of these documents have ended and "
        f"{len(held.entered)} are new; {len(moved)} of {len(held.topics)} topics are judged "
        "otherwise:"
    )
    for one in moved:
        _say(f"  {one.title.get('en', one.topic)}: {words(one.before)}, now {words(one.after)}")
    _say("")


def _coefficient(held: "Coefficient") -> str:
    if held.value is None:
        return f"undefined: {held.undefined}"
    if held.low is None or held.high is None:
        return f"{held.value:.2f}"
    return f"{held.value:.2f} ({held.low:.2f}–{held.high:.2f})"


def _print_reliability(held: "Reliability", disagreements: int) -> None:
    _print_table(
        ["Code", *held.coders, "Both", "Agreement", "Alpha", "AC1", "Verdict"],
        [
            [
                one.code,
                *(one.given_by.get(coder, 0) for coder in held.coders),
                one.given_by_all,
                f"{one.percent_agreement:.1%}",
                _coefficient(one.alpha),
                _coefficient(one.ac1),
                one.verdict.value,
            ]
            for one in sorted(
                held.codes,
                key=lambda one: (one.alpha.value is None, one.alpha.value or 0.0, one.code),
            )
        ],
    )
    if disagreements and held.disagreements:
        _say("What one reading gave and the other did not, most frequent first:")
        _print_table(
            ["Gave", "Code", "Where the other gave", "Provisions"],
            [
                [one.coder, one.code, one.other_code or "no code of its own", one.units]
                for one in held.disagreements[:disagreements]
            ],
        )
    _say(
        f"{held.units} provisions of {held.documents} documents read by {', '.join(held.coders)}"
        f"{f'; {held.left_out} read by one only were left out' if held.left_out else ''}. "
        f"Over all codes: alpha {_coefficient(held.micro)}; on sets of codes (MASI) "
        f"{_coefficient(held.masi)}; {held.level:.0%} intervals from {held.resamples} resamples of "
        "documents."
    )
    _say(held.uncoded["en"])
    for pair in held.spans:
        _print_spans(pair)
    if held.spans:
        _say(held.span_rule["en"])


def _print_spans(held: "SpanAgreement") -> None:
    one, two = held.coders
    # Where both mark whole provisions the table above has said it all, code by code.
    codes = [row for row in held.codes if sum(row.spans.values()) and len(held.whole_only) < 2]
    codes.sort(key=lambda row: (row.any_overlap.f1.value or 0.0, row.code))
    _say(f"Words that {one} and {two} marked for the same code, F1 of spans:")
    _print_table(
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
                _coefficient(row.any_overlap.f1),
                _coefficient(row.half_overlap.f1),
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
    if held.whole_only:
        _say(
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
    if not _printed(rows, as_json, as_csv):
        _print_table(
            ["Document", "Locator", "Code", "Given by"],
            [[row["document"], row["locator"], row["code"], row["given_by"]] for row in rows],
        )
        _say(f"{len(rows)} undecided; --csv gives the text of each provision too.")


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
                else f"{_GRADE_SIGNS[bound.grade_low.value]} {bound.grade_low.value}"
                + (f" … {bound.grade_high.value}" if bound.depends else ""),
            ]
        )
    _print_table(
        [
            "Code", "Documents with / undecided / without", "Decided", "Provisions with / undecided",
            *(one.label() for one in study.parties), "Overlap",
        ],
        rows,
    )  # fmt: skip
    _say(
        "Shares and grades: if every undecided cell is without its code, and if every one has it. "
        f"Codes that no member gave are not shown.{' ' if held.no_bounds else ''}{held.no_bounds}"
    )
    if held.levels:
        _say(f"Against {held.against}, on {held.judged} documents that it has coded too:")
        _print_table(
            ["Of all", "Given by", "Cells", "Share of cells", "Have the code"],
            [
                [
                    f"{one.unit} × code",
                    f"{one.given_by} of {len(held.members)}",
                    f"{one.cells:,}",
                    f"{one.share:.1%}",
                    _coefficient(one.with_code),
                ]
                for one in held.levels
            ],
        )
        _print_table(
            ["Coder or rule", "Of all", "Precision", "Recall", "F1", "Kappa"],
            [
                [
                    one.who,
                    f"{one.unit} × code",
                    *map(_coefficient, (one.precision, one.recall, one.f1, one.kappa)),
                ]
                for one in held.quality
            ],
        )
        _say("decided: only cells that all members gave or none did.")
    _print_table(
        ["Members", "Kappa, provision × code", "Kappa, document × code"],
        [
            [f"{one.one}, {one.other}", _coefficient(one.provisions), _coefficient(one.documents)]
            for one in held.pairs
        ],
    )
    _say(held.caution["en"])
    depends = sum(one.depends for one in held.bounds)
    _say(
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


def _print_comparison(study: "Study", held: "Comparison") -> None:
    labels = {one.id: one.label.get("en", one.id) for one in study.codebook.codes}
    before, after = str(held.before), str(held.after)

    def verdict(value: Any, tracks: Sequence[str], names: dict[str, dict[str, str]]) -> str:
        if value is None:
            return "–"
        listed = ", ".join(names[one].get("en", one) for one in tracks)
        return f"{_VERDICT_SIGNS[value.value]} {value.value}" + (f": {listed}" if listed else "")

    _print_table(
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
        return f"{_GRADE_SIGNS[value.value]} {value.value}" if value else "–"

    def listed(documents: dict[str, tuple[str, ...]]) -> str:
        return "; ".join(one for held in documents.values() for one in held) or "–"

    _print_table(
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
    _say(
        f"{len(held.ended)} documents ended between the two days: {', '.join(held.ended) or 'none'}."
    )
    _say(f"{len(held.entered)} are new: {', '.join(held.entered) or 'none'}.")


def _fail(error: QiutongError) -> NoReturn:
    print(f"Error: {error}", file=sys.stderr)
    if isinstance(error, BadSettings):
        print("Mend the file and run the command again; nothing was changed.", file=sys.stderr)
    sys.exit(1)


def main() -> None:
    """Run the command line; the entry point of ``qiutong``."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal or pipe that is not UTF-8 (Windows, LANG=C) must not break on Chinese.
        if hasattr(stream, "reconfigure") and (stream.encoding or "").lower() != "utf-8":
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        app(prog_name="qiutong", standalone_mode=True)
    except QiutongError as error:
        _fail(error)
    except SystemExit as stop:
        # Typer turns both of these into an exit of its own.
        if stop.code == 130:
            print(
                "Stopped. What was finished is kept; run the command again to go on.",
                file=sys.stderr,
            )
        if isinstance(stop.__context__, BrokenPipeError):
            _leave_quietly()
        raise
    except BrokenPipeError:
        _leave_quietly()
    except OSError as error:
        # A folder that cannot be written, a full disk: the system's own words say what to mend.
        print(f"Error: {error.filename or 'the system'}: {error.strerror}.", file=sys.stderr)
        sys.exit(1)


def _leave_quietly() -> NoReturn:
    """Leave without a word: the reader of a pipe (head, less) has gone, and nothing is wrong."""
    # What is still in the buffer would be written, and complained about, on the way out.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


if __name__ == "__main__":
    main()
