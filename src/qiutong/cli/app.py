"""The application, the options that commands share, and how a run ends.

Every command works on the study in the current folder (or the nearest folder above it), or on
``--study FOLDER``. ``--json`` prints one JSON value and nothing else on standard output; progress,
warnings and errors go to standard error. Exit status: 0 done; 1 an error of ours with one clear
message; 2 wrong use; 130 stopped with Ctrl-C.
"""

import os
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from qiutong.cli.printing import warn
from qiutong.errors import BadSettings, QiutongError

if TYPE_CHECKING:
    from qiutong.study import Study

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


def open_study(study: str) -> "Study":
    """Open the study in this folder, the one after ``--study``, or the nearest one above."""
    from qiutong.study import Study

    folder = study or _root_study
    return Study(folder) if folder else Study.find()


def note_stale(study: "Study") -> None:
    """Say of combined and corrected coders that count whether what they rest on has changed."""
    for warning in study.stale():
        warn(warning["en"])


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


def _fail(error: QiutongError) -> NoReturn:
    print(f"Error: {error}", file=sys.stderr)
    if isinstance(error, BadSettings):
        print("Mend the file and run the command again; nothing was changed.", file=sys.stderr)
    sys.exit(1)


def _leave_quietly() -> NoReturn:
    """Leave without a word: the reader of a pipe (head, less) has gone, and nothing is wrong."""
    # What is still in the buffer would be written, and complained about, on the way out.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
