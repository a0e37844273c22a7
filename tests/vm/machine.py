"""A virtual machine as labs have them: Debian's kernel, systemd as its first process, cgroup v2 (or v1, as older hosts
have it) with the systemd driver, dockerd of the distribution. Emulated, so that it runs anywhere: some 30 times slower than the machine it runs on, and
everything that waits has time. Its disk goes with the process; a reboot within keeps it."""

import os
import secrets
import select
import shlex
import subprocess
import time
from pathlib import Path

QEMU = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "3072", "-nodefaults", "-no-user-config",
        "-display", "none", "-serial", "stdio", "-device", "virtio-rng-pci"]  # fmt: skip
APPEND = "root=/dev/vda rw console=ttyS0 panic=1 mitigations=off random.trust_cpu=1 net.ifnames=0 quiet"
LEGACY = " systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1"
BOOT = 300  # seconds
SOCKET = "unix:///run/ds01/docker.sock"


class Machine:
    """Root's shell on its serial line. `payload`: a tar that is unpacked to /opt."""

    def __init__(self, image, payload, log, legacy=False):
        self.legacy = legacy  # cgroup v1
        self._log = log.open("wb")
        self._heard = b""
        self._qemu = subprocess.Popen(
            [*QEMU, "-kernel", image / "vmlinuz", "-initrd", image / "initrd.img", "-append", APPEND + (LEGACY if legacy else ""),
             "-drive", f"file={image / 'disk.img'},format=raw,if=virtio,snapshot=on,cache=unsafe",
             "-drive", f"file={payload},format=raw,if=virtio,readonly=on"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        os.set_blocking(self._qemu.stdout.fileno(), False)
        try:
            self._log_in()
            self.out("mkdir -p /opt && tar -C /opt -xf /dev/vdb")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self._qemu.kill()
        self._qemu.wait()
        self._log.close()

    def _hear(self, mark, limit):
        """What was said before `mark`."""
        end = time.monotonic() + limit
        while mark not in self._heard:
            left = end - time.monotonic()
            assert left > 0, f"{mark!r} was not heard within {limit} s; last: {self._heard[-600:]!r}"
            if not select.select([self._qemu.stdout], [], [], left)[0]:
                continue
            piece = self._qemu.stdout.read()
            assert piece, f"the machine has ended; last: {self._heard[-600:]!r}"
            self._log.write(piece)
            self._log.flush()
            self._heard += piece
        before, _, self._heard = self._heard.partition(mark)
        return before.decode(errors="replace").replace("\r\n", "\n")

    def _say(self, text):
        self._qemu.stdin.write(text.encode() + b"\n")
        self._qemu.stdin.flush()

    def _log_in(self):
        self._hear(b"login:", BOOT)
        self._say("root")
        self._hear(b"# ", 60)
        # A shell that edits no lines, so that what comes back is what was printed.
        self._say("stty -echo; exec env PS1= SYSTEMD_PAGER=cat NO_COLOR=1 sh")
        self.run("dmesg -n 1")
        state = self.run("systemctl is-system-running --wait", BOOT)[1]
        assert state.strip() == "running", state + self.run("systemctl --failed --no-legend")[1]

    def run(self, command, limit=120):
        """Exit status and output of a shell command, as root."""
        token = secrets.token_hex(6)
        # The command is eval'ed out of one quoted word, so that nothing in it can swallow the mark.
        self._say(f"eval {shlex.quote(command)} 2>&1 </dev/null; echo \"[{token[:6]}\"\"{token[6:]}:$?]\"")
        out = self._hear(f"[{token}:".encode(), limit)
        return int(self._hear(b"]", 10)), out

    def out(self, command, limit=120):
        status, out = self.run(command, limit)
        assert status == 0, f"{command}: exit {status}\n{out}"
        return out.strip()

    def wait_until(self, command, limit=60):
        """Until the command succeeds, which is tried over and over."""
        end = time.monotonic() + limit
        while True:
            status, out = self.run(command)
            if status == 0:
                return out.strip()
            assert time.monotonic() < end, f"{command}: not within {limit} s\n{out}"

    def docker(self, login, *args, limit=120):
        """Exit status and output of the docker client of a user, at our socket."""
        return self.run(self.as_user(login, "docker", *args), limit)

    def docker_out(self, login, *args, limit=120):
        return self.out(self.as_user(login, "docker", *args), limit)

    def as_user(self, login, *argv):
        home = "/root" if login == "root" else f"/home/{login}"
        return shlex.join(["runuser", "-u", login, "--", "env", f"HOME={home}", f"DOCKER_HOST={SOCKET}", *map(str, argv)])

    def write(self, path, text):
        path = Path(path)
        self.out(f"mkdir -p {path.parent} && printf %s {shlex.quote(text)} > {path}")

    def reboot(self):
        self._say("systemctl reboot")
        self._heard = b""
        self._log_in()
