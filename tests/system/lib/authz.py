"""ds01-authz beside the tests' Engine: the plugin as a program of its own, dockerd told to use it and not to, and tickets
as ds01d makes them (whoever may read the key can)."""

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import signal
import time
from pathlib import Path

from . import unix_http
from .daemon import bin_dir
from .process import Child
from .waiting import wait_until

NAME = "ds01-authz"
HEADER = "X-Ds01-Ticket"
DENIED = f"authorization denied by plugin {NAME}: "


def engine_prefix(plugins):
    """argv before dockerd: it finds its plugins in the directory `plugins`, where the host's are found otherwise."""
    enter = 'mkdir -p /run/docker/plugins && mount --bind "$1" /run/docker/plugins && shift && exec "$@"'
    return ["unshare", "--mount", "--propagation", "slave", "--", "sh", "-c", enter, "_", str(plugins)]


class Plugin:
    def __init__(self, base, run_dir):
        self.base = base
        self.base.mkdir(mode=0o700)
        self.socket = self.base / "plugins" / f"{NAME}.sock"
        self.socket.parent.mkdir()
        self.key = run_dir / "authz.key"
        self.glass = self.base / "break-glass"
        self.log = self.base / "ds01-authz.log"
        self._run_dir = run_dir
        self.child = None

    def argv(self):
        return [bin_dir() / NAME, "--listen", f"unix://{self.socket}", "--run-dir", self._run_dir, "--break-glass", self.glass]

    def start(self):
        # The sanitizers keep what is freed; with less of it memory can be seen to be flat.
        env = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"}
        self.child = Child(self.argv(), self.log, env=env)
        self.child.wait_ready(lambda: unix_http.is_listening(self.socket), 20, NAME)

    def stop(self):
        assert self.child.stop() == 0, self.child.output()

    def most_resident_kib(self):
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1])

    def said(self):
        return self.log.read_text(errors="replace")

    def ticket(self, method, target, issued_s=None, nonce=None):
        issued = int((time.clock_gettime(time.CLOCK_BOOTTIME) if issued_s is None else issued_s) * 1e6)
        nonce = nonce or secrets.token_hex(16)
        text = f"ds01 ticket 1\n{nonce}\n{issued}\n{method}\n{target}"
        return f"1.{nonce}.{issued}.{hmac.new(self.key.read_bytes(), text.encode(), hashlib.sha256).hexdigest()}"

    def headers(self, method, target, **keywords):
        return {HEADER: self.ticket(method, target, **keywords)}

    @contextlib.contextmanager
    def breaking_glass(self, text):
        self.glass.write_text(text)
        self.glass.chmod(0o600)
        try:
            yield
        finally:
            self.glass.unlink()

    def ask(self, call, question, timeout=10):
        """As dockerd asks."""
        body = question if isinstance(question, bytes) else json.dumps(question).encode()
        reply = unix_http.exchange(self.socket, "POST", f"/{call}", body, timeout=timeout)
        return reply.json()


def reload_engine(engine, plugins, closed=None):
    """daemon.json and SIGHUP. `closed`: whether root is refused then; with plugins, if it is not said."""
    path = engine.base / "daemon.json"
    settings = json.loads(path.read_text())
    settings.pop("authorization-plugins", None)
    if plugins:
        settings["authorization-plugins"] = plugins
    path.write_text(json.dumps(settings))
    os.kill(engine.child.pid, signal.SIGHUP)
    wanted = 403 if (bool(plugins) if closed is None else closed) else 200
    wait_until(lambda: direct(engine, "GET", "/_ping").status == wanted, 15, f"the Engine answers {wanted} to root")


def direct(engine, method, target, body=None, **keywords):
    """Past ds01d, as root."""
    return unix_http.exchange(engine.socket, method, target, body, **keywords)


def is_denied(reply, sentence=""):
    return reply.status == 403 and re.search(re.escape(DENIED) + ".*" + re.escape(sentence), reply.message()) is not None
