"""A study: a folder with settings and a store, and the order of the stages.

::

    study = Study.create("my-study", parties=["us", "cn"])
    study.add("register.csv")
    study.code()
    study.recommend()
    study.report()

Each stage takes values and gives values (see :mod:`qiutong.overlap` and its neighbours); this
module only fetches what a stage needs and keeps what it gives.
"""

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from qiutong import codebook as codebooks
from qiutong.adding import ORIGINALS_FOLDER, AddReport, Batch, Progress, is_agora
from qiutong.asking import Asked, software_version
from qiutong.codings import (
    CODERS_FILE,
    TO_DO,
    CorrectionsFile,
    Reading,
    Tags,
    correct_codings,
    corrected_coder,
    load_codings,
    name_correction,
    read_coders,
    read_codings,
    read_decisions,
    read_tags,
)
from qiutong.combining import (
    CombinedStudy,
    CombineReport,
    combine_coders,
    find_combination,
    find_counted,
    find_stale_corrections,
    measure_combined,
    say_stale_corrections,
)
from qiutong.comparison import compare_results
from qiutong.errors import (
    BadCodings,
    BadSettings,
    InputError,
    NotAStudy,
    StudyExists,
    UndefinedStatistic,
    UnknownName,
    UnreadableFile,
)
from qiutong.fetching import FetchReport, fetch_study
from qiutong.model import (
    OWN_CODERS,
    PROGRAMS,
    Codebook,
    Coder,
    CoderKind,
    Coding,
    Comparison,
    Decision,
    Document,
    Overlap,
    Party,
    Recommendation,
    Results,
    Screen,
    Segment,
)
from qiutong.playbook import Playbook, bundled_playbook, load_playbook
from qiutong.register import date_as_given, parse_field, slug
from qiutong.reliability import Reliability, Span, measure_reliability, measure_spans
from qiutong.sampling import (
    CheckedProvisions,
    CheckedStudy,
    Draw,
    NextDocument,
    NextProvision,
    ProvisionDraw,
    draw_provisions,
    draw_sample,
    estimate_checked,
    estimate_provisions,
    next_documents,
    next_provisions,
    write_checks,
)
from qiutong.settings import Settings, read_toml
from qiutong.store import CodedDocument, Hit, SqlStore
from qiutong.store.files import write_whole
from qiutong.text import index_terms, to_simplified

if TYPE_CHECKING:
    from qiutong.coders.builtin import BuiltinCoder
    from qiutong.coders.trained import ModelCard, TrainedModel
    from qiutong.sending import SendPlan, SendReport

__all__ = [
    "ORIGINALS_FOLDER",
    "AddReport",
    "CodeReport",
    "CombineReport",
    "CombinedStudy",
    "FetchReport",
    "ImportReport",
    "Progress",
    "Rows",
    "Study",
    "bundled_studies",
    "find_in_text",
    "known_parties",
    "software_version",
]

SETTINGS_FILE = "study.toml"
STORE_FILE = "study.sqlite"
PLAYBOOK_FOLDER = "playbook"
CODINGS_FOLDER = "codings"

T = TypeVar("T")


class Rows(tuple[T, ...], Generic[T]):
    """A tuple of results that shows itself as a table in a notebook.

    ``rows()`` gives plain dictionaries, the same as ``--json`` on the command line.
    """

    def rows(self) -> list[dict[str, Any]]:
        """Give the results as plain dictionaries."""
        return [msgspec.to_builtins(one) for one in self]

    def _repr_html_(self) -> str:
        from qiutong.exporters.notebook import render_rows

        return render_rows(self)


class CodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a coding run did: document ids coded now, those left as they were, codings made now."""

    coder: Coder
    coded: tuple[str, ...]
    unchanged: tuple[str, ...]
    codings: int
    warnings: tuple[str, ...] = ()


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import of codings did.

    Parameters
    ----------
    documents, codings
        Numbers taken over now.
    unchanged
        Documents whose codings by the same coder were here already, as they stand in the file.
    decisions
        Of an adjudication, taken over now, by kind.
    """

    coders: tuple[Coder, ...]
    documents: int
    codings: int
    unchanged: int
    decisions: dict[str, int] = {}
    warnings: tuple[str, ...] = ()


class _PartyFile(msgspec.Struct, frozen=True):
    parties: tuple[Party, ...]


def known_parties() -> dict[str, Party]:
    """Parties whose names and mentions come with the package, by id."""
    root = Path(str(files("qiutong")))
    paths = [root / "parties.toml", *sorted(root.glob("studies/*/parties.toml"))]
    return {party.id: party for path in paths for party in read_toml(path, _PartyFile).parties}


def bundled_studies() -> dict[str, Path]:
    """Folders of the studies that come with the package, by name."""
    root = Path(str(files("qiutong") / "studies"))
    return {path.parent.name: path.parent for path in sorted(root.glob("*/register.csv"))}


class Study:
    """A study folder that is open.

    Parameters
    ----------
    folder
        Where ``study.toml`` lies.

    Raises
    ------
    NotAStudy
        There is no ``study.toml`` in the folder.
    BadSettings
        ``study.toml`` holds a wrong value.
    """

    def __init__(self, folder: str | Path = ".") -> None:
        self.folder = Path(folder).resolve()
        path = self.folder / SETTINGS_FILE
        if not path.is_file():
            raise NotAStudy(
                f"{self.folder}: there is no {SETTINGS_FILE} here, so this is no study. "
                "Go to the study's folder, name it with --study FOLDER, or make one: "
                "qiutong init FOLDER --party us --party cn"
            )
        self.settings = read_toml(path, Settings)
        ids = [party.id for party in self.settings.parties]
        if len(set(ids)) < 2 or len(set(ids)) < len(ids):
            raise BadSettings(
                path,
                "a study compares two or more different parties; "
                f"found: {', '.join(ids) or 'none'}. Write one [[parties]] table for each.",
                where="parties",
            )
        self._store: SqlStore | None = None
        self._reliability: dict[tuple[str, ...], Reliability] = {}

    # ------------------------------------------------------------------ making and opening

    @classmethod
    def create(
        cls,
        folder: str | Path,
        parties: Sequence[str | Party] = (),
        *,
        name: str = "",
        like: str = "",
        as_of: str = "today",
        progress: Progress | None = None,
    ) -> "Study":
        """Make a new study.

        Parameters
        ----------
        folder
            Made where missing. It may hold other files, but no study.
        parties
            Two or more ids, or parties with their names and mentions.
        name
            Title of the study; the folder's name where empty.
        like
            Name of a bundled study to copy: register, digests and codings come along as files, and
            are in the study.
        as_of
            ``today``, or the day written to ``study.toml``.

        Raises
        ------
        StudyExists
            The folder holds a study already.
        InputError
            Fewer than two parties, or one named twice.
        UnknownName
            ``like`` is no bundled study.
        """
        folder = Path(folder)
        if (folder / SETTINGS_FILE).exists() or (folder / STORE_FILE).exists():
            raise StudyExists(f"{folder}: there is a study here already; choose another folder.")
        template = None
        if like:
            if like not in bundled_studies():
                raise UnknownName("bundled study", like, bundled_studies())
            template = bundled_studies()[like]
            parties = parties or read_toml(template / "parties.toml", _PartyFile).parties
        known = known_parties()
        chosen = [
            one if isinstance(one, Party) else known.get(one, Party(id=one)) for one in parties
        ]
        ids = [party.id for party in chosen]
        if len(ids) < 2 or len(set(ids)) < len(ids):
            given = ", ".join(ids) or "none"
            raise InputError(
                f"a study compares two or more different parties; given: {given}. "
                "Example: qiutong init my-study --party us --party cn"
            )
        for identity in ids:
            if slug(identity) != identity:
                raise InputError(
                    f'party "{identity}": an id has lower-case letters, digits and hyphens, '
                    f'such as "{slug(identity)}".'
                )
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(bundled_playbook(), folder / PLAYBOOK_FOLDER, dirs_exist_ok=True)
        (folder / SETTINGS_FILE).write_text(
            _settings_text(
                name or folder.resolve().name,
                chosen,
                as_of,
                _settled_coder(template) if template else (),
            ),
            encoding="utf-8",
        )
        study = cls(folder)
        # The store is made now, so that a folder that cannot hold one is found out at once.
        study.store.document_ids()
        if template:
            for part in ("register.csv", "README.md", "digests", "codings"):
                _copy(template / part, folder / part)
            study.add(folder / "register.csv", progress=progress)
            if (folder / CODINGS_FOLDER).is_dir():
                study.import_codings(folder / CODINGS_FOLDER)
        return study

    @classmethod
    def find(cls, start: str | Path = ".") -> "Study":
        """Open the study in a folder or in the nearest folder above it."""
        here = Path(start).resolve()
        for folder in (here, *here.parents):
            if (folder / SETTINGS_FILE).is_file():
                return cls(folder)
        return cls(here)

    @property
    def store(self) -> SqlStore:
        """The study's store, opened on first use."""
        if self._store is None:
            self._store = SqlStore(self.folder / STORE_FILE)
        return self._store

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        parties = ", ".join(party.id for party in self.parties)
        return f"<Study {self.settings.name!r} in {self.folder}: {parties}>"

    def _repr_html_(self) -> str:
        from qiutong.exporters.notebook import render_rows

        return render_rows(self.documents())

    @property
    def parties(self) -> tuple[Party, ...]:
        """The parties compared."""
        return self.settings.parties

    @cached_property
    def codebook(self) -> Codebook:
        """The study's codebook."""
        source = self.settings.codebook
        path = self.folder / source
        if source.endswith((".yaml", ".yml")) or path.is_file():
            return codebooks.load_codebook(path)
        return codebooks.load_codebook(source)

    @cached_property
    def playbook(self) -> Playbook:
        """The study's playbook."""
        path = self.folder / self.settings.playbook
        folder = path if path.is_dir() else bundled_playbook(self.settings.playbook)
        return load_playbook(folder, self.codebook)

    def day(self, as_of: str | date | None = None) -> date:
        """Give the as-of date asked for, else the study's own, else today.

        Raises
        ------
        InputError
            The text is neither ``today`` nor a date.
        """
        asked = self.settings.as_of if as_of is None else as_of
        if isinstance(asked, date):
            return asked
        if asked == "today":
            return date.today()
        try:
            return date.fromisoformat(asked)
        except ValueError:
            raise InputError(
                f'"{asked}" is no date; give today or YYYY-MM-DD, such as 2025-01-20.'
            ) from None

    # ------------------------------------------------------------------ adding documents

    def add(
        self,
        *sources: str | Path,
        party: str = "",
        update: bool = False,
        only: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        **fields: str,
    ) -> AddReport:
        """Add documents: registers (CSV), files, folders, addresses, or the AGORA data set.

        All rows of a register are checked first, and one bad row means that nothing is added. A
        file that gives no text is reported and the others are added. What is in the study already
        is left alone.

        Parameters
        ----------
        sources
            Paths or ``https://`` addresses. A folder or zip with AGORA's ``documents.csv`` is read
            as that data set; any other folder stands for the files in it.
        party
            Party of files and addresses, and of rows that name none.
        update
            Replace the register fields of documents that are in the study already, and their text
            where the file is another one; the earlier text and its codings stay in the store.
        only
            For AGORA: rows to take, by column and value.
        fields
            Register fields for files and addresses, such as ``issuer_type="company"``;
            ``never_send`` also for registers and for AGORA.

        Raises
        ------
        BadRegister
            Rows cannot be used; nothing was added.
        UnknownName
            ``party`` is no party of the study.
        DuplicateDocument
            A document has an id that is taken by another file.
        """
        ids = [one.id for one in self.parties]
        if party and party not in ids:
            raise UnknownName("party", party, ids)
        checked: dict[str, Any] = {}
        for column, value in fields.items():
            try:
                checked[column] = parse_field(column, value)
            except ValueError as error:
                raise InputError(f'{column}: "{value}" cannot be used; {error}.') from None
            if column == "date_issued" and value:
                checked["issued_as"] = date_as_given(value)
        batch = Batch(self, update=update, progress=progress)
        for source in sources:
            if str(source).startswith(("https://", "http://")):
                batch.plan_url(str(source), party, checked)
                continue
            path = Path(source)
            if path.suffix.lower() in (".csv", ".tsv") and path.is_file():
                batch.plan_register(path, party, ids, checked.get("never_send"))
            elif is_agora(path):
                batch.plan_agora(path, party, ids, only or {}, checked.get("never_send"))
            elif path.is_dir():
                batch.plan_folder(path, party, checked)
            elif path.exists():
                batch.plan_file(path, party, checked)
            else:
                # A mistyped name is found before anything is read.
                raise UnreadableFile(path, "there is no such file", "Check the path.")
        return batch.run()

    def fetch(
        self,
        *ids: str,
        again: bool = False,
        trusted: Collection[str] = (),
        progress: Progress | None = None,
    ) -> FetchReport:
        """Get the official texts from the addresses in the register.

        A run that is stopped goes on where it was. Codings of a digest are carried over to the
        provisions of the official text; the digest, and what was coded on it, stays in the store.

        Parameters
        ----------
        ids
            Only these documents.
        again
            Ask again for documents got before, and take over a text that has changed.
        trusted
            Hosts, or ``host:port``, that may be asked though they are not on the public internet:
            a mirror inside an institute.
        """
        # Here, so that opening a study loads no network code.
        from qiutong.fetch import PORTS, Fetched, fetch_document

        hosts = [one.rpartition(":")[0] or one for one in trusted]
        ports = {*PORTS, *(int(one.rpartition(":")[2]) for one in trusted if ":" in one)}

        def get(url: str) -> Fetched:
            return fetch_document(url, allow_private=hosts, ports=ports)

        return fetch_study(self, ids, again=again, get=get, progress=progress)

    def remove(self, document_id: str, why: str = "") -> None:
        """Take a document out of the study; its text and codings stay in the store."""
        self.store.remove_document(document_id, why)

    def documents(self) -> Rows[Document]:
        """Documents of the study without their text, in the order they were added."""
        return Rows(self.store.documents(with_text=False))

    def document(self, document_id: str) -> Document:
        """One document with its text."""
        return self.store.document(document_id)

    def segments(self, document_id: str | None = None) -> Iterator[Segment]:
        """Segments of one document, or of all."""
        document = None if document_id is None else self.document(document_id)
        return self.store.segments(document)

    def search(self, query: str, limit: int = 20) -> tuple[Hit, ...]:
        """Segments that hold every word of a query in any language, best first."""
        return self.store.search(query, limit)

    # ------------------------------------------------------------------ coding

    def code(
        self,
        *,
        again: bool = False,
        coder: str | Path = "",
        progress: Progress | None = None,
    ) -> CodeReport:
        """Code the documents with one of Qiutong's own coders.

        Only what has changed is coded: a document is passed over when this version of the coder
        has coded this text with this codebook before, or when a coder that ``study.toml`` names
        before this one has coded it, corrections of this one aside.

        Parameters
        ----------
        again
            Code all documents, also those coded before.
        coder
            ``default``, ``builtin``, or the file of a trained coder, made by :meth:`train`, whose
            codings are those of ``trained``. Where empty, the first of the two that
            ``study.toml`` counts; ``default`` if it counts neither.

        Raises
        ------
        UnreadableFile
            The file is missing or is no trained coder.
        InputError
            It was trained with another codebook.
        """
        own = self._own_coder(coder)
        fingerprints = self.fingerprints(own.coder.version)
        done = {} if again else self.store.finished(own.coder.id)
        coders = self.settings.coding.coders
        before = coders[: coders.index(own.coder.id)] if own.coder.id in coders else ()
        # Corrections of this coder rest on what it says, so they do not stand in its place.
        mended = {one.id for one in self.store.coders() if corrected_coder(one) == own.coder.id}
        settled = {
            one for name in before if name not in mended for one in self.store.finished(name)
        }
        todo = [
            one
            for one, mark in fingerprints.items()
            if done.get(one) != mark and (again or one not in settled)
        ]
        unchanged = tuple(one for one in fingerprints if one not in set(todo))
        warnings = tuple(
            told["en"]
            for language in sorted({one.language for one in self.documents()})
            if (told := own.warning(language))
        )
        if own.coder.id == "default" and own.coder.kind is CoderKind.RULE:
            warnings = (
                f"The default coder learned the bundled codebook, and {self.codebook.name} differs "
                "from it: the built-in coder codes in its place.",
                *warnings,
            )
        if not todo:
            return CodeReport(
                coder=own.coder, coded=(), unchanged=unchanged, codings=0, warnings=warnings
            )
        coded: list[str] = []
        given = 0

        def items() -> Iterator[tuple[Document, Sequence[Segment]]]:
            for identity in todo:
                document = self.document(identity)
                yield document, tuple(self.store.segments(document))

        if progress:
            progress("coding", 0, len(todo))
        for document, codings in own.code_documents(items()):
            self.store.add_coded(
                CodedDocument(
                    document=document.id,
                    coder=own.coder,
                    codebook=self.codebook.name,
                    fingerprint=fingerprints[document.id],
                    codings=tuple(codings),
                )
            )
            coded.append(document.id)
            given += len(codings)
            if progress:
                progress("coding", len(coded), len(todo))
        return CodeReport(
            coder=own.coder,
            coded=tuple(coded),
            unchanged=unchanged,
            codings=given,
            warnings=warnings,
        )

    def _own_coder(self, coder: str | Path) -> "BuiltinCoder":
        from qiutong.coders.builtin import BuiltinCoder
        from qiutong.coders.default import default_coder
        from qiutong.coders.documents import load_coder
        from qiutong.coders.embed import UseEmbedder

        embedder = UseEmbedder()
        cache = self.store.vector_cache(embedder.name)
        coders = self.settings.coding.coders
        name = coder or next((one for one in coders if one in OWN_CODERS), "default")
        if name == "default":
            return default_coder(self.codebook, embedder, cache=cache)
        if name == "builtin":
            return BuiltinCoder(self.codebook, embedder, cache=cache)
        return load_coder(name, self.codebook, embedder, cache=cache)

    def train(
        self,
        path: str | Path,
        *,
        coder: str = "",
        tags: str | Path | None = None,
        base: str | Path | None = None,
        progress: Progress | None = None,
    ) -> "ModelCard":
        """Learn a coder from coded provisions or tagged documents, and write it to a file.

        Parameters
        ----------
        path
            File to write, ``.npz``; replaced where it exists.
        coder
            Whose codings; the first that ``study.toml`` counts where empty. Every provision of a
            document this coder finished is taken as read. Documents coded as a whole are left out,
            unless all are: then their codes are learned as tags are.
        tags
            A CSV file of tags of whole documents to learn from instead; see
            :func:`qiutong.codings.read_tags`.
        base
            With tags: file of a coder learned from provisions. What it says of them is seen too.
            It is kept in the file written. Where None, the default coder, if it knows the codebook;
            ``none`` for none.

        Returns
        -------
        ModelCard
            What was learned from, and figures on held-out documents.

        Raises
        ------
        UnknownName
            Nothing in the study was coded by ``coder``.
        InputError
            The folder of ``path`` is not there. The coder is a program of Qiutong's own: there is
            nothing to learn from it. The base was trained with another codebook, or there are no
            tags for it to help with.
        BadTags
            Rows or columns of ``tags`` cannot be used.
        UnreadableFile
            ``tags`` is no CSV file, or ``base`` no coder learned from provisions.
        UndefinedStatistic
            Too little was coded or tagged.
        """
        folder = Path(path).parent
        if not folder.is_dir():
            raise InputError(
                f'{path}: there is no folder "{folder}". Make it, or correct the path; nothing was '
                "learned."
            )
        if tags is None:
            model = self._train_codings(coder, base, progress)
        else:
            held = read_tags(Path(tags), {one.id: one for one in self.documents()}, self.codebook)
            try:
                model = self._train_documents(held, Path(tags).name, base, progress)
            except UndefinedStatistic as error:
                raise UndefinedStatistic(f"{tags}: {error}") from None
        write_whole(Path(path), model.to_bytes())
        return model.card

    def _train_documents(
        self, tags: Tags, tagged_by: str, base: str | Path | None, progress: Progress | None
    ) -> "TrainedModel":
        from qiutong.coders.default import default_model, knows_codebook
        from qiutong.coders.documents import train_documents
        from qiutong.coders.embed import UseEmbedder
        from qiutong.coders.trained import TrainedCoder, TrainedModel

        items = [
            (document := self.document(identity), tuple(self.store.segments(document)))
            for identity in tags.codes
        ]
        with UseEmbedder() as embedder:
            under: TrainedModel | None = None
            if base is None:
                under = default_model() if knows_codebook(self.codebook) else None
            elif base != "none":
                under = TrainedCoder(self.codebook, TrainedModel.load(base), embedder).model
            return train_documents(
                self.codebook,
                items,
                tags.codes,
                tags.asked,
                tagged_by=tagged_by,
                base=under,
                embedder=embedder,
                progress=_in_steps(progress, 3),
            )

    def _train_codings(
        self, coder: str, base: str | Path | None, progress: Progress | None
    ) -> "TrainedModel":
        from qiutong.coders.embed import UseEmbedder
        from qiutong.coders.trained import train_coder

        chosen = coder or self.settings.coding.coders[0]
        known = {one.id: one for one in self.store.coders()}
        if chosen in PROGRAMS:
            raise InputError(
                f'"{chosen}" is a program: a model can learn from it only what it does already. '
                "Name a person or a reading: qiutong train FILE --from CODER"
            )
        if chosen not in known:
            raise UnknownName("coder", chosen, known)
        if (
            known[chosen].kind is CoderKind.COMBINED
            and find_combination(self, chosen).rule.abstains
        ):
            raise InputError(
                f'"{chosen}" leaves cells undecided, and a model would learn them as absent. '
                "Combine the coders under another name with --rule any, or with how many must have "
                "given a code."
            )
        finished = self.store.finished(chosen)
        codes: dict[str, set[str]] = {}
        whole: dict[str, set[str]] = {}
        for coding in self.codings(chosen):
            where = (codes, coding.segment) if coding.segment else (whole, coding.document)
            where[0].setdefault(where[1], set()).add(coding.code)
        if whole and not codes:
            tags = Tags(
                codes={
                    one.id: frozenset(whole.get(one.id, ()))
                    for one in self.documents()
                    if one.read and one.id in finished
                },
                # Nobody wrote down what was looked for: what was found at least once.
                asked=frozenset().union(*whole.values()),
            )
            return self._train_documents(tags, chosen, base, progress)
        if base is not None:
            raise InputError(
                f'"{chosen}" coded provisions; a base helps to learn from tags of whole documents. '
                "Leave --base out, or give --tags"
            )
        items: list[tuple[Document, tuple[Segment, ...]]] = []
        for identity in sorted(finished.keys() - whole.keys()):
            document = self.document(identity)
            items.append((document, tuple(self.store.segments(document))))
        read = {
            segment.id: frozenset(codes.get(segment.id, ()))
            for _, segments in items
            for segment in segments
        }
        with UseEmbedder() as embedder:
            return train_coder(
                self.codebook,
                items,
                read,
                trained_on=chosen,
                embedder=embedder,
                progress=_in_steps(progress, 7),
            )

    def fingerprints(self, version: str) -> dict[str, str]:
        """Fingerprint of a coder's version, the codebook and the text, by document with a text."""
        book = hashlib.sha256(msgspec.json.encode(self.codebook)).hexdigest()
        return {
            document: hashlib.sha256(f"{version}\n{book}\n{text}".encode()).hexdigest()
            for document, text in self.store.text_digests().items()
        }

    def plan_llm(
        self, *ids: str, model: str = "", endpoint: str = "", again: bool = False
    ) -> "SendPlan":
        """Work out what coding with a language model would send, where to, and for how much.

        Nothing is sent. Documents marked ``never_send`` are refused, with the reason.

        Parameters
        ----------
        ids
            Only these documents.
        model, endpoint
            Instead of those in ``study.toml``.
        again
            Also documents that this model has coded before.

        Raises
        ------
        InputError
            No model or no address is named, or one of them cannot be used.
        """
        from qiutong.sending import plan_sending

        return plan_sending(self, ids, model=model, endpoint=endpoint, again=again)

    def code_llm(self, plan: "SendPlan", *, progress: Progress | None = None) -> "SendReport":
        """Code documents with a language model: send what the plan holds, and nothing else.

        Each document is stored when it is finished; a run that was stopped goes on with a new plan.
        """
        from qiutong.sending import send_plan

        report = send_plan(self, plan, progress=progress)
        self._reliability.clear()
        return report

    def import_codings(self, path: str | Path, coder: Coder | None = None) -> ImportReport:
        """Take over codings made by people or by another program.

        Nothing is overwritten: a later import of the same coder is a new pass over the documents
        it names, and the earlier one stays in the store.

        Parameters
        ----------
        path
            A CSV file with ``document``, ``locator`` and ``codes``, or a folder with
            ``coders.toml``: readings, or corrections of one coder (see :mod:`qiutong.codings`).
        coder
            Who gave the codings of a CSV file.

        Raises
        ------
        BadCodings
            Rows that cannot be used, or corrections of which none is decided; nothing is taken over.
        UnknownName
            The coder to correct has coded nothing here.
        InputError
            A CSV file without a coder, a folder with one or without ``coders.toml``, or corrections
            of a combined or a corrected coder.
        """
        path = Path(path)
        held = {one.id: one for one in self.documents() if one.read}
        places: dict[str, list[Segment]] = {identity: [] for identity in held}
        for segment in self.store.segments():
            places[segment.document].append(segment)
        if path.is_dir() and coder is not None:
            raise InputError(
                f"{path}: {CODERS_FILE} in the folder says whose codings these are. Leave out "
                "--coder, or name a single file"
            )
        asked = read_coders(path).corrections if path.is_dir() else None
        if asked is not None:
            readings: tuple[Reading, ...] = (self._correct(asked, path / asked.file, places),)
        elif path.is_dir():
            readings = load_codings(path, places, held, self.codebook)
        elif not path.is_file():
            raise InputError(
                f"{path}: there is no such file or folder. Check the path: qiutong import FILE "
                "--coder ID for a CSV of codings, or qiutong import FOLDER"
            )
        elif coder is None:
            raise InputError(
                f"{path}: whose codings are these? Name the coder: qiutong import FILE --coder ID"
            )
        else:
            self.check_coder(coder)
            readings = (read_codings(path, coder, places, held, self.codebook),)
        warnings = []
        coded: list[CodedDocument] = []
        unchanged = 0
        for reading in readings:
            done = self.store.finished(reading.coder.id)
            warnings += self._say_dropped(reading, done)
            for document, codings in reading.codings.items():
                missing = len(places[document]) - len(reading.read[document])
                if missing:
                    warnings.append(
                        f"{reading.coder.id}, {document}: {missing} of {len(places[document])} "
                        "provisions have no row; they count as read and without codes."
                    )
                if done.get(document) == reading.fingerprint[document]:
                    unchanged += 1
                    continue
                coded.append(
                    CodedDocument(
                        document=document,
                        coder=reading.coder,
                        codebook=self.codebook.name,
                        fingerprint=reading.fingerprint[document],
                        codings=codings,
                        decisions=reading.decisions.get(document, ()),
                    )
                )
        self.store.add_documents((), coded=coded)
        self._reliability.clear()
        return ImportReport(
            coders=tuple(one.coder for one in readings),
            documents=len({one.document for one in coded}),
            codings=sum(len(one.codings) for one in coded),
            unchanged=unchanged,
            decisions=dict(Counter(made.kind.value for one in coded for made in one.decisions)),
            warnings=tuple(warnings),
        )

    def _say_dropped(self, reading: Reading, done: Mapping[str, str]) -> list[str]:
        """What an import makes of decisions taken over before that it does not repeat.

        ``done`` has the documents of which the coder has read the present text.
        """
        before: dict[str, dict[tuple[str, str], None]] = {}
        for one in self.store.decisions():
            if one.coder == reading.coder.id and one.document in done and not one.superseded:
                before.setdefault(one.document, {})[one.locator, one.code] = None
        told = []
        for document, made in reading.decisions.items():
            now = {(one.locator, one.code) for one in made}
            dropped = [" ".join(one) for one in before.get(document, ()) if one not in now]
            if dropped:
                told.append(
                    f"{reading.coder.id}, {document}: decided before, not in this file, and no "
                    f"longer counted: {'; '.join(dropped[:5])}{' …' if len(dropped) > 5 else ''}. "
                    "qiutong decisions --history has them with their reasons."
                )
        if reading.decisions and (kept := [one for one in before if one not in reading.decisions]):
            told.append(
                f"{reading.coder.id}: earlier decisions on {', '.join(kept[:5])}"
                f"{' …' if len(kept) > 5 else ''} are not in this file, and still count."
            )
        return told

    def _correct(
        self, asked: CorrectionsFile, path: Path, places: Mapping[str, Sequence[Segment]]
    ) -> Reading:
        """What a coder said, with decisions of a file in the place of some of it."""
        known = {one.id: one for one in self.store.coders()}
        if asked.corrects not in known:
            raise UnknownName("coder", asked.corrects, known, where=f"corrects in {path.parent}")
        coder = known[asked.corrects]
        if coder.kind is CoderKind.COMBINED or corrected_coder(coder):
            raise InputError(
                f'{path.parent}: the codings of "{coder.id}" are made of those of '
                f"{corrected_coder(coder) or 'its members'}. Correct these."
            )
        corrected = name_correction(coder)
        self.check_coder(corrected)
        decided = read_decisions(path, places, self.codebook, not_decided=TO_DO)
        if not decided:
            raise BadCodings(path, [f'no row is decided; put yes or no in place of "{TO_DO}"'])
        done = self.store.finished(coder.id)
        said: dict[str, list[Coding]] = {one: [] for one in done}
        for coding in self.store.codings(coder.id):
            said.setdefault(coding.document, []).append(coding)
        return correct_codings(
            Reading(
                coder=coder,
                codings={document: tuple(held) for document, held in said.items()},
                read={one: frozenset(s.id for s in places.get(one, ())) for one in done},
                fingerprint=done,
            ),
            decided,
            corrected,
            places,
            self.codebook,
            least=self._least(coder.id),
            file=path,
        )

    def decisions(self, document_id: str = "") -> Rows[Decision]:
        """Decisions of adjudicators on one document, or on all, superseded ones too."""
        if document_id:
            self.document(document_id)
        return Rows(one for one in self.store.decisions() if document_id in ("", one.document))

    def codings(self, coder: str | None = None) -> Rows[Coding]:
        """Codings of a coder's latest pass over each document; of all coders where None."""
        return Rows(self.store.codings(coder))

    def counted(self, coder: str) -> tuple[Coding, ...]:
        """Codings of a coder that are sure enough to count.

        Those of a combined or a trained coder count whatever their confidence: its rule, or its
        thresholds, have decided.
        """
        least = self._least(coder)
        return tuple(
            one
            for one in self.store.codings(coder)
            if one.confidence is None or one.confidence >= least
        )

    def _least(self, coder: str) -> float:
        """Confidence from which a coder's codings count."""
        decided = (CoderKind.COMBINED, CoderKind.TRAINED)
        if any(one.id == coder and one.kind in decided for one in self.store.coders()):
            return 0.0
        return self.settings.coding.min_confidence

    def combine(self, name: str, members: Sequence[str] = (), *, rule: str = "") -> CombineReport:
        """Make one coder of several, whose confidence is how many of them agree.

        The members' codings stay as they are. A document is combined anew when what its members
        say of it has changed.

        Parameters
        ----------
        name
            Id of the combined coder.
        members
            Two or more coders of provisions; they may be left out for one that was combined before.
        rule
            ``unanimous`` (also if empty), ``majority``, ``any``, or how many must have given a
            code; see :func:`qiutong.ensemble.read_rule`.

        Raises
        ------
        UnknownName
            A member has coded nothing here.
        InputError
            The name stands for another coder, the rule cannot be used, or the members cannot be
            combined.
        """
        report = combine_coders(self, name, members, rule)
        self._reliability.clear()
        return report

    def agreement(
        self, name: str, *, against: str = "", as_of: str | date | None = None
    ) -> CombinedStudy:
        """Say how much a combined coder decides, what that leaves open, and what it is worth.

        Parameters
        ----------
        name
            Id of the combined coder.
        against
            A coder taken as right, such as a person; none if empty.

        Raises
        ------
        UnknownName
            There is no such coder.
        StageMissing
            A member has changed since it was combined.
        InputError
            ``against`` is one of the members, or has coded none of their documents.
        """
        return measure_combined(self, name, against=against, as_of=self.day(as_of))

    def undecided(self, name: str) -> Rows[Coding]:
        """Cells on which a combined coder's members differ; none of them counts as given.

        Confidence is the share of members that gave the code, and the memo names them.
        """
        return Rows(find_combination(self, name).result.undecided)

    def stale(self) -> tuple[dict[str, str], ...]:
        """Say of combined and corrected coders that count whether what they rest on has changed.

        Returns
        -------
        tuple
            A sentence for each, in English (``en``) and Chinese (``zh``); empty if all hold.
        """
        wanted = self.settings.coding.coders
        corrected = {
            one: find_stale_corrections(self, one)
            for one in self.store.coders()
            if one.id in wanted and corrected_coder(one)
        }
        return (
            *(one.warning for one in find_counted(self) if one.stale),
            *(say_stale_corrections(one, held) for one, held in corrected.items() if held),
        )

    def check_coder(self, coder: Coder) -> None:
        """Refuse an id that stands for something else.

        Raises
        ------
        InputError
            It is no id, a program's, or that of a coder of another kind.
        """
        if slug(coder.id) != coder.id.lower():
            raise InputError(
                f'coder "{coder.id}": an id has letters, digits and hyphens, such as '
                f'"{slug(coder.id)}".'
            )
        taken = {one.id: one.kind for one in self.store.coders()}
        if coder.id in (*PROGRAMS, "agora"):
            raise InputError(
                f'coder "{coder.id}" is the id of another coder, one that Qiutong names itself. '
                "Choose an id of your own."
            )
        if taken.get(coder.id, coder.kind) != coder.kind:
            raise InputError(
                f'coder "{coder.id}" is the id of another coder, of kind {taken[coder.id]} (coders '
                f"here: {', '.join(sorted(taken))}). Choose an id of your own."
            )

    def readings(self) -> tuple[str, ...]:
        """Ids of the coders whose agreement says how reliable the codings are.

        People and language models that coded provisions, and never corrections of one of them: most
        of these repeat it. Where two or more others are left, without adjudications and those whose
        codings count: an adjudicated coding is made of the readings it would be compared with.
        """
        coded = {one.coder for one in self.store.codings() if one.segment}
        settled = {one.coder for one in self.store.decisions()} | set(self.settings.coding.coders)
        able = [
            one.id
            for one in self.store.coders()
            if one.id in coded
            and one.id not in PROGRAMS
            and one.kind in (CoderKind.PERSON, CoderKind.MODEL)
            and not corrected_coder(one)
        ]
        others = [one for one in able if one not in settled]
        return tuple(others if len(others) >= 2 else able)

    def reliability(self, *coders: str) -> Reliability:
        """Measure how far coders agree, code by code and overall, and on the words they marked.

        A code brings the codes above it, for the same words. Where a coder named no words for a
        code, the whole provision counts as marked.

        Parameters
        ----------
        coders
            Ids of two or more coders; :meth:`readings` where none is given.

        Raises
        ------
        UnknownName
            A coder has coded nothing here.
        UndefinedStatistic
            Fewer than two coders, or no provision that two of them read.
        """
        chosen = coders or self.readings()
        if chosen in self._reliability:
            return self._reliability[chosen]
        known = [one.id for one in self.store.coders()]
        above = {one.id: codebooks.ancestors(self.codebook, one.id) for one in self.codebook.codes}
        by_document: dict[str, list[Segment]] = {}
        for segment in self.store.segments():
            by_document.setdefault(segment.document, []).append(segment)
        bounds = {
            one.id: (one.document, one.start, one.end)
            for segments in by_document.values()
            for one in segments
        }
        held: dict[str, dict[str, set[Span]]] = {}
        for coder in chosen:
            if coder not in known:
                raise UnknownName("coder", coder, known)
            given: dict[str, set[Span]] = {
                segment.id: set()
                for document in self.store.finished(coder)
                for segment in by_document.get(document, ())
            }
            for coding in self.store.codings(coder):
                if not coding.segment:
                    continue
                _, start, end = bounds[coding.segment]
                if coding.evidence_start is not None and coding.evidence_end is not None:
                    start, end = coding.evidence_start, coding.evidence_end
                given[coding.segment].update(
                    (code, start, end) for code in (coding.code, *above.get(coding.code, ()))
                )
            held[coder] = given
        codes = [one.id for one in self.codebook.codes]
        level, drawn = self.settings.interval_level, self.settings.stability
        measured = measure_reliability(
            {
                coder: {
                    segment: frozenset(code for code, _, _ in marked)
                    for segment, marked in given.items()
                }
                for coder, given in held.items()
            },
            {segment: document for segment, (document, _, _) in bounds.items()},
            codes,
            level=level,
            resamples=drawn.resamples,
            seed=drawn.seed,
        )
        measured = msgspec.structs.replace(
            measured,
            spans=measure_spans(
                held, bounds, codes, level=level, resamples=drawn.resamples, seed=drawn.seed
            ),
        )
        self._reliability[chosen] = measured
        return measured

    def sample(
        self, per_party: int = 30, *, seed: int | None = None, as_of: str | date | None = None
    ) -> tuple[Draw, Path]:
        """Draw documents of each party at random for a person to check; see sampling.draw_sample.

        Parameters
        ----------
        per_party
            Documents of each party, together with those drawn before.
        seed
            Of the random order; only for the first draw.

        Returns
        -------
        The draw, and the folder with its record and its coding sheets.
        """
        return draw_sample(self, per_party, seed=seed, as_of=self.day(as_of))

    def sample_provisions(
        self, per_party: int = 200, *, seed: int | None = None, as_of: str | date | None = None
    ) -> tuple[ProvisionDraw, Path]:
        """Draw provisions of each party at random, one by one; see sampling.draw_provisions.

        Parameters
        ----------
        per_party
            Provisions of each party, together with those drawn before.
        seed, as_of
            As for :meth:`sample`.
        """
        return draw_provisions(self, per_party, seed=seed, as_of=self.day(as_of))

    def estimate_provisions(
        self, *, model: str = "", as_of: str | date | None = None
    ) -> CheckedProvisions:
        """Estimate shares of provisions from the codes that count and the sheets filled in.

        Parameters
        ----------
        model
            As for :meth:`estimate`.
        """
        return estimate_provisions(self, model=model, as_of=self.day(as_of))

    def estimate(
        self, person: str, *, model: str = "", as_of: str | date | None = None
    ) -> CheckedStudy:
        """Estimate shares and grades from a model's codes and a person's codings of the sample.

        Parameters
        ----------
        person
            Id of the coder who checked the sample; taken as right.
        model
            Id of the coder of all documents; those that ``study.toml`` counts where empty.
        """
        return estimate_checked(self, person, model=model, as_of=self.day(as_of))

    def next(
        self,
        person: str,
        *,
        model: str = "",
        number: int = 10,
        as_of: str | date | None = None,
    ) -> Rows[NextDocument]:
        """Name the documents whose checking is expected to tell most about the grades.

        Parameters
        ----------
        person, model
            As for :meth:`estimate`.
        number
            Most documents named.
        """
        return Rows(next_documents(self, person, model=model, number=number, as_of=self.day(as_of)))

    def next_provisions(
        self,
        *,
        model: str = "",
        number: int = 10,
        as_of: str | date | None = None,
        progress: Progress | None = None,
    ) -> Rows[NextProvision]:
        """Name the provisions whose checking is expected to change a grade most.

        Parameters
        ----------
        model
            Id of the coder to check; those that ``study.toml`` counts where empty.
        number
            Most provisions named.
        as_of
            Only documents that count on that day; as for :meth:`day`.
        progress
            Told how far the default coder is.

        Returns
        -------
        Rows of NextProvision
            See :func:`qiutong.sampling.next_provisions`, also for errors.
        """
        return Rows(
            next_provisions(
                self, model=model, number=number, as_of=self.day(as_of), progress=progress
            )
        )

    def write_checks(
        self, provisions: Sequence[NextProvision], folder: str | Path
    ) -> tuple[Path, ...]:
        """Write sheets for decisions on chosen provisions; see :func:`qiutong.sampling.write_checks`."""
        return write_checks(self, provisions, folder)

    # ------------------------------------------------------------------ asking

    def overlap(self, as_of: str | date | None = None) -> Rows[Overlap]:
        """Measure overlap and stability of every code as of a date."""
        return Rows(Asked(self, self.day(as_of)).overlaps)

    def screen(self, as_of: str | date | None = None) -> Rows[Screen]:
        """Screen every code and topic as of a date."""
        asked = Asked(self, self.day(as_of))
        asked.need_two_parties()
        return Rows((*asked.code_screens.values(), *asked.topic_screens.values()))

    def recommend(self, as_of: str | date | None = None) -> Rows[Recommendation]:
        """Say of each topic whether to propose it, on which track, and why."""
        return Rows(Asked(self, self.day(as_of)).recommendations)

    def results(self, as_of: str | date | None = None, *, quoting: bool = True) -> Results:
        """Everything a report shows, as one value.

        Parameters
        ----------
        quoting
            Whether passages for and against are chosen; without them it is much faster, and the
            grades, screens and verdicts are the same.
        """
        return Asked(self, self.day(as_of), quoting=quoting).results()

    def compare(self, one: str | date, other: str | date = "today") -> Comparison:
        """Put what the study says on two days side by side.

        Raises
        ------
        InputError
            Both days are the same.
        """
        return compare_results(self.results(one, quoting=False), self.results(other, quoting=False))

    def report(
        self,
        path: str | Path | None = None,
        *,
        language: str = "en",
        as_of: str | date | None = None,
        compare_to: str | date | None = None,
        results: Results | None = None,
    ) -> Path:
        """Write the report as one HTML file.

        Parameters
        ----------
        path
            Where to; ``report.LANGUAGE.html`` in the study folder where None.
        language
            Language of the interface, ``en`` or ``zh``; quotes keep their own.
        compare_to
            Another day; the report then has a section on what differs.
        results
            Results already computed, to write two languages from one computation.

        Returns
        -------
        The path written.
        """
        from qiutong.exporters.html import render_report

        target = Path(path) if path else self.folder / f"report.{language}.html"
        results = results or self.results(as_of)
        if compare_to is not None:
            results = msgspec.structs.replace(
                results,
                comparison=compare_results(results, self.results(compare_to, quoting=False)),
            )
        page = render_report(results, language, glossary=self.playbook.glossary)
        write_whole(target, page.encode("utf-8"))
        return target


def _copy(source: Path, target: Path) -> None:
    """Copy a file or folder of a bundled study, where it has one; existing files stay."""
    if source.is_dir():
        for one in sorted(source.rglob("*")):
            if one.is_file() and "__pycache__" not in one.parts:
                _copy(one, target / one.relative_to(source))
    elif source.is_file() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _settled_coder(template: Path) -> tuple[str, ...]:
    """The coders of a bundled study that count: the settled one, then the built-in."""
    folder = template / CODINGS_FOLDER
    if not (folder / CODERS_FILE).is_file():
        return ()
    named = read_coders(folder)
    first = named.adjudication.id if named.adjudication else named.coders[0].id
    return (first, "default")


def _in_steps(progress: Progress | None, number: int) -> Callable[[str], None]:
    """Tell what is being done as one of a number of steps."""
    steps = count()

    def say(what: str) -> None:
        if progress:
            progress(what, next(steps), number)

    return say


def _settings_text(
    name: str, parties: Sequence[Party], as_of: str, coders: Sequence[str] = ()
) -> str:
    """Write ``study.toml`` for a new study, with what each setting means."""
    template = (files("qiutong") / "study_template.toml").read_text(encoding="utf-8")
    if coders:
        listed = ", ".join(_toml_text(one) for one in coders)
        template = re.sub(r'(?m)^coder = "default" +', f"coder = [{listed}]  ", template)
    lines = [
        template.replace("@NAME@", _toml_text(name)).replace(
            'as_of = "today"', f"as_of = {_toml_text(as_of)}"
        )
    ]
    for party in parties:
        lines.append(f"\n[[parties]]\nid = {_toml_text(party.id)}")
        names = ", ".join(f"{_toml_text(k)} = {_toml_text(v)}" for k, v in party.name.items())
        lines.append(f"name = {{ {names} }}")
        lines.append("[parties.mentions]   # ways texts name this party or its policy")
        for language, mentions in party.mentions.items():
            listed = ", ".join(_toml_text(one) for one in mentions)
            lines.append(f"{_toml_text(language)} = [{listed}]")
    return "\n".join(lines) + "\n"


def _toml_text(value: str) -> str:
    # A JSON string is a valid TOML basic string.
    return msgspec.json.encode(value).decode()


def find_in_text(text: str, query: str) -> list[tuple[int, int]]:
    """Exact spans of a query's words in a text, for marking hits; traditional matches simplified."""
    simplified = to_simplified(text).lower()
    spans: list[tuple[int, int]] = []
    for term in sorted(set(index_terms(query)), key=len, reverse=True):
        start = simplified.find(term)
        while start >= 0:
            spans.append((start, start + len(term)))
            start = simplified.find(term, start + len(term))
    spans.sort()
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
