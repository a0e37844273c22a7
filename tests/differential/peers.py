"""The two programs that read the same bytes."""

import struct
import subprocess


class Peer:
    def __init__(self, program, mode):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdin.write(mode.encode() + b"\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(timeout=20) == 0

    def ask(self, case):
        self.process.stdin.write(struct.pack("<I", len(case)) + case)
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) != b"=\n":
            assert line, f"{self.process.args[0]} has ended at {case!r}"
            lines.append(line.decode().rstrip("\n"))
        return lines
