"""Operations: long jobs, running and over."""

from boxship.api.long import begun
from boxship.api.route import Answer, Call, Doors, Handled, Query, QueryKind, Reply, Route
from boxship.api.views import OperationsAnswer
from boxship.state.operation import Operation

_USUAL_LIMIT = 100


async def list_operations(doors: Doors, call: Call) -> Handled:
    limit = call.count("limit")
    return Reply(OperationsAnswer(doors.box.operations(_USUAL_LIMIT if limit is None else limit)))


async def show_operation(doors: Doors, call: Call) -> Handled:
    return Reply(doors.box.operation(call.path["id"]))


async def cancel(doors: Doors, call: Call) -> Handled:
    return begun(await doors.box.cancel(call.path["id"], by=call.caller.who))


_UNKNOWN = {404: "there is no such operation"}

ROUTES = (
    Route(
        method="GET",
        path="/v1/operations",
        name="list_operations",
        text="What was done and is being done, the newest first.",
        handle=list_operations,
        queries=(Query("limit", QueryKind.COUNT, "how many at most (default 100)", most=1000),),
        answers=(Answer(200, "the operations", OperationsAnswer),),
    ),
    Route(
        method="GET",
        path="/v1/operations/{id}",
        name="show_operation",
        text="One of them: how far it is, how it ended, and why it failed.",
        handle=show_operation,
        answers=(Answer(200, "the operation", Operation),),
        problems=_UNKNOWN,
    ),
    Route(
        method="DELETE",
        path="/v1/operations/{id}",
        name="cancel_operation",
        text="Ask it to end and to take back what it began.",
        handle=cancel,
        answers=(Answer(202, "it was asked to; `Location` is where to see how it ends", Operation),),
        scope="admin",
        action="cancel",
        problems={**_UNKNOWN, 409: "it is over, or too far to be cancelled"},
    ),
)
