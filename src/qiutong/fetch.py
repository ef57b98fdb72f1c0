"""Guarded download of official documents.

The address of a document comes from a table that somebody filled in, and a server may answer with
a redirect to anywhere. So every hop is held to the same rules: a public address, an ordinary port,
a bounded size, a bounded time, a type that a reader can read. The connection goes to the very
address that was checked, so that a name which resolves differently a moment later gains nothing.

Proxies named in the environment are not used: behind one, the address could not be checked.
"""

import contextlib
import hashlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import quote, urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import msgspec
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import BaseHTTPResponse

from qiutong.deadline import Deadline, retry_after
from qiutong.errors import FetchError, ForbiddenAddress
from qiutong.model import Value

Resolver = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a host name, as text, in the order to try them."""

MAX_BYTES = 100_000_000
MAX_REDIRECTS = 5
MAX_RETRY_WAIT_S = 30.0
PORTS = frozenset({80, 443})

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MEDIA_TYPES = frozenset(
    {PDF, DOCX, "text/html", "application/xhtml+xml", "text/plain", "text/markdown"}
)
"""Media types that a reader of this package can read."""

_UNKNOWN_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_CHUNK = 65_536
_CONNECT_TIMEOUT_S = 15.0
_ROBOTS_BYTES = 512_000
_ROBOTS_KEPT_S = 3600.0

# Ranges that ipaddress calls global in some Python versions, or that carry an IPv4 address to
# somewhere else: 6to4, Teredo and other IETF assignments, IPv4-compatible, local NAT64, site-local,
# documentation, segment routing.
_FORBIDDEN = tuple(
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Fetched(Value, frozen=True, kw_only=True):
    """A document as it came, with what is needed to tell later whether it changed.

    Parameters
    ----------
    url
        The address asked for.
    final_url
        The address that answered.
    data
        The bytes, content encoding undone.
    media_type
        What the bytes are, judged by their beginning first and by the server's word second.
    charset
        Text encoding the server named, lower case, or empty.
    sha256
        Of ``data``, hexadecimal.
    retrieved_at
        When the answer was complete: ISO 8601, UTC, seconds.
    redirects
        The addresses passed through, in order, ``url`` and ``final_url`` left out.
    """

    url: str
    final_url: str
    data: bytes
    media_type: str
    charset: str = ""
    sha256: str
    retrieved_at: str
    redirects: tuple[str, ...] = ()


class Politeness:
    """What one process remembers so as not to burden the servers it asks.

    Parameters
    ----------
    min_interval_s
        Least time between two requests to the same host, in seconds.
    respect_robots
        Whether ``robots.txt`` is asked first and obeyed.
    """

    def __init__(self, min_interval_s: float = 1.0, respect_robots: bool = True) -> None:
        self.min_interval_s = min_interval_s
        self.respect_robots = respect_robots
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._robots: dict[str, tuple[float, RobotFileParser]] = {}

    def reserve(self, host: str) -> float:
        """Book the next free moment of a host; gives the seconds to wait until then."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next.get(host, now))
            self._next = {name: when for name, when in self._next.items() if when > now}
            self._next[host] = at + self.min_interval_s
            return at - now

    def recall_robots(self, origin: str) -> RobotFileParser | None:
        """Give the rules of a server if they were read within the last hour."""
        with self._lock:
            kept = self._robots.get(origin)
            if kept and time.monotonic() - kept[0] < _ROBOTS_KEPT_S:
                return kept[1]
            return None

    def keep_robots(self, origin: str, rules: RobotFileParser) -> None:
        """Remember the rules of a server."""
        with self._lock:
            self._robots[origin] = (time.monotonic(), rules)


_POLITENESS = Politeness()


def default_user_agent() -> str:
    """Name the program to the servers it asks."""
    try:
        number = version("qiutong")
    except PackageNotFoundError:  # run from a source tree that was not installed
        number = "0"
    return f"qiutong/{number} (policy research; one document at a time)"


# --------------------------------------------------------------------------- the guard


def is_public_address(address: str) -> bool:
    """Tell whether an address is an ordinary one on the public internet.

    Private, loopback, link-local, multicast, shared (CGNAT), reserved and unspecified addresses
    are not, nor is any way to write one of them inside an IPv6 address: mapped, compatible, 6to4,
    Teredo. Of NAT64 only the well-known prefix is let through, and by the address inside it.

    Parameters
    ----------
    address
        IPv4 or IPv6, as text; with a scope (``fe80::1%eth0``) it is never public.
    """
    if "%" in address:
        return False
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return False  # no resolver has a reason to give one
        if ip in _NAT64:
            return is_public_address(str(ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)))
    if any(ip.version == block.version and ip in block for block in _FORBIDDEN):
        return False
    return ip.is_global and not (
        ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback
    )


class _Target(msgspec.Struct, frozen=True, kw_only=True):
    """One address taken apart, once, so that nothing later can read it differently."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header wants them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


def _parse(url: str, ports: Collection[int]) -> _Target:
    # A backslash or a control character is where two parsers come to differ about the host.
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise FetchError(
            url, "it holds a space, a control character or a backslash", "Write it percent-encoded."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError as error:
        raise FetchError(url, f"it is no proper address ({error})", "Check it.") from None
    if parts.scheme not in ("http", "https"):
        raise FetchError(
            url,
            f'its scheme is "{parts.scheme}"; only http and https are fetched',
            "Give the web address, or add the file itself.",
        )
    if "@" in parts.netloc:
        raise FetchError(url, "it holds a user name or password", "Take them out of the address.")
    if not host:
        raise FetchError(url, "it names no host", "Check the address.")
    if ":" not in host:
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise FetchError(url, f'"{host}" is no host name', "Check the address.") from None
        if not re.fullmatch(r"[A-Za-z0-9_.\-]+", host):
            raise FetchError(url, f'"{host}" is no host name', "Check the address.")
    port = port if port is not None else (443 if parts.scheme == "https" else 80)
    if port not in ports:
        allowed = ", ".join(str(one) for one in sorted(ports))
        raise ForbiddenAddress(
            url,
            f"its port is {port}; allowed: {allowed}",
            f"If you trust it, name both: --trust {host}:{port}; in Python, ports=.",
        )
    safe = "/%:@!$&'()*+,;=~-._"
    path = quote(parts.path or "/", safe=safe)
    path += f"?{quote(parts.query, safe=safe + '?')}" if parts.query else ""
    bracketed = f"[{host}]" if ":" in host else host
    shown_port = "" if port == (443 if parts.scheme == "https" else 80) else f":{port}"
    return _Target(
        url=f"{parts.scheme}://{bracketed}{shown_port}{path}",
        scheme=parts.scheme,
        host=host,
        port=port,
        path=path,
    )


def resolve_host(host: str, port: int) -> tuple[str, ...]:
    """Ask the system for the addresses of a host; the default resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _resolve_in_time(resolve: Resolver, target: _Target, deadline: "_Deadline") -> tuple[str, ...]:
    """Resolve on a thread of its own: the system call knows no time limit."""
    answer: list[tuple[str, ...]] = []
    failure: list[Exception] = []

    def ask() -> None:
        try:
            answer.append(tuple(resolve(target.host, target.port)))
        except (OSError, UnicodeError) as error:
            failure.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(deadline.remaining())
    if failure:
        raise _Retryable(
            FetchError(
                target.url,
                f'the host "{target.host}" is not found ({failure[0]})',
                "Check the address and the connection.",
            )
        )
    if not answer:
        raise deadline.error(target.url)
    return answer[0]


def _checked_addresses(
    target: _Target,
    resolve: Resolver,
    allow_private: bool | Collection[str],
    deadline: "_Deadline",
) -> tuple[str, ...]:
    addresses = _resolve_in_time(resolve, target, deadline)
    if not addresses:
        raise FetchError(
            target.url, f'the host "{target.host}" has no address', "Check the address."
        )
    trusted = allow_private if isinstance(allow_private, bool) else target.host in allow_private
    if not trusted:
        # One bad address among good ones is refused too: which one is used would be chance.
        inside = [one for one in addresses if not is_public_address(one)]
        if inside:
            raise ForbiddenAddress(
                target.url,
                f'the host "{target.host}" is at {", ".join(inside)}, '
                "which is not on the public internet",
                "Download the file yourself and add it by its path.",
            )
    return addresses


# --------------------------------------------------------------------------- time


class _Deadline(Deadline):
    """The one time limit over everything that a fetch does."""

    def error(self, url: str) -> FetchError:
        return FetchError(
            url,
            f"it took longer than {self.timeout_s:g} s in all",
            "Try again later, or give a longer time limit.",
        )

    def check(self, url: str) -> None:
        if self.remaining() <= 0:
            raise self.error(url)

    def wait(self, seconds: float, url: str) -> None:
        if seconds >= self.remaining():
            raise self.error(url)
        if seconds > 0:
            time.sleep(seconds)


class _Retryable(Exception):
    """A failure that may pass; carries the error to give when it does not."""

    def __init__(self, error: FetchError, wait_s: float | None = None) -> None:
        self.error = error
        self.wait_s = wait_s
        super().__init__(str(error))


# --------------------------------------------------------------------------- one request


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    headers: dict[str, str]
    data: bytes


class _Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What stays the same over all requests of one fetch."""

    max_bytes: int
    allow_private: bool | frozenset[str]
    ports: frozenset[int]
    user_agent: str
    resolve: Resolver
    ssl_context: ssl.SSLContext | None
    retries: int
    backoff_s: float


def _connect(target: _Target, limits: _Limits, deadline: _Deadline) -> HTTPConnection:
    """Connect to an address that was checked: the name is not resolved a second time."""
    addresses = _checked_addresses(target, limits.resolve, limits.allow_private, deadline)
    failure: Exception | None = None
    for address in addresses:
        deadline.check(target.url)
        timeout = min(_CONNECT_TIMEOUT_S, max(0.001, deadline.remaining()))
        connection: HTTPConnection
        if target.scheme == "https":
            connection = HTTPSConnection(
                address,
                target.port,
                timeout=timeout,
                # The certificate is checked against the name, though the connection is to a number.
                server_hostname=target.host,
                ssl_context=limits.ssl_context or ssl.create_default_context(),
            )
        else:
            connection = HTTPConnection(address, target.port, timeout=timeout)
        try:
            connection.connect()
        except (ssl.SSLError, urllib3.exceptions.SSLError) as error:
            connection.close()
            raise FetchError(
                target.url,
                f"its certificate or encryption is not accepted ({error})",
                "Check the address; do not fetch from a server that cannot prove its name.",
            ) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            connection.close()
            failure = error
            continue
        return connection
    deadline.check(target.url)
    raise _Retryable(
        FetchError(
            target.url,
            f"no connection ({failure})",
            "Check that the site can be reached from here.",
        )
    )


def _request(
    target: _Target,
    limits: _Limits,
    deadline: _Deadline,
    refuse: Callable[[_Target, Mapping[str, str]], None],
) -> _Answer:
    """Ask once. The body is read only of a 200, after ``refuse`` has let the headers pass."""
    connection = _connect(target, limits, deadline)
    try:
        with deadline.guard(connection.sock) as cut:
            try:
                if connection.sock is not None:
                    connection.sock.settimeout(max(0.001, deadline.remaining()))
                connection.request(
                    "GET",
                    target.path,
                    headers={
                        "Host": target.authority,
                        "User-Agent": limits.user_agent,
                        "Accept": "text/html,application/pdf,text/plain;q=0.9,*/*;q=0.5",
                        "Accept-Encoding": "gzip",
                        "Connection": "close",
                    },
                    preload_content=False,
                    decode_content=False,
                )
                response = connection.getresponse()
                headers = {name.lower(): value for name, value in response.headers.items()}
                data = b""
                if response.status == 200:
                    refuse(target, headers)
                    data = _read_body(target, response, headers, limits.max_bytes)
            except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
                if cut.is_set() or deadline.remaining() <= 0:
                    raise deadline.error(target.url) from None
                raise _Retryable(
                    FetchError(target.url, f"the connection broke off ({error})", "Try again.")
                ) from None
            # Cut while reading a body of no stated length looks like its end.
            if cut.is_set():
                raise deadline.error(target.url)
        return _Answer(status=response.status, headers=headers, data=data)
    finally:
        connection.close()


def _too_large(target: _Target, max_bytes: int) -> FetchError:
    return FetchError(
        target.url,
        f"it is larger than {max_bytes:,} bytes",
        "Raise max_bytes if the document is really that large.",
    )


def _read_body(
    target: _Target, response: BaseHTTPResponse, headers: Mapping[str, str], max_bytes: int
) -> bytes:
    """Read and unpack the body; neither the packed nor the unpacked bytes pass the limit."""
    stated = headers.get("content-length", "")
    if stated.isdigit() and int(stated) > max_bytes:
        raise _too_large(target, max_bytes)
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise FetchError(
            target.url,
            f'it is packed as "{encoding}", which was not asked for',
            "Download the file yourself and add it by its path.",
        )
    unpack = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
    body = bytearray()
    packed = 0
    while True:
        chunk = response.read(_CHUNK, decode_content=False)
        if not chunk:
            break
        packed += len(chunk)
        if packed > max_bytes:
            raise _too_large(target, max_bytes)
        if unpack is None:
            body += chunk
            continue
        try:
            while chunk:
                # One byte over the limit is enough to know, so no more is ever unpacked.
                body += unpack.decompress(chunk, max_bytes + 1 - len(body))
                if len(body) > max_bytes:
                    raise _too_large(target, max_bytes)
                chunk = unpack.unconsumed_tail
                if unpack.eof:
                    # A gzip body may be several members one after another.
                    chunk = unpack.unused_data.lstrip(b"\0")
                    if chunk:
                        unpack = zlib.decompressobj(wbits=31)
        except zlib.error as error:
            raise FetchError(
                target.url, f"its gzip packing is damaged ({error})", "Try again."
            ) from None
    if unpack is not None and not unpack.eof:
        raise _Retryable(FetchError(target.url, "its gzip packing ends too soon", "Try again."))
    return bytes(body)


# --------------------------------------------------------------------------- types


def _declared(headers: Mapping[str, str]) -> tuple[str, str]:
    """Media type and charset as the server states them, lower case."""
    media_type, _, rest = headers.get("content-type", "").partition(";")
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:\-]+)", rest, re.IGNORECASE)
    return media_type.strip().lower(), charset[1].lower() if charset else ""


def _refuse_type(target: _Target, headers: Mapping[str, str]) -> None:
    declared, _ = _declared(headers)
    if declared not in MEDIA_TYPES | _UNKNOWN_TYPES:
        raise _wrong_type(target, f'"{declared}"')


def _wrong_type(target: _Target, what: str) -> FetchError:
    return FetchError(
        target.url,
        f"it is {what}, not PDF, HTML, DOCX or text",
        "Give the address of the document itself.",
    )


def _judge_type(target: _Target, declared: str, data: bytes) -> str:
    """Tell what the bytes are. Servers send error pages as PDF, and PDF as a stream of octets."""
    if not data:
        raise FetchError(target.url, "the answer is empty", "Check the address in a browser.")
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"%PDF-" in data[:1024]:
        return PDF
    if data.startswith(b"PK\x03\x04"):
        if b"word/" in data and b"[Content_Types].xml" in data:
            return DOCX
        raise _wrong_type(target, "a zip archive")
    if declared in (PDF, DOCX):
        page = re.match(rb"<(?:!doctype html|html|head)", start, re.IGNORECASE)
        raise FetchError(
            target.url,
            f'the server calls it "{declared}" and sends '
            + ("a web page" if page else "something else"),
            "Open the address in a browser: it may want a click or a login.",
        )
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\x00" in data[:8192] and not utf16:
        raise _wrong_type(target, "binary data")
    if re.match(rb"<(?:!doctype html|html|head)", start, re.IGNORECASE):
        return "text/html"
    if declared in _UNKNOWN_TYPES:
        raise _wrong_type(target, "of no stated type")
    return declared


# --------------------------------------------------------------------------- the fetch


def _ask(
    target: _Target,
    limits: _Limits,
    deadline: _Deadline,
    politeness: Politeness,
    refuse: Callable[[_Target, Mapping[str, str]], None],
) -> _Answer:
    """Ask with the pauses that politeness wants, and again after failures that may pass."""
    for attempt in range(limits.retries + 1):
        deadline.wait(politeness.reserve(target.authority), target.url)
        try:
            answer = _request(target, limits, deadline, refuse)
            if answer.status not in _TRY_AGAIN:
                return answer
            raise _Retryable(
                FetchError(target.url, f"the server answered {answer.status}", "Try again later."),
                retry_after(answer.headers.get("retry-after", "")),
            )
        except _Retryable as failure:
            if attempt == limits.retries:
                raise failure.error from None
            wait_s = limits.backoff_s * 2**attempt if failure.wait_s is None else failure.wait_s
            if wait_s > MAX_RETRY_WAIT_S:
                raise FetchError(
                    target.url,
                    f"the server asks to wait {wait_s:.0f} s before the next try",
                    "Try again after that time.",
                ) from None
            if wait_s >= deadline.remaining():
                raise failure.error from None
            deadline.wait(wait_s, target.url)
    raise AssertionError("unreachable")  # pragma: no cover


def _follow(
    url: str,
    limits: _Limits,
    deadline: _Deadline,
    politeness: Politeness,
    refuse: Callable[[_Target, Mapping[str, str]], None],
    check: Callable[[_Target], None],
) -> tuple[_Target, _Answer, tuple[str, ...]]:
    """Follow redirects, each hop checked like the first."""
    target = _parse(url, limits.ports)
    passed: list[str] = []
    while True:
        check(target)
        answer = _ask(target, limits, deadline, politeness, refuse)
        location = answer.headers.get("location", "")
        if answer.status not in _REDIRECTS or not location:
            return target, answer, tuple(passed[1:])
        passed.append(target.url)
        if len(passed) > MAX_REDIRECTS:
            raise FetchError(
                url,
                f"more than {MAX_REDIRECTS} redirects",
                "Give the address at which the document ends up.",
            )
        # Servers send raw UTF-8 in this header; http.client has read it as Latin-1.
        with contextlib.suppress(UnicodeError):
            location = location.encode("latin-1").decode("utf-8")
        onward = _parse(urljoin(target.url, location), limits.ports)
        if target.scheme == "https" and onward.scheme == "http":
            raise FetchError(
                onward.url,
                f"{target.url} redirects to it without encryption",
                "Give this address itself if you accept that.",
            )
        target = onward


def _check_robots(
    target: _Target, limits: _Limits, deadline: _Deadline, politeness: Politeness
) -> None:
    if not politeness.respect_robots:
        return
    rules = politeness.recall_robots(target.origin)
    if rules is None:
        rules = RobotFileParser()
        _, answer, _ = _follow(
            f"{target.origin}/robots.txt",
            msgspec.structs.replace(limits, max_bytes=_ROBOTS_BYTES),
            deadline,
            politeness,
            lambda _target, _headers: None,
            lambda _target: None,
        )
        # RFC 9309: 4xx means no rules; a server error means that nothing may be fetched.
        text = answer.data.decode("utf-8", "replace") if answer.status == 200 else ""
        if answer.status >= 500:
            text = "User-agent: *\nDisallow: /"
        rules.parse(text.splitlines())
        politeness.keep_robots(target.origin, rules)
    if not rules.can_fetch(limits.user_agent, target.url):
        raise FetchError(
            target.url,
            f"{target.origin}/robots.txt does not allow programs to fetch it",
            "Download the file yourself and add it by its path.",
        )


def fetch_document(
    url: str,
    *,
    max_bytes: int = MAX_BYTES,
    timeout_s: float = 120.0,
    allow_private: bool | Collection[str] = False,
    ports: Collection[int] = PORTS,
    user_agent: str | None = None,
    retries: int = 3,
    backoff_s: float = 1.0,
    politeness: Politeness | None = None,
    resolve: Resolver = resolve_host,
    ssl_context: ssl.SSLContext | None = None,
) -> Fetched:
    """Fetch one document from the public internet.

    Parameters
    ----------
    url
        An ``http`` or ``https`` address without user name or password.
    max_bytes
        Largest size, packed or unpacked, in bytes.
    timeout_s
        Longest time for everything together, pauses, redirects and retries included, in seconds.
    allow_private
        True lets any address through, and is meant for tests. A collection of host names lets
        through those hosts only, such as a mirror inside an institute.
    ports
        Ports that may be asked.
    user_agent
        How the program names itself; by default ``qiutong`` with its version.
    retries
        How often to try again after 429, 502, 503, 504 or a broken connection.
    backoff_s
        First pause before another try, in seconds, doubled each time, where the server does not
        state one in Retry-After. A pause of more than 30 s is an error instead.
    politeness
        Pauses between requests to one host, and robots.txt; by default one for the process, with
        one request a second and robots.txt obeyed.
    resolve
        Gives the addresses of a host name.
    ssl_context
        By default the system's certificates, checked against the host name.

    Raises
    ------
    ForbiddenAddress
        The address, or one it redirects to, is not public, or its port is not allowed.
    FetchError
        Anything else; has ``url``, ``reason`` and ``remedy``.

    Examples
    --------
    >>> fetch_document("https://127.0.0.1/")
    Traceback (most recent call last):
        ...
    qiutong.errors.ForbiddenAddress: https://127.0.0.1/: the host "127.0.0.1" is at 127.0.0.1, \
which is not on the public internet. Download the file yourself and add it by its path.
    """
    agent = default_user_agent() if user_agent is None else user_agent
    if not agent or re.search(r"[^\x20-\x7e]", agent):
        raise FetchError(url, "the user agent is empty or not plain ASCII", "Give another.")
    limits = _Limits(
        max_bytes=max_bytes,
        allow_private=allow_private
        if isinstance(allow_private, bool)
        else frozenset(allow_private),
        ports=frozenset(ports),
        user_agent=agent,
        resolve=resolve,
        ssl_context=ssl_context,
        retries=retries,
        backoff_s=backoff_s,
    )
    deadline = _Deadline(timeout_s)
    polite = politeness or _POLITENESS
    target, answer, redirects = _follow(
        url,
        limits,
        deadline,
        polite,
        _refuse_type,
        lambda hop: _check_robots(hop, limits, deadline, polite),
    )
    if answer.status != 200:
        raise FetchError(
            target.url,
            f"the server answered {answer.status} {http.client.responses.get(answer.status, '')}".rstrip(),
            "Check the address in a browser; official texts move.",
        )
    declared, charset = _declared(answer.headers)
    return Fetched(
        url=url,
        final_url=target.url,
        data=answer.data,
        media_type=_judge_type(target, declared, answer.data),
        charset=charset,
        sha256=hashlib.sha256(answer.data).hexdigest(),
        retrieved_at=datetime.now(UTC).isoformat(timespec="seconds"),
        redirects=redirects,
    )
