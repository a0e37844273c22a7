"""SYS_PTRACE: without AppArmor it reaches runc on its way into a container, and so the host; under Docker's profile it
does not, and debuggers work. ptrace_probe.c says what it can get hold of."""

import re
from contextlib import contextmanager

import pytest

ENGINE = "docker -H unix:///var/run/docker.sock"
WATCH = 60  # seconds, of which an exec takes some
SYS_PTRACE = 1 << 19  # capabilities(7)
ALL = 0x1FFFFFFFFFF  # of Linux 6.1
# Looks for runc beside an ordinary process, which is no child of the probe's.
WORK = f"bb:1 sh -c 'sleep 3600 & ptrace_probe catch {WATCH}; wait'"


@pytest.fixture(autouse=True)
def _as_ubuntu_has_it(machine):
    """Where a debugger attaches to its own children only, but for CAP_SYS_PTRACE."""
    machine.out("sysctl -q kernel.yama.ptrace_scope=1")
    yield
    machine.out("sysctl -q kernel.yama.ptrace_scope=0")


@contextmanager
def profile_that_only_complains(machine):
    """dockerd takes a profile of its name that is there already."""
    machine.out("echo 'profile docker-default flags=(complain) {}' | apparmor_parser -r && systemctl restart docker", 180)
    try:
        machine.wait_until(f"{alices(machine)} run --rm bb:1 id -u")
        yield
    finally:
        machine.out("echo 'profile docker-default {}' | apparmor_parser -R && systemctl restart docker", 180)
        machine.wait_until(f"{alices(machine)} run --rm bb:1 id -u")


def capabilities(machine, docker, name):
    return int(re.search(r"CapEff:\s*(\w+)", machine.out(f"{docker} exec {name} cat /proc/1/status"))[1], 16)


def attack(machine, docker, name):
    """What the container that runs WORK saw of runc, how much of it it caught, and with which capabilities."""
    machine.wait_until(f"{docker} logs {name} | grep -q ready")
    for _ in range(5):
        machine.out(f"{docker} exec {name} id -u")
    machine.out(f"{docker} run --rm --pid container:{name} bb:1 id -u")
    machine.wait_until(f"{docker} logs {name} | grep -q saw", 2 * WATCH)
    said = machine.out(f"{docker} logs {name}")
    saw, caught = re.search(r"saw (\d+), caught (\d+)", said).groups()
    return int(saw), int(caught), {int(each, 16) for each in re.findall(r"caught (\w+) by", said)}


def alices(machine):
    return machine.as_user("alice", "docker")


def test_Root_Vm_ptrace_without_apparmor_reaches_runc_with_all_capabilities(machine):
    """On the bare Engine; else the next test would prove nothing."""
    machine.out(f"{ENGINE} run -d --name bare --cap-add SYS_PTRACE --security-opt apparmor=unconfined {WORK}")
    saw, caught, held = attack(machine, ENGINE, "bare")
    assert 0 < caught <= saw
    assert ALL in held


def test_Root_Vm_ptrace_is_given_under_apparmor_and_reaches_nothing_but_ones_own(machine):
    docker = alices(machine)
    said = machine.out(f"{docker} run -d --name debug --cap-add SYS_PTRACE {WORK}")
    assert "left out" not in said
    machine.out(f"{docker} run -d --name plain bb:1 sleep 3600")
    assert capabilities(machine, docker, "debug") & SYS_PTRACE
    assert not capabilities(machine, docker, "plain") & SYS_PTRACE
    saw, caught, _ = attack(machine, docker, "debug")
    assert saw > 0, "runc was there to be caught"
    assert caught == 0
    assert machine.out(f"{docker} exec debug ptrace_probe attach 1") == "attached; memory: open"
    status, said = machine.run(f"{docker} exec plain ptrace_probe attach 1")
    assert status != 0 and said.strip() == "Operation not permitted; memory: closed", "so it is needed"


def test_Root_Vm_ptrace_is_left_out_where_the_engine_says_it_has_apparmor_and_nothing_confines(machine):
    docker = alices(machine)
    machine.out(f"{docker} run -d --name before --cap-add SYS_PTRACE bb:1 sleep 3600")
    with profile_that_only_complains(machine):
        assert "name=apparmor" in machine.out(f"{ENGINE} info -f '{{{{.SecurityOptions}}}}'")
        profile = machine.out(f"{ENGINE} run --rm bb:1 cat /proc/self/attr/current")
        assert profile == "docker-default (complain)"
        said = machine.out(f"{docker} run -d --name later --cap-add SYS_PTRACE bb:1 sleep 3600")
        assert "SYS_PTRACE was left out" in said
        assert not capabilities(machine, docker, "later") & SYS_PTRACE
        status, said = machine.run(f"{docker} start before")
        assert status != 0 and "this container has SYS_PTRACE" in said
    machine.out(f"{docker} start before")
    assert machine.out(f"{docker} exec before cat /proc/1/attr/current") == "docker-default (enforce)"
