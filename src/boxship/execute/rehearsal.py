"""``--dry-run``: an engine that is only asked. Whoever wants to change something is stopped, and what it was is told.

It holds for every verb, also for one that knows nothing of it: what isn't known to be a question is a change.
"""

import shlex
from collections.abc import Callable
from typing import Any, cast

from boxship.engine.port import Engine, ExecRequest
from boxship.plan.action import Plan

READS = frozenset(
    {
        "close",
        "data_root",
        "follow_events",
        "follow_logs",
        "follow_stats",
        "host_name",
        "image_history",
        "info",
        "inspect_container",
        "list_processes",
        "observe",
        "read_archive",
        "save_images",
        "stat_path",
        "wait_container",
    }
)
"""The methods of the ports that change nothing."""


class WouldChange(Exception):  # noqa: N818  # no error: it is what was asked for
    """Here the change would begin: a whole ``plan``, or a single ``call`` in words where there is no plan."""

    def __init__(self, *, plan: Plan | None = None, call: str = "") -> None:
        super().__init__(call or "a plan")
        self.plan = plan
        self.call = call


class Rehearsal:
    """Passes questions on to an engine; anything else ends in ``WouldChange``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:  # as many kinds as the port has methods
        method = getattr(self._engine, name)
        return method if name in READS else _refusal(name)


def rehearsing(engine: Engine) -> Engine:
    """The engine for a dry run."""
    return cast("Engine", Rehearsal(engine))


def _refusal(method: str) -> Callable[..., Any]:
    def refuse(*arguments: object, **_: object) -> None:
        raise WouldChange(call=_in_words(method, arguments))

    return refuse


def _in_words(method: str, arguments: tuple[object, ...]) -> str:
    """``remove_container("share.web")`` -> "remove container share.web"."""
    subject = getattr(arguments[0], "name", arguments[0]) if arguments else ""
    request = next((each for each in arguments if isinstance(each, ExecRequest)), None)
    if request is not None:
        return f"run '{shlex.join(request.argv)}' in {subject}"
    return f"{method.replace('_', ' ')} {subject}".rstrip()
