"""What takes long is an operation: begun with 202, asked by its address, one at a time."""

from boxship.api.route import Answer, Reply
from boxship.state.operation import Operation

BUSY = {
    409: "another operation is running: `fields.operation_id` and `Location` say which; or another Loader takes over, "
    "as `fields.handover` says: then ask again in a moment"
}

NO_ENGINE = {
    502: "the container engine can't be reached, or refused",
    504: "the container engine did not answer in time",
}
NOTHING_YET = "nothing is deployed yet"


def begun(operation: Operation) -> Reply:
    """202, and where to ask how it is going."""
    location = {"Location": f"/v1/operations/{operation.id}"}
    return Reply(operation, 202, location, outcome=f"operation {operation.id}")


def begun_answer() -> Answer:
    return Answer(202, "it has begun; `Location` is where to ask how it is going", Operation)
