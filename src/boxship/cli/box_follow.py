"""Follows an operation of a box to its end: a line of progress on a terminal, a line per stage elsewhere."""

import json
import shutil
import sys
import time
from collections.abc import Callable

from msgspec import convert, to_builtins

from boxship.cli.box_client import BoxClient, UnreachableError
from boxship.cli.render.box import back_line, bar_line, operation_line
from boxship.cli.render.color import is_live
from boxship.errors import OperationError, revived
from boxship.state.operation import Operation, OperationStatus, reasons_against

_POLL_S = 0.3
_AWAY_S = 120.0
"""A switch replaces the Loader: as long may nobody answer."""
_CLEAR = "\r\x1b[2K"


def follow(client: BoxClient, began: object, *, is_json: bool, sleep: Callable[[float], None] = time.sleep) -> int:
    """0 when it is done. Raises: what made it fail; OperationError when it was cancelled or interrupted."""
    operation = convert(began, Operation)
    shown = _Shown(is_json=is_json)
    try:
        while not operation.status.is_over:
            shown.show(operation)
            sleep(_POLL_S)
            operation = _look(client, operation.id, sleep)
    except KeyboardInterrupt:
        shown.clear()
        print(
            f"{operation.kind} {operation.id} goes on: boxship box operation {operation.id} shows it, "
            f"boxship box cancel {operation.id} ends it",
            file=sys.stderr,
        )
        raise
    shown.clear()
    return _outcome(operation, is_json=is_json)


def _look(client: BoxClient, operation_id: str, sleep: Callable[[float], None]) -> Operation:
    """Raises: UnreachableError when nobody answered for a long time."""
    end_s = time.monotonic() + _AWAY_S
    while True:
        try:
            return convert(client.get(f"/v1/operations/{operation_id}").body, Operation)
        except UnreachableError:
            if time.monotonic() > end_s:
                raise
        sleep(_POLL_S)


def _outcome(operation: Operation, *, is_json: bool) -> int:
    if operation.status is OperationStatus.DONE:
        print(json.dumps(to_builtins(operation)) if is_json else operation_line(operation))
        return 0
    failure = operation.failure
    if failure is None:
        raise OperationError(
            f"{operation.kind} {operation.id} was {operation.status}: {operation.note or 'it says no more'}",
            hint=f"boxship box operation {operation.id}",
        )
    back = back_line(operation)
    fields = {"operation_id": operation.id, "service": failure.service, "check": failure.check, "got": failure.got}
    fields["logs"] = list(failure.logs)  # type: ignore[assignment]  # a list beside texts: fields are data for programs
    reasons = list(reasons_against(operation))
    fields |= {"reasons": reasons} if reasons else {}  # type: ignore[dict-item]  # as above
    hint = f"{back}; boxship box operation {operation.id} shows all of it" if back else failure.hint
    raise revived(failure.code, failure.message, hint, fields)


def _phase(operation: Operation) -> tuple[object, ...]:
    """What is worth a line of its own where lines can't be written anew."""
    progress = operation.progress
    return operation.stage, progress.item, progress.unpacking is not None


class _Shown:
    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self._is_live = is_live() and not is_json
        self._last: object = None

    def show(self, operation: Operation) -> None:
        if self._is_json:
            if operation != self._last:
                print(json.dumps({"event": "OperationChanged", **to_builtins(operation)}), flush=True)
            self._last = operation
        elif self._is_live:
            width = shutil.get_terminal_size().columns - 1
            print(f"{_CLEAR}{bar_line(operation, width)}", end="", file=sys.stderr, flush=True)
        elif operation.stage and (phase := _phase(operation)) != self._last:
            print(bar_line(operation, 0), file=sys.stderr, flush=True)
            self._last = phase

    def clear(self) -> None:
        if self._is_live:
            print(_CLEAR, end="", file=sys.stderr, flush=True)
