"""A process keeps one heap, and no free memory."""

import subprocess
import sys

_IN_FOUR_THREADS = """
import ctypes, sys, threading
from boxship.host.heap import keep_one_heap

libc = ctypes.CDLL(None)
if sys.argv[1] == "one":
    keep_one_heap()
together = threading.Barrier(4)

def allocate():
    together.wait()
    libc.malloc(1000)
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""
_FREE_BETWEEN_WHAT_STAYS = """
import ctypes
from pathlib import Path
from boxship.host.heap import give_back_free_memory

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)

def resident_kib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4

pieces = [libc.malloc(100_000) for _ in range(400)]
for each in pieces:
    ctypes.memset(each, 1, 100_000)
for each in pieces[::2]:
    libc.free(each)
before = resident_kib()
give_back_free_memory()
print(before - resident_kib())
"""


def run(program: str, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return ran.stdout


def test_threads_share_one_heap_once_that_is_said_and_have_their_own_before() -> None:
    assert run(_IN_FOUR_THREADS, "one").count("<heap ") == 1
    assert run(_IN_FOUR_THREADS, "many").count("<heap ") > 1


def test_what_is_free_between_pieces_in_use_goes_back_to_the_kernel() -> None:
    assert int(run(_FREE_BETWEEN_WHAT_STAYS)) > 15_000
