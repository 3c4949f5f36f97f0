"""Runs a service's own command inside its container, after the start or before the stop, and never for ever."""

import shlex

from boxship.clock import Clock
from boxship.engine.port import Engine, ExecRequest
from boxship.errors import EngineError, EngineNotFoundError, EngineTimeoutError, EngineUnreachableError, HookError
from boxship.execute.race import race
from boxship.plan.action import RunHook
from boxship.plan.observed import ContainerState

_TAIL_LINES = 20
_TAIL_BYTES = 16 * 1024
_SHOWN_COMMAND = 60
_ALIVE = frozenset({ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING})


class HookRunner:
    """Hooks on one engine."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def run(self, action: RunHook) -> bool:
        """Run it to its end; False when the container had ended before that.

        A container that has ended is no failure of its hook: whoever waits for it knows better whether it may.

        Raises: HookError with its last lines when it ends with another status than 0, can't be run, or doesn't end
        within ``action.within_s`` (it may go on inside then); EngineUnreachableError, EngineTimeoutError.
        """
        try:
            async with race(self._run(action), self._clock.sleep(action.within_s)) as (running, _):
                if not running.done():
                    raise _failed(action, f"did not end within {action.within_s:g} s")
                await running
        except HookError:
            if await self._has_ended(action.name):
                return False
            raise
        return True

    async def _run(self, action: RunHook) -> None:
        hook = action.hook
        request = ExecRequest(
            hook.command,
            user=hook.user,
            working_dir=hook.working_dir,
            environment=hook.environment,
            privileged=hook.privileged,
        )
        output = b""
        try:
            session = await self._engine.open_exec(action.name, request)
            try:
                async for _stream, chunk in session.output():
                    output = (output + chunk)[-_TAIL_BYTES:]
                code = await session.exit_code()
            finally:
                await session.close()
        except (EngineUnreachableError, EngineTimeoutError):
            raise
        except EngineError as error:
            raise _failed(action, f"can't be run: {error.message}") from error
        if code != 0:
            raise _failed(action, f"exited {code}", output.decode(errors="replace").splitlines()[-_TAIL_LINES:])

    async def _has_ended(self, name: str) -> bool:
        try:
            return (await self._engine.inspect_container(name)).state not in _ALIVE
        except EngineNotFoundError:
            return True


def _failed(action: RunHook, reason: str, output: list[str] | None = None) -> HookError:
    command = shlex.join(action.hook.command)
    shown = command if len(command) <= _SHOWN_COMMAND else f"{command[: _SHOWN_COMMAND - 3]}..."
    service = action.title.rpartition(" ")[2]
    return HookError(
        f"{action.title} ({shown}) {reason}",
        hint=f"what the service itself says: boxship logs {service}",
        service=service,
        last=reason,
        logs=output or (),
    )
