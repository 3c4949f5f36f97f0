"""A context at a glance: one digest over how all of its files look, without reading any of them.

When nothing looks other than at the last build, nothing is other. The exception is a file that was changed within
the same tick of its file system's clock as the look before, so a look that is as young as the youngest of its files
vouches for nothing. (The rule is the one that git's index follows for "racily clean" entries.)
"""

import marshal
import os
from typing import NamedTuple

from boxship.build.context import Root, Source
from boxship.hashing import blake2b

_TICK_NS = 20_000_000
"""More than a tick of any kernel's file clock (4 to 10 ms)."""
_COARSE_NS = 2_000_000_000
"""More than a tick of file systems that keep whole seconds."""
_SECOND_NS = 1_000_000_000
_NO_REFERENCES = 2
"""The last version of marshal that writes equal values as equal bytes, whoever else holds them."""

_Record = tuple[str | int, ...]


class Look(NamedTuple):
    """A digest of how things look, and whether a later change would show in it."""

    digest: str
    is_sure: bool


def take_look(source: Source, now_ns: int) -> Look | None:
    """Look at every file of a context once.

    Args:
        source: The context.
        now_ns: Unix time of a moment before this call.

    Returns:
        None when something can't be looked at: who reads it will say what.
    """
    whole = blake2b(digest_size=20)
    texts = (source.dockerfile_text, source.dockerfile_name, source.ignore_text, source.inside)
    whole.update(marshal.dumps(texts, _NO_REFERENCES))
    youngest_ns = 0
    try:
        for root in source.roots:
            look_at = _look_at_file if root.is_file else _look_at_folder
            youngest_ns = max(youngest_ns, look_at(root, whole, now_ns))
        for path, file in sorted(source.extra.items()):
            record, changed_ns = _record(path, file.stat(), now_ns)
            whole.update(marshal.dumps(record, _NO_REFERENCES))
            youngest_ns = max(youngest_ns, changed_ns)
    except (OSError, ValueError):
        return None
    return Look(whole.hexdigest(), is_sure=not is_racy(youngest_ns, now_ns))


def is_racy(changed_ns: int, seen_ns: int) -> bool:
    """Whether a file that changed then could have changed once more, unseen, after it was seen."""
    tick_ns = _TICK_NS if changed_ns % _SECOND_NS else _COARSE_NS
    return changed_ns >= seen_ns - tick_ns


def last_change_ns(mtime_ns: int, ctime_ns: int, now_ns: int) -> int:
    """When a file last changed. A time in the future was set by hand, and says nothing."""
    return ctime_ns if mtime_ns > now_ns else max(mtime_ns, ctime_ns)


def _record(name: str, status: os.stat_result, now_ns: int) -> tuple[_Record, int]:
    mtime_ns, ctime_ns = status.st_mtime_ns, status.st_ctime_ns
    record = (name, status.st_mode, status.st_size, mtime_ns, ctime_ns, status.st_ino)
    return record, last_change_ns(mtime_ns, ctime_ns, now_ns)


def _look_at_file(root: Root, whole: blake2b, now_ns: int) -> int:
    record, changed_ns = _record(root.prefix, root.path.stat(), now_ns)
    whole.update(marshal.dumps((str(root.path), record, _rules(root)), _NO_REFERENCES))
    return changed_ns


def _look_at_folder(root: Root, whole: blake2b, now_ns: int) -> int:
    """When the youngest of its files changed. Plain loops over local names: half of a no-op build is spent here."""
    whole.update(marshal.dumps((str(root.path), root.prefix, _rules(root)), _NO_REFERENCES))
    sieve, has_rules, youngest_ns = root.sieve, not root.sieve.lets_all_through, 0
    pending = [(str(root.path), "", sieve.above())]
    while pending:
        folder, inner, above = pending.pop()
        with os.scandir(folder) as scan:
            children = list(scan)
        records: list[_Record] = []
        below = []
        for child in children:
            name, is_folder, verdict = child.name, child.is_dir(follow_symlinks=False), above
            if has_rules:
                verdict = sieve.judge(inner + name, above)
                is_out = sieve.is_out(verdict)
                if is_out and not (is_folder and sieve.may_let_through_below(inner + name, verdict)):
                    continue
            status = child.stat(follow_symlinks=False)
            if is_folder:
                # Its own times change with files that are ignored; what is in it speaks for itself.
                records.append((name, status.st_mode))
                below.append((child.path, f"{inner}{name}/", verdict))
                continue
            mtime_ns, ctime_ns = status.st_mtime_ns, status.st_ctime_ns
            records.append((name, status.st_mode, status.st_size, mtime_ns, ctime_ns, status.st_ino))
            if ctime_ns > youngest_ns:
                youngest_ns = ctime_ns
            if youngest_ns < mtime_ns <= now_ns:
                youngest_ns = mtime_ns
        records.sort()
        pending += sorted(below)
        whole.update(marshal.dumps((inner, records), _NO_REFERENCES))
    return youngest_ns


def _rules(root: Root) -> tuple[tuple[str, bool], ...]:
    """Of the part: the context's are in the text of ``.dockerignore``."""
    return tuple((rule.pattern, rule.keeps) for rule in root.sieve.own.rules)
