"""A real Loader's doors as its containers find them, and as others don't: with a firewall, and on internal networks.

Everything is in the network of an engine of the tests' own; somebody outside has a wire to it.
"""

import json
import os
import re
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from boxship.engine.docker import connect
from boxship.engine.port import ExecResult
from boxship.host.iptables import DEADLINE_S
from boxship.host.own_rules import OwnRules
from boxship.host.proc import Finished, run
from boxship.host.reach import Reach
from boxship.host.reach_rules import Admitted, reach_chain
from boxship.plan.observed import ObservedContainer
from tests.contracts.images import TEST_IMAGE
from tests.integration.boxes import BOXSHIP, Box, run_aside
from tests.integration.loaders import LoaderBox, loader_box
from tests.integration.outside import HOST, Outside, outside_of
from tests.integration.private_engine import PrivateEngine, private_engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

VERSIONS = ("1.0.0", "2.0.0")
SERVICES = ("db", "web")
COMPOSE = """
services:
  web:
    image: ${TEST_IMAGE}
    init: true
    command: sleep 600
    stop_grace_period: 0s
    networks: [front, back]
  db:
    image: ${TEST_IMAGE}
    init: true
    command: sleep 600
    stop_grace_period: 0s
    networks: [back]
networks:
  front: {}
  back: {internal: true}
"""
NEIGHBOUR = """
services:
  stranger: {image: "${TEST_IMAGE}", init: true, command: sleep 600, stop_grace_period: 0s}
"""
FIREWALL = (
    ("-A", "INPUT", "-i", "lo", "-j", "ACCEPT"),
    ("-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT"),
)
HAS_IPV6 = Path("/proc/net/if_inet6").exists()
_DEADLINE_S = 60
_WAIT_S = 3
"""Nobody answers from behind a firewall: it says nothing."""


class Site:
    """A box whose Loader runs in the engine's network, somebody else's appliance beside it, and somebody outside."""

    def __init__(
        self, engine: PrivateEngine, outside: Outside, box: LoaderBox, neighbour: Box, options: tuple[str, ...]
    ) -> None:
        self.engine = engine
        self.outside = outside
        self.box = box
        self.neighbour = neighbour
        self.options = options
        """The Loader's."""
        self.chain = reach_chain(box.appliance)
        status, token = box.ask("POST", "/v1/tokens", {"name": "containers", "scopes": ["read"]})
        assert status == 201, token
        self._secret = token["secret"]

    def tool(self, *argv: str) -> str:
        done = subprocess.run([*self.engine.enter, *argv], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    @contextmanager
    def firewall(self) -> Iterator[None]:
        """As ufw's: what isn't known is dropped. Its rules come after those that are there."""
        for rule in FIREWALL:
            self.tool("iptables", *rule)
        self.tool("iptables", "-P", "INPUT", "DROP")
        try:
            yield
        finally:
            self.tool("iptables", "-P", "INPUT", "ACCEPT")
            for rule in FIREWALL:
                self.tool("iptables", "-D", *rule[1:])

    def containers(self) -> dict[str, ObservedContainer]:
        """Service -> the one that runs."""
        mine = self.box.observe().containers_of(self.box.appliance)
        return {each.service: each for each in mine if each.state == "running"}

    def gateways(self) -> list[str]:
        mine = [each for each in self.box.observe().networks if each.appliance == self.box.appliance]
        return [gateway for network in mine for gateway in network.gateways]

    def statuses(self, *headers: str) -> dict[str, str]:
        """What each container is answered by loader.service; "" for nothing."""
        url = f"http://loader.service:{self.box.api_port}/v1/boot"
        more = [word for header in headers for word in ("--header", header)]
        # wget's own -T ends this static one by a fault.
        argv = ("timeout", str(_WAIT_S), "wget", "-S", "-O", "/dev/null", *more, url)
        answers = {}
        for service, container in self.containers().items():
            found = re.search(r"HTTP/1\.1 (\d+)", self.run_in(container.name, argv))
            answers[service] = found[1] if found else ""
        return answers

    def run_in(self, name: str, argv: tuple[str, ...]) -> str:
        """What a command in a container says."""
        return run_aside(lambda: _exec(self.engine.address, name, argv)).output

    def assert_is_reached(self) -> None:
        """By every container, and only with a token."""
        token = f"Authorization: Bearer {self._secret}"
        reached = dict.fromkeys(SERVICES, "200")
        self.box.eventually(lambda: self.statuses(token) == reached, "each container reaches the Loader")
        assert self.statuses() == dict.fromkeys(SERVICES, "401")

    def assert_others_are_kept_out(self, *, answer: str) -> None:
        """The neighbour's container, and somebody outside who knows the way; at the unix socket nobody can come by."""
        stranger = self.neighbour.container("stranger")
        pid = run_aside(lambda: _pid(self.engine.address, stranger.name))
        for gateway in self.gateways():
            door = f"tcp,{gateway},{self.box.api_port},0"
            self.route_outside(gateway)
            assert self.outside.ask(door) == ["refused"]
            assert self.outside.ask_within(pid, door) == ["refused"]
        assert self.outside.ask(f"tcp,{HOST},{self.box.api_port},0") == [answer]

    def route_outside(self, gateway: str) -> None:
        route = [*self.outside.enter, "ip", "route", "replace", gateway, "via", HOST]
        subprocess.run(route, check=True, timeout=20)


async def _exec(address: str, name: str, argv: tuple[str, ...]) -> ExecResult:
    engine = connect(address)
    try:
        return await engine.run_exec(name, argv, timeout_s=20)
    finally:
        await engine.close()


async def _pid(address: str, name: str) -> int:
    engine = connect(address)
    try:
        return (await engine.inspect_container(name)).pid
    finally:
        await engine.close()


async def _remove(address: str, name: str) -> None:
    engine = connect(address)
    try:
        await engine.remove_container(name)
    finally:
        await engine.close()


def make_releases(name: str, folder: Path, environment: dict[str, str]) -> Path:
    source, releases = folder / "source", folder / "releases"
    source.mkdir()
    (source / "compose.yaml").write_text(COMPOSE)
    for version in VERSIONS:
        (source / "appliance.yaml").write_text(json.dumps({"name": name, "version": version, "app": "compose.yaml"}))
        argv = [*BOXSHIP, "release", "create", "--output", str(releases)]
        done = subprocess.run(
            argv, cwd=source, env=os.environ | environment, capture_output=True, timeout=_DEADLINE_S, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
    return releases


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, name = tmp_path_factory.mktemp("reach"), f"bxreach-{uuid.uuid4().hex[:8]}"
    with ExitStack() as ending:
        engine = ending.enter_context(private_engine())
        outside = ending.enter_context(outside_of(engine))
        environment = {"TEST_IMAGE": TEST_IMAGE, "DOCKER_HOST": engine.address}
        beside = folder / "beside"
        beside.mkdir()
        neighbour = Box(f"{name}-beside", beside, environment)
        neighbour.write(NEIGHBOUR)
        neighbour.run("up", "-d").must()
        options = ("--source", f"dir:{make_releases(name, folder, environment)}")
        # Its network alone: a process of another process namespace could not see its own files in /proc.
        box = ending.enter_context(loader_box(name, folder, environment, *options, enter=engine.enter[:4]))
        box.to(VERSIONS[0])
        yield Site(engine, outside, box, neighbour, options)


def test_every_container_reaches_the_loader_by_name_and_needs_a_token(site: Site) -> None:
    assert len(site.gateways()) >= len(SERVICES), "one for each network"
    site.assert_is_reached()
    site.assert_others_are_kept_out(answer="refused")


def test_behind_a_firewall_that_drops_it_is_the_same(site: Site) -> None:
    with site.firewall():
        site.assert_is_reached()
        site.assert_others_are_kept_out(answer="silent")


def test_the_rules_outlive_the_loader_and_the_next_one_mends_them(site: Site) -> None:
    with site.firewall():
        rules = site.tool("iptables", "-S", site.chain)
        assert site.box.end() == 0
        assert site.tool("iptables", "-S", site.chain) == rules
        # As a firewall does that is loaded anew.
        site.tool("iptables", "-D", "INPUT", "-j", site.chain)
        site.tool("iptables", "-A", "INPUT", "-j", site.chain)
        site.tool("iptables", "-F", site.chain)
        assert site.statuses() == dict.fromkeys(SERVICES, "")
        site.box.start(*site.options)
        site.assert_is_reached()
        assert site.tool("iptables", "-S", site.chain) == rules
        assert site.tool("iptables", "-S", "INPUT").splitlines()[1] == f"-A INPUT -j {site.chain}"


def test_the_containers_of_a_new_generation_reach_it_on_their_new_networks(site: Site) -> None:
    before, old = set(site.gateways()), site.containers()
    version = VERSIONS[1] if site.box.boot()["tag"] == VERSIONS[0] else VERSIONS[0]
    with site.firewall():
        assert site.box.pull(version)["status"] == "done"
        switched = site.box.switch(version, allow_downgrade=True)
        assert switched["status"] == "done", switched
        assert {each.id for each in site.containers().values()}.isdisjoint(each.id for each in old.values())
        assert set(site.gateways()) - before
        site.assert_is_reached()
        site.assert_others_are_kept_out(answer="silent")


def test_a_container_that_is_made_anew_still_knows_where_the_loader_is(site: Site) -> None:
    old = site.containers()["db"]
    run_aside(lambda: _remove(site.engine.address, old.name))

    def made_anew() -> bool:
        found = site.containers().get("db")
        return found is not None and found.id != old.id

    site.box.eventually(made_anew, "the Loader makes it anew")
    # Nothing else may begin before that.
    site.box.booted()
    site.assert_is_reached()


@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_each_backend_keeps_the_rules_as_they_were_written_and_gives_them_back(backend: str) -> None:
    """Which one it is follows from where the engine's chain is; here it is made by hand."""
    argv = ["unshare", "--net", "sh", "-c", "echo here; exec cat"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"here\n"
        enter = ("nsenter", "--target", str(holder.pid), "--net")
        made = subprocess.run(
            [*enter, f"iptables-{backend}", "-t", "nat", "-N", "DOCKER"], capture_output=True, check=False
        )
        if made.returncode != 0:
            pytest.skip(f"this kernel has no iptables-{backend}")
        families = ("iptables", "ip6tables") if HAS_IPV6 else ("iptables",)
        writes = []

        async def run_there(argv: Sequence[str], stdin: bytes) -> Finished:
            writes.extend(stdin.splitlines())
            return await run([*enter, *argv], timeout_s=DEADLINE_S, stdin=stdin)

        def save() -> str:
            saves = [[*enter, f"{family}-{backend}-save"] for family in families]
            return "".join(subprocess.run(each, check=True, capture_output=True, text=True).stdout for each in saves)

        reach = Reach("share", run_there)
        admitted = [Admitted("10.1.0.0/24", "10.1.0.1"), Admitted("fd00:1::/64", "fd00:1::1")]
        assert run_aside(lambda: reach.admit(admitted, 8481)) == ""
        assert save().count("-j ACCEPT") == len(families)
        written = len(writes)
        assert run_aside(lambda: reach.admit(admitted, 8481)) == ""
        assert len(writes) == written, "what is there is not written again"
        assert run_aside(OwnRules("share", run_there).clear) == ("removed the firewall rules for loader.service",)
        assert "BOXSHIP" not in save()
        holder.stdin.close()
