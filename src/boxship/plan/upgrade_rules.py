"""Whether a box may go from the release that it runs to another one, by what the two declare."""

from boxship.spec.release import DataCompat, Release
from boxship.spec.versions import compare_versions


def objections(
    current_version: str, current: Release | None, to: Release, *, allow_downgrade: bool = False
) -> tuple[str, ...]:
    """Everything that speaks against the switch, each a sentence with what can be done; empty when nothing does.

    Args:
        current_version: What the box runs, "" when it runs nothing yet: then nothing can be in the way.
        current: Its release; None when that is no longer known.
        to: The release that is wanted.
        allow_downgrade: A person has said that an older version is meant.
    """
    if not current_version:
        return ()
    if current is not None and current.appliance != to.appliance:
        return (f"{to.appliance} {to.version} is another appliance than {current.appliance}, which runs here",)
    order = compare_versions(current_version, to.version)
    found = [_too_old(current_version, to), *_backwards(current_version, current, to, order, allow_downgrade)]
    return tuple(each for each in found if each)


def _too_old(current_version: str, to: Release) -> str:
    oldest = to.rules.minimum_version
    if not oldest:
        return ""
    order = compare_versions(current_version, oldest)
    if order is None:
        return f"{to.version} needs {oldest} or newer before it, and whether {current_version} is newer can't be told"
    return f"{to.version} needs {oldest} or newer before it: switch to {oldest} first" if order < 0 else ""


def _backwards(
    current_version: str, current: Release | None, to: Release, order: int | None, allow_downgrade: bool
) -> tuple[str, ...]:
    """What is in the way of an older version. Where the order can't be told, it counts as older."""
    if order is not None and order <= 0:
        return ()
    is_older = f"{to.version} is older than {current_version}, which runs"
    if order is None:
        is_older = f"whether {to.version} is newer than {current_version}, which runs, can't be told"
    if current is not None and current.rules.data_compat is DataCompat.BREAKING:
        said = f"{to.version} can't read what {current_version} has written to its volumes"
        return (f"{said}: roll back to the deployment before, or restore a backup",)
    return () if allow_downgrade else (f"{is_older}: --allow-downgrade allows it, if it is meant",)
