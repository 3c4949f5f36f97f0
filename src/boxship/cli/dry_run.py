"""``--dry-run`` at the door. Apart from ``cli.run``, so that verbs that need no engine don't import one."""

from contextvars import ContextVar

IS_DRY_RUN: ContextVar[bool] = ContextVar("is_dry_run", default=False)
"""Set by the door alone, and read where the engine is connected: no verb can forget to pass it on."""


class DryRunEnded(Exception):  # noqa: N818  # no error: it is what was asked for
    """All that a dry run has to say: for people, and as data."""

    def __init__(self, text: str, data: dict[str, object]) -> None:
        super().__init__(text)
        self.text = text
        self.data = data
