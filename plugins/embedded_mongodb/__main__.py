"""The command line: run the server, or back a database file up.

python -m proctorhub_plugins.embedded_mongodb --db FILE|:memory: --socket PATH
python -m proctorhub_plugins.embedded_mongodb backup --db FILE --to FILE
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sqlite3
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from .backup import BackupError, back_up
from .integrity import DamagedFile, check_file
from .lock import FileHeld, FileLock
from .parent import watch
from .server import Server, SocketInUse
from .storage import Storage
from .transactions import StorageError

_REFUSALS = (FileHeld, SocketInUse, StorageError, DamagedFile, BackupError, OSError)
# Python hands the interpreter over this often while a query computes; every hand-over is what
# another client waits for, several times per command.
_SWITCH_SECONDS = 0.0005


def main(arguments: list[str] | None = None) -> int:
    """Run a command line and return the exit status; a refusal is one line on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments[:1] == ["backup"]:
            options = _backup_parser().parse_args(arguments[1:])
            back_up(options.db, options.to)
        else:
            serve(_server_parser().parse_args(arguments))
    except _REFUSALS as error:
        print(f"embedded_mongodb: {error}", file=sys.stderr, flush=True)
        return 1
    except sqlite3.Error as error:
        print(f"embedded_mongodb: cannot use the database file: {error}", file=sys.stderr)
        return 1
    return 0


def _server_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="embedded_mongodb", description=__doc__)
    parser.add_argument("--db", required=True, help="database file, or :memory:")
    parser.add_argument("--socket", required=True, type=Path, help="path of the Unix socket")
    parser.add_argument(
        "--sync", choices=("FULL", "NORMAL"), default="FULL",
        help="FULL (default): an acknowledged write survives a power cut; NORMAL: only a crash",
    )  # fmt: skip
    parser.add_argument(
        "--parent", type=int, default=os.getppid(), metavar="PID",
        help="stop when this process ends (default: the parent; 0: never)",
    )  # fmt: skip
    return parser


def _backup_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="embedded_mongodb backup")
    parser.add_argument("--db", required=True, type=Path)
    parser.add_argument("--to", required=True, type=Path)
    return parser


def serve(options: argparse.Namespace) -> None:
    """Run the server until SIGTERM, SIGINT or the end of the parent."""
    os.umask(0o077)
    sys.setswitchinterval(_SWITCH_SECONDS)
    with ExitStack() as stack:
        if options.db == ":memory:":
            # A file all the same: only a file lets readers go on while somebody writes.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="embedded_mongodb-"))
            path, sync = Path(folder) / "memory.db", "OFF"
        else:
            path, sync = Path(options.db).resolve(), options.sync
        socket = options.socket.absolute()
        lock = FileLock(path, socket)
        stack.callback(lock.release)
        check_file(path)
        storage = Storage(path, sync)
        stack.callback(storage.close)
        server = Server(storage, socket)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        if options.parent > 1:
            watch(options.parent, server.stop)
        gc.collect()
        gc.freeze()
        server.serve()


if __name__ == "__main__":
    sys.exit(main())
