"""The kernel settings of a release, set as far as the Loader may: by a boot, and before a switch asks for them."""

from boxship.events import Notice
from boxship.host.sysctl import apply_settings
from boxship.loader.deployments import Wanted
from boxship.loader.parts import Parts


def set_kernel(parts: Parts, wanted: Wanted) -> None:
    """Says what was changed, and what should be and can't be from here."""
    for setting in apply_settings(wanted.appliance.host.sysctl):
        if setting.before != setting.wanted:
            parts.feed.publish(Notice(f"host: {setting}", is_warning=not setting.is_as_wanted))
