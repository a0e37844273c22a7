"""The static client of peer.c, for containers and other bare places."""

import subprocess
from pathlib import Path

from .need import need_program

_SOURCE = Path(__file__).with_name("peer.c")


def build(directory):
    """The program, open to everybody, below `directory`."""
    need_program("gcc")
    program = Path(directory) / "peer"
    if not program.exists():
        subprocess.run(["gcc", "-O1", "-Wall", "-static", "-o", program, _SOURCE], check=True)
        program.chmod(0o755)
    return program
