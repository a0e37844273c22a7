"""A lock file for each slot, which whatever uses the slot takes: processes that use one at the same time are found at
any moment, not only when a test looks."""

import subprocess
from pathlib import Path

from .need import need_program

_SOURCE = Path(__file__).with_name("slot_user.c")


class SlotLocks:
    """In a directory that all users may mount; `options` and `command` are for `docker create`."""

    def __init__(self, stack):
        need_program("gcc")
        self._directory = stack.base / "locks"
        self._directory.mkdir(exist_ok=True)
        self._directory.chmod(0o777)
        for name in ["twice", *(gpu["uuid"] for gpu in stack.daemon.status()["gpus"])]:
            (self._directory / name).write_text("")
            (self._directory / name).chmod(0o666)
        program = self._directory / "slot_user"
        subprocess.run(["gcc", "-O1", "-Wall", "-static", "-o", program, _SOURCE], check=True)
        program.chmod(0o755)
        stack.daemon.configure(mounts={"roots": ["home", str(self._directory)]})
        stack.daemon.reload()
        self.options = ["-v", f"{self._directory}:/locks"]
        self.command = ["/locks/slot_user", "/locks"]

    def used_twice(self, excused=()):
        """Slot, container that found it in use, and the one that used it; but for processes of the excused containers."""
        lines = [line.split() for line in (self._directory / "twice").read_text().splitlines()]
        short = {container[:12] for container in excused}
        return [line for line in lines if not short.intersection(line[1:])]
