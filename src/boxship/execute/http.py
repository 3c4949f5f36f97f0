"""One HTTP question of which more than the status counts: body, headers, redirects, a certificate's name.

Whatever answers is not trusted: it may say at most so much, leads nowhere but to itself, and what it says is quoted
short and without control characters.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

import h11
from msgspec import Struct

from boxship.spec.model import HttpProbe
from boxship.spec.model_checks import HttpExpectation, Redirects

BODY_BYTES = 1024 * 1024
_HEAD_BYTES = 64 * 1024
_READ_BYTES = 64 * 1024
_MOST_REDIRECTS = 5
_QUOTED_CHARS = 80
_ANY_GOOD = ((200, 399),)

Clean = Callable[[str], str]


class Answer(Struct, frozen=True):
    """``text`` says what was heard, for people; "" when it was good."""

    is_good: bool
    text: str = ""


class _Reply(Struct, frozen=True):
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


async def ask_http(address: str, probe: HttpProbe, owner: str, clean: Clean = str) -> Answer:
    """Ask once, and again wherever it leads if that is wanted. The caller has the deadline.

    Args:
        address: Where the container listens, whatever the URL's host is.
        probe: What to ask and to expect.
        owner: The service's name: a redirect to it stays with it.
        clean: Takes out of foreign text what must not be shown, before it is quoted.

    Raises: OSError (ssl's errors are among them) when nobody answers.
    """
    parts = urlsplit(probe.url)
    own_names = {parts.hostname, owner, f"{owner}.service", "localhost", "127.0.0.1"} - {""}
    for _ in range(_MOST_REDIRECTS + 1):
        what = f"GET {quoted(parts.path or '/')}"
        try:
            reply = await _fetch(address, parts, probe)
        except h11.RemoteProtocolError as error:
            return Answer(is_good=False, text=f"{what}: it doesn't speak HTTP well: {quoted(clean(str(error)))}")
        target = _redirect_target(reply, parts)
        if not target or probe.expect.redirects is Redirects.ACCEPT:
            return _judge(reply, probe.expect, what, clean)
        if probe.expect.redirects is Redirects.REFUSE:
            return Answer(
                is_good=False, text=f"{what} answered {reply.status}: it redirects to {quoted(clean(target))}"
            )
        before, leads = parts, _followed(target, own_names)
        if leads is None:
            return Answer(is_good=False, text=f"{what} redirects elsewhere, to {quoted(clean(target))}: not followed")
        parts = leads
        if before.scheme == "https" and parts.scheme == "http" and probe.verify_tls:
            return Answer(is_good=False, text=f"{what} redirects from https to http: not followed")
    return Answer(
        is_good=False, text=f"GET {urlsplit(probe.url).path or '/'} redirects more than {_MOST_REDIRECTS} times"
    )


def _followed(target: str, own_names: Collection[str | None]) -> SplitResult | None:
    """Where it leads, if that is the service itself."""
    try:
        parts = urlsplit(target)
        is_own = parts.scheme in ("http", "https") and parts.hostname in own_names and parts.port != 0
    except ValueError:
        return None
    return parts if is_own else None


def _redirect_target(reply: _Reply, parts: SplitResult) -> str:
    """Where it leads to, or ""."""
    location = next((value for name, value in reply.headers if name == "location"), "")
    if not 300 <= reply.status < 400 or not location:
        return ""
    try:
        return urljoin(parts.geturl(), location)
    except ValueError:
        return location


async def _fetch(address: str, parts: SplitResult, probe: HttpProbe) -> _Reply:
    is_tls = parts.scheme == "https"
    tls = tls_context(verify=probe.verify_tls, ca=probe.expect.ca) if is_tls else None
    name = (probe.expect.server_name or parts.hostname) if is_tls else None
    port = parts.port or (443 if is_tls else 80)
    reader, writer = await asyncio.open_connection(address, port, ssl=tls, server_hostname=name)
    try:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES)
        request = h11.Request(method="GET", target=_target(parts), headers=_headers(parts))
        writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
        return await _receive(connection, reader, needs_body=probe.expect.body is not None)
    finally:
        writer.close()


def _target(parts: SplitResult) -> str:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return re.sub(r"[^!-~]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), target)


def _headers(parts: SplitResult) -> list[tuple[str, str]]:
    host = parts.netloc.rpartition("@")[2]
    return [
        ("Host", host),
        ("User-Agent", "boxship-probe"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]


async def _receive(connection: h11.Connection, reader: asyncio.StreamReader, *, needs_body: bool) -> _Reply:
    head: h11.Response | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ_BYTES))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        is_enough = head is not None and (not needs_body or len(body) >= BODY_BYTES)
        if head is not None and (is_enough or isinstance(event, h11.EndOfMessage | h11.ConnectionClosed)):
            pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
            return _Reply(head.status_code, tuple(pairs), bytes(body[:BODY_BYTES]))


def _judge(reply: _Reply, expect: HttpExpectation, what: str, clean: Clean) -> Answer:
    if not any(low <= reply.status <= high for low, high in expect.statuses or _ANY_GOOD):
        return Answer(is_good=False, text=f"{what} answered {reply.status}")
    for name, pattern in expect.headers.items():
        values = [value for key, value in reply.headers if key == name]
        if not values:
            return Answer(is_good=False, text=f"{what} answered without the header {name}")
        if not any(re.search(pattern, value) for value in values):
            found = quoted(clean(values[0]))
            return Answer(
                is_good=False, text=f"{what}: the header {name} is '{found}', which doesn't match '{pattern}'"
            )
    if expect.body is not None and not re.search(expect.body, reply.body.decode(errors="replace")):
        size = f"{len(reply.body):,} bytes" if len(reply.body) < BODY_BYTES else "the first MiB"
        return Answer(is_good=False, text=f"{what}: nothing in {size} of its answer matches '{expect.body}'")
    return Answer(is_good=True)


def quoted(text: str) -> str:
    """Foreign text for a message: its beginning, without control characters."""
    return "".join(char if char.isprintable() else "?" for char in text[:_QUOTED_CHARS])


@cache
def tls_context(*, verify: bool, ca: Path | None = None) -> ssl.SSLContext:
    """One context per kind: loading the host's certificates costs 30 ms, so only for who verifies."""
    if verify and ca is not None:
        try:
            return ssl.create_default_context(cafile=str(ca))
        except OSError as error:
            raise OSError(f"the certificates to trust, {ca}, can't be read: {error.strerror}") from error
    if verify:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
