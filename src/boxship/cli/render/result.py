"""How ``up`` ended, for a terminal or a program."""

import json
import sys
from collections.abc import Sequence

from boxship.cli.render.color import BOLD, is_colored, paint
from boxship.cli.render.table import status_as_json
from boxship.plan.status import ServiceStatus


def show_up(
    name: str, status: Sequence[ServiceStatus], addresses: Sequence[str], *, is_json: bool, is_changed: bool
) -> None:
    """The appliance ``name`` is up; ``addresses`` are where to point a browser."""
    if is_json:
        print(json.dumps({"result": status_as_json(status), "addresses": list(addresses)}))
        return
    what = "is up" if is_changed else "is up, nothing to do"
    print(paint(f"{name} {what}", BOLD, on=is_colored(sys.stdout)))
    for address in addresses:
        print(f"  {address}")
    sys.stdout.flush()
