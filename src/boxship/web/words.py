"""How phases are told to people: a headline, a tone, and the steps on the way."""

from enum import StrEnum

from boxship.web.public import PublicView


class Tone(StrEnum):
    """WORK: it goes on by itself. CALM: nothing is wrong, nothing happens. BAD wants a person."""

    WORK = "work"
    GOOD = "good"
    CALM = "calm"
    WARN = "warn"
    BAD = "bad"


_TONES = {
    "ready": Tone.GOOD,
    "empty": Tone.CALM,
    "maintenance": Tone.CALM,
    "fallback": Tone.WARN,
    "rolling-back": Tone.WARN,
    "failed": Tone.BAD,
}
_BOOT = (("starting", "Prepare"), ("starting-services", "Start"), ("checking", "Check"), ("ready", "Ready"))
_SWITCH = (
    ("pulling", "Pull"),
    ("preparing", "Prepare"),
    ("copying", "Copy data"),
    ("stopping", "Stop"),
    ("starting-services", "Start"),
    ("checking", "Check"),
    ("ready", "Ready"),
)
_ONLY_SWITCH = {"pulling", "preparing", "copying", "stopping"}
_WITHOUT_STEPS = {"empty", "maintenance", "fallback", "failed", "rolling-back"}


def tone_of(phase: str) -> Tone:
    return _TONES.get(phase, Tone.WORK)


def headline(view: PublicView) -> str:
    """A few words that stand alone, as the title does."""
    to = f" version {view.to_version}" if view.to_version else ""
    words = {
        "starting": "Starting",
        "pulling": f"Getting{to or ' a new version'}",
        "preparing": f"Preparing{to or ' the services'}",
        "copying": "Copying the data",
        "stopping": f"Stopping version {view.version}" if view.version else "Stopping",
        "starting-services": "Starting the services",
        "checking": "Checking that all is well",
        "ready": "Ready",
        "fallback": "Running with limited service",
        "maintenance": "Down for maintenance",
        "failed": "It could not be started",
        "rolling-back": "Going back to the version before",
        "empty": "Nothing is installed yet",
    }
    return words.get(view.phase, view.phase.replace("-", " ").capitalize())


def steps(view: PublicView) -> tuple[tuple[str, str], ...]:
    """(name, state) with a state of done, now or next; none where there is no way that is gone step by step."""
    if view.phase in _WITHOUT_STEPS:
        return ()
    # The first release of a box is booted at once: nothing is stopped or copied for it.
    is_another = view.operation is not None and view.operation.kind == "switch" and view.to_version != view.version
    is_switch = view.phase in _ONLY_SWITCH or is_another
    way = _SWITCH if is_switch else _BOOT
    phases = [phase for phase, _ in way]
    if view.phase not in phases:
        return ()
    at = phases.index(view.phase)
    states = ["done"] * at + ["done" if view.phase == "ready" else "now"] + ["next"] * (len(way) - at - 1)
    return tuple((name, state) for (_, name), state in zip(way, states, strict=True))


_GOOD = {"ready", "completed", "unchanged"}
_BAD = {"failed", "skipped"}
_STILL = {"waiting", "created", "stopped", "paused", "removed", ""}


def service_tone(phase: str) -> Tone:
    if phase in _GOOD:
        return Tone.GOOD
    if phase in _BAD:
        return Tone.BAD
    return Tone.CALM if phase in _STILL else Tone.WORK


def duration(seconds: float) -> str:
    """``1 min 12 s``, as a person says it."""
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
