"""Every error Qiutong raises on purpose, as one tree.

::

    QiutongError
    ├── InputError                 something given to us cannot be used as it is
    │   ├── UnreadableFile         a document file that gives no text
    │   │   ├── WrongFormat        the bytes are not what the name says
    │   │   ├── EmptyDocument      no text at all
    │   │   ├── ScannedDocument    pages are pictures; needs OCR first
    │   │   ├── EncryptedDocument  needs a password
    │   │   ├── OversizedFile      over the size limit
    │   │   ├── UnsafeArchive      zip bomb, path outside the archive, too many members
    │   │   └── UndecodableText    no encoding fits
    │   ├── BadRows                rows of a table cannot be used
    │   │   ├── BadRegister        of a register
    │   │   ├── BadCodings         of a file of codings
    │   │   └── BadTags            of a file of tags of whole documents
    │   ├── BadSettings            a TOML or YAML file with a wrong value, with its line
    │   ├── UnknownName            a code, party, document, topic or command we do not know
    │   ├── DuplicateDocument      the document is in the study already
    │   └── NeverSend              the document must not leave the machine
    ├── StudyError                 the study folder itself
    │   ├── NotAStudy              no study.toml here or above
    │   ├── StudyExists            will not overwrite
    │   ├── StudyTooNew            written by a later Qiutong
    │   ├── StudyBusy              another process holds the store
    │   └── StageMissing           an earlier stage has not run
    ├── UndefinedStatistic         the number does not exist for this input
    │   └── TooFewParties          fewer than two parties have documents
    └── AddressError               something at an address did not answer as it should
        ├── FetchError             a document could not be fetched
        │   └── ForbiddenAddress   the address is not on the public internet
        └── ModelServerError       a language model's server gave nothing that can be used
            └── ModelServerRefused and would give nothing for any other document either

A message says what, where, why and what to do, and names the value at fault and those that
would be accepted. One class for each thing a caller can handle.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path


class QiutongError(Exception):
    """Base of every error raised on purpose."""


class InputError(QiutongError):
    """Something given to Qiutong cannot be used as it is."""


class UnreadableFile(InputError):
    """A document file that gives no usable text.

    Parameters
    ----------
    file
        The file's name or path as the user gave it.
    reason
        What is wrong, one clause without a full stop.
    remedy
        What the user can do about it, one sentence.
    """

    def __init__(self, file: str | Path, reason: str, remedy: str = "") -> None:
        self.file = str(file)
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{self.file}: {reason}." + (f" {remedy}" if remedy else ""))


class WrongFormat(UnreadableFile):
    """The bytes are not what the file's name says."""


class EmptyDocument(UnreadableFile):
    """The file holds no text."""


class ScannedDocument(UnreadableFile):
    """The pages are pictures and need OCR first."""


class EncryptedDocument(UnreadableFile):
    """The file needs a password."""


class OversizedFile(UnreadableFile):
    """The file is over the size limit."""


class UnsafeArchive(UnreadableFile):
    """The archive unpacks to too much, or to places outside itself."""


class UndecodableText(UnreadableFile):
    """No text encoding fits the bytes."""


class BadRows(InputError):
    """Rows of a table cannot be used, so nothing of it was taken.

    Parameters
    ----------
    file
        The table.
    problems
        One sentence each, naming row, column, value and the values allowed.
    """

    consequence = "nothing was taken"
    most = 1_000_000
    """How many problems the message lists."""

    def __init__(self, file: str | Path, problems: Sequence[str]) -> None:
        self.file = str(file)
        self.problems = tuple(problems)
        count = len(problems)
        listed = [f"  {problem}" for problem in problems[: self.most]]
        if count > self.most:
            listed.append(f"  … and {count - self.most} more")
        head = f"{self.file}: {count} problem{'s' if count != 1 else ''}; {self.consequence}."
        super().__init__("\n".join([head, *listed]))


class BadRegister(BadRows):
    """One or more rows of a register cannot be used; nothing was added."""

    consequence = "nothing was added"


class BadCodings(BadRows):
    """Rows of a file of codings cannot be used; nothing was taken over."""

    consequence = "no coding was taken over"
    most = 20


class BadTags(BadRows):
    """Rows or columns of a file of tags cannot be used; nothing was learned."""

    consequence = "nothing was learned"
    most = 20


class BadSettings(InputError):
    """A TOML or YAML file holds a wrong value.

    Parameters
    ----------
    file
        The file.
    reason
        What is wrong and what would be accepted.
    line
        Line of the value, from 1, where known.
    where
        The path of the value inside the file, such as ``topics[3].core``.
    """

    def __init__(
        self, file: str | Path, reason: str, *, line: int | None = None, where: str = ""
    ) -> None:
        self.file = str(file)
        self.line = line
        self.where = where
        self.reason = reason
        place = self.file + (f", line {line}" if line else "") + (f", {where}" if where else "")
        super().__init__(f"{place}: {reason}")


class UnknownName(InputError):
    """A name that is not among those known.

    Parameters
    ----------
    kind
        What was looked for: ``"code"``, ``"party"``, ``"document"``, ``"topic"`` …
    value
        The name given.
    known
        The names that exist; the nearest are offered.
    where
        Where the name stood, if not on the command line.
    """

    def __init__(self, kind: str, value: str, known: Iterable[str], where: str = "") -> None:
        self.kind = kind
        self.value = value
        names = sorted(known)
        near = get_close_matches(value, names, n=3, cutoff=0.5)
        offer = near or names[:12]
        more = "" if near or len(names) <= 12 else f" … ({len(names)} in all)"
        listed = ", ".join(offer) if offer else "none"
        lead = "Did you mean" if near else "Known"
        place = f"{where}: " if where else ""
        super().__init__(f'{place}unknown {kind} "{value}". {lead}: {listed}{more}.')


class DuplicateDocument(InputError):
    """The document is in the study already."""


class NeverSend(InputError):
    """A document that must not leave the machine was about to be sent."""


class StudyError(QiutongError):
    """Something about the study folder itself."""


class NotAStudy(StudyError):
    """No study here."""


class StudyExists(StudyError):
    """A study is here already and will not be overwritten."""


class StudyTooNew(StudyError):
    """The store was written by a later Qiutong."""


class StudyBusy(StudyError):
    """Another process is writing to the study."""


class StageMissing(StudyError):
    """An earlier stage has not run yet."""


class UndefinedStatistic(QiutongError):
    """The statistic does not exist for this input, for the reason given."""


class TooFewParties(UndefinedStatistic):
    """Fewer than two parties have documents to compare."""


class AddressError(QiutongError):
    """Something at an address did not answer as it should.

    Parameters
    ----------
    url
        The address at fault; after a redirect, the address redirected to.
    reason
        What is wrong, one clause without a full stop; never holds a key.
    remedy
        What the user can do about it, one sentence.
    """

    def __init__(self, url: str, reason: str, remedy: str = "") -> None:
        self.url = url
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{url}: {reason}." + (f" {remedy}" if remedy else ""))


class FetchError(AddressError):
    """A document could not be fetched."""


class ForbiddenAddress(FetchError):
    """The address is not on the public internet, so it is not fetched."""


class ModelServerError(AddressError):
    """A language model's server gave nothing that can be used."""


class ModelServerRefused(ModelServerError):
    """The server would refuse every other request too: wrong key, wrong address, no such model."""
