"""A registry for pull and push, on the loopback of the dockerd's network namespace (dockerd takes 127.0.0.0/8 without
TLS)."""

import subprocess
from pathlib import Path

from .process import Child

ADDRESS = "127.0.0.1:5000"


class Registry:
    def __init__(self, base, engine):
        base = Path(base)
        base.mkdir(mode=0o700)
        config = base / "config.yml"
        config.write_text(
            "version: 0.1\n"
            "log: {level: warn}\n"
            f"storage: {{filesystem: {{rootdirectory: {base / 'data'}}}}}\n"
            f"http: {{addr: '{ADDRESS}'}}\n"
        )
        enter = ["nsenter", f"--net=/proc/{engine.child.pid}/ns/net", "--"]
        self.child = Child(enter + ["docker-registry", "serve", config], base / "log")
        probe = enter + ["busybox", "wget", "-q", "-O", "-", f"http://{ADDRESS}/v2/"]
        self.child.wait_ready(
            lambda: subprocess.run(probe, capture_output=True, check=False).returncode == 0, 20, "registry"
        )

    def stop(self):
        self.child.stop()
