"""Fetching: the guard on addresses, and every limit, against a server of our own."""

import gzip
import hashlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from qiutong.errors import FetchError, ForbiddenAddress, QiutongError
from qiutong.fetch import Fetched, Politeness, fetch_document, is_public_address

PAGE = "<!doctype html><title>办法</title><p>第一条 为了规范。</p>".encode()
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"

Reply = Callable[[BaseHTTPRequestHandler], None]


def reply(
    body: bytes = PAGE, media_type: str | None = "text/html", status: int = 200, **headers: str
) -> Reply:
    """A plain answer; underscores in header names stand for hyphens."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        if media_type is not None:
            handler.send_header("Content-Type", media_type)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if not {"Content_Length", "Transfer_Encoding"} & headers.keys():
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


class Site:
    """A web server on this machine that remembers what it was asked."""

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self.routes: dict[str, Reply] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.done = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                agent = self.headers.get("User-Agent", "")
                site.asked.append((self.headers["Host"], self.path, agent))
                answer = site.routes.get(self.path, reply(b"none", "text/plain", 404))
                try:
                    answer(self)
                except OSError:  # the client went away, as it should
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if ssl_context is not None:
            self.server.socket = ssl_context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.thread.start()

    def url(self, path: str, host: str = "site.test", scheme: str = "http") -> str:
        """Address of a path here."""
        return f"{scheme}://{host}:{self.port}{path}"

    def fetch(self, path: str, **options: object) -> Fetched:
        """Fetch a path, or a whole address, with settings that suit a test."""
        settings: dict[str, object] = {
            "allow_private": True,
            "ports": {self.port},
            "politeness": Politeness(0.0, respect_robots=False),
            "resolve": lambda _host, _port: ["127.0.0.1"],
            "retries": 0,
            "backoff_s": 0.01,
            "timeout_s": 10.0,
        }
        url = path if "://" in path else self.url(path)
        return fetch_document(url, **{**settings, **options})  # type: ignore[arg-type]

    def close(self) -> None:
        """Stop serving."""
        self.done.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    """A server for one test."""
    one = Site()
    yield one
    one.close()


# --------------------------------------------------------------------------- the guard


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.254",
        "192.0.0.8",
        "192.0.0.9",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "2606:4700::1111%eth0",
        "example.org",
        "",
    ],
)
def test_address_inside_or_in_disguise_is_not_public(address: str) -> None:
    """Private, reserved, embedded and scoped addresses are refused."""
    assert not is_public_address(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::8.8.8.8"]
)
def test_ordinary_address_is_public(address: str) -> None:
    """Addresses of the public internet pass, by NAT64 too."""
    assert is_public_address(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://localhost./",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
    ],
)
def test_every_spelling_of_an_inside_host_is_refused(url: str) -> None:
    """The system's own resolver decides what a spelling means, and the guard sees its answer."""
    with pytest.raises(FetchError) as caught:
        fetch_document(url, politeness=Politeness(0, respect_robots=False), retries=0)
    # Some systems do not know the odder spellings, which is as good.
    assert isinstance(caught.value, ForbiddenAddress) or "is not found" in caught.value.reason


def test_one_inside_address_among_public_ones_is_refused() -> None:
    """Which of several addresses is used would be chance, so all must be public."""
    with pytest.raises(ForbiddenAddress, match=r"10\.0\.0\.7"):
        fetch_document(
            "http://mixed.test/",
            resolve=lambda _host, _port: ["93.184.216.34", "10.0.0.7"],
            politeness=Politeness(0, respect_robots=False),
        )


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.org/a.pdf", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("example.org/a.pdf", "scheme"),
        ("http://user:secret@example.org/", "user name"),
        ("http://@example.org/", "user name"),
        ("http:///a.pdf", "no host"),
        ("http://exa mple.org/", "space"),
        ("http://example.org\\@evil.test/", "backslash"),
        ("http://example.org/\r\nHost: evil.test", "control"),
        ("http://example.org:99999/", "no proper address"),
        ("http://[::1/", "no proper address"),
        ("http://exa$mple.org/", "no host name"),
    ],
)
def test_address_of_the_wrong_form_is_refused_before_any_lookup(url: str, reason: str) -> None:
    """Nothing is resolved for an address that is wrong on its face."""

    def never(_host: str, _port: int) -> list[str]:
        raise AssertionError("resolved")

    with pytest.raises(FetchError, match=reason):
        fetch_document(url, resolve=never)


@pytest.mark.parametrize("port", [22, 25, 6379, 8080])
def test_unusual_port_is_refused_unless_named(port: int) -> None:
    """Other services on a public host are none of our business."""
    with pytest.raises(ForbiddenAddress, match=f"its port is {port}; allowed: 80, 443"):
        fetch_document(f"http://example.org:{port}/")


def test_error_names_address_reason_and_remedy() -> None:
    """A caller can show each part by itself."""
    with pytest.raises(ForbiddenAddress) as caught:
        fetch_document(
            "http://inside.test/a.pdf",
            resolve=lambda _host, _port: ["10.0.0.7"],
            politeness=Politeness(0, respect_robots=False),
        )
    error = caught.value
    assert isinstance(error, FetchError)
    assert isinstance(error, QiutongError)
    assert error.url == "http://inside.test/a.pdf"
    assert "10.0.0.7" in error.reason
    assert "add it by its path" in error.remedy


def test_host_not_found_is_a_clear_error() -> None:
    """A misspelt host is told from a forbidden one."""

    def nothing(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(FetchError, match=r'host "no.test" is not found') as caught:
        fetch_document(
            "http://no.test/",
            resolve=nothing,
            retries=0,
            politeness=Politeness(0, respect_robots=False),
        )
    assert not isinstance(caught.value, ForbiddenAddress)


def test_resolver_that_hangs_hits_the_time_cap() -> None:
    """A name server that never answers does not hold us."""
    over = threading.Event()

    def hang(_host: str, _port: int) -> list[str]:
        over.wait(20)
        return []

    began = time.monotonic()
    try:
        with pytest.raises(FetchError, match=r"longer than 0\.3 s"):
            fetch_document(
                "http://slow.test/",
                resolve=hang,
                timeout_s=0.3,
                politeness=Politeness(0, respect_robots=False),
            )
    finally:
        over.set()
    assert time.monotonic() - began < 3


# --------------------------------------------------------------------------- fetching


def test_document_comes_with_its_provenance(site: Site) -> None:
    """Bytes, type, hash, time and addresses are recorded."""
    site.routes["/a.html"] = reply(PAGE, "text/html; charset=UTF-8")
    before = datetime.now(UTC).replace(microsecond=0)

    fetched = site.fetch("/a.html")

    assert fetched.data == PAGE
    assert fetched.media_type == "text/html"
    assert fetched.charset == "utf-8"
    assert fetched.sha256 == hashlib.sha256(PAGE).hexdigest()
    assert fetched.url == fetched.final_url == site.url("/a.html")
    assert fetched.redirects == ()
    assert before <= datetime.fromisoformat(fetched.retrieved_at) <= datetime.now(UTC)


def test_changed_content_gives_another_hash(site: Site) -> None:
    """A text that was changed at the same address is noticed."""
    site.routes["/a"] = reply(PAGE)
    first = site.fetch("/a")
    site.routes["/a"] = reply(PAGE.replace("规范".encode(), "促进".encode()))
    second = site.fetch("/a")
    site.routes["/a"] = reply(PAGE)
    assert site.fetch("/a").sha256 == first.sha256 != second.sha256


def test_address_in_any_script_is_asked_for_percent_encoded(site: Site) -> None:
    """Chinese paths and queries, and a fragment that stays here."""
    path = "/%E5%8A%9E%E6%B3%95.html?q=%E5%AE%89%E5%85%A8&x=1%202"
    site.routes[path] = reply()
    assert site.fetch(site.url("/办法.html?q=安全&x=1%202#第一条")).data == PAGE


def test_connection_goes_to_the_address_that_was_checked(site: Site) -> None:
    """A name that answers differently the second time gains nothing: it is asked once."""
    site.routes["/a"] = reply()
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    fetched = site.fetch(
        site.url("/a", host="rebind.test"),
        allow_private={"rebind.test"},
        resolve=lambda _host, _port: answers.pop(0),
    )
    assert fetched.data == PAGE
    assert answers == [["10.0.0.1"]]
    assert site.asked[0][0] == f"rebind.test:{site.port}"


def test_second_look_up_after_a_redirect_is_checked_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that turns inside between two hops is refused at the second."""
    # Our own server has to count as public for once.
    monkeypatch.setattr("qiutong.fetch.is_public_address", lambda address: address == "127.0.0.1")
    site.routes["/a"] = reply(b"", None, 302, Location="/b")
    site.routes["/b"] = reply()
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    with pytest.raises(ForbiddenAddress, match=r"10\.0\.0\.1"):
        site.fetch("/a", allow_private=False, resolve=lambda _host, _port: answers.pop(0))
    assert [path for _, path, _ in site.asked] == ["/a"]


def test_next_address_is_tried_when_one_does_not_answer(site: Site) -> None:
    """A host with a dead address among live ones is still reached."""
    site.routes["/a"] = reply()
    fetched = site.fetch("/a", resolve=lambda _host, _port: ["127.0.0.99", "127.0.0.1"])
    assert fetched.data == PAGE


# --------------------------------------------------------------------------- redirects


def test_redirects_are_followed_and_recorded(site: Site) -> None:
    """Relative and absolute, in raw UTF-8 too."""
    site.routes["/a"] = reply(b"", None, 301, Location="b/c")
    site.routes["/b/c"] = reply(b"", None, 307, Location="/办法".encode().decode("latin-1"))
    site.routes["/%E5%8A%9E%E6%B3%95"] = reply()
    fetched = site.fetch("/a")
    assert fetched.redirects == (site.url("/b/c"),)
    assert fetched.final_url == site.url("/%E5%8A%9E%E6%B3%95")
    assert fetched.url == site.url("/a")


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://127.0.0.1:{port}/b", ForbiddenAddress),
        ("http://other.test:{port}/b", ForbiddenAddress),
        ("//other.test:{port}/b", ForbiddenAddress),
        ("http://start.test:22/b", ForbiddenAddress),
        ("file:///etc/passwd", FetchError),
        ("http://a:b@start.test:{port}/b", FetchError),
    ],
)
def test_redirect_to_a_forbidden_place_is_refused(
    site: Site, location: str, error: type[FetchError]
) -> None:
    """Every hop is held to the rules of the first."""
    site.routes["/a"] = reply(b"", None, 302, Location=location.format(port=site.port))
    site.routes["/b"] = reply(b"secret of the inside", "text/plain")
    with pytest.raises(error):
        site.fetch(site.url("/a", host="start.test"), allow_private={"start.test"})
    assert [path for _, path, _ in site.asked] == ["/a"]


def test_sixth_redirect_is_too_many(site: Site) -> None:
    """Five are followed; a loop ends."""
    for hop in range(6):
        site.routes[f"/{hop}"] = reply(b"", None, 302, Location=f"/{hop + 1}")
    site.routes["/6"] = reply()
    assert site.fetch("/1").data == PAGE
    with pytest.raises(FetchError, match="more than 5 redirects"):
        site.fetch("/0")


# --------------------------------------------------------------------------- size and time


def test_stated_oversize_is_refused_before_reading(site: Site) -> None:
    """A stated length over the limit is enough."""
    site.routes["/a"] = reply(b"x" * 10, "text/plain", Content_Length="2000")
    with pytest.raises(FetchError, match="larger than 1,000 bytes"):
        site.fetch("/a", max_bytes=1000)


def test_unstated_oversize_is_cut_off(site: Site) -> None:
    """A stream without length is read to the limit and no further."""

    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/plain")
        handler.end_headers()
        while not site.done.is_set():
            handler.wfile.write(b"x" * 50_000)

    site.routes["/a"] = pour
    with pytest.raises(FetchError, match="larger than 300,000 bytes"):
        site.fetch("/a", max_bytes=300_000)


def test_document_of_exactly_the_limit_passes(site: Site) -> None:
    """The limit is the largest size allowed, packed or not."""
    body = b"word " * 200
    site.routes["/a"] = reply(body, "text/plain")
    site.routes["/z"] = reply(gzip.compress(body), "text/plain", Content_Encoding="gzip")
    assert site.fetch("/a", max_bytes=1000).data == body
    assert site.fetch("/z", max_bytes=1000).data == body
    for path in ("/a", "/z"):
        with pytest.raises(FetchError, match="larger than 999 bytes"):
            site.fetch(path, max_bytes=999)


def test_gzip_bomb_is_stopped(site: Site) -> None:
    """Fifty megabytes packed into fifty kilobytes are not unpacked."""
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 100_000
    site.routes["/a"] = reply(bomb, "text/plain", Content_Encoding="gzip")
    with pytest.raises(FetchError, match="larger than 1,000,000 bytes"):
        site.fetch("/a", max_bytes=1_000_000)


def test_gzip_in_several_members_is_unpacked(site: Site) -> None:
    """Concatenated members are one body."""
    packed = gzip.compress(PAGE[:20]) + gzip.compress(PAGE[20:])
    site.routes["/a"] = reply(packed, Content_Encoding="gzip")
    assert site.fetch("/a").data == PAGE


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (b"this is not gzip", "gzip", "damaged"),
        (gzip.compress(PAGE)[:-12], "gzip", "ends too soon"),
        (PAGE, "br", 'packed as "br"'),
        (PAGE, "gzip, gzip", 'packed as "gzip, gzip"'),
    ],
)
def test_wrong_packing_is_a_clear_error(
    site: Site, body: bytes, encoding: str, reason: str
) -> None:
    """Half a document never passes for a whole one."""
    site.routes["/a"] = reply(body, Content_Encoding=encoding)
    with pytest.raises(FetchError, match=reason):
        site.fetch("/a")


def test_body_shorter_than_stated_is_an_error(site: Site) -> None:
    """A connection that breaks off leaves no half document."""
    site.routes["/a"] = reply(PAGE[:30], Content_Length=str(len(PAGE)))
    with pytest.raises(FetchError, match="broke off"):
        site.fetch("/a")


@pytest.mark.parametrize("stage", ["status", "headers", "stated body", "open body"])
def test_server_that_drips_hits_the_time_cap(site: Site, stage: str) -> None:
    """One byte at a time never reaches a socket's own time limit; ours is over everything."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        start = {
            "status": b"HTTP/1.1 200 ",
            "headers": b"HTTP/1.1 200 OK\r\nX-Slow: ",
            "stated body": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
            b"Content-Length: 5000\r\n\r\n",
            "open body": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n",
        }[stage]
        handler.wfile.write(start)
        while not site.done.wait(0.05):
            handler.wfile.write(b"x")

    site.routes["/a"] = drip
    began = time.monotonic()
    with pytest.raises(FetchError, match=r"longer than 0\.5 s"):
        site.fetch("/a", timeout_s=0.5)
    assert time.monotonic() - began < 3


# --------------------------------------------------------------------------- types


@pytest.mark.parametrize(
    ("body", "stated", "found"),
    [
        (PDF, "application/pdf", "application/pdf"),
        (PDF, "application/octet-stream", "application/pdf"),
        (PDF, "text/html", "application/pdf"),
        (PDF, None, "application/pdf"),
        (PAGE, "application/xhtml+xml", "text/html"),
        (PAGE, "application/octet-stream", "text/html"),
        (b"\xef\xbb\xbf\n<HTML lang=zh>", "text/html;charset=gb2312", "text/html"),
        ("第一条".encode("gb18030"), "text/plain", "text/plain"),
        ("第一条".encode("utf-16"), "text/plain", "text/plain"),
        (
            b"PK\x03\x04[Content_Types].xml word/document.xml",
            "application/octet-stream",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
    ],
)
def test_type_is_judged_by_the_bytes_first(
    site: Site, body: bytes, stated: str | None, found: str
) -> None:
    """Servers often misname what they send."""
    site.routes["/a"] = reply(body, stated)
    assert site.fetch("/a").media_type == found


@pytest.mark.parametrize(
    ("body", "stated", "reason"),
    [
        (b"GIF89a", "image/gif", "image/gif"),
        (b"{}", "application/json", "application/json"),
        (PAGE, "application/pdf", "sends a web page"),
        (b"oops", "application/pdf", "something else"),
        (b"PK\x03\x04payload.exe", "application/zip", "application/zip"),
        (b"PK\x03\x04payload.exe", "application/octet-stream", "zip archive"),
        (b"MZ\x00\x01\x02", "text/plain", "binary data"),
        (b"plain words", "application/octet-stream", "no stated type"),
        (b"plain words", None, "no stated type"),
        (b"", "text/html", "empty"),
    ],
)
def test_wrong_type_is_refused(site: Site, body: bytes, stated: str | None, reason: str) -> None:
    """What no reader can read is not kept."""
    site.routes["/a"] = reply(body, stated)
    with pytest.raises(FetchError, match=reason):
        site.fetch("/a")


# --------------------------------------------------------------------------- politeness


@pytest.mark.parametrize("status", [204, 304, 401, 403, 404, 410, 500])
def test_other_answers_are_errors_at_once(site: Site, status: int) -> None:
    """Only 200 is a document, and only passing failures are tried again."""
    site.routes["/a"] = reply(b"", None, status)
    with pytest.raises(FetchError, match=f"the server answered {status}"):
        site.fetch("/a", retries=3)
    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_passing_failure_is_tried_again(site: Site, status: int) -> None:
    """The document comes once the server has recovered."""

    def recover(handler: BaseHTTPRequestHandler) -> None:
        (reply(b"", None, status) if len(site.asked) < 3 else reply())(handler)

    site.routes["/a"] = recover
    assert site.fetch("/a", retries=2).data == PAGE
    assert len(site.asked) == 3


def test_retries_end(site: Site) -> None:
    """A server that stays busy is left alone after the last try."""
    site.routes["/a"] = reply(b"", None, 503)
    with pytest.raises(FetchError, match="the server answered 503"):
        site.fetch("/a", retries=2)
    assert len(site.asked) == 3


def test_retry_after_in_seconds_is_honoured(site: Site) -> None:
    """The pause is at least the one asked for."""

    def recover(handler: BaseHTTPRequestHandler) -> None:
        busy = reply(b"", None, 429, Retry_After="1")
        (busy if len(site.asked) < 2 else reply())(handler)

    site.routes["/a"] = recover
    began = time.monotonic()
    site.fetch("/a", retries=1)
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_long_retry_after_is_an_error_instead_of_a_wait(site: Site, form: str) -> None:
    """An hour's pause is told to the user."""
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    asked = "3600" if form == "seconds" else later
    site.routes["/a"] = reply(b"", None, 503, Retry_After=asked)
    with pytest.raises(FetchError, match=r"asks to wait 3[56]\d\d s"):
        site.fetch("/a", retries=3)
    assert len(site.asked) == 1


def test_two_requests_to_one_host_keep_their_distance(site: Site) -> None:
    """The second waits, redirects included; another host does not."""
    site.routes["/a"] = reply(b"", None, 302, Location="/b")
    site.routes["/b"] = reply()
    polite = Politeness(1.5, respect_robots=False)
    began = time.monotonic()
    site.fetch("/a", politeness=polite)
    between = time.monotonic()
    site.fetch(site.url("/b", host="other.test"), politeness=polite)
    assert between - began >= 1.5
    assert time.monotonic() - between < 1.4


def test_robots_rules_are_obeyed_and_read_once(site: Site) -> None:
    """What the server closes to programs is not asked for."""
    rules = b"User-agent: *\nDisallow: /closed/\n"
    site.routes |= {"/robots.txt": reply(rules, "text/plain"), "/open": reply()}
    site.routes["/closed/a"] = reply()
    polite = Politeness(0.0)
    assert site.fetch("/open", politeness=polite).data == PAGE
    with pytest.raises(FetchError, match=r"robots\.txt does not allow"):
        site.fetch("/closed/a", politeness=polite)
    assert [path for _, path, _ in site.asked] == ["/robots.txt", "/open"]


def test_robots_rules_hold_for_the_place_redirected_to(site: Site) -> None:
    """A redirect does not get round them."""
    site.routes["/robots.txt"] = reply(b"User-agent: *\nDisallow: /closed/\n", "text/plain")
    site.routes["/open"] = reply(b"", None, 302, Location="/closed/a")
    site.routes["/closed/a"] = reply()
    with pytest.raises(FetchError, match=r"robots\.txt does not allow"):
        site.fetch("/open", politeness=Politeness(0.0))
    assert "/closed/a" not in [path for _, path, _ in site.asked]


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (403, True), (500, False)])
def test_missing_robots_allow_and_broken_ones_forbid(
    site: Site, status: int, allowed: bool
) -> None:
    """As RFC 9309 has it."""
    site.routes |= {"/robots.txt": reply(b"", None, status), "/a": reply()}
    if allowed:
        assert site.fetch("/a", politeness=Politeness(0.0)).data == PAGE
    else:
        with pytest.raises(FetchError, match="does not allow"):
            site.fetch("/a", politeness=Politeness(0.0))


def test_program_names_itself(site: Site) -> None:
    """A site's keeper can see who asked; a caller can give another name."""
    site.routes["/a"] = reply()
    site.fetch("/a")
    site.fetch("/a", user_agent="institute-reader/1")
    assert site.asked[0][2].startswith("qiutong/")
    assert site.asked[1][2] == "institute-reader/1"
    with pytest.raises(FetchError, match="user agent"):
        site.fetch("/a", user_agent="x\r\nHost: evil.test")


# --------------------------------------------------------------------------- encryption


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Site, ssl.SSLContext]]:
    """A server with a certificate for good.test, and a context that trusts it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=good.test"),
            *("-addext", "subjectAltName=DNS:good.test"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    mine = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mine.load_cert_chain(certificate, key)
    site = Site(mine)
    yield site, ssl.create_default_context(cafile=str(certificate))
    site.close()


def test_certificate_is_checked_against_the_name(secure: tuple[Site, ssl.SSLContext]) -> None:
    """The connection goes to a number, and the server still has to prove its name."""
    site, trust = secure
    site.routes["/a"] = reply()
    good = site.url("/a", host="good.test", scheme="https")
    assert site.fetch(good, ssl_context=trust).data == PAGE
    bad = site.url("/a", host="bad.test", scheme="https")
    with pytest.raises(FetchError, match="certificate"):
        site.fetch(bad, ssl_context=trust, retries=2)


def test_unknown_certificate_is_refused(secure: tuple[Site, ssl.SSLContext]) -> None:
    """By default only the system's certificates count."""
    site, _ = secure
    with pytest.raises(FetchError, match="certificate"):
        site.fetch(site.url("/a", host="good.test", scheme="https"))


def test_redirect_that_drops_encryption_is_refused(secure: tuple[Site, ssl.SSLContext]) -> None:
    """From https one does not fall to http unawares."""
    site, trust = secure
    site.routes["/a"] = reply(b"", None, 302, Location=site.url("/b", host="good.test"))
    with pytest.raises(FetchError, match="without encryption"):
        site.fetch(site.url("/a", host="good.test", scheme="https"), ssl_context=trust)


def test_a_strange_port_is_refused_with_the_option_that_allows_it() -> None:
    """Who fetches from the command line is told what to type there."""
    with pytest.raises(ForbiddenAddress) as refused:
        fetch_document("http://mirror.example:8443/a.html")
    assert "--trust mirror.example:8443" in refused.value.remedy
