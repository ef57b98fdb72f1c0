"""The report in a real browser: narrow and wide, English and Chinese, printed."""

import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from qiutong import Study

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine"),
]

# The report forbids scripts of others, so a page of the same origin holds it in a frame and looks.
LOOK = """<!doctype html><title>wait</title>
<iframe id="f" style="width:{width}px;height:900px;border:0" src="report.{language}.html"></iframe>
<script>
const frame = document.getElementById("f");
frame.onload = () => {{
  const page = frame.contentDocument, root = page.documentElement;
  const ids = new Set([...page.querySelectorAll("[id]")].map(e => e.id));
  const broken = [...page.querySelectorAll('a[href^="#"]')]
    .map(a => decodeURIComponent(a.getAttribute("href").slice(1))).filter(id => id && !ids.has(id));
  const levels = [...page.querySelectorAll("h1,h2,h3,h4,h5,h6")].map(h => +h.tagName[1]);
  document.title = "done";
  document.body.textContent = "BEGIN" + JSON.stringify({{
    overflow: root.scrollWidth - root.clientWidth,
    language: root.lang, broken, ids: ids.size,
    repeated: page.querySelectorAll("[id]").length - ids.size,
    skipped: levels.some((n, i) => i && n > levels[i - 1] + 1),
    first: page.querySelectorAll("h1").length,
    outside: [...page.querySelectorAll("[src],link[href]")].map(e => e.src || e.href),
    bare: [...page.querySelectorAll("table")].filter(t => !t.querySelector("th[scope]")).length,
    text: page.body.innerText.length,
  }}) + "END";
}};
</script>"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Reports of the bundled study in both languages, served on this machine only."""
    folder = tmp_path_factory.mktemp("report")
    study = Study.create(folder / "study", like="us-china-ai")
    study.code()
    results = study.results("2025-01-20")
    for language in ("en", "zh"):
        study.report(folder / f"report.{language}.html", language=language, results=results)
    study.close()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def browse(folder: Path, *arguments: str) -> str:
    """Run the browser once and give what it printed."""
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={folder / 'profile'}", *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=180,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [360, 820, 1440])
def test_the_report_holds_together_at_every_width(
    pages: tuple[Path, str], language: str, width: int
) -> None:
    """Nothing runs over the page, every link inside it leads somewhere, nothing comes from outside."""
    folder, address = pages
    (folder / "look.html").write_text(LOOK.format(width=width, language=language), "utf-8")
    out = browse(
        folder, "--window-size=1600,1000", "--virtual-time-budget=20000", "--dump-dom",
        f"{address}/look.html",
    )  # fmt: skip
    found = re.search(r"BEGIN(.*?)END", out, re.DOTALL)
    assert found, out[-2000:]
    seen = json.loads(found[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
    assert seen["overflow"] <= 0
    assert seen["language"].startswith(language)
    assert seen["broken"] == []
    assert seen["repeated"] == 0
    assert seen["skipped"] is False
    assert seen["first"] == 1
    assert seen["outside"] == []
    assert seen["bare"] == 0
    assert seen["text"] > 5_000


def test_the_report_prints(pages: tuple[Path, str]) -> None:
    """A PDF comes out, with the answer on its first page and of a length that can be read."""
    import pypdfium2

    folder, address = pages
    target = folder / "report.pdf"
    browse(
        folder, "--no-pdf-header-footer", f"--print-to-pdf={target}", f"{address}/report.en.html"
    )
    pdf = pypdfium2.PdfDocument(target)
    first = pdf[0].get_textpage().get_text_bounded()
    count = len(pdf)
    pdf.close()
    assert "The answer" in first
    assert count < 120
