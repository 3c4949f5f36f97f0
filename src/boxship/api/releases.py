"""Which release runs, and which could: registry, tags, pull, switch, rollback, gc."""

from boxship.api.long import BUSY, NO_ENGINE, begun, begun_answer
from boxship.api.route import Answer, Call, Doors, Handled, Reply, Route
from boxship.api.views import (
    GcBody,
    PullBody,
    RegistryAnswer,
    RegistryBody,
    RollbackAnswer,
    RollbackBody,
    SwitchBody,
    TagsAnswer,
)
from boxship.errors import BugError, NotFoundError
from boxship.loader.access import ADMIN
from boxship.loader.box import GcView
from boxship.spec.versions import newest
from boxship.state.operation import Operation, OperationKind


async def show_registry(doors: Doors, call: Call) -> Handled:
    return Reply(_registry(doors))


async def set_registry(doors: Doors, call: Call) -> Handled:
    await doors.box.set_source(call.body_as(RegistryBody).registry, by=call.caller.who)
    return Reply(_registry(doors))


def _registry(doors: Doors) -> RegistryAnswer:
    state = doors.box.state()
    return RegistryAnswer(registry=state.source, pending=state.pending_source)


async def latest_tag(doors: Doors, call: Call) -> Handled:
    return await _tags(doors, "")


async def latest_tag_elsewhere(doors: Doors, call: Call) -> Handled:
    # It makes the box call a host that the caller chose.
    call.caller.require(ADMIN)
    return await _tags(doors, call.path["registry"])


async def _tags(doors: Doors, registry: str) -> Handled:
    versions = await doors.box.versions(registry)
    state = doors.box.state()
    source = registry or state.pending_source or state.source
    if not versions:
        raise NotFoundError(f"there is no release at {source or 'the registry'}", hint="has one been pushed?")
    return Reply(TagsAnswer(registry=source, tag=newest(versions), tags=versions))


async def pull(doors: Doors, call: Call) -> Handled:
    return begun(await doors.box.pull(call.body_as(PullBody).version, by=call.caller.who))


async def show_pull(doors: Doors, call: Call) -> Handled:
    for operation in doors.box.operations():
        if operation.kind is OperationKind.PULL:
            return Reply(operation)
    raise NotFoundError("nothing was pulled yet", hint="POST /v1/images/pull begins one")


async def switch(doors: Doors, call: Call) -> Handled:
    body = call.body_as(SwitchBody)
    operation = await doors.box.switch(
        body.version,
        target=body.target,
        allow_downgrade=body.allow_downgrade,
        verify=body.verify,
        by=call.caller.who,
    )
    return begun(operation)


async def show_rollback(doors: Doors, call: Call) -> Handled:
    brings = doors.box.what_rollback_brings()
    return Reply(
        RollbackAnswer(to=brings.to, data_from_s=brings.data_from_s, data_age_s=brings.data_age_s, loses=brings.loses)
    )


async def rollback(doors: Doors, call: Call) -> Handled:
    return begun(await doors.box.rollback(verify=call.body_as(RollbackBody).verify, by=call.caller.who))


async def show_gc(doors: Doors, call: Call) -> Handled:
    return Reply(await _garbage(doors, call))


async def gc(doors: Doors, call: Call) -> Handled:
    if call.body_as(GcBody).dry_run:
        return Reply(await _garbage(doors, call), outcome="only looked")
    done = await doors.box.gc(by=call.caller.who)
    return begun(done) if isinstance(done, Operation) else Reply(done)


async def _garbage(doors: Doors, call: Call) -> GcView:
    found = await doors.box.gc(dry_run=True, by=call.caller.who)
    if not isinstance(found, GcView):
        raise BugError("a dry run began an operation")
    return found


_NO_SOURCE = {404: "there is no release", 502: "the registry said no, or nobody answered"}

ROUTES = (
    Route(
        method="GET",
        path="/v1/registry",
        name="show_registry",
        text="Where releases come from.",
        handle=show_registry,
        answers=(Answer(200, "now, and from the next switch on", RegistryAnswer),),
    ),
    Route(
        method="POST",
        path="/v1/registry",
        name="set_registry",
        text="Set the registry, or a folder, for the next pull and switch. What runs is not touched.",
        handle=set_registry,
        body=RegistryBody,
        answers=(Answer(200, "now, and from the next switch on", RegistryAnswer),),
        scope="admin",
        action="registry",
    ),
    Route(
        method="GET",
        path="/v1/tags/latest",
        name="latest_tag",
        text="The newest version at the registry, as a pull of `latest` takes it (no pre-release), and all others.",
        handle=latest_tag,
        answers=(Answer(200, "the versions", TagsAnswer),),
        problems=_NO_SOURCE,
    ),
    Route(
        method="GET",
        path="/v1/tags/latest/{registry:path}",
        name="latest_tag_elsewhere",
        text="The same for another registry. As the box then calls a host of your choice, it needs the scope admin.",
        handle=latest_tag_elsewhere,
        answers=(Answer(200, "the versions", TagsAnswer),),
        scope="admin",
        problems=_NO_SOURCE,
    ),
    Route(
        method="GET",
        path="/v1/images/pull",
        name="show_pull",
        text="The newest pull, running or over.",
        handle=show_pull,
        answers=(Answer(200, "the operation", Operation),),
        problems={404: "nothing was pulled yet"},
    ),
    Route(
        method="POST",
        path="/v1/images/pull",
        name="pull",
        text="Bring a release here, files and images. What runs is not touched.",
        handle=pull,
        body=PullBody,
        answers=(begun_answer(),),
        scope="admin",
        action="pull",
        problems={**BUSY, **_NO_SOURCE},
    ),
    Route(
        method="POST",
        path="/v1/switch",
        name="switch",
        text="Try a release that was pulled, and commit to it when it is well; otherwise return by itself. The "
        "operation finds what speaks against it before anything is touched: `against.1` and so on of its result.",
        handle=switch,
        body=SwitchBody,
        answers=(begun_answer(),),
        scope="admin",
        action="switch",
        problems={**BUSY, 404: "it was not pulled"},
    ),
    Route(
        method="GET",
        path="/v1/rollback",
        name="show_rollback",
        text="What a rollback would bring, and what it would lose.",
        handle=show_rollback,
        answers=(Answer(200, "the deployment to go back to", RollbackAnswer),),
        problems={404: "there is no previous deployment"},
    ),
    Route(
        method="POST",
        path="/v1/rollback",
        name="rollback",
        text="Go back to the previous deployment, its data included, after a copy of today's. What speaks against it "
        "is told as for a switch.",
        handle=rollback,
        body=RollbackBody,
        answers=(begun_answer(),),
        scope="admin",
        action="rollback",
        problems={**BUSY, 404: "there is no previous deployment"},
    ),
    Route(
        method="GET",
        path="/v1/gc",
        name="show_gc",
        text="What no deployment needs any more.",
        handle=show_gc,
        answers=(Answer(200, "what would go", GcView),),
        problems=NO_ENGINE,
    ),
    Route(
        method="POST",
        path="/v1/gc",
        name="gc",
        text="Remove it; with `dry_run` only say what.",
        handle=gc,
        body=GcBody,
        answers=(Answer(200, "what would go", GcView), begun_answer()),
        scope="admin",
        action="gc",
        problems={**BUSY, **NO_ENGINE},
    ),
)
