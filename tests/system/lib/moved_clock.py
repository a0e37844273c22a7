"""A ds01d whose wall clock the test sets, forward and back; everybody else's goes on."""

import mmap
import os
import struct
import subprocess
from pathlib import Path

from .need import need_program

_SOURCE = Path(__file__).with_name("moved_clock.c")


class MovedClock:
    """ds01d runs with it from its next start on."""

    def __init__(self, stack):
        need_program("gcc")
        library = stack.base / "moved_clock.so"
        subprocess.run(["gcc", "-O1", "-Wall", "-shared", "-fPIC", "-o", library, _SOURCE], check=True)
        file = stack.base / "clock"
        file.write_bytes(struct.pack("q", 0))
        with file.open("r+b") as opened:
            self._offset = mmap.mmap(opened.fileno(), 8)
        stack.daemon.env = {
            **os.environ,
            "LD_PRELOAD": str(library),
            "DS01_TEST_CLOCK": str(file),
            # The sanitizers insist on being first, which matters to libraries that are instrumented.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }

    def set(self, seconds):
        """So far from the real time."""
        self._offset[:] = struct.pack("q", seconds)
