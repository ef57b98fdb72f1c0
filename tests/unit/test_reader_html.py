"""HTML: the article and nothing else, in the right encoding."""

import re
from pathlib import Path

import pytest

from qiutong.errors import EmptyDocument
from qiutong.model import SourceText
from qiutong.readers import read_bytes, read_file

FILES = Path(__file__).parents[2].parent / "shared" / "data" / "files"
ARTICLE = "".join(
    f"<p>第{n}条 提供者应当对第{n}类模型进行测试，保存记录，并向主管部门报送测试的结果和方法。</p>"
    for n in "一二三四五六"
)


def page(charset: str, declared: str = "") -> bytes:
    """A page with menus around an article."""
    meta = f'<meta http-equiv="Content-Type" content="text/html; charset={declared or charset}">'
    return (
        f"<!DOCTYPE html><html><head>{meta}<title>测试规则_某某办公室</title></head><body>"
        "<div class='nav'><ul><li><a href='/'>首页</a></li><li><a href='/x'>政务公开</a></li></ul></div>"
        f"<div id='content'><h1>测试规则</h1>{ARTICLE}</div>"
        "<div class='share'>分享到：微博 微信</div><footer>版权所有 网站地图</footer></body></html>"
    ).encode(charset)


@pytest.mark.parametrize(
    ("charset", "declared"),
    [("utf-8", ""), ("gb18030", "gb2312"), ("gb18030", "utf-8"), ("utf-8", "gbk"), ("utf-16", "")],
)
def test_pages_are_decoded_whatever_they_declare(charset: str, declared: str) -> None:
    """The bytes decide where the declared encoding is wrong."""
    source = read_bytes(page(charset, declared), "a.html")
    assert source.text.count("提供者应当") == 6
    assert source.title == "测试规则"


def test_a_big5_page_is_decoded() -> None:
    """Traditional Chinese in Big5 is read."""
    body = "<p>提供者應當對模型進行測試，並保存測試的記錄，以備主管機關查驗。</p>" * 8
    data = f"<html><head><meta charset=big5><title>規則</title></head><body>{body}</body></html>"
    assert "備主管機關查驗" in read_bytes(data.encode("big5"), "a.html").text


def test_menus_and_buttons_are_left_out() -> None:
    """Only the article is kept."""
    text = read_bytes(page("utf-8"), "a.html").text
    for noise in ("首页", "分享到", "版权所有"):
        assert noise not in text


def test_structure_becomes_blocks() -> None:
    """Headings, items and table rows keep their kinds; a break before a provision parts two."""
    data = (
        b"<html><body><article><h2>Part one</h2><p>The office shall test every model that is offered:"
        b"<br>(a) before release; and<br>(b) each year.</p><ul><li>first item of the list</li><li>"
        b"second item of the list</li></ul><table><tr><th>Risk</th><th>Duty</th></tr><tr><td>High</td>"
        b"<td>Test</td></tr></table><p>The rest of the article explains at length what the office "
        b"expects of providers and of those who buy from them, and when.</p></article></body></html>"
    )
    source = read_bytes(data, "a.html")
    kinds = [(b.kind, source.text[b.start : b.end]) for b in source.blocks]
    assert ("heading", "Part one") in kinds
    assert ("paragraph", "(a) before release; and") in kinds
    assert ("item", "second item of the list") in kinds
    assert ("table-row", "High | Test") in kinds


def test_pages_without_text_say_why() -> None:
    """An empty page and a page that scripts fill are two messages."""
    with pytest.raises(EmptyDocument, match="no text"):
        read_bytes(b"<html><body></body></html>", "a.html")
    app = (
        b"<!doctype html><html><head><title>App</title></head><body><noscript>You need to enable "
        b"JavaScript</noscript><div id=root></div><script src=/a.js></script></body></html>"
    )
    with pytest.raises(EmptyDocument, match="scripts") as caught:
        read_bytes(app, "a.html")
    assert "PDF" in caught.value.remedy


def test_entities_and_remote_parts_are_left_alone() -> None:
    """External entities are not resolved and hostile nesting does not break the reader."""
    hostile = (
        b'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><body>'
        + b"<div>" * 3000
        + b"<p>Providers shall test every model &x; before release and each year.</p></body></html>"
    )
    try:
        text = read_bytes(hostile, "a.html").text
    except EmptyDocument:
        text = ""  # a parser may cut what is nested too deep
    assert "root:" not in text


def _real(name: str) -> SourceText:
    if not (FILES / name).is_file():
        pytest.skip(f"the real texts are not here: {FILES}")
    return read_file(FILES / name)


@pytest.mark.real
def test_the_real_measures_are_complete() -> None:
    """All 24 articles stand at the start of a block, and nothing of the site's menus."""
    source = _real("china_generative_ai_service_measures.html")
    starts = [source.text[b.start : b.start + 12] for b in source.blocks]
    articles = [s for s in starts if re.match(r"第[一二三四五六七八九十]+条", s)]
    assert len(articles) == len(set(articles)) == 24
    assert source.title == "生成式人工智能服务管理暂行办法"
    for noise in ("首 页", "加入收藏", "当前位置", "联系我们", "版权所有"):
        assert noise not in source.text


@pytest.mark.real
def test_the_real_order_is_complete() -> None:
    """Every section of the executive order stands at the start of a block."""
    source = _real("us_removing_barriers_ai_leadership.html")
    starts = [source.text[b.start : b.end] for b in source.blocks]
    assert sum(bool(re.match(r"(?:Section|Sec\.) [1-6]\. ", s)) for s in starts) == 6
    assert any(s.startswith("(ii) the functions") for s in starts)
    assert "Artificial Intelligence" in source.title
    for noise in ("Menu", "Subscribe", "Privacy Policy", "Share"):
        assert noise not in source.text
