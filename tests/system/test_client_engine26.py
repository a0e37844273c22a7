"""Docker 26 behind ds01d, with the clients of its time: the command line, compose v2, docker-py 7, and builds."""

import json

import pytest
import test_client_cli as cli
import test_client_compose as compose_work
import test_client_sdk as sdk
from lib import compose, hosts
from lib.client import NEW_CLI, OLD_CLI, installed_clis
from lib.differential import compare
from lib.images import BUSYBOX
from lib.stack import visible_devices

pytestmark = pytest.mark.usefixtures("stack")

STACK = {"engine26": True}


# The command line that comes with it, and a newer one where this host has it.
CLIS = ["trixie", *(cli for cli in installed_clis() if cli == NEW_CLI)]


@pytest.fixture(params=CLIS, ids=lambda cli: cli.replace("/", "_").strip("_"))
def docker(request, alice):
    """alice with a docker command line that has the plugins buildx and compose."""
    client = alice.with_cli(str(hosts.trixie_docker()) if request.param == "trixie" else request.param)
    return client.with_env(compose.plugins(client))


@pytest.mark.parametrize(
    "work", [cli.change_containers, cli.how_runs_end, cli.networks_and_volumes], ids=lambda work: work.__name__
)
def test_Root_Docker_the_cli_sees_what_it_sees_on_the_bare_engine(stack, docker, work):
    compare(stack, work, docker.cli)


@pytest.mark.parametrize("piece", ["containers", "inside", "streams"])
def test_Root_Docker_the_sdk_sees_what_it_sees_on_the_bare_engine(stack, piece):
    python = str(hosts.docker_py_python())

    def work(seen):
        for step, value in sdk.steps(seen.client, python, piece):
            seen.note(step, value)

    compare(stack, work)


def test_Root_Docker_compose_lives_as_on_the_bare_engine(stack):
    compare(stack, lambda seen: compose_work.several_services("2", seen))


def test_Root_Docker_a_dev_container_is_built_without_buildkit(stack, docker):
    """With buildx installed the CLI builds by it, which ds01d does not open."""
    folder = docker.user.home / "space"
    for name, text in ((".devcontainer/devcontainer.json", '{"build": {"dockerfile": "Dockerfile"}}'),
                       (".devcontainer/Dockerfile", f"FROM {BUSYBOX}\nRUN echo built > /built\n")):  # fmt: skip
        docker.run(["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1"', "_", folder / name], stdin=text)
    options = ["--workspace-folder", folder, "--docker-path", docker.cli]
    env = {"DOCKER_BUILDKIT": "0", "TMPDIR": str(folder / ".devcontainer")}
    up = docker.run([hosts.devcontainer_cli(), "up", *options, "--buildkit", "never"], timeout=180, env=env)
    assert json.loads(up.stdout.splitlines()[-1])["outcome"] == "success"
    assert docker.run([hosts.devcontainer_cli(), "exec", *options, "cat", "/built"], env=env).stdout == "built\n"


def test_Root_Docker_a_gpu_is_leased_and_given_back(stack, docker):
    docker.out("run", "-d", "--name", "train", "--gpus", "1", BUSYBOX, "sleep", "600")
    devices = visible_devices(stack.engine.inspect("train"))
    assert list(stack.daemon.held()) == devices
    assert len(devices) == 1
    docker.out("rm", "-f", "train")
    assert not stack.daemon.held()


@pytest.fixture
def context(docker):
    folder = docker.user.home / "context"
    docker.run(["mkdir", "-p", folder])
    lines = [f"FROM {BUSYBOX}", "COPY file.txt /file.txt", "RUN cat /file.txt > /copy.txt"]
    docker.run(["sh", "-c", f"echo from the context > {folder}/file.txt; cat > {folder}/Dockerfile"],
               stdin="\n".join(lines) + "\n")  # fmt: skip
    return folder


def test_Root_Docker_the_classic_builder_builds(docker, context):
    docker.docker("build", "-t", "ds01test/built:1", str(context), env={"DOCKER_BUILDKIT": "0"}, timeout=120)
    assert docker.out("run", "--rm", "ds01test/built:1", "cat", "/copy.txt") == "from the context"


def test_Root_Docker_buildkit_gives_a_step_no_host_network_by_itself(alice):
    """Its rule, on which ours counts: only what whoever asks for the build lets it, which is refused in the query."""
    if OLD_CLI not in installed_clis():
        pytest.skip("needs a docker client with a BuildKit of its own")
    client = alice.with_cli(OLD_CLI).with_env({"DOCKER_BUILDKIT": "1"})
    folder = client.user.home / "host-network"
    client.run(["mkdir", "-p", folder])
    client.run(["tee", folder / "Dockerfile"], stdin=f"FROM {BUSYBOX}\nRUN --network=host true\n")
    assert "network.host is not allowed" in client.refused("build", "--no-cache", str(folder), timeout=120)
    assert "a build may not use the network" in client.refused("build", "--network", "host", str(folder), timeout=120)


@pytest.mark.parametrize("verb", [["build"], ["buildx", "build"]], ids=" ".join)
def test_Root_Docker_buildx_is_refused_with_what_works_instead(stack, docker, context, verb):
    """buildx speaks to BuildKit itself (/grpc), past what ds01d looks at. When that is closed, it tries to run a BuildKit
    of its own in a privileged container, from an image that it finds here in place of the internet."""
    stack.engine.api("POST", f"/images/{BUSYBOX}/tag?repo=moby/buildkit&tag=buildx-stable-1")
    text = docker.refused(*verb, "-t", "ds01test/built:2", str(context), timeout=120)
    assert "ds01: buildx would build in a privileged container" in text
    assert "DOCKER_BUILDKIT=0" in text
    assert not stack.containers_of(docker.user)
