"""Compose 1.29 and v2: a project's life through ds01d is what it is on the bare Engine; GPUs come from its owner's
quota."""

import pytest
from lib import compose
from lib.differential import compare
from lib.images import BUSYBOX
from lib.stack import visible_devices

pytestmark = pytest.mark.usefixtures("stack")

# Both formats that people have: the earlier one with limits beside the service, and 3.x.
EARLIER = f"""
version: "2.4"
services:
  app:
    image: {BUSYBOX}
    command: sh -c "echo ready; exec sleep 600"
    mem_limit: 64m
    cpus: 0.5
    shm_size: 32m
    environment: {{A: "1"}}
    volumes: ["cache:/cache", "./data:/data:ro"]
    networks: {{front: {{aliases: [model]}}, back: {{}}}}
    ports: ["8888"]
    restart: unless-stopped
volumes: {{cache: {{}}}}
networks: {{front: {{}}, back: {{}}}}
"""

SEVERAL = f"""
version: "3.8"
services:
  db:
    image: {BUSYBOX}
    command: sleep 600
    volumes: [{{type: volume, source: data, target: /data}}, {{type: tmpfs, target: /scratch}}]
  app:
    image: {BUSYBOX}
    command: sh -c "echo ready; exec sleep 600"
    depends_on: [db]
    user: "1000:1000"
    working_dir: /tmp
  side:
    image: {BUSYBOX}
    command: sleep 600
    network_mode: "service:db"
volumes: {{data: {{}}}}
"""

GPU = f"""
version: "3.8"
services:
  train:
    image: {BUSYBOX}
    command: sleep 600
    deploy: {{resources: {{reservations: {{devices: [{{driver: nvidia, count: %s, capabilities: [gpu]}}]}}}}}}
"""


@pytest.fixture(params=compose.VERSIONS)
def version(request):
    compose.argv(request.param)
    return request.param


def left_behind(seen):
    """What of the project is still there."""
    label = "label=com.docker.compose.project=lab"
    for what in (["ps", "-a"], ["network", "ls"], ["volume", "ls"]):
        seen.docker(*what, "-q", "--filter", label, unordered=True)


def earlier_format(version, seen):
    project = compose.Project(seen.client, version)

    def do(*args, **keywords):
        return project(*args, run=seen.run, **keywords)

    project.write(EARLIER)
    project.write("here\n", "data/file")
    do("up", "-d", output=False)
    first = do("ps", "-q", output=False).stdout
    do("exec", "-T", "app", "sh", "-c", "cat /data/file; echo kept > /cache/file; echo $A; exit 3")
    do("logs", "--no-color")
    do("up", "-d", output=False)
    seen.note("nothing was made anew", first == do("ps", "-q", output=False).stdout)
    do("stop", "-t", "0", output=False)
    do("start", output=False)
    do("exec", "-T", "app", "cat", "/cache/file")
    do("port", "app", "8888")
    do("run", "--rm", "-T", "app", "cat", "/cache/file", output=False)
    project.write(EARLIER.replace('A: "1"', 'A: "2"'))
    do("up", "-d", "-t", "0", output=False)
    seen.note("was made anew", first != do("ps", "-q", output=False).stdout)
    do("exec", "-T", "app", "sh", "-c", "echo $A; cat /cache/file")
    seen.docker("inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.ShmSize}}", "lab-app-1")
    left_behind(seen)
    do("down", "-t", "0", output=False)
    left_behind(seen)
    seen.docker("volume", "rm", "lab_cache")
    left_behind(seen)


def several_services(version, seen):
    project = compose.Project(seen.client, version)

    def do(*args, **keywords):
        return project(*args, run=seen.run, **keywords)

    project.write(SEVERAL)
    do("up", "-d", output=False)
    do("ps", "--services", unordered=True)
    do("exec", "-T", "app", "sh", "-c", "id -u; pwd; ping -c 1 -W 5 db > /dev/null && echo found")
    do("exec", "-T", "--user", "root", "side", "touch", "/made")
    do("exec", "-T", "db", "sh", "-c", "touch /data/x /scratch/y; grep -c localhost /etc/hosts", output=False)
    do("kill", "app", output=False)
    do("rm", "-f", "app", output=False)
    do("up", "-d", "--no-deps", "app", output=False)
    do("logs", "--no-color", "--tail", "1", "app")
    do("down", "-v", "-t", "0", output=False)
    left_behind(seen)


def failures(version, seen):
    project = compose.Project(seen.client, version)

    def do(*args, **keywords):
        return project(*args, run=seen.run, **keywords)

    project.write("services: {app: {image: ds01test/busybox:latest, command: no-such-program}}\n")
    do("up", "-d", output=False)
    do("down", output=False)
    project.write("services: {app: {image: ds01test/busybox:latest, command: sh -c 'echo out; exit 7'}}\n")
    do("up", "--abort-on-container-exit", "--exit-code-from", "app", output=False)
    do("exec", "-T", "app", "true", output=False)
    do("down", output=False)
    left_behind(seen)


@pytest.mark.parametrize("work", [earlier_format, several_services, failures], ids=lambda work: work.__name__)
def test_Root_Docker_compose_lives_as_on_the_bare_engine(stack, version, work):
    compare(stack, lambda seen: work(version, seen))


@pytest.mark.parametrize("count", ["1", "2"])
def test_Root_Docker_a_reservation_is_leased_to_the_owner(stack, alice, version, count):
    project = compose.Project(alice, version)
    project.write(GPU % count)
    project("up", "-d")
    [container] = stack.containers_of(alice.user)
    devices = visible_devices(container)
    assert len(devices) == int(count)
    held = stack.daemon.held()
    assert {uuid: gpu["user"] for uuid, gpu in held.items()} == dict.fromkeys(devices, alice.user.name)
    assert container["Config"]["Labels"]["ds01.container_type"] == "compose"
    project("restart", "-t", "0")
    assert stack.daemon.held().keys() == held.keys()
    project("down", "-t", "0")
    assert not stack.daemon.held()


def test_Root_Docker_a_project_is_built(alice, version):
    project = compose.Project(alice, version)
    project.write("services: {app: {build: ./image, image: 'ds01test/project:1'}}\n")
    project.write(f"FROM {BUSYBOX}\nCOPY word /word\nRUN cat /word > /copy\n", "image/Dockerfile")
    project.write("built\n", "image/word")
    project("build")
    assert project("run", "--rm", "-T", "app", "cat", "/copy").stdout == "built\n"
    project("down")


def test_Root_Docker_a_reservation_over_quota_says_why(stack, alice, version):
    project = compose.Project(alice, version)
    project.write(GPU % "3")
    done = project("up", "-d", check=False)
    assert done.returncode != 0
    assert "ds01: " in done.stdout + done.stderr
    assert not stack.daemon.held()
    project("down")


def test_Root_Docker_projects_of_the_same_name_are_each_users_own(stack, alice, bob, version):
    for client in (alice, bob):
        project = compose.Project(client, version)
        project.write(f"services: {{app: {{image: {BUSYBOX}, command: sleep 600, container_name: {client.user.name}}}}}\n")
        if client is bob:  # the networks of the two would have one name
            refused = project("up", "-d", check=False)
            assert refused.returncode and "is taken by somebody else" in refused.stderr, refused
            assert alice.user.name not in refused.stderr
            project = compose.Project(client, version, "other")
            project.write(f"services: {{app: {{image: {BUSYBOX}, command: sleep 600, container_name: {client.user.name}}}}}\n")
        project("up", "-d")
        [listed] = project("ps", "-q").stdout.split()
        assert stack.engine.inspect(listed)["Name"] == f"/{client.user.name}"
    compose.Project(alice, version)("stop", "-t", "0")
    assert stack.engine.inspect(bob.user.name)["State"]["Running"]
    compose.Project(bob, version)("down", "-t", "0", check=False)
    assert stack.engine.exists(alice.user.name)
