"""Docker 26 behind ds01d, with the clients of its time: the command line, compose v2, docker-py 7, and builds."""

import json
import signal

import pytest
import test_client_cli as cli
import test_client_compose as compose_work
import test_client_sdk as sdk
from lib import compose, hosts
from lib.client import NEW_CLI, installed_clis
from lib.differential import compare
from lib.images import BUSYBOX
from lib.stack import visible_devices
from lib.waiting import wait_until

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


def test_Root_Docker_buildkit_gives_a_step_no_host_network_by_itself(docker, context):
    """Its rule, on which ours counts: only what whoever asks for the build lets it, which is refused."""
    docker.run(["tee", context / "Dockerfile"], stdin=f"FROM {BUSYBOX}\nRUN --network=host true\n")
    assert "network.host is not allowed" in docker.refused("buildx", "build", "--no-cache", str(context), timeout=120)


@pytest.mark.parametrize("verb", [["build"], ["buildx", "build"]], ids=" ".join)
def test_Root_Docker_buildx_builds(docker, bob, context, verb):
    """By POST /grpc; the tag is the caller's from then on."""
    docker.docker(*verb, "-t", "ds01test/built:2", str(context), timeout=120)
    assert docker.out("run", "--rm", "ds01test/built:2", "cat", "/copy.txt") == "from the context"
    assert "brought to this server by somebody else" in bob.refused("rmi", "ds01test/built:2")
    assert "is taken by somebody else" in bob.refused("tag", BUSYBOX, "ds01test/built:2")
    docker.docker("rmi", "ds01test/built:2")


def test_Root_Docker_buildx_gives_no_image_somebody_elses_name(docker, bob, context):
    bob.docker("tag", BUSYBOX, "ds01test/of-bob:1")
    before = bob.out("image", "inspect", "-f", "{{.Id}}", "ds01test/of-bob:1")
    text = docker.refused("buildx", "build", "-t", "ds01test/of-bob:1", str(context), timeout=120)
    assert "ds01: the image name ds01test/of-bob:1 is taken by somebody else" in text
    assert bob.out("image", "inspect", "-f", "{{.Id}}", "ds01test/of-bob:1") == before


def test_Root_Docker_buildx_gets_no_more_than_a_build(docker, context):
    text = docker.refused("buildx", "build", "--network", "host", str(context), timeout=120)
    assert 'builds may not have "network.host" here' in text
    text = docker.refused("buildx", "build", "--cgroup-parent", "/", str(context), timeout=120)
    assert "the cgroup of a build is set by this server" in text
    text = docker.refused("buildx", "build", "--ulimit", "rtprio=9", str(context), timeout=120)
    assert "before everybody else's" in text
    assert "the build cache is everybody's" in docker.refused("buildx", "du")
    assert "the build cache is everybody's" in docker.refused("buildx", "prune", "-f")


def test_Root_Docker_a_failing_build_shows_why(docker, context):
    docker.run(["tee", context / "Dockerfile"], stdin=f"FROM {BUSYBOX}\nRUN echo this is why && false\n")
    text = docker.refused("buildx", "build", "-t", "ds01test/none:1", str(context), timeout=120)
    assert "this is why" in text
    docker.docker("tag", BUSYBOX, "ds01test/none:1")


def test_Root_Docker_a_build_that_is_given_up_leaves_its_tag_to_others(docker, bob, context):
    docker.run(["tee", context / "Dockerfile"], stdin=f"FROM {BUSYBOX}\nRUN sleep 600\n")
    tag = "ds01test/given-up:1"
    with docker.follow("buildx", "build", "--progress", "plain", "-t", tag, str(context)) as building:
        while "RUN sleep 600" not in building.line():
            pass
        assert "ds01: the image name" in bob.refused("tag", BUSYBOX, tag)
        building.process.send_signal(signal.SIGINT)
        building.rest()
    wait_until(lambda: bob.docker("tag", BUSYBOX, tag, check=False).returncode == 0, 30, "the tag to be free")
    bob.docker("rmi", tag)
