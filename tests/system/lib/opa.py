"""A real OPA server on a Unix socket, with the policies that ship and maybe more."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

from . import hosts, unix_http
from .daemon import ROOT
from .process import Child
from .waiting import wait_until

SHIPPED = ROOT / "config/deploy/opa/docker-authz.rego"


def shipped_options():
    """What the unit that ships gives the server, without the address, which is the tests' own."""
    unit = (ROOT / "config/deploy/opa/ds01-opa.service").read_text().replace("\\\n", " ")
    words = re.search(r"^ExecStart=/usr/local/bin/opa (.*)$", unit, re.MULTILINE)[1].split()
    at = words.index("--addr")
    return words[:at] + words[at + 2 : -1]


class Opa:
    def __init__(self, base, *policies):
        """`base` lies where nobody but root can put another."""
        self.base = Path(base)
        self.base.mkdir()
        self.base.chmod(0o755)
        self.socket = self.base / "opa.sock"
        self.log = self.base / "opa.log"
        self.policies = list(policies)
        self.child = None

    def start(self):
        argv = [hosts.opa(), *shipped_options(), "--addr", f"unix://{self.socket}", *self.policies]
        self.child = Child(argv, self.log)
        self.child.wait_ready(lambda: unix_http.is_listening(self.socket), 20, "OPA")

    def restart_with(self, *policies):
        self.policies = list(policies)
        self.stop()
        self.start()

    def stop(self):
        if self.child is not None:
            self.child.stop()
            self.child = None
            self.socket.unlink(missing_ok=True)

    def freeze(self):
        os.kill(self.child.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.child.pid, signal.SIGCONT)

    def data(self, path):
        return unix_http.exchange(self.socket, "GET", f"/v1/data/{path}").json().get("result")

    def decisions(self):
        """What it logged of the decisions that it took."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("msg") == "Decision Log" and line.get("path", "").endswith("verdict")]

    def decision(self, ours):
        """The one of that id of ours; it is logged after it was answered."""
        found = []

        def seen():
            found[:] = [d for d in self.decisions() if d["input"]["decision"] == ours]
            return found

        wait_until(seen, 10, f"OPA logs the decision {ours}")
        return found[-1]


def run(*arguments):
    return subprocess.run(
        [hosts.opa(), *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
