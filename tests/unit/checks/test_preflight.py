"""Everything that must hold before a start, of an engine and a machine in memory."""

import errno
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from msgspec.structs import replace

from boxship.checks.codes import CODES
from boxship.checks.ground import is_older, judge_port, named
from boxship.checks.preflight import Preflight, ask_preflight
from boxship.checks.report import Found, Level, Report, Result, Verdict
from boxship.checks.tasks import HOST, Task
from boxship.engine.port import EngineInfo
from boxship.errors import EngineUnreachableError, HostError
from boxship.execute.executor import execute
from boxship.host.disk import FileSystem
from boxship.host.modules import ModuleState
from boxship.host.ports import Listener
from boxship.host.proc import Finished
from boxship.operate.preflight import preflight_of, refusal_of
from boxship.plan.gated import GatedPort
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import resolve
from boxship.spec.model import Host, HttpProbe, Port, PreflightCheck
from boxship.spec.model_checks import HostChecks, ProgramProbe
from boxship.spec.model_preflight import ContainerProbe
from tests.fakes.behaviour import Behaviour, Line
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.fakes.machine import GIB, FakeMachine
from tests.unit.plan.given import appliance, service

NOTHING: Mapping[str, PreflightCheck] = MappingProxyType({})
WEB = replace(
    service("web"), ports=(Port(8000, "80"), Port(53, "53", "udp", host_ip="127.0.0.1"), Port(1, "9000-9009"))
)
ASK = ("ask", "it")


class Bench:
    """An appliance, and a place to start it."""

    def __init__(self, checks: Mapping[str, PreflightCheck] = NOTHING, host: Host | None = None) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.engine.add_image("img:1")
        self.machine = FakeMachine()
        self.desired = resolve(appliance(WEB))
        self.asked = Preflight(self.desired, checks, host or Host(), version="1.2", directory=Path("/x"))

    async def report(self, *more: Task) -> Report:
        return await ask_preflight(self.engine, self.machine, self.clock, self.asked, more)

    async def look(self) -> dict[str, Result]:
        """By what it is about, else by its name."""
        return {each.labels.get("name", each.name): each for each in (await self.report()).results}

    async def up(self) -> None:
        plan = reconcile(self.desired, await self.engine.observe())
        await execute(plan, self.engine, lambda _: None, self.clock)


async def test_a_place_where_all_is_well() -> None:
    report = await Bench().report()
    assert (report.appliance, report.version, report.verdict) == ("app", "1.2", Verdict.OK)
    assert [(each.name, each.labels.get("name", "")) for each in report.results] == [
        ("engine", ""), ("kernel", ""), ("memory", ""), ("clock", ""), ("disk", ""),
        ("port", "127.0.0.1:53/udp"), ("port", "80/tcp"),
    ]  # fmt: skip
    assert refusal_of(report) is None


async def test_an_engine_that_does_not_answer_is_a_finding() -> None:
    bench = Bench({"a": PreflightCheck("a", ContainerProbe("web", ASK))})
    bench.engine.faults.fail("info", EngineUnreachableError("nobody answers at /run/docker.sock"))
    found = await bench.look()
    assert (found["engine"].level, found["engine"].text) == (Level.FAIL, "nobody answers at /run/docker.sock")
    assert found["engine"].issue is not None
    assert found["engine"].issue.code == "host.engine"
    assert found["a"].level is Level.SKIPPED


async def test_a_machine_that_is_too_old_or_too_small_fails() -> None:
    host = Host(
        kernel="6.2", engine="99", modules=("overlay", "nbd", "zram"), ram_bytes=GIB, disk_bytes=100 * GIB,
        sysctl={"vm.x": "1"}, checks=HostChecks(dns_names=("a.example.com",), time_server="time.example.com"),
    )  # fmt: skip
    bench = Bench(host=host)
    bench.machine.needs = ("this host has 0.5 GiB of RAM, the appliance needs 1",)
    bench.machine.kernel = {"vm.x": "0"}
    bench.machine.modules = {"overlay": ModuleState.THERE, "zram": ModuleState.UNKNOWN}
    bench.machine.offset_s = 90.0
    found = await bench.look()
    told = {name: (each.level, each.issue.code if each.issue else "") for name, each in found.items()}
    bad = {name: code for name, (level, code) in told.items() if level is Level.FAIL}
    assert bad == {
        "engine": "host.engine", "kernel": "host.kernel", "nbd": "host.module", "needs": "host.needs",
        "room": "host.room", "vm.x": "host.sysctl", "a.example.com": "host.dns", "time": "host.clock",
    }  # fmt: skip
    assert found["zram"].level is Level.SKIPPED
    assert set(bad.values()) <= set(CODES)
    nbd = found["nbd"].issue
    assert nbd is not None
    assert nbd.suggestion == "load it: sudo modprobe nbd"


async def test_free_space_is_demanded_only_until_it_is_installed() -> None:
    bench = Bench(host=Host(disk_bytes=100 * GIB))
    assert (await bench.look())["room"].level is Level.FAIL
    await bench.up()
    assert (await bench.look())["room"].level is Level.OK


async def test_a_full_disk_fails() -> None:
    bench = Bench()
    bench.machine.systems[await bench.engine.data_root()] = FileSystem("/var", 7, 99 * GIB, GIB)
    assert (await bench.look())["disk"].level is Level.FAIL


async def test_who_has_a_port_is_named() -> None:
    bench = Bench()
    bench.machine.listening = (
        Listener("tcp", "::", 80, 4242, "nginx"),
        Listener("udp", "192.0.2.1", 53, 1, "dns"),
        Listener("tcp", "127.0.0.1", 53),
    )
    found = await bench.look()
    assert (found["80/tcp"].level, found["80/tcp"].text) == (Level.FAIL, "nginx (process 4242) has it")
    assert found["127.0.0.1:53/udp"].level is Level.OK


async def test_a_holder_that_may_not_be_looked_at_is_a_holder_all_the_same() -> None:
    bench = Bench()
    bench.machine.listening = (Listener("tcp", "0.0.0.0", 80),)
    found = (await bench.look())["80/tcp"]
    assert (found.level, found.text) == (Level.FAIL, "a program of this host that can't be looked at from here has it")


async def test_a_port_of_an_own_container_is_free_to_be_taken_over() -> None:
    bench = Bench()
    await bench.up()
    # The engine's helper listens for the container.
    bench.machine.listening = (Listener("tcp", "0.0.0.0", 80, 9, "docker-proxy"),)
    found = (await bench.look())["80/tcp"]
    assert (found.level, found.text) == (Level.OK, "the container app.web has it, of this appliance")


async def test_a_port_of_another_appliances_container_is_not() -> None:
    bench = Bench()
    await bench.up()
    bench.asked = replace(bench.asked, desired=replace(bench.desired, appliance="other"))
    found = (await bench.look())["80/tcp"]
    assert (found.level, found.text) == (Level.FAIL, "the container app.web has it")


async def test_ports_that_can_not_be_looked_at_are_a_warning() -> None:
    bench = Bench()
    bench.machine.listening = OSError(errno.EACCES, "Permission denied")
    assert (await bench.look())["80/tcp"].level is Level.WARN


async def test_an_engine_elsewhere_is_asked_and_its_machine_is_not() -> None:
    bench = Bench()
    bench.asked = replace(bench.asked, is_local=False)
    assert {name: each.level for name, each in (await bench.look()).items()} == {
        "engine": Level.OK,
        "machine": Level.SKIPPED,
    }


@pytest.mark.parametrize(("status", "level"), [(0, Level.OK), (1, Level.WARN), (2, Level.FAIL)])
async def test_a_program_of_the_machine_says_how_it_is(status: int, level: Level) -> None:
    bench = Bench({"storage": PreflightCheck("storage", ProgramProbe(ASK))})
    bench.machine.programs[ASK] = Finished(ASK, status, "as it is\n", "")
    found = (await bench.look())["storage"]
    assert (found.subject, found.level, found.text) == (HOST, level, "as it is")


async def test_a_soft_check_only_warns() -> None:
    bench = Bench({"storage": PreflightCheck("storage", ProgramProbe(ASK), is_soft=True)})
    bench.machine.programs[ASK] = HostError("ask it can't start: ask is not installed")
    report = await bench.report()
    assert report.verdict is Verdict.DEGRADED
    assert refusal_of(report) is None


async def test_a_url_that_nobody_answers_fails() -> None:
    bench = Bench({"up": PreflightCheck("up", HttpProbe("http://127.0.0.1:1/"), timeout_s=5)})
    found = (await bench.look())["up"]
    assert found.level is Level.FAIL
    assert found.issue is not None
    assert found.issue.code == "preflight.http"


async def test_a_command_runs_in_a_container_of_its_own_that_is_gone_after_it() -> None:
    bench = Bench({"license": PreflightCheck("license", ContainerProbe("web", ASK))})
    bench.engine.script("web", Behaviour(exits_after_s=1.0, exit_code=2, lines=(Line("it has expired"),)))
    found = (await bench.look())["license"]
    assert (found.subject, found.kind, found.level, found.text) == ("web", "command", Level.FAIL, "it has expired")
    assert found.issue is not None
    assert found.issue.code == "preflight.command"
    assert (await bench.engine.observe()).containers == ()


async def test_a_command_that_never_ends_is_late_and_gone() -> None:
    bench = Bench({"license": PreflightCheck("license", ContainerProbe("web", ASK), timeout_s=0.01)})
    bench.engine.script("web", Behaviour())
    found = (await bench.look())["license"]
    assert (found.level, found.text) == (Level.FAIL, "no answer within 0.01 s")
    assert (await bench.engine.observe()).containers == ()


async def test_a_command_waits_for_its_image() -> None:
    bench = Bench({"license": PreflightCheck("license", ContainerProbe("web", ASK))})
    await bench.engine.remove_image("img:1")
    assert (await bench.look())["license"].level is Level.SKIPPED


async def test_a_dry_run_starts_nothing() -> None:
    checks = {
        "license": PreflightCheck("license", ContainerProbe("web", ASK)),
        "storage": PreflightCheck("storage", ProgramProbe(ASK)),
    }
    bench = Bench(checks)
    bench.asked = replace(bench.asked, may_run=False)
    found = await bench.look()
    assert (found["license"].level, found["storage"].level) == (Level.SKIPPED, Level.SKIPPED)


async def test_whoever_asks_may_ask_more() -> None:
    async def ask() -> Found:
        return Found(Level.FAIL, "2 images are missing", "host.room")

    report = await Bench().report(Task("images", HOST, "images", ask, 1.0))
    error = refusal_of(report)
    assert error is not None
    assert error.message == "one thing speaks against it: images: 2 images are missing (make room, or enlarge the disk)"
    assert error.reasons == ("images: 2 images are missing (make room, or enlarge the disk)",)


async def test_all_that_speaks_against_it_is_told() -> None:
    bench = Bench(host=Host(kernel="99", modules=("nbd",)))
    error = refusal_of(await bench.report())
    assert error is not None
    assert error.message.startswith("2 things speak against it: kernel: ")
    assert error.reasons[1].startswith("module nbd: ")


def test_it_is_asked_for_one_target() -> None:
    made = replace(appliance(WEB), preflight={"a": PreflightCheck("a", ProgramProbe(ASK))})
    asked = preflight_of(made, is_local=False)
    assert (list(asked.checks), asked.is_local, asked.desired.appliance) == (["a"], False, "app")


@pytest.mark.parametrize(
    ("version", "least", "older"),
    [
        ("6.1.0-18-amd64", "5.10", False),
        ("5.9", "5.10", True),
        ("20.10.24+dfsg1", "20.10", False),
        ("6.1", "6.1.0", False),
        ("20.10.24+dfsg1", "23", True),
        ("dev", "1", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, least: str, older: bool) -> None:
    assert is_older(version, least) is older


def test_ports_are_named_as_people_write_them() -> None:
    assert named(GatedPort(80, address="::1")) == "[::1]:80/tcp"
    assert judge_port(GatedPort(80), ()).text == "free"
    assert EngineInfo("20.10", "1.41").version == "20.10"
