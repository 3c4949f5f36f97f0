"""What the C library keeps of a long-lived process's memory: less of it, and nothing that nobody uses.

glibc gives new threads arenas of their own, up to eight for each core, and an arena keeps what is freed between two
pieces that are still in use. A process that computes in one thread at a time has no use for more than one.
"""

import ctypes

_M_ARENA_MAX = -8
"""glibc, malloc/malloc.h."""
_LIBC = ctypes.CDLL(None)


def keep_one_heap() -> None:
    """For all threads that begin from now on. Nothing happens with a C library that has no arenas."""
    if hasattr(_LIBC, "mallopt"):
        _LIBC.mallopt(_M_ARENA_MAX, 1)


def give_back_free_memory() -> None:
    """To the kernel, every whole page of it; where the C library can. A Loader takes less than a millisecond for it."""
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)
