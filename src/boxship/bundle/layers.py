"""Which layers an engine has: a layer counts together with all those below it.

Source: OCI image specification, "Layer ChainID": what engines keep unpacked layers under.
"""

import hashlib
from collections.abc import Collection, Sequence


def chains_of(diff_ids: Sequence[str]) -> tuple[str, ...]:
    """For each layer the id of it with all below, lowest first."""
    found: list[str] = []
    for diff_id in diff_ids:
        below = f"{found[-1]} {diff_id}" if found else ""
        found.append(f"sha256:{hashlib.sha256(below.encode()).hexdigest()}" if below else diff_id)
    return tuple(found)


def missing_layers(diff_ids: Sequence[str], known: Collection[str]) -> tuple[int, ...]:
    """The positions of layers that must be brought to an engine that has the chains ``known``."""
    return tuple(index for index, chain in enumerate(chains_of(diff_ids)) if chain not in known)
