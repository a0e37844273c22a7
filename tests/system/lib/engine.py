"""A dockerd of the tests' own: private directories, its own network namespace (a second dockerd would take the first
one's bridge and firewall rules), its own containerd, a socket for root alone."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import urllib.parse
from pathlib import Path

from . import hosts, shims, unix_http
from .process import Child, reap_orphans
from .waiting import Timeout, wait_until

# Stands where the NVIDIA runtime stands: some clients look for a runtime of this name before they ask for a GPU.
NVIDIA_RUNTIME = '#!/bin/sh\nexec runc "$@"\n'
HOOK_SOURCE = Path(__file__).with_name("nvidia_hook.py")


def running_pid(pidfile):
    """The pid in the file if that process still lives."""
    try:
        pid = int(pidfile.read_text())
        os.kill(pid, 0)
        return pid
    except (OSError, ValueError):
        return None


def unmount_below(directory):
    """What is mounted below, deepest first (mounts of a dockerd that was killed)."""
    points = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4].encode().decode("unicode_escape")
        if point.startswith(f"{directory}/"):
            points.append(point)
    for point in sorted(points, key=len, reverse=True):
        subprocess.run(["umount", "-l", point], capture_output=True, check=False)


def remove_empty_cgroups(*relative):
    """The cgroupfs driver leaves parents behind in every hierarchy. Only empty ones can go; a busy one stays."""
    for hierarchy in [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")]:
        for name in relative:
            for directory, _, _ in os.walk(hierarchy / name, topdown=False):
                try:
                    os.rmdir(directory)
                except OSError:
                    pass


class Engine:
    """dockerd of this host."""

    within = ()  # argv that enters where it runs

    def __init__(self, base, nvidia=False, live_restore=False):
        self.base = Path(base)
        self.base.mkdir(mode=0o700)
        self.socket = self.base / "engine.sock"
        self.hook_record = self.base / "hook.jsonl"
        self.cgroup = f"ds01test-{os.getpid()}"
        self._programs = self.base / "bin"
        self._containerd_pidfile = self.base / "exec/containerd/containerd.pid"
        self._nvidia = nvidia
        self.live_restore = live_restore  # from the next start on
        self.child = None

    def configuration(self):
        """What has no flag."""
        if not self._nvidia:
            return {}
        return {"runtimes": {"nvidia": {"path": str(self._programs / "nvidia-container-runtime")}}}

    def _install_nvidia(self):
        self._programs.mkdir(exist_ok=True)
        shutil.copy(HOOK_SOURCE, self._programs / "nvidia-container-runtime-hook")
        (self._programs / "nvidia-container-runtime").write_text(NVIDIA_RUNTIME)
        for program in self._programs.iterdir():
            program.chmod(0o755)

    def start(self):
        env = {**os.environ, "DS01_HOOK_RECORD": str(self.hook_record)}
        if self._nvidia:
            self._install_nvidia()
            env["PATH"] = f"{self._programs}:{env['PATH']}"
        argv = ["dockerd", "--host", f"unix://{self.socket}", "--group", "root"]
        argv += ["--data-root", self.base / "data", "--exec-root", self.base / "exec"]
        argv += ["--pidfile", self.base / "dockerd.pid", "--cgroup-parent", f"/{self.cgroup}"]
        argv += ["--exec-opt", "native.cgroupdriver=cgroupfs"]
        (self.base / "daemon.json").write_text(json.dumps(self.configuration()))
        argv += ["--config-file", self.base / "daemon.json"]
        if self.live_restore:
            argv.append("--live-restore")
        self.child = Child(argv, self.base / "dockerd.log", env=env, new_netns=True, within=self.within)
        self.child.wait_ready(self.answers, 30, "dockerd")
        self.socket.chmod(0o600)

    def answers(self):
        try:
            return unix_http.exchange(self.socket, "GET", "/_ping", timeout=5).status == 200
        except OSError:
            return False

    def kill(self):
        """As a crash: containers stay. Its containerd dies with it and must be waited for, else the next dockerd takes
        the zombie for a containerd that runs."""
        containerd = running_pid(self._containerd_pidfile)
        self.child.kill()

        def gone():
            reap_orphans()
            return running_pid(self._containerd_pidfile) != containerd

        wait_until(gone, 20, "containerd to end with its dockerd")

    @contextlib.contextmanager
    def silent(self):
        """Takes connections and requests, and answers nothing."""
        os.kill(self.child.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.child.pid, signal.SIGCONT)

    def api(self, method, target, body=None, expect=(200, 201, 204, 304), **keywords):
        reply = unix_http.exchange(self.socket, method, target, body, **keywords)
        if expect is not None and reply.status not in expect:
            raise AssertionError(f"Engine: {method} {target}: {reply.status} {reply.message()}")
        return reply

    def import_image(self, name, tar, changes):
        repository, tag = name.rsplit(":", 1)
        query = [("fromSrc", "-"), ("repo", repository), ("tag", tag)] + [("changes", change) for change in changes]
        self.api(
            "POST",
            "/images/create?" + urllib.parse.urlencode(query),
            tar,
            headers={"Content-Type": "application/x-tar"},
        )

    def containers(self):
        """All, as inspect shows them; one that goes away meanwhile is left out."""
        found = []
        for item in self.api("GET", "/containers/json?all=1").json():
            reply = self.api("GET", f"/containers/{item['Id']}/json", expect=(200, 404))
            if reply.status == 200:
                found.append(reply.json())
        return found

    def inspect(self, ref):
        return self.api("GET", f"/containers/{urllib.parse.quote(ref)}/json").json()

    def exists(self, ref):
        return self.api("GET", f"/containers/{urllib.parse.quote(ref)}/json", expect=(200, 404)).status == 200

    def remove_all(self):
        refusals = {}

        def none_left():
            # One that was being made when the list was taken is in the next.
            items = self.api("GET", "/containers/json?all=1").json()
            refusals.clear()
            for item in items:
                reply = self.api("DELETE", f"/containers/{item['Id']}?force=1&v=1", expect=(204, 404, 409))
                if reply.status == 409:
                    refusals[item["Id"][:12]] = item["State"], item["Status"], reply.message()
            return not items

        try:
            wait_until(none_left, 20, "containers removed")
        except Timeout as error:
            raise Timeout(f"{error}; {refusals}") from None

    def hook_records(self):
        if not self.hook_record.exists():
            return []
        return [json.loads(line) for line in self.hook_record.read_text().splitlines()]

    def stop(self):
        """Removes what it made: containers, processes, mounts, cgroups, files."""
        try:
            if self.child and self.child.running():
                self.remove_all()
        finally:
            if self.child:
                self.child.stop(timeout=30)
            containerd = running_pid(self._containerd_pidfile)
            if containerd:
                os.kill(containerd, signal.SIGKILL)
            shims.end(shims.below(self.base))
            reap_orphans()
            unmount_below(self.base)
            remove_empty_cgroups(self.cgroup)
            shutil.rmtree(self.base, ignore_errors=True)


class Engine26(Engine):
    """dockerd 26 of a Debian trixie, on this host: API 1.45, BuildKit by default, and devices by CDI from `cdi_dir`."""

    def __init__(self, base, **options):
        super().__init__(base, **options)
        self.within = hosts.trixie_prefix()
        self.cdi_dir = self.base / "cdi"
        self.cdi_dir.mkdir()

    def configuration(self):
        return {**super().configuration(), "features": {"cdi": True}, "cdi-spec-dirs": [str(self.cdi_dir)]}
