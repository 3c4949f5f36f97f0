"""One question to one container, and its answer. HTTP and TCP go to the container's own address.

A published port would answer before the service does (the engine's proxy accepts at once: 0.8 s too early, measured).
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import SplitResult, urlsplit

from boxship.clock import Clock
from boxship.engine.port import ContainerDetail, ProbeEngine
from boxship.execute.http import Answer, ask_http, tls_context
from boxship.names import LABEL_SERVICE
from boxship.spec.model import Check, HttpProbe, LogProbe, TcpProbe
from boxship.spec.model_checks import HttpExpectation

_HEAD_LIMIT_BYTES = 16 * 1024
_GOOD_STATUSES = range(200, 400)
_BAD_LINE_LIMIT = 80
_REOPEN_S = 0.1


async def ask_check(engine: ProbeEngine, detail: ContainerDetail, check: Check) -> Answer:
    """Ask an HTTP or TCP check once, within its timeout."""
    address = await address_of(engine, detail)
    if not address:
        return Answer(is_good=False, text="it has no address yet")
    match check.probe:
        case TcpProbe(port):
            return await bounded(_tcp(address, port), check.timeout_s, f"port {port}")
        case HttpProbe(expect=expect) as probe if expect != HttpExpectation():
            owner = detail.labels.get(LABEL_SERVICE, "")
            return await bounded(
                ask_http(address, probe, owner), check.timeout_s, f"GET {urlsplit(probe.url).path or '/'}"
            )
        case HttpProbe(url, verify_tls):
            parts = urlsplit(url)
            what = f"GET {parts.path or '/'}"
            return await bounded(_http(address, parts, verify_tls=verify_tls), check.timeout_s, what)
        case _:
            raise TypeError(f"not a question to an address: {check.probe}")


class Asker:
    """Questions that need the engine itself."""

    def __init__(self, engine: ProbeEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def log_line(self, name: str, probe: LogProbe, detail: ContainerDetail, hear: Callable[[str], None]) -> None:
        """Return when a line since the container's start matches; the caller has the deadline."""
        # Since the last end, not the start: [M] Docker 20.10 stamps a first line up to 60 us before started_at.
        pattern = re.compile(probe.pattern)
        hear(f"no log line matches '{probe.pattern}' yet")
        while True:
            async for line in self._engine.follow_logs(name, follow=True, since=detail.finished_at):
                if pattern.search(line.text):
                    return
            # The stream ends with the container; the engine may restart it.
            await self._clock.sleep(_REOPEN_S)


async def address_of(engine: ProbeEngine, detail: ContainerDetail) -> str:
    """The container's own address: of its first network, of the namespace it shares, or the host's."""
    if detail.network_mode == "host":
        return "127.0.0.1"
    if detail.network_mode.startswith("container:"):
        owner = await engine.inspect_container(detail.network_mode.removeprefix("container:"))
        return await address_of(engine, owner)
    return next((address for address in detail.addresses.values() if address), "")


async def bounded(question: Coroutine[Any, Any, Answer], timeout_s: float, what: str) -> Answer:
    """The answer, or in words why none came: too late, refused, unreachable."""
    try:
        async with asyncio.timeout(timeout_s):
            return await question
    except TimeoutError:
        return Answer(is_good=False, text=f"{what} did not answer within {timeout_s:g} s")
    except ConnectionRefusedError:
        return Answer(is_good=False, text=f"{what}: connection refused")
    except OSError as error:
        return Answer(is_good=False, text=f"{what}: {error.strerror or error}")


async def _tcp(address: str, port: int) -> Answer:
    _, writer = await asyncio.open_connection(address, port)
    writer.close()
    return Answer(is_good=True)


async def _http(address: str, parts: SplitResult, *, verify_tls: bool) -> Answer:
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    tls = tls_context(verify=verify_tls) if is_tls else None
    server_name = parts.hostname if is_tls else None
    reader, writer = await asyncio.open_connection(
        address, port, ssl=tls, server_hostname=server_name, limit=_HEAD_LIMIT_BYTES
    )
    try:
        host = parts.netloc.rpartition("@")[2]
        request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: boxship-probe\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        head = await _first_line(reader)
    finally:
        writer.close()
    return _judge_status(head, parts.path or "/")


async def _first_line(reader: asyncio.StreamReader) -> bytes:
    """Up to the first line's end, the stream's end or the limit: whatever answers needn't speak HTTP."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError:
        return await reader.read(_BAD_LINE_LIMIT + 1)


def _judge_status(line: bytes, path: str) -> Answer:
    text = line.decode("latin-1").strip()
    match = re.fullmatch(r"HTTP/1\.[01] (\d{3})(?: .*)?", text)
    if match is None:
        # The dots tell whoever masks secrets that the last may be a half.
        shown = text if len(text) <= _BAD_LINE_LIMIT else f"{text[:_BAD_LINE_LIMIT]}..."
        return Answer(is_good=False, text=f"GET {path} answered {shown or 'nothing'}, which isn't HTTP")
    status = int(match.group(1))
    is_good = status in _GOOD_STATUSES
    return Answer(is_good, text="" if is_good else f"GET {path} answered {status}")
