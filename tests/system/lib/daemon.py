"""ds01d under test: its own directories, started in the foreground, stopped with SIGTERM or killed, restarted over the
same state; and the `ds01` program that asks it."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from . import unix_http
from .process import Child
from .waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
SITE = ROOT / "tests/data/site/current"

# What the sanitizers and the C++ runtime print when something is wrong.
_REPORT = re.compile(
    r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w+Sanitizer|runtime error:|terminate called|Assertion .* failed"
)


def bin_dir():
    return Path(os.environ.get("DS01_BIN_DIR", ROOT / "build/dev/bin")).absolute()


BUILDKIT = "  buildkit: true\n"


def write_config(directory, users, emitter="sim", settings=None):
    """The site's own files, with the test's logins added to its members lists. `users`: login → group; `settings`: more
    for ds01d.yaml, block by block."""
    shutil.copytree(SITE, directory, copy_function=shutil.copyfile)
    for path in [directory, directory / "groups"]:
        path.chmod(0o755)
    for login, group in users.items():
        members = directory / "groups" / f"{group}.members"
        with members.open("a") as file:
            file.write(f"\n{login}  # of this test run\n")
    # BuildKit is open where it is not what a test is about, so that what is tried at it gets as far as it can.
    limits = directory / "resource-limits.yaml"
    limits.write_text(limits.read_text().replace("defaults:\n", f"defaults:\n{BUILDKIT}", 1))
    blocks = {"gpu": {}, **(settings or {})}
    blocks["gpu"] = {"emitter": emitter, **blocks["gpu"]}
    (directory / "ds01d.yaml").write_text(json.dumps(blocks, indent=2) + "\n")  # JSON is YAML


class Daemon:
    def __init__(self, base, engine_socket, users, emitter="sim", settings=None):
        self.base = Path(base)
        self.base.mkdir()
        self.base.chmod(0o755)
        self.config, self.state, self.logs, self.run_dir = (self.base / name for name in ("c", "s", "l", "r"))
        write_config(self.config, users, emitter, settings)
        self.state.mkdir(mode=0o700)
        self.logs.mkdir(mode=0o750)
        self.run_dir.mkdir()
        self.run_dir.chmod(0o755)
        self.socket = self.run_dir / "docker.sock"
        self.engine_socket = engine_socket
        self.gpus = f"sim:{self.config / 'gpus-4xA100.yaml'}"
        self.stderr = self.base / "ds01d.log"
        self.child = None
        self.env = None  # this process's own
        self.within = ()  # argv that enters where it runs

    def argv(self, **changed):
        options = {
            "config-dir": self.config,
            "state-dir": self.state,
            "log-dir": self.logs,
            "run-dir": self.run_dir,
            "listen": f"unix://{self.socket}",
            "engine": f"unix://{self.engine_socket}",
            "gpus": self.gpus,
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        argv = [str(bin_dir() / "ds01d")]
        for name, value in options.items():
            if value is not None:
                argv += [f"--{name}", str(value)]
        return argv

    def start(self, timeout=20):
        self.child = Child(self.argv(), self.stderr, env=self.env, within=self.within)
        self.child.wait_ready(lambda: unix_http.is_listening(self.socket), timeout, "ds01d")

    def running(self):
        return self.child is not None and self.child.running()

    def kill(self):
        self.child.kill()

    def stop(self):
        """Clean stop: exit status 0, sockets gone, nothing for the sanitizers to report."""
        status = self.child.stop()
        report = _REPORT.search(self.stderr.read_text(errors="replace"))
        assert not report, f"ds01d reported {report[0]!r}:\n{self.stderr.read_text(errors='replace')[-6000:]}"
        assert status == 0, f"ds01d ended with {status}:\n{self.child.output()[-3000:]}"
        assert not self.socket.exists(), "ds01d left its socket behind"

    def restart(self):
        self.stop()
        self.start()

    def configure(self, **settings):
        """Further keys of ds01d.yaml, as nested dictionaries; read at the next start or reload."""
        file = self.config / "ds01d.yaml"
        file.write_text(json.dumps({**json.loads(file.read_text()), **settings}, indent=2) + "\n")

    def use_whole_gpus(self, count):
        """So many simulated ones in place of the site's, from the next start on."""
        rows = [
            f"  - {{index: {i}, uuid: GPU-00000000-0000-4000-8000-{i:012}, model: NVIDIA A100-SXM4-80GB, memory_mib: 81920}}"
            for i in range(count)
        ]
        path = self.config / f"gpus-{count}.yaml"
        path.write_text("gpus:\n" + "\n".join(rows) + "\n")
        self.gpus = f"sim:{path}"

    def reload(self, expected="the configuration was reloaded"):
        """SIGHUP, and what ds01d logs until it says `expected`."""
        before = len(self.stderr.read_text(errors="replace"))

        def said():
            return self.stderr.read_text(errors="replace")[before:]

        os.kill(self.child.pid, signal.SIGHUP)
        wait_until(lambda: expected in said(), 15, f"ds01d says {expected!r}")
        return said()

    def try_start(self, timeout=20.0, **changed):
        """Runs ds01d where it is expected to refuse: (exit status, stderr). One that keeps running is stopped."""
        return self.run_once(self.argv(**changed), timeout)

    def check_config(self, **changed):
        return self.run_once(self.argv(**changed) + ["--check-config"])

    @staticmethod
    def run_once(argv, timeout=20.0):
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"did not end within {timeout:g} s: {' '.join(argv)}\n{out}{err}") from None
        assert not _REPORT.search(err), err
        return process.returncode, out, err

    def ds01(self, *args, client=None, check=True):
        """The ds01 program as root, or as the user of `client` (from a copy, so that the build folder may be private)."""
        argv = [str(self.program()), "--run-dir", str(self.run_dir), *args]
        if client is not None:
            return client.run(argv, check=check, env={"NO_COLOR": "1"})
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "NO_COLOR": "1"},
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def program(self):
        copy = self.base / "ds01"
        if not copy.exists():
            shutil.copy(bin_dir() / "ds01", copy)
            copy.chmod(0o755)
        return copy

    def status(self, client=None):
        return json.loads(self.ds01("status", "--json", client=client).stdout)

    def held(self):
        """Slots that are not free: uuid → its entry in the status."""
        return {gpu["uuid"]: gpu for gpu in self.status()["gpus"] if gpu["state"] != "free"}

    def events(self):
        path = self.logs / "events.jsonl"
        if not path.exists():
            return []
        # The last line may be on its way.
        return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
