"""Mounts and ports as they are typed on a command line, in the short forms that files have, too."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from boxship.errors import UsageError
from boxship.spec.model import Mount, Port
from boxship.spec.mounts import Paths, build_mounts, expand_mount
from boxship.spec.ports import build_ports, expand_port
from boxship.spec.report import Report
from boxship.spec.tree import Items, Node, Scalar
from boxship.where import Where

T = TypeVar("T")
_MOST_PORTS = 1_000
_HERE = Where("the command line")


def parse_mount(text: str, directory: Path, home: str) -> Mount:
    """``[SOURCE:]TARGET[:OPTIONS]``; relative host paths begin at ``directory``. Raises: UsageError."""
    report = Report()
    node = expand_mount(Scalar(text, _HERE), Paths(directory, home), "", report)
    (mount,) = _built(node, build_mounts, report, "--volume") or (None,)
    if mount is None or not mount.target.startswith("/"):
        raise UsageError(
            f"--volume '{text}' has no absolute path inside the container", hint="for example --volume ./data:/data"
        )
    return mount


def parse_ports(text: str) -> tuple[Port, ...]:
    """``[IP:][HOST:]CONTAINER[/PROTOCOL]``, or ranges. Raises: UsageError."""
    report = Report()
    nodes = expand_port(Scalar(text, _HERE), "", _MOST_PORTS, report)
    return tuple(port for node in nodes or (None,) for port in _built(node, build_ports, report, "--publish"))


def _built(
    node: Node | None, build: Callable[[Node, str, Report], tuple[T, ...]], report: Report, option: str
) -> tuple[T, ...]:
    found = build(Items((node,), _HERE), "", report) if node is not None else ()
    for problem in report.errors:
        raise UsageError(f"{option} {problem.reason}", hint=problem.hint)
    return found
