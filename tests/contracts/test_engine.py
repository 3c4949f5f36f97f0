"""What an engine promises, once for the fake and once for the real one. Where they disagree, the fake is wrong."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.engine.docker import connect
from boxship.engine.port import BuildRequest, Engine, EngineEvent, ExecRequest, LogLine, PullProgress
from boxship.errors import (
    EngineConflictError,
    EngineError,
    EngineNotFoundError,
    EngineTimeoutError,
    EngineUnreachableError,
    ImageMissingError,
)
from boxship.names import LABEL_APPLIANCE, LABEL_DIGEST, LABEL_KEY, LABEL_SERVICE
from boxship.plan.action import ContainerSpec, CopiedFile, Endpoint, EngineMount, NetworkSpec, VolumeSpec
from boxship.plan.observed import ContainerState, Health, ObservedContainer
from boxship.spec.model import Healthcheck, Network, Port, Restart, Service, Volume
from boxship.spec.model_files import Hidden
from tests.contracts.images import (
    TEST_IMAGE,
    chunks_of,
    diff_id_of,
    docker_archive,
    ensure_test_image,
    layer_of,
    layered_archive,
    tar_of,
)
from tests.fakes.engine import FakeEngine

FOREVER = ("sleep", "infinity")


class Bench:
    """One engine, and names on it that nobody else has."""

    def __init__(self, engine: Engine, image: str) -> None:
        self.engine = engine
        self.image = image
        self.appliance = f"t{uuid.uuid4().hex[:10]}"
        self.subnet_octets = f"10.{224 + uuid.uuid4().int % 16}.{uuid.uuid4().int % 250}"

    def name(self, key: str) -> str:
        return f"{self.appliance}.{key}"

    def labels(self, service: str = "") -> dict[str, str]:
        return {LABEL_APPLIANCE: self.appliance, LABEL_SERVICE: service, LABEL_DIGEST: "d1", LABEL_KEY: service}

    def service(self, name: str = "web", *argv: str, **changes: object) -> Service:
        service = Service(name, command=argv or FOREVER, init=True)
        return replace(service, **changes)

    def spec(self, service: Service, *networks: str, mounts: tuple[EngineMount, ...] = ()) -> ContainerSpec:
        return ContainerSpec(
            name=self.name(service.name),
            service=service,
            image=self.image,
            endpoints=tuple(Endpoint(self.name(network), (service.name,)) for network in networks),
            network_mode=None if networks else "none",
            mounts=mounts,
            labels=self.labels(service.name),
        )

    def network(self, key: str, *, third: int = 0) -> NetworkSpec:
        octets = self.subnet_octets
        subnet, ip_range = f"{octets}.{third}/27", f"{octets}.{third + 16}/28"
        return NetworkSpec(self.name(key), Network(key), subnet, ip_range, labels=self.labels(key))

    def address(self, last: int) -> str:
        return f"{self.subnet_octets}.{last}"

    async def run(self, service: Service, *networks: str, mounts: tuple[EngineMount, ...] = ()) -> str:
        """Create and start; the container's name."""
        spec = self.spec(service, *networks, mounts=mounts)
        await self.engine.create_container(spec)
        await self.engine.start_container(spec.name)
        return spec.name

    async def observed(self, service: str = "web") -> ObservedContainer:
        """The one container of a service."""
        containers = (await self.engine.observe()).containers_of(self.appliance)
        (found,) = [container for container in containers if container.service == service]
        return found

    async def logs(self, name: str, *, timestamps: bool = False, tail: int | None = None) -> list[LogLine]:
        return [line async for line in self.engine.follow_logs(name, timestamps=timestamps, tail=tail)]

    async def sweep(self) -> None:
        observed = await self.engine.observe()
        for container in observed.containers_of(self.appliance):
            await self.engine.remove_container(container.id, volumes=True)
        for network in observed.networks:
            if network.appliance == self.appliance:
                await self.engine.remove_network(network.name)
        for volume in (await self.engine.observe()).volumes:
            if volume.appliance == self.appliance or volume.name.startswith(self.appliance):
                await self.engine.remove_volume(volume.name)
        for image in observed.images:
            for tag in image.tags:
                if tag.startswith(self.appliance):
                    await self.engine.remove_image(tag)


class EngineContract:
    """Every promise of ``boxship.engine.port``."""

    async def test_a_created_container_is_observed_with_what_it_was_made_from(self, bench: Bench) -> None:
        container_id = (await bench.engine.create_container(bench.spec(bench.service()))).id
        seen = await bench.observed()
        assert (seen.id, seen.name, seen.image) == (container_id, bench.name("web"), bench.image)
        assert (seen.state, seen.exit_code, seen.health) == (ContainerState.CREATED, None, Health.NONE)
        assert (seen.appliance, seen.service, seen.digest) == (bench.appliance, "web", "d1")
        assert seen.image_id.startswith("sha256:")

    async def test_a_foreign_container_is_observed_without_an_appliance(self, bench: Bench) -> None:
        spec = replace(bench.spec(bench.service("foreign")), labels={})
        await bench.engine.create_container(spec)
        try:
            containers = (await bench.engine.observe()).containers
            (seen,) = [container for container in containers if container.name == spec.name]
            assert (seen.appliance, seen.service) == ("", "")
        finally:
            await bench.engine.remove_container(spec.name)

    async def test_only_the_images_asked_for_are_observed(self, bench: Bench) -> None:
        everything = await bench.engine.observe()
        asked = await bench.engine.observe(images=[bench.image, bench.image, f"{bench.appliance}/nowhere"])
        assert asked.images == (everything.image(bench.image),)
        assert (await bench.engine.observe(images=())).images == ()

    async def test_what_is_started_twice_and_stopped_twice_runs_once_and_ends_once(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        await bench.engine.start_container(name)
        assert (await bench.observed()).state is ContainerState.RUNNING
        await bench.engine.stop_container(name, 1)
        await bench.engine.stop_container(name, 1)
        seen = await bench.observed()
        assert (seen.state, seen.exit_code) == (ContainerState.EXITED, 143)

    async def test_a_process_that_ignores_the_stop_signal_is_killed_after_its_grace_time(self, bench: Bench) -> None:
        service = bench.service("web", *FOREVER, init=False, stop_grace_period_s=1.0)
        name = await bench.run(service)
        await bench.engine.stop_container(name)
        assert (await bench.observed()).exit_code == 137

    async def test_an_unknown_container_can_be_neither_started_nor_stopped_nor_inspected(self, bench: Bench) -> None:
        for call in (bench.engine.start_container, bench.engine.stop_container, bench.engine.inspect_container):
            with pytest.raises(EngineNotFoundError, match="No such container"):
                await call(bench.name("nobody"))

    async def test_removing_what_is_absent_succeeds(self, bench: Bench) -> None:
        await bench.engine.remove_container(bench.name("nobody"), volumes=True)
        await bench.engine.remove_network(bench.name("nothing"))
        await bench.engine.remove_volume(bench.name("nothing"))
        await bench.engine.remove_image(f"{bench.appliance}:nothing")

    async def test_a_running_container_is_removed_by_force(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        await bench.engine.remove_container(name)
        assert (await bench.engine.observe()).containers_of(bench.appliance) == ()

    async def test_many_removals_at_once_all_succeed(self, bench: Bench) -> None:
        await bench.engine.create_network(bench.network("n"))
        services = [bench.service(f"s{number}") for number in range(5)]
        names = await asyncio.gather(*(bench.run(service, "n") for service in services))
        await asyncio.gather(*(bench.engine.remove_container(name) for name in names))
        assert (await bench.engine.observe()).containers_of(bench.appliance) == ()

    async def test_files_are_inside_when_it_starts(self, bench: Bench) -> None:
        file = CopiedFile("/run/secrets/key", Hidden("s3cret\n"), uid=33, gid=44, mode=0o440)
        await bench.engine.create_container(bench.spec(bench.service()))
        await bench.engine.copy_files(bench.name("web"), (file, replace(file, target="/deep/er/file", mode=0o444)))
        await bench.engine.copy_files(bench.name("web"), (file,))
        await bench.engine.start_container(bench.name("web"))
        for target, mode in (("/run/secrets/key", "440"), ("/deep/er/file", "444")):
            content = await bench.engine.run_exec(bench.name("web"), ("cat", target), timeout_s=20)
            owner = await bench.engine.run_exec(bench.name("web"), ("stat", "-c", "%a %u %g", target), timeout_s=20)
            assert (content.output, owner.output) == ("s3cret\n", f"{mode} 33 44\n")

    async def test_no_file_goes_into_a_container_that_refuses_writing(self, bench: Bench) -> None:
        await bench.engine.create_container(bench.spec(bench.service(read_only=True)))
        with pytest.raises(EngineError, match="read-only"):
            await bench.engine.copy_files(bench.name("web"), (CopiedFile("/x", Hidden("y")),))
        with pytest.raises(EngineNotFoundError):
            await bench.engine.copy_files(bench.name("nobody"), (CopiedFile("/x", Hidden("y")),))

    async def test_a_missing_image_is_named(self, bench: Bench) -> None:
        spec = replace(bench.spec(bench.service()), image=f"{bench.appliance}/nowhere")
        with pytest.raises(ImageMissingError, match=f"image '{bench.appliance}/nowhere:latest' is not on this machine"):
            await bench.engine.create_container(spec)

    async def test_a_name_can_be_had_once(self, bench: Bench) -> None:
        first = (await bench.engine.create_container(bench.spec(bench.service()))).id
        with pytest.raises(EngineConflictError, match=f"taken by container {first[:12]}"):
            await bench.engine.create_container(bench.spec(bench.service()))

    async def test_a_restart_policy_set_later_is_the_one_that_counts(self, bench: Bench) -> None:
        created = await bench.engine.create_container(bench.spec(bench.service("web", "sh", "-c", "exit 3")))
        await bench.engine.set_restart(bench.name("web"), "on-failure")
        starts = 0
        async with aclosing(bench.engine.follow_events(bench.appliance, since_s=0.0)) as events:
            await bench.engine.start_container(created.id)
            async for event in events:
                starts += event.action == "start"
                if starts == 2:
                    break
        await bench.engine.set_restart(bench.name("nobody"), "no")

    async def test_a_renamed_container_keeps_its_id_and_frees_its_name(self, bench: Bench) -> None:
        first = (await bench.engine.create_container(bench.spec(bench.service()))).id
        await bench.engine.rename_container(bench.name("web"), bench.name("old"))
        second = (await bench.engine.create_container(bench.spec(bench.service()))).id
        assert (await bench.engine.inspect_container(bench.name("old"))).id == first
        with pytest.raises(EngineConflictError):
            await bench.engine.rename_container(second, bench.name("old"))

    async def test_a_published_port_can_be_had_once(self, bench: Bench) -> None:
        await bench.engine.create_network(bench.network("n"))
        port = Port(80, str(20000 + uuid.uuid4().int % 10000), host_ip="127.0.0.1")
        await bench.run(bench.service("one", ports=(port,)), "n")
        with pytest.raises(EngineConflictError, match=f"port 127.0.0.1:{port.published} of this host is already taken"):
            await bench.run(bench.service("two", ports=(port,)), "n")
        (seen,) = (await bench.observed("one")).ports
        assert (seen.target, seen.published, seen.protocol, seen.host_ip) == (
            80,
            int(port.published or 0),
            "tcp",
            "127.0.0.1",
        )

    async def test_an_address_can_be_held_by_one_running_container(self, bench: Bench) -> None:
        await bench.engine.create_network(bench.network("n"))
        for service in ("one", "two"):
            spec = bench.spec(bench.service(service), "n")
            await bench.engine.create_container(
                replace(spec, endpoints=(replace(spec.endpoints[0], ipv4_address=bench.address(5)),))
            )
        await bench.engine.start_container(bench.name("one"))
        with pytest.raises(EngineConflictError, match="its address is held by another container"):
            await bench.engine.start_container(bench.name("two"))
        await bench.engine.stop_container(bench.name("one"), 1)
        await bench.engine.start_container(bench.name("two"))
        seen = await bench.observed("two")
        assert seen.networks == seen.addresses == {bench.name("n"): bench.address(5)}
        assert (await bench.observed("one")).addresses == {bench.name("n"): bench.address(5)}

    async def test_a_dynamic_container_takes_an_address_of_the_range(self, bench: Bench) -> None:
        await bench.engine.create_network(bench.network("n"))
        name = await bench.run(bench.service(), "n")
        (address,) = (await bench.engine.inspect_container(name)).addresses.values()
        assert 16 <= int(address.rsplit(".", 1)[1]) < 32
        assert (await bench.observed()).addresses == {}

    async def test_several_networks_are_joined_before_the_start(self, bench: Bench) -> None:
        await bench.engine.create_network(bench.network("a"))
        await bench.engine.create_network(bench.network("b", third=32))
        name = await bench.run(bench.service(), "a", "b")
        assert set((await bench.engine.inspect_container(name)).addresses) == {bench.name("a"), bench.name("b")}

    async def test_a_missing_network_is_named_at_the_start(self, bench: Bench) -> None:
        await bench.engine.create_network(bench.network("a"))
        for networks in (("nowhere",), ("a", "nowhere")):
            await bench.engine.create_container(bench.spec(bench.service(), *networks))
            with pytest.raises(EngineNotFoundError, match=rf"network {bench.name('nowhere')} not found"):
                await bench.engine.start_container(bench.name("web"))
            await bench.engine.remove_container(bench.name("web"))

    async def test_an_address_outside_of_its_network_is_refused(self, bench: Bench) -> None:
        await bench.engine.create_network(bench.network("n"))
        spec = bench.spec(bench.service(), "n")
        endpoint = replace(spec.endpoints[0], ipv4_address=bench.address(99))
        # Newer engines say so when the container is made.
        refused = r"does not belong to any of this network's subnets|no configured subnet"

        async def create_and_start() -> None:
            await bench.engine.create_container(replace(spec, endpoints=(endpoint,)))
            await bench.engine.start_container(spec.name)

        with pytest.raises(EngineError, match=refused):
            await create_and_start()

    async def test_a_shared_network_namespace_needs_its_owner_running(self, bench: Bench) -> None:
        await bench.engine.create_container(bench.spec(bench.service("owner")))
        guest = replace(bench.spec(bench.service("guest")), network_mode=f"container:{bench.name('owner')}")
        await bench.engine.create_container(guest)
        with pytest.raises(EngineConflictError, match=r"cannot join network (namespace )?of a non running container"):
            await bench.engine.start_container(guest.name)
        await bench.engine.start_container(bench.name("owner"))
        await bench.engine.start_container(guest.name)

    async def test_half_a_container_is_removed_when_its_second_network_is_refused(self, bench: Bench) -> None:
        await bench.engine.create_network(bench.network("a"))
        await bench.engine.create_network(replace(bench.network("engines-choice"), subnet=None, ip_range=None))
        spec = bench.spec(bench.service(), "a", "engines-choice", mounts=(EngineMount("volume", "/data"),))
        first, second = spec.endpoints
        spec = replace(spec, endpoints=(first, replace(second, ipv4_address=bench.address(99))))
        before = {volume.name for volume in (await bench.engine.observe()).volumes}
        with pytest.raises(EngineError, match="only when connecting to networks with user configured subnets"):
            await bench.engine.create_container(spec)
        after = await bench.engine.observe()
        assert after.containers_of(bench.appliance) == ()
        assert {volume.name for volume in after.volumes} <= before

    async def test_a_network_is_observed_with_its_subnet_and_range(self, bench: Bench) -> None:
        spec = bench.network("n")
        await bench.engine.create_network(spec)
        (seen,) = [each for each in (await bench.engine.observe()).networks if each.appliance == bench.appliance]
        assert (seen.name, seen.driver, seen.key) == (spec.name, "bridge", "n")
        assert (seen.subnets, seen.ip_ranges) == ((spec.subnet,), (spec.ip_range,))

    async def test_a_networks_gateway_is_the_one_that_was_given(self, bench: Bench) -> None:
        gateway = bench.address(1)
        await bench.engine.create_network(replace(bench.network("n"), gateway=gateway))
        (seen,) = [each for each in (await bench.engine.observe()).networks if each.appliance == bench.appliance]
        assert seen.gateways == (gateway,)
        await bench.engine.create_container(bench.spec(bench.service(), "n"))

    async def test_a_networks_name_and_subnet_can_be_had_once(self, bench: Bench) -> None:
        await bench.engine.create_network(bench.network("n"))
        with pytest.raises(EngineConflictError, match="already exists"):
            await bench.engine.create_network(bench.network("n"))
        with pytest.raises(EngineConflictError, match=f"subnet .* overlaps .*{bench.name('n')}' of") as refused:
            await bench.engine.create_network(bench.network("other"))
        assert f"boxship -p {bench.appliance} down" in refused.value.hint

    async def test_a_network_in_use_stays(self, bench: Bench) -> None:
        await bench.engine.create_network(bench.network("n"))
        await bench.run(bench.service(), "n")
        with pytest.raises(EngineConflictError, match="has active endpoints"):
            await bench.engine.remove_network(bench.name("n"))

    async def test_a_volume_is_made_once_and_kept_while_it_is_used(self, bench: Bench) -> None:
        spec = VolumeSpec(bench.name("data"), Volume("data"), bench.labels("data"))
        await bench.engine.create_volume(spec)
        await bench.engine.create_volume(spec)
        mount = EngineMount("volume", "/data", spec.name)
        await bench.engine.create_container(bench.spec(bench.service(), mounts=(mount,)))
        (seen,) = [each for each in (await bench.engine.observe()).volumes if each.appliance == bench.appliance]
        assert (seen.name, seen.key, seen.driver) == (spec.name, "data", "local")
        (mounted,) = (await bench.observed()).mounts
        assert (mounted.kind, mounted.source, mounted.target) == ("volume", spec.name, "/data")
        with pytest.raises(EngineConflictError, match="volume is in use"):
            await bench.engine.remove_volume(spec.name)
        await bench.engine.remove_container(bench.name("web"), volumes=True)
        assert spec.name in {each.name for each in (await bench.engine.observe()).volumes}

    async def test_anonymous_volumes_go_with_their_container_when_asked(self, bench: Bench) -> None:
        await bench.engine.create_container(bench.spec(bench.service(), mounts=(EngineMount("volume", "/data"),)))
        (mount,) = (await bench.observed()).mounts
        assert mount.source
        await bench.engine.remove_container(bench.name("web"), volumes=True)
        assert mount.source not in {each.name for each in (await bench.engine.observe()).volumes}

    async def test_a_bind_mount_that_must_exist_is_an_error_when_it_does_not(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        mount = EngineMount("bind", "/data", str(tmp_path / "missing"), create_host_path=False)
        with pytest.raises(EngineError, match="missing' does not exist on this host"):
            await bench.engine.create_container(bench.spec(bench.service(), mounts=(mount,)))

    async def test_logs_hold_both_streams(self, bench: Bench) -> None:
        name = await bench.run(bench.service("web", "sh", "-c", "echo out; echo err >&2"))
        assert await bench.engine.wait_container(name) == 0
        lines = await bench.logs(name, timestamps=True)
        assert {(line.stream, line.text) for line in lines} == {("stdout", "out"), ("stderr", "err")}
        assert all(line.at.endswith("Z") and len(line.at) == 30 for line in lines)
        assert [line.at for line in await bench.logs(name)] == ["", ""]

    async def test_the_last_lines_of_a_log_can_be_had_alone(self, bench: Bench) -> None:
        name = await bench.run(bench.service("web", "sh", "-c", "echo 1; echo 2; echo 3"))
        await bench.engine.wait_container(name)
        assert [line.text for line in await bench.logs(name, tail=2)] == ["2", "3"]

    async def test_a_followed_log_ends_with_its_container(self, bench: Bench) -> None:
        name = await bench.run(bench.service("web", "sh", "-c", "echo 1; sleep 0.3; echo 2"))
        assert [line.text async for line in bench.engine.follow_logs(name, follow=True)] == ["1", "2"]

    async def test_a_log_read_from_the_last_end_on_holds_only_the_latest_run(self, bench: Bench) -> None:
        """From ``started_at`` on would not do: the engine stamps a quick first line before it notes the start."""
        name = await bench.run(bench.service("web", "sh", "-c", "echo line; exec sleep infinity"))
        await self.await_line(bench, name, "")
        await self.pause(bench, 0.01)
        await bench.engine.stop_container(name, 1)
        await self.pause(bench, 0.01)
        await bench.engine.start_container(name)
        since = (await bench.engine.inspect_container(name)).finished_at
        assert since
        assert (await self.await_line(bench, name, since)).at > since
        assert len(await bench.logs(name)) == 2

    async def test_the_log_of_an_unknown_container_is_not_found(self, bench: Bench) -> None:
        with pytest.raises(EngineNotFoundError):
            await bench.logs(bench.name("nobody"))

    async def test_a_command_inside_gives_its_output_and_exit_code(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        result = await bench.engine.run_exec(name, ("sh", "-c", "echo hello; exit 3"), timeout_s=20)
        assert (result.exit_code, result.output) == (3, "hello\n")

    async def test_a_command_inside_that_takes_too_long_is_given_up(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        with pytest.raises(EngineTimeoutError, match=r"'run 'sleep' in .*' within 0.5 s"):
            await bench.engine.run_exec(name, ("sleep", "30"), timeout_s=0.5)

    async def test_a_stopped_container_runs_no_command(self, bench: Bench) -> None:
        await bench.engine.create_container(bench.spec(bench.service()))
        with pytest.raises(EngineConflictError, match="is not running"):
            await bench.engine.run_exec(bench.name("web"), ("true",), timeout_s=20)

    async def test_a_session_gives_back_what_its_command_does_with_the_input(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        session = await bench.engine.open_exec(name, ExecRequest(("cat",), interactive=True))
        await session.write(b"hello")
        await session.close_stdin()
        output = b"".join([data async for stream, data in session.output() if stream == "stdout"])
        assert (output, await session.exit_code()) == (b"hello", 0)
        await session.close()

    async def test_a_session_with_a_terminal_has_one_stream_and_can_be_resized(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        request = ExecRequest(("sh", "-c", "sleep 0.3; echo err >&2; exit 4"), tty=True, interactive=True)
        session = await bench.engine.open_exec(name, request)
        await session.resize(50, 100)
        chunks = [chunk async for chunk in session.output()]
        assert b"".join(data for _, data in chunks) == b"err\r\n"
        assert {stream for stream, _ in chunks} == {"stdout"}
        assert await session.exit_code() == 4
        await session.close()

    async def test_a_detached_session_has_no_output(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        session = await bench.engine.open_exec(name, ExecRequest(("echo", "hello"), detach=True))
        assert [chunk async for chunk in session.output()] == []
        await session.close()

    async def test_a_session_that_is_killed_ends_also_when_it_was_only_just_begun(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        session = await bench.engine.open_exec(name, ExecRequest(("sleep", "600")))
        await session.kill()
        assert [chunk async for chunk in session.output()] == []
        assert await session.exit_code() == 137
        await session.kill()
        await session.close()

    async def test_the_data_folder_is_an_absolute_path(self, bench: Bench) -> None:
        assert (await bench.engine.data_root()).startswith("/")

    async def test_waiting_gives_the_exit_code(self, bench: Bench) -> None:
        name = await bench.run(bench.service("web", "sh", "-c", "sleep 0.2; exit 7"))
        assert await bench.engine.wait_container(name) == 7
        detail = await bench.engine.inspect_container(name)
        assert (detail.state, detail.exit_code, detail.pid) == (ContainerState.EXITED, 7, 0)
        assert (await bench.observed()).exit_code == 7

    async def test_waiting_for_a_container_that_never_started_returns_at_once(self, bench: Bench) -> None:
        await bench.engine.create_container(bench.spec(bench.service()))
        assert await bench.engine.wait_container(bench.name("web")) == 0

    async def test_a_command_that_is_not_there_is_named_without_the_engines_wrapping(self, bench: Bench) -> None:
        await self.arrange_start_error(bench, 'exec: "nonesuch": executable file not found in $PATH')
        with pytest.raises(EngineError, match=r'^cannot start [^:]*: exec: "nonesuch": executable file not found'):
            await bench.run(bench.service("web", "nonesuch", init=False))
        assert (await bench.observed()).state is ContainerState.CREATED

    async def test_events_tell_a_containers_life(self, bench: Bench) -> None:
        since_s = await self.now_s(bench)
        name = await bench.run(bench.service("web", "sh", "-c", "exit 3"))
        await bench.engine.wait_container(name)
        seen: list[EngineEvent] = []
        async with aclosing(bench.engine.follow_events(bench.appliance, since_s=since_s)) as events:
            async for event in events:
                seen.append(event)
                if event.action == "die":
                    break
        assert [event.action for event in seen] == ["create", "start", "die"]
        assert {(event.appliance, event.service, event.name) for event in seen} == {(bench.appliance, "web", name)}
        assert [event.exit_code for event in seen] == [None, None, 3]
        assert {(event.image, event.number) for event in seen} == {(bench.image, 1)}
        assert since_s - 1 <= seen[0].at_s <= seen[-1].at_s

    async def test_events_of_the_past_end_with_the_moment_that_was_asked_for(self, bench: Bench) -> None:
        since_s = await self.now_s(bench)
        name = await bench.run(bench.service("web", "sh", "-c", "exit 3"))
        await bench.engine.wait_container(name)
        await self.await_event(bench, since_s, "die")
        await self.pause(bench, 0.1)
        until_s = await self.now_s(bench)
        told = bench.engine.follow_events(bench.appliance, since_s=since_s, until_s=until_s)
        assert [event.action async for event in told] == ["create", "start", "die"]

    async def test_what_a_container_uses_is_told_once_or_each_second(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        (once,) = [stats async for stats in bench.engine.follow_stats(name)]
        assert once.cpu_percent is not None
        assert 0 <= once.cpu_percent < 10_000
        assert 0 < once.memory_bytes < once.memory_limit_bytes
        assert once.pids >= 1
        async with aclosing(bench.engine.follow_stats(name, follow=True)) as told:
            first, second = [await anext(told), await anext(told)]
        assert first.cpu_percent is None
        assert second.cpu_percent is not None

    async def test_one_that_does_not_run_uses_nothing(self, bench: Bench) -> None:
        await bench.engine.create_container(bench.spec(bench.service()))
        assert [stats async for stats in bench.engine.follow_stats(bench.name("web"))] == []
        with pytest.raises(EngineNotFoundError):
            _ = [stats async for stats in bench.engine.follow_stats(bench.name("nobody"))]

    async def test_a_passing_health_check_makes_a_container_healthy(self, bench: Bench) -> None:
        since_s = await self.now_s(bench)
        check = Healthcheck(("CMD", "true"), interval_s=1.0)
        name = await bench.run(bench.service("web", *FOREVER, healthcheck=check))
        assert (await bench.observed()).health is Health.STARTING
        await self.await_event(bench, since_s, "health_status: healthy")
        assert (await bench.observed()).health is Health.HEALTHY
        detail = await bench.engine.inspect_container(name)
        assert (detail.health, detail.healthcheck) == (Health.HEALTHY, check)

    async def test_a_failing_health_check_makes_a_container_unhealthy(self, bench: Bench) -> None:
        since_s = await self.now_s(bench)
        check = Healthcheck(("CMD-SHELL", "false"), interval_s=0.5, retries=2)
        await bench.run(bench.service("web", *FOREVER, healthcheck=check))
        await self.await_event(bench, since_s, "health_status: unhealthy")
        assert (await bench.observed()).health is Health.UNHEALTHY

    async def test_a_crashing_container_is_started_again_as_its_policy_says(self, bench: Bench) -> None:
        service = bench.service("web", "sh", "-c", "exit 5", restart=Restart("on-failure", 2))
        name = await bench.run(service)
        while (await bench.engine.inspect_container(name)).state is not ContainerState.EXITED:
            await self.pause(bench, 0.05)
        detail = await bench.engine.inspect_container(name)
        assert (detail.restart_count, detail.exit_code) == (2, 5)

    async def test_a_paused_container_goes_on_after_it_is_unpaused(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        await bench.engine.pause_container(name)
        await bench.engine.pause_container(name)
        assert (await bench.observed()).state is ContainerState.PAUSED
        await bench.engine.unpause_container(name)
        await bench.engine.unpause_container(name)
        assert (await bench.observed()).state is ContainerState.RUNNING

    async def test_a_killed_container_ends_and_can_be_killed_again(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        await bench.engine.kill_container(name)
        assert await bench.engine.wait_container(name) == 137
        await bench.engine.kill_container(name)

    async def test_a_restarted_container_runs_anew(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        before = await bench.engine.inspect_container(name)
        await bench.engine.restart_container(name, 1)
        after = await bench.engine.inspect_container(name)
        assert (after.id, after.state) == (before.id, ContainerState.RUNNING)
        assert after.pid != before.pid

    async def test_an_image_is_built_from_a_tar_stream(self, bench: Bench) -> None:
        tag = f"{bench.appliance}/built:1"
        dockerfile = f"FROM {bench.image}\nLABEL a=b\nRUN echo hello\n".encode()
        request = BuildRequest(tags=(tag, f"{bench.appliance}/built:2"), labels={"made": "here"})
        context = chunks_of(tar_of({"Dockerfile": dockerfile}), 512)
        output = [line async for line in bench.engine.build_image(request, context)]
        image = (await bench.engine.observe()).image(tag)
        assert image is not None
        assert image.id == output[-1].image_id
        assert set(image.tags) == set(request.tags)
        assert image.labels["made"] == "here"
        assert any(line.text.startswith("Step 1") for line in output)

    async def test_an_image_tells_how_it_came_about_from_below(self, bench: Bench) -> None:
        tag = f"{bench.appliance}/built:1"
        dockerfile = f"FROM {bench.image}\nCOPY file /file\nLABEL a=b\n".encode()
        context = chunks_of(tar_of({"Dockerfile": dockerfile, "file": b"x" * 1000}))
        async for _ in bench.engine.build_image(BuildRequest(tags=(tag,)), context):
            pass
        below, above = await bench.engine.image_history(bench.image), await bench.engine.image_history(tag)
        image = (await bench.engine.observe((tag,))).image(tag)
        assert image is not None
        assert above.id == image.id
        assert above.diff_ids[: len(below.diff_ids)] == below.diff_ids
        assert len(above.diff_ids) == len(below.diff_ids) + 1
        assert above.size_bytes == below.size_bytes + 1000
        copied, labelled = above.items[len(below.items) :]
        assert (copied.size_bytes, labelled.size_bytes) == (1000, 0)
        assert "/file" in copied.made_by

    async def test_the_history_of_an_image_that_is_not_here_is_refused(self, bench: Bench) -> None:
        with pytest.raises(ImageMissingError, match="is not on this machine"):
            await bench.engine.image_history(f"{bench.appliance}/nowhere")

    async def test_a_failing_build_says_what_failed_and_leaves_no_container(self, bench: Bench) -> None:
        request = BuildRequest(tags=(f"{bench.appliance}/built:1",))
        context = chunks_of(tar_of({"Dockerfile": f"FROM {bench.image}\nRUN exit 9\n".encode()}))
        before = {container.id for container in (await bench.engine.observe()).containers}
        with pytest.raises(EngineError, match=r"cannot build .*/built:1: .*returned a non-zero code: 9"):
            async for _ in bench.engine.build_image(request, context):
                pass
        observed = await bench.engine.observe()
        assert observed.image(request.tags[0]) is None
        assert {each.id for each in observed.containers if each.image_id.startswith(bench.image)} <= before

    async def test_a_build_without_its_dockerfile_says_so(self, bench: Bench) -> None:
        request = BuildRequest(tags=(f"{bench.appliance}/built:1",), dockerfile="Nowhere")
        with pytest.raises(EngineError, match="Nowhere"):
            async for _ in bench.engine.build_image(request, chunks_of(tar_of({"Dockerfile": b"FROM scratch\n"}))):
                pass

    async def test_a_context_that_cannot_be_read_ends_the_build_with_its_own_error(self, bench: Bench) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"\0" * 512
            raise OSError("the disk is on fire")

        with pytest.raises(OSError, match="the disk is on fire"):
            async for _ in bench.engine.build_image(BuildRequest(tags=(f"{bench.appliance}:1",)), broken()):
                pass

    async def test_a_loaded_image_can_be_tagged_and_removed(self, bench: Bench, tmp_path: Path) -> None:
        tag, other = f"{bench.appliance}/loaded:1", f"{bench.appliance}/other:1"
        archive = tmp_path / "images.tar"
        archive.write_bytes(docker_archive(tag, {"hello": bench.appliance.encode()}))
        await bench.engine.load_images(archive)
        await bench.engine.tag_image(tag, other)
        observed = await bench.engine.observe()
        image = observed.image(tag)
        assert image is not None
        assert image == observed.image(other)
        await bench.engine.remove_image(tag)
        await bench.engine.remove_image(other)
        assert (await bench.engine.observe()).image(other) is None

    async def test_an_image_is_removed_by_its_id_when_it_has_no_other_names(self, bench: Bench) -> None:
        tags = [f"{bench.appliance}/{name}:1" for name in ("one", "two")]
        first, second = (docker_archive(tags[0], {"hello": f"{bench.appliance} {n}".encode()}) for n in range(2))
        await bench.engine.load_archive(chunks_of(first), tags[0])
        image_id = (await bench.engine.image_history(tags[0])).id
        await bench.engine.tag_image(tags[0], tags[1])
        with pytest.raises(EngineConflictError, match="referenced in multiple repositories"):
            await bench.engine.remove_image(image_id)
        await bench.engine.remove_image(tags[1])
        # The tag goes to another image, and nothing but its id is left of this one.
        await bench.engine.load_archive(chunks_of(second), tags[0])
        observed = (await bench.engine.observe((image_id,))).image(image_id)
        assert observed is not None
        assert (observed.tags, observed.digests) == ((), ())
        await bench.engine.remove_image(image_id)
        await bench.engine.remove_image(image_id)
        assert (await bench.engine.observe((image_id,))).images == ()
        await bench.engine.remove_image(tags[0])

    async def test_what_is_no_archive_is_not_loaded(self, bench: Bench, tmp_path: Path) -> None:
        archive = tmp_path / "images.tar"
        archive.write_bytes(b"this is no tar" * 100)
        with pytest.raises(EngineError, match=r"cannot load images\.tar"):
            await bench.engine.load_images(archive)

    async def test_what_was_saved_can_be_loaded_again_under_the_same_id(self, bench: Bench) -> None:
        tags = [f"{bench.appliance}/{name}:1" for name in ("one", "two")]
        for tag in tags:
            archive = docker_archive(tag, {"hello": tag.encode()})
            await bench.engine.load_archive(chunks_of(archive), tag)
        before = [(await bench.engine.image_history(tag)).id for tag in tags]
        saved = b"".join([chunk async for chunk in bench.engine.save_images(tags)])
        for tag in tags:
            await bench.engine.remove_image(tag)
        await bench.engine.load_archive(chunks_of(saved), "what was saved")
        assert [(await bench.engine.image_history(tag)).id for tag in tags] == before
        for tag in tags:
            await bench.engine.remove_image(tag)

    async def test_a_layer_that_is_here_may_be_missing_in_what_is_loaded(self, bench: Bench) -> None:
        lower, upper = layer_of({"lower": bench.appliance.encode()}), layer_of({"upper": b"new"})
        first, second = f"{bench.appliance}/first:1", f"{bench.appliance}/second:1"
        await bench.engine.load_archive(chunks_of(layered_archive(first, [lower])), first)
        await bench.engine.load_archive(chunks_of(layered_archive(second, [lower, upper], without=[lower])), second)
        assert (await bench.engine.image_history(second)).diff_ids == (diff_id_of(lower), diff_id_of(upper))
        for tag in (second, first):
            await bench.engine.remove_image(tag)

    async def test_how_far_each_layer_is_unpacked_is_told_in_bytes_as_they_were_given(self, bench: Bench) -> None:
        layer = layer_of({"much": bench.appliance.encode() * 100_000})
        tag, said = f"{bench.appliance}/told:1", list[PullProgress]()
        await bench.engine.load_archive(chunks_of(layered_archive(tag, [layer])), tag, said.append)
        assert {each.layer for each in said} == {diff_id_of(layer).removeprefix("sha256:")[:12]}
        assert (said[-1].done_bytes, said[-1].total_bytes) == (len(layer), len(layer))
        await bench.engine.remove_image(tag)

    async def test_a_layer_that_is_nowhere_leaves_nothing_of_its_image(self, bench: Bench) -> None:
        upper, tag = layer_of({"nowhere": bench.appliance.encode()}), f"{bench.appliance}/half:1"
        with pytest.raises(EngineError, match=f"cannot load {tag}: .*no such file"):
            await bench.engine.load_archive(chunks_of(layered_archive(tag, [upper], without=[upper])), tag)
        assert (await bench.engine.observe([tag])).images == ()

    async def test_a_layer_that_is_another_than_its_image_says_is_refused(self, bench: Bench) -> None:
        right, wrong, tag = layer_of({"a": b"right"}), layer_of({"a": b"wrong"}), f"{bench.appliance}/wrong:1"
        with pytest.raises(EngineError, match="invalid diffID"):
            await bench.engine.load_archive(chunks_of(layered_archive(tag, [right], instead={right: wrong})), tag)
        assert (await bench.engine.observe([tag])).images == ()

    async def test_an_image_that_is_not_here_cannot_be_saved(self, bench: Bench) -> None:
        with pytest.raises(ImageMissingError, match=f"cannot save {bench.appliance}/nowhere"):
            async for _ in bench.engine.save_images([f"{bench.appliance}/nowhere:1"]):
                pass

    async def test_an_image_that_is_not_here_cannot_be_tagged(self, bench: Bench) -> None:
        with pytest.raises(ImageMissingError, match="is not on this machine"):
            await bench.engine.tag_image(f"{bench.appliance}/nowhere", f"{bench.appliance}:1")

    async def test_an_image_that_is_not_here_cannot_be_pushed(self, bench: Bench) -> None:
        reference = f"127.0.0.1:9/{bench.appliance}:1"
        with pytest.raises(ImageMissingError, match=f"cannot push {reference}: there is no such image"):
            async for _ in bench.engine.push_image(reference):
                pass

    async def test_an_image_that_cannot_be_pulled_is_named(self, bench: Bench) -> None:
        reference = f"127.0.0.1:9/{bench.appliance}:1"
        with pytest.raises(ImageMissingError, match=f"image '{reference}' .* cannot be pulled: the registry can't be"):
            async for _ in bench.engine.pull_image(reference):
                pass

    async def test_it_says_who_it_is(self, bench: Bench) -> None:
        info = await bench.engine.info()
        assert info.version
        assert info.api_version.startswith("1.")
        assert info.os == "linux"

    async def arrange_start_error(self, bench: Bench, message: str) -> None:
        """Only what can't be seen from a command needs arranging, and only on the fake."""

    async def now_s(self, bench: Bench) -> float:
        return time.time()

    async def pause(self, bench: Bench, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def await_line(self, bench: Bench, name: str, since: str) -> LogLine:
        async with aclosing(bench.engine.follow_logs(name, follow=True, since=since, timestamps=True)) as lines:
            return await anext(lines)

    async def await_event(self, bench: Bench, since_s: float, action: str) -> None:
        async with aclosing(bench.engine.follow_events(bench.appliance, since_s=since_s)) as events:
            async for event in events:
                if event.action == action:
                    return


class TestFakeEngine(EngineContract):
    @pytest.fixture
    def bench(self) -> Bench:
        engine = FakeEngine()
        engine.add_image(TEST_IMAGE)
        return Bench(engine, TEST_IMAGE)

    async def arrange_start_error(self, bench: Bench, message: str) -> None:
        fake = bench.engine
        assert isinstance(fake, FakeEngine)
        fake.break_start("web", message)

    async def now_s(self, bench: Bench) -> float:
        fake = bench.engine
        assert isinstance(fake, FakeEngine)
        return fake.clock.now().timestamp()

    async def pause(self, bench: Bench, seconds: float) -> None:
        fake = bench.engine
        assert isinstance(fake, FakeEngine)
        await fake.clock.sleep(seconds)


@pytest.mark.docker
class TestDockerEngine(EngineContract):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        engine = connect()
        try:
            await engine.info()
        except EngineUnreachableError as err:
            pytest.skip(err.message)
        bench = Bench(engine, await ensure_test_image(engine))
        try:
            yield bench
        finally:
            await bench.sweep()
            await engine.close()
