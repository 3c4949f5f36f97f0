"""One box that is cut off again and again: what is prepared, what is asked, and what must hold afterwards."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boxship.errors import EngineError
from boxship.host.gate_rules import chain_names
from boxship.host.places import box_places
from boxship.host.volumes.manifest import fingerprint, manifest
from boxship.plan.observed import Observed
from tests.chaos.commits import watch_commits
from tests.chaos.counting_proxy import counting_proxy
from tests.chaos.host import Host, host_of
from tests.chaos.points import Counts, Cut
from tests.chaos.releases import APPLIANCE, BROKEN, NEW, OLD, make_releases, write_what_is_hard_to_carry
from tests.integration.loaders import LoaderBox
from tests.integration.private_engine import PrivateEngine

OPERATIONS = ("boot", "pull", "switch", "broken switch", "rollback", "gc")
RECOVERS_WITHIN_S = 60.0
_POLL_S = 0.02
_GONE = (OSError, http.client.HTTPException, json.JSONDecodeError)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a box remembers of its deployments: (version, generation)."""

    current: tuple[str, int]
    previous: tuple[str, int] | None
    trial: object
    operation_id: str
    waiting: frozenset[str] = frozenset()
    """Versions that were pulled to be switched to: newer than current, and not found bad."""
    engine_start: str = ""
    """Under which start of the engine the box was booted."""

    @property
    def generations(self) -> set[int]:
        return {self.current[1]} | (set() if self.previous is None else {self.previous[1]})


@dataclass(frozen=True, slots=True)
class Result:
    """How one cut went. ``is_reached``: the operation did not end before that point."""

    is_reached: bool
    kinds: list[str]
    """Of the requests, in their order."""
    commits: int
    outcome: str
    recovery_s: float
    engine_restarts: int
    """How often the box asked its host for another start of the engine."""


class Subject:
    """A box on an engine of its own, of which only this may be cut. Made by ``subject_on``."""

    def __init__(self, engine: PrivateEngine, host: Host, box: LoaderBox, counts: Counts, source: Path) -> None:
        self._engine = engine
        self._host = host
        self.box = box
        self._counts = counts
        self._source = ("--source", f"dir:{source}")
        self._data: dict[str, str] = {}
        """Version -> the fingerprint of the data that it leaves."""

    # -- the ground

    def begin(self) -> None:
        """A box that has gone from the old release to the new one and back, so that both left their data."""
        self.box.start(*self._source)
        self.box.to(OLD)
        write_what_is_hard_to_carry(self.box.volume("data.g1"))
        self._data[OLD] = self._fingerprints()[1]
        self.box.to(NEW)
        prints = self._fingerprints()
        self._data[NEW] = prints[2]
        assert prints[1] == self._data[OLD]
        old, new = (set(manifest(self.box.volume(f"data.g{number}"))) for number in (1, 2))
        # The folder itself, which has another time now, and the file that the migration writes: all else went over.
        assert (len(old - new), len(new - old)) == (1, 2), sorted(old ^ new)
        self._must(self._rollback())
        self.verify()

    def prepare(self, operation: str) -> None:
        """What the operation needs. The box runs, and is well."""
        version = self.kept().current[0]
        match operation:
            case "switch" | "pull" | "broken switch" if version == NEW:
                self._must(self._rollback())
            case "gc":
                # A generation, a release and images that nobody needs.
                self._must(self._rollback())
                self._pull(BROKEN)
            case _:
                pass
        match operation:
            case "switch":
                self._pull(NEW)
            case "broken switch":
                self._pull(BROKEN)
            case "pull":
                self._must(self._gc())
            case "boot":
                self.box.end(signal.SIGTERM)
                self._stop_all()
            case _:
                pass

    # -- one cut

    def cut(self, operation: str, cut: Cut | None) -> Result:
        """Prepare, ask, cut off at that point (None: nowhere), recover, and hold all that must be to what is there.

        Raises: AssertionError with what doesn't hold.
        """
        self.prepare(operation)
        before, restarts = self.kept(), self._host.restarts
        with watch_commits(self.box.state / "state.db", self._counts):
            self._counts.arm(cut, lambda: self._strike(cut))
            self._ask(operation)
            # In this order: the operation is over, but a last request of its Loader may just be at the point.
            self._counts.disarm()
            is_reached = self._counts.is_struck.is_set()
        kinds, commits = list(self._counts.requests), self._counts.commits
        recovery_s = self._recover(cut, before, is_reached=is_reached)
        after = self.verify()
        outcome = self._outcome(operation, before, after)
        self._must(self._gc())
        self.verify()
        self.no_orphans()
        if is_reached:
            self._again(operation)
        return Result(is_reached, kinds, commits, outcome, recovery_s, self._host.restarts - restarts)

    def _strike(self, cut: Cut | None) -> None:
        assert cut is not None
        if cut.way.kills_engine:
            self._engine.kill()
        else:
            os.kill(self.box.pid, signal.SIGKILL)

    def _ask(self, operation: str) -> None:
        """Until it is over, or cut."""
        if operation == "boot":
            self.box.launch(*self._source)
            self._until(lambda: bool(self.box.boot()["is_ready"]))
            return
        asked = ""
        with contextlib.suppress(*_GONE):
            asked = self._begin(operation)
        if asked:
            self._until(lambda: self.box.get(f"/v1/operations/{asked}")["status"] != "running")
        else:
            assert self._counts.is_struck.is_set(), "the box hung up, and nobody had cut it off"

    def _begin(self, operation: str) -> str:
        match operation:
            case "pull":
                return self.box.begin("/v1/images/pull", {"version": BROKEN})
            case "switch":
                return self.box.begin("/v1/switch", {"version": NEW})
            case "broken switch":
                return self.box.begin("/v1/switch", {"version": BROKEN})
            case "rollback":
                return self.box.begin("/v1/rollback")
            case "gc":
                return self.box.begin("/v1/gc")
            case _:
                return self.box.begin("/v1/boot")

    def _until(self, is_over: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + RECOVERS_WITHIN_S
        while not self._counts.is_struck.is_set():
            with contextlib.suppress(*_GONE):
                if is_over():
                    return
            assert time.monotonic() < deadline_s, f"it doesn't end: {self.box.last_words()}"
            time.sleep(_POLL_S)

    def _recover(self, cut: Cut | None, before: Kept, *, is_reached: bool) -> float:
        """What the machine does by itself: what was killed starts again. Seconds from then until all is well."""
        began_s, seen = time.monotonic(), ""
        if cut is not None and is_reached and cut.way.kills_engine:
            # Until the Loader knows of the engine's new start it says what was true under the one before.
            seen = before.engine_start
            self._engine.start()
        elif is_reached:
            self.box.end(signal.SIGKILL)
            self.box.start(*self._source)
        self.box.eventually(
            lambda: self._is_well() and self.kept().engine_start != seen,
            f"it is well: {self.box.last_words()}",
            RECOVERS_WITHIN_S,
        )
        return time.monotonic() - began_s

    def _is_well(self) -> bool:
        with contextlib.suppress(*_GONE, EngineError):
            # Until the Loader hears that the engine died it says what was: so the engine is asked as well.
            kept = self.kept()
            return bool(self.box.boot()["is_ready"]) and not kept.operation_id and self.box.running() == _runs(kept)
        return False

    # -- what must hold

    def verify(self) -> Kept:
        """Wholly one release, with the data that belongs to it, and nothing under way."""
        kept = self.kept()
        version = kept.current[0]
        assert (kept.trial, kept.operation_id) == (None, ""), kept
        assert self.box.boot()["tag"] == version
        runs = self.box.running()
        assert runs == _runs(kept), f"{runs} run: {self.box.last_words()}"
        prints = self._fingerprints()
        for its_version, number in (kept.current, *([kept.previous] if kept.previous else [])):
            assert prints.get(number) == self._data[its_version], f"the data of {its_version} (g{number})"
        ended = {each["status"] for each in self.box.get("/v1/operations")["operations"]}
        assert "running" not in ended, ended
        chains = chain_names(APPLIANCE).all
        rules = self._inside("iptables-save")
        assert not any(chain in rules for chain in chains), "the gate's chains are there"
        return kept

    def no_orphans(self) -> None:
        """After a gc: nothing but what current, previous and waiting releases need, on the engine and in the folder."""
        kept, observed = self.kept(), self.box.observe_all()
        found = _generations(observed)
        assert found <= kept.generations, f"generations {found}, needed are {kept.generations}"
        versions = {kept.current[0], *([kept.previous[0]] if kept.previous else []), *kept.waiting}
        releases = [json.loads(path.read_bytes()) for path in self.box.state.glob("releases/*/release.json")]
        assert {each["version"] for each in releases} == versions
        folders = {path.name for path in self.box.state.glob("releases/*")}
        assert len(folders) == len(versions)
        assert {path.stem for path in self.box.state.glob("records/*")} == folders
        tags = {tag for image in observed.images for tag in image.tags if tag.startswith(f"{APPLIANCE}/")}
        assert {tag.rpartition(":")[2] for tag in tags} <= versions, tags
        nobodys = [image.id for image in observed.images if not image.tags and not image.digests]
        assert not nobodys, f"images without a name: {nobodys}"
        blobs = [path for path in self.box.state.glob("blobs/**/*") if path.is_file()]
        assert not blobs, f"begun downloads: {blobs}"

    @staticmethod
    def _outcome(operation: str, before: Kept, after: Kept) -> str:
        """``old`` or ``new``."""
        if after.current == before.current:
            assert after.previous == before.previous
            return "old"
        goal = {"switch": NEW, "rollback": before.previous[0] if before.previous else ""}.get(operation)
        assert after.current[0] == goal, f"{before} became {after} by a {operation}"
        assert after.previous == before.current
        return "new"

    def _again(self, operation: str) -> None:
        """The box is one like any other: what was asked for can be asked for again."""
        match operation:
            case "boot":
                self._must(self.box.over(self.box.begin("/v1/boot")))
            case "broken switch":
                self._pull(BROKEN)
                done = self.box.over(self._begin(operation))
                assert done["status"] == "failed", done
                self.box.booted()
            case "switch":
                self._pull(NEW)
                self._must(self.box.over(self._begin(operation)))
            case _:
                self._must(self.box.over(self._begin(operation)))
        self.verify()

    # -- small deeds

    def _must(self, operation: dict[str, Any]) -> None:
        assert operation["status"] == "done", operation
        self.box.booted()

    def _rollback(self) -> dict[str, Any]:
        return self.box.over(self.box.begin("/v1/rollback"))

    def _gc(self) -> dict[str, Any]:
        return self.box.over(self.box.begin("/v1/gc"))

    def _pull(self, version: str) -> None:
        self._must(self.box.pull(version))

    def _stop_all(self) -> None:
        """As after the machine's own start: nothing runs, all is there."""
        names = self.box.running()
        command = ["docker", "--host", self._engine.address, "stop", "--time", "1", *names]
        subprocess.run(command, check=True, capture_output=True, timeout=RECOVERS_WITHIN_S)

    def _inside(self, *argv: str) -> str:
        done = subprocess.run(
            [*self._engine.enter, *argv], check=True, capture_output=True, text=True, timeout=RECOVERS_WITHIN_S
        )
        return done.stdout

    def kept(self) -> Kept:
        """From the copy beside the database, which people and tests can read without asking anybody."""
        _, _, body = (self.box.state / "state.db.copy").read_bytes().partition(b"\n")
        state = json.loads(body)["state"]
        current, bad = _deployment(state["current"]), state.get("bad_releases", {})
        pulled = state.get("pulled", {}).items()
        return Kept(
            current,
            None if state.get("previous") is None else _deployment(state["previous"]),
            state.get("trial"),
            state.get("operation_id", ""),
            frozenset(version for version, its_id in pulled if version > current[0] and its_id not in bad),
            state.get("engine_start", ""),
        )

    def _fingerprints(self) -> dict[int, str]:
        """Generation -> fingerprint of its data."""
        mine = [each for each in self.box.observe().volumes if each.appliance == APPLIANCE]
        return {each.generation: fingerprint(Path(each.mountpoint)) for each in mine}


def _deployment(data: dict[str, Any]) -> tuple[str, int]:
    return data["version"], data["generation"]


def _runs(kept: Kept) -> list[str]:
    """What must run of the current deployment."""
    return [f"{APPLIANCE}.web.g{kept.current[1]}"]


def _generations(observed: Observed) -> set[int]:
    """Of all that carries the appliance's label."""
    containers = {each.generation for each in observed.containers if each.appliance == APPLIANCE}
    networks = {each.generation for each in observed.networks if each.appliance == APPLIANCE}
    volumes = {each.generation for each in observed.volumes if each.appliance == APPLIANCE}
    return containers | networks | volumes


@contextmanager
def subject_on(engine: PrivateEngine) -> Iterator[Subject]:
    """A box with three releases to choose from, in a folder that is gone afterwards."""
    counts = Counts()
    with (
        tempfile.TemporaryDirectory(prefix="boxship-chaos-") as folder,
        counting_proxy(engine.address, counts) as proxy,
    ):
        source = make_releases(Path(folder), {"DOCKER_HOST": engine.address})
        home = Path(folder, "box")
        home.mkdir()
        box = LoaderBox(
            APPLIANCE, home, {"DOCKER_HOST": proxy.address}, engine=engine.address, enter=_enter(engine, home)
        )
        places = box_places(APPLIANCE, box.state, box.socket.parent)
        try:
            # What making them left on the engine: a box gets its images with its releases.
            box.remove()
            with host_of(places, lambda: _restart(engine)) as host:
                subject = Subject(engine, host, box, counts, source)
                subject.begin()
                yield subject
        finally:
            engine.start()
            box.remove()


def _restart(engine: PrivateEngine) -> None:
    engine.stop()
    engine.start()


def _enter(engine: PrivateEngine, home: Path) -> tuple[str, ...]:
    """nsenter forgets the working directory."""
    return (*engine.enter, f"--wd={home}", "--")
