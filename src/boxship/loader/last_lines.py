"""The last lines of the service that failed, kept with its failure: a failed trial's are gone soon."""

from contextlib import aclosing

from msgspec.structs import replace

from boxship.checks.text import redactor_for
from boxship.errors import BoxshipError, HookError
from boxship.loader.deployments import Wanted
from boxship.loader.failures import LINES_KEPT, kept_lines
from boxship.loader.parts import Parts
from boxship.state.operation import Failure


async def with_last_lines(parts: Parts, wanted: Wanted, failure: Failure | None) -> Failure | None:
    """The failure with as many of its service's lines as are kept, secrets masked.

    It stays as it is where no container is to blame, for a hook, which told its own lines, and where the engine doesn't
    tell: why it failed is worth more than what was written.
    """
    if failure is None or not failure.service or failure.code == HookError.code:
        return failure
    try:
        lines = await _last_lines(parts, wanted, failure.service)
    except BoxshipError:
        return failure
    return replace(failure, logs=kept_lines(lines, redactor_for(wanted.desired).clean)) if lines else failure


async def _last_lines(parts: Parts, wanted: Wanted, replica: str) -> list[str]:
    """None for who isn't a container of it: the host, or a check in a container of its own."""
    appliance, generation = wanted.desired.appliance, wanted.deployment.generation
    observed = (await parts.engine.observe(())).of_generation(appliance, generation)
    for container in observed.containers_of(appliance):
        if container.replica == replica:
            async with aclosing(parts.engine.follow_logs(container.id, tail=LINES_KEPT)) as lines:
                return [line.text async for line in lines]
    return []
