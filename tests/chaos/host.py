"""The host below a box that is cut off: it starts the engine anew when a Loader asks sail for it, as systemd would."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from boxship.host.places import Places

_END = "end"


class Host:
    """What sail writes and reads, without the rest of it. ``restarts``: how often the engine was started anew."""

    def __init__(self, places: Places, restart: Callable[[], None]) -> None:
        self._places = places
        self._restart = restart
        self.restarts = 0

    def listen(self, pipe: int) -> None:
        """Until it is told to end."""
        with os.fdopen(pipe, closefd=False) as lines:
            for line in lines:
                number, _, what = line.strip().partition(" ")
                if what == _END:
                    return
                assert what == "restart-engine", line
                self._places.sail_answer.write_text(f"{number} \n")
                self._restart()
                self.restarts += 1


@contextmanager
def host_of(places: Places, restart: Callable[[], None]) -> Iterator[Host]:
    """One that can nothing but that."""
    places.run.mkdir(parents=True, exist_ok=True)
    places.sail_host.write_text("os=a machine of tests\ncan=restart-engine\nwhy=\n")
    os.mkfifo(places.sail_requests)
    # For both, so that it neither waits for a Loader nor ends with one.
    pipe = os.open(places.sail_requests, os.O_RDWR)
    host = Host(places, restart)
    listening = threading.Thread(target=host.listen, args=(pipe,))
    listening.start()
    try:
        yield host
    finally:
        os.write(pipe, f"0 {_END}\n".encode())
        listening.join()
        os.close(pipe)
