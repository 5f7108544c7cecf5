"""A process that crashes comes back; one that cannot start does not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.waiting import PATIENCE_S, wait_for

KEEPER = [sys.executable, "-m", "proctorhub.cli.keeper", sys.executable, "-c"]


def starts(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def note(path: Path) -> str:
    return f"open({str(path)!r}, 'a').write('started\\n'); "


def test_a_failing_first_start_is_not_tried_again(tmp_path) -> None:
    path = tmp_path / "starts"
    done = subprocess.run([*KEEPER, note(path) + "raise SystemExit(3)"], timeout=30, check=False)
    assert done.returncode == 3 and starts(path) == 1


def test_a_clean_end_is_the_end(tmp_path) -> None:
    path = tmp_path / "starts"
    assert subprocess.run([*KEEPER, note(path)], timeout=30, check=False).returncode == 0
    assert starts(path) == 1


def test_a_crash_after_the_start_is_made_good_and_sigterm_ends_it(tmp_path) -> None:
    path = tmp_path / "starts"
    crash = "import os, time; time.sleep(3.2 if first else 60); os._exit(9)"
    program = f"import os; first = not os.path.exists({str(path)!r}); " + note(path) + crash
    keeper = subprocess.Popen([*KEEPER, program])
    wait_for(lambda: starts(path) == 2)
    keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(PATIENCE_S) != 0
    assert starts(path) == 2


def test_a_process_killed_in_its_first_moment_comes_back(tmp_path) -> None:
    path = tmp_path / "starts"
    die = "import signal; os.kill(os.getpid(), signal.SIGKILL)"
    program = f"import os; first = not os.path.exists({str(path)!r}); " + note(path)
    done = subprocess.run([*KEEPER, program + f"\nif first:\n    {die}"], timeout=30, check=False)
    assert done.returncode == 0 and starts(path) == 2


def test_the_process_ends_with_its_keeper(tmp_path) -> None:
    path = tmp_path / "pid"
    program = f"import os, time; open({str(path)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    keeper = subprocess.Popen([*KEEPER, program])
    wait_for(lambda: path.exists() and path.read_text())
    child = int(path.read_text())
    keeper.kill()
    keeper.wait()
    wait_for(lambda: not Path(f"/proc/{child}").exists() or " Z " in status(child))


def status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return " Z "
