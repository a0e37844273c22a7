"""Programs that run in the foreground as children of the tests: started, watched, stopped by pid and always waited for
(PID 1 of a container does not reap). They end with the tests, also when those are killed (parent death signal)."""

import ctypes
import os
import signal
import subprocess
from pathlib import Path

from .waiting import wait_until

_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    """Processes that a dockerd leaves behind when it is killed become ours, so that they can be waited for."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(known=("containerd", "containerd-shim", "runc", "docker-proxy", "dockerd")):
    """Waits for adopted children that have ended. Only the names above: others belong to a subprocess object."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        comm = text[text.index("(") + 1 : text.rindex(")")]
        state, ppid = text[text.rindex(")") + 2 :].split()[:2]
        if state == "Z" and int(ppid) == os.getpid() and comm.startswith(known):
            try:
                os.waitpid(int(stat.parent.name), os.WNOHANG)
            except ChildProcessError:
                pass


class Child:
    """One program with its output in `log` (appended, so that restarts stay readable)."""

    def __init__(self, argv, log, env=None, new_netns=False, within=()):
        """`within`: argv that enters where the program is to run (a mount namespace) and ends by replacing itself."""
        # setpriv and unshare replace themselves, so the pid is the program's own.
        prefix = [*within, "setpriv", "--pdeathsig", "TERM", "--"]
        if new_netns:
            prefix = ["unshare", "-n", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "_"] + prefix
        self.log = Path(log)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                prefix + [str(a) for a in argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=env,
                start_new_session=True,
            )
        self.pid = self.process.pid

    def running(self):
        return self.process.poll() is None

    def output(self):
        """What this run of the program wrote."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def _tail(self):
        return "\n".join(line[:300] for line in self.output().splitlines()[-8:])

    def wait_ready(self, ready, timeout, what):
        def ready_or_dead():
            if not self.running():
                raise AssertionError(
                    f"{what}: ended with {self.process.returncode} before it was ready:\n{self._tail()}"
                )
            return ready()

        try:
            wait_until(ready_or_dead, timeout, f"{what} ready", interval=0.005)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._tail()}") from None

    def stop(self, sig=signal.SIGTERM, timeout=20.0):
        """Sends `sig` and returns the exit status; one that does not end in time is killed and reported."""
        if self.running():
            self.process.send_signal(sig)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.log.name}: did not end within {timeout:g} s of {sig!r}") from None

    def kill(self):
        if self.running():
            self.process.kill()
        return self.process.wait()
