"""How many files and sockets this process may have open."""

from __future__ import annotations

import resource


def raise_file_limit() -> None:
    """Allow as many open files as the machine allows: the soft limit becomes the hard one.

    The soft limit is 1024 on most systems, for programs that use `select`; setrlimit(2) lets
    anybody raise it.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def file_limit() -> int:
    """Return how many files and sockets may be open at a time."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
