"""Whether a machine will do for an appliance, before anything is started on it: judged here, asked elsewhere. Pure."""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from boxship.checks.report import Found, Level
from boxship.engine.port import EngineInfo
from boxship.host.disk import FileSystem
from boxship.host.info import HostInfo
from boxship.host.modules import ModuleState
from boxship.host.ports import Listener
from boxship.plan.gated import GatedPort
from boxship.plan.observed import ContainerState, Observed
from boxship.units import format_size

_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 (compared with, not bound to)
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_UP = (ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING)


class Holder(Struct, frozen=True):
    """Who has a port. ``is_ours``: a container of the appliance, which gives it back when it is replaced."""

    name: str
    is_ours: bool = False


def is_older(version: str, least: str) -> bool:
    """By the numbers that it begins with: "6.1.0-18-amd64", "20.10.24+dfsg1". What has none is not judged."""
    have, want = _numbers(version), _numbers(least)
    return bool(have) and have < want


def _numbers(version: str) -> tuple[int, ...]:
    found = _NUMBERS.match(version)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def judge_kernel(info: HostInfo, least: str | None) -> Found:
    what = f"Linux {info.kernel}{f', {info.os_name}' if info.os_name else ''}, {info.architecture}"
    if least is not None and is_older(info.kernel, least):
        return Found(Level.FAIL, f"Linux {info.kernel} is older than {least}", "host.kernel")
    return Found(Level.OK, what)


def judge_engine(info: EngineInfo, least: str | None) -> Found:
    if least is not None and is_older(info.version, least):
        return Found(Level.FAIL, f"the engine {info.version} is older than {least}", "host.engine")
    return Found(Level.OK, f"{info.version}, API {info.api_version}")


def judge_module(name: str, state: ModuleState) -> Found:
    match state:
        case ModuleState.THERE:
            return Found(Level.OK)
        case ModuleState.LOADABLE:
            return Found(Level.OK, "it is loaded when it is needed")
        case ModuleState.UNKNOWN:
            return Found(Level.SKIPPED, "it isn't loaded, and the kernel's modules can't be looked at from here")
        case ModuleState.MISSING:
            return Found(Level.FAIL, f"this kernel has no module {name}", "host.module", context={"name": name})


def judge_need(sentences: Sequence[str], text: str) -> Found:
    """A vendor's least is demanded before a start; ``status`` only warns, as what runs has shown that it does."""
    return Found(Level.FAIL, "; ".join(sentences), "host.needs") if sentences else Found(Level.OK, text)


def judge_room(system: FileSystem, needed_bytes: int, *, is_installed: bool) -> Found:
    """What is needed is for the appliance and its data; where it is installed, a part of that is in use by itself."""
    free = f"{format_size(system.free_bytes)} free at {system.mount_point}"
    if is_installed:
        return Found(Level.OK, f"{free}; the appliance is installed already")
    if system.free_bytes < needed_bytes:
        return Found(Level.FAIL, f"{free}, and {format_size(needed_bytes)} are needed", "host.room")
    return Found(Level.OK, free)


def judge_port(port: GatedPort, holders: Sequence[Holder]) -> Found:
    others = sorted({each.name for each in holders if not each.is_ours})
    if others:
        who = " and ".join(others)
        return Found(Level.FAIL, f"{who} has it", "host.port", context={"name": named(port), "holder": who})
    ours = sorted({each.name for each in holders})
    return Found(Level.OK, f"{' and '.join(ours)} has it, of this appliance" if ours else "free")


def named(port: GatedPort) -> str:
    """As people write it: "80/tcp", "127.0.0.1:8080/tcp"."""
    address = f"[{port.address}]" if ":" in port.address else port.address
    return f"{f'{address}:' if address else ''}{port.port}/{port.protocol}"


def container_holders(port: GatedPort, observed: Observed, appliance: str) -> tuple[Holder, ...]:
    """The containers that publish it now. The engine's own helper has the socket, which says less."""
    return tuple(
        Holder(f"the container {each.name}", is_ours=each.appliance == appliance)
        for each in observed.containers
        if each.state in _UP
        for at in each.ports
        if at.published == port.port and at.protocol == port.protocol and _meet(port.address, at.host_ip)
    )


def process_holders(port: GatedPort, listeners: Iterable[Listener]) -> tuple[Holder, ...]:
    """Whoever else listens there."""
    return tuple(
        Holder(_named_process(each))
        for each in listeners
        if each.port == port.port and each.protocol == port.protocol and _meet(port.address, each.address)
    )


def _meet(one: str, other: str) -> bool:
    return one in _EVERYWHERE or other in _EVERYWHERE or one == other


def _named_process(listener: Listener) -> str:
    if listener.pid:
        return f"{listener.program or 'a program'} (process {listener.pid})"
    return "a program of this host that can't be looked at from here"
