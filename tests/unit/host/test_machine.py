"""What this very host tells of itself, and a time server on its loopback."""

import asyncio
import os
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from boxship.errors import HostError
from boxship.host.disk import file_system_of
from boxship.host.machine import ThisMachine
from boxship.host.memory import read_memory
from boxship.host.sntp import SntpError, clock_offset_s

_1900 = 2_208_988_800


def test_the_file_system_of_a_folder_and_a_file_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    found = file_system_of(str(tmp_path))
    assert found is not None
    assert found.total_bytes > 0
    assert 0 <= found.used_percent <= 100
    assert 0 <= found.inodes_percent <= 100
    assert Path(found.mount_point).is_mount()
    for name in ("file", "link"):
        other = file_system_of(str(tmp_path / name))
        assert other is not None
        assert (other.device, other.mount_point) == (found.device, found.mount_point)


def test_what_has_no_room_of_its_own_is_no_file_system(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert file_system_of("/proc") is None
    assert file_system_of(str(tmp_path / "fifo")) is None
    with pytest.raises(FileNotFoundError):
        file_system_of(str(tmp_path / "gone"))


def test_memory_is_read_as_the_kernel_writes_it(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\nSwapTotal: 100 kB\nSwapFree: 25 kB\n")
    memory = read_memory(meminfo)
    assert (memory.total_bytes, memory.used_percent, memory.swap_used_percent) == (1_024_000, 75.0, 75.0)
    meminfo.write_text("MemTotal: 1000 kB\n")
    with pytest.raises(ValueError, match="MemAvailable"):
        read_memory(meminfo)


async def test_this_machine_answers() -> None:
    machine = ThisMachine()
    assert machine.memory().total_bytes > 0
    boot_id, since_boot_s = machine.boot()
    assert len(boot_id) == 36
    assert since_boot_s > 0
    assert machine.boot()[0] == boot_id
    assert await machine.look_up("localhost", 10)
    assert await machine.look_up("no-such-name.invalid", 30) == ()
    assert machine.settings({"kernel.ostype": "Linux"})[0].is_as_wanted
    assert machine.settings({"no.such": "1"})[0].now is None
    assert (await machine.run(("true",), Path("/"), 10)).status == 0
    with pytest.raises(HostError):
        await machine.run(("/no/such/program",), Path("/"), 10)


Answer = Callable[[bytes], list[bytes]]


class Server(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        for answer in self.answer(data):
            self.transport.sendto(answer, addr)


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Server(answer), local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def packet(request: bytes, offset_s: float = 0.0, *, mode: int = 4, leap: int = 0, stratum: int = 2) -> bytes:
    """A server's answer whose clock is ahead of this one."""
    now = time.time() + offset_s + _1900
    stamp = struct.pack("!II", int(now), int(now % 1 * 2**32))
    return (
        bytes([leap << 6 | 4 << 3 | mode, stratum, 0, 0]) + bytes(8) + b"RATE" + bytes(8) + request[40:48] + stamp * 2
    )


@pytest.mark.parametrize("offset_s", [0.0, 3600.0, -86400.0 * 365])
async def test_the_offset_is_what_the_server_is_ahead(offset_s: float) -> None:
    async with serving(lambda request: [packet(request, offset_s)]) as port:
        assert await clock_offset_s("127.0.0.1", port) == pytest.approx(offset_s, abs=0.5)


async def test_answers_to_other_questions_are_noise() -> None:
    def answer(request: bytes) -> list[bytes]:
        forged = packet(bytes(48), 9999.0)
        return [b"", b"short", forged, packet(request)]

    async with serving(answer) as port:
        assert await clock_offset_s("127.0.0.1", port) == pytest.approx(0.0, abs=0.5)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"stratum": 0}, r"doesn't want to be asked \(RATE\)"),
        ({"leap": 3}, "doesn't know the time"),
        ({"stratum": 16}, "doesn't know the time"),
        ({"mode": 3}, "isn't a server's"),
    ],
)
async def test_a_server_that_does_not_know_the_time_is_not_believed(fields: dict[str, int], says: str) -> None:
    async with serving(lambda request: [packet(request, **fields)]) as port:
        with pytest.raises(SntpError, match=says):
            await clock_offset_s("127.0.0.1", port)


async def test_a_port_where_nobody_listens_is_an_error() -> None:
    async with serving(lambda _: []) as port:
        pass
    with pytest.raises(OSError, match="refused"):
        async with asyncio.timeout(5):
            await clock_offset_s("127.0.0.1", port)
