"""A box from its release to the last day: installed, started by sail, upgraded Loader and all, taken away again.

With the real platform image on an engine of its own, and with nothing but what install wrote.
"""

import contextlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from boxship.errors import HostError
from boxship.host.chains import Family
from boxship.host.gate_rules import chain_names
from boxship.host.iptables import Iptables, find_gate
from boxship.host.proc import Finished, run
from boxship.plan.gated import GatedPort
from tests.integration.boxes import BOXSHIP, run_aside
from tests.integration.handing import APPLIANCE, PORT, Releases, make_handing_releases
from tests.integration.private_engine import STATE
from tests.integration.private_host import PrivateHost, private_host

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="mmdebstrap is not installed"),
]
PAGE = f"http://127.0.0.1:{PORT}/"
SYSTEMD = r"""
set -e
mkdir -p /run/systemd/system
printf '#!/bin/sh\necho "$*" >>/etc/asked\n' >/usr/local/bin/systemctl
chmod 755 /usr/local/bin/systemctl
"""
"""A stand-in that says what it was asked."""
LOADER = f"boxship-loader-{APPLIANCE}"


@pytest.fixture(scope="module")
def releases() -> Releases:
    return make_handing_releases(STATE)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[PrivateHost]:
    with private_host(tmp_path) as made:
        yield made


def install(host: PrivateHost, releases: Releases, version: str) -> str:
    return host.boxship("install", "--release", f"dir:{releases.folder}", version)


def answers(host: PrivateHost, version: str) -> None:
    host.eventually(lambda: host.fetch(PAGE) == f"{version}\n", f"{version} answers")


def ready(host: PrivateHost, *other_than: object) -> str:
    """The id of a boot that isn't one of those, once the appliance is ready."""
    boot = host.eventually(
        lambda: found if (found := host.boot(APPLIANCE)).get("is_ready") and found["id"] not in other_than else {},
        "it is ready",
    )
    return str(boot["id"])


async def leave_closed(host: PrivateHost) -> None:
    """The gate as a Loader leaves it that is killed in a switch; also where the alternatives were changed since."""

    async def run_there(argv: Sequence[str], stdin: bytes) -> Finished:
        return await run([*host.engine.enter, *argv], timeout_s=20, stdin=stdin)

    gate = await find_gate(APPLIANCE, run_there)
    report = await gate.close([GatedPort(PORT, shows_page=True)], 8480)
    older = "-legacy" if report.by == "iptables-nft" else "-nft"
    chain = chain_names(APPLIANCE).inbound
    with contextlib.suppress(HostError):
        batch = f"*filter\n:{chain} - [0:0]\n-I INPUT 1 -j {chain}\nCOMMIT\n"
        await Iptables(run_there).write(older, Family.V4, batch)


def firewall(host: PrivateHost) -> str:
    programs = [f"ip{six}tables-{backend}-save" for six in ("", "6") for backend in ("nft", "legacy")]
    return "".join(host.attempt(each).stdout for each in programs)


def other_loader(host: PrivateHost) -> str:
    """What the status says of a Loader that should run and doesn't."""
    status = host.attempt("/usr/local/bin/boxship", "--json", "box", "status")
    return "".join(each["text"] for each in json.loads(status.stdout)["issues"] if each["code"] == "loader.other")


def loader_image(host: PrivateHost) -> str:
    return host.run("docker", "container", "inspect", "--format", "{{.Image}}", LOADER).strip()


def test_a_release_in_a_folder_becomes_a_box_that_comes_back_and_can_be_taken_away(
    host: PrivateHost, releases: Releases
) -> None:
    assert "would have bxtest-handing 1.0.0 here" in host.boxship(
        "--dry-run", "install", "--release", f"dir:{releases.folder}", "1.0.0"
    )
    assert host.files() == set()
    install(host, releases, "1.0.0")
    installed = host.files()
    assert "wrote" not in install(host, releases, "1.0.0")
    assert host.files() == installed

    host.sail(APPLIANCE)
    first = ready(host)
    answers(host, "1.0.0")
    assert "web" in host.wrapper("ps")
    for verb in ("down", "restart"):
        refused = host.attempt("/usr/local/bin/boxship", verb)
        assert (refused.returncode, f"would undo what {verb} does" in refused.stderr) == (4, True), refused
    host.boxship("-p", APPLIANCE, "down", status=4)
    host.boxship("-p", APPLIANCE, "--dry-run", "down")

    host.engine.kill()
    host.engine.start()
    assert ready(host, first) != first
    answers(host, "1.0.0")

    host.end_sail()
    run_aside(lambda: leave_closed(host))
    assert "BOXSHIP-GATE" in firewall(host)
    removed = host.wrapper("uninstall")
    assert "opened the gate, which a Loader had left closed" in removed
    assert "BOXSHIP" not in firewall(host)
    state = f"/mnt/var/lib/upper/boxship/{APPLIANCE}/"
    left = {path.removeprefix(state).partition("/")[0] for path in host.files()}
    assert left <= {
        "monitoring.password",
        "ports",
        "records",
        "releases",
        "state.db",
        "state.db.copy",
        "state.db.lock",
        "tokens",
    }, "what the Loader knows"
    assert host.fetch(PAGE) == "1.0.0\n", "the appliance runs on"
    assert APPLIANCE in host.run("docker", "ps", "--format", "{{.Names}}")
    host.boxship("-p", APPLIANCE, "down")


def test_a_host_that_is_not_fit_becomes_no_box(host: PrivateHost, releases: Releases) -> None:
    argv = [*host.engine.enter, sys.executable, "-m", "http.server", "--directory", str(releases.folder), str(PORT)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as holder:
        try:
            host.eventually(lambda: host.fetch(PAGE) != "", "somebody has the port")
            refused = host.attempt(*BOXSHIP, "install", "--release", f"dir:{releases.folder}", "1.0.0")
            named = re.search(r"\(process (\d+)\) has it", refused.stderr)
            assert named is not None, refused
            host.run("kill", named[1])
        finally:
            holder.kill()
    assert (refused.returncode, "this host isn't fit for" in refused.stderr) == (9, True), refused.stderr
    assert not any("/usr/local/" in path or path.endswith(".service") for path in host.files()), host.files()
    assert "wrote" in install(host, releases, "1.0.0")


def test_the_machine_of_a_box_is_rebooted_by_its_sail_where_that_can(host: PrivateHost, releases: Releases) -> None:
    install(host, releases, "1.0.0")
    host.sail(APPLIANCE)
    first = ready(host)
    machine = json.loads(host.wrapper("--json", "box", "host"))
    assert machine["os"] in host.run("cat", "/etc/os-release")
    assert machine["can"] == []
    refused = host.attempt("/usr/local/bin/boxship", "box", "reboot", "--yes")
    assert (refused.returncode, "it has no systemd" in refused.stderr) == (10, True), refused

    host.end_sail()
    host.run("sh", "-c", SYSTEMD)
    host.sail(APPLIANCE)
    ready(host, first)
    assert json.loads(host.wrapper("--json", "box", "host"))["can"] == ["reboot", "shutdown"]
    assert "All that runs on" in host.attempt("/usr/local/bin/boxship", "box", "shutdown").stderr
    assert host.wrapper("box", "reboot", "--yes") == "reboot is on its way\n"
    assert host.wrapper("box", "shutdown", "--yes") == "shutdown is on its way\n"
    asked = host.run("cat", "/etc/asked").splitlines()
    assert asked == ["--no-block --no-ask-password reboot", "--no-block --no-ask-password poweroff"]


def test_a_second_appliance_on_a_host_has_ports_of_its_own(
    host: PrivateHost, releases: Releases, tmp_path: Path
) -> None:
    install(host, releases, "1.0.0")
    other = ("-p", "bxtest-other", "install", "--image", releases.loaders["1.0.0"])
    assert "its page is at port 8482 of this host, and its API at 8483" in host.boxship(*other)
    refused = host.attempt(*BOXSHIP, *other, "--", "--page-port", "8480")
    assert (refused.returncode, f"that of the page of the appliance {APPLIANCE}" in refused.stderr) == (4, True), (
        refused
    )
    for appliance in (APPLIANCE, "bxtest-other"):
        host.sail(appliance)
        host.eventually(partial(host.boot, appliance), f"the Loader of {appliance} answers")
        log = host.attempt("docker", "logs", f"boxship-loader-{appliance}")
        assert "listen" not in log.stdout + log.stderr
    listening = host.run("ss", "-Hltn")
    assert all(f":{port} " in listening for port in (8480, 8482))
    # In a folder with files, their appliance's box is asked, and no other one.
    boxes = f"boxes of this host: {APPLIANCE}, bxtest-other"
    for name, answer in (("bxtest-other", "nothing is deployed"), ("bxtest-neither", boxes)):
        (tmp_path / "compose.yaml").write_text(f"name: {name}\nservices: {{web: {{image: web}}}}\n")
        asked = host.attempt(*BOXSHIP, "--project-directory", str(tmp_path), "box", "status")
        assert answer in asked.stdout + asked.stderr, asked


def test_a_tree_into_which_a_release_was_installed_is_then_as_before(
    host: PrivateHost, releases: Releases, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    host.boxship("install", "--release", f"dir:{releases.folder}", "1.0.0", "--root", str(tree))
    assert len(list((tree / "var/lib/boxship" / APPLIANCE / "releases").iterdir())) == 1
    host.boxship("-p", APPLIANCE, "uninstall", "--root", str(tree))
    assert list(tree.iterdir()) == []


def test_the_loader_goes_with_the_release_forth_and_back_and_a_broken_one_is_left_again(
    host: PrivateHost, releases: Releases
) -> None:
    first, second, broken, unfit = releases.loaders.values()
    install(host, releases, "1.0.0")
    host.sail(APPLIANCE)
    boots = [ready(host)]
    assert loader_image(host) == first

    install(host, releases, "2.0.0")
    assert "2.0.0 (default) runs" in host.wrapper("box", "switch", "2.0.0"), "who asked hears of the end"
    boots.append(ready(host, *boots))
    assert loader_image(host) == second
    answers(host, "2.0.0")

    install(host, releases, "3.0.0")
    host.wrapper("box", "switch", "3.0.0")
    host.eventually(lambda: "never reported; goes back to the previous one" in host.said, "sail goes back")
    boots.append(ready(host, *boots))
    assert loader_image(host) == second
    answers(host, "3.0.0")
    assert "was started again and again and never got well" in other_loader(host)
    starts = host.said.count(f"started the Loader {broken.removeprefix('sha256:')[:12]}")

    # Killed, it finds the same and stays.
    host.run("docker", "container", "kill", LOADER)
    boots.append(ready(host, *boots))
    assert loader_image(host) == second
    assert host.said.count(f"started the Loader {broken.removeprefix('sha256:')[:12]}") == starts == 3

    # One that says itself that it would not be well is not even tried.
    install(host, releases, "4.0.0")
    host.wrapper("box", "switch", "4.0.0")
    answers(host, "4.0.0")
    host.eventually(lambda: "goes on: it ended with status 9" in other_loader(host), "it was asked, and stays away")
    assert loader_image(host) == second
    assert unfit.removeprefix("sha256:")[:12] not in host.said
    assert "-Check" not in host.run("docker", "ps", "--all", "--format", "{{.Names}}")

    # Back to the first release, and so to the first Loader.
    host.wrapper("box", "switch", "1.0.0", "--allow-downgrade")
    boots.append(ready(host, *boots))
    assert loader_image(host) == first
    answers(host, "1.0.0")
    host.eventually(lambda: host.said.count("reports: boot") == len(boots), "sail has seen as many starts")
    assert len(set(boots)) == len(boots), "one id for each start"
