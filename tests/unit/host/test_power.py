"""Reboot, shutdown and what the machine is."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from boxship.errors import HostError, UnsupportedError
from boxship.host.info import HostInfo, read_info
from boxship.host.power import Systemd, find_power
from boxship.host.proc import Finished

INFO = HostInfo("debian", "12", "Debian", "6.1", "x86_64", 2, 1, 1.0)


class Systemctl:
    """Says what it is told to, and remembers what it was asked."""

    def __init__(self, answer: Finished | HostError, then: Finished | None = None) -> None:
        self.answers = [answer, then or Finished((), 0, "", "")]
        self.asked: list[str] = []

    async def __call__(self, argv: Sequence[str]) -> Finished:
        self.asked.append(" ".join(argv))
        answer = self.answers.pop(0)
        if isinstance(answer, HostError):
            raise answer
        return answer


async def test_a_machine_with_systemd_is_rebooted_without_waiting() -> None:
    systemctl = Systemctl(Finished((), 0, "252.22\n", ""))
    power = await find_power(systemctl, lambda: INFO)
    await power.reboot()
    assert systemctl.asked[-1] == "systemctl --no-block --no-ask-password reboot"
    assert isinstance(power, Systemd)
    assert power.info() == INFO


async def test_it_is_shut_down_as_well() -> None:
    systemctl = Systemctl(Finished((), 0, "252.22\n", ""))
    await (await find_power(systemctl)).shut_down()
    assert systemctl.asked[-1] == "systemctl --no-block --no-ask-password poweroff"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (HostError("systemctl show can't start: systemctl is not installed"), "systemctl is not installed"),
        (Finished((), 1, "", "Failed to connect to bus:\n Host is down"), "Failed to connect to bus: Host is down"),
        (Finished((), 0, "", ""), "systemd doesn't answer"),
    ],
)
async def test_where_nobody_can_be_asked_it_is_unsupported_with_the_reason(
    answer: Finished | HostError, reason: str
) -> None:
    power = await find_power(Systemctl(answer), lambda: INFO)
    with pytest.raises(UnsupportedError, match=reason) as raised:
        await power.reboot()
    assert (raised.value.code, raised.value.http_status) == ("unsupported", 501)
    with pytest.raises(UnsupportedError, match="shut down"):
        await power.shut_down()
    assert power.info() == INFO


async def test_a_refusal_is_an_error_in_systemds_words() -> None:
    refused = Finished((), 1, "", 'Operation inhibited by "backup"')
    power = await find_power(Systemctl(Finished((), 0, "252\n", ""), refused))
    with pytest.raises(HostError, match="Operation inhibited"):
        await power.reboot()


def test_this_machine_is_known(tmp_path: Path) -> None:
    path = tmp_path / "os-release"
    path.write_text(
        '# of the vendor\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\nODD="\n'
    )
    info = read_info((tmp_path / "none", path))
    assert (info.os_id, info.os_version, info.os_name) == ("debian", "12", "Debian GNU/Linux 12 (bookworm)")
    assert info.kernel
    assert info.cpus >= 1
    assert info.memory_bytes > 0
    assert info.uptime_s > 0


def test_a_machine_that_does_not_tell_is_known_as_far_as_it_goes(tmp_path: Path) -> None:
    assert read_info((tmp_path / "none",)).os_name == ""


def test_the_real_one_is_found_or_not_but_never_fails() -> None:
    assert asyncio.run(find_power()).info().kernel
