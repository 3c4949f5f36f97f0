"""What is asked of the machine itself: memory, clock, kernel settings, its size, names, the vendor's own programs."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from boxship.checks.disks import level_of
from boxship.checks.program import judge_program
from boxship.checks.report import Found, Level
from boxship.checks.text import one_line
from boxship.host.machine import Machine
from boxship.host.memory import Memory
from boxship.host.proc import Finished
from boxship.host.sntp import NTP_PORT, SntpError
from boxship.host.sysctl import Setting
from boxship.spec.model import Host
from boxship.spec.model_checks import HostChecks
from boxship.units import format_duration, format_size

NETWORK_DEADLINE_S = 3.0
"""A time server or a resolver that hasn't answered by then counts as not there."""
PROGRAM_DEADLINE_S = 30.0
_JUMP_S = 2.0
_DRIFT = 0.001
"""A clock that is set smoothly is moved by at most half a millisecond a second (adjtimex(2))."""
_TOLD_S = 3600.0
"""A jump is told for so long: logs and certificates of that time are to be read with it in mind."""
_EARLIEST_S = 1_735_689_600.0
"""2025-01-01: this program didn't exist before."""


class ClockSeen(Struct, frozen=True):
    """The wall clock against the time since boot, at one moment: what a jump is noticed by.

    ``jump_s`` is the last jump that was noticed, ``jumped_at_s`` when, in seconds since boot.
    """

    boot_id: str
    since_boot_s: float
    wall_s: float
    jump_s: float = 0.0
    jumped_at_s: float = 0.0


def judge_memory(memory: Memory, checks: HostChecks) -> Found:
    level = level_of(checks.memory, memory.used_percent, memory.available_bytes)
    free, total = format_size(memory.available_bytes), format_size(memory.total_bytes)
    values = {"memory_used_ratio": memory.used_percent / 100, "memory_available_bytes": float(memory.available_bytes)}
    return Found(level, f"{memory.used_percent:.0f} % of {total}, {free} available", "host.memory", values)


def judge_swap(memory: Memory, checks: HostChecks) -> Found:
    if not memory.swap_total_bytes:
        return Found(Level.OK, "there is none")
    level = level_of(checks.swap, memory.swap_used_percent, memory.swap_free_bytes)
    text = f"{memory.swap_used_percent:.0f} % of {format_size(memory.swap_total_bytes)}"
    return Found(level, text, "host.swap", {"swap_used_ratio": memory.swap_used_percent / 100})


def look_again(now: ClockSeen, before: ClockSeen | None) -> ClockSeen:
    """This look, with the jump since the one before, or that one's jump while it is still worth telling."""
    if before is None or before.boot_id != now.boot_id or now.since_boot_s < before.since_boot_s:
        return now
    passed_s = now.since_boot_s - before.since_boot_s
    jump_s = (now.wall_s - before.wall_s) - passed_s
    if abs(jump_s) > _JUMP_S + _DRIFT * passed_s:
        return replace(now, jump_s=jump_s, jumped_at_s=now.since_boot_s)
    if before.jump_s and now.since_boot_s - before.jumped_at_s < _TOLD_S:
        return replace(now, jump_s=before.jump_s, jumped_at_s=before.jumped_at_s)
    return now


def judge_clock(seen: ClockSeen) -> Found:
    """Without any server: a clock that can't be, or that jumped lately."""
    if seen.wall_s < _EARLIEST_S:
        return Found(Level.FAIL, "it is older than this program: it was never set", "host.clock")
    values = {"clock_jump_seconds": seen.jump_s}
    if not seen.jump_s:
        return Found(Level.OK, values=values)
    way = "forward" if seen.jump_s > 0 else "back"
    ago_s = seen.since_boot_s - seen.jumped_at_s
    text = (
        f"it jumped {way} by {_rounded(seen.jump_s)}, seen {_rounded(ago_s)} ago"
        if ago_s >= 1
        else (f"it jumped {way} by {_rounded(seen.jump_s)}")
    )
    return Found(Level.WARN, text, "host.clock-jumped", values)


async def ask_clock(machine: Machine, checks: HostChecks) -> Found:
    """The offset against the declared server. Raises: TimeoutError."""
    host, _, port = (checks.time_server or "").rpartition(":")
    if not host or not port.isdecimal():
        host, port = checks.time_server or "", str(NTP_PORT)
    try:
        offset_s = await machine.clock_offset_s(host.strip("[]"), int(port))
    except SntpError as error:
        return Found(Level.WARN, f"{checks.time_server}: {one_line(str(error))}", "host.time-server")
    except TimeoutError:
        raise
    except OSError as error:
        return Found(Level.WARN, f"{checks.time_server}: {one_line(error.strerror or str(error))}", "host.time-server")
    return judge_offset(offset_s, checks)


def judge_offset(offset_s: float, checks: HostChecks) -> Found:
    values = {"clock_offset_seconds": offset_s}
    way = "behind" if offset_s > 0 else "ahead of"
    text = f"{_rounded(offset_s)} {way} {checks.time_server}"
    if abs(offset_s) >= checks.clock_fail_s:
        return Found(Level.FAIL, text, "host.clock", values)
    level = Level.WARN if abs(offset_s) >= checks.clock_warn_s else Level.OK
    return Found(level, text, "host.clock", values)


def _rounded(seconds: float) -> str:
    size_s = abs(seconds)
    return f"{size_s * 1000:.0f} ms" if size_s < 1 else format_duration(float(round(size_s)))


def judge_setting(setting: Setting) -> Found:
    context = {"name": setting.key, "wanted": setting.wanted}
    if setting.is_as_wanted:
        return Found(Level.OK, setting.wanted)
    suggestion = f"set it: sudo sysctl -w '{setting.key}={setting.wanted}', and in /etc/sysctl.d to keep it"
    is_there = setting.now is not None
    reason = f"it is {setting.now}, not {setting.wanted}" if is_there else "this kernel has no such setting"
    return Found(Level.FAIL, reason, "host.sysctl", context=context, suggestion=suggestion if is_there else "")


def judge_needs(sentences: tuple[str, ...], host: Host) -> Found:
    """Too small a machine may still do; it is for a person to know."""
    if sentences:
        return Found(Level.WARN, "; ".join(sentences), "host.needs")
    needed = [
        f"{format_size(host.ram_bytes)} of RAM" if host.ram_bytes else "",
        f"{host.cpus} processor{'s' * (host.cpus != 1)}" if host.cpus else "",
    ]
    return Found(Level.OK, " and ".join(each for each in needed if each))


async def ask_names(machine: Machine, name: str) -> Found:
    """What this host's resolver says. Raises: HostError when it takes too long."""
    try:
        addresses = await machine.look_up(name, NETWORK_DEADLINE_S)
    except OSError as error:
        return Found(Level.FAIL, f"{name}: {one_line(str(error))}", "host.dns", context={"name": name})
    if not addresses:
        return Found(Level.FAIL, f"{name} has no address here", "host.dns", context={"name": name})
    return Found(Level.OK, addresses[0])


async def ask_program(machine: Machine, argv: tuple[str, ...], directory: Path, clean: Callable[[str], str]) -> Found:
    """A program of this host. Raises: HostError when it can't start or takes too long."""
    finished = await machine.run(argv, directory, PROGRAM_DEADLINE_S)
    return judge_finished(finished, clean)


def judge_finished(finished: Finished, clean: Callable[[str], str]) -> Found:
    return judge_program(finished.status, clean(finished.stdout_tail), clean(finished.stderr_tail))
