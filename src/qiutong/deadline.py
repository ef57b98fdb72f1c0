"""One time limit over everything that is done on a network connection."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class Deadline:
    """A moment after which nothing more is waited for.

    Parameters
    ----------
    timeout_s
        Time from now, in seconds.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._end = time.monotonic() + timeout_s

    def remaining(self) -> float:
        """Give the seconds that are left, never below 0."""
        return max(0.0, self._end - time.monotonic())

    @contextlib.contextmanager
    def guard(self, sock: socket.socket | None) -> Iterator[threading.Event]:
        """Cut a connection at the deadline; the event says whether that was done.

        A socket's own time limit starts anew with every byte, so a server that sends one byte a
        second would never reach it.

        Parameters
        ----------
        sock
            The connection's socket, taken before the answer's head is read: the connection may let
            go of it then.
        """
        fired = threading.Event()

        def cut() -> None:
            fired.set()
            cut_off(sock)

        timer = threading.Timer(self.remaining(), cut)
        timer.daemon = True
        timer.start()
        try:
            yield fired
        finally:
            timer.cancel()


def cut_off(sock: socket.socket | None) -> None:
    """End a connection while another thread waits for it; None and a closed one are left alone."""
    if sock is not None:
        with contextlib.suppress(OSError):
            # The plain socket's method: that of an encrypted one would first take its encryption
            # away under the reader.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def retry_after(value: str) -> float | None:
    """Seconds asked for by a Retry-After header, which is a number or a date; None for neither."""
    value = value.strip()
    if re.fullmatch(r"\d{1,9}", value):
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
