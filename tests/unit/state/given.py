"""States and operations to begin from."""

from datetime import UTC, datetime

from boxship.state.deployment import Deployment
from boxship.state.operation import Failure, Operation, OperationKind
from boxship.state.state import State

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
NOW_S = NOW.timestamp()
FAILURE = Failure(code="probe.failed", message="web not ready after 60 s", service="web")

ONE = Deployment("sha256:1", "1.0", "default", 1)
TWO = Deployment("sha256:2", "2.0", "default", 2)
THREE = Deployment("sha256:3", "3.0", "default", 3)


def operation(kind: OperationKind = OperationKind.SWITCH, operation_id: str = "op1") -> Operation:
    return Operation(operation_id, kind, asked_by="anna", began_at=NOW)


BOX = State(current=ONE, next_generation=2, source="registry.example.com/share")
"""Its first release runs."""
SWITCHING = State(current=ONE, operation_id="op1", next_generation=3, source="registry.example.com/share")
"""With generation 2 for the trial."""
ON_TRIAL = State(current=ONE, trial=TWO, operation_id="op1", next_generation=3, source="registry.example.com/share")
TWICE = State(current=TWO, previous=ONE, operation_id="op1", next_generation=3)
"""After a switch, with an operation under way."""
