"""Users at work, several at once: each creates a container with a GPU, starts it, stops it, starts it again and removes
it, over and over, with the docker client and whatever the answers are."""

import collections
import subprocess
import threading

from .images import BUSYBOX
from .waiting import wait_until

LONGEST = 60  # seconds that a command may take; a longer one hangs


class Load:
    """Runs within `with`; at its end all have finished what they were about and removed their containers, if that was
    possible."""

    def __init__(self, clients, locks, each=2):
        self._locks = locks
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._done = collections.Counter()
        self.hung = []
        self.failures = []  # (verb, what the client printed)
        self._threads = [
            threading.Thread(target=self._work, args=(client, f"load-{client.user.name}-{number}"))
            for client in clients
            for number in range(each)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()
        assert not self.hung, f"no answer within {LONGEST} s: {self.hung}"

    def _docker(self, client, verb, *args):
        try:
            ended = client.docker(verb, *args, check=False, timeout=LONGEST)
        except subprocess.TimeoutExpired:
            with self._lock:
                self.hung.append((verb, args))
            return False
        with self._lock:
            self._done[verb, ended.returncode == 0] += 1
            if ended.returncode != 0:
                self.failures.append((verb, ended.stderr.strip()))
        return ended.returncode == 0

    def _work(self, client, name):
        create = ["--name", name, "--gpus", "1", *self._locks.options, BUSYBOX, *self._locks.command]
        steps = [("create", *create), ("start", name), ("stop", "-t", "5", name), ("start", name)]
        while not self._over.is_set():
            whole = all(self._docker(client, *step) for step in steps)
            whole = self._docker(client, "rm", "-f", name) and whole
            with self._lock:
                self._done["cycle", whole] += 1

    def count(self, what, good=True):
        """Of a verb, or of cycles in which everything worked."""
        with self._lock:
            return self._done[what, good]

    def texts(self, verb):
        """What the client said, of each time that the verb failed."""
        with self._lock:
            return [text for failed, text in self.failures if failed == verb]

    def unanswered(self):
        """Commands that failed without an answer: the connection was cut, or there was none."""
        with self._lock:
            return [failure for failure in self.failures if "Error response from daemon: " not in failure[1]]

    def wait_for(self, more, what="cycle", good=True, timeout=60):
        """Until so many more were counted than now."""
        until = self.count(what, good) + more

        def reached():
            assert not self.hung, self.hung
            return self.count(what, good) >= until

        try:
            wait_until(reached, timeout, f"{more} more of {what}", 0.02)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self._done}; last: {self.failures[-3:]}") from None
