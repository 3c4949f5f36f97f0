"""What is on its way from one place to another, a line for each thing."""

import sys
from collections.abc import Callable

from boxship.state.operation import Progress
from boxship.units import format_size


def tell_items(verb: str, *, is_quiet: bool) -> Callable[[Progress], None]:
    """Says on stderr, once for each, which image is on its way: "sending web (12 MB of 80 MB are there)"."""
    told: set[tuple[str, bool]] = set()

    def tell(progress: Progress) -> None:
        phase = progress.item, progress.unpacking is not None
        if not progress.item or phase in told or is_quiet:
            return
        told.add(phase)
        if progress.unpacking is not None:
            print(f"{progress.item}: the engine unpacks {progress.unpacking.total_layers} layers", file=sys.stderr)
        elif (progress.item, True) not in told:
            done, total = format_size(progress.done_bytes), format_size(progress.total_bytes)
            print(f"{verb} {progress.item} ({done} of {total} are there)", file=sys.stderr)

    return tell
