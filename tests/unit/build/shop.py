"""A small appliance on disk, built again and again on an engine that is none."""

from pathlib import Path
from typing import Any

from boxship.build.images import build_images
from boxship.events import Event, Phase, SubjectChanged
from boxship.spec.model import Appliance, Build, Service
from boxship.where import Where
from tests.fakes.engine import FakeEngine


class Shop:
    """An appliance on disk, built again and again."""

    def __init__(self, root: Path, engine: FakeEngine | None = None, **dockerfiles: str) -> None:
        self.root = root
        self.engine = engine or FakeEngine()
        self.events: list[Event] = []
        self.cache_root = root / "cache"
        for name, text in dockerfiles.items():
            (root / name).mkdir()
            (root / name / "Dockerfile").write_text(text)
        services = {
            name: Service(name, build=Build(root / name), where={"build": Where("compose.yaml", at, 5)})
            for at, name in enumerate(dockerfiles, 1)
        }
        self.appliance = Appliance("shop", "1.0", root, services=services)

    async def build(self, *services: str, **options: Any) -> dict[str, Phase]:
        self.events.clear()
        try:
            await build_images(
                self.appliance,
                services or tuple(self.appliance.services),
                self.engine,
                self.events.append,
                cache_root=self.cache_root,
                **options,
            )
        finally:
            ends = [event for event in self.events if isinstance(event, SubjectChanged)]
            self.phases = {event.subject: event.phase for event in ends}
        return self.phases
