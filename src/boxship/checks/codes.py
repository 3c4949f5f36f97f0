"""The codes of issues, promised to programs: docs/reference/issues.md lists them. None ever changes its meaning."""

from collections.abc import Mapping
from typing import NamedTuple


class Code(NamedTuple):
    """What the code says, and what to do about it: {service}, {check} and {appliance} are filled in."""

    meaning: str
    suggestion: str


_LOOK = "look at what it wrote: boxship logs --tail 50 {service}"

CODES: Mapping[str, Code] = {
    "service.missing": Code("a service has no container", "create and start it: boxship up -d"),
    "service.stopped": Code("a service's container doesn't run", f"{_LOOK}; start it: boxship up -d"),
    "service.restarting": Code("a service ends again and again, and the engine restarts it", _LOOK),
    "service.paused": Code("a service's container is frozen", "let it run on: boxship up -d"),
    "service.unhealthy": Code("the engine's own health check of a service fails", _LOOK),
    "service.unready": Code("a service runs and isn't ready", _LOOK),
    "service.extra": Code("a container runs that shouldn't be there", "remove it: boxship up -d --remove-orphans"),
    "check.http": Code("an HTTP check got no good answer", _LOOK),
    "check.tcp": Code("nobody accepts connections at a port", _LOOK),
    "check.exec": Code("a command in a container failed", _LOOK),
    "check.log": Code("a log lacks a line that must be there, or has one that mustn't", _LOOK),
    "check.sql": Code("a query failed, or its value is out of bounds", _LOOK),
    "check.program": Code("a check's own program in a container found something", _LOOK),
    "check.timeout": Code("a check took longer than it may", "see what it waits for, or give it a longer timeout"),
    "check.engine": Code("the engine could not ask a check", "ask again; boxship ps shows what runs"),
    "certificate.expired": Code("a certificate is no longer valid, or not yet", "renew it"),
    "certificate.expires": Code("a certificate expires soon", "renew it"),
    "certificate.unreadable": Code("a certificate could not be read", "see whether the service shows one there"),
    "host.disk": Code("a file system with data is full, or nearly", "make room, or enlarge it"),
    "host.inodes": Code("a file system with data has no room for more files, or hardly any", "remove small files"),
    "host.memory": Code("memory is short", "boxship stats shows who uses it; add memory, or limit a service"),
    "host.swap": Code("most of the swap is in use", "add memory, or limit a service (mem_limit)"),
    "host.clock": Code("this host's clock is wrong", "let it be set: timedatectl set-ntp true"),
    "host.clock-jumped": Code(
        "this host's clock jumped since the last look", "see why: journalctl -u systemd-timesyncd"
    ),
    "host.time-server": Code("the time server could not be asked", "see whether UDP port 123 gets through to it"),
    "host.dns": Code("this host can't look up a name", "see /etc/resolv.conf and the DNS server that it names"),
    "network.dns": Code(
        "a container can't look up a name",
        "see whether the host can: getent hosts {name}; a restarted engine repairs a stuck resolver",
    ),
    "host.sysctl": Code("a kernel setting is not as the appliance needs it", "set it: sudo sysctl -w KEY=VALUE"),
    "host.needs": Code("this machine is smaller than the appliance needs", "give it more"),
    "host.room": Code("there is less free disk space than the appliance needs", "make room, or enlarge the disk"),
    "host.kernel": Code("the kernel is older than the appliance needs", "upgrade the operating system"),
    "host.module": Code("the kernel lacks a module that the appliance needs", "load it: sudo modprobe {name}"),
    "host.engine": Code(
        "the container engine doesn't answer, or is older than the appliance needs", "see: docker version"
    ),
    "host.port": Code("a port that the appliance publishes is somebody else's", "stop who has it, or publish another"),
    "preflight.http": Code("a place that must be reached doesn't answer well", "see whether this host gets there"),
    "preflight.command": Code("the vendor's own check in a container found something", "see what it says"),
    "host.program": Code("a check's own program on this host found something", "run it by hand"),
    "boot.fallback": Code(
        "a target didn't boot, and its fallback runs in its place",
        "mend what is said of it, then boot it: boxship box boot {fallen_back_from}",
    ),
    "boot.failed": Code(
        "what should run doesn't boot", "mend what is said of it, then boot it at once: boxship box boot current"
    ),
    "boot.refused": Code(
        "the release that a box came with can't be deployed",
        "mend what is said of it, then deploy it at once: boxship box switch {version}",
    ),
    "service.crashing": Code(
        "a service ended again and again, and runs in between",
        "look at what it wrote before: boxship box logs --tail 200 {service}",
    ),
    "box.mended": Code(
        "the Loader had to mend what runs again and again",
        "see what ends or changes it: boxship box operations, boxship box events",
    ),
    "loader.other": Code(
        "another Loader than that of the release looks after the box", "see why: sudo journalctl -u boxship-{appliance}"
    ),
    "loader.host": Code(
        "what boxship install wrote on the host is older than what the Loader brings",
        "write it anew, with the Boxship of this release: sudo boxship install, in the folder of {appliance}'s files",
    ),
    "loader.state": Code(
        "what a box keeps of itself has no copy for now", "see what is in the way in /var/lib/boxship/{appliance}"
    ),
    "loader.tls": Code(
        "the certificate or the address of the box's door to the outside can't be used",
        "put good ones there; what was good before goes on being used",
    ),
    "loader.empty": Code(
        "nothing is deployed on the box yet", "pull a release, then switch to it: boxship box pull, boxship box switch"
    ),
    "loader.release": Code(
        "what is deployed can't be read, so nothing of it can be asked",
        "pull the release again: boxship box pull VERSION",
    ),
    "host.unknown": Code("this host doesn't tell something about itself", "run boxship status as root"),
}


def suggestion_for(code: str, context: Mapping[str, str]) -> str:
    """The code's own suggestion with the context's names in it."""
    known = CODES.get(code)
    if known is None:
        return ""
    text = known.suggestion
    for key, value in context.items():
        text = text.replace(f"{{{key}}}", value)
    return text
