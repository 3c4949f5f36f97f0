"""The host is rebooted and shut down by its sail, which is asked through a pipe: the script itself, and who asks it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.clock import SystemClock
from boxship.errors import HostError, UnsupportedError
from boxship.host.info import HostInfo
from boxship.host.places import Places, box_places
from boxship.host.sail.render import SailSettings, render_sail
from boxship.host.sail_power import SailPower
from tests.fakes.clock import FakeClock

INFO = HostInfo("debian", "12", "the image's own", "6.1", "x86_64", 2, 1, 1.0)
DEADLINE_S = 20
# Without an engine sail waits, and answers all the same.
PROGRAMS = {
    "docker": "#!/bin/sh\nexit 1\n",
    "systemctl": """#!/bin/sh
echo "$*" >>"$ASKED"
[ ! -e "$ASKED.refuses" ] || { cat "$ASKED.refuses" >&2; exit 1; }
""",
    "id": '#!/bin/sh\necho "$SAILS_UID"\n',
}


class Host:
    """One whose systemd is a stand-in, with a sail that runs."""

    def __init__(self, folder: Path, places: Places, process: "subprocess.Popen[str]") -> None:
        self.folder = folder
        self.places = places
        self.process = process
        self.power = SailPower(places, SystemClock(), lambda: INFO)

    @property
    def asked(self) -> list[str]:
        path = self.folder / "asked"
        return path.read_text().splitlines() if path.exists() else []

    def refuse(self, why: str) -> None:
        (self.folder / "asked.refuses").write_text(why)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=DEADLINE_S)


@contextmanager
def sail_on(folder: Path, *, has_systemd: int = True, uid: int = 0, **changes: object) -> Iterator[Host]:
    places = box_places("share", folder / "state", folder / "run")
    programs, systemd = folder / "bin", folder / "systemd"
    for each in (programs, *([systemd] if has_systemd else [])):
        each.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    script = folder / "sail"
    settings = SailSettings("share", places, poll_s="0.05", systemd=systemd)
    script.write_text(render_sail(replace(settings, **changes)))
    path = f"{programs}:{os.environ['PATH']}"
    environment = {"PATH": path, "ASKED": str(folder / "asked"), "SAILS_UID": str(uid)}
    with subprocess.Popen(["/bin/sh", script], env=environment, stderr=subprocess.DEVNULL, text=True) as process:
        host = Host(folder, places, process)
        try:
            until_s = time.monotonic() + DEADLINE_S
            while not places.sail_host.exists():
                assert time.monotonic() < until_s, "sail tells of its host"
                time.sleep(0.02)
            yield host
        finally:
            if process.poll() is None:
                host.end()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with sail_on(tmp_path) as made:
        yield made


async def test_sail_reboots_and_shuts_down_for_the_loader(host: Host) -> None:
    assert host.power.offers() == ("reboot", "shutdown")
    await host.power.reboot()
    await host.power.shut_down()
    assert host.asked == ["--no-block --no-ask-password reboot", "--no-block --no-ask-password poweroff"]


async def test_sail_restarts_the_engine_for_the_loader(host: Host) -> None:
    await host.power.restart_engine()
    assert host.asked == ["--no-block --no-ask-password restart docker.service"]


async def test_an_engine_that_systemd_may_not_know_is_left_alone(tmp_path: Path) -> None:
    with sail_on(tmp_path, socket=tmp_path / "docker.sock") as host:
        assert host.power.offers() == ("reboot", "shutdown")
        with pytest.raises(UnsupportedError, match=r"its engine is not that of docker\.service"):
            await host.power.restart_engine()
        assert host.asked == []


async def test_a_refusal_is_told_in_systemds_words(host: Host) -> None:
    host.refuse("Operation inhibited\nby backup")
    with pytest.raises(HostError, match=r"refused to be rebooted: Operation inhibited by backup$"):
        await host.power.reboot()


def test_the_operating_system_is_the_hosts(host: Host) -> None:
    found = host.power.info()
    assert found.os_name
    assert found.os_name in Path("/etc/os-release").read_text()
    assert found.kernel == INFO.kernel


def test_nobody_but_sails_own_user_can_ask(host: Host) -> None:
    assert host.places.sail_requests.is_fifo()
    assert host.places.sail_requests.stat().st_mode & 0o777 == 0o600


async def test_words_that_sail_does_not_know_are_passed_over(host: Host) -> None:
    with host.places.sail_requests.open("w") as pipe:
        pipe.write("1 rm -rf /\n; reboot now\n\n2 $(reboot)\n")
    await host.power.reboot()
    assert host.asked == ["--no-block --no-ask-password reboot"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"has_systemd": False}, "it has no systemd"),
        ({"uid": 1000}, "sail does not run as root"),
        ({"stops_on_failure": True}, "it is the machine of an emulation"),
    ],
)
async def test_where_the_host_does_not_offer_it_the_reason_is_told(
    tmp_path: Path, changes: dict[str, int], reason: str
) -> None:
    with sail_on(tmp_path, **changes) as host:
        assert host.power.offers() == ()
        with pytest.raises(UnsupportedError, match=reason):
            await host.power.shut_down()
        assert host.asked == []


async def test_a_sail_that_has_ended_offers_nothing(host: Host) -> None:
    host.end()
    assert host.power.offers() == ()
    with pytest.raises(UnsupportedError, match="its sail does not run"):
        await host.power.reboot()
    assert host.asked == []


async def test_a_sail_that_is_older_than_this_is_told_from_one_that_has_ended(tmp_path: Path) -> None:
    power = SailPower(box_places("share", tmp_path, tmp_path), SystemClock(), lambda: INFO)
    assert (power.offers(), power.info().os_name) == ((), "")
    with pytest.raises(UnsupportedError, match="its sail is older than this Loader"):
        await power.reboot()


async def test_a_sail_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    places = box_places("share", tmp_path, tmp_path)
    places.sail_host.write_text("os=Debian\ncan=reboot\nwhy=\n")
    os.mkfifo(places.sail_requests)
    pipe = os.open(places.sail_requests, os.O_RDWR)
    try:
        with pytest.raises(HostError, match="sail does not answer within 20 s"):
            await SailPower(places, FakeClock(), lambda: INFO).reboot()
    finally:
        os.close(pipe)
