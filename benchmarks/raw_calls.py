"""What both raw scripts say to the engine. They are the floor that everybody is compared with, so they do the least.

They read a finished plan: nothing is parsed, checked, compared or shown. Imported here is only what nothing goes
without, and types stop at the plan.
"""

import json
import sys
from typing import Any

DEADLINE_S = 60.0
_API = "/v1.41"


def read_plan(path: str) -> Any:
    """What scenarios.py wrote."""
    with open(path) as file:  # noqa: PTH123  # pathlib takes as long to import as all else here
        return json.load(file)


def request(method: str, path: str, body: object = None) -> bytes:
    """HTTP/1.0: the answer ends with the connection."""
    data = json.dumps(body).encode() if body is not None else b""
    head = f"{method} {_API}{path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


def answer(call: str, received: bytes) -> Any:
    """The decoded body. Ends the program with the engine's words when it refused."""
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split(None, 2)[1])
    if status >= 400:
        sys.exit(f"{call}: {status} {body.decode(errors='replace').strip()}")
    return json.loads(body) if body.strip() else None
