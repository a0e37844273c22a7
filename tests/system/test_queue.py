"""The waiting line: every client waits and is served, in order, and whoever goes leaves nothing behind.

Whole GPUs only, two of them unless a test says otherwise; a client that waits hears from ds01d each second (40 s in
service), so that clients with a limit of three seconds stand for those with a minute."""

import contextlib
import datetime
import itertools
import json
import re
import signal
import subprocess

import pytest
from lib import compose, hosts, users
from lib.client import Client
from lib.images import BUSYBOX
from lib.need import need
from lib.stack import visible_devices
from lib.waiting import wait_until

STACK = {"daemon": {"queue": {"wait_s": 120, "continue_every_s": 1}}}

pytestmark = pytest.mark.usefixtures("stack", "line")

SLEEP = [BUSYBOX, "sleep", "600"]
LIMITS = "  max_gpu_equivalents: {0}\n  max_gpu_slots_per_container: 8\n  max_containers_per_user: 100\n  aggregate: null\n"
SERVED = 30  # seconds; far less than anybody's time in the line


def write_limits(daemon, logins, gpus=8, **changed):
    path = daemon.config / "user-overrides.yaml"
    text = path.read_text().split("# of the queue's tests\n", 1)[0] + "# of the queue's tests\n"
    for login in logins:
        text += f"{login}:\n" + LIMITS.format(changed.get(login, gpus))
    path.write_text(text)


@pytest.fixture(scope="module")
def carol(module_stack):
    """Holds what the others wait for."""
    user = users.create("carol")
    yield Client(user, module_stack.daemon.socket, module_stack.alice.cli)
    users.remove(user.name)


@pytest.fixture(scope="module")
def line_machine(module_stack, carol):
    daemon = module_stack.daemon
    daemon.use_whole_gpus(2)
    write_limits(daemon, [client.user.name for client in (module_stack.alice, module_stack.bob, carol)])
    daemon.restart()


@pytest.fixture
def line(stack, line_machine):
    yield
    wait_until(lambda: not queue(stack), 15, "nobody waits any more")


def queue(stack, client=None):
    return json.loads(stack.daemon.ds01("queue", "--json", client=client).stdout)["queue"]


def names(stack):
    return [row["user"] for row in queue(stack)]


def wait_for_line(stack, *clients):
    expected = [client.user.name for client in clients]
    wait_until(lambda: names(stack) == expected, 30, f"{expected} wait", interval=0.05)


def age(row):
    since = datetime.datetime.fromisoformat(row["since"].replace("Z", "+00:00"))
    return (datetime.datetime.now(datetime.timezone.utc) - since).total_seconds()


def hold(client, name, gpus="2"):
    client.out("run", "-d", "--name", name, "--gpus", gpus, *SLEEP)


def ended(process, timeout=SERVED):
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def served(process):
    status, out, err = ended(process)
    assert status == 0, f"{process.args}: {status}\n{out}{err}"
    return out.strip()


@contextlib.contextmanager
def killed_after(process):
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def gpu_body(count=1, image=BUSYBOX):
    request = {"Driver": "", "Count": count, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}}
    return {"Image": image, "Cmd": ["sleep", "600"], "HostConfig": {"DeviceRequests": [request]}}


def held_by(stack):
    return sorted(gpu["user"] for gpu in stack.daemon.held().values())


def is_served_when_the_holder_goes(stack, carol, client, argv, env=None, longer_than=0):
    hold(carol, "held")
    with killed_after(client.spawn(argv, env)) as process:
        wait_for_line(stack, client)
        wait_until(lambda: age(queue(stack)[0]) > longer_than, 60 + longer_than, "the client's own limit to pass", 0.2)
        assert process.poll() is None
        carol.out("rm", "-f", "held")
        out = served(process)
    assert held_by(stack) == [client.user.name]
    return out


def test_Root_Docker_the_cli_waits_and_is_served(stack, carol, alice, each_cli):
    waits = alice.with_cli(each_cli)
    is_served_when_the_holder_goes(stack, carol, alice, [each_cli, "run", "-d", "--name", "mine", "--gpus", "1", *SLEEP])
    assert waits.out("inspect", "-f", "{{.State.Running}}", "mine") == "true"


@pytest.mark.parametrize("version", compose.VERSIONS)
def test_Root_Docker_compose_waits_longer_than_its_own_limit(stack, carol, alice, version):
    project = compose.Project(alice, version)
    project.write(
        f"version: '3.8'\nservices: {{train: {{image: '{BUSYBOX}', command: sleep 600, deploy: {{resources: {{reservations: "
        "{devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}}}\n"
    )
    argv = [*compose.argv(version), "-p", "lab", "-f", alice.user.home / "lab/docker-compose.yml", "up", "-d"]
    is_served_when_the_holder_goes(stack, carol, alice, argv, {**project.env, "COMPOSE_HTTP_TIMEOUT": "3"}, 4.5)
    project("down", "-t", "0")


SDK = f"""
import docker, sys
from docker.types import DeviceRequest
client = docker.from_env(**({{"timeout": int(sys.argv[1])}} if sys.argv[1:] else {{}}))
box = client.containers.run("{BUSYBOX}", ["sleep", "600"], name="mine", detach=True,
                            device_requests=[DeviceRequest(count=1, capabilities=[["gpu"]])])
print(docker.__version__, box.name)
"""


def sdk_python(version):
    path = "/usr/bin/python3" if version == "5" else str(hosts.docker_py_python())
    told = subprocess.run([path, "-c", "import docker; print(docker.__version__)"], capture_output=True, text=True, check=False)
    need(told.returncode == 0, "needs python3-docker, which `sudo tools/dev setup` installs")
    return path


@pytest.mark.parametrize("version", ["5", "7"])
def test_Root_Docker_the_sdk_waits_longer_than_its_own_limit(stack, carol, alice, version):
    argv = [sdk_python(version), "-c", SDK, "3"]
    out = is_served_when_the_holder_goes(stack, carol, alice, argv, longer_than=4.5)
    assert out.endswith(" mine")


def test_Root_Docker_the_sdk_waits_longer_than_a_minute_in_service(stack, carol, alice):
    """The one that takes its time: docker-py's own minute against our own 40 seconds."""
    stack.daemon.configure(queue={"wait_s": 180})
    stack.daemon.restart()
    try:
        out = is_served_when_the_holder_goes(stack, carol, alice, [sdk_python("7"), "-c", SDK], longer_than=63)
        assert out.endswith(" mine")
    finally:
        stack.daemon.configure(queue=STACK["daemon"]["queue"])
        stack.daemon.restart()


def test_Root_Docker_what_goes_over_the_wire(stack, carol, alice):
    hold(carol, "held")
    with alice.raw(timeout=30) as raw:
        raw.request("POST", "/containers/create?name=mine", gpu_body())
        interim = b"HTTP/1.1 100 Continue\r\n\r\n"
        seen = b""
        while len(seen) < 4 * len(interim):
            piece = raw.socket.recv(4096)
            assert piece, seen
            seen += piece
        assert seen == interim * 4
        wait_until(lambda: age(queue(stack)[0]) > 6, 20, "a fifth would have been sent", 0.2)
        carol.out("rm", "-f", "held")
        reply = raw.reply()
        assert reply.status == 201, reply.message()
        assert raw.ask("GET", "/_ping").body == b"OK"


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT], ids=["kill", "interrupt"])
def test_Root_Docker_a_client_that_goes_leaves_the_line(stack, carol, alice, bob, each_cli, signum):
    hold(carol, "held")
    with killed_after(alice.with_cli(each_cli).start("run", "-d", "--gpus", "2", *SLEEP)) as first:
        wait_for_line(stack, alice)
        with killed_after(bob.start("run", "-d", "--gpus", "1", *SLEEP)) as second:
            wait_for_line(stack, alice, bob)
            first.send_signal(signum)
            wait_for_line(stack, bob)
            carol.out("rm", "-f", "held")
            served(second)
    assert held_by(stack) == [bob.user.name]
    assert not stack.containers_of(alice.user)


def test_Root_Docker_clients_that_go_while_slots_come_leak_nothing(stack, carol, alice):
    """The grant and the end of the client in one moment, many times."""
    for _ in range(10):
        hold(carol, "held")
        with alice.raw() as raw:
            raw.request("POST", "/containers/create", gpu_body())
            wait_for_line(stack, alice)
            removal = carol.start("rm", "-f", "held")
            raw.socket.close()
        served(removal)

        def nothing_left():
            # What the Engine was asked for may be made only after its client has gone.
            for container in stack.containers_of(alice.user):
                stack.engine.api("DELETE", f"/containers/{container['Id']}?force=1", expect=(204, 404))
            return not stack.daemon.held() and not queue(stack)

        wait_until(nothing_left, 20, "nothing held and nobody waits", 0.05)


def test_Root_Docker_two_users_are_served_in_the_order_in_which_they_came(stack, carol, alice, bob):
    hold(carol, "one", "1")
    hold(carol, "two", "1")
    with killed_after(bob.start("run", "-d", "--gpus", "1", *SLEEP)) as first:
        wait_for_line(stack, bob)
        with killed_after(alice.start("run", "-d", "--gpus", "1", *SLEEP)) as second:
            wait_for_line(stack, bob, alice)
            carol.out("rm", "-f", "one")
            served(first)
            assert names(stack) == [alice.user.name]
            assert second.poll() is None
            carol.out("rm", "-f", "two")
            served(second)
    kinds = [(e["event_type"], e["user"]) for e in stack.daemon.events() if e["event_type"].startswith("queue.")][-4:]
    a, b = alice.user.name, bob.user.name
    assert kinds == [("queue.joined", b), ("queue.joined", a), ("queue.left", b), ("queue.left", a)]


def test_Root_Docker_several_gpus_are_not_starved_by_requests_for_one(stack, carol, alice, bob):
    hold(carol, "one", "1")
    hold(carol, "two", "1")
    with contextlib.ExitStack() as all_of_them:
        both = all_of_them.enter_context(killed_after(alice.start("run", "-d", "--name", "both", "--gpus", "2", *SLEEP)))
        wait_for_line(stack, alice)
        carol.out("rm", "-f", "one")
        singles = []
        for _ in range(3):
            single = all_of_them.enter_context(killed_after(bob.start("run", "-d", "--gpus", "1", *SLEEP)))
            singles.append(single)
            wait_for_line(stack, alice, *[bob] * len(singles))
        assert held_by(stack) == [carol.user.name], "what is free is kept"
        assert queue(stack)[0]["reason"] == "1 of the 2 that would do is free"
        assert queue(stack)[1]["reason"] == "what is free is kept for those ahead"
        carol.out("rm", "-f", "two")
        served(both)
        assert held_by(stack) == [alice.user.name] * 2
        alice.out("rm", "-f", "both")
        wait_until(lambda: held_by(stack) == [bob.user.name] * 2, SERVED, "two of bob's are served")
        assert len(queue(stack)) == 1


def test_Root_Docker_an_image_that_is_missing_has_no_place_in_the_line(stack, carol, alice):
    hold(carol, "held")
    before = len(stack.daemon.events())
    with alice.raw() as raw:
        reply = raw.ask("POST", "/containers/create", gpu_body(image="ds01test/missing:1"))
    assert (reply.status, "No such image" in reply.message()) == (404, True)
    with killed_after(alice.start("create", "--gpus", "1", *SLEEP)):
        wait_for_line(stack, alice)
    joined = [e for e in stack.daemon.events()[before:] if e["event_type"] == "queue.joined"]
    assert len(joined) == 1, "one of the two had a place in the line"


def test_Root_Docker_the_end_of_the_wait_says_who_holds_what_and_is_explained(stack, carol, alice, bob):
    hold(carol, "secret-name")
    stack.daemon.configure(queue={"wait_s": 2, "continue_every_s": 1})
    stack.daemon.reload()
    try:
        text = alice.refused("create", "--gpus", "1", *SLEEP)
    finally:
        stack.daemon.configure(queue=STACK["daemon"]["queue"])
        stack.daemon.reload()
    assert f"0 by {carol.user.name} since" in text and f"1 by {carol.user.name} since" in text, text
    assert "was number 1 of 1 in the queue" in text and "no end is known" in text, text
    assert "secret-name" not in text
    decision = re.search(r"\(decision (D[0-9a-f]{12})\)", text)[1]
    told = json.loads(stack.daemon.ds01("explain", decision, "--json", client=alice).stdout)
    assert (told["outcome"], told["reason"]) == ("refused", "gpu_wait_timeout")
    facts = {fact["name"]: fact["value"] for fact in told["facts"]}
    assert facts["place in the queue"] == "1 of 1" and facts["held until"] == "no end is known"
    assert stack.daemon.ds01("explain", decision, client=bob, check=False).returncode == 1


def test_Root_Docker_the_line_is_shown_to_everybody_and_names_no_containers(stack, carol, alice, bob):
    hold(carol, "held")
    with killed_after(alice.start("run", "-d", "--name", "secret-name", "--gpus", "2", *SLEEP)):
        wait_for_line(stack, alice)
        told = stack.daemon.ds01("queue", client=bob).stdout
        assert alice.user.name in told and "2 GPUs" in told and "all 2 that would do are held" in told, told
        assert "secret-name" not in told + json.dumps(stack.daemon.status(bob))
        [row] = stack.daemon.status(bob)["queue"]
        assert row == queue(stack, bob)[0]
        assert (row["user"], row["slots"], row["place"]) == (alice.user.name, 2, 1)
        assert "1 waiting" in stack.daemon.ds01("status").stdout
        argv = ["explain", "--dry-run", "--json", "--", bob.cli, "run", "--gpus", "1", *SLEEP]
        dry = stack.daemon.ds01(*argv, client=bob, check=False)
        assert dry.returncode == 75
        [create] = json.loads(dry.stdout)["creates"]
        assert create["outcome"] == "try_later"
        assert "as number 2 in the queue, for at most 120 s" in create["text"]
        assert names(stack) == [alice.user.name], "a dry run waits for nothing"
    wait_until(lambda: not queue(stack), 15, "nobody waits")
    assert stack.daemon.ds01("queue").stdout == "Nobody waits for a GPU.\n"


def test_Root_Docker_new_limits_hold_for_those_who_wait(stack, carol, alice, bob):
    hold(carol, "held")
    everybody = [client.user.name for client in (alice, bob, carol)]
    with killed_after(alice.start("create", "--gpus", "1", *SLEEP)) as over:
        wait_for_line(stack, alice)
        with killed_after(bob.start("create", "--gpus", "1", *SLEEP)):
            wait_for_line(stack, alice, bob)
            write_limits(stack.daemon, everybody, **{alice.user.name: 0.5})
            try:
                stack.daemon.reload()
                status, _, err = ended(over)
                assert status != 0 and "your limit is 0.5" in err, err
                wait_for_line(stack, bob)
            finally:
                write_limits(stack.daemon, everybody)
                stack.daemon.reload()


@pytest.fixture
def many_users():
    """64 of them."""
    made = []
    try:
        for letters in itertools.product("abcdefgh", repeat=2):
            made.append(users.create("q" + "".join(letters)))
        yield made
    finally:
        for user in made:
            users.remove(user.name)


def test_Root_Docker_64_users_at_once_for_8_gpus(stack, carol, many_users):
    """8 are granted, 56 wait, and each GPU that is given back goes to whoever is first."""
    daemon = stack.daemon
    everybody = [stack.alice.user.name, stack.bob.user.name, carol.user.name]
    before = daemon.gpus
    daemon.use_whole_gpus(8)
    write_limits(daemon, everybody + [user.name for user in many_users])
    daemon.restart()
    with contextlib.ExitStack() as connections:
        try:
            clients = [Client(user, daemon.socket, stack.alice.cli) for user in many_users]
            raws = [connections.enter_context(client.raw(timeout=60)) for client in clients]
            for number, raw in enumerate(raws):
                raw.request("POST", f"/containers/create?name=c{number}", gpu_body())
            wait_until(lambda: len(queue(stack)) == 56 and len(stack.engine.containers()) == 8, 60, "8 granted, 56 wait", 0.1)
            check_line(stack)
            for round_ in range(20):
                first = queue(stack)[0]["user"]
                had = {container["Id"] for container in stack.engine.containers()}
                stack.engine.api("DELETE", f"/containers/{min(had)}?force=1")
                wait_until(lambda: len(queue(stack)) == 55 - round_, 30, "one less waits", 0.02)
                wait_until(lambda: len(stack.engine.containers()) == 8, 30, "and has its container", 0.02)
                [new] = [c for c in stack.engine.containers() if c["Id"] not in had]
                assert new["Config"]["Labels"]["ds01.user"] == first
                check_line(stack)
        finally:
            connections.close()
            wait_until(lambda: not queue(stack), 30, "nobody waits")
            stack.engine.remove_all()
            daemon.gpus = before
            write_limits(daemon, everybody)
            daemon.restart()


def check_line(stack):
    """No GPU twice, all of them given, the line in its order."""
    devices = [device for container in stack.engine.containers() for device in visible_devices(container)]
    assert len(devices) == len(set(devices)) == 8
    assert set(devices) == set(stack.daemon.held())
    rows = queue(stack)
    assert [row["place"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["since"] for row in rows] == sorted(row["since"] for row in rows)
