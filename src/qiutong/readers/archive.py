"""Opening zip archives that come from anywhere, within bounds."""

import io
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from qiutong.errors import EncryptedDocument, UnreadableFile, UnsafeArchive

MAX_MEMBERS = 10_000
MAX_MEMBER_BYTES = 100_000_000
MAX_TOTAL_BYTES = 300_000_000
MAX_RATIO = 200
"""Unpacked to packed size. Text packs 3 to 20 times, a Word file's XML at most some 60."""
_RATIO_FROM = 1_000_000  # small members pack to any ratio and do no harm


class BoundedArchive:
    """A zip archive whose members were checked before any was unpacked.

    Parameters
    ----------
    source
        Path of the archive, or its bytes.
    name
        For messages.
    nested
        Whether archives inside are allowed to stand there unread; a Word file embeds them.

    Raises
    ------
    UnsafeArchive
        Too many members, too large, packed too tightly, a path outside the archive, a symbolic
        link, or an archive inside.
    EncryptedDocument
        A member needs a password.
    UnreadableFile
        The archive is damaged.
    """

    def __init__(self, source: Path | bytes, name: str, *, nested: bool = False) -> None:
        self.name = name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise UnreadableFile(
                name, f"the archive is damaged ({error})", "Get the file again."
            ) from None
        try:
            self._check(nested)
        except BaseException:
            self._zip.close()
            raise

    def _check(self, nested: bool) -> None:
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            self._refuse(f"it has {len(members):,} members, more than {MAX_MEMBERS:,}")
        total = 0
        seen: set[str] = set()
        for member in members:
            path = PurePosixPath(member.filename.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts or _has_drive(path):
                self._refuse(f'the member "{member.filename}" points outside the archive')
            if stat.S_ISLNK(member.external_attr >> 16):
                self._refuse(f'the member "{member.filename}" is a symbolic link')
            if member.filename in seen:
                self._refuse(f'the member "{member.filename}" stands twice')
            seen.add(member.filename)
            if member.flag_bits & 0x1:
                raise EncryptedDocument(
                    self.name,
                    f'the member "{member.filename}" needs a password',
                    "Unpack the archive with its password and add what is in it.",
                )
            if member.file_size > MAX_MEMBER_BYTES:
                self._refuse(
                    f'"{member.filename}" unpacks to {_megabytes(member.file_size)}, '
                    f"more than {_megabytes(MAX_MEMBER_BYTES)}"
                )
            total += member.file_size
            if total > MAX_TOTAL_BYTES:
                self._refuse(f"it unpacks to more than {_megabytes(MAX_TOTAL_BYTES)}")
            ratio = member.file_size / max(1, member.compress_size)
            if member.file_size > _RATIO_FROM and ratio > MAX_RATIO:
                self._refuse(
                    f'"{member.filename}" unpacks to {ratio:,.0f} times its size, '
                    f"more than {MAX_RATIO} times"
                )
            if not nested and path.suffix.lower() in (".zip", ".7z", ".rar", ".gz", ".tar"):
                self._refuse(f'the member "{member.filename}" is an archive itself')

    def _refuse(self, reason: str) -> None:
        raise UnsafeArchive(
            self.name,
            f"the archive was not unpacked: {reason}",
            "Unpack it yourself if you trust it, and add the documents in it.",
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Paths of the members that are files."""
        return tuple(m.filename for m in self._zip.infolist() if not m.is_dir())

    def read(self, member: str) -> bytes:
        """Unpack one member.

        Raises
        ------
        UnsafeArchive
            It unpacks to more than the archive's directory says, which only a forged one does.
        UnreadableFile
            It is damaged.
        """
        declared = self._zip.getinfo(member).file_size
        try:
            with self._zip.open(member) as stream:
                data = stream.read(declared + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
            raise UnreadableFile(
                self.name, f'the member "{member}" is damaged ({error})', "Get the file again."
            ) from None
        if len(data) > declared:
            self._refuse(f'"{member}" unpacks to more than it declares')
        return data

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def __enter__(self) -> "BoundedArchive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _has_drive(path: PurePosixPath) -> bool:
    """Whether a path starts with a Windows drive."""
    return bool(path.parts) and path.parts[0][1:2] == ":"
