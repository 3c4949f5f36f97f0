"""Images on their way from or to a registry: how far they are, and once more when a registry broke off.

What an engine has got whole it keeps, so that another try goes on where the last one was cut off.
"""

from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from boxship.clock import Clock
from boxship.engine.port import ImageEngine, PullProgress
from boxship.errors import ImageMissingError, PushError
from boxship.events import Event, ImageProgress, Notice
from boxship.plan.action import PullImage, PushImage
from boxship.units import format_size

PAUSES_S = (1.0, 3.0)
"""Between the tries, each longer than the last; the engine itself tries every layer five times."""
_RATE_WINDOW_S = 5.0
_LEAST_INTERVAL_S = 0.1
"""A fast pull has thousands of lines a second."""
_ENDED = frozenset({"Pull complete", "Already exists", "Pushed", "Layer already exists"})
_MOVED = frozenset({"Download complete", "Verifying Checksum", *_ENDED})


class TransferBuilder:
    """Adds up what an engine says of the layers of one image. Bytes never go back, also when a layer begins anew."""

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}
        self._ended: set[str] = set()
        self._again: dict[str, str] = {}
        self._seen: deque[tuple[float, int]] = deque()
        self._is_unpacking = False
        self.was_tried_again = False
        """The engine itself has begun a layer anew."""

    def feed(self, line: PullProgress, at_s: float) -> ImageProgress:
        """How far it is after ``line``; ``at_s`` is the monotonic time of it."""
        if line.layer:
            self._feed_layer(line)
        done_bytes = sum(self._done.values())
        self._seen.append((at_s, done_bytes))
        while self._seen[0][0] < at_s - _RATE_WINDOW_S:
            self._seen.popleft()
        text = self._text(done_bytes, at_s) if self._done else line.status
        return ImageProgress(self._reference, text, done_bytes, sum(self._total.values()))

    def _feed_layer(self, line: PullProgress) -> None:
        layer = line.layer
        self._done.setdefault(layer, 0)
        self._again.pop(layer, None)
        if line.status.startswith("Retrying in"):
            self._again[layer] = line.status.removeprefix("Retrying in ")
            self.was_tried_again = True
        elif line.status in _MOVED or line.status.startswith("Mounted from"):
            self._done[layer] = self._total.get(layer, 0)
            if line.status not in _MOVED - _ENDED:
                self._ended.add(layer)
        elif line.status in ("Downloading", "Pushing"):
            self._total[layer] = max(self._total.get(layer, 0), line.total_bytes, line.done_bytes)
            self._done[layer] = max(self._done[layer], line.done_bytes)
        self._is_unpacking = line.status == "Extracting"

    def _text(self, done_bytes: int, at_s: float) -> str:
        total_bytes = sum(self._total.values())
        parts = [f"{len(self._ended)} of {len(self._done)} layers"]
        if total_bytes:
            parts.insert(0, f"{format_size(done_bytes)} of {format_size(total_bytes)}")
        began_s, first_bytes = self._seen[0]
        if 0 < done_bytes < total_bytes and at_s - began_s >= 1.0:
            parts.append(f"{format_size(round((done_bytes - first_bytes) / (at_s - began_s)))}/s")
        if self._is_unpacking and done_bytes >= total_bytes:
            parts.append("unpacking")
        if self._again:
            parts.append(f"the registry broke off, the engine tries again in {next(iter(self._again.values()))}")
        return ", ".join(parts)


async def transfer(
    action: PullImage | PushImage, engine: ImageEngine, publish: Callable[[Event], None], clock: Clock
) -> None:
    """Pull or push to the end. Raises: what the engine does, once trying again is of no use."""
    for number, pause_s in enumerate((*PAUSES_S, None), 2):
        sum_up = TransferBuilder(action.reference)
        try:
            await _follow(_stream(action, engine), sum_up, publish, clock)
        except (ImageMissingError, PushError) as error:
            # An engine that has tried a layer for more than a minute has tried enough.
            if pause_s is None or not error.is_transient or sum_up.was_tried_again:
                raise
            again = f"try {number} of {len(PAUSES_S) + 1} in {pause_s:g} s"
            publish(ImageProgress(action.reference, again))
            publish(Notice(f"{action.reference}: {error.reason}: {again}"))
            await clock.sleep(pause_s)
        else:
            return


async def _follow(
    stream: AsyncGenerator[PullProgress, None],
    sum_up: TransferBuilder,
    publish: Callable[[Event], None],
    clock: Clock,
) -> None:
    last_s = -_LEAST_INTERVAL_S
    progress = None
    async with aclosing(stream) as lines:
        async for line in lines:
            now_s = clock.monotonic_s()
            progress = sum_up.feed(line, now_s)
            if now_s - last_s >= _LEAST_INTERVAL_S:
                publish(progress)
                progress, last_s = None, now_s
    if progress is not None:
        publish(progress)


def _stream(action: PullImage | PushImage, engine: ImageEngine) -> AsyncGenerator[PullProgress, None]:
    match action:
        case PullImage(reference, platform):
            return engine.pull_image(reference, platform=platform)
        case PushImage(reference):
            return engine.push_image(reference)
