"""Digests: provisions with their locators, and errors that name the line."""

import pytest

from qiutong.errors import BadSettings
from qiutong.model import FROM_TRANSLATION
from qiutong.readers import read_bytes
from qiutong.readers.digest import read_digest

HEAD = "---\ndocument: cn-x\nkind: digest\nlanguage: zh\nread: original\n---\n"
BODY = (
    "# 测试规则\n## 第一章 总则\n### 第一条第二款（三）\n提供者应当\n测试模型。\n\n并保存记录。\n"
    "### 第二条\n- 公开结果\n- 说明方法\n"
)


def test_a_digest_gives_units_with_locators() -> None:
    """Each ### line is the locator of the unit below it, and is no text itself."""
    header, source = read_digest((HEAD + BODY).encode(), "cn-x.digest.md")
    assert (header.document, header.language, header.read) == ("cn-x", "zh", "original")
    assert source.title == "测试规则"
    assert [(b.kind, b.level, b.locator, source.text[b.start : b.end]) for b in source.blocks] == [
        ("heading", 1, "", "测试规则"),
        ("heading", 2, "", "第一章 总则"),
        ("unit", 0, "第一条第二款（三）", "提供者应当测试模型。\n并保存记录。"),
        ("unit", 0, "第二条", "公开结果\n说明方法"),
    ]


def test_a_digest_of_a_translation_carries_that_in_its_media_type() -> None:
    """What was made from a translation is known as such wherever the text goes."""
    translated = HEAD.replace("read: original", "read: translation")
    _, source = read_digest((translated + BODY).encode(), "cn-x.digest.md")
    _, original = read_digest((HEAD + BODY).encode(), "cn-x.digest.md")
    assert source.media_type == original.media_type + FROM_TRANSLATION


@pytest.mark.parametrize("name", ["cn-x.digest.md", "cn-x.md"])
def test_a_digest_is_known_by_name_or_front_matter(name: str) -> None:
    """The front matter tells a digest from other Markdown, with CRLF and BOM too."""
    data = b"\xef\xbb\xbf" + (HEAD + BODY).replace("\n", "\r\n").encode()
    assert read_bytes(data, name).blocks[2].kind == "unit"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (BODY, 1, "front matter"),
        ("---\ndocument: x\n", 1, "not closed"),
        (HEAD.replace("zh", "[zh]") + BODY, 4, "give text"),
        (HEAD.replace("kind: digest\n", "kind: text\n") + BODY, 3, "text"),
        (HEAD.replace("read:", "reed:") + BODY, 5, "reed"),
        (HEAD + "# T\n### \ntext\n", 8, "locator"),
        (HEAD + "# T\ntext\n", 8, "without a locator"),
        (HEAD + "# T\n### 一\n\n### 二\ntext\n", 8, "empty"),
        (HEAD + "# T\n### 一\na\n### 一\nb\n", 10, "line 8"),
        (HEAD + "# T\n#### 一\na\n", 8, "no deeper"),
        (HEAD + "### 一\na\n", 7, "title"),
        (HEAD + "# T\n## P\n", 6, "no provision"),
    ],
)
def test_errors_name_file_and_line(text: str, line: int, reason: str) -> None:
    """What is wrong, and where."""
    with pytest.raises(BadSettings, match=reason) as caught:
        read_digest(text.encode(), "cn-x.digest.md")
    assert caught.value.line == line
    assert caught.value.file == "cn-x.digest.md"
