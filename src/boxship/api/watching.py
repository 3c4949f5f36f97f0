"""How the box is: status, metrics, the reason, events, logs."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec import json, to_builtins

from boxship.api.route import Answer, Call, Doors, Handled, PlainReply, Query, QueryKind, Reply, Route
from boxship.api.views import WhyAnswer
from boxship.checks.report import Verdict, without
from boxship.loader.box import Box, ProgressView, Sequenced, ServiceLine
from boxship.loader.metrics import metrics_text
from boxship.loader.status import StatusAnswer, status_answer
from boxship.serve.streams import EVENT_STREAM, Stream, event

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_GONE_AWAY = event(b"{}", name="closing")
_MOST_TAIL = 100_000


async def show_status(doors: Doors, call: Call) -> Handled:
    ignored = {name.strip() for name in call.text("ignore").split(",")}
    report = without(await doors.box.status(fresh=call.flag("fresh")), ignored)
    is_bad = report.verdict is Verdict.FAILED and not call.flag("soft")
    return Reply(status_answer(report), 503 if is_bad else 200)


async def show_metrics(doors: Doors, call: Call) -> Handled:
    return PlainReply(await metrics_text(doors.box), media_type=PROMETHEUS)


async def show_why(doors: Doors, call: Call) -> Handled:
    progress = doors.box.progress()
    return Reply(
        WhyAnswer(why=doors.box.why(), phase=progress.phase, is_ready=progress.is_ready, operation=progress.operation)
    )


async def show_progress(doors: Doors, call: Call) -> Handled:
    return Reply(doors.box.progress())


async def follow_events(doors: Doors, call: Call) -> Handled:
    after = call.last_event_id or call.text("after")
    return Stream(_events(doors.box, after), doors.closing, last_words=_GONE_AWAY)


async def _events(box: Box, after: str) -> AsyncGenerator[bytes, None]:
    """An id is the boot's and the event's number; events of another boot are lost, which is told as a gap."""
    boot_id = box.boot().id
    boot, _, number = after.rpartition(".")
    is_resumed = after != ""
    last = int(number) if boot == boot_id and number.isascii() and number.isdecimal() and len(number) < 16 else 0
    async with aclosing(box.events(last if is_resumed else None)) as events:
        yield b"retry: 1000\n\n"
        if is_resumed and boot != boot_id:
            yield event(json.encode({"boot": boot_id}), name="gap")
        async for each in events:
            if (is_resumed or last) and each.number != last + 1:
                yield event(json.encode({"boot": boot_id, "after": last, "before": each.number}), name="gap")
            last = each.number
            yield _event(boot_id, each)


def _event(boot_id: str, each: Sequenced) -> bytes:
    name = type(each.event).__name__
    data = {"number": each.number, "at_s": each.at_s, "event": name, **to_builtins(each.event)}
    return event(json.encode(data), name=name, number=f"{boot_id}.{each.number}")


async def show_logs(doors: Doors, call: Call) -> Handled:
    lines = doors.box.logs(call.path["name"], follow=call.flag("follow"), tail=call.count("tail"))
    if EVENT_STREAM in call.accept:
        return Stream(_as_events(lines), doors.closing, last_words=_GONE_AWAY)
    return Stream(_as_text(lines), doors.closing, media_type="text/plain")


async def _as_events(lines: AsyncGenerator[ServiceLine, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(lines):
        async for line in lines:
            yield event(json.encode(line), name="line")
        yield event(b"{}", name="end")


async def _as_text(lines: AsyncGenerator[ServiceLine, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(lines):
        async for line in lines:
            mark = f"{line.replica} | " if line.replica else ""
            yield f"{mark}{line.text}\n".encode()


_IGNORE = Query("ignore", QueryKind.TEXT, "names of checks that don't count, with commas between them")
_FRESH = Query("fresh", QueryKind.FLAG, "ask anew, whatever was found a moment ago")

ROUTES = (
    Route(
        method="GET",
        path="/v1/status",
        name="show_status",
        text="What the checks found, at most a few seconds old.",
        handle=show_status,
        queries=(Query("soft", QueryKind.FLAG, "200 also when it is failed"), _FRESH, _IGNORE),
        answers=(Answer(200, "ok or degraded", StatusAnswer), Answer(503, "failed", StatusAnswer)),
        scope="status",
    ),
    Route(
        method="GET",
        path="/v1/status/metrics",
        name="show_metrics",
        text="The same as metrics, for Prometheus.",
        handle=show_metrics,
        answers=(Answer(200, "text format 0.0.4", media_types=("text/plain",)),),
        scope="status",
    ),
    Route(
        method="GET",
        path="/v1/why",
        name="show_why",
        text="What the box is doing, or waits for, in one sentence.",
        handle=show_why,
        answers=(Answer(200, "the sentence", WhyAnswer),),
    ),
    Route(
        method="GET",
        path="/v1/progress",
        name="show_progress",
        text="What every service and every image is doing, and the operation that runs.",
        handle=show_progress,
        answers=(Answer(200, "all of it", ProgressView),),
    ),
    Route(
        method="GET",
        path="/v1/events",
        name="follow_events",
        text="What happens, as server-sent events. `Last-Event-ID` resumes; an event `gap` tells what was lost.",
        handle=follow_events,
        queries=(Query("after", QueryKind.TEXT, "the id to resume after, where a header can't be set"),),
        answers=(Answer(200, "events, until either side ends", media_types=(EVENT_STREAM,)),),
    ),
    Route(
        method="GET",
        path="/v1/services/{name}/logs",
        name="show_logs",
        text="What all containers of a service wrote, by time and with secrets masked: text, or events for "
        "`Accept: text/event-stream`. Where there are several, each line says which one wrote it (`web.2 | ...`).",
        handle=show_logs,
        queries=(
            Query("follow", QueryKind.FLAG, "go on with what it writes from now on"),
            Query("tail", QueryKind.COUNT, "only so many of the last lines of each container", most=_MOST_TAIL),
        ),
        answers=(Answer(200, "the lines", media_types=("text/plain", EVENT_STREAM)),),
        scope="logs:{name}",
        problems={404: "there is no such service"},
    ),
)
