"""Everything asked at once, of an engine and a host in memory."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from msgspec.structs import replace

from boxship.checks.codes import CODES
from boxship.checks.report import Level, Report, Result, Severity, Verdict
from boxship.checks.run import Asked, Checker
from boxship.checks.services import found_of
from boxship.checks.tasks import HOST
from boxship.clock import SystemClock
from boxship.engine.port import ExecResult
from boxship.errors import EngineError, EngineUnreachableError, HostError
from boxship.execute.executor import execute
from boxship.host.disk import FileSystem
from boxship.host.memory import Memory
from boxship.host.proc import Finished
from boxship.plan.observed import ContainerState, Health
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import Desired, resolve
from boxship.plan.status import service_status
from boxship.spec.model import ExecProbe, Host, LogProbe, Service, StatusCheck, TcpProbe
from boxship.spec.model_checks import CertificateProbe, HostChecks, ProgramProbe, SqlProbe
from boxship.spec.model_files import Hidden, SharedFile
from tests.fakes.behaviour import Behaviour, Line
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.fakes.machine import GIB, FakeMachine
from tests.unit.execute.test_probes import free_port
from tests.unit.plan.given import appliance, running, service

ASK = ("ask", "it")
NO_CHECKS: Mapping[str, StatusCheck] = MappingProxyType({})


def check(name: str, probe: object, of: str = "web", *, soft: bool = False, timeout_s: float = 5.0) -> StatusCheck:
    return StatusCheck(name, of, probe, timeout_s, soft)  # type: ignore[arg-type]


class Bench:
    """An appliance that runs on a fake engine, and the host below it."""

    def __init__(
        self, *services: Service, checks: Mapping[str, StatusCheck] = NO_CHECKS, host: Host | None = None
    ) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.engine.add_image("img:1")
        self.engine.exec_results[("getent", "hosts", "web")] = ExecResult(0, "10.0.0.2 web")
        self.machine = FakeMachine()
        self.desired: Desired = resolve(appliance(*(services or (service("web"),))))
        self.asked = Asked(self.desired, dict(checks), host or Host(), version="1.2", directory=Path("/x"))

    async def up(self) -> None:
        plan = reconcile(self.desired, await self.engine.observe())
        await execute(plan, self.engine, lambda _: None, self.clock)

    async def find(self) -> Report:
        return await Checker(self.engine, self.machine, self.clock, self.asked).check()

    async def look(self) -> dict[tuple[str, str], Result]:
        await self.up()
        return {(each.subject, each.name): each for each in (await self.find()).results}


async def test_an_appliance_that_runs_is_ok_without_any_check() -> None:
    bench = Bench()
    await bench.up()
    report = await bench.find()
    assert (report.appliance, report.version, report.verdict, report.issues) == ("app", "1.2", Verdict.OK, ())
    assert {(each.subject, each.name) for each in report.results} == {
        ("web", "running"), ("web", "dns"), (HOST, "memory"), (HOST, "swap"), (HOST, "clock"), (HOST, "disk"),
    }  # fmt: skip


async def test_a_service_that_was_never_made_or_does_not_run_fails_the_whole() -> None:
    bench = Bench(service("web"), service("db"))
    report = await bench.find()
    assert [(issue.code, issue.context["service"]) for issue in report.issues] == [
        ("service.missing", "db"),
        ("service.missing", "web"),
    ]
    await bench.up()
    await bench.engine.kill_container("app.db")
    report = await bench.find()
    assert [issue.code for issue in report.issues] == ["service.stopped"]
    assert report.issues[0].suggestion.startswith("look at what it wrote: boxship logs --tail 50 db")
    assert report.verdict is Verdict.FAILED


async def test_what_does_not_run_is_not_asked() -> None:
    bench = Bench(checks={"port": check("port", TcpProbe(1))})
    await bench.up()
    await bench.engine.kill_container("app.web")
    (found,) = [each for each in (await bench.find()).results if each.name == "port"]
    assert (found.level, found.text, found.issue) == (Level.SKIPPED, "it doesn't run", None)


async def test_one_that_ended_well_has_failed_all_the_same_when_it_should_be_asked() -> None:
    bench = Bench(checks={"port": check("port", TcpProbe(1))})
    await bench.up()
    await bench.engine.stop_container("app.web")
    assert [(issue.code, issue.context["check"]) for issue in (await bench.find()).issues] == [
        ("service.stopped", "port")
    ]


@pytest.mark.parametrize(("soft", "verdict"), [(False, Verdict.FAILED), (True, Verdict.DEGRADED)])
async def test_a_failing_check_is_an_issue_with_a_code_a_context_and_a_next_step(
    *, soft: bool, verdict: Verdict
) -> None:
    bench = Bench(checks={"deep": check("deep", ExecProbe(ASK), soft=soft)})
    bench.engine.exec_results[ASK] = ExecResult(4, "starting\nthe disk is gone\n")
    await bench.up()
    report = await bench.find()
    (issue,) = report.issues
    assert (issue.code, issue.text) == ("check.exec", "ask exited 4: the disk is gone")
    assert issue.context == {"check": "deep", "subject": "web", "service": "web"}
    assert issue.severity is (Severity.WARNING if soft else Severity.ERROR)
    assert "boxship logs --tail 50 web" in issue.suggestion
    assert report.verdict is verdict


async def test_each_container_of_a_service_is_asked() -> None:
    bench = Bench(service("web", scale=3), checks={"deep": check("deep", ExecProbe(ASK))})
    bench.engine.exec_results[ASK] = ExecResult(0, "")
    found = await bench.look()
    assert [subject for subject, name in found if name == "deep"] == ["web", "web.2", "web.3"]


async def test_exit_statuses_that_are_good_can_be_chosen() -> None:
    bench = Bench(checks={"deep": check("deep", ExecProbe(ASK, (0, 3)))})
    bench.engine.exec_results[ASK] = ExecResult(3, "")
    assert (await bench.look())["web", "deep"].level is Level.OK


async def test_every_kind_of_question_finds_its_answer() -> None:
    sql = SqlProbe("sqlite3", "q", "/db", at_most=5)
    argv = ("sqlite3", "-batch", "-bail", "-noheader", "-readonly", "-separator", "\t", "/db", "q")
    checks = {
        "rows": check("rows", sql),
        "prog": check("prog", ProgramProbe(("prog",))),
        "none": check("none", LogProbe("Traceback", 60.0, is_absent=True)),
        "some": check("some", LogProbe("hello", 60.0)),
        "old": check("old", LogProbe("never", 60.0)),
        "boot": check("boot", LogProbe("ready")),
        "cert": check("cert", CertificateProbe(file="/c.pem")),
        "port": check("port", TcpProbe(free_port())),
    }
    bench = Bench(service("web", network_mode="host", networks={}), checks=checks)
    bench.engine.script("web", Behaviour(lines=(Line("hello"), Line("Traceback (most recent call last)", after_s=1))))
    bench.engine.exec_results[argv] = ExecResult(0, "6\n")
    bench.engine.exec_results["prog",] = ExecResult(1, "slow\n")
    bench.engine.exec_results["cat", "--", "/c.pem"] = ExecResult(1, "cat: /c.pem: No such file or directory\n")
    await bench.up()
    bench.clock.advance(10)
    found = {each.name: each for each in (await bench.find()).results}
    assert {name: (found[name].level, found[name].text) for name in checks} == {
        "rows": (Level.FAIL, "the query gives 6, more than 5"),
        "prog": (Level.WARN, "slow"),
        "none": (
            Level.FAIL,
            "'Traceback' is in the log, once in the last 1m, first: Traceback (most recent call last)",
        ),
        "some": (Level.OK, "hello"),
        "old": (Level.FAIL, "no line matches 'never' in the last 1m"),
        "boot": (Level.SKIPPED, "asked at boot only: it has no 'last'"),
        "cert": (Level.FAIL, "/c.pem: cat: /c.pem: No such file or directory"),
        "port": (Level.FAIL, f"port {checks['port'].probe.port}: connection refused"),  # type: ignore[union-attr]
    }
    assert found["rows"].values == {"sql_value": 6.0}
    codes = {each.issue.code for each in found.values() if each.issue is not None}
    assert codes <= CODES.keys()


async def test_lines_from_before_do_not_count() -> None:
    bench = Bench(checks={"none": check("none", LogProbe("ERROR", 60.0, is_absent=True))})
    bench.engine.script("web", Behaviour(lines=(Line("ERROR"),)))
    await bench.up()
    bench.clock.advance(61)
    (found,) = [each for each in (await bench.find()).results if each.name == "none"]
    assert found.level is Level.OK


async def test_a_command_that_hangs_is_given_up_in_its_time_and_ended() -> None:
    bench = Bench(checks={"slow": check("slow", ExecProbe(("sleep", "30")), timeout_s=0.05)})
    await bench.up()
    # From here on time is real, as the patience of a check is.
    bench.clock, bench.engine.clock = SystemClock(), SystemClock()  # type: ignore[assignment]
    (found,) = [each for each in (await bench.find()).results if each.name == "slow"]
    assert (found.level, found.text) == (Level.FAIL, "no answer within 0.05 s")
    assert found.issue is not None
    assert found.issue.code == "check.timeout"
    (session,) = [each for each in bench.engine.opened if each.argv[0] == "sleep"]
    assert (session.is_killed, session.is_closed) == (True, True)


async def test_an_endless_answer_is_cut_and_ended() -> None:
    bench = Bench(checks={"loud": check("loud", ProgramProbe(ASK))})
    bench.engine.exec_results[ASK] = ExecResult(0, "x" * 300_000)
    assert len((await bench.look())["web", "loud"].text) == 300
    assert [each.is_killed for each in bench.engine.opened if each.argv == ASK] == [True]


async def test_an_engine_that_refuses_one_question_spoils_no_other() -> None:
    checks = {"deep": check("deep", ExecProbe(ASK)), "log": check("log", LogProbe("x", 9.0, is_absent=True))}
    bench = Bench(checks=checks)
    await bench.up()
    bench.engine.faults.fail("open_exec", EngineError("cannot run 'ask' in app.web: no space left on device"))
    found = {each.name: each for each in (await bench.find()).results if each.subject == "web"}
    assert found["deep"].text == "cannot run 'ask' in app.web: no space left on device"
    assert found["log"].level is Level.OK


async def test_an_engine_that_is_gone_is_an_error_and_no_report() -> None:
    bench = Bench(checks={"deep": check("deep", ExecProbe(ASK))})
    await bench.up()
    bench.engine.faults.fail("open_exec", EngineUnreachableError("nobody answers"))
    with pytest.raises(EngineUnreachableError):
        await bench.find()


async def test_no_secret_is_ever_told() -> None:
    secret = SharedFile("db", "secret", value=Hidden("correct-horse"))
    web = service("web", environment={"API_TOKEN": "tok-12345", "LANG": "C.UTF-8"})
    bench = Bench(web, checks={"deep": check("deep", ExecProbe(ASK))})
    bench.asked = replace(bench.asked, desired=replace(bench.desired, secrets={"db": secret}))
    bench.engine.exec_results[ASK] = ExecResult(1, "login failed for correct-horse with tok-12345 in C.UTF-8\n")
    found = (await bench.look())["web", "deep"]
    assert found.text == "ask exited 1: login failed for **** with **** in C.UTF-8"
    assert found.issue is not None
    assert found.issue.text == found.text


async def test_the_host_is_judged_as_the_files_say() -> None:
    checks = HostChecks(time_server="time.example.com", dns_names=("good", "bad"), programs={"raid": ("./raid",)})
    host = Host(sysctl={"vm.a": "1", "vm.b": "2"}, ram_bytes=GIB, cpus=2, disk_bytes=GIB, checks=checks)
    bench = Bench(host=host)
    machine = bench.machine
    machine.memory_now = Memory(100, 1, 100, 1)
    machine.kernel = {"vm.a": "1", "vm.b": "0"}
    machine.needs = ("this host has 1 processors, the appliance needs 2",)
    machine.offset_s = 2.5
    machine.names = {"good": ("192.0.2.1",)}
    machine.programs["./raid",] = Finished(("./raid",), 2, "disk 3 is missing\n", "")
    machine.systems["/var/lib/docker"] = FileSystem("/var", 2, 99, 1, 0, 0)
    bench.engine.exec_results[("getent", "hosts", "good")] = ExecResult(0, "192.0.2.1 good")
    bench.engine.exec_results[("getent", "hosts", "bad")] = ExecResult(2, "")
    await bench.up()
    report = await bench.find()
    assert {(issue.code, issue.severity, issue.text) for issue in report.issues} == {
        ("host.memory", Severity.ERROR, "99 % of 100 B, 1 B available"),
        ("host.swap", Severity.ERROR, "99 % of 100 B"),
        ("host.sysctl", Severity.ERROR, "it is 0, not 2"),
        ("host.needs", Severity.WARNING, "this host has 1 processors, the appliance needs 2"),
        ("host.clock", Severity.WARNING, "2s behind time.example.com"),
        ("host.dns", Severity.ERROR, "bad has no address here"),
        ("network.dns", Severity.ERROR, "web can't look up bad"),
        ("host.program", Severity.ERROR, "disk 3 is missing"),
        ("host.disk", Severity.ERROR, "99 % of 100 B, 1 B left: engine"),
    }
    assert {issue.code for issue in report.issues} <= CODES.keys()


async def test_a_host_that_does_not_answer_is_told() -> None:
    checks = HostChecks(time_server="time.example.com", dns_names=("n",), programs={"raid": ("./raid",)})
    bench = Bench(host=Host(checks=checks))
    machine = bench.machine
    machine.memory_now = ValueError("/proc/meminfo tells no MemAvailable")
    machine.offset_s = OSError(113, "No route to host")
    machine.names["n"] = OSError("resolver is broken")
    machine.programs["./raid",] = HostError("./raid can't start: Permission denied")
    machine.systems["/var/lib/docker"] = PermissionError(13, "Permission denied")
    bench.engine.exec_results[("getent", "hosts", "n")] = ExecResult(127, "not found")
    bench.engine.exec_results[("nslookup", "n")] = ExecResult(1, "Name: n\nAddress 1: 192.0.2.1\n")
    found = await bench.look()
    assert {name: (each.level, each.text) for (subject, name), each in found.items() if subject == HOST} == {
        "memory": (Level.WARN, "/proc/meminfo tells no MemAvailable"),
        "swap": (Level.WARN, "/proc/meminfo tells no MemAvailable"),
        "clock": (Level.OK, ""),
        "disk": (Level.SKIPPED, "engine can't be looked at: Permission denied"),
        "time": (Level.WARN, "time.example.com: No route to host"),
        "dns": (Level.FAIL, "n: resolver is broken"),
        "raid": (Level.FAIL, "./raid can't start: Permission denied"),
    }
    assert found["web", "dns"].level is Level.OK


async def test_the_disks_of_another_machine_are_not_this_ones() -> None:
    bench = Bench()
    bench.asked = replace(bench.asked, is_local=False)
    found = await bench.look()
    assert [(name, each.level) for (subject, name), each in found.items() if subject == HOST] == [
        ("machine", Level.SKIPPED)
    ]


async def test_a_container_without_a_program_to_ask_with_is_skipped() -> None:
    bench = Bench()
    bench.engine.exec_results[("getent", "hosts", "web")] = ExecResult(127, "")
    bench.engine.exec_results[("nslookup", "web")] = ExecResult(126, "")
    found = (await bench.look())["web", "dns"]
    assert (found.level, found.text) == (Level.SKIPPED, "web has neither getent nor nslookup to ask with")


async def test_only_some_services_are_asked_and_some_checks_ignored() -> None:
    checks = {"a": check("a", ExecProbe(("true",))), "b": check("b", ExecProbe(("true",)), of="db")}
    bench = Bench(service("web"), service("db"), checks=checks)
    bench.asked = replace(bench.asked, services=frozenset({"db"}), ignored=frozenset({"running"}))
    assert list(await bench.look()) == [("db", "b")]


@pytest.mark.parametrize(
    ("state", "health", "is_answering", "level", "code"),
    [
        (ContainerState.RUNNING, Health.STARTING, False, Level.WARN, "service.unready"),
        (ContainerState.RUNNING, Health.STARTING, True, Level.OK, "service.unready"),
        (ContainerState.RUNNING, Health.UNHEALTHY, True, Level.FAIL, "service.unhealthy"),
        (ContainerState.RESTARTING, Health.NONE, False, Level.FAIL, "service.restarting"),
        (ContainerState.PAUSED, Health.NONE, False, Level.FAIL, "service.paused"),
        (ContainerState.CREATED, Health.NONE, False, Level.FAIL, "service.stopped"),
        (ContainerState.RUNNING, Health.HEALTHY, False, Level.OK, ""),
    ],
)
def test_a_containers_state_is_judged_and_a_good_answer_counts_while_its_health_is_still_open(
    state: ContainerState, health: Health, *, is_answering: bool, level: Level, code: str
) -> None:
    wanted = resolve(appliance(service("web")))
    (row,) = service_status(wanted, running(wanted, web={"state": state, "health": health}))
    found = found_of(row, is_answering=is_answering)
    assert (found.level, found.code) == (level, code)


async def test_a_container_that_is_no_longer_wanted_is_a_warning_while_it_runs() -> None:
    bench = Bench(service("web"), service("old"))
    await bench.up()
    bench.asked = replace(bench.asked, desired=resolve(appliance(service("web"))))
    report = await bench.find()
    assert [(each.code, each.severity) for each in report.issues] == [("service.extra", Severity.WARNING)]
    await bench.engine.stop_container("app.old")
    assert (await bench.find()).verdict is Verdict.OK
