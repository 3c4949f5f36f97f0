"""What is on its way from one place to another, a line for each thing."""

import sys
from collections.abc import Callable

from boxship.state.operation import Progress
from boxship.units import format_size


def tell_items(verb: str, *, is_quiet: bool) -> Callable[[Progress], None]:
    """Says on stderr, once for each, which image is on its way: "sending web (12 MB of 80 MB are there)"."""
    told: set[str] = set()

    def tell(progress: Progress) -> None:
        if progress.item and progress.item not in told and not is_quiet:
            told.add(progress.item)
            done, total = format_size(progress.done_bytes), format_size(progress.total_bytes)
            print(f"{verb} {progress.item} ({done} of {total} are there)", file=sys.stderr)

    return tell
