"""Getting the official texts of a study, and carrying its codings over to them.

Each document is a step of its own: what came is kept and recorded before the next is asked for, so
that a run that is stopped goes on where it was. A page that does not look like the document (a
notice of removal, a list of news) is kept and not used: its words would be quoted as the document's.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from qiutong.adding import Progress, keep_original
from qiutong.carry import Placed, carry_codings, is_doubtful, place_provisions
from qiutong.errors import FetchError, QiutongError, UnknownName, UnreadableFile
from qiutong.model import PROGRAMS, CoderKind, Document, Segment, TextKind
from qiutong.segment import segment_document
from qiutong.store import CARRIED, CodedDocument, FetchRecord, StoredDocument
from qiutong.text import detect_language, index_terms, to_simplified

if TYPE_CHECKING:
    import numpy as np

    from qiutong.fetch import Fetched
    from qiutong.study import Study

DONE = frozenset({"fetched", "changed", "unchanged"})
"""Outcomes after which a document need not be asked for again."""

FEWEST_CHARACTERS = 600
"""A shorter text is a notice rather than a policy document."""

LEAST_TITLE = 0.6
"""Share of the words of a document's title that its text must hold where there is no digest."""


_SILENT_HOSTS = 3
"""After so many different hosts in a row that cannot be reached the machine is taken for offline."""

_NO_ANSWER = ("is not found", "no connection")


class FetchReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did.

    Parameters
    ----------
    records
        One for each document asked for, in order.
    skipped
        Documents got in an earlier run.
    without_url
        Documents whose register row names no address.
    offline
        Whether the run stopped because no host could be reached; the rest was not asked for.
    """

    records: tuple[FetchRecord, ...]
    skipped: tuple[str, ...] = ()
    without_url: tuple[str, ...] = ()
    offline: bool = False


def fetch_study(
    study: "Study",
    ids: Collection[str] = (),
    *,
    again: bool = False,
    get: "Callable[[str], Fetched] | None" = None,
    progress: Progress | None = None,
) -> FetchReport:
    """Get the official texts of a study's documents from the addresses in its register.

    Parameters
    ----------
    study
        The study; digests and documents only listed are asked for.
    ids
        Only these documents; then also those whose text is the official one already.
    again
        Ask again for documents got before, and take over a text that has changed.
    get
        Gets one address; raises :class:`qiutong.errors.FetchError`.
    progress
        Told of each document.

    Raises
    ------
    UnknownName
        An id is no document of the study.
    """
    if get is None:
        # Here, so that opening a study loads no network code.
        from qiutong.fetch import fetch_document

        get = fetch_document
    held = {one.id: one for one in study.documents()}
    for one in ids:
        if one not in held:
            raise UnknownName("document", one, held)
    earlier: dict[str, FetchRecord] = {}
    for record in study.store.fetches():
        if record.outcome in DONE:
            earlier[record.document] = record
    wanted = [held[one] for one in ids] or [
        one
        for one in held.values()
        if not one.read or one.text_kind is TextKind.DIGEST or one.id in earlier
    ]
    skipped = [one.id for one in wanted if one.id in earlier and not again]
    nowhere = [one.id for one in wanted if not one.url]
    todo = [one for one in wanted if one.id not in {*skipped, *nowhere}]
    embed = _embedding(study)
    records: list[FetchRecord] = []
    silent: set[str] = set()
    for number, document in enumerate(todo):
        if len(silent) >= _SILENT_HOSTS:
            break
        if progress:
            progress("fetching", number, len(todo))
        record = _fetch_one(study, document, earlier.get(document.id), get, embed)
        study.store.note_fetch(record)
        records.append(record)
        if any(words in record.reason for words in _NO_ANSWER):
            silent.add(urlsplit(document.url).netloc)
        else:
            silent.clear()
    if progress:
        progress("fetching", len(todo), len(todo))
    return FetchReport(
        records=tuple(records),
        skipped=tuple(skipped),
        without_url=tuple(nowhere),
        offline=len(silent) >= _SILENT_HOSTS,
    )


def _fetch_one(
    study: "Study",
    document: Document,
    earlier: FetchRecord | None,
    get: "Callable[[str], Fetched]",
    embed: "Callable[[Sequence[str]], np.ndarray]",
) -> FetchRecord:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        fetched = get(document.url)
    except FetchError as error:
        return FetchRecord(
            document=document.id,
            at=now,
            outcome="failed",
            reason=f"{error.reason}. {error.remedy}",
            url=document.url,
        )
    record = FetchRecord(
        document=document.id,
        at=fetched.retrieved_at,
        outcome="fetched",
        url=fetched.url,
        final_url=fetched.final_url,
        sha256=fetched.sha256,
        bytes=len(fetched.data),
        media_type=fetched.media_type,
    )
    keep_original(study.folder, fetched.sha256, fetched.data, _ending(fetched.media_type))
    if earlier is not None and earlier.sha256 == fetched.sha256:
        return msgspec.structs.replace(record, outcome="unchanged")
    try:
        new = _read(document, fetched)
        old = tuple(study.segments(document.id)) if document.read else ()
        placed = place_provisions(old, new.segments, embed) if old else ()
        doubt = _doubt(document, new.document, placed)
        if doubt:
            return msgspec.structs.replace(record, outcome="doubtful", reason=doubt)
        coded = _carried(study, document.id, placed, new.segments)
        why = f"the official text was got from {fetched.final_url}"
        study.store.replace_text(new, why, coded)
    except QiutongError as error:
        return msgspec.structs.replace(record, outcome="failed", reason=str(error))
    how = [one.how for one in placed]
    return msgspec.structs.replace(
        record,
        outcome="changed" if earlier else "fetched",
        placed={one: how.count(one) for one in sorted(set(how))},
        unplaced=tuple(one.locator for one in placed if not one.segments),
    )


def _read(document: Document, fetched: "Fetched") -> StoredDocument:
    """Read what came as the document's text; raises where it holds none."""
    from qiutong.readers import read_bytes

    # The reader goes by the ending; the server's word on the kind has been checked already.
    name = f"{document.id}{_ending(fetched.media_type)}"
    text = read_bytes(fetched.data, name)
    language = detect_language(text.text)
    same = language in ("und", document.language) or document.language == "und"
    new = msgspec.structs.replace(
        document,
        text=text.text,
        blocks=text.blocks,
        pages=text.pages,
        language=document.language if same and document.language != "und" else language,
        text_kind=TextKind.ORIGINAL if same else TextKind.TRANSLATION,
        licence="",
        read=True,
        sha256=fetched.sha256,
        retrieved_at=fetched.retrieved_at,
        media_type=text.media_type,
        source_file="",
        warnings=text.warnings,
    )
    segments = segment_document(new)
    if not segments:
        raise UnreadableFile(fetched.final_url, "holds headings but no provision")
    return StoredDocument(document=new, segments=segments)


def _doubt(old: Document, new: Document, placed: Sequence[Placed]) -> str:
    """Say why a text may not be the document; empty where it looks like it."""
    if len(new.text) < FEWEST_CHARACTERS:
        return (
            f"the page holds {len(new.text)} characters of text; it may be a notice. Open the "
            "address in a browser, and add the file by its path"
        )
    if placed:
        if is_doubtful(placed):
            found = sum(bool(one.segments) for one in placed)
            return (
                f"{found} of {len(placed)} digested provisions are in it, and those not surely, so "
                "it may be another document. Open the address in a browser, and add the file by "
                "its path"
            )
        return ""
    words = set(index_terms(old.title if new.language == old.language else old.title_en))
    text = to_simplified(new.text).lower()
    found = sum(word in text for word in words)
    if words and found < LEAST_TITLE * len(words):
        return (
            f"only {found} of {len(words)} words of the title are in it, so it may be another "
            "document. Open the address in a browser, and add the file by its path"
        )
    return ""


def _carried(
    study: "Study", document: str, placed: Sequence[Placed], official: Sequence[Segment]
) -> list[CodedDocument]:
    """Codings of every coder, moved to the new text; programs code and combine it anew."""
    segments = {one.id: one for one in official}
    coded = []
    for coder in study.store.coders():
        mark = study.store.finished(coder.id).get(document)
        if mark is None or coder.id in PROGRAMS or coder.kind is CoderKind.COMBINED:
            continue
        codings = [one for one in study.store.codings(coder.id) if one.document == document]
        moved, _ = carry_codings(codings, placed, segments)
        coded.append(
            CodedDocument(
                document=document,
                coder=coder,
                codebook=codings[0].codebook if codings else study.codebook.name,
                fingerprint=f"{CARRIED}{mark}",
                codings=moved,
            )
        )
    return coded


def _embedding(study: "Study") -> "Callable[[Sequence[str]], np.ndarray]":
    def embed(texts: Sequence[str]) -> "np.ndarray":
        from qiutong.coders.embed import UseEmbedder, embed_cached

        embedder = UseEmbedder(processes=1)
        return embed_cached(embedder, study.store.vector_cache(embedder.name), texts)

    return embed


def _ending(media_type: str) -> str:
    return {
        "application/pdf": ".pdf",
        "text/html": ".html",
        "application/xhtml+xml": ".html",
        "text/markdown": ".md",
        "text/plain": ".txt",
    }.get(media_type, ".docx")
