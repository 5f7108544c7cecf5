"""Finding the processes of one installation, to kill them."""

from __future__ import annotations

from pathlib import Path

_MARKS = {
    "database": "embedded_mongodb",
    "web": "proctorhub web",
    "media": "proctorhub media",
    "vision": "proctorhub vision",
}


def of(data_dir: Path, name: str) -> list[int]:
    """Return the process ids that do the work of `name` for a data folder, without children."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().replace("\0", " ")
            environment = (folder / "environ").read_bytes().decode()
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            above = Path(f"/proc/{parent}/cmdline").read_bytes().decode()
        except OSError:
            continue
        ours = f"PROCTORHUB_DATA_DIR={data_dir}" in environment
        if ours and _MARKS[name] in words and "cli.keeper" not in words and "keeper" in above:
            found.append(int(folder.name))
    return found


def parent(pid: int) -> int:
    """Return the process id of a process' parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
