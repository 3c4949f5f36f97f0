"""A Loader that has nothing to do: what it holds in memory, and how soon its page shows what the engine tells."""

import http.client
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from benchmarks.engine import EngineApi
from benchmarks.figures import Failure, Outcome, Sample
from benchmarks.goals import Quantity
from benchmarks.loader_box import LoaderBox, free_ports, loader_box
from benchmarks.releases import make_releases
from benchmarks.rows import Row
from benchmarks.small_box import LAYERS, small_texts
from benchmarks.tools import BOXSHIP
from benchmarks.trials import Contest, Stage

REQUESTS = 50
_PATHS = ("/v1/boot", "/v1/progress", "/v1/why", "/v1/operations", "/v1/status")
_IDLE, _PAGE = "loader-idle", "loader-page"
_DEADLINE_S = 60.0
_ENDED = LAYERS[0][-1]
_EVENT = b"event: progress"


class Loaders:
    """The trial."""

    rows = (
        Row(_IDLE, f"the Loader after {REQUESTS} requests to its API; wall: one request", Quantity.RESIDENT),
        Row(_PAGE, "from a container's end to the page's event", Quantity.LATENCY),
    )

    @contextmanager
    def open(self, stage: Stage) -> Iterator[Contest]:
        folder = stage.folder / "loader"
        folder.mkdir()
        name, (port,) = f"{stage.name}-loader", free_ports(1)
        releases = make_releases(folder, name, small_texts(name, stage.image, port), stage.environment)
        with loader_box(name, folder, stage.engine, releases, environment=stage.environment) as box:
            yield _LoaderContest(stage.engine, box)


LOADERS = Loaders()


class _LoaderContest:
    titles: Mapping[str, str] = {BOXSHIP: "boxship"}
    left_out: Sequence[str] = ()

    def __init__(self, engine: EngineApi, box: LoaderBox) -> None:
        self._engine = engine
        self._box = box

    def turn(self, key: str, row: Row) -> Iterable[Outcome]:
        self._box.wait_until_ready()
        return (_ask_often(self._box) if row.key == _IDLE else self._end_one(),)

    def _end_one(self) -> Outcome:
        """A container is killed while somebody looks at the page; the Loader starts it again."""
        ended = self._box.container(_ENDED)
        connection = http.client.HTTPConnection("127.0.0.1", self._box.page_port, timeout=_DEADLINE_S)
        try:
            connection.request("GET", "/boxship/events")
            page = connection.getresponse()
            wait_for_event(page)  # how it is now
            began_s, used_s = time.monotonic(), self._box.cpu_s()
            self._engine.kill(ended)
            wait_for_event(page)
            seen_at_s, wall_s = time.time(), time.monotonic() - began_s
        except (OSError, http.client.HTTPException) as err:
            return Failure(f"the page told nothing: {err}")
        finally:
            connection.close()
        cpu_s = self._box.cpu_s() - used_s
        self._box.wait_until_running(_ENDED)
        return Sample(wall_s, cpu_s, None, None, late_s=seen_at_s - self._engine.finished_at_s(ended))


def wait_for_event(page: Iterable[bytes]) -> None:
    """Read up to the next event about progress. Raises: HTTPException when the page ends before."""
    for line in page:
        if line.startswith(_EVENT):
            return
    raise http.client.HTTPException("it ended")


def _ask_often(box: LoaderBox) -> Outcome:
    began_s, used_s = time.monotonic(), box.cpu_s()
    for number in range(REQUESTS):
        box.ask("GET", _PATHS[number % len(_PATHS)])
    wall_s, cpu_s = time.monotonic() - began_s, box.cpu_s() - used_s
    return Sample(wall_s / REQUESTS, cpu_s / REQUESTS, None, None, resident_mib=box.resident_mib())
