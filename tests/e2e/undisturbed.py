"""Runs a browser that does not hear of changes of this machine's network: ``python undisturbed.py PROGRAM...``.

Chromium cuts its connections whenever an address of the machine that it runs on changes, and every container that
starts or stops here changes one. A customer's browser runs on another machine, so what it would not see is kept from
this one too: the kernel refuses it the netlink sockets that tell of changes.
"""

import errno
import os
import socket
import sys

import pyseccomp  # type: ignore[import-untyped]  # it comes without types


def main() -> None:
    """Becomes the program, under the filter; its children inherit it."""
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    rules.add_rule(
        pyseccomp.ERRNO(errno.EAFNOSUPPORT), "socket", pyseccomp.Arg(0, pyseccomp.EQ, int(socket.AF_NETLINK))
    )
    rules.load()
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
