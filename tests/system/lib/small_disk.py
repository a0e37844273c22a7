"""A disk that a test can fill, in place of a directory of ds01d."""

import contextlib
import errno
import subprocess

KIB = 256


class SmallDisk:
    def __init__(self, path):
        self._filler = path / "filler"

    def fill(self):
        """To the last block. How many bytes it took: what others gave back since the last time is free again."""
        taken = 0
        with self._filler.open("ab", buffering=0) as file:
            try:
                while taken <= KIB * 1024:
                    taken += file.write(bytes(1024))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        return taken

    def free(self):
        self._filler.unlink()


@contextlib.contextmanager
def small_disk(daemon, path):
    """Mounted while the daemon does not run, which is started over an empty directory; afterwards all is as before."""
    daemon.stop()
    options = f"size={KIB}k,mode={path.stat().st_mode & 0o777:o}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "ds01test", path], check=True)
    if path == daemon.state:
        # The list of owners is replaced all the time, and would give back room that the test has filled.
        aside = daemon.base / "opa"
        aside.mkdir(exist_ok=True)
        (path / "opa").symlink_to(aside)
    try:
        daemon.start()
        yield SmallDisk(path)
        daemon.stop()
    finally:
        if daemon.running():
            daemon.kill()
        # Lazily, so that nothing that went wrong leaves it behind.
        subprocess.run(["umount", "-l", path], check=True)
        daemon.start()
