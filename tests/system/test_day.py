"""A day of ten users, compressed: whatever people and programs do to containers, in any order, with ds01d and the Engine
restarted in between and an administrator who works past it. At the end the ledger, its file, the labels and the Engine
agree, nobody has seen anything of anybody else, and ds01d is no larger than before.

A longer one by hand: DS01_DAY_STEPS=20000 makes thousands of containers. The seed is fixed and told."""

import collections
import contextlib
import os
import random
import re
import threading

import pytest
from lib import users
from lib.agreement import settled
from lib.client import Client
from lib.images import BUSYBOX
from lib.waiting import wait_until

SEED = int(os.environ.get("DS01_DAY_SEED", "20261127"))
STEPS = int(os.environ.get("DS01_DAY_STEPS", "600"))
PEOPLE = 10
MIB = 1 << 20

STACK = {"daemon": {"queue": {"wait_s": 0}}}

pytestmark = pytest.mark.usefixtures("stack")


@pytest.fixture(scope="module")
def people(module_stack):
    made = [users.create(f"day{chr(ord('a') + i)}") for i in range(PEOPLE)]
    daemon = module_stack.daemon
    with (daemon.config / "groups/student.members").open("a") as file:
        file.writelines(f"{user.name}\n" for user in made)
    # The sanitizers keep what is freed; with less of it memory can be seen to be flat.
    daemon.env = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"}
    daemon.restart()
    yield [Client(user, daemon.socket, module_stack.alice.cli) for user in made]
    for user in made:
        users.remove(user.name)

REMOVING = re.compile(r'^Cannot update container ([0-9a-f]{64}): container is marked for removal and cannot be "update"$')


class Person:
    """One user's part of the day, on one connection as long as it lasts."""

    # What may come back from each; anything else is a failure of the test. 404 and 409: somebody was there before, the
    # administrator or the person's own other hand. 403: over a limit. 503: all GPUs are taken, or ds01d is just starting.
    EXPECTED = {
        "create": {201, 403, 409, 503},
        "start": {204, 304, 403, 404, 409, 503},
        "stop": {204, 304, 404, 503},
        "kill": {204, 404, 409, 503},
        "restart": {204, 403, 404, 409, 503},
        "rename": {204, 404, 409, 503},
        "update": {200, 404, 409, 503},
        "exec": {201, 404, 409, 503},
        "inspect": {200, 404, 503},
        "others": {404, 503},
        "list": {200, 503},
        "remove": {204, 404, 409, 503},
    }
    WEIGHTS = {"create": 8, "start": 8, "stop": 4, "kill": 2, "restart": 1, "rename": 2, "update": 2, "exec": 2, "inspect": 3,
               "others": 2, "list": 3, "remove": 7}  # fmt: skip

    def __init__(self, client, number, all_names):
        self.client = client
        self.chance = random.Random(SEED * 1000 + number)
        self.names = [f"{client.user.name}-{i}" for i in range(4)]
        self.all_names = all_names
        self.counts = collections.Counter()
        self.wrong = []
        self.said_to_go = []  # ids of containers of which the Engine said that it was removing them
        self._raw = None

    def step(self):
        verb = self.chance.choices(list(self.WEIGHTS), self.WEIGHTS.values())[0]
        name = self.chance.choice(self.names)
        request = getattr(self, f"_{verb}")(name)
        try:
            if self._raw is None:
                self._raw = self.client.raw(60)
            reply = self._raw.ask(*request)
        except (EOFError, OSError, ConnectionError):
            # ds01d has gone, or the Engine in the middle of an answer.
            self.close()
            self.counts["cut off"] += 1
            return
        self.counts[verb, reply.status] += 1
        if reply.status not in self.EXPECTED[verb] and not self._engines_own(verb, reply):
            self.wrong.append((verb, name, reply.status, reply.message()[:300]))
        if verb == "list" and reply.status == 200:
            strangers = {c["Labels"].get("ds01.user") for c in reply.json()} - {self.client.user.name}
            if strangers:
                self.wrong.append((verb, strangers))

    def _engines_own(self, verb, reply):
        if reply.status == 500:  # the container ended while the Engine updated it: its own sentence, and its runtime's
            ended = ("container not running", "cannot update a stopped container")
            # Or root was removing it at the Engine itself; then it must be gone in the end.
            removing = REMOVING.search(reply.message())
            if removing:
                self.said_to_go.append(removing[1])
            return verb == "update" and (bool(removing) or any(sentence in reply.message() for sentence in ended))
        return reply.status == 502 and "the Docker Engine broke off its answer" in reply.message()

    def close(self):
        if self._raw is not None:
            with contextlib.suppress(OSError):
                self._raw.close()
            self._raw = None

    def _create(self, name):
        body = {"Image": BUSYBOX, "Cmd": ["sleep", "3600"], "HostConfig": {"NetworkMode": "none"}}
        if self.chance.random() < 0.2:
            body["Cmd"] = ["false"]
            body["HostConfig"]["RestartPolicy"] = {"Name": "on-failure", "MaximumRetryCount": 2}
        if self.chance.random() < 0.6:
            body["HostConfig"]["DeviceRequests"] = [{"Count": self.chance.choice([1, 1, 1, 2]), "Capabilities": [["gpu"]]}]
        return "POST", f"/containers/create?name={name}", body

    def _start(self, name):
        return "POST", f"/containers/{name}/start"

    def _stop(self, name):
        return "POST", f"/containers/{name}/stop?t=0"

    def _kill(self, name):
        return "POST", f"/containers/{name}/kill"

    def _restart(self, name):
        return "POST", f"/containers/{name}/restart?t=0"

    def _rename(self, name):
        others = [other for other in self.names if other != name]
        return "POST", f"/containers/{name}/rename?name={self.chance.choice(others)}"

    def _update(self, name):
        return "POST", f"/containers/{name}/update", {"CpuShares": self.chance.choice([256, 512])}

    def _exec(self, name):
        return "POST", f"/containers/{name}/exec", {"Cmd": ["true"]}

    def _inspect(self, name):
        return "GET", f"/containers/{name}/json"

    def _others(self, _):
        others = [name for name in self.all_names if name not in self.names]
        return "GET", f"/containers/{self.chance.choice(others)}/json"

    def _list(self, _):
        return "GET", "/containers/json?all=1"

    def _remove(self, name):
        return "DELETE", f"/containers/{name}?force=1"


def past_ds01d(stack, chance):
    """Root at the Engine itself."""
    containers = stack.engine.api("GET", "/containers/json?all=1").json()
    if not containers:
        return
    ref = chance.choice(containers)["Id"]
    verb = chance.choice(["stop", "kill", "remove", "rename"])
    if verb == "remove":
        stack.engine.api("DELETE", f"/containers/{ref}?force=1", expect=(204, 404, 409))
    elif verb == "rename":
        stack.engine.api("POST", f"/containers/{ref}/rename?name=renamed-{chance.randrange(1 << 30)}", expect=(204, 404, 409))
    else:
        stack.engine.api("POST", f"/containers/{ref}/{verb}?t=0", expect=(204, 304, 404, 409))


def live(stack, people, steps, chance, disturb=True):
    """`steps` of everybody, all at once, while the administrator does something now and then."""
    left = threading.Semaphore(steps)

    def live_one(person):
        while left.acquire(blocking=False):
            person.step()
        person.close()

    threads = [threading.Thread(target=live_one, args=(person,)) for person in people]
    done = 0
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        now = sum(sum(person.counts.values()) for person in people)
        if not disturb or now < done + 25:
            threads[0].join(0.02)
            continue
        done = now
        what = chance.choices(["past", "reload", "restart", "kill"], [12, 2, 1, 1])[0]
        if what == "past":
            past_ds01d(stack, chance)
        elif what == "reload":
            stack.daemon.reload()
        elif what == "restart":
            stack.daemon.restart()
        else:
            stack.daemon.kill()
            stack.daemon.start()
    for thread in threads:
        thread.join()


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.child.pid}/fd"))


def resident(daemon):
    with open(f"/proc/{daemon.child.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_Root_Docker_a_day_of_ten_users(stack, people):
    chance = random.Random(SEED)
    all_names = [f"{client.user.name}-{i}" for client in people for i in range(4)]
    persons = [Person(client, number, all_names) for number, client in enumerate(people)]

    live(stack, persons, STEPS, chance)
    settled(stack, f"after {STEPS} steps (seed {SEED})")

    # The second half without restarts, which would hide what grows.
    live(stack, persons, STEPS // 4, chance, disturb=False)
    before = descriptors(stack.daemon), resident(stack.daemon)
    live(stack, persons, STEPS // 2, chance, disturb=False)
    settled(stack, f"at the end of the day (seed {SEED})")
    wait_until(lambda: descriptors(stack.daemon) <= before[0] + 2, 15, f"{before[0]} descriptors again")
    grown = resident(stack.daemon) - before[1]
    assert grown < 24 * MIB, f"ds01d has grown by {grown // MIB} MiB"

    left = {container["Id"] for container in stack.engine.containers()}
    assert not left & {identity for person in persons for identity in person.said_to_go}
    wrong = [entry for person in persons for entry in person.wrong]
    assert not wrong, wrong[:10]
    counts = sum((person.counts for person in persons), collections.Counter())
    print(counts)
    assert counts["create", 201] > STEPS // 20 and counts["start", 204] > STEPS // 40, counts
    for client in people:
        expected = {c["Name"].lstrip("/") for c in stack.containers_of(client.user)}
        assert set(client.out("ps", "-a", "--format", "{{.Names}}").split()) == expected
