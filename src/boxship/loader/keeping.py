"""Which releases stay on a box, and why each of them does: pure."""

from collections.abc import Collection, Mapping

from boxship.spec.release import Release
from boxship.spec.versions import compare_versions, sort_versions
from boxship.state.deployment import Deployment
from boxship.state.state import State


def kept_deployments(state: State) -> tuple[Deployment, ...]:
    return tuple(each for each in (state.current, state.trial, state.previous) if each is not None)


def why_kept(state: State, releases: Collection[Release], earlier: int = 0) -> Mapping[str, str]:
    """Release id -> a sentence. ``earlier``: how many stay that no deployment needs, the newest ones."""
    words = (
        (state.current, "is current"),
        (state.trial, "is on trial"),
        (state.previous, "is what can be gone back to"),
    )
    kept: dict[str, str] = {}
    for deployment, word in words:
        if deployment is not None:
            kept.setdefault(
                deployment.release_id, f"{deployment.version} {word}, with generation {deployment.generation}"
            )
    versions = {each.id: each.version for each in releases}
    for release_id in waiting_releases(state, releases):
        kept.setdefault(release_id, f"{versions[release_id]} is here to be switched to")
    for release_id in earlier_releases(state, releases, kept)[:earlier]:
        kept[release_id] = f"{versions[release_id]} is one of the earlier releases that stay ({earlier}, keep.releases)"
    return kept


def waiting_releases(state: State, releases: Collection[Release]) -> tuple[str, ...]:
    """Ids of the releases that were brought here to be switched to, and weren't yet: newer than current, and not bad.

    Of two releases of one version only the one pulled last waits. Without a deployment all of them do.
    """
    current = state.current
    if current is None:
        return tuple(release.id for release in releases)
    return tuple(
        release.id
        for release in releases
        if compare_versions(release.version, current.version) == 1 and _is_choice(state, release)
    )


def earlier_releases(state: State, releases: Collection[Release], others: Collection[str]) -> tuple[str, ...]:
    """Ids of what could be switched to again without fetching it, besides ``others``: the newest version first."""
    found = {each.version: each.id for each in releases if each.id not in others and _is_choice(state, each)}
    return tuple(found[version] for version in reversed(sort_versions(found)))


def _is_choice(state: State, release: Release) -> bool:
    """Whether its version means this release, and its trial did not fail."""
    return release.id not in state.bad_releases and state.pulled.get(release.version, release.id) == release.id
