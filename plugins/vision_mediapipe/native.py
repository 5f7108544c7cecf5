"""Start of the native libraries: what they print goes to the log, and a failure is one line."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from proctorhub.plugins import PluginError

STDERR = 2

log = logging.getLogger(__name__)


@contextmanager
def loading() -> Iterator[None]:
    """Take what native code prints while it starts to the debug log.

    MediaPipe and TensorFlow Lite greet from C++ on file descriptor 2, past every Python logger.
    Raises PluginError when a library cannot be loaded.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with tempfile.TemporaryFile() as said:
            kept = os.dup(STDERR)
            os.dup2(said.fileno(), STDERR)
            try:
                yield
            finally:
                os.dup2(kept, STDERR)
                os.close(kept)
                said.seek(0)
                for line in said.read().decode(errors="replace").splitlines():
                    log.debug("native library: %s", line)
    except ImportError as error:
        raise PluginError(
            f"the vision libraries cannot be loaded: {error} "
            "(Debian: apt install libgl1 libglib2.0-0)"
        ) from error
