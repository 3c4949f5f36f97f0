"""The gate on a real engine, asked from outside, from the host and from containers."""

import re
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from boxship.engine.docker import connect
from boxship.engine.port import ContainerDetail
from boxship.host.gate import Closed, Gate, GateReport, Opened
from boxship.host.iptables import DEADLINE_S, find_gate
from boxship.host.proc import Finished, run
from boxship.plan.gated import GatedPort
from tests.contracts.images import TEST_IMAGE
from tests.integration.boxes import Box, run_aside
from tests.integration.outside import HOST, HOST_V6, Outside, outside_of
from tests.integration.private_engine import PrivateEngine, private_engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

PAGE = 18099
PORTS = (
    GatedPort(80, shows_page=True),
    GatedPort(9000),
    GatedPort(9001, "udp"),
    GatedPort(9002, address="127.0.0.1"),
)
WEB = """
services:
  web:
    image: ${TEST_IMAGE}
    init: true
    command: sleep 600
    stop_grace_period: 0s
    ports: ["80:8000", "9000:9000", "9001:9001/udp", "127.0.0.1:9002:9000", "9100:9000"]
  other:
    image: ${TEST_IMAGE}
    init: true
    command: sleep 600
    stop_grace_period: 0s
"""
FROM_OUTSIDE = (f"tcp,{HOST},80,0", f"tcp,{HOST},9000,0", f"udp,{HOST},9001,0")
V6_FROM_OUTSIDE = (f"tcp,{HOST_V6},80,0", f"tcp,{HOST_V6},9000,0")
FROM_THE_HOST = ("tcp,127.0.0.1,80,0", f"tcp,{HOST},80,0", "tcp,127.0.0.1,9000,0", "tcp,127.0.0.1,9002,0")
HAS_IPV6 = Path("/proc/net/if_inet6").exists()
UNTOUCHED = re.compile(r"\*\w+\n(?::\w+ ACCEPT \n)*COMMIT")


class Site:
    """An engine's host with a wire to the outside, and an appliance on it."""

    def __init__(self, engine: PrivateEngine, outside: Outside, box: Box) -> None:
        self.engine = engine
        self.outside = outside
        self.box = box

    def gate(self) -> Gate:
        """A new one, as of a Loader that has just started: nothing is remembered."""

        async def run_there(argv: Sequence[str], stdin: bytes) -> Finished:
            return await run([*self.engine.enter, *argv], timeout_s=DEADLINE_S, stdin=stdin, stdout_bytes=2**24)

        return run_aside(lambda: find_gate(self.box.name, run_there))

    def close(self) -> GateReport:
        gate = self.gate()
        return run_aside(lambda: gate.close(PORTS, PAGE))

    def tool(self, *argv: str) -> str:
        done = subprocess.run([*self.engine.enter, *argv], check=True, capture_output=True, text=True, timeout=20)
        return done.stdout

    def rules(self, *, of_others: bool = False) -> str:
        """Everything that there is, or all but the gate's lines; without counters and times.

        A table in which nothing is said is left out: the kernel lists one only once somebody has looked at it.
        """
        saved = (self.tool(f"{family}-save") for family in ("iptables", "ip6tables"))
        plain = "".join(re.sub(r"^#.*\n|\[\d+:\d+\]", "", text, flags=re.MULTILINE) for text in saved)
        lines = (line for line in plain.splitlines() if not (of_others and "BOXSHIP" in line))
        tables = re.findall(r"^\*.*?^COMMIT$", "\n".join(lines), re.MULTILINE | re.DOTALL)
        return "\n".join(table for table in tables if not UNTOUCHED.fullmatch(table))

    def pid(self, service: str) -> int:
        return self.detail(service).pid

    def detail(self, service: str) -> ContainerDetail:
        return run_aside(lambda: _inspect(self.engine.address, f"{self.box.name}.{service}"))

    @contextmanager
    def app(self) -> Iterator[None]:
        """What the service does, by a server that is started into its network."""
        with self.outside.serving("app", "8000,9000", "9001", container_pid=self.pid("web")):
            yield


async def _inspect(address: str, name: str) -> ContainerDetail:
    engine = connect(address)
    try:
        return await engine.inspect_container(name)
    finally:
        await engine.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with private_engine() as engine, outside_of(engine) as outside, outside.serving("page", str(PAGE)):
        folder = tmp_path_factory.mktemp("gate")
        box = Box(f"bxgate-{uuid.uuid4().hex[:8]}", folder, {"TEST_IMAGE": TEST_IMAGE, "DOCKER_HOST": engine.address})
        box.write(WEB)
        box.run("up", "-d").must()
        yield Site(engine, outside, box)


@pytest.fixture(autouse=True)
def _opened(site: Site) -> Iterator[None]:
    """Each test begins and ends with an open gate and a running engine."""
    site.engine.start()
    before = site.rules()
    yield
    gate = site.gate()
    run_aside(gate.open)
    assert "BOXSHIP" not in site.rules()
    assert "BOXSHIP" not in before


def test_a_closed_gate_shows_the_page_and_refuses_all_else_until_it_opens(site: Site) -> None:
    with site.app():
        assert site.outside.ask(*FROM_OUTSIDE) == ["app", "app", "app"]
        report = site.close()
        assert report.is_closed
        assert report.holes == ()
        assert site.outside.ask(*FROM_OUTSIDE) == ["page", "refused", "refused"]
        assert site.outside.ask_from_host(*FROM_THE_HOST) == ["page", "page", "refused", "refused"]
        run_aside(site.gate().open)
        assert site.outside.ask(*FROM_OUTSIDE) == ["app", "app", "app"]
        assert site.outside.ask_from_host(*FROM_THE_HOST) == ["app", "app", "app", "app"]


@pytest.mark.skipif(not HAS_IPV6, reason="this kernel has no IPv6")
def test_it_is_closed_over_ipv6_as_well(site: Site) -> None:
    with site.app():
        assert site.outside.ask(*V6_FROM_OUTSIDE) == ["app", "app"]
        site.close()
        assert site.outside.ask(*V6_FROM_OUTSIDE) == ["page", "refused"]
        assert site.outside.ask_from_host("tcp,::1,80,0", "tcp,::1,9000,0") == ["page", "refused"]
        run_aside(site.gate().open)
        assert site.outside.ask(*V6_FROM_OUTSIDE) == ["app", "app"]


def test_containers_and_the_host_reach_each_other_by_their_own_addresses(site: Site) -> None:
    (address,) = site.detail("web").addresses.values()
    other = site.pid("other")
    (gateway,) = re.findall(r"via (\S+)", site.tool("nsenter", "--target", str(other), "--net", "ip", "route"))
    with site.app():
        site.close()
        assert site.outside.ask_from_host(f"tcp,{address},8000,0") == ["app"]
        assert site.outside.ask_within(other, f"tcp,{address},8000,0", f"tcp,{address},9000,0") == ["app", "app"]
        # By a published port a container comes from outside, too.
        assert site.outside.ask_within(other, f"tcp,{gateway},80,0", f"tcp,{HOST},9000,0") == ["page", "refused"]


def test_ports_that_are_not_named_stay_open(site: Site) -> None:
    with site.app(), site.outside.serving("ssh", "2222"):
        site.close()
        assert site.outside.ask(f"tcp,{HOST},9100,0", f"tcp,{HOST},2222,0") == ["app", "ssh"]


def test_an_open_connection_stays_with_the_old_release(site: Site) -> None:
    with site.app(), site.outside.connected(HOST, 9000) as talker:
        assert talker.stdin is not None
        assert talker.stdout is not None
        site.close()
        print(file=talker.stdin, flush=True)
        assert talker.stdout.readline() == "app\n"


def test_a_connection_to_the_page_stays_with_the_page_until_it_ends(site: Site) -> None:
    """The kernel keeps to what a connection began with: the page's server has to end each of them."""
    site.close()
    with site.app(), site.outside.connected(HOST, 80) as talker:
        assert talker.stdin is not None
        assert talker.stdout is not None
        run_aside(site.gate().open)
        print(file=talker.stdin, flush=True)
        assert talker.stdout.readline() == "page\n"
        assert site.outside.ask(f"tcp,{HOST},80,0") == ["app"]


def test_an_old_flow_of_udp_does_not_lead_past_the_gate(site: Site) -> None:
    # The kernel remembers where the first packet went, and sends those after it the same way.
    flow = f"udp,{HOST},9001,40001"
    with site.app():
        assert site.outside.ask(flow) == ["app"]
        site.close()
        assert site.outside.ask(flow) == ["refused"]
        run_aside(site.gate().open)
        assert site.outside.ask(flow) == ["app"]


def test_a_new_gate_finds_the_one_of_a_loader_that_was_killed(site: Site) -> None:
    site.close()
    assert run_aside(site.gate().state) == Closed()
    with site.app():
        run_aside(site.gate().open)
        assert run_aside(site.gate().state) == Opened()
        assert site.outside.ask(*FROM_OUTSIDE) == ["app", "app", "app"]


def test_closing_again_changes_nothing_and_another_set_replaces_the_first(site: Site) -> None:
    gate = site.gate()
    run_aside(lambda: gate.close(PORTS, PAGE))
    first = site.rules()
    run_aside(lambda: gate.close(PORTS, PAGE))
    assert site.rules() == first
    # The other port is nobody's yet, as on a first start.
    run_aside(lambda: gate.close([GatedPort(9100), GatedPort(8085, shows_page=True)], PAGE))
    with site.app():
        asked = site.outside.ask(*FROM_OUTSIDE, f"tcp,{HOST},9100,0", f"tcp,{HOST},8085,0")
        assert asked == ["app", "app", "app", "refused", "page"]


def test_rules_of_others_stay_as_they_are(site: Site) -> None:
    foreign = (
        ("iptables", "-N", "THEIRS"),
        ("iptables", "-A", "THEIRS", "-s", "192.0.2.0/24", "-j", "DROP"),
        ("iptables", "-A", "INPUT", "-j", "THEIRS"),
        ("iptables", "-I", "DOCKER-USER", "-s", "192.0.2.7", "-j", "DROP"),
        (
            "iptables",
            "-t",
            "nat",
            "-I",
            "PREROUTING",
            "-p",
            "tcp",
            "--dport",
            "2022",
            "-j",
            "REDIRECT",
            "--to-ports",
            "22",
        ),
    )
    for argv in foreign:
        site.tool(*argv)
    before = site.rules()
    assert before.count("THEIRS") == 3
    site.close()
    assert site.rules(of_others=True) == before
    run_aside(site.gate().open)
    assert site.rules() == before


def test_an_engine_that_starts_anew_leaves_it_closed(site: Site) -> None:
    gate = site.gate()
    run_aside(lambda: gate.close(PORTS, PAGE))
    site.engine.kill()
    site.engine.start()
    site.box.run("up", "-d").must()
    assert run_aside(gate.is_intact)
    with site.app():
        assert site.outside.ask(*FROM_OUTSIDE) == ["page", "refused", "refused"]


@pytest.mark.parametrize(
    "damage",
    [
        ("iptables", "-t", "nat", "-F", "PREROUTING"),
        ("iptables", "-I", "INPUT", "-j", "ACCEPT"),
        ("iptables", "-F", "DOCKER-USER"),
        ("iptables", "-t", "nat", "-I", "PREROUTING", "-m", "addrtype", "--dst-type", "LOCAL", "-j", "DOCKER"),
    ],
    ids=" ".join,
)
def test_what_others_damage_is_noticed_and_repaired(site: Site, damage: tuple[str, ...]) -> None:
    gate = site.gate()
    with site.app():
        run_aside(lambda: gate.close(PORTS, PAGE))
        assert run_aside(gate.mend) == ()
        site.tool(*damage)
        assert not run_aside(gate.is_intact)
        assert run_aside(gate.mend)
        assert run_aside(gate.is_intact)
        assert site.outside.ask(*FROM_OUTSIDE) == ["page", "refused", "refused"]
    if "ACCEPT" in damage:
        site.tool("iptables", "-D", "INPUT", "-j", "ACCEPT")


def test_a_firewall_that_drops_lets_the_page_through_and_nothing_else(site: Site) -> None:
    site.tool("iptables", "-P", "INPUT", "DROP")
    site.tool("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
    try:
        site.close()
        assert site.outside.ask(*FROM_OUTSIDE, f"tcp,{HOST},{PAGE},0") == ["page", "refused", "refused", "silent"]
    finally:
        site.tool("iptables", "-P", "INPUT", "ACCEPT")
        site.tool("iptables", "-D", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")


@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_each_backend_keeps_and_gives_back_the_rules(backend: str) -> None:
    """Which one it is follows from where the engine's chain is; here it is made by hand."""
    argv = ["unshare", "--net", "sh", "-c", "echo here; exec cat"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        enter = ("nsenter", "--target", str(holder.pid), "--net")
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"here\n"

        async def run_there(argv: Sequence[str], stdin: bytes) -> Finished:
            return await run([*enter, *argv], timeout_s=DEADLINE_S, stdin=stdin)

        def save() -> str:
            saved = subprocess.run([*enter, f"iptables-{backend}-save"], check=True, capture_output=True, text=True)
            return saved.stdout

        made = subprocess.run(
            [*enter, f"iptables-{backend}", "-t", "nat", "-N", "DOCKER"], capture_output=True, check=False
        )
        if made.returncode != 0:
            pytest.skip(f"this kernel has no iptables-{backend}")
        gate = run_aside(lambda: find_gate("share", run_there))
        report = run_aside(lambda: gate.close(PORTS, PAGE))
        assert report == GateReport(is_closed=True, by=f"iptables-{backend}")
        assert save().count("BOXSHIP-GATE") > 10
        assert run_aside(gate.is_intact)
        assert run_aside(lambda: gate.close(PORTS, PAGE)) == report
        run_aside(gate.open)
        assert "BOXSHIP" not in save()
