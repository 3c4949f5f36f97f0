"""Whether what runs a Loader on the host is older than what the Loader brings along: a person has to replace that."""

from boxship.checks.codes import suggestion_for
from boxship.checks.report import Issue, Level, Result, Severity

_CODE = "loader.host"


def find_outdated(appliance: str, found: int, own: int) -> tuple[Result, ...]:
    """Pure. ``found``: the version of the host's files, as sail tells it; 0: it tells none. ``own``: this Loader's.

    Newer ones are as they should be: a box that went back to a release keeps what is better.
    """
    if found >= own:
        return ()
    text = f"sail and its like on this host are of version {found or 'none'}, and this Loader brings version {own}"
    context = {"appliance": appliance}
    issue = Issue(_CODE, Severity.WARNING, text, context, suggestion_for(_CODE, context))
    return (Result("host files", "host", "host", Level.WARN, text, issue=issue),)
