"""Signals in a ``pull`` from a real registry: at a counted call, after counted bytes, or at any time.

``python -m tests.abuse.pulls --rounds 50 --record FILE`` runs beside the engine of DOCKER_HOST.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.abuse.rounds import SIGNALS, run_rounds
from tests.abuse.subject import Ended, assert_told_well, cut_off
from tests.contracts.images import TEST_IMAGE
from tests.integration.boxes import Box
from tests.integration.flaky import Line, line_to
from tests.integration.hostile_proxy import HostileProxy, Moment, hostile_proxy
from tests.integration.registries import registry

IMAGES = ("one", "two", "three")
LAYERS = 2
LAYER_BYTES = 256 * 1024
_PAUSE_S = 0.01
"""After every 16 KiB, so that a pull of everything takes about a second."""
_DEADLINE_S = 60


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a box pulls: three images with layers that no other image has, over a line that can be watched."""

    box: Box
    line: Line
    proxy: HostileProxy
    ids: dict[str, str]
    """Reference -> the image that was pushed under it."""

    def cut(self, moment: Moment | int | float, signals: tuple[signal.Signals, ...]) -> Ended:
        """A ``pull`` that is cut off at a call, after so many bytes (int), or so many seconds (float).

        Raises: AssertionError when it ends badly.
        """
        self.line.passed_bytes = 0
        self.proxy.misbehave(None)
        if isinstance(moment, Moment):
            self.proxy.stop_at(moment)
        ended = cut_off(self.box, ("pull",), self._is_moment(moment), signals, self.proxy.go_on)
        assert_told_well(ended.ran, may_be_killed=True)
        return ended

    def _is_moment(self, moment: Moment | int | float) -> Callable[[Path], bool]:
        match moment:
            case Moment():
                return lambda _: self.proxy.is_reached(0)
            case int():
                return lambda _: self.line.passed_bytes >= moment
            case float():
                until_s = time.monotonic() + moment
                return lambda _: time.monotonic() >= until_s

    def must_recover(self) -> None:
        """The next plain ``pull`` has everything, as it was pushed, and there is nothing else; then all of it goes."""
        self.box.run("pull").must()
        assert "nothing to do" in self.box.run("pull", "--policy", "missing").must().stderr
        here = {each: self._docker("image", "inspect", "--format", "{{.Id}}", each).strip() for each in self.ids}
        assert here == self.ids
        assert self.box.observe().containers_of(self.box.name) == ()
        self.forget()

    def forget(self) -> None:
        """The engine has none of the images any more."""
        self._docker("rmi", "--force", *self.ids)

    def _docker(self, *arguments: str) -> str:
        environment = {**os.environ, "DOCKER_HOST": self.proxy.engine}
        return subprocess.run(
            ["docker", *arguments], env=environment, check=True, capture_output=True, text=True, timeout=_DEADLINE_S
        ).stdout


@contextmanager
def shelf(box: Box, engine: str, folder: Path) -> Iterator[Shelf]:
    """A registry with the images, and a box that pulls them. ``engine``: unix://..., as DOCKER_HOST has it."""
    with ExitStack() as stack:
        store = stack.enter_context(registry(folder))
        line = stack.enter_context(line_to(store.address))
        line.pause_s = _PAUSE_S
        proxy = stack.enter_context(hostile_proxy(engine))
        ids = {}
        for name in IMAGES:
            made = _make_image()
            store.push(made, f"{box.name}/{name}:1")
            ids[f"{line.address}/{box.name}/{name}:1"] = made
        # Not before all are pushed: what one has in common with another would go along.
        subprocess.run(
            ["docker", "rmi", "--force", *ids.values()], check=True, capture_output=True, timeout=_DEADLINE_S
        )
        services = "".join(f'  s{number}: {{image: "{each}"}}\n' for number, each in enumerate(ids))
        box.write(f"services:\n{services}")
        (folder / "config.json").write_text(json.dumps(_login(store.login, line.address)))
        box.environment |= {"DOCKER_HOST": proxy.address, "DOCKER_CONFIG": str(folder)}
        try:
            yield Shelf(box, line, proxy, ids)
        finally:
            box.environment["DOCKER_HOST"] = engine
            remove = ["docker", "rmi", "--force", *ids]
            subprocess.run(remove, check=False, capture_output=True, timeout=_DEADLINE_S)


def _login(login: dict[str, object], address: str) -> dict[str, object]:
    """The same for another address of the registry."""
    auths = login["auths"]
    assert isinstance(auths, dict)
    return {"auths": {address: next(iter(auths.values()))}}


def _make_image() -> str:
    with tempfile.TemporaryDirectory(prefix="boxship-pulls-") as folder:
        lines = [f"FROM {TEST_IMAGE}"]
        for number in range(LAYERS):
            Path(folder, f"noise{number}").write_bytes(os.urandom(LAYER_BYTES))
            lines.append(f"COPY noise{number} /")
        Path(folder, "Dockerfile").write_text("\n".join(lines))
        build = ["docker", "build", "--quiet", folder]
        environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
        done = subprocess.run(build, env=environment, check=True, capture_output=True, text=True, timeout=_DEADLINE_S)
    return done.stdout.strip()


def choose(rng: random.Random) -> tuple[Moment | int | float, tuple[signal.Signals, ...]]:
    """When a round's pull is cut off, and by what."""
    moments: tuple[Moment | int | float, ...] = (
        Moment("pull", rng.randint(1, len(IMAGES)), is_answered=rng.random() < 0.5),
        rng.randrange(1, len(IMAGES) * LAYERS * LAYER_BYTES),
        rng.uniform(0.05, 2.0),
    )
    return rng.choice(moments), rng.choice(SIGNALS)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.abuse.pulls")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--record", type=Path, required=True)
    options = parser.parse_args(argv)
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="boxship-pulls-") as first, tempfile.TemporaryDirectory() as second:
        box = Box(f"pulls-{os.getpid()}", Path(first), {"TEST_IMAGE": TEST_IMAGE})
        with shelf(box, os.environ["DOCKER_HOST"], Path(second)) as made:

            def attempt() -> tuple[str, tuple[signal.Signals, ...], Ended]:
                moment, signals = choose(rng)
                ended = made.cut(moment, signals)
                made.must_recover()
                return str(moment), signals, ended

            return run_rounds(options.rounds, options.seed, options.record, attempt)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
