"""Whatever a box advises names commands that a box takes."""

import re

import pytest

from boxship.checks.codes import CODES, suggestion_for
from boxship.cli.arguments import VERBS
from boxship.cli.box import BOX_VERBS
from boxship.engine.port import ExecResult
from boxship.loader.on_a_box import as_on_a_box
from boxship.operate.looked_after import CHANGING
from boxship.spec.model import ExecProbe, StatusCheck
from tests.fakes.behaviour import Behaviour
from tests.unit.loader.bench import Bench, version

ASK = ("ask", "web")


@pytest.mark.parametrize("code", CODES)
def test_no_suggestion_names_a_command_that_a_box_refuses(code: str) -> None:
    advised = as_on_a_box(suggestion_for(code, {"service": "web", "version": "1.0", "fallen_back_from": "default"}))
    known = {verb for verb, *_ in VERBS}
    box = {verb for verb, *_ in BOX_VERBS}
    for verb, of_box in re.findall(r"\bboxship ([a-z]+)(?: ([a-z]+))?", advised):
        assert verb in known - CHANGING
        assert verb != "box" or of_box in box
        assert verb not in box, f"boxship {verb} asks the engine, and boxship box {verb} the box"


@pytest.mark.parametrize(
    ("by_hand", "on_a_box"),
    [
        ("start it: boxship up -d", "start it: boxship box boot current"),
        ("remove it: boxship up -d --remove-orphans", "remove it: boxship box boot current"),
        (
            "run boxship up: it puts one there",
            "run boxship box boot current: it puts one there",
        ),
        ("see more: boxship logs web", "see more: boxship box logs web"),
        ("then run it again: boxship restart goes on", "then run it again: boxship box restart goes on"),
        ("boxship box logs web; boxship upload", "boxship box logs web; boxship upload"),
    ],
)
def test_what_is_done_by_hand_elsewhere_a_box_is_asked_for(by_hand: str, on_a_box: str) -> None:
    assert as_on_a_box(by_hand) == on_a_box


async def test_status_and_failures_of_a_box_advise_its_own_commands() -> None:
    bench = Bench()
    asked = version("1.3", status_checks={"health": StatusCheck("health", "web", ExecProbe(ASK), timeout_s=2.0)})
    bench.world.publish(asked, db="app/db:1.1", web="app/web:1.1", page="app/web:1.1")
    async with bench.loader() as box:
        bench.world.engine.script("web", Behaviour(sigterm_exit_code=3))
        await bench.to(box, "1.0")
        bench.world.engine.exec_results[ASK] = ExecResult(1, "no")
        failed = await bench.to(box, "1.3")
        assert failed.failure is not None
        assert failed.failure.hint == "look at what it wrote: boxship box logs --tail 50 web"
        bench.break_image("app/web:1.2")
        failed = await bench.to(box, "1.2")
        assert failed.failure is not None
        assert failed.failure.hint == "see more: boxship box logs web"
        bench.world.engine.script("web", Behaviour(start_error="no such device"))
        await bench.world.engine.stop_container("app.web.g1")
        await bench.world.clock.sleep(1.0)
        (stopped,) = [each for each in (await box.status(fresh=True)).issues if each.code == "service.stopped"]
        assert stopped.suggestion == (
            "look at what it wrote: boxship box logs --tail 50 web; start it: boxship box boot current"
        )
