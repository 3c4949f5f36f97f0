"""What a service of the current deployment wrote: all of its containers as one stream, without secrets."""

import contextlib
from collections.abc import AsyncGenerator

from boxship.errors import unknown_name
from boxship.loader.box import ServiceLine
from boxship.loader.deployments import read_wanted
from boxship.loader.parts import Parts
from boxship.names import replica_name
from boxship.operate.logs import LogRequest, merged_logs
from boxship.state.deployment import Deployment


def service_lines(
    parts: Parts, current: Deployment, service: str, *, follow: bool, tail: int | None
) -> AsyncGenerator[ServiceLine, None]:
    """Raises: NotFoundError, by the call itself and not by the first line."""
    services = parts.releases.appliance(current.release_id).services
    if service not in services:
        raise unknown_name("service", service, str(current), services)
    # Another generation's containers have other secrets than those that can be masked here.
    request = LogRequest(frozenset({service}), follow=follow, tail=tail, generation=current.generation)
    return _lines(parts, current, request, is_marked=services[service].scale > 1)


async def _lines(
    parts: Parts, current: Deployment, request: LogRequest, *, is_marked: bool
) -> AsyncGenerator[ServiceLine, None]:
    # Read, its secrets are known.
    await read_wanted(parts, current)
    clean = parts.feed.masks.clean
    async with contextlib.aclosing(merged_logs(parts.engine, parts.appliance, request, parts.clock)) as lines:
        async for line in lines:
            replica = replica_name(line.service, line.number) if is_marked else ""
            yield ServiceLine(line.stream, clean(line.text), line.at, replica)
