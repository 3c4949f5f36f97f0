"""On a box the engine's socket is the Loader's, unless the vendor's file says otherwise."""

from msgspec.structs import replace

from boxship.spec.model import Mount
from boxship.state.operation import OperationStatus
from tests.unit.loader.bench import Bench, version

SOCKET = Mount("bind", "/s", "/var/run/docker.sock", create_host_path=True)


def publish(bench: Bench, number: str, *allowed: str) -> None:
    written = version(number)
    asking = replace(written.services["web"], mounts=(SOCKET,))
    made = replace(written, services={**written.services, "web": asking}, allowed_engine=frozenset(allowed))
    web = f"app/web:{number}"
    bench.world.publish(made, db=f"app/db:{number}", web=web, page=web)


async def test_a_release_whose_service_gets_the_socket_is_refused_before_anything_is_touched() -> None:
    bench = Bench()
    publish(bench, "1.1")
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        before = bench.running
        refused = await bench.to(box, "1.1")
        assert (refused.status, bench.running) == (OperationStatus.FAILED, before)
        assert refused.failure is not None
        assert "web gets the engine's socket (/var/run/docker.sock)" in refused.failure.message
        assert "unless its file says x-boxship: {allow: [engine-socket]}" in refused.result["against.1"]


async def test_the_first_release_of_a_box_is_refused_as_well() -> None:
    bench = Bench()
    publish(bench, "1.0")
    async with bench.loader() as box:
        assert (await bench.to(box, "1.0")).status is OperationStatus.FAILED
        assert bench.running == []


async def test_a_vendor_who_says_so_may() -> None:
    bench = Bench()
    publish(bench, "1.1", "web")
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        assert (await bench.to(box, "1.1")).status is OperationStatus.DONE
