"""Runs a real media node with a FileLedger: node_main.py LEDGER_DIR; settings by environment."""

from __future__ import annotations

import sys
from pathlib import Path

from ledger_file import FileLedger

from proctorhub.config import load
from proctorhub.media.node import serve

if __name__ == "__main__":
    raise SystemExit(serve(load(), FileLedger(Path(sys.argv[1]))))
