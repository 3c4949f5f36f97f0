"""How long a switch keeps a PostgreSQL away that pgbench writes into until the stop, and what came of its data.

The floor knows the bytes that changed since its copy under load, which nobody does: all that it does between the stop
and the start is a look at each file, and bringing those bytes over. What is looked at for the comparison isn't timed.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.blocks import find_changes, write_changes
from benchmarks.engine_cpu import cpu_between_s, read_usage
from benchmarks.figures import Failure, Outcome
from benchmarks.goals import Quantity
from benchmarks.loader_box import LoaderBox, free_ports, loader_box
from benchmarks.postgres import (
    FILES,
    SERVICE,
    accepts_connections,
    check,
    container_body,
    count_transfers,
    fill,
    is_left_alone,
    load,
    postgres_texts,
)
from benchmarks.raw_box import Body, RawBox, raw_box
from benchmarks.releases import make_releases
from benchmarks.rows import Row
from benchmarks.stopwatch import Stopwatch
from benchmarks.switches import COPYING, SCANNING, TITLES, copy_all, count_differing, look_for_means, outcome_of
from benchmarks.tools import BOXSHIP
from benchmarks.trials import Contest, Stage
from benchmarks.upgrades import WRITTEN_FOR_S, changed_since, sync
from boxship.execute.generations import discard

_PASSES_UNDER_LOAD = 2


class Databases:
    """The trial."""

    rows = (Row("switch-postgres", "switch: PostgreSQL away, with 300 MiB of tables under pgbench", Quantity.WALL),)

    @contextmanager
    def open(self, stage: Stage) -> Iterator[Contest]:
        look_for_means()
        with ExitStack() as stack:
            yield DatabaseContest(stage, stack)


DATABASES = Databases()


class DatabaseContest:
    """Both appliances have the image that ours is built with; they are made on the first use, and stay."""

    titles: Mapping[str, str] = TITLES
    left_out: Sequence[str] = ()

    def __init__(self, stage: Stage, stack: ExitStack) -> None:
        self._stage = stage
        self._stack = stack
        self._name, self._raw_name = f"{stage.name}-postgres", f"{stage.name}-raw-postgres"
        self._folder = stage.folder / "postgres"
        self._image = f"{self._name}/{SERVICE}:latest"
        self._releases: Path | None = None
        self._ours: LoaderBox | None = None
        self._raw: RawBox | None = None

    def turn(self, key: str, row: Row) -> Iterable[Outcome]:
        return (self._switch(self._our_box()) if key == BOXSHIP else self._by_hand(self._raw_box(), key),)

    def _switch(self, box: LoaderBox) -> Outcome:
        """To the other release; the generation before the last one is removed."""
        engine, before, old = self._stage.engine, box.data(), box.container(SERVICE)
        kept = count_transfers(engine, old)
        engine_before, used_s = read_usage(), box.cpu_s()
        with load(engine, f"{self._name}-pgbench", self._image, old) as running:
            operation = box.switch()
            engine_cpu_s, cpu_s = cpu_between_s(engine_before, read_usage()), box.cpu_s() - used_s
            if operation["status"] != "done":
                return outcome_of(operation, cpu_s, engine_cpu_s, 0)
            differing = count_differing(before, box.data(), is_left_alone)
            confirmed = running.confirmed()
        complaint = check(engine, box.container(SERVICE), kept, confirmed)
        box.operate("/v1/gc")
        sync(before)
        return Failure(complaint) if complaint else outcome_of(operation, cpu_s, engine_cpu_s, differing)

    def _by_hand(self, box: RawBox, key: str) -> Outcome:
        engine, database, watch = box.engine, box.containers[SERVICE], Stopwatch()
        kept = count_transfers(engine, database)
        try:
            with load(engine, f"{self._name}-pgbench", self._image, database) as running:
                if key == SCANNING:
                    _copy_under_load(box)
                time.sleep(WRITTEN_FOR_S)
                with watch.running():
                    box.stop()
                copy = _copying(box, key)
                with watch.running():
                    copy()
                differing = count_differing(box.data, box.copy) if key == COPYING else None
                incomplete = find_changes(box.data, box.copy)
                with watch.running():
                    box.start()
                confirmed = running.confirmed()
            if incomplete:
                return Failure(f"{incomplete[0].path} is another one in the copy")
            complaint = self._check(box, key, kept, confirmed)
            return Failure(complaint) if complaint else watch.sample(differing)
        finally:
            discard(box.copy)
            sync(box.data)

    def _check(self, box: RawBox, key: str, kept: int, confirmed: int) -> str:
        """A whole copy by a server that is started on it; the floor's has nobody's owners, so it is the database."""
        if key == SCANNING:
            return check(box.engine, box.containers[SERVICE], kept, confirmed)
        name = f"{self._raw_name}.check"
        container = box.engine.create_container(
            name, container_body(self._image, self._raw_name, f"{self._raw_name}.copy")
        )
        try:
            box.engine.start(container)
            return check(box.engine, container, kept, confirmed)
        finally:
            box.engine.stop(container)
            box.engine.remove_container(container)

    def _our_box(self) -> LoaderBox:
        if self._ours is None:
            stage, releases = self._stage, self._make_releases()
            self._ours = self._stack.enter_context(
                loader_box(
                    self._name, self._folder, stage.engine, releases, environment=stage.environment, written_by=SERVICE
                )
            )
            fill(stage.engine, self._ours.container(SERVICE))
        return self._ours

    def _raw_box(self) -> RawBox:
        if self._raw is None:
            self._make_releases()
            (port,), name = free_ports(1), self._raw_name

            def body_of(_: str) -> Body:
                return container_body(self._image, name, f"{name}.data", port)

            self._raw = self._stack.enter_context(
                raw_box(name, self._stage.engine, ((SERVICE,),), body_of, lambda: accepts_connections(port))
            )
            fill(self._stage.engine, self._raw.containers[SERVICE])
        return self._raw

    def _make_releases(self) -> Path:
        """Once, with the image in them; it takes minutes where its base isn't there yet."""
        if self._releases is None:
            stage, (port,) = self._stage, free_ports(1)
            shutil.copytree(FILES, self._folder / "files")
            self._stack.callback(stage.engine.sweep_images, f"{self._name}/")
            self._releases = make_releases(
                self._folder, self._name, postgres_texts(self._name, port), stage.environment, has_builds=True
            )
        return self._releases


def _copy_under_load(box: RawBox) -> None:
    """As good as it gets before the stop."""
    for _ in range(_PASSES_UNDER_LOAD):
        write_changes(box.data, box.copy, find_changes(box.data, box.copy))


def _copying(box: RawBox, key: str) -> Callable[[], None]:
    """What is done between the stop and the start, when the containers are stopped."""
    if key == COPYING:
        return lambda: copy_all(box.data, box.copy)
    changes = find_changes(box.data, box.copy)

    def scan() -> None:
        changed_since(box.data, time.time_ns())
        write_changes(box.data, box.copy, changes)

    return scan
