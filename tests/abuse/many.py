"""Many services in one appliance, each with a published port: up, nothing to do, down, with few open files."""

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from boxship.engine.docker import connect
from tests.abuse.appliances import write_appliance
from tests.abuse.cycles import Cycles, things_of
from tests.abuse.footprint import Footprint

FEW_FILES = 128
"""An eighth of the usual limit: every wait has a connection of its own, but not all services wait at once."""
_PORTS_FROM = 20_000


async def run_many(cycles: Cycles) -> dict[str, object]:
    """Raises: LeftOverError, TimeoutError."""
    engine = connect(cycles.address)
    row: dict[str, object] = {"services": cycles.services, "open files at most": FEW_FILES}
    try:
        row |= await _timed("up", lambda: cycles.up(engine))
        row |= await _timed("no-op up", lambda: cycles.up(engine))
        observed = await engine.observe(())
        addresses = {address for each in observed.containers_of(cycles.name) for address in each.addresses.values()}
        row["addresses"] = len(addresses)
        row |= await _timed("down", lambda: cycles.down(engine))
        row["left"] = things_of(await engine.observe(()), cycles.name)
        row["own"] = Footprint.now().as_data()
    finally:
        await engine.close()
    return row


async def _timed(what: str, work: Callable[[], Awaitable[None]]) -> dict[str, object]:
    began_s, cpu_s = time.monotonic(), time.process_time()
    await work()
    return {what: f"{time.monotonic() - began_s:.1f} s, {time.process_time() - cpu_s:.1f} s of CPU"}


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.abuse.many")
    parser.add_argument("--services", type=int, default=150)
    parser.add_argument("--record", type=Path, required=True)
    options = parser.parse_args(argv)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, FEW_FILES))
    with tempfile.TemporaryDirectory(prefix="boxship-many-") as folder:
        cycles = Cycles(f"many{options.services}", options.services, os.environ["DOCKER_HOST"], Path(folder))
        write_appliance(cycles.folder, options.services, ports_from=_PORTS_FROM)
        row = asyncio.run(run_many(cycles))
    options.record.write_text(json.dumps(row))
    return 1 if row["left"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
