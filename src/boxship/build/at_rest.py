"""Whether a build has nothing to do, found out with one look at the files and one at the engine, without a loop.

Each image is judged as ``builder`` does. What that takes more for (bases, prepared wheels, files that look other than
last time) is left to it: "not at rest" only says that more has to be asked.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from boxship.build.graph import ImageBuild, plan_builds
from boxship.build.known import BuildOptions, Judge
from boxship.build.records import BuiltImages
from boxship.build.stamps import STAMPS
from boxship.build.survey import all_references, read_dockerfiles, unused_args, with_args
from boxship.errors import BuildError
from boxship.events import Event, Notice, Phase, SubjectChanged
from boxship.plan.observed import Observed
from boxship.spec.model import Appliance, Build

Look = Callable[[Collection[str]], Observed]
"""Asks the engine for these images, as ``glance`` does."""


def at_rest(
    appliance: Appliance, services: Sequence[str], look: Look, options: BuildOptions, cache_root: Path
) -> tuple[Event, ...] | None:
    """What ``build_images`` would tell if it kept all images; None when it may have something to do, or to complain of.

    ``options``: the stamps may be ``demanded_of`` the appliance alone.

    Raises:
        EngineError: The engine can't be reached.
    """
    has_to_do = options.no_cache or options.pull or appliance.bases or _are_stamps_its_own(appliance)
    if has_to_do:
        return None
    appliance = with_args(appliance, options.args)
    try:
        dockerfiles = read_dockerfiles(appliance, services)
        observed = look(all_references(appliance, dockerfiles))
        plan = plan_builds(appliance, services, dockerfiles, observed)
        judge = Judge(appliance, options, BuiltImages(cache_root / "builds"))
        kept = _all_kept(plan, judge, observed)
    except BuildError:
        return None  # who builds finds it again, and tells it after what can be built
    return None if kept is None else (*unused_args(options.args, dockerfiles.values()), *kept)


def has_build_hooks(appliance: Appliance, services: Collection[str]) -> bool:
    """Whether commands of the vendor are to be run around these builds, also when nothing is built."""
    hooks = (appliance.hooks.get(name) for name in services)
    return any(each is not None and (each.pre_build or each.post_build) for each in hooks)


def _all_kept(plan: Sequence[ImageBuild], judge: Judge, observed: Observed) -> list[Event] | None:
    events: list[Event] = []
    for image in plan:
        if not isinstance(image.made_from, Build) or image.wheels is not None:
            return None
        record = judge.is_unchanged(image, image.made_from, observed)
        if record is None:
            return None
        events += (Notice(notice, is_warning=True) for notice in record.notices)
        events.append(SubjectChanged(image.subject, Phase.KEPT))
    return events


def _are_stamps_its_own(appliance: Appliance) -> bool:
    """Whether a service gives itself labels that are stamps: which of them count takes asking git."""
    builds = (service.build for service in appliance.services.values())
    return any(build is not None and not STAMPS.isdisjoint(build.labels) for build in builds)
