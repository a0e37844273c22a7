"""The dev container CLI ("Reopen in Container" without the editor): up, exec and a second up with an image and with a
Dockerfile, as on the bare Engine; a GPU comes from the quota of whoever opens it."""

import json

import pytest
from lib import hosts
from lib.client import OLD_CLI
from lib.differential import compare
from lib.images import BUSYBOX

pytestmark = pytest.mark.usefixtures("stack")

STACK = {"nvidia": True}  # the CLI asks for a GPU only where the Engine has a runtime of that name

IMAGE = {
    "image": BUSYBOX,
    "containerEnv": {"A": "1"},
    "postCreateCommand": "echo made > /made",
    "runArgs": ["--memory=64m", "--shm-size=32m", "--network=none"],
    "mounts": ["source=cache,target=/cache,type=volume"],
    "init": True,
}
BUILD = {"build": {"dockerfile": "Dockerfile"}, "remoteUser": "root"}
DOCKERFILE = f"FROM {BUSYBOX}\nRUN echo built > /built\n"


class Workspace:
    def __init__(self, client, configuration, run=None):
        self.client = client
        self.folder = client.user.home / "space"
        self._run = run or (lambda *argv, **keywords: client.run(argv, **keywords))
        self.write(".devcontainer/devcontainer.json", json.dumps(configuration))
        self.write(".devcontainer/Dockerfile", DOCKERFILE)
        self.write("code.py", "print(1)\n")
        self.write("tmp/.keep", "")

    def write(self, name, text):
        self.client.run(["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1"', "_", self.folder / name], stdin=text)

    def __call__(self, verb, *args, **keywords):
        options = ["--workspace-folder", self.folder, "--docker-path", OLD_CLI]
        env = {"TMPDIR": str(self.folder / "tmp")}  # it leaves folders there
        return self._run(hosts.devcontainer_cli(), verb, *options, *args, timeout=180, env=env, **keywords)

    def up(self, **keywords):
        done = self("up", **keywords)
        answer = json.loads(done.stdout.splitlines()[-1])
        assert answer["outcome"] == "success", f"{self.client.user.name}: {done.stdout}\n{done.stderr}"
        return answer


def life(configuration, seen):
    space = Workspace(seen.client, configuration, seen.run)
    first = space.up(output=False)
    seen.note("up", [first["outcome"], first.get("remoteUser"), first.get("remoteWorkspaceFolder")])
    space("exec", "sh", "-c", "cat /made /built 2> /dev/null; echo $A; cat code.py; exit 3")
    seen.docker("ps", "--filter", f"label=devcontainer.local_folder={space.folder}", "--format", "{{.State}}")
    again = space.up(output=False)
    seen.note("the same container again", again["containerId"] == first["containerId"])
    seen.docker("stop", "-t", "0", first["containerId"])
    seen.note("started again", space.up(output=False)["containerId"] == first["containerId"])
    seen.docker("rm", "-f", first["containerId"])


@pytest.mark.parametrize("configuration", [IMAGE, BUILD], ids=["image", "build"])
def test_Root_Docker_a_dev_container_lives_as_on_the_bare_engine(stack, configuration):
    compare(stack, lambda seen: life(configuration, seen), OLD_CLI)


@pytest.mark.parametrize(
    "configuration",
    [{"runArgs": ["--gpus", "1"]}, {"hostRequirements": {"gpu": True}}, {"hostRequirements": {"gpu": "optional"}}],
    ids=["argument", "required", "optional"],
)
def test_Root_Docker_a_dev_container_gets_a_gpu_of_its_owners_quota(stack, alice, configuration):
    space = Workspace(alice, {"image": BUSYBOX, **configuration})
    identity = space.up()["containerId"]
    [(uuid, gpu)] = stack.daemon.held().items()
    assert gpu["user"] == alice.user.name
    [record] = [record for record in stack.engine.hook_records() if record["id"] == identity]
    assert set(record["visible"]) == {uuid}
    assert stack.engine.inspect(identity)["Config"]["Labels"]["ds01.container_type"] == "devcontainer"
    assert space("exec", "echo", "in it").stdout == "in it\n"


def test_Root_Docker_another_users_dev_container_in_the_same_place_is_not_found(stack, alice, bob):
    """The CLI finds its container by the label devcontainer.local_folder, which anybody may write."""
    mine = Workspace(alice, IMAGE)
    bob.out("run", "-d", "--label", f"devcontainer.local_folder={mine.folder}", "--label",
            f"devcontainer.config_file={mine.folder}/.devcontainer/devcontainer.json", BUSYBOX, "sleep", "600")  # fmt: skip
    identity = mine.up()["containerId"]
    assert [container["Id"] for container in stack.containers_of(alice.user)] == [identity]
