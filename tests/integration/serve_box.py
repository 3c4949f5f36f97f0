"""A program that serves a fake box: ``python -m tests.integration.serve_box SOCKET``. SIGTERM ends it.

It publishes an event whenever it reads a line from its standard input.
"""

import asyncio
import signal
import sys

from boxship.api.app import make_api
from boxship.api.route import Doors
from boxship.clock import SystemClock
from boxship.events import Notice
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate
from boxship.serve.limiter import Limiter
from boxship.serve.listeners import Listeners, Unix
from boxship.serve.prefix import ByPrefix
from boxship.web.app import make_pages
from boxship.web.asked import Pages
from tests.fakes.access import FakeJournal, FakePower, FakeTokens
from tests.fakes.box import FakeBox

_DEADLINE_S = 30.0


async def serve(path: str) -> None:
    clock, closing, over = SystemClock(), Closing(), asyncio.Event()
    box, tokens = FakeBox(clock), FakeTokens(clock)
    gate = Gate(tokens, clock, Limiter())
    api = make_api(Doors(box, FakePower(), tokens, FakeJournal(), clock, closing), gate)
    app = ByPrefix({"/v1": api}, make_pages(Pages(box, gate, FakeJournal(), clock, closing)))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    loop.add_reader(sys.stdin.fileno(), lambda: box.publish(Notice(sys.stdin.readline().strip())))
    listeners = Listeners(closing)
    failed = await listeners.listen({Unix(path): app})
    assert not failed, failed
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    await over.wait()
    # Nobody is cut while the machine is only busy: all hear the last word.
    await listeners.close(within_s=_DEADLINE_S)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
