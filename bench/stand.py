"""What is measured: one Engine of our own with ds01d and HAProxy in front, one user, and the client that does the timing
as that user. The Engine's socket is open to that user here, for the direct half of each pair."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/system"))

from lib import hosts, images, process, unix_http, users  # noqa: E402
from lib import opa as policy  # noqa: E402
from lib.daemon import Daemon, bin_dir  # noqa: E402
from lib.engine import Engine, remove_empty_cgroups, unmount_below  # noqa: E402

BIG_IMAGE = "ds01test/big:latest"

HAPROXY = """
global
    maxconn 2000
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend docker
    bind unix@{listen} mode 666
    default_backend engine
backend engine
    server engine unix@{engine}
"""


FLOOD = (ROOT / "bench/flood.py").read_text()


class HaProxy:
    """As its package is, with no more settings than it needs."""

    def __init__(self, base, engine_socket):
        self.base = Path(base)
        self.base.mkdir()
        self.base.chmod(0o755)
        self.socket = self.base / "h.sock"
        config = self.base / "haproxy.cfg"
        config.write_text(HAPROXY.format(listen=self.socket, engine=engine_socket))
        self.child = process.Child(["haproxy", "-db", "-f", config], self.base / "haproxy.log")
        self.child.wait_ready(lambda: unix_http.is_listening(self.socket), 20, "haproxy")

    def stop(self):
        if self.child.running():
            self.child.kill()


class Stand:
    def __init__(self):
        process.become_subreaper()
        self.base = Path(tempfile.mkdtemp(prefix=f"ds01-{os.getpid()}-b", dir="/tmp"))
        self.base.chmod(0o755)
        self.engine = self.haproxy = self.daemon = self.user = self.flooder = None
        self.decided = 0

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        users.remove_leftovers()
        self.user = users.create("bench")
        self.flooder = users.create("flood")
        for name in ("ds01-bench", "ds01-bench-micro"):
            if (bin_dir() / name).exists():
                shutil.copy(bin_dir() / name, self.base / name)
                (self.base / name).chmod(0o755)
        self.engine = Engine(self.base / "e")
        self.engine.start()
        self.engine.base.chmod(0o755)
        self.engine.socket.chmod(0o666)
        images.load_all(self.engine, images.busybox_tar())
        self.daemon = Daemon(self.base / "d", self.engine.socket, {self.user.name: "researcher", self.flooder.name: "researcher"})
        self.daemon.start()
        self.haproxy = HaProxy(self.base / "h", self.engine.socket)

    def __exit__(self, *_):
        try:
            if self.daemon and self.daemon.running():
                self.daemon.stop()
        finally:
            if self.haproxy:
                self.haproxy.stop()
            if self.engine:
                self.engine.stop()
            for user in (self.user, self.flooder):
                if user:
                    users.remove(user.name)
            remove_empty_cgroups("ds01.slice")
            unmount_below(self.base)
            shutil.rmtree(self.base, ignore_errors=True)

    def sockets(self, *peers):
        known = {"ds01d": self.daemon.socket, "haproxy": self.haproxy.socket, "direct": self.engine.socket}
        return [f"--peer={name}={known[name]}" for name in peers]

    def _as_user(self):
        return {"user": self.user.uid, "group": self.user.gid, "extra_groups": [], "cwd": "/"}

    def client(self, mode, *args):
        """Runs ds01-bench as the user; what it printed."""
        argv = [str(self.base / "ds01-bench"), mode, *map(str, args)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=1800, **self._as_user())
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)[:300]}: {done.stderr.strip()}")
        return done.stdout

    def pairs(self, mode, peers, *args):
        """{peer: [[times of a round in microseconds], …]}"""
        return json.loads(self.client(mode, *self.sockets(*peers), *args))

    def begin(self, mode, *args):
        """ds01-bench that goes on until its input ends."""
        argv = [str(self.base / "ds01-bench"), mode, *map(str, args)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        return subprocess.Popen(argv, **pipes, **self._as_user())

    @contextlib.contextmanager
    def flood(self, connections, target):
        """Another user's connections, which ask again as soon as they are answered. Yields a switch: flood(True) lets
        them go on, flood(False) stops them. Their program has the lowest priority: what it takes of a processor is not
        what is measured, what it makes ds01d and the Engine do is."""
        argv = ["nice", "-n", "19", "python3", "-c", FLOOD, str(self.daemon.socket), str(connections), target]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        who = {"user": self.flooder.uid, "group": self.flooder.gid, "extra_groups": [], "cwd": "/"}
        process = subprocess.Popen(argv, **pipes, **who)
        try:
            if process.stdout.readline() != "begun\n":
                raise RuntimeError("the flood did not begin")
            yield lambda on: process.send_signal(signal.SIGCONT if on else signal.SIGSTOP)
            process.send_signal(signal.SIGCONT)
            out, _ = process.communicate("", timeout=60)
            if process.returncode != 0:
                raise RuntimeError("the flood ended early")
            self.flooded = json.loads(out)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    @contextlib.contextmanager
    def policies(self):
        """An OPA server with the policy that ships, which ds01d asks. Yields a switch: whether about looking too."""
        server = policy.Opa(self.base / "o", policy.SHIPPED)

        def configure(settings):
            self.daemon.configure(policy=settings)
            self.daemon.reload()

        try:
            server.start()
            yield lambda looking: configure({"opa": f"unix://{server.socket}", "ask_about_looking": looking})
            unanswered = self.daemon.status()["counters"]["unanswered_policy"]
            if unanswered:
                raise RuntimeError(f"the policy server did not answer {unanswered} times: this was not measured")
            self.decided = len(server.decisions())
        finally:
            if self.daemon.running():
                configure({})
            server.stop()
            shutil.rmtree(server.base)

    def create(self, name, body):
        """A container of the user, made through ds01d; its id."""
        reply = self._ask("POST", f"/v1.41/containers/create?name={name}", body)
        return reply["Id"]

    def _ask(self, method, target, body=None):
        argv = ["curl", "-sS", "--unix-socket", str(self.daemon.socket), "-X", method, f"http://d{target}"]
        if body is not None:
            argv += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60, **self._as_user())
        answer = json.loads(done.stdout) if done.stdout.strip() else {}
        if isinstance(answer, dict) and "message" in answer:
            raise RuntimeError(f"{method} {target}: {answer['message']}")
        return answer

    def start(self, ref):
        self._ask("POST", f"/v1.41/containers/{ref}/start")

    def memory(self):
        """Of ds01d, in KiB: resident now, and the most since reset_memory()."""
        fields = {}
        for line in Path(f"/proc/{self.daemon.child.pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in ("VmRSS", "VmHWM"):
                fields[name] = int(value.split()[0])
        return fields["VmRSS"], fields["VmHWM"]

    def reset_memory(self):
        Path(f"/proc/{self.daemon.child.pid}/clear_refs").write_text("5")

    def restart_until_answer(self):
        """Seconds from the start of the program to its first answer to the user."""
        self.daemon.stop()
        waiting = self.begin("first", f"--peer=ds01d={self.daemon.socket}")
        begin = time.monotonic_ns()
        self.daemon.child = process.Child(self.daemon.argv(), self.daemon.stderr)
        out, _ = waiting.communicate(timeout=90)
        if waiting.returncode != 0:
            raise RuntimeError(f"ds01d did not answer after a restart:\n{self.daemon.child.output()[-2000:]}")
        return (int(out) - begin) / 1e9
