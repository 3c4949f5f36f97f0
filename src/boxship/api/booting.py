"""What is booted: boot, containers, maintenance, services."""

from boxship.api.long import BUSY, NO_ENGINE, NOTHING_YET, begun, begun_answer
from boxship.api.route import Answer, Call, Doors, Handled, Reply, Route
from boxship.api.views import (
    BootAnswer,
    BootBody,
    HeartbeatAnswer,
    HeartbeatBody,
    MaintenanceAnswer,
    MaintenanceBody,
    NothingBody,
    boot_answer,
)
from boxship.loader.box import ContainerView

MAINTENANCE = "maintenance"


async def show_boot(doors: Doors, call: Call) -> Handled:
    return Reply(boot_answer(doors.box.boot()))


async def boot(doors: Doors, call: Call) -> Handled:
    return begun(await doors.box.boot_target(call.body_as(BootBody).target, by=call.caller.who))


async def boot_named(doors: Doors, call: Call) -> Handled:
    return begun(await doors.box.boot_target(call.path["target"], by=call.caller.who))


async def list_containers(doors: Doors, call: Call) -> Handled:
    return Reply(dict(await doors.box.containers()))


async def show_maintenance(doors: Doors, call: Call) -> Handled:
    target = doors.box.boot().target
    return Reply(MaintenanceAnswer(on=target == MAINTENANCE, target=target))


async def set_maintenance(doors: Doors, call: Call) -> Handled:
    if call.body_as(MaintenanceBody).on:
        return begun(await doors.box.boot_target(MAINTENANCE, by=call.caller.who))
    return begun(await doors.box.leave_maintenance(by=call.caller.who))


async def restart(doors: Doors, call: Call) -> Handled:
    return begun(await doors.box.restart_service(call.path["name"], by=call.caller.who))


async def heartbeat(doors: Doors, call: Call) -> Handled:
    body = call.body_as(HeartbeatBody)
    limit_s = await doors.box.heartbeat(call.path["name"], body.within_s, body.note, by=call.caller.who)
    return Reply(HeartbeatAnswer(limit_s))


_NO_TARGET = {**BUSY, 404: "the release has no such target; nothing changed"}

ROUTES = (
    Route(
        method="GET",
        path="/v1/boot",
        name="show_boot",
        text="Who runs, and since when. The id changes exactly once per start of the Loader.",
        handle=show_boot,
        answers=(Answer(200, "the boot", BootAnswer),),
    ),
    Route(
        method="POST",
        path="/v1/boot",
        name="boot",
        text="Boot a target, now and after every start of the machine.",
        handle=boot,
        body=BootBody,
        answers=(begun_answer(),),
        scope="admin",
        action="boot",
        problems=_NO_TARGET,
    ),
    Route(
        method="POST",
        path="/v1/boot/{target}",
        name="boot_target",
        text="The same, with the target in the path: a name, `current` or `default`.",
        handle=boot_named,
        body=NothingBody,
        answers=(begun_answer(),),
        scope="admin",
        action="boot",
        problems=_NO_TARGET,
    ),
    Route(
        method="GET",
        path="/v1/containers",
        name="list_containers",
        text="Every container of the release's files by its real name: image, state (`missing` for one that isn't "
        "there), and whether the booted target has it.",
        handle=list_containers,
        answers=(Answer(200, "real name: what is known of it", dict[str, ContainerView]),),
        problems={**NO_ENGINE, 404: NOTHING_YET},
    ),
    Route(
        method="GET",
        path="/v1/maintenance",
        name="show_maintenance",
        text="Whether the target `maintenance` is booted.",
        handle=show_maintenance,
        answers=(Answer(200, "whether", MaintenanceAnswer),),
    ),
    Route(
        method="POST",
        path="/v1/maintenance",
        name="set_maintenance",
        text="Boot the target `maintenance`; or the default one again, once preflight has nothing against it: "
        "what it has is the operation's failure, and maintenance stays on.",
        handle=set_maintenance,
        body=MaintenanceBody,
        answers=(begun_answer(),),
        scope="admin",
        action="maintenance",
        problems=_NO_TARGET,
    ),
    Route(
        method="POST",
        path="/v1/services/{name}/restart",
        name="restart_service",
        text="Stop and start one service, and those that live in its namespaces.",
        handle=restart,
        body=NothingBody,
        answers=(begun_answer(),),
        scope="admin",
        action="restart",
        problems={**BUSY, **NO_ENGINE, 404: "there is no such service"},
    ),
    Route(
        method="POST",
        path="/v1/services/{name}/heartbeat",
        name="heartbeat",
        text="A service that needs longer than a boot waits, as for a migration, says that it is still at work.",
        handle=heartbeat,
        body=HeartbeatBody,
        answers=(Answer(200, "it was heard", HeartbeatAnswer),),
        scope="heartbeat:{name}",
        action="heartbeat",
        is_frequent=True,
        problems={404: "there is no such service in what runs"},
    ),
)
