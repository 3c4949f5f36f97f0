"""The floor of short commands, over a plain socket: ``raw_look.py noop PLAN``, ``ps PLAN``, or ``--help``."""

import socket
import sys
from typing import Any

from benchmarks.raw_calls import DEADLINE_S, answer, read_plan, request


def main(argv: list[str]) -> int:
    """See the module. Returns: the exit status; 1 from ``noop`` when there is something to do."""
    if argv == ["--help"]:
        print(__doc__)
        return 0
    verb, path = argv
    plan = read_plan(path)
    found = list_containers(plan)
    if verb == "noop":
        return 0 if needs_nothing(plan, found) else 1
    for name, container in sorted(found.items()):
        print(f"{name:10}{container['State']:12}{container['Status']}")
    return 0


def list_containers(plan: dict[str, Any]) -> dict[str, Any]:
    """Service -> what the engine lists."""
    filters = f"%7B%22network%22:%5B%22{plan['network']}%22%5D,%22label%22:%5B%22{plan['label']}%22%5D%7D"
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(DEADLINE_S)
        link.connect(plan["socket"])
        link.sendall(request("GET", f"/containers/json?all=1&filters={filters}"))
        received = b"".join(iter(lambda: link.recv(1 << 18), b""))
    return {each["Labels"][plan["label"]]: each for each in answer("list", received)}


def needs_nothing(plan: dict[str, Any], found: dict[str, Any]) -> bool:
    """Every service runs, and its one label says that it is the one the plan means."""
    have = {name: each["Labels"][plan["digest_label"]] for name, each in found.items() if each["State"] == "running"}
    return have == {service["name"]: service["digest"] for service in plan["services"]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
