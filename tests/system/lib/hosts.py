"""Where tools/dev setup keeps what the tests need beside packages: clients from pip and npm, and a Debian trixie with
Docker 26, compose v2 and buildx."""

import functools
import subprocess
from pathlib import Path

from .need import need

_SCRIPT = Path(__file__).resolve().parents[3] / "tools/lib/test_hosts.sh"
_HINT = "which `sudo tools/dev setup` makes"


@functools.cache
def _directories():
    """The script alone knows the names: they change with the versions it pins."""
    command = 'source "$1"; docker_py_dir; devcontainer_cli_dir; trixie_dir; opa_dir'
    done = subprocess.run(["bash", "-c", command, "_", str(_SCRIPT)], capture_output=True, text=True, check=True)
    return [Path(line) for line in done.stdout.split()]


def docker_py_python():
    """A Python with docker-py 7."""
    path = _directories()[0] / "bin/python"
    need(path.exists(), f"needs docker-py in {path.parents[1]}, {_HINT}")
    return path


def devcontainer_cli():
    path = _directories()[1] / "node_modules/.bin/devcontainer"
    need(path.exists(), f"needs the dev container CLI in {_directories()[1]}, {_HINT}")
    return path


def trixie():
    """The root of a Debian trixie. Its Go programs run on this host as they are; what wants its own libraries or finds
    its helpers by fixed paths runs with the trixie's /usr in the place of the host's (`trixie_prefix`)."""
    path = _directories()[2]
    need(path.exists(), f"needs the Debian trixie in {path}, {_HINT}")
    return path


def has_opa():
    return (_directories()[3] / "opa").exists()


def opa():
    path = _directories()[3] / "opa"
    need(has_opa(), f"needs OPA in {path.parent}, {_HINT}")
    return path


def trixie_docker():
    """Its docker command line client, which finds compose and buildx by `cli_plugins` in the user's configuration."""
    return trixie() / "usr/bin/docker"


def cli_plugins():
    """For `cliPluginsExtraDirs` in a docker client's config.json."""
    return trixie() / "usr/libexec/docker/cli-plugins"


def buildx():
    """The plugin by itself, which builds without a docker client; it may not be there."""
    return _directories()[2] / "usr/libexec/docker/cli-plugins/docker-buildx"


def trixie_prefix():
    """argv before a program: a mount namespace with trixie's /usr. All else is the host's, and what is mounted there
    later is seen; what is mounted within is not seen outside and ends with the program."""
    enter = 'mount --rbind "$1" /usr && shift && exec "$@"'
    return ["unshare", "--mount", "--propagation", "slave", "--", "sh", "-c", enter, "_", str(trixie() / "usr")]
