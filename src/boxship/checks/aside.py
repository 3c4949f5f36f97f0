"""A command in a container of its own, made of a service's image: no network, no data, no ports, and gone after it."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import aclosing

from msgspec.structs import replace

from boxship import names
from boxship.checks.inside import Ran
from boxship.checks.program import judge_program
from boxship.checks.report import Found, Level
from boxship.engine.port import Engine
from boxship.errors import CommandNotFoundError, CommandRefusedError
from boxship.plan.action import ContainerSpec
from boxship.plan.containers import image_reference
from boxship.spec.deploy import with_limits
from boxship.spec.model import Service
from boxship.spec.model_preflight import ContainerProbe

_MOST_LINES = 1_000
_MOST_CHARS = 256 * 1024


async def ask_aside(
    engine: Engine,
    appliance: str,
    service: Service,
    probe: ContainerProbe,
    timeout_s: float,
    clean: Callable[[str], str],
) -> Found:
    """Run it to its end. Raises: TimeoutError; EngineError when the engine can't run it. The container is gone then."""
    image = image_reference(appliance, service)
    if (await engine.observe((image,))).image(image) is None:
        return Found(Level.SKIPPED, f"its image {image} isn't here yet")
    try:
        ran = await run_to_its_end(engine, _spec(appliance, service, image, probe), timeout_s)
    except (CommandNotFoundError, CommandRefusedError) as err:
        return judge_program(err.exit_status, "", err.message)
    found = judge_program(ran.exit_code, clean(ran.stdout), clean(ran.stderr))
    return replace(found, code="preflight.command" if found.level is not Level.OK else "")


async def run_to_its_end(engine: Engine, spec: ContainerSpec, timeout_s: float) -> Ran:
    """A container that is gone afterwards, however it ended. ``timeout_s``: seconds from its start on.

    Raises: TimeoutError; EngineError when the engine can't run it.
    """
    try:
        await engine.create_container(spec)
        await engine.start_container(spec.name)
        async with asyncio.timeout(timeout_s):
            exit_code = await engine.wait_container(spec.name)
            return Ran(exit_code, *await _output(engine, spec.name))
    finally:
        # Also after a create whose answer got lost.
        await engine.remove_container(spec.name, volumes=True)


def _spec(appliance: str, service: Service, image: str, probe: ContainerProbe) -> ContainerSpec:
    """With the service's user, environment, limits and rights, and nothing that it shares with others."""
    token = f"preflight-{secrets.token_hex(4)}"
    own = Service(
        name=service.name,
        image=image,
        entrypoint=probe.argv,
        command=(),
        environment=service.environment,
        user=service.user,
        working_dir=service.working_dir,
        platform=service.platform,
        read_only=service.read_only,
        cap_drop=service.cap_drop,
        mem_limit_bytes=service.mem_limit_bytes,
        init=True,
    )
    return ContainerSpec(
        name=names.container_name(appliance, names.one_off_name(service.name, token)),
        service=with_limits(own),
        image=image,
        network_mode="none",
        labels={names.LABEL_APPLIANCE: appliance, names.LABEL_SERVICE: service.name, names.LABEL_ONE_OFF: token},
    )


async def _output(engine: Engine, name: str) -> tuple[str, str]:
    said: dict[str, list[str]] = {"stdout": [], "stderr": []}
    size = 0
    async with aclosing(engine.follow_logs(name, follow=False, tail=_MOST_LINES)) as lines:
        async for line in lines:
            said.setdefault(line.stream, []).append(line.text)
            size += len(line.text)
            if size > _MOST_CHARS:
                break
    return "\n".join(said["stdout"]), "\n".join(said["stderr"])
