"""Adding documents to a study: planned whole, then read, then written in one transaction."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from qiutong.errors import (
    BadRegister,
    DuplicateDocument,
    FetchError,
    InputError,
    UnreadableFile,
)
from qiutong.model import Coder, CoderKind, Coding, Document, SourceText, TextKind
from qiutong.register import read_register, slug
from qiutong.segment import segment_document
from qiutong.store import CodedDocument, StoredDocument
from qiutong.store.files import write_whole
from qiutong.text import detect_language

if TYPE_CHECKING:
    from qiutong.study import Study

ORIGINALS_FOLDER = "originals"

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how many items are finished, and of how many (None: unknown)."""


class AddReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an addition did.

    Parameters
    ----------
    added, updated, unchanged
        Document ids.
    failed
        Files that gave no text, each with its error; the others were added.
    warnings
        Sentences for the user.
    """

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    failed: tuple[Exception, ...] = ()
    warnings: tuple[str, ...] = ()


class _Planned(msgspec.Struct, kw_only=True):
    """One document to be read and added."""

    document: Document
    path: Path | None = None
    origin: str = ""
    text: SourceText | None = None
    data: bytes = b""
    tags: tuple[str, ...] = ()
    free_id: bool = False
    """Whether the id was made from a file name and may be numbered."""


class Batch:
    """One addition: planned whole, then read, then written in one transaction."""

    def __init__(self, study: "Study", *, update: bool, progress: Progress | None) -> None:
        self.study = study
        self.update = update
        self.progress = progress
        self.plan: list[_Planned] = []
        self.warnings: list[str] = []
        self.failed: list[Exception] = []
        self.coders: dict[str, Coder] = {}

    # -- planning: no document is read yet

    def plan_register(
        self, path: Path, party: str, ids: Sequence[str], never_send: bool | None = None
    ) -> None:
        """Plan the rows of a register; raises before anything is read if one is wrong."""
        defaults = {"party": party} if party else {}
        if never_send:
            defaults["never_send"] = "true"
        rows, warnings = read_register(path, ids, defaults)
        self.warnings += warnings
        for row in rows:
            self.plan.append(
                _Planned(
                    document=row.document,
                    path=row.path,
                    origin=f"{path}, row {row.row}",
                )
            )

    def plan_file(self, path: Path, party: str, fields: Mapping[str, Any]) -> None:
        """Plan one file."""
        self._need_party(path, party, fields)
        document = Document(
            **{"id": slug(path.name.removesuffix(".digest.md").removesuffix(path.suffix)),
               "party": party or "joint", "title": "", **fields}
        )  # fmt: skip
        self.plan.append(
            _Planned(document=document, path=path, origin=str(path), free_id="id" not in fields)
        )

    def plan_folder(self, path: Path, party: str, fields: Mapping[str, Any]) -> None:
        """Plan the readable files of a folder and those under it."""
        from qiutong.readers import supported

        endings = tuple(one if one.startswith(".") else f".{one}" for one in supported())
        found = [
            one
            for one in sorted(path.rglob("*"))
            if one.is_file()
            and one.name.lower().endswith(endings)
            and not any(part.startswith(".") for part in one.relative_to(path).parts)
        ]
        if not found:
            raise UnreadableFile(
                path, "holds no document", f"Kinds that can be read: {', '.join(endings)}."
            )
        for one in found:
            self.plan_file(one, party, fields)

    def plan_url(self, url: str, party: str, fields: Mapping[str, Any]) -> None:
        """Plan one address."""
        self._need_party(url, party, fields)
        document = Document(
            **{"id": "", "party": party or "joint", "title": "", "url": url, **fields}
        )
        self.plan.append(_Planned(document=document, origin=url))

    def plan_agora(
        self,
        path: Path,
        party: str,
        ids: Sequence[str],
        only: Mapping[str, str],
        never_send: bool | None = None,
    ) -> None:
        """Plan the documents of the AGORA data set whose party is in the study."""
        from qiutong.readers.agora import read_agora

        skipped: dict[str, int] = {}
        for document, text, tags in read_agora(path, only=only):
            side = document.party or party
            if not text.text:
                reason = " ".join(text.warnings) or "no text"
                self.failed.append(UnreadableFile(f"{path}, {document.id}", reason.rstrip(".")))
                continue
            if side not in ids and not document.endorsed_by:
                skipped[side or "no party"] = skipped.get(side or "no party", 0) + 1
                continue
            self.plan.append(
                _Planned(
                    document=msgspec.structs.replace(document, party=side, never_send=never_send),
                    text=text,
                    data=text.text.encode(),
                    origin=f"{path}, {document.id}",
                    tags=tags,
                )
            )
        for side, count in skipped.items():
            self.warnings.append(
                f"{path}: {count} documents of {side} were passed over; the study compares "
                f"{', '.join(ids)}. Use --party for documents that name no party."
            )

    def _need_party(self, origin: str | Path, party: str, fields: Mapping[str, Any]) -> None:
        if not party and not fields.get("endorsed_by"):
            ids = ", ".join(one.id for one in self.study.parties)
            raise InputError(
                f"{origin}: whose document is this? Add --party (one of: {ids}), or for a joint "
                "text --endorsed-by."
            )

    # -- doing

    def run(self) -> AddReport:
        """Read what was planned and write it in one transaction."""
        from qiutong.readers.digest import DigestReader

        taken = self.study.store.taken_ids()
        held = {one.id: one for one in self.study.documents()}
        digests = {digest: identity for identity, digest in taken.items() if identity in held}
        added: list[StoredDocument] = []
        replaced: list[StoredDocument] = []
        updates: list[Document] = []
        coded: list[CodedDocument] = []
        unchanged: list[str] = []
        problems: list[str] = []
        names: dict[str, str] = {}
        fetched = {one.document: one.sha256 for one in self.study.store.fetches() if one.sha256}
        aside = 0
        for number, item in enumerate(self.plan):
            if self.progress:
                self.progress("reading", number, len(self.plan))
            identity = item.document.id
            if not item.document.read:
                self._list(item, taken, held, added, updates, unchanged, problems, names)
                continue
            try:
                data = self._bytes(item)
            except (UnreadableFile, FetchError) as error:
                self.failed.append(error)
                continue
            digest = hashlib.sha256(data).hexdigest()
            identity = identity or slug(Path(item.document.url.split("?")[0]).stem)
            if item.free_id and identity in names:
                # Two files of one name in one batch are two documents. A name that the study has
                # already may be a new version of the same one: that is for the user to say.
                identity = self._free(identity, taken, names)
            item.document = msgspec.structs.replace(item.document, id=identity, sha256=digest)
            # A digest that gave way to the official text takes it back neither with nor without
            # --update: the register goes on naming the digests.
            gave_way = (
                identity in held
                and taken[identity] == fetched.get(identity)
                and taken[identity] != digest
                and item.path is not None
                and DigestReader().sniff(data, item.path.name)
            )
            aside += gave_way
            if gave_way or (taken.get(identity) == digest and identity in held):
                revised = self._revise(held[identity], item.document)
                if self.update and revised != held[identity]:
                    updates.append(revised)
                else:
                    unchanged.append(identity)
                continue
            if identity in taken and identity not in held:
                problems.append(
                    f'{item.origin}: the id "{identity}" belongs to a document that was removed. '
                    "Give this one its own id, such as "
                    f'"{self._free(identity, taken, names)}"'
                )
                continue
            replaces = identity in held and (self.update or not held[identity].read)
            if identity in taken and not replaces:
                problems.append(
                    f'{item.origin}: the id "{identity}" is taken by a document with another text. '
                    "Give this one its own id, such as "
                    f'"{self._free(identity, taken, names)}"'
                )
                continue
            if identity in names and digests.get(digest) == identity:
                continue  # the same file named twice in one go
            if digest in digests:
                problems.append(
                    f'{item.origin}: the same file is in the study already as "{digests[digest]}". '
                    "A document counts once; leave one of the two out"
                )
                continue
            if identity in names:
                problems.append(
                    f'{item.origin}: the id "{identity}" stands for {names[identity]} already; '
                    "give each document its own id in a register"
                )
                continue
            names[identity], digests[digest] = item.origin, identity
            try:
                stored = self._read(item, data)
            except UnreadableFile as error:
                self.failed.append(error)
                continue
            self._keep(digest, data, item)
            if replaces:
                # What the new row leaves open stays as it was.
                kept = self._revise(held[identity], stored.document)
                stored = msgspec.structs.replace(
                    stored,
                    document=msgspec.structs.replace(
                        kept,
                        **{
                            name: getattr(stored.document, name)
                            for name in (
                                "sha256", "text", "pages", "blocks", "language", "media_type",
                                "text_kind", "source_file", "retrieved_at", "warnings", "read",
                            )
                        },
                    ),
                )  # fmt: skip
            (replaced if replaces else added).append(stored)
            coded += self._tagged(item)
        if problems:
            if (
                any(one.path and one.path.suffix == ".csv" for one in self.plan)
                or len(problems) > 1
            ):
                raise BadRegister("documents", problems)
            raise DuplicateDocument(problems[0] + ". Nothing was added.")
        if aside:
            self.warnings.append(
                f"{aside} digests were left aside: the official texts of these documents are here."
            )
        anew = {one.document.id for one in replaced}
        for coder in self.study.store.coders() if anew else ():
            if lost := sorted(anew & self.study.store.finished(coder.id).keys()):
                self.warnings.append(
                    f"{', '.join(lost)}: another text now. What {coder.id} coded in the earlier one "
                    "is kept and no longer counts, until this one is coded: qiutong code, or qiutong "
                    "import for people."
                )
        self.study.store.add_documents(added, updates, coded, replaced)
        if self.progress:
            self.progress("reading", len(self.plan), len(self.plan))
        return AddReport(
            added=tuple(one.document.id for one in added),
            updated=tuple(one.id for one in (*updates, *(stored.document for stored in replaced))),
            unchanged=tuple(unchanged),
            failed=tuple(self.failed),
            warnings=tuple(self.warnings),
        )

    def _list(
        self,
        item: _Planned,
        taken: Mapping[str, str],
        held: Mapping[str, Document],
        added: list[StoredDocument],
        updates: list[Document],
        unchanged: list[str],
        problems: list[str],
        names: dict[str, str],
    ) -> None:
        """Plan a document whose text nobody has read: it is listed and enters no figure."""
        identity = item.document.id
        if identity in names:
            problems.append(
                f'{item.origin}: the id "{identity}" stands for {names[identity]} already; '
                "give each document its own id in a register"
            )
        elif identity in held and held[identity].read:
            # The text is here already: a register that does not know it takes nothing away.
            unchanged.append(identity)
        elif identity in held:
            revised = self._revise(held[identity], item.document)
            if self.update and revised != held[identity]:
                updates.append(revised)
            else:
                unchanged.append(identity)
        elif identity in taken:
            problems.append(
                f'{item.origin}: the id "{identity}" belongs to a document that was removed. '
                f'Give this one its own id, such as "{self._free(identity, taken, names)}"'
            )
        else:
            names[identity] = item.origin
            document = msgspec.structs.replace(
                item.document, title=item.document.title or identity, media_type=""
            )
            added.append(StoredDocument(document=document, segments=()))

    def _bytes(self, item: _Planned) -> bytes:
        if item.text is not None:
            return item.data
        if item.path is not None:
            from qiutong.readers import load_file

            return load_file(item.path)
        from qiutong.fetch import fetch_document

        fetched = fetch_document(item.document.url)
        item.document = msgspec.structs.replace(
            item.document, retrieved_at=str(fetched.retrieved_at), media_type=fetched.media_type
        )
        return fetched.data

    def _read(self, item: _Planned, data: bytes) -> StoredDocument:
        from qiutong.readers import read_bytes

        text = item.text
        if text is None:
            name = item.path.name if item.path else item.document.url
            text = read_bytes(data, str(item.path) if item.path else name)
        document = item.document
        language = document.language if document.language != "und" else detect_language(text.text)
        notes = list(text.warnings)
        if language == "und":
            notes.append(
                "The language was not recognised: paragraphs are the segments, and the built-in "
                "coder knows no cues for it. Name the language in the register if it is known."
            )
        is_digest = any(block.kind == "unit" for block in text.blocks)
        document = msgspec.structs.replace(
            document,
            text=text.text,
            pages=text.pages,
            blocks=text.blocks,
            title=document.title or text.title or document.id,
            language=language,
            media_type=text.media_type,
            text_kind=(
                TextKind.DIGEST
                if is_digest and document.text_kind is TextKind.ORIGINAL
                else document.text_kind
            ),
            source_file=item.path.name if item.path else document.source_file,
            retrieved_at=document.retrieved_at or datetime.now(UTC).isoformat(timespec="seconds"),
            warnings=tuple(notes),
        )
        self.warnings += [f"{document.id}: {note}" for note in notes]
        segments = segment_document(document)
        if not segments:
            raise UnreadableFile(
                item.path or item.origin,
                "holds headings but no provision",
                "Check that the text of the document is in the file.",
            )
        return StoredDocument(document=document, segments=segments)

    def _tagged(self, item: _Planned) -> list[CodedDocument]:
        """Document-level codings from the tags a data set brings along."""
        if not item.tags:
            return []
        codes = [
            code.id
            for code in self.study.codebook.codes
            if not set(code.agora).isdisjoint(item.tags)
        ]
        coder = Coder(
            id="agora",
            kind=CoderKind.PERSON,
            version="data set",
            description=(
                "Document-level tags of the AGORA data set (CSET/ETO), given by people.\n"
                "AGORA 数据集（CSET/ETO）的文件级标签，由人工标注。"
            ),
        )
        mark = hashlib.sha256(
            "\n".join((self.study.codebook.name, *item.tags)).encode()
        ).hexdigest()
        return [
            CodedDocument(
                document=item.document.id,
                coder=coder,
                codebook=self.study.codebook.name,
                fingerprint=mark,
                codings=tuple(
                    Coding(
                        document=item.document.id,
                        code=code,
                        coder=coder.id,
                        codebook=self.study.codebook.name,
                    )
                    for code in codes
                ),
            )
        ]

    def _keep(self, digest: str, data: bytes, item: _Planned) -> None:
        suffix = (item.path.suffix if item.path else Path(item.document.url).suffix)[:8].lower()
        keep_original(self.study.folder, digest, data, suffix)

    @staticmethod
    def _revise(old: Document, new: Document) -> Document:
        """Old document with the register fields of the new one, where it gives them."""
        kept = {"id", "sha256", "text", "pages", "blocks", "language", "media_type", "text_kind",
                "source_file", "retrieved_at", "warnings"}  # fmt: skip
        changes = {
            field.name: value
            for field in msgspec.structs.fields(Document)
            if field.name not in kept
            and (value := getattr(new, field.name)) != field.default
            and value != ""
        }
        return msgspec.structs.replace(old, **changes)

    @staticmethod
    def _free(identity: str, taken: Mapping[str, str], names: Mapping[str, str]) -> str:
        number = 2
        while f"{identity}-{number}" in taken or f"{identity}-{number}" in names:
            number += 1
        return f"{identity}-{number}"


def keep_original(folder: Path, sha256: str, data: bytes, suffix: str) -> None:
    """Keep a file under its hash; one that is there already is the same file."""
    if not suffix.isascii() or "/" in suffix:
        suffix = ""
    target = folder / ORIGINALS_FOLDER / sha256[:2] / f"{sha256}{suffix or '.txt'}"
    if not target.exists():
        write_whole(target, data)


def is_agora(path: Path) -> bool:
    """Whether a path is the AGORA data set, unpacked or as a zip."""
    if path.is_dir():
        return (path / "documents.csv").is_file() and (path / "fulltext").is_dir()
    return path.suffix.lower() == ".zip" and path.is_file()
