"""What gc takes and what it leaves, as values."""

from collections.abc import Mapping

from msgspec.structs import replace

from boxship.loader.gc import Garbage, find_garbage, view_of
from boxship.loader.keeping import kept_deployments, waiting_releases, why_kept
from boxship.loader.stock import Stock
from boxship.names import LABEL_GENERATION
from boxship.plan.observed import (
    ContainerState,
    Observed,
    ObservedContainer,
    ObservedImage,
    ObservedNetwork,
    ObservedVolume,
)
from boxship.spec.release import Release, ReleaseImage
from boxship.state.deployment import Deployment
from boxship.state.state import State


def release(version: str, *, appliance: str = "share", **images: str) -> Release:
    """``images``: service -> image id's end."""
    made = {name: ReleaseImage(f"share/{name}:{version}", f"sha256:{key}") for name, key in images.items()}
    return Release(appliance, version, made, {})


def deployed(found: Release, generation: int) -> Deployment:
    return Deployment(found.id, found.version, "default", generation)


OLD = release("1.0", web="web1", db="db")
PREVIOUS = release("1.1", web="web2", db="db")
CURRENT = release("1.2", web="web3", db="db")
NEWER = release("1.3", web="web4", db="db4")
RELEASES = (OLD, PREVIOUS, CURRENT, NEWER)
STATE = State(
    current=deployed(CURRENT, 3),
    previous=deployed(PREVIOUS, 2),
    next_generation=6,
    pulled={each.version: each.id for each in RELEASES},
)


def image(key: str, *tags: str, digests: tuple[str, ...] = ()) -> ObservedImage:
    return ObservedImage(f"sha256:{key}", tags, digests)


IMAGES = (
    image("web1", "share/web:1.0"),
    image("web2", "share/web:1.1"),
    image("web3", "share/web:1.2"),
    image("web4", "share/web:1.3"),
    image("db", "share/db:1.0", "share/db:1.1", "share/db:1.2"),
    image("db4", "share/db:1.3"),
)


def container(name: str, generation: int, appliance: str = "share", **labels: str) -> ObservedContainer:
    marks: Mapping[str, str] = {LABEL_GENERATION: str(generation), **labels} if generation else labels
    return ObservedContainer(
        id=f"id-{name}", name=name, image="x", image_id="sha256:x", state=ContainerState.CREATED,
        appliance=appliance, service="web", labels=marks,
    )  # fmt: skip


def network(name: str, generation: int, appliance: str = "share") -> ObservedNetwork:
    return ObservedNetwork(id=f"id-{name}", name=name, driver="bridge", appliance=appliance, generation=generation)


def volume(name: str, generation: int, appliance: str = "share") -> ObservedVolume:
    return ObservedVolume(name=name, driver="local", appliance=appliance, generation=generation)


def garbage(
    observed: Observed, state: State = STATE, releases: tuple[Release, ...] = RELEASES, *, earlier: int = 0
) -> Garbage:
    return find_garbage("share", state, stock_of(*releases), observed, why_kept(state, releases, earlier))


def stock_of(*releases: Release, removed: tuple[Release, ...] = ()) -> Stock:
    return Stock(releases, removed=removed, ids=tuple(each.id for each in releases))


def test_current_trial_and_previous_stay() -> None:
    trial = deployed(NEWER, 4)
    assert kept_deployments(replace(STATE, trial=trial)) == (STATE.current, trial, STATE.previous)
    assert kept_deployments(State()) == ()
    observed = Observed(containers=tuple(container(f"share.web.g{number}", number) for number in (2, 3)))
    assert garbage(observed).containers == ()


def test_what_a_generation_that_no_deployment_has_left_behind_goes() -> None:
    # 1 was current once; 4 and 5 were cut off while they were made.
    observed = Observed(
        containers=tuple(container(f"share.web.g{number}", number) for number in (1, 2, 3, 4, 5)),
        networks=(network("share.default.g1", 1), network("share.default.g3", 3), network("share.default.g5", 5)),
        volumes=(volume("share.data.g1", 1), volume("share.data.g2", 2), volume("share.data.g4", 4)),
    )
    found = garbage(observed)
    assert found.containers == ("share.web.g1", "share.web.g4", "share.web.g5")
    assert found.networks == ("share.default.g1", "share.default.g5")
    assert found.volumes == ("share.data.g1", "share.data.g4")


def test_what_has_no_generation_or_another_owner_is_not_looked_at() -> None:
    observed = Observed(
        containers=(container("share.web", 0), container("other.web.g1", 1, "other"), container("someone", 1, "")),
        networks=(network("share.default", 0), network("other.default.g1", 1, "other")),
        volumes=(volume("share.data", 0), volume("other.data.g1", 1, "other"), volume("c0ffee", 0, "")),
        images=(image("foreign", "nginx:1"),),
    )
    assert replace(garbage(observed), releases=(), kept={}, owing={}) == Garbage()


def test_an_old_release_goes_with_the_images_that_it_alone_has() -> None:
    found = garbage(Observed(images=IMAGES))
    assert found.releases == (OLD.id,)
    assert found.images == ("share/web:1.0", "share/db:1.0"), "db keeps the tags of those that stay"


def test_a_newer_release_that_nobody_has_switched_to_yet_stays() -> None:
    assert waiting_releases(STATE, RELEASES) == (NEWER.id,)


def test_a_newer_release_whose_trial_failed_goes() -> None:
    state = replace(STATE, bad_releases={NEWER.id: "web was not well"})
    assert waiting_releases(state, RELEASES) == ()
    found = garbage(Observed(images=IMAGES), state)
    assert found.releases == (OLD.id, NEWER.id)
    assert found.images == ("share/web:1.0", "share/db:1.0", "share/web:1.3", "share/db:1.3")


def test_a_release_that_was_published_anew_goes_when_the_newer_one_of_its_version_is_here() -> None:
    again = release("1.3", web="web5", db="db4")
    state = replace(STATE, pulled={**STATE.pulled, "1.3": again.id})
    assert waiting_releases(state, (*RELEASES, again)) == (again.id,)


def test_a_release_that_came_with_the_box_counts_as_pulled() -> None:
    assert waiting_releases(replace(STATE, pulled={}), RELEASES) == (NEWER.id,)


def test_versions_that_have_no_order_are_not_newer() -> None:
    dev = release("dev", web="web9")
    assert waiting_releases(STATE, (*RELEASES, dev)) == (NEWER.id,)


def test_a_box_without_a_deployment_keeps_every_release() -> None:
    assert waiting_releases(State(), RELEASES) == tuple(each.id for each in RELEASES)


def test_names_that_somebody_else_gave_stay_and_so_keep_the_image() -> None:
    pulled = "registry.example.com/share/web@sha256:aa"
    tagged = image("web1", "share/web:1.0", "mine:copy", digests=(pulled, "share/web@sha256:bb"))
    assert garbage(Observed(images=(tagged,))).images == ("share/web:1.0", "share/web@sha256:bb")
    for others in (image("web1", "mine:copy"), image("web1", digests=(pulled,))):
        found = garbage(Observed(images=(others,)))
        assert (found.images, found.owing, len(found.waiting)) == ((), {OLD.id: ()}, 0)


def test_an_image_that_is_not_here_needs_no_removal() -> None:
    assert garbage(Observed()).images == ()


def test_an_image_without_a_name_goes_by_its_id_and_one_whose_tag_moved_by_the_tag_that_it_got_instead() -> None:
    assert garbage(Observed(images=(image("web1"),))).images == ("sha256:web1",)
    assert garbage(Observed(images=(image("web1", "share/web:replaced-web1"),))).images == ("share/web:replaced-web1",)


def test_the_last_tag_of_an_image_that_stays_is_left_and_so_is_the_record_that_leads_to_it() -> None:
    found = garbage(Observed(images=(image("db", "share/db:1.0"),)))
    assert (found.images, found.waiting) == ((), frozenset({OLD.id}))


def test_an_image_of_a_loader_stays_and_its_release_s_record_with_it() -> None:
    old = replace(OLD, platform=ReleaseImage("share/platform:1.0", "sha256:p"))
    observed = Observed(images=(image("p", "share/platform:1.0"),))
    kept = why_kept(STATE, (old, CURRENT))
    waits = find_garbage("share", STATE, stock_of(old, PREVIOUS, CURRENT), observed, kept, ("sha256:p",))
    assert (waits.releases, waits.images, waits.waiting) == ((old.id,), (), frozenset({old.id}))
    later = find_garbage("share", STATE, stock_of(PREVIOUS, CURRENT, removed=(old,)), observed, kept)
    assert (later.releases, later.images, later.owing) == ((), ("share/platform:1.0",), {old.id: later.images})


def test_the_platform_goes_last() -> None:
    old = replace(OLD, platform=ReleaseImage("share/platform:1.0", "sha256:platform1"))
    state = replace(STATE, pulled={})
    found = find_garbage(
        "share",
        state,
        stock_of(old, PREVIOUS, CURRENT),
        Observed(images=(*IMAGES, image("platform1", "share/platform:1.0"))),
        why_kept(state, (old, PREVIOUS, CURRENT)),
    )
    assert found.images == ("share/web:1.0", "share/db:1.0", "share/platform:1.0")


def test_what_stayed_is_told_with_its_reason() -> None:
    view = view_of(Garbage(("a", "b"), ("n",), ("v",), ("i",), ("r",)), {"b": "it is in use", "v": "busy"})
    assert (view.containers, view.networks, view.volumes, view.images, view.releases) == (
        ("a",),
        ("n",),
        (),
        ("i",),
        ("r",),
    )
    assert view.failures == {"b": "it is in use", "v": "busy"}


OLDER = release("0.9", web="web0", db="db0")


def test_as_many_earlier_releases_stay_as_the_appliance_says_the_newest_of_them() -> None:
    images = Observed(images=(*IMAGES, image("web0", "share/web:0.9"), image("db0", "share/db:0.9")))
    everything = (OLDER, *RELEASES)
    one = garbage(images, releases=everything, earlier=1)
    assert (one.releases, one.images) == ((OLDER.id,), ("share/web:0.9", "share/db:0.9"))
    two = garbage(images, releases=everything, earlier=2)
    assert (two.releases, two.images) == ((), ())


def test_a_release_whose_trial_failed_is_not_kept_in_place_of_a_good_one() -> None:
    state = replace(STATE, bad_releases={OLD.id: "web was not well"})
    assert garbage(Observed(), state, (OLDER, *RELEASES), earlier=1).releases == (OLD.id,)


def test_earlier_releases_that_stay_keep_no_data() -> None:
    observed = Observed(volumes=(volume("share.data.g1", 1), volume("share.data.g2", 2), volume("share.data.g3", 3)))
    assert garbage(observed, earlier=2).volumes == ("share.data.g1",)


def test_each_release_that_stays_is_told_with_its_reason() -> None:
    assert garbage(Observed(), releases=(OLDER, *RELEASES), earlier=1).kept == {
        OLD.id: "1.0 is one of the earlier releases that stay (1, keep.releases)",
        PREVIOUS.id: "1.1 is what can be gone back to, with generation 2",
        CURRENT.id: "1.2 is current, with generation 3",
        NEWER.id: "1.3 is here to be switched to",
    }


def test_a_release_on_trial_is_kept_as_that() -> None:
    kept = why_kept(replace(STATE, trial=deployed(NEWER, 4)), RELEASES)
    assert kept[NEWER.id] == "1.3 is on trial, with generation 4"


def test_a_box_without_a_deployment_says_what_its_releases_are_for() -> None:
    assert set(why_kept(State(), RELEASES, 5).values()) == {
        f"{each.version} is here to be switched to" for each in RELEASES
    }
