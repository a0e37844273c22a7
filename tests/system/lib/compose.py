"""Compose, old and new, as one user works with it."""

import json
import platform
import shutil

import pytest

from . import hosts
from .need import need

VERSIONS = ["1.29", "2"]


def plugins(client):
    """An environment in which the user's docker clients find the plugins compose and buildx. Beside the usual place:
    there the clients of later tests would find them too, and build by buildx."""
    folder = client.user.home / ".docker-with-plugins"
    config = json.dumps({"cliPluginsExtraDirs": [str(hosts.cli_plugins())]})
    client.run(["sh", "-c", 'mkdir -p "$1" && cat > "$1/config.json"', "_", folder], stdin=config)
    return {"DOCKER_CONFIG": str(folder)}


def argv(version):
    if version == "2":
        return [str(hosts.trixie_docker()), "compose"]
    if not shutil.which("docker-compose") and platform.freedesktop_os_release()["ID"] == "ubuntu":
        pytest.skip("compose 1.29 is no longer part of Ubuntu 24.04")
    need(shutil.which("docker-compose"), "needs docker-compose 1.29, which `sudo tools/dev setup` installs")
    return ["docker-compose"]


class Project:
    """A folder with a compose file. `run` is how a program is run: by a client, or watched (`differential.Seen`)."""

    def __init__(self, client, version, name="lab"):
        self.client, self.name = client, name
        self.folder = client.user.home / name
        self._argv = [*argv(version), "-p", name, "-f", str(self.folder / "docker-compose.yml")]
        self.env = plugins(client)

    def write(self, text, name="docker-compose.yml"):
        self.client.run(["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1"', "_", self.folder / name], stdin=text)

    def __call__(self, *args, run=None, env=None, **keywords):
        run = run or (lambda *argv, **keywords: self.client.run(argv, **keywords))
        return run(*self._argv, *args, timeout=120, env={**self.env, **(env or {})}, **keywords)
