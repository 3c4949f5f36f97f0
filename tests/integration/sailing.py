"""A sail that runs, with a stand-in for the Loader whose behaviour the test writes."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from boxship.engine.docker import connect
from boxship.engine.port import BuildRequest, Engine
from boxship.host.places import Places, box_places, record_loader
from boxship.host.sail.render import SailSettings, render_sail
from boxship.names import loader_before_name, loader_name
from tests.contracts.images import TEST_IMAGE, chunks_of, ensure_test_image, tar_of
from tests.eventually import eventually

DEADLINE_S = 30
# What a Loader does is written in a script of its image's name in the folder of state: $1 is that folder.
_STAND_IN = """#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in --state) state=$2 ;; --run) run=$2 ;; esac
    shift
done
report() { echo "boot-$1 $BOXSHIP_LOADER_IMAGE" >"$state/loader.reported"; }
give_signs() {
    trap 'exit 0' TERM
    number=0
    while :; do number=$((number + 1)); echo "boot-$1 $number" >"$run/loader.alive"; sleep 0.05; done
}
wait_for_term() { trap 'exit 0' TERM; while :; do sleep 0.05; done; }
echo "I am the Loader $NAME"
. "$state/behaviour-$NAME"
"""


async def stand_in_images(first: str, second: str, address: str | None = None) -> tuple[str, str]:
    """The ids of two images whose Loaders do what ``behaviour-<name>`` in the folder of state says."""
    engine = connect(address)
    try:
        await ensure_test_image(engine)
        return await _stand_in_image(engine, first), await _stand_in_image(engine, second)
    finally:
        await engine.close()


async def _stand_in_image(engine: Engine, name: str) -> str:
    dockerfile = f'FROM {TEST_IMAGE}\nENV NAME={name}\nCOPY loader /loader\nENTRYPOINT ["/loader"]\n'
    context = tar_of({"Dockerfile": dockerfile.encode(), "loader": _STAND_IN.encode()})
    tag = f"boxship-test:loader-{name}"
    async for _ in engine.build_image(BuildRequest(tags=(tag,)), chunks_of(context)):
        pass
    image = (await engine.observe((tag,))).image(tag)
    assert image is not None
    return image.id


class Sailing:
    """One appliance's sail. Ended, with its containers, by ``sailing``."""

    def __init__(self, appliance: str, places: Places, settings: SailSettings, script: Path) -> None:
        self.appliance, self.places, self.settings, self.script = appliance, places, settings, script
        self.container = loader_name(appliance)
        self.said: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def behave(self, name: str, script: str) -> None:
        """From its next start on."""
        (self.places.state / f"behaviour-{name}").write_text(script)

    def record(self, image_id: str) -> None:
        record_loader(self.places, image_id)

    def begin(self) -> "subprocess.Popen[str]":
        self.process = subprocess.Popen(
            ["/bin/sh", str(self.script)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()
        return self.process

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                self.said.append(line.rstrip("\n"))  # others read while it grows

    def hears(self, words: str, times: int = 1) -> None:
        """Wait until sail has said this so many times."""
        self.until(lambda: sum(words in line for line in self.said) >= times, f"it says {words!r} {times} times")

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        eventually(is_so, what, said=lambda: f"sail said {self.said}")

    def docker(self, *arguments: str) -> str:
        environment = {"DOCKER_HOST": f"unix://{self.settings.socket}", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        done = subprocess.run(
            ["docker", *arguments], env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
        return done.stdout.strip()

    def running_image(self) -> str:
        return self.docker("container", "inspect", "--format", "{{.State.Running}} {{.Image}}", self.container)

    def end(self) -> int:
        """As systemd would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=DEADLINE_S)


@contextmanager
def sailing(
    appliance: str, folder: Path, socket: Path = Path("/var/run/docker.sock"), **changes: object
) -> Iterator[Sailing]:
    """A sail with short pauses, not begun yet."""
    places = box_places(appliance, folder / "state", folder / "run")
    places.state.mkdir()
    usual = SailSettings(
        appliance, places, socket, first_pause_s=0, poll_s="0.05", look_s="0.2", silent_looks=10, stop_s=5
    )
    settings = replace(usual, **changes)
    script = folder / "sail"
    script.write_text(render_sail(settings))
    sail = Sailing(appliance, places, settings, script)
    try:
        yield sail
    finally:
        if sail.process is not None and sail.process.poll() is None:
            sail.process.kill()
            sail.process.wait(timeout=DEADLINE_S)
        sail.docker("container", "rm", "--force", sail.container, loader_before_name(appliance))
