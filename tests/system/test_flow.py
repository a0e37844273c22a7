"""What a user types all day, through the gateway, with every docker client that is installed: it works as it does
against a bare Engine."""

import shutil
import time

import pytest
from lib import compose
from lib.client import installed_clis
from lib.images import BUSYBOX
from lib.need import need_program
from lib.registry import ADDRESS, Registry
from lib.stack import visible_devices

pytestmark = pytest.mark.usefixtures("stack")


@pytest.fixture
def docker(alice, each_cli):
    return alice.with_cli(each_cli)


@pytest.fixture
def sleeper(docker):
    docker.out("run", "-d", "--name", "sleeper", BUSYBOX, "sleep", "600")
    return "sleeper"


def test_Root_Docker_run_with_one_gpu_gets_one_slot(stack, docker):
    uuid = docker.out("run", "-d", "--name", "train", "--gpus", "1", BUSYBOX, "sleep", "600")
    container = stack.engine.inspect(uuid)
    devices = visible_devices(container)
    assert len(devices) == 1
    seen = docker.out("exec", "train", "sh", "-c", "tr '\\0' '\\n' < /proc/1/environ")
    assert f"NVIDIA_VISIBLE_DEVICES={devices[0]}" in seen.splitlines()
    labels = container["Config"]["Labels"]
    assert labels["ds01.user"] == docker.user.name
    assert labels["ds01.lease"].startswith("L")
    assert labels["ds01.managed"] == "true"
    gpu = stack.daemon.held()[devices[0]]
    assert (gpu["state"], gpu["user"], gpu["container"]) == ("held", docker.user.name, "train")


def test_Root_Docker_run_without_gpu_sees_none(stack, docker):
    env = docker.out("run", "--rm", BUSYBOX, "env").splitlines()
    assert "NVIDIA_VISIBLE_DEVICES=void" in env
    assert not stack.daemon.held()


def test_Root_Docker_container_lies_in_the_users_cgroup_with_the_groups_limits(stack, docker):
    docker.out("run", "-d", "--name", "limited", BUSYBOX, "sleep", "600")
    host = stack.engine.inspect("limited")["HostConfig"]
    user = docker.user.name.replace("-", "_")
    assert host["CgroupParent"].endswith(f"/ds01.slice/ds01-student.slice/ds01-student-{user}.slice")
    assert host["Memory"] == 32 << 30
    assert host["PidsLimit"] == 4096
    assert host["ShmSize"] == 16 << 30


def test_Root_Docker_run_passes_output_and_exit_status(docker):
    done = docker.docker("run", "--rm", BUSYBOX, "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_Root_Docker_run_interactive_with_terminal(docker):
    terminal = docker.terminal("run", "-it", "--rm", BUSYBOX, "sh")
    terminal.read_until(b"# ")
    terminal.type("echo sum $((40+2))\n")
    terminal.read_until(b"sum 42")
    terminal.type("exit 3\n")
    assert terminal.wait() == 3


def test_Root_Docker_exec_without_terminal(docker, sleeper):
    done = docker.docker("exec", sleeper, "sh", "-c", "echo out; echo err >&2; exit 5", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (5, "out\n", "err\n")


def test_Root_Docker_exec_with_terminal(docker, sleeper):
    terminal = docker.terminal("exec", "-it", sleeper, "sh")
    terminal.read_until(b"# ")
    terminal.type("echo sum $((40+2)); exit 4\n")
    terminal.read_until(b"sum 42")
    assert terminal.wait() == 4


def test_Root_Docker_exec_stdin_ends_with_the_pipe(docker, sleeper):
    assert docker.docker("exec", "-i", sleeper, "cat", stdin="hi\n").stdout == "hi\n"


def test_Root_Docker_exec_carries_megabytes_both_ways(docker, sleeper):
    text = "0123456789abcdef" * (4 << 16)
    assert docker.docker("exec", "-i", sleeper, "cat", stdin=text).stdout == text


def test_Root_Docker_attach_carries_stdin_and_its_end(docker):
    docker.out("create", "-i", "--name", "echo", BUSYBOX, "cat")
    docker.out("start", "echo")
    assert docker.docker("attach", "echo", stdin="over and back\n").stdout == "over and back\n"


def test_Root_Docker_start_attached(docker):
    docker.out("create", "--name", "later", BUSYBOX, "echo", "started")
    assert docker.out("start", "-a", "later") == "started"


def test_Root_Docker_logs_follow_until_the_container_ends(docker):
    docker.out("run", "-d", "-i", "--name", "talker", BUSYBOX, "sh", "-c", "echo one; read x; echo two")
    with docker.follow("logs", "-f", "talker") as follower:
        assert follower.line() == "one"
        docker.docker("attach", "talker", stdin="\n")
        assert follower.rest() == ["two"]
        assert follower.process.wait(20) == 0


def test_Root_Docker_stats_once(docker, sleeper):
    assert docker.out("stats", "--no-stream", "--format", "{{.Name}}") == sleeper


def test_Root_Docker_top(docker, sleeper):
    assert "sleep 600" in docker.out("top", sleeper)


def test_Root_Docker_cp_both_ways(docker, sleeper):
    there = docker.user.home / "there.txt"
    back = docker.user.home / "back.txt"
    docker.run(["sh", "-c", f"seq 100000 > {there}"])
    docker.docker("cp", str(there), f"{sleeper}:/tmp/there.txt")
    assert docker.out("exec", sleeper, "tail", "-n", "1", "/tmp/there.txt") == "100000"
    docker.docker("cp", f"{sleeper}:/tmp/there.txt", str(back))
    assert back.read_bytes() == there.read_bytes()


def test_Root_Docker_save_and_load(stack, docker):
    archive = docker.user.home / "image.tar"
    docker.docker("tag", BUSYBOX, "ds01test/saved:1")
    docker.docker("save", "-o", str(archive), "ds01test/saved:1")
    stack.engine.api("DELETE", "/images/ds01test/saved:1")
    assert "ds01test/saved:1" in docker.out("load", "-i", str(archive))
    assert docker.out("run", "--rm", "ds01test/saved:1", "echo", "loaded") == "loaded"


@pytest.mark.parametrize("cli", installed_clis())
@pytest.mark.parametrize("builder", ["classic", "buildx"])
def test_Root_Docker_build(stack, alice, cli, builder):
    docker = alice.with_cli(cli)
    buildx = builder == "buildx"
    docker = docker.with_env(compose.plugins(docker) if buildx else {"DOCKER_BUILDKIT": "0"})
    context = docker.user.home / f"context-{builder}"
    docker.run(["mkdir", "-p", context])
    docker.run(["sh", "-c", f"echo from the context > {context}/file.txt"])
    lines = [f"FROM {BUSYBOX}", "COPY file.txt /file.txt", "RUN cat /file.txt > /copy.txt", "LABEL colour=blue"]
    docker.run(["sh", "-c", f"cat > {context}/Dockerfile"], stdin="\n".join(lines) + "\n")
    tag = f"ds01test/built-{builder}:1"
    docker.docker(*(["buildx"] if buildx else []), "build", "-t", tag, str(context), timeout=120)
    assert docker.out("run", "--rm", tag, "cat", "/copy.txt") == "from the context"
    assert stack.engine.api("GET", f"/images/{tag}/json").json()["Config"]["Labels"]["colour"] == "blue"


def test_Root_Docker_wait_returns_the_exit_status(docker):
    docker.out("run", "-d", "-i", "--name", "ends", BUSYBOX, "sh", "-c", "read x; exit 9")
    waiting = docker.start("wait", "ends")
    docker.docker("attach", "ends", stdin="\n", check=False)
    assert waiting.communicate(timeout=20)[0] == "9\n"


def test_Root_Docker_stop_start_restart_rename_rm(stack, docker, sleeper):
    docker.out("stop", "-t", "0", sleeper)
    assert not stack.engine.inspect(sleeper)["State"]["Running"]
    docker.out("start", sleeper)
    before = stack.engine.inspect(sleeper)["State"]["StartedAt"]
    docker.out("restart", "-t", "0", sleeper)
    assert stack.engine.inspect(sleeper)["State"]["StartedAt"] != before
    docker.out("rename", sleeper, "renamed")
    docker.out("rm", "-f", "renamed")
    assert not stack.engine.exists("renamed")


def test_Root_Docker_commit_and_export(docker, sleeper):
    docker.docker("exec", sleeper, "sh", "-c", "echo kept > /kept")
    docker.out("commit", sleeper, "ds01test/kept:1")
    assert docker.out("run", "--rm", "ds01test/kept:1", "cat", "/kept") == "kept"
    archive = docker.user.home / "export.tar"
    docker.docker("export", "-o", str(archive), sleeper)
    assert "kept" in docker.run(["tar", "-tf", archive]).stdout.splitlines()


def test_Root_Docker_bind_of_a_directory_in_ones_home(docker):
    data = docker.user.home / "data"
    docker.run(["sh", "-c", f"mkdir -p {data}; echo mine > {data}/file"])
    assert docker.out("run", "--rm", "-v", f"{data}:/data", BUSYBOX, "cat", "/data/file") == "mine"


def test_Root_Docker_pull_and_push(stack, workdir, docker):
    need_program("docker-registry")
    registry = Registry(workdir / "registry", stack.engine)
    try:
        image = f"{ADDRESS}/shared/busybox:1"
        docker.docker("tag", BUSYBOX, image)
        docker.docker("push", image)
        stack.engine.api("DELETE", f"/images/{image}")
        docker.docker("pull", image)
        assert docker.out("run", "--rm", image, "echo", "pulled") == "pulled"
        # A name that has to be pulled first, as most runs on a new machine are.
        stack.engine.api("DELETE", f"/images/{image}")
        assert docker.out("run", "--rm", "--gpus", "1", image, "echo", "pulled by run") == "pulled by run"
    finally:
        registry.stop()
        shutil.rmtree(workdir / "registry")


def test_Root_Docker_events_tells_ones_own(docker, bob):
    # With --since what happens before the stream begins is told too.
    since = str(time.time())
    form = "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}"
    lines = []
    with docker.follow("events", "--since", since, "--format", form) as follower:
        bob.out("run", "--rm", "--name", "hidden", BUSYBOX, "true")
        docker.out("run", "--rm", "--name", "shown", BUSYBOX, "true")
        while "container destroy shown" not in lines:
            line = follower.line()
            assert line is not None, f"docker events ended: {lines}"
            lines.append(line)
    assert {"container create shown", "container start shown", "container die shown"} <= set(lines)
    assert not [line for line in lines if "hidden" in line]


def test_Root_Docker_events_of_the_past_are_ones_own_too(docker, bob):
    since = str(time.time())
    bob.out("run", "--rm", "--name", "hidden", BUSYBOX, "true")
    docker.out("run", "--rm", "--name", "shown", BUSYBOX, "true")
    text = docker.out("events", "--since", since, "--until", str(time.time()))
    assert "name=shown" in text
    assert "hidden" not in text
    assert bob.user.name not in text


def test_Root_Docker_a_network_is_named_by_name_id_or_the_beginning_of_it(stack, docker):
    name = f"net-{docker.user.name}"
    network = docker.out("network", "create", name)
    try:
        for index, ref in enumerate((name, network, network[:12])):
            docker.out("run", "-d", "--name", f"on-{index}", "--network", ref, BUSYBOX, "sleep", "600")
            assert list(stack.engine.inspect(f"on-{index}")["NetworkSettings"]["Networks"]) == [name]
        docker.out("rm", "-f", "on-0")
        docker.out("run", "-d", "--name", "later", BUSYBOX, "sleep", "600")
        docker.out("network", "connect", network, "later")
        assert name in stack.engine.inspect("later")["NetworkSettings"]["Networks"]
        host = docker.out("network", "inspect", "-f", "{{.Id}}", "host")
        for ref in (host, host[:12]):
            assert "--network host" in docker.refused("run", "--network", ref, BUSYBOX, "true")
        assert "network 0123456789ab not found" in docker.refused("run", "--network", "0123456789ab", BUSYBOX, "true")
    finally:
        stack.engine.remove_all()
        docker.out("network", "rm", network)
