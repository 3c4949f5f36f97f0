"""The parts of uvicorn that doors are made of, without its own command line.

uvicorn's package imports its command line, with click, multiprocessing and what restarts a server when files change: 24
modules and 1.5 MiB that a Loader would keep for as long as it lives. While the parts are imported another package with
the same files stands for it; afterwards it is gone, and whoever imports uvicorn gets all of it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType


@contextmanager
def _without_its_package(name: str) -> Iterator[None]:
    """The modules of ``name`` are found, and its ``__init__`` isn't run. Nothing happens once it was."""
    spec = None if name in sys.modules else find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        yield
        return
    bare = ModuleType(name)
    bare.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = bare
    try:
        yield
    finally:
        del sys.modules[name]


with _without_its_package("uvicorn"):
    from uvicorn.config import Config
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.server import ServerState

__all__ = ["Config", "H11Protocol", "ServerState"]
