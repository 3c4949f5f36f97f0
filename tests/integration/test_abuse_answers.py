"""Whatever comes in place of an answer, every call ends in time with an error that names it, or was done."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from boxship.engine.calls import Deadlines
from boxship.engine.docker import DockerEngine, connect
from boxship.engine.port import BuildRequest, ExecRequest
from boxship.errors import BoxshipError
from boxship.plan.action import ContainerSpec, CopiedFile, NetworkSpec, VolumeSpec
from boxship.spec.model import Network, Service, Volume
from boxship.spec.model_files import Hidden
from tests.abuse.footprint import Footprint
from tests.contracts.images import chunks_of
from tests.eventually import eventually_here
from tests.integration.hostile_proxy import Fault, HostileProxy, How, hostile_proxy

pytestmark = [pytest.mark.docker, pytest.mark.timeout(90)]

QUICK = Deadlines(connect_s=5, quick_s=2, create_s=2, start_s=2, stop_extra_s=2, remove_s=2, idle_s=2)
ENDS_WITHIN_S = 40
"""Far more than any of these deadlines, as every call of a kind runs beside 20 others on a machine under load."""


async def drain(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        pass


async def session(engine: DockerEngine) -> None:
    opened = await engine.open_exec("none", ExecRequest(("true",)))
    try:
        await drain(opened.output())
        await opened.exit_code()
    finally:
        await opened.close()


# Kind of call -> a call that makes one, and the words by which its errors call it.
CALLS: dict[str, tuple[Callable[[DockerEngine], Awaitable[object]], str]] = {
    "list containers": (lambda engine: engine.observe(()), "list containers"),
    "list networks": (lambda engine: engine.observe(()), "list networks"),
    "list volumes": (lambda engine: engine.observe(()), "list volumes"),
    "look up image": (lambda engine: engine.observe(("none:1",)), "look up image none:1"),
    "create container": (
        lambda engine: engine.create_container(ContainerSpec("none.a", Service("a"), "none:1")),
        "create container none.a",
    ),
    "create network": (lambda engine: engine.create_network(NetworkSpec("none.a", Network("a"))), "create network"),
    "create volume": (lambda engine: engine.create_volume(VolumeSpec("none.a", Volume("a"))), "create volume none.a"),
    "copy": (lambda engine: engine.copy_files("none", (CopiedFile("/a", Hidden("text")),)), "copy /a into none"),
    "start": (lambda engine: engine.start_container("none"), "start none"),
    "inspect": (lambda engine: engine.inspect_container("none"), "inspect none"),
    "wait": (lambda engine: engine.wait_container("none"), "wait for none"),
    "exec create": (lambda engine: engine.run_exec("none", ("true",), timeout_s=2), "run 'true' in none"),
    "exec start": (session, "run 'true' in none"),
    "logs": (lambda engine: drain(engine.follow_logs("none")), "inspect none"),
    "events": (lambda engine: drain(engine.follow_events("none")), "follow events"),
    "stop": (lambda engine: engine.stop_container("none", 0.2), "stop none"),
    "rename": (lambda engine: engine.rename_container("none", "any"), "rename none to any"),
    "remove container": (lambda engine: engine.remove_container("none"), "remove container none"),
    "remove network": (lambda engine: engine.remove_network("none"), "remove network none"),
    "remove volume": (lambda engine: engine.remove_volume("none"), "remove volume none"),
    "build": (
        lambda engine: drain(engine.build_image(BuildRequest(("none:1",)), chunks_of(b"x" * 100_000))),
        "build none:1",
    ),
    "pull": (lambda engine: drain(engine.pull_image("127.0.0.1:9/none:1")), "127.0.0.1:9/none:1"),
}
# Nobody reads what an engine says after it has said yes to these.
UNREAD = frozenset(
    {"create network", "create volume", "copy", "start", "stop", "rename"}
    | {"remove container", "remove network", "remove volume"}
)
# Whoever waits for these to go on bounds that: nothing may happen to a container for months.
ENDLESS = frozenset({"events", "wait"})
# What another call comes before, which nothing is behind.
FIRST = {"logs": "inspect", "exec start": "exec create"}
# What each lasts a deadline, or a large answer, and of which therefore not all are tried.
LONG = frozenset({How.NEVER, How.LONGER, How.ENDLESS_BODY})
SOME = frozenset({"list networks", "create container", "start", "wait", "logs", "events", "build", "pull"})
# Progress may be any object.
FREE = frozenset({"events", "pull", "build"})


@pytest.fixture
def proxy() -> Iterator[HostileProxy]:
    with hostile_proxy("unix:///var/run/docker.sock") as made:
        yield made


@pytest.mark.parametrize(
    "how",
    [
        How.NEVER,
        How.HUNG_UP,
        How.GARBAGE,
        How.STATUS_500,
        How.STATUS_503,
        How.ENDLESS_HEAD,
        How.NOT_JSON,
        How.DEEP_JSON,
        How.WRONG_JSON,
        How.CUT_HEAD,
        How.CUT_BODY,
        How.LONGER,
        How.SHORTER,
        How.ENDLESS_BODY,
    ],
    ids=lambda how: how.value,
)
async def test_every_call_ends_in_time_with_an_error_that_names_it(proxy: HostileProxy, how: How) -> None:
    before = Footprint.now()
    for kind, (call, words) in CALLS.items():
        if (how is How.LONGER and kind in ENDLESS) or (how in LONG and kind not in SOME):
            continue
        await _abuse(proxy, Fault(FIRST.get(kind, kind), how, count=None, is_passed=False), call, words)
    # The proxy's ends are of this process, too, and close when its loop gets to it.
    await eventually_here(lambda: _held(Footprint.now()) == _held(before), "nothing is held any more")


async def test_events_up_to_a_time_end_also_when_the_engine_never_does(proxy: HostileProxy) -> None:
    fault = Fault("events", How.LONGER, is_passed=False)
    await _abuse(proxy, fault, lambda engine: drain(engine.follow_events("none", until_s=0.0)), "follow events")


def _held(footprint: Footprint) -> tuple[int, int, int]:
    return footprint.fds, footprint.tasks, footprint.threads


async def _abuse(
    proxy: HostileProxy, fault: Fault, call: Callable[[DockerEngine], Awaitable[object]], words: str
) -> None:
    proxy.misbehave(fault)
    engine = connect(proxy.address, deadlines=QUICK)
    said = ""
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            await call(engine)
    except BoxshipError as error:
        said = error.message
    finally:
        await engine.close()
    assert proxy.spoiled, f"{fault} hit nothing"
    assert words in said or (not said and may_succeed(fault)), (fault, said)


def may_succeed(fault: Fault) -> bool:
    match fault.how:
        case How.NOT_JSON | How.DEEP_JSON:
            return fault.kind in UNREAD
        case How.WRONG_JSON:
            return fault.kind in UNREAD | FREE
        case How.SHORTER:
            return fault.kind in UNREAD
        case _:
            return False
