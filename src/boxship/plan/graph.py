"""A plan under construction: steps are added with names, edges with names, and numbers come at the end.

Named edges may be added before or without the step they name; a missing step means "already so". That lets each rule
of the planner speak about its own steps only.
"""

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

from msgspec import Struct, field

from boxship.errors import BugError
from boxship.plan.action import (
    Action,
    Plan,
    RemoveContainer,
    RunHook,
    RunHostHook,
    StartContainer,
    Step,
    StopContainer,
    WaitReady,
)

# What a step costs when the longest way to the end is estimated, in milliseconds. Only the order of magnitude
# matters: starting costs an engine about ten times what creating does (measured on Docker 20.10, 2 cores).
_DEFAULT_COST = 30
_COSTS: Mapping[type, int] = {
    StartContainer: 250,
    RunHook: 150,
    RunHostHook: 150,
    WaitReady: 300,
    StopContainer: 200,
    RemoveContainer: 80,
}


class _Draft(Struct):
    action: Action
    subject: str
    cause: str
    after: set[str]
    after_ended: set[str]
    best_effort: bool


class PlanBuilder(Struct):
    """Collects steps under keys such as ``start web`` and turns them into a Plan."""

    appliance: str
    _drafts: dict[str, _Draft] = field(default_factory=dict)
    _kept: dict[str, str] = field(default_factory=dict)
    _preferences: list[tuple[str, str]] = field(default_factory=list)

    def add(
        self,
        key: str,
        action: Action,
        *,
        subject: str,
        cause: str,
        after: Iterable[str] = (),
        after_ended: Iterable[str] = (),
        best_effort: bool = False,
    ) -> str:
        if key in self._drafts:
            raise BugError(f"the plan has two steps called '{key}'")
        self._drafts[key] = _Draft(action, subject, cause, set(after), set(after_ended), best_effort)
        return key

    def order(self, key: str, *, after: Iterable[str] = (), after_ended: Iterable[str] = ()) -> None:
        """``key`` comes after these (after they succeeded; after they ended), as far as all of them exist."""
        if key in self._drafts:
            self._drafts[key].after.update(name for name in after if name != key)
            self._drafts[key].after_ended.update(name for name in after_ended if name != key)

    def prefer(self, key: str, *, after: str) -> None:
        """``key`` comes after that one succeeded, unless it is what that one waits for. Heeded in the given order."""
        self._preferences.append((key, after))

    def has(self, key: str) -> bool:
        return key in self._drafts

    def keep(self, service: str, why: str) -> None:
        self._kept[service] = why

    def finish(self) -> Plan:
        """Number the steps so that each follows what it waits for; deterministic for the same steps and edges."""
        edges = {
            key: {name for name in draft.after | draft.after_ended if name in self._drafts}
            for key, draft in sorted(self._drafts.items())
        }
        self._heed_preferences(edges)
        ranks = self._ranks(edges)
        ready = [(-ranks[key], key) for key, after in edges.items() if not after]
        ready.sort()
        followers: dict[str, list[str]] = {key: [] for key in edges}
        for key, after in edges.items():
            for name in after:
                followers[name].append(key)
        open_edges = {key: len(after) for key, after in edges.items()}
        ids: dict[str, int] = {}
        while ready:
            _, key = heappop(ready)
            ids[key] = len(ids) + 1
            for follower in followers[key]:
                open_edges[follower] -= 1
                if open_edges[follower] == 0:
                    heappush(ready, (-ranks[follower], follower))
        if len(ids) != len(edges):
            stuck = sorted(key for key in edges if key not in ids)
            raise BugError(f"the plan's steps wait for each other: {', '.join(stuck)}")
        steps = tuple(
            Step(
                id=number,
                action=self._drafts[key].action,
                subject=self._drafts[key].subject,
                cause=self._drafts[key].cause,
                after=tuple(sorted(ids[name] for name in edges[key] & self._drafts[key].after)),
                after_ended=tuple(sorted(ids[name] for name in edges[key] - self._drafts[key].after)),
                best_effort=self._drafts[key].best_effort,
                rank=ranks[key],
            )
            for key, number in ids.items()
        )
        return Plan(self.appliance, steps, dict(sorted(self._kept.items())))

    def _heed_preferences(self, edges: dict[str, set[str]]) -> None:
        for key, before in self._preferences:
            if key in edges and before in edges and not _is_reached(edges, before, key):
                edges[key].add(before)
                self._drafts[key].after.add(before)

    def _ranks(self, edges: Mapping[str, set[str]]) -> dict[str, int]:
        """The longest way to the end, per step: what is on the critical path goes first."""
        ranks = {key: _COSTS.get(type(self._drafts[key].action), _DEFAULT_COST) for key in edges}
        own = dict(ranks)
        followers_left = dict.fromkeys(edges, 0)
        for after in edges.values():
            for name in after:
                followers_left[name] += 1
        leaves = [key for key, count in followers_left.items() if count == 0]
        while leaves:
            key = leaves.pop()
            for name in edges[key]:
                ranks[name] = max(ranks[name], own[name] + ranks[key])
                followers_left[name] -= 1
                if followers_left[name] == 0:
                    leaves.append(name)
        return ranks


def _is_reached(edges: Mapping[str, set[str]], start: str, goal: str) -> bool:
    """Whether ``start`` is ``goal`` or waits for it, directly or not."""
    seen = {start}
    pending = [start]
    while pending:
        key = pending.pop()
        if key == goal:
            return True
        pending += edges[key] - seen
        seen |= edges[key]
    return False
