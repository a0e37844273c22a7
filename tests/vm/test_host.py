"""On a host as labs have them: the systemd driver, systemd's units, a kernel of a distribution, a reboot; with cgroup v2,
or v1 if DS01_VM_CGROUPS is 1."""

import json
import re
import shlex

SLEEP = ["bb:1", "sleep", "3600"]
ENGINE = "docker -H unix:///var/run/docker.sock"


def inspect(machine, name):
    return json.loads(machine.out(f"docker -H unix:///run/ds01/docker.sock inspect {name}"))[0]


def cgroup_of(machine, name):
    """Where systemd has put it, from the line that says so."""
    text = machine.out(f"cat /proc/{inspect(machine, name)['State']['Pid']}/cgroup")
    return re.search(r"^\d+:name=systemd:(.*)$" if machine.legacy else r"^0::(.*)$", text, re.MULTILINE)[1]


def join(machine, name):
    """A shell command that puts its shell there, as an exec does."""
    group = shlex.quote(cgroup_of(machine, name))
    places = "/sys/fs/cgroup/*" if machine.legacy else "/sys/fs/cgroup"
    return f"for place in {places}; do [ ! -e $place{group}/cgroup.procs ] || echo $$ > $place{group}/cgroup.procs; done"


def folder(machine, login, text):
    machine.out(machine.as_user(login, "sh", "-c", f"mkdir -p ~/work && echo {text} > ~/work/paper && chmod 700 ~"))
    return f"/home/{login}/work"


def test_Root_Vm_containers_are_in_their_owners_slice_with_limits_in_force(machine):
    assert machine.out("stat -fc %T /sys/fs/cgroup") == ("tmpfs" if machine.legacy else "cgroup2fs")
    machine.docker_out("alice", "run", "-d", "--name", "train", "--gpus", "1", *SLEEP)
    made = inspect(machine, "train")
    assert made["HostConfig"]["CgroupParent"] == "ds01-student-alice.slice"
    group = cgroup_of(machine, "train")
    assert re.fullmatch(rf"/ds01\.slice/ds01-student\.slice/ds01-student-alice\.slice/docker-{made['Id']}\.scope", group)
    files = f"memory{group}/memory.limit_in_bytes pids{group}/pids.max" if machine.legacy else f".{group}/memory.max .{group}/pids.max"
    assert machine.out(f"cd /sys/fs/cgroup && cat {files}").split() == [str(made["HostConfig"]["Memory"]), str(made["HostConfig"]["PidsLimit"])]
    assert machine.out("systemctl is-active ds01-student-alice.slice") == "active"


def test_Root_Vm_nobody_sees_or_touches_what_is_anothers(machine):
    machine.docker_out("alice", "run", "-d", "--name", "hers", *SLEEP)
    assert machine.docker_out("bob", "ps", "-aq") == ""
    for command in (["exec", "hers", "id"], ["stop", "hers"], ["rm", "hers"], ["logs", "hers"]):
        status, said = machine.docker("bob", *command)
        assert status != 0 and "No such container: hers" in said
    assert inspect(machine, "hers")["State"]["Running"]


def test_Root_Vm_a_process_in_a_container_acts_as_its_owner(machine):
    """Found by its cgroup, whoever it is there and whatever namespaces it has of the container's."""
    machine.docker_out("alice", "run", "-d", "--name", "hers", *SLEEP)
    machine.docker_out("bob", "run", "-d", "--name", "his", *SLEEP)
    assert machine.out("python3 /opt/call.py") == "200 /hers /his", "root on the host sees all"
    for name in ("hers", "his"):
        pid = inspect(machine, name)["State"]["Pid"]
        call = f"exec nsenter -t {pid} -p -n -i -u python3 /opt/call.py"
        assert machine.out(shlex.join(["sh", "-c", f"{join(machine, name)}; {call}"])) == f"200 /{name}"


def test_Root_Vm_folders_are_seen_from_a_unit_with_a_file_system_of_its_own(machine):
    """ds01d runs with ProtectSystem=strict and PrivateTmp: what is mounted there alone dockerd would not see."""
    assert machine.out("readlink /proc/$(pidof ds01d)/ns/mnt") != machine.out("readlink /proc/$(pidof dockerd)/ns/mnt")
    work = folder(machine, "alice", "of-alice")
    ran = machine.docker_out("alice", "run", "--rm", "-v", f"{work}:/w", "bb:1", "sh", "-c", "cat /w/paper; touch /w/made; id -u")
    assert ran.split() == ["of-alice", "0"]
    assert machine.out(f"stat -c %U {work}/made") == "alice"
    status, said = machine.docker("bob", "run", "--rm", "-v", f"{work}:/w", "bb:1", "cat", "/w/paper")
    assert status != 0 and "only what is below your home directory" in said


def test_Root_Vm_what_runs_outlives_both_daemons(machine):
    work = folder(machine, "alice", "of-alice")
    machine.docker_out("alice", "run", "-d", "--name", "train", "--gpus", "1", "-v", f"{work}:/w", *SLEEP)
    slot = inspect(machine, "train")["Config"]["Labels"]["ds01.gpu.slots"]
    machine.out("systemctl kill -s KILL ds01d")
    machine.wait_until("python3 /opt/call.py", 60)
    assert inspect(machine, "train")["State"]["Running"]
    machine.out("systemctl restart docker", 180)
    machine.wait_until(f"{ENGINE} version")
    assert not inspect(machine, "train")["State"]["Running"], "without live-restore"
    machine.docker_out("alice", "start", "train")
    assert inspect(machine, "train")["Config"]["Labels"]["ds01.gpu.slots"] == slot
    assert machine.docker_out("alice", "exec", "train", "cat", "/w/paper") == "of-alice"
    assert "train" in machine.out("/opt/bin/ds01 who")


def test_Root_Vm_the_back_door_is_shut_by_the_units_that_ship(machine):
    plugin = "curl -sS --max-time 60 --unix-socket /run/docker/plugins/ds01-authz.sock -X POST http://x/Plugin.Activate"
    before = machine.out("cat /etc/docker/daemon.json")
    machine.out("systemctl enable --now ds01-authz.socket ds01-authz.service", 180)
    assert json.loads(machine.out(plugin)) == {"Implements": ["authz"]}
    machine.write("/etc/docker/daemon.json", json.dumps({**json.loads(before), "authorization-plugins": ["ds01-authz"]}))
    try:
        machine.out("systemctl reload docker")
        machine.wait_until(f"! {ENGINE} ps", 60)
        status, said = machine.run(f"{ENGINE} ps")
        assert status != 0 and "authorization denied by plugin ds01-authz" in said
        assert machine.docker_out("alice", "run", "--rm", "bb:1", "id", "-u") == "0"
        # systemd keeps the socket while the service is away, and starts it again.
        machine.out("systemctl kill -s KILL ds01-authz.service")
        assert machine.docker_out("alice", "run", "--rm", "bb:1", "id", "-u") == "0"
        # dockerd does not start without its plugin, so the order of the units counts.
        machine.out("systemctl restart docker", 180)
        machine.wait_until("python3 /opt/call.py", 60)
        assert machine.docker_out("alice", "run", "--rm", "bb:1", "id", "-u") == "0"
        assert machine.run(f"{ENGINE} ps")[0] != 0
    finally:
        machine.write("/etc/docker/daemon.json", before)
        machine.run("systemctl reload docker")
        machine.wait_until(f"{ENGINE} ps", 60)
        machine.run("systemctl disable --now ds01-authz.service ds01-authz.socket")


def test_Root_Vm_after_a_reboot_folders_and_gpus_are_there_for_what_starts_by_itself(machine):
    work = folder(machine, "alice", "of-alice")
    machine.docker_out("alice", "run", "-d", "--name", "serve", "--restart", "always", "--gpus", "1", "-v", f"{work}:/w", *SLEEP)
    slot = inspect(machine, "serve")["Config"]["Labels"]["ds01.gpu.slots"]
    machine.reboot()
    machine.wait_until("python3 /opt/call.py", 120)
    machine.wait_until(machine.as_user("alice", "docker", "exec", "serve", "cat", "/w/paper"), 120)
    assert machine.docker_out("alice", "exec", "serve", "cat", "/w/paper") == "of-alice"
    assert inspect(machine, "serve")["Config"]["Labels"]["ds01.gpu.slots"] == slot
    assert "serve" in machine.out("/opt/bin/ds01 who")
