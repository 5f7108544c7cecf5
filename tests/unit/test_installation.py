"""The packages that are installed, by the tool that people ask when something does not fit."""

from __future__ import annotations

import subprocess
import sys


def test_the_locked_packages_agree_with_each_other() -> None:
    check = [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
