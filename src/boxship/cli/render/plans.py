"""What would be done, for people and as data."""

from collections.abc import Mapping, Sequence

from boxship.plan.action import Plan

NOTHING = "nothing to do: everything is as it should be"


def plan_as_text(plan: Plan, before: Sequence[str] = ()) -> str:
    """``before``: what is done before its first step."""
    return "\n".join((*before, *map(str, plan.steps))) or NOTHING


def plan_as_data(plan: Plan, *, build: Sequence[str] = (), pull: Sequence[str] = ()) -> dict[str, object]:
    """``build`` and ``pull``: the images that are fetched or made before its first step."""
    steps = [
        {
            "id": step.id,
            "subject": step.subject,
            "action": type(step.action).__name__,
            "cause": step.cause,
            "after": list(step.after),
            "after_ended": list(step.after_ended),
        }
        for step in plan.steps
    ]
    return {"build": list(build), "pull": list(pull), "steps": steps, "kept": dict(plan.kept)}


def images_as_text(causes: Mapping[str, str], verb: str) -> tuple[str, ...]:
    """Lines: ``build share/web:latest, not built yet``."""
    return tuple(f"{verb} {reference}, {cause}" for reference, cause in causes.items())
