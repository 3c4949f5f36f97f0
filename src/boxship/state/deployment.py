"""What runs, or is to run: a release, one of its targets, and the generation of volumes that it writes."""

from msgspec import Struct


class Deployment(Struct, frozen=True):
    """``generation`` counts from 1; 0 is what ``boxship up`` makes. Targets of one release share a generation."""

    release_id: str
    version: str
    target: str
    generation: int

    def __str__(self) -> str:
        return f"{self.version} ({self.target})"
