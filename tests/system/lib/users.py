"""Real logins for a test run. Their names carry the pid of the run: two runs never meet, and what a killed run left
behind is found and removed by the next."""

import dataclasses
import os
import pwd
import re
import subprocess
from pathlib import Path

from .waiting import wait_until

_NAME = re.compile(r"ds01-[a-z]+-(\d+)|m\.c(\d+)@d\d\.edu|\._\.@(\d+)")


@dataclasses.dataclass(frozen=True)
class User:
    name: str
    uid: int
    gid: int
    home: Path


def _run(argv):
    """The user database is locked by whoever changes it; that passes."""

    def attempt():
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return True
        if "lock" in done.stderr:
            return False
        raise AssertionError(f"{' '.join(argv)}: {done.stderr.strip()}")

    wait_until(attempt, 20, " ".join(argv), interval=0.1)


def create(role):
    return create_named(f"ds01-{role}-{os.getpid()}")


def create_named(name):
    """Any name of up to 32 bytes, such as a directory service's, with @ and dots. It should carry the test run's pid."""
    _run(["useradd", "--badname", "--create-home", "--shell", "/bin/sh", "--user-group", name])
    entry = pwd.getpwnam(name)
    os.chmod(entry.pw_dir, 0o700)
    return User(name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))


def remove(name):
    _run(["userdel", "--force", "--remove", name])


def remove_leftovers():
    for entry in pwd.getpwall():
        match = _NAME.fullmatch(entry.pw_name)
        if match and not Path("/proc", next(filter(None, match.groups()))).exists():
            remove(entry.pw_name)


def nobodys_uid():
    """A uid that no login has."""
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    return next(uid for uid in range(54321, 60000) if uid not in taken)
