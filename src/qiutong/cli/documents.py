"""Commands that make a study, add documents to it, and read them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from qiutong.cli.app import CsvOption, JsonOption, StudyOption, app, open_study
from qiutong.cli.printing import (
    Bar,
    open_console,
    print_json,
    print_rows,
    print_table,
    say,
    show_count,
    warn,
)
from qiutong.errors import InputError, UnknownName

if TYPE_CHECKING:
    from qiutong.model import Document, Segment
    from qiutong.study import FetchReport


@app.command()
def init(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Folder of the new study.")],
    party: Annotated[
        list[str], typer.Option("--party", metavar="ID", help="A party's id; give two or more.")
    ] = [],  # noqa: B006  typer copies the default
    name: Annotated[str, typer.Option(metavar="TITLE", help="Title of the study.")] = "",
    like: Annotated[
        str, typer.Option("--from", metavar="STUDY", help="Copy a bundled study: us-china-ai.")
    ] = "",
) -> None:
    """Make a new study."""
    from qiutong.study import SETTINGS_FILE, Study

    with Bar() as bar:
        study = Study.create(folder, party, name=name, like=like, progress=bar)
    count = len(study.documents())
    say(f"Made the study {study.folder} ({', '.join(one.id for one in study.parties)}).")
    if count:
        say(f"Copied {show_count(count, 'document')}. Next: qiutong --study {folder} recommend")
    else:
        say(f"Settings are in {SETTINGS_FILE}. Next: cd {folder}; qiutong add register.csv")


@app.command()
def add(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Registers (CSV), files, folders, addresses, or an AGORA folder or zip.",
        ),
    ],
    study: StudyOption = "",
    party: Annotated[
        str, typer.Option(metavar="ID", help="Party of files, and of rows that name none.")
    ] = "",
    title: Annotated[
        str, typer.Option(metavar="TITLE", help="Title in the document's language.")
    ] = "",
    issuer: Annotated[str, typer.Option(metavar="NAME", help="Who issued it.")] = "",
    issuer_type: Annotated[
        str, typer.Option(metavar="TYPE", help="Such as central-government, company.")
    ] = "",
    instrument: Annotated[
        str, typer.Option(metavar="TYPE", help="Such as law, standard, statement.")
    ] = "",
    force: Annotated[
        str, typer.Option(metavar="FORCE", help="binding, voluntary or aspirational.")
    ] = "",
    date_issued: Annotated[
        str, typer.Option("--date", metavar="DATE", help="Day of issue, YYYY-MM-DD.")
    ] = "",
    language: Annotated[
        str, typer.Option(metavar="TAG", help="Language tag; found from the text if empty.")
    ] = "",
    endorsed_by: Annotated[
        str,
        typer.Option(metavar="IDS", help="For a joint text: the parties, with semicolons between."),
    ] = "",
    identity: Annotated[
        str, typer.Option("--id", metavar="ID", help="Id of a single document.")
    ] = "",
    only: Annotated[
        list[str], typer.Option(metavar="COLUMN=VALUE", help="AGORA: rows to take.")
    ] = [],  # noqa: B006
    never_send: Annotated[
        bool,
        typer.Option("--never-send", help="Their text must never leave this machine (AGORA too)."),
    ] = False,
    update: Annotated[
        bool,
        typer.Option("--update", help="Correct the register fields of documents already there."),
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
    with Bar() as bar:
        report = open_study(study).add(
            *sources,
            party=party,
            update=update,
            only=wanted,
            progress=bar,
            **{column: value for column, value in given.items() if value},
        )
    for warning in report.warnings:
        warn(warning)
    if as_json:
        print_json(
            {
                "added": report.added,
                "updated": report.updated,
                "unchanged": report.unchanged,
                "failed": [str(error) for error in report.failed],
                "warnings": report.warnings,
            }
        )
    else:
        parts = [f"Added {show_count(len(report.added), 'document')}"]
        if report.updated:
            parts.append(f"corrected {len(report.updated)}")
        if report.unchanged:
            here = len(report.unchanged)
            parts.append(f"{here} {'was' if here == 1 else 'were'} there already")
        say("; ".join(parts) + ".")
    if report.failed:
        listed = "\n".join(f"  {error}" for error in report.failed)
        raise InputError(
            f"{show_count(len(report.failed), 'document')} could not be read; "
            f"the others were added.\n{listed}"
        )


@app.command()
def fetch(
    ids: Annotated[
        list[str],
        typer.Argument(
            metavar="DOCUMENT", help="Ids of documents; all that lack the official text if empty."
        ),
    ] = [],  # noqa: B006
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Ask again for documents got before; take over changed texts."
        ),
    ] = False,
    trust: Annotated[
        list[str],
        typer.Option(metavar="HOST[:PORT]", help="A host that need not be on the public internet."),
    ] = [],  # noqa: B006
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Get the official texts of the documents.

    They come from the addresses in the register; codings are carried over to them.
    """
    for one in trust:
        host, _, port = one.rpartition(":")
        if host and not port.isdigit():
            raise typer.BadParameter(f'"{one}" is not HOST or HOST:PORT', param_hint="--trust")
    with Bar() as bar:
        report = open_study(study).fetch(*ids, again=again, trusted=trust, progress=bar)
    rows = [{**msgspec.to_builtins(one), "unplaced": list(one.unplaced)} for one in report.records]
    if as_json:
        print_json(msgspec.to_builtins(report))
        _raise_lost(report)
        return
    if print_rows(rows, False, as_csv):
        _raise_lost(report)
        return
    if rows:
        print_table(
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
        say("Not placed in the official text, so that their codings were not carried over:")
        print_table(
            ["Document", "Locators in the digest"],
            [[one.document, "; ".join(one.unplaced)] for one in unplaced],
        )
    got = sum(one.outcome in ("fetched", "changed") for one in report.records)
    parts = [f"Got {got} of {len(report.records)} documents asked for"]
    if report.skipped:
        parts.append(f"{len(report.skipped)} were got earlier")
    if report.without_url:
        parts.append(f"{len(report.without_url)} have no address in the register")
    say("; ".join(parts) + ".")
    if got:
        say("Next: qiutong code, for the documents that nobody has coded yet.")
    _raise_lost(report)


@app.command()
def remove(
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Id of the document.")],
    why: Annotated[str, typer.Option(metavar="REASON", help="The reason, kept in the store.")] = "",
    study: StudyOption = "",
) -> None:
    """Take a document out of the study.

    Its text and codings stay in the store.
    """
    open_study(study).remove(document, why)
    say(f"Removed {document}.")


@app.command()
def documents(
    study: StudyOption = "", as_json: JsonOption = False, as_csv: CsvOption = False
) -> None:
    """List the documents."""
    held = open_study(study).documents()
    rows = [
        {
            key: value
            for key, value in msgspec.to_builtins(one).items()
            if key not in ("text", "pages", "blocks")
        }
        for one in held
    ]
    if print_rows(rows, as_json, as_csv):
        return
    if not rows:
        say("No documents. Add some: qiutong add REGISTER.csv, or qiutong add FILE --party ID")
        return
    print_table(
        ["Document", "Party", "Date", "Status", "Title"],
        [
            [one.id, one.party, str(one.date_issued or "–"), one.status.value, one.title]
            for one in held
        ],
    )


@app.command()
def segments(
    document: Annotated[
        str, typer.Argument(metavar="DOCUMENT", help="Id of a document; all where empty.")
    ] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the provisions with their locators and exact offsets."""
    from qiutong.exporters.tables import segment_rows

    held = list(open_study(study).segments(document or None))
    if print_rows(segment_rows(held), as_json, as_csv):
        return
    print_table(
        ["Document", "Locator", "Text"], [[one.document, one.locator, one.text] for one in held]
    )


@app.command()
def show(
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Id of a document.")],
    locator: Annotated[
        str, typer.Argument(metavar="LOCATOR", help="Only this provision, such as 第四条.")
    ] = "",
    study: StudyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Read a document, or one of its provisions."""
    from qiutong.locators import find_place

    opened = open_study(study)
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
        print_json(value)
        return
    _print_document(held, provisions)


@app.command()
def search(
    query: Annotated[
        str, typer.Argument(metavar="WORDS", help="Words in any language; quotes for a phrase.")
    ],
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000, help="Most hits to show.")
    ] = 20,
    study: StudyOption = "",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Find provisions that hold every word."""
    from qiutong.exporters.tables import segment_rows
    from qiutong.study import find_in_text

    hits = open_study(study).search(query, limit)
    rows = segment_rows([hit.segment for hit in hits])
    for row, hit in zip(rows, hits, strict=True):
        row["score"] = hit.score
    if print_rows(rows, as_json, as_csv):
        return
    if not hits:
        say(f"No provision holds all of this: {query}")
        return
    from rich.text import Text

    shown = []
    for hit in hits:
        text = Text(hit.segment.text)
        for start, end in find_in_text(hit.segment.text, query):
            text.stylize("bold reverse", start, end)
        shown.append([hit.segment.document, hit.segment.locator, text])
    print_table(["Document", "Locator", "Text"], shown)


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
            f"{show_count(len(lost), 'document')} could not be got, for the reasons above; what "
            "the study held of them stays."
        )


def _print_document(document: "Document", provisions: Sequence["Segment"]) -> None:
    from rich.text import Text

    console = open_console()
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
