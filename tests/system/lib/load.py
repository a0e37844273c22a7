"""Users at work, several at once: each creates a container with a GPU, starts it, stops it, starts it again, looks into
it and removes it, over and over, with the docker client. What could not be answered they try again, as people do."""

import collections
import re
import subprocess
import threading

from .images import BUSYBOX
from .waiting import wait_until

LONGEST = 60  # seconds that a command may take; a longer one hangs
AWAY = re.compile(
    r"the Docker Engine (does not answer|broke off its answer)|are being compared with what the Docker Engine has"
)
# What the docker client makes of a refusal of an exec's start, whose text it does not show: 502 and 503 are what is
# answered while the Engine is away.
AWAY_UNSHOWN = re.compile(r"^unable to upgrade to tcp, received 50[23]$")
NO_ANSWER = re.compile(r"Cannot connect to the Docker daemon|EOF|reset by peer|error during connect|connection refused")
DONE_BEFORE = re.compile(r"is already in use by container|No such container")  # by an attempt that broke off


def is_away(verb, text):
    return bool(AWAY.search(text) or (verb == "exec" and AWAY_UNSHOWN.search(text)))


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

    def _once(self, client, verb, *args):
        """What the client printed when it failed; empty when it did not."""
        try:
            ended = client.docker(verb, *args, check=False, timeout=LONGEST)
        except subprocess.TimeoutExpired:
            with self._lock:
                self.hung.append((verb, args))
            return "no answer"
        text = "" if ended.returncode == 0 else ended.stderr.strip() or f"exit {ended.returncode}"
        with self._lock:
            self._done[verb, not text] += 1
            if text:
                self.failures.append((verb, text))
        return text

    def _docker(self, client, *args):
        while (text := self._once(client, *args)) and not self._over.is_set():
            if not is_away(args[0], text) and not NO_ANSWER.search(text):
                return bool(DONE_BEFORE.search(text)) and args[0] in ("create", "rm")
        return not text

    def _work(self, client, name):
        create = ["--name", name, "--gpus", "1", *self._locks.options, BUSYBOX, *self._locks.command]
        steps = [("create", *create), ("start", name), ("stop", "-t", "5", name), ("start", name), ("exec", name, "true")]
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

    def surprises(self, *expected):
        """Failures for other reasons than that the Engine was away, or an expected one. A connection that was cut, or
        that there was none, is a surprise."""
        known = [DONE_BEFORE, *map(re.compile, expected)]
        with self._lock:
            return [(verb, text) for verb, text in self.failures
                    if not is_away(verb, text) and not any(reason.search(text) for reason in known)]  # fmt: skip

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
