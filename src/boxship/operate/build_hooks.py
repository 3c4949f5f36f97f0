"""The vendor's own commands around the making of images (``pre-build``, ``post-build``)."""

from collections.abc import Iterable
from typing import Literal

from boxship.events import Notice
from boxship.execute.executor import Publish
from boxship.execute.host_hooks import run_host_hook
from boxship.plan.containers import final_name
from boxship.plan.host_hooks import hook_step
from boxship.plan.resolve import Replica
from boxship.spec.model import Appliance


async def run_build_hooks(
    appliance: Appliance, services: Iterable[str], event: Literal["pre-build", "post-build"], publish: Publish
) -> None:
    """Run the hooks of these services one after the other. Raises: HostError for the first that fails."""
    for name in services:
        hooks = appliance.hooks.get(name)
        argv = getattr(hooks, event.replace("-", "_"), ())
        if argv:
            container = final_name(appliance.name, Replica(appliance.services[name]))
            action = hook_step(argv, event, name, container, appliance.directory)
            publish(Notice(action.title))
            await run_host_hook(action)
