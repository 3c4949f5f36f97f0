"""A real Loader gives signs of life while it runs, and none while it hangs."""

import os
import signal
import time
import uuid
from pathlib import Path

import pytest

from boxship.host.places import read_line
from boxship.serve.signs import EVERY_S
from tests.integration.loaders import loader_box

pytestmark = pytest.mark.docker


def test_a_loader_that_is_stopped_in_its_midst_gives_no_more_signs(tmp_path: Path) -> None:
    with loader_box(f"bxtest-{uuid.uuid4().hex[:8]}", tmp_path) as box:
        file = box.socket.parent / "loader.alive"
        first = box.eventually(lambda: read_line(file), "a sign")
        assert first == f"{box.boot()['id']} 1"
        second = box.eventually(lambda: (sign := read_line(file)) != first and sign, "another sign")
        os.kill(box.pid, signal.SIGSTOP)
        try:
            # The only way to see that nothing comes.
            time.sleep(2 * EVERY_S)
            assert read_line(file) == second
        finally:
            os.kill(box.pid, signal.SIGCONT)
        box.eventually(lambda: read_line(file) != second, "it goes on")
