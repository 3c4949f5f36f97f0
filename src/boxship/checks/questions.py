"""One check asked of one container: every kind of question ends in a ``Found``."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC
from typing import assert_never

from msgspec import Struct

from boxship.checks.inside import run_inside
from boxship.checks.log import ask_log
from boxship.checks.program import judge_program
from boxship.checks.report import Found, Level
from boxship.checks.sql import client_argv, judge_sql
from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.execute.http import Answer, ask_http
from boxship.execute.probes import address_of, ask_check
from boxship.plan.observed import ObservedContainer
from boxship.spec.model import Check, ExecProbe, HttpProbe, LogProbe, StatusCheck, TcpProbe
from boxship.spec.model_checks import CertificateProbe, ProgramProbe, SqlProbe


class Question(Struct, frozen=True):
    """A check and the container that it is asked of."""

    check: StatusCheck
    container: ObservedContainer


def kind_of(check: StatusCheck) -> str:
    """The key that the check has in the file."""
    return type(check.probe).__name__.removesuffix("Probe").lower()


def needs_engine(check: StatusCheck) -> bool:
    """Whether a command is started in the container, which costs the engine fifty times what a question costs."""
    probe = check.probe
    return isinstance(probe, ExecProbe | SqlProbe | ProgramProbe) or (
        isinstance(probe, CertificateProbe) and bool(probe.file)
    )


class Asker:
    """Asks; ``clean`` takes secrets out of what is heard."""

    def __init__(self, engine: Engine, clock: Clock, clean: Callable[[str], str]) -> None:
        self._engine = engine
        self._clock = clock
        self._clean = clean

    async def ask(self, question: Question) -> Found:
        """Raises: TimeoutError; EngineError when the engine can't ask."""
        check, name = question.check, question.container.id
        match check.probe:
            case HttpProbe() | TcpProbe():
                return await self._network(name, check)
            case ExecProbe(argv, exit_codes):
                return await self._exec(name, argv, exit_codes, check.timeout_s)
            case LogProbe(last_s=None):
                return Found(Level.SKIPPED, "asked at boot only: it has no 'last'")
            case LogProbe() as probe:
                async with asyncio.timeout(check.timeout_s):
                    return await ask_log(self._engine, name, probe, self._clock.now().timestamp(), self._clean)
            case SqlProbe() as probe:
                ran = await run_inside(self._engine, name, client_argv(probe), check.timeout_s, self._clean)
                return judge_sql(probe, ran)
            case CertificateProbe() as probe:
                return await self._certificate(question, probe)
            case ProgramProbe(argv):
                ran = await run_inside(self._engine, name, argv, check.timeout_s, self._clean)
                return judge_program(ran.exit_code, ran.stdout, ran.stderr)
            case _:
                assert_never(check.probe)

    async def _network(self, name: str, check: StatusCheck) -> Found:
        detail = await self._engine.inspect_container(name)
        probe = check.probe
        if isinstance(probe, HttpProbe):
            answer = await self._http(await address_of(self._engine, detail), check.service, probe, check.timeout_s)
        elif isinstance(probe, TcpProbe):
            answer = await ask_check(self._engine, detail, Check(probe, check.timeout_s))
        else:
            raise TypeError(f"not a question to an address: {probe}")
        return Found(Level.OK if answer.is_good else Level.FAIL, answer.text)

    async def _http(self, address: str, service: str, probe: HttpProbe, timeout_s: float) -> Answer:
        if not address:
            return Answer(is_good=False, text="it has no address")
        try:
            async with asyncio.timeout(timeout_s):
                return await ask_http(address, probe, service, self._clean)
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            return Answer(is_good=False, text=f"{_url_path(probe.url)}: {_reason(error)}")

    async def _exec(self, name: str, argv: tuple[str, ...], exit_codes: tuple[int, ...], timeout_s: float) -> Found:
        ran = await run_inside(self._engine, name, argv, timeout_s, self._clean)
        if ran.exit_code in exit_codes:
            return Found(Level.OK)
        said = f": {ran.said}" if ran.said else ""
        return Found(Level.FAIL, f"{argv[0]} exited {ran.exit_code}{said}")

    async def _certificate(self, question: Question, probe: CertificateProbe) -> Found:
        # Lazy: the library costs 60 ms to import, and only a check of this kind needs it.
        from boxship.checks.certificate import (  # noqa: PLC0415 (see above)
            CertificateUnreadableError,
            certificates_in,
            judge_certificates,
            shown_certificate,
        )

        timeout_s = question.check.timeout_s
        try:
            if probe.file:
                found = certificates_in(await self._file(question.container.id, probe.file, timeout_s))
            else:
                async with asyncio.timeout(timeout_s):
                    found = (await shown_certificate(await self._certificate_address(question, probe), probe),)
        except CertificateUnreadableError as error:
            return Found(Level.FAIL, f"{probe.file or _place(probe)}: {error}", "certificate.unreadable")
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            return Found(Level.FAIL, f"{_place(probe)}: {_reason(error)}", "certificate.unreadable")
        return judge_certificates(probe, found, self._clock.now().astimezone(UTC))

    async def _file(self, name: str, path: str, timeout_s: float) -> str:
        from boxship.checks.certificate import CertificateUnreadableError  # noqa: PLC0415 (as above)

        ran = await run_inside(self._engine, name, ("cat", "--", path), timeout_s, self._clean)
        if ran.exit_code != 0 or ran.is_cut:
            raise CertificateUnreadableError(ran.said if ran.exit_code else "the file is too large for a certificate")
        return ran.stdout

    async def _certificate_address(self, question: Question, probe: CertificateProbe) -> str:
        """The container's own, or whatever host is named."""
        service = question.check.service
        if probe.host not in (service, f"{service}.service", "localhost"):
            return probe.host
        address = await address_of(self._engine, await self._engine.inspect_container(question.container.id))
        if not address:
            raise OSError("it has no address")
        return address


def _place(probe: CertificateProbe) -> str:
    return f"{probe.host}:{probe.port}"


def _url_path(url: str) -> str:
    """Without the user and password that may stand before the host, and without the query, which may hold a token."""
    rest = url.split("://", 1)[1]
    path = rest[rest.find("/") :].partition("?")[0] if "/" in rest else "/"
    return f"GET {path}"


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate isn't trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS is spoken there ({error.reason or error})"
    return error.strerror or str(error)
