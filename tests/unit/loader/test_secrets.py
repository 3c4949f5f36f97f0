"""What a box tells of itself holds no secret of what runs on it, nor of what is tried on it, whoever said it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
from msgspec.structs import replace

from boxship.engine.port import ExecResult
from boxship.errors import EngineError
from boxship.events import ServiceLog, StepFailed
from boxship.loader.happened import BoxEvent
from boxship.loader.masks import MOST_KNOWN, Masks
from boxship.loader.supervisor import Supervisor
from boxship.spec.model import Healthcheck
from boxship.spec.model_files import SharedFile
from boxship.state.operation import OperationStatus
from boxship.web.page import progress_page
from boxship.web.public import public_view
from tests.fakes.behaviour import Behaviour, Line
from tests.unit.loader.bench import Bench, version

NAMED, IN_URL, IN_FILE, OLD = "hunter2hunter2", "s3cr3t/in&url", "line-of-a-key", "of-the-one-before"
SECRETS = (NAMED, IN_URL, quote(IN_URL, safe=""), IN_FILE, OLD)
URL = f"postgres://share:{quote(IN_URL, safe='')}@db:5432/share"
SAID = f"cannot reach {URL} nor postgres://share:{IN_URL}@db with {NAMED}, {IN_FILE} or {OLD}"
CHECK = Healthcheck(("CMD", "check"), interval_s=1.0, retries=2)


class Told:
    """Everything that anybody can get to hear of a box."""

    def __init__(self) -> None:
        self.log: list[BoxEvent] = []
        """What the Loader shows on its own standard output."""

    def everything(self, box: Supervisor) -> Iterator[str]:
        """What goes over ``/v1/events`` is the very events of the log."""
        view = public_view(box.progress(), 0.0)
        yield msgspec.json.encode(view).decode()
        yield progress_page(view, "nonce")
        yield box.why()
        yield from (str(event) for event in self.log)
        yield msgspec.json.encode(box.operations(1000)).decode()
        yield str(box.state())

    def expect_clean(self, box: Supervisor, marker: str) -> None:
        told = list(self.everything(box))
        found = {(secret, text[:300]) for text in told for secret in SECRETS if secret in text}
        assert not found, json.dumps(sorted(found), indent=1)
        assert any(marker in text for text in told), f"'{marker}' was not told at all"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """1.0 runs well with one password; 1.1 has others."""
    made = Bench()
    (tmp_path / "key").write_text(f"-----\n{IN_FILE}\n")
    made.world.engine.exec_results[("check",)] = ExecResult(1, f"all is lost\n{SAID}\n")
    for number, environment in (
        ("1.0", {"DB_PASSWORD": OLD}),
        ("1.1", {"DB_PASSWORD": NAMED, "DATABASE_URL": URL}),
    ):
        written = version(number)
        services = {name: replace(each, environment=environment) for name, each in written.services.items()}
        if number == "1.1":
            services["web"] = replace(services["web"], healthcheck=CHECK)
        secrets = {"key": SharedFile("key", "secret", file=str(tmp_path / "key"))} if number == "1.1" else {}
        web = f"app/web:{number}"
        made.world.publish(
            replace(written, services=services, secrets=secrets), db=f"app/db:{number}", web=web, page=web
        )
    return made


async def run(bench: Bench, told: Told) -> Supervisor:
    async with bench.loader() as box:
        parts = bench.world.parts
        assert parts is not None
        parts.feed.tap(told.log.append)
        await bench.to(box, "1.0")
        told.expect_clean(box, "1.0")
        failed = await bench.to(box, "1.1")
        assert failed.status is OperationStatus.FAILED
        told.expect_clean(box, "cannot reach postgres://share:****@db")
        return box


async def test_what_a_check_on_trial_says_of_secrets_is_masked_everywhere(bench: Bench) -> None:
    bench.world.engine.script("app.web.g2", Behaviour(unhealthy_after_s=5.0))
    await run(bench, Told())


async def test_what_a_service_writes_before_it_ends_is_masked_everywhere(bench: Bench) -> None:
    ending = Behaviour(lines=(Line(SAID),), exits_after_s=0.5, exit_code=1)
    bench.world.engine.script("app.web.g2", ending)
    bench.world.engine.script("app.db.g2", Behaviour(lines=(Line(SAID),)))
    box = await run(bench, Told())
    assert [line for line in box.progress().log if line.startswith("db | cannot reach postgres://share:****@db")]


async def test_what_the_engine_says_is_masked_everywhere(bench: Bench) -> None:
    bench.world.engine.break_start("app.web.g2", SAID)
    await run(bench, Told())


async def test_the_next_loader_knows_the_secrets_before_it_tells_anything(bench: Bench) -> None:
    """Of a trial that was cut off, too: its containers are stopped, and their hooks may speak."""
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
        operation = await box.switch("1.1", by="test")
        while box.operation(operation.id).stage != "checking":
            await bench.world.clock.sleep(0.01)
    box = bench.world.start_loader()
    running = asyncio.ensure_future(box.run(asyncio.Event()))
    await bench.booted(box)
    parts = bench.world.parts
    assert parts is not None
    assert parts.feed.masks.clean(SAID).count("****") >= 5
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_names_and_numbers_of_an_event_are_no_secrets() -> None:
    masks = Masks()
    masks.learn(["webweb"])
    failed = StepFailed(1, "service:webweb", "WaitReady", "webweb failed", "see webweb", ("webweb",))
    assert masks.event(failed) == StepFailed(1, "service:webweb", "WaitReady", "**** failed", "see ****", ("****",))
    assert masks.event(ServiceLog("webweb", "stdout", "webweb")) == ServiceLog("webweb", "stdout", "****")


def test_the_oldest_secrets_are_forgotten_when_there_are_too_many() -> None:
    masks = Masks()
    masks.learn(["first-secret"])
    masks.learn(f"secret-{number:05}" for number in range(MOST_KNOWN))
    assert masks.clean("first-secret secret-00000") == "first-secret ****"


def test_an_engine_s_error_is_a_text_like_any_other() -> None:
    masks = Masks()
    masks.learn(["hunter2hunter2"])
    assert masks.clean(EngineError("no hunter2hunter2").message) == "no ****"
