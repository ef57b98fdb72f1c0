"""Archives: nothing is unpacked before the whole was found safe."""

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from qiutong.errors import EncryptedDocument, UnreadableFile, UnsafeArchive
from qiutong.readers import archive as module
from qiutong.readers.archive import BoundedArchive


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive of the members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return stream.getvalue()


def test_a_safe_archive_is_read(tmp_path: Path) -> None:
    """From bytes and from a path."""
    data = zipped({"a/b.txt": "文".encode()})
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    for source in (data, path):
        with BoundedArchive(source, "a.zip") as archive:
            assert archive.names == ("a/b.txt",)
            assert archive.read("a/b.txt").decode() == "文"


@pytest.mark.parametrize(
    "name", ["../up.txt", "/root.txt", "a/../../up.txt", "..\\up.txt", "C:\\up.txt", "C:/up.txt"]
)
def test_paths_outside_are_refused(name: str) -> None:
    """No member may point outside the archive, in either system's way of writing."""
    with pytest.raises(UnsafeArchive, match="outside"):
        BoundedArchive(zipped({name: b"x"}), "a.zip")


def test_links_and_nested_archives_are_refused() -> None:
    """A symbolic link could lead anywhere, an inner archive hide anything."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UnsafeArchive, match="symbolic link"):
        BoundedArchive(stream.getvalue(), "a.zip")
    with pytest.raises(UnsafeArchive, match="archive itself"):
        BoundedArchive(zipped({"inner.zip": b"PK"}), "a.zip")


def test_bombs_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """By ratio, by size of one member, by size of all, by number."""
    with pytest.raises(UnsafeArchive, match="times its size"):
        BoundedArchive(zipped({"zeros": b"\0" * 3_000_000}), "a.zip")
    monkeypatch.setattr(module, "MAX_MEMBER_BYTES", 10)
    with pytest.raises(UnsafeArchive, match="unpacks to"):
        BoundedArchive(zipped({"a": b"01234567890"}), "a.zip")
    monkeypatch.setattr(module, "MAX_TOTAL_BYTES", 12)
    with pytest.raises(UnsafeArchive, match="more than"):
        BoundedArchive(zipped({"a": b"0123456", "b": b"0123456"}), "a.zip")
    monkeypatch.setattr(module, "MAX_MEMBERS", 1)
    with pytest.raises(UnsafeArchive, match="2 members"):
        BoundedArchive(zipped({"a": b"", "b": b""}), "a.zip")


def test_a_forged_size_does_not_let_a_bomb_through() -> None:
    """A member that unpacks to more than the directory says gives an error and no flood."""
    data = bytearray(zipped({"a": b"\0" * 500_000}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    with BoundedArchive(bytes(data), "a.zip") as archive, pytest.raises(UnreadableFile):
        archive.read("a")


def test_passwords_and_damage_are_named() -> None:
    """An encrypted member and a cut-off archive are different errors."""
    data = bytearray(zipped({"a": b"text"}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    with pytest.raises(EncryptedDocument):
        BoundedArchive(bytes(data), "a.zip")
    with pytest.raises(UnreadableFile, match="damaged"):
        BoundedArchive(bytes(data[:20]), "a.zip")
