"""What the pages ask."""

from msgspec import Struct

from boxship.clock import Clock
from boxship.loader.access import Journal
from boxship.loader.box import Box
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate


class Pages(Struct, frozen=True):
    """``journal``: where it is written what was done from a page.

    ``page_port``: where the pages are at a port of their own, which no application will ever take over; 0: nowhere.
    """

    box: Box
    gate: Gate
    journal: Journal
    clock: Clock
    closing: Closing
    page_port: int = 0
