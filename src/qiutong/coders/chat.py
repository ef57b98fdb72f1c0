"""A client for servers that speak the chat interface of OpenAI, on the internet or at home.

The address is named by the user, so unlike :mod:`qiutong.fetch` it may be a machine inside the
house. What is kept from there: one time limit over everything, a bounded size, no proxies from the
environment. A redirect is never followed: text and key go to the host that was named and shown.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from qiutong.deadline import Deadline, cut_off, retry_after
from qiutong.errors import InputError, ModelServerError, ModelServerRefused

MAX_BYTES = 8_000_000
MAX_RETRY_WAIT_S = 60.0
_CONNECT_TIMEOUT_S = 15.0
_ERROR_BYTES = 4_000
_CHUNK = 65_536
_TRY_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_BUSY = frozenset({429, 503, 529})
_BAD_REQUEST = frozenset({400, 413, 422})


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where requests go.

    Parameters
    ----------
    url
        The whole address that is asked.
    host, port, path
        Its parts.
    encrypted
        Whether the way there is (https).
    local
        Whether it is this machine itself.
    """

    url: str
    host: str
    port: int
    path: str
    encrypted: bool
    local: bool


class ChatAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a model said.

    Parameters
    ----------
    content
        Its words.
    cut
        Whether it was stopped before it had finished.
    model
        The model's name as the server gives it, or empty.
    """

    content: str
    cut: bool = False
    model: str = ""


class BadRequest(ModelServerError):
    """The server does not take this request; it may take a shorter one."""


class Stopped(ModelServerError):
    """The run was ended from elsewhere, so this request was not made, or not made again."""


class _Passing(Exception):
    """A failure that may pass; carries the error to give when it does not.

    ``wait_s`` is the pause the server asks for; ``busy`` says that it has too much to do.
    """

    def __init__(
        self, error: ModelServerError, wait_s: float | None = None, *, busy: bool = False
    ) -> None:
        self.error = error
        self.wait_s = wait_s
        self.busy = busy
        super().__init__(str(error))


def parse_endpoint(address: str) -> Endpoint:
    """Take apart the address of a server, such as ``http://localhost:11434/v1``.

    Raises
    ------
    InputError
        It cannot be used. An address that may hold a secret is not repeated in the message.

    Examples
    --------
    >>> parse_endpoint("http://localhost:11434/v1").url
    'http://localhost:11434/v1/chat/completions'
    """
    remedy = "Give an address such as https://models.example/v1 or http://localhost:11434/v1"
    if re.search(r"[\x00-\x20\x7f\\]", address):
        raise InputError(f"the address of the model server holds a space or worse. {remedy}")
    try:
        parts = urlsplit(address)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise InputError(f"the address of the model server is no address. {remedy}") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InputError(
            "the address of the model server holds a user name, a password, a ? or a #. "
            f"The key belongs into an environment variable. {remedy}"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise InputError(f'"{address}" is no address of a model server. {remedy}')
    if ":" not in host:
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise InputError(f'"{host}" is no host name. {remedy}') from None
        if not re.fullmatch(r"[A-Za-z0-9_.\-]+", host):
            raise InputError(f'"{host}" is no host name. {remedy}')
    if not parts.path.isascii():
        raise InputError(f'"{parts.path}" must be written percent-encoded. {remedy}')
    encrypted = parts.scheme == "https"
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        path += "/chat/completions"
    usual = 443 if encrypted else 80
    shown = f"[{host}]" if ":" in host else host
    return Endpoint(
        url=f"{parts.scheme}://{shown}{'' if port in (None, usual) else f':{port}'}{path}",
        host=host,
        port=port or usual,
        path=path,
        encrypted=encrypted,
        local=host == "localhost" or _is_loopback(host),
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class ChatServer:
    """One model on one server; several threads may ask it at once.

    A pause that the server asks for holds for all of them. A server that says it is too busy, or
    that does not answer in time, gets half as many requests at once from then on.

    Parameters
    ----------
    endpoint
        Where it is; see :func:`parse_endpoint`.
    model
        Its name there.
    key
        Sent as a bearer token; kept in memory only, and cut out of whatever the server says.
    timeout_s
        Longest time for one request, in seconds.
    retries
        How often to try again after a failure that may pass.
    backoff_s
        First pause before another try, in seconds, doubled each time.
    temperature
        0 for the same answer to the same question, as far as the server can.
    at_once
        Most requests under way at the same time.
    most_requests
        No more are made, failed ones included: a server whose answers are never any good must not
        cost without end. None for no limit.

    Attributes
    ----------
    requests
        Number of requests made so far, failed ones included.
    tokens_in, tokens_out
        What the server counted so far; 0 where it does not say.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        *,
        key: str = "",
        timeout_s: float = 120.0,
        retries: int = 4,
        backoff_s: float = 1.0,
        temperature: float = 0.0,
        at_once: int = 1,
        most_requests: int | None = None,
        max_bytes: int = MAX_BYTES,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not re.fullmatch(r"[\x21-\x7e]*", key):
            raise InputError("the key holds a space, a line break or other than plain characters.")
        self.endpoint = endpoint
        self.model = model
        self.requests = 0
        self.tokens_in = 0
        self.tokens_out = 0
        self._key = key
        self._timeout_s = timeout_s
        self._retries = retries
        self._backoff_s = backoff_s
        self._temperature: float | None = temperature
        self._max_bytes = max_bytes
        self._most_requests = most_requests
        self._stopped = threading.Event()
        # A run that is stopped does not wait for the end of a pause.
        self._sleep = sleep or self._stopped.wait
        self._clock = clock
        # What the threads share, under one lock.
        self._gate = threading.Condition()
        self._at_once = at_once
        self._under_way = 0
        self._not_before = clock()
        self._sockets: set[socket.socket | None] = set()
        self._cut = False
        # Servers differ in how they let the form of an answer be asked for: the strictest first.
        self._forms = ["json_schema", "json_object", ""]

    def __repr__(self) -> str:
        return f"<ChatServer {self.model!r} at {self.endpoint.url}>"

    def ask(self, system: str, user: str, schema: dict[str, Any]) -> ChatAnswer:
        """Ask once; again after failures that may pass.

        Parameters
        ----------
        system, user
            The two messages.
        schema
            JSON schema of the answer, for servers that hold a model to one. Whether the answer
            keeps to it is for the caller to check.

        Raises
        ------
        BadRequest
            The server does not take this request in any form.
        ModelServerRefused
            It would take no other either.
        ModelServerError
            It gave nothing that can be used, also after several tries.
        """
        # As they are now: another thread may change both meanwhile.
        forms, temperature = self._forms, self._temperature
        for place, form in enumerate(forms):
            try:
                answer = self._insist(self._payload(system, user, schema, form, temperature))
            except BadRequest as error:
                if temperature is not None and "temperature" in error.reason.lower():
                    # Some models have one temperature only and refuse to be told.
                    self._temperature = None
                    return self.ask(system, user, schema)
                if place == len(forms) - 1:
                    raise
                continue
            # Only a form that worked says that those before it do not: a request can be bad for
            # other reasons.
            with self._gate:
                self._forms = min(self._forms, forms[place:], key=len)
            return answer
        raise AssertionError("unreachable")  # pragma: no cover

    def stop(self, *, cut: bool = False) -> None:
        """Make no further request; those waiting raise :class:`Stopped`.

        Parameters
        ----------
        cut
            Also break off the requests under way; otherwise their answers are waited for.
        """
        with self._gate:
            self._stopped.set()
            self._gate.notify_all()
            if cut:
                self._cut = True
                for one in self._sockets:
                    cut_off(one)

    def _payload(
        self,
        system: str,
        user: str,
        schema: dict[str, Any],
        form: str,
        temperature: float | None,
    ) -> bytes:
        payload: dict[str, Any] = {
            "model": self.model,
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": user},
            ],
            "stream": False,
        }
        if temperature is not None:
            payload["temperature"] = temperature
        if form == "json_schema":
            payload["response_format"] = {
                "type": form,
                "json_schema": {"name": "codings", "strict": True, "schema": schema},
            }
        elif form:
            payload["response_format"] = {"type": form}
        return msgspec.json.encode(payload)

    def _insist(self, payload: bytes) -> ChatAnswer:
        for attempt in range(self._retries + 1):
            with self._turn() as at_once:
                try:
                    return self._once(payload)
                except _Passing as failure:
                    wait_s = self._heed(failure, attempt, at_once)
            if wait_s:
                self._sleep(wait_s)
        raise AssertionError("unreachable")  # pragma: no cover

    def _heed(self, failure: _Passing, attempt: int, at_once: int) -> float:
        """Draw the consequences of a failure for all threads; gives this one's own pause."""
        if failure.busy:
            with self._gate:
                # From the number when this request began: those it shared it with fail as well.
                self._at_once = min(self._at_once, max(1, at_once // 2))
        if attempt == self._retries:
            raise failure.error from None
        wait_s = failure.wait_s
        if wait_s is None:
            return min(self._backoff_s * 2**attempt, MAX_RETRY_WAIT_S)
        if wait_s > MAX_RETRY_WAIT_S:
            raise ModelServerRefused(
                self.endpoint.url,
                f"it asks to wait {wait_s:.0f} s before the next request",
                "Run the command again after that time; what was finished is kept.",
            ) from None
        with self._gate:
            self._not_before = max(self._not_before, self._clock() + wait_s)
        return 0.0

    @contextmanager
    def _turn(self) -> Iterator[int]:
        """Wait until one more request may be made; gives the number allowed at once."""
        with self._gate:
            self._gate.wait_for(lambda: self._stopped.is_set() or self._under_way < self._at_once)
            self._under_way += 1
            at_once = self._at_once
        try:
            # Again, since another thread may have been told to wait longer meanwhile.
            while not self._stopped.is_set() and (wait_s := self._not_before - self._clock()) > 0:
                self._sleep(wait_s)
            yield at_once
        finally:
            with self._gate:
                self._under_way -= 1
                self._gate.notify_all()

    def _count_request(self) -> None:
        with self._gate:
            if self._stopped.is_set():
                raise Stopped(self.endpoint.url, "the run was stopped")
            if self._most_requests is not None and self.requests >= self._most_requests:
                raise ModelServerRefused(
                    self.endpoint.url,
                    f"the run has made {self.requests} requests, far more than planned, because "
                    "answers could not be used",
                    "What was finished is kept. Try another model, or fewer provisions in a "
                    "request.",
                )
            self.requests += 1

    def _once(self, payload: bytes) -> ChatAnswer:
        status, headers, body = self._post(payload)
        url = self.endpoint.url
        if status == 200:
            return self._read(body)
        said = self._said(body)
        what = f"it answered {status} {http.client.responses.get(status, '')}".rstrip()
        reason = what + (f": {said}" if said else "")
        if status in _BAD_REQUEST:
            raise BadRequest(url, reason, "The text may be too long for the model.")
        if status in _TRY_AGAIN or 520 <= status <= 527:
            raise _Passing(
                ModelServerError(url, reason, "Try again later."),
                retry_after(headers.get("retry-after", "")),
                busy=status in _BUSY,
            )
        if 300 <= status < 400:
            raise ModelServerRefused(
                url,
                f"{what}, which leads elsewhere",
                "It was not followed: text and key go only to the host you named. "
                "Give the address at which the server is.",
            )
        remedy = {
            401: "Check the environment variable that holds the key.",
            402: "Check your account with the provider.",
            403: "Check the key, and whether it may use this model.",
            404: "Check the address (it usually ends in /v1) and the name of the model.",
        }
        raise ModelServerRefused(url, reason, remedy.get(status, "Check the address."))

    def _read(self, body: bytes) -> ChatAnswer:
        """Take the words out of an answer that should have the usual shape."""
        try:
            answer = msgspec.json.decode(body)
            choice = answer["choices"][0]
            content = choice["message"].get("content") or ""
            if not isinstance(content, str):
                raise TypeError
        except (
                msgspec.DecodeError, LookupError, TypeError, ValueError,
                AttributeError, RecursionError):  # fmt: skip
            raise _Passing(
                ModelServerError(
                    self.endpoint.url,
                    "its answer does not have the shape of a chat completion"
                    + (f": {said}" if (said := self._said(body)) else ""),
                    "Check that the address is that of an OpenAI-compatible interface.",
                )
            ) from None
        usage = answer.get("usage")
        if isinstance(usage, dict):
            with self._gate:
                self.tokens_in += _count(usage.get("prompt_tokens"))
                self.tokens_out += _count(usage.get("completion_tokens"))
        named = answer.get("model")
        return ChatAnswer(
            content=content,
            cut=choice.get("finish_reason") == "length",
            model=self._plain(named, 100) if isinstance(named, str) else "",
        )

    def _said(self, body: bytes) -> str:
        """Give the server's own words about a failure, short and without the key."""
        text = body[:_ERROR_BYTES].decode("utf-8", "replace")
        try:
            held = msgspec.json.decode(text)
            error = held.get("error", held) if isinstance(held, dict) else held
            message = error.get("message", "") if isinstance(error, dict) else error
            text = message if isinstance(message, str) and message else text
        except (msgspec.DecodeError, RecursionError):
            pass
        return self._plain(text, 300)

    def _plain(self, text: str, most: int) -> str:
        if self._key:
            text = text.replace(self._key, "[key]")
        text = "".join(one if one.isprintable() else " " for one in text)
        text = re.sub(r"\s+", " ", text).strip()
        return text[:most].rstrip(" .")

    # ------------------------------------------------------------------ one request

    def _connect(self, deadline: Deadline) -> HTTPConnection:
        at = self.endpoint
        failure: Exception | None = None
        try:
            # Without encryption the very addresses that were looked at are used: asked again, the
            # name might give another.
            hosts = [at.host] if at.encrypted else self._inside()
            for host in hosts:
                timeout = max(0.001, min(_CONNECT_TIMEOUT_S, deadline.remaining()))
                connection: HTTPConnection
                if at.encrypted:
                    connection = HTTPSConnection(
                        host, at.port, timeout=timeout, ssl_context=ssl.create_default_context()
                    )
                else:
                    connection = HTTPConnection(host, at.port, timeout=timeout)
                try:
                    connection.connect()
                except (ssl.SSLError, urllib3.exceptions.SSLError):
                    raise
                except (urllib3.exceptions.HTTPError, OSError) as error:
                    # A name may stand for several addresses, and a server listen at one of them.
                    failure = error
                    continue
                return connection
        except (ssl.SSLError, urllib3.exceptions.SSLError) as error:
            raise ModelServerRefused(
                at.url,
                f"its certificate or encryption is not accepted ({error})",
                "Nothing was sent. Check the address.",
            ) from None
        except OSError as error:
            failure = error
        raise _Passing(
            ModelServerError(
                at.url, f"no connection ({failure})", "Check that the server is running."
            )
        )

    def _inside(self) -> list[str]:
        """Give the addresses of a host without encryption; none may be on the public internet."""
        found = socket.getaddrinfo(self.endpoint.host, self.endpoint.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if any(ipaddress.ip_address(one.partition("%")[0]).is_global for one in addresses):
            raise ModelServerRefused(
                self.endpoint.url,
                "the text and the key would cross the internet without encryption",
                "Nothing was sent. Use an address that begins with https.",
            )
        return addresses

    def _post(self, payload: bytes) -> tuple[int, dict[str, str], bytes]:
        deadline = Deadline(self._timeout_s)
        at = self.endpoint
        self._count_request()
        connection = self._connect(deadline)
        headers = {
            "Host": at.url.split("/")[2],
            "User-Agent": "qiutong",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        late = ModelServerError(
            at.url,
            f"it took longer than {self._timeout_s:g} s",
            "Raise llm.timeout_s in study.toml, or lower llm.provisions.",
        )
        try:
            with deadline.guard(connection.sock) as cut, self._held(connection.sock):
                try:
                    if connection.sock is not None:
                        connection.sock.settimeout(max(0.001, deadline.remaining()))
                    connection.request(
                        "POST", at.path, body=payload, headers=headers,
                        preload_content=False, decode_content=False,
                    )  # fmt: skip
                    response = connection.getresponse()
                    got = {name.lower(): value for name, value in response.headers.items()}
                    body = bytearray()
                    while chunk := response.read(_CHUNK, decode_content=False):
                        body += chunk
                        if response.status != 200 and len(body) >= _ERROR_BYTES:
                            break
                        if len(body) > self._max_bytes:
                            raise ModelServerError(
                                at.url, f"its answer is larger than {self._max_bytes:,} bytes"
                            )
                except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
                    if cut.is_set() or deadline.remaining() <= 0:
                        raise _Passing(late, busy=True) from None
                    raise _Passing(
                        ModelServerError(
                            at.url, f"the connection broke off ({error})", "Try again later."
                        )
                    ) from None
                # Cut while reading a body of no stated length looks like its end.
                if cut.is_set():
                    raise _Passing(late, busy=True)
            return response.status, got, bytes(body)
        finally:
            connection.close()

    @contextmanager
    def _held(self, sock: socket.socket | None) -> Iterator[None]:
        """Keep a connection within reach of :meth:`stop`."""
        with self._gate:
            self._sockets.add(sock)
            if self._cut:
                cut_off(sock)
        try:
            yield
        finally:
            with self._gate:
                self._sockets.discard(sock)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
