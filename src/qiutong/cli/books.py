"""Commands of codebooks and playbooks."""

import sys
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from qiutong.cli.app import JsonOption, StudyOption, codebook_app, open_study, playbook_app
from qiutong.cli.printing import print_json, print_table, say, show_count, warn
from qiutong.errors import BadCodings, InputError, UnknownName


@codebook_app.command("show")
def codebook_show(
    name: Annotated[
        str, typer.Argument(metavar="BOOK", help="Bundled id or YAML file.")
    ] = "ai-governance",
    code: Annotated[str, typer.Option(metavar="CODE", help="Only this code.")] = "",
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
            print_json(msgspec.to_builtins(chosen))
        else:
            print(msgspec.yaml.encode(chosen).decode())
        return
    if as_json:
        print_json(msgspec.to_builtins(book))
    elif sys.stdout.isatty():
        print_table(
            ["Code", "English", "中文"],
            [[one.id, one.label.get("en", ""), one.label.get("zh", "")] for one in book.codes],
        )
    else:
        print(codebook_markdown(book))


@codebook_app.command("check")
def codebook_check(
    path: Annotated[
        str, typer.Argument(metavar="BOOK", help="Bundled id or YAML file.")
    ] = "ai-governance",
) -> None:
    """Check a codebook: shape, parents, languages, cues."""
    from qiutong.codebook import check_codebook, load_codebook

    for warning in check_codebook(_book_source(path)):
        warn(warning)
    book = load_codebook(_book_source(path))
    say(f"{book.name}: {len(book.codes)} codes, no errors.")


@codebook_app.command("diff")
def codebook_diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Bundled id or YAML file.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Bundled id or YAML file.")],
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two codebooks."""
    from qiutong.codebook import compare_codebooks, load_codebook

    changes = compare_codebooks(load_codebook(_book_source(old)), load_codebook(_book_source(new)))
    if as_json:
        print_json(msgspec.to_builtins(changes))
        return
    if not changes:
        say("No difference.")
        return
    print_table(
        ["Kind", "Codes", "Into", "Why"],
        [[one.kind, ", ".join(one.codes), ", ".join(one.into), one.why] for one in changes],
    )


@codebook_app.command("migrate")
def codebook_migrate(
    path: Annotated[
        str, typer.Argument(metavar="FILE", help="A CSV of codings with a column code.")
    ],
    since: Annotated[
        str, typer.Option("--from", metavar="VERSION", help="Version the codings were made with.")
    ],
    book: Annotated[
        str, typer.Option("--codebook", metavar="BOOK", help="Bundled id or file.")
    ] = "ai-governance",
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")
    ] = "",
) -> None:
    """Carry codings over to the present version of a codebook.

    Nothing is overwritten.
    """
    from qiutong.codebook import load_codebook, migrate_rows
    from qiutong.exporters.tables import write_csv
    from qiutong.rows import read_rows, refuse_surplus

    source = Path(path)
    headings, cells = read_rows(source, BadCodings)
    if "code" not in headings:
        raise InputError(
            f'{path}: there is no column "code"; found: {", ".join(headings) or "nothing"}. '
            "qiutong codings --csv prints a table that has it."
        )
    refuse_surplus(source, headings, cells, BadCodings)
    # Two columns without a heading are one to a row: what stands in the first would be lost.
    for number, row in enumerate(cells, 2) if headings.count("") > 1 else ():
        if any(cell.strip() for one, cell in zip(headings, row, strict=False) if not one):
            raise BadCodings(
                source, [f"row {number}: a cell under no heading; give its column a name in row 1"]
            )
    rows = [dict(zip_longest(headings, row[: len(headings)], fillvalue="")) for row in cells]
    moved = migrate_rows(load_codebook(_book_source(book)), rows, since)
    target = Path(output) if output else source.with_name(f"{source.stem}.migrated.csv")
    if target.exists():
        raise InputError(f"{target}: exists already; name another file with --output.")
    target.write_text(write_csv(list(moved.rows)), encoding="utf-8")
    say(f"Wrote {show_count(len(moved.rows), 'coding')} to {target}.")
    for one in moved.undecided:
        choices = f" It may become: {', '.join(one.choices)}." if one.choices else ""
        warn(f"Row {one.number} is left out, a person must decide: {one.why}{choices}")


@playbook_app.command("check")
def playbook_check(study: StudyOption = "") -> None:
    """Check the study's playbook against its codebook."""
    opened = open_study(study)
    held = opened.playbook
    for warning in held.warnings:
        warn(warning.get("en", ""))
    say(
        f"{held.id}@{held.version}: {len(held.topics)} topics, {len(held.tensions)} tensions, "
        f"{len(held.fora)} fora, {len(held.tracks.rules)} rules; no errors."
    )


def _book_source(name: str) -> str | Path:
    return Path(name) if name.endswith((".yaml", ".yml")) or Path(name).is_file() else name
