"""Thousands of operations of one Loader, and what it holds after each thousand: memory, descriptors, threads."""

import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.abuse.footprint import rss_kb
from tests.chaos.releases import APPLIANCE, NEW, OLD, make_releases
from tests.integration.loaders import LoaderBox
from tests.integration.private_engine import PrivateEngine

_A_RESTART = 20
_A_SWITCH = 500
"""Among so many collections of garbage there is one of each."""


@dataclass(frozen=True, slots=True)
class Held:
    """By a Loader's process, after so many operations. ``state_kb``: its database and what is beside it."""

    operations: int
    rss_kb: int
    fds: int
    threads: int
    state_kb: int


def run_operations(engine: PrivateEngine, count: int, record: Path) -> dict[str, object]:
    """Raises: AssertionError when an operation isn't done."""
    with tempfile.TemporaryDirectory(prefix="boxship-operations-") as folder:
        source = make_releases(Path(folder), {"DOCKER_HOST": engine.address})
        home = Path(folder, "box")
        home.mkdir()
        enter = (*engine.enter, f"--wd={home}", "--")
        box = LoaderBox(APPLIANCE, home, {"DOCKER_HOST": engine.address}, engine=engine.address, enter=enter)
        try:
            box.remove()
            box.start("--source", f"dir:{source}")
            box.to(OLD)
            return _run(box, count, record)
        finally:
            box.remove()


def _run(box: LoaderBox, count: int, record: Path) -> dict[str, object]:
    began_s = time.monotonic()
    held: list[Held] = []
    versions = [OLD, NEW]
    for number in range(1, count + 1):
        if number % _A_SWITCH == 0:
            # In the row of operations it is two: a pull, as the gc took the release away, and the switch.
            versions.reverse()
            assert box.pull(versions[0])["status"] == "done"
            assert box.switch(versions[0], allow_downgrade=True)["status"] == "done"
        else:
            path = "/v1/services/web/restart" if number % _A_RESTART == 0 else "/v1/gc"
            ended = box.over(box.begin(path))
            assert ended["status"] == "done", ended
        if number in (100, count) or number % 1000 == 0:
            held.append(_held(box, number))
            print(json.dumps(asdict(held[-1])), flush=True)
    record.write_text("".join(json.dumps(asdict(each)) + "\n" for each in held))
    first, last = held[0], held[-1]
    grew = {key: f"{was} -> {asdict(last)[key]}" for key, was in asdict(first).items()}
    return {**grew, "seconds": round(time.monotonic() - began_s), "most rss_kb": max(each.rss_kb for each in held)}


def _held(box: LoaderBox, number: int) -> Held:
    process = Path(f"/proc/{box.pid}")
    return Held(
        number,
        rss_kb(box.pid),
        len(list((process / "fd").iterdir())),
        len(list((process / "task").iterdir())),
        sum(each.stat().st_size for each in box.state.glob("state.db*")) // 1024,
    )
