"""Logins as directory services have them, with @ and dots, and two that a slice name cannot tell apart."""

import json
import os

import pytest
from lib import users
from lib.client import Client, installed_clis
from lib.daemon import Daemon
from lib.images import BUSYBOX
from lib.waiting import wait_until


@pytest.fixture(scope="module")
def domain_users(root_and_docker):
    made = []
    try:
        for name in (f"m.c{os.getpid()}@d1.edu", f"m.c{os.getpid()}@d2.edu"):
            made.append(users.create_named(name))
        yield made
    finally:
        for user in made:
            users.remove(user.name)


@pytest.fixture(scope="module")
def second_daemon(module_stack, domain_users):
    """A ds01d of its own in front of the module's Engine, which knows these logins."""
    first, second = domain_users
    # A members list may name a login by what its slices are called by.
    groups = {first.name: "student", second.name.split("@")[0].replace(".", "_"): "researcher"}
    daemon = Daemon(module_stack.base / "d2", module_stack.engine.socket, groups)
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture
def people(stack, second_daemon, domain_users):
    yield [Client(user, second_daemon.socket, installed_clis()[0]) for user in domain_users]
    stack.engine.remove_all()


def parents(stack):
    return {c["Config"]["Labels"]["ds01.user"]: c["HostConfig"]["CgroupParent"] for c in stack.engine.containers()}


def test_Logins_with_a_domain_work_from_end_to_end(stack, people, second_daemon):
    first, second = people
    for person in people:
        person.docker("run", "-d", "--name", "of-" + person.user.name.split("@")[1], "--gpus", "1", BUSYBOX, "sleep",
                      "1000")  # fmt: skip
    for person in people:
        listed = person.out("ps", "--format", "{{.Names}}").splitlines()
        assert listed == ["of-" + person.user.name.split("@")[1]]
        container = stack.engine.inspect(listed[0])
        assert container["Config"]["Labels"]["ds01.user"] == person.user.name
    assert "No such" in second.refused("inspect", "of-d1.edu")
    assert "No such container" in first.refused("rm", "of-d2.edu")
    assert stack.engine.exists("of-d2.edu")
    assert sorted(gpu["user"] for gpu in second_daemon.held().values()) == [first.user.name, second.user.name]
    status = {row["user"]: row["group"] for row in second_daemon.status()["users"]}
    assert (status[first.user.name], status[second.user.name]) == ("student", "researcher")


def test_Logins_that_look_alike_have_places_of_their_own(stack, people, second_daemon):
    first, second = people
    plain = first.user.name.split("@")[0].replace(".", "_")
    for person in people:
        person.docker("run", "-d", BUSYBOX, "sleep", "1000")
    placed = parents(stack)
    assert placed[first.user.name].endswith(f"-{plain}.slice")
    assert f"-{plain}_" in placed[second.user.name]
    names = json.loads((second_daemon.state / "slice-names.json").read_text())
    assert names["names"][first.user.name] == plain
    # The second comes first after a restart, and nothing moves.
    second_daemon.restart()
    for person in reversed(people):
        person.docker("run", "-d", BUSYBOX, "sleep", "1000")
    assert parents(stack) == placed
    assert len(first.out("ps", "-q").splitlines()) == len(second.out("ps", "-q").splitlines()) == 2


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_Logins_keep_their_places_when_the_file_is_lost(stack, people, second_daemon, damage):
    first, second = people
    for person in people:
        person.docker("run", "-d", BUSYBOX, "sleep", "1000")
    placed = parents(stack)
    second_daemon.stop()
    file = second_daemon.state / "slice-names.json"
    if damage == "gone":
        file.unlink()
    else:
        file.write_text('{"version":1,"names":{"')
    second_daemon.start()
    for person in reversed(people):
        # Until the containers have been looked at, creating is a 503.
        wait_until(lambda person=person: person.docker("run", "-d", BUSYBOX, "true", check=False).returncode == 0, 20)
    assert parents(stack) == placed
    assert file.exists()
    assert (damage == "broken") == file.with_name("slice-names.json.unreadable").exists()
    file.with_name("slice-names.json.unreadable").unlink(missing_ok=True)


def test_Logins_without_a_letter_are_told_so(stack, second_daemon):
    name = f"._.@{os.getpid()}"
    user = users.create_named(name)
    try:
        client = Client(user, second_daemon.socket, installed_clis()[0])
        refused = client.refused("run", BUSYBOX, "true")
        assert "no letter or digit" in refused and "decision D" in refused
    finally:
        users.remove(name)
