"""The machine below: facts, reboot, shutdown."""

from boxship.api.route import Answer, Call, Doors, Handled, Reply, Route
from boxship.api.views import NothingBody, PowerAnswer
from boxship.loader.power import HostView


async def show_host(doors: Doors, call: Call) -> Handled:
    return Reply(await doors.power.look())


async def reboot(doors: Doors, call: Call) -> Handled:
    await doors.power.reboot()
    return Reply(PowerAnswer("reboot"), 202)


async def shut_down(doors: Doors, call: Call) -> Handled:
    await doors.power.shut_down()
    return Reply(PowerAnswer("shutdown"), 202)


async def update_os(doors: Doors, call: Call) -> Handled:
    await doors.power.update_os()
    return Reply(PowerAnswer("update"), 202)


_UNSUPPORTED = {501: "this box can't do it"}

ROUTES = (
    Route(
        method="GET",
        path="/v1/host",
        name="show_host",
        text="Facts about the machine, and what it can do.",
        handle=show_host,
        answers=(Answer(200, "the machine", HostView),),
    ),
    Route(
        method="POST",
        path="/v1/host/reboot",
        name="reboot_host",
        text="Start the machine anew.",
        handle=reboot,
        body=NothingBody,
        answers=(Answer(202, "it is on its way", PowerAnswer),),
        scope="admin",
        action="reboot",
        problems=_UNSUPPORTED,
    ),
    Route(
        method="POST",
        path="/v1/host/shutdown",
        name="shut_host_down",
        text="Turn the machine off.",
        handle=shut_down,
        body=NothingBody,
        answers=(Answer(202, "it is on its way", PowerAnswer),),
        scope="admin",
        action="shutdown",
        problems=_UNSUPPORTED,
    ),
    Route(
        method="POST",
        path="/v1/host/update",
        name="update_host",
        text="Bring the machine's operating system up to date, where its platform can do that. A host on which "
        "`boxship install` made the box can't: its packages are its own.",
        handle=update_os,
        body=NothingBody,
        answers=(Answer(202, "it is on its way", PowerAnswer),),
        scope="admin",
        action="update host",
        problems=_UNSUPPORTED,
    ),
)
