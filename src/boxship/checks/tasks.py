"""Questions on their way: asked side by side, each within its own time, and all of them within a bound."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct, field

from boxship.checks.codes import suggestion_for
from boxship.checks.report import Found, Issue, Level, Result, severity_of
from boxship.checks.text import Redactor
from boxship.clock import Clock
from boxship.errors import BoxshipError, EngineUnreachableError

HOST = "host"
"""The subject of what is asked of the machine."""
EXECS_AT_ONCE = 4
"""A command in a container costs the engine 54 to 72 ms of CPU (measured, Docker 20.10)."""
QUESTIONS_AT_ONCE = 32
WHOLE_DEADLINE_S = 60.0
"""With every check at its end of patience; who hasn't been asked by then has failed."""
_START_S = 20.0
"""What a busy engine may take to begin a command, and to end one."""
_LATE = "check.timeout"


class Task(Struct, frozen=True):
    """One question on its way. ``within_s`` bounds it where it has no deadline of its own."""

    name: str
    subject: str
    kind: str
    ask: Callable[[], Awaitable[Found]]
    within_s: float
    is_soft: bool = False
    is_dear: bool = False
    context: Mapping[str, str] = field(default_factory=dict)


class Askers:
    """Asks many things at once. ``whole_s`` bounds all of them together."""

    def __init__(self, clock: Clock, redactor: Redactor, whole_s: float = WHOLE_DEADLINE_S) -> None:
        self._clock = clock
        self._redactor = redactor
        self._whole_s = whole_s
        self._execs = asyncio.Semaphore(EXECS_AT_ONCE)
        self._questions = asyncio.Semaphore(QUESTIONS_AT_ONCE)

    async def ask_all(self, tasks: Sequence[Task]) -> tuple[Result, ...]:
        """Every result, in the order of the tasks. One that is still open at the end of the whole time has failed.

        Raises: EngineUnreachableError when the engine went away.
        """
        asking = [asyncio.ensure_future(self._one(task)) for task in tasks]
        try:
            if asking:
                await asyncio.wait(asking, timeout=self._whole_s)
        finally:
            for each in asking:
                each.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        late = Found(Level.FAIL, f"there was no time to ask it within {self._whole_s:g} s", _LATE)
        return tuple(
            self.result(task, late, self._whole_s) if future.cancelled() else future.result()
            for task, future in zip(tasks, asking, strict=True)
        )

    async def _one(self, task: Task) -> Result:
        async with self._execs if task.is_dear else self._questions:
            began_s = self._clock.monotonic_s()
            found = await self._found(task)
            return self.result(task, found, self._clock.monotonic_s() - began_s)

    async def _found(self, task: Task) -> Found:
        try:
            # What ends by itself after its time does so in better words, and tidies up.
            async with asyncio.timeout(task.within_s + (_START_S if task.is_dear else 1)):
                return await task.ask()
        except TimeoutError:
            return Found(Level.FAIL, f"no answer within {task.within_s:g} s", _LATE)
        except EngineUnreachableError:
            raise
        except BoxshipError as error:
            return Found(Level.FAIL, error.message, "check.engine" if task.subject != HOST else _host_code(task.kind))
        except (OSError, ValueError) as error:
            return Found(Level.WARN, str(error), "host.unknown" if task.subject == HOST else "check.engine")

    def result(self, task: Task, found: Found, took_s: float) -> Result:
        """What was found, fit to be told, with the issue that it is."""
        text = self._redactor.shown(found.text)
        return Result(
            name=task.name,
            subject=task.subject,
            kind=task.kind,
            level=found.level,
            text=text,
            took_s=took_s,
            is_soft=task.is_soft,
            values=found.values,
            labels=task.context,
            issue=_issue(task, found, text),
        )


def _issue(task: Task, found: Found, text: str) -> Issue | None:
    severity = severity_of(found.level, is_soft=task.is_soft)
    if severity is None:
        return None
    context = {"check": task.name, "subject": task.subject, **task.context, **found.context}
    code = found.code or (_host_code(task.kind) if task.subject == HOST else f"check.{task.kind}")
    return Issue(code, severity, text, context, found.suggestion or suggestion_for(code, context))


def _host_code(kind: str) -> str:
    return {"dns": "host.dns", "program": "host.program", "http": "preflight.http"}.get(kind, "host.unknown")
