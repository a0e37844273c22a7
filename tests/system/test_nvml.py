"""GPUs that the NVIDIA driver reports, through the child process that reads it: whole ones and MIG, some that come and
go, a driver that hangs, fails or crashes. The driver is the tests' own libnvidia-ml.so.1; everything else is real."""

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from lib import unix_http
from lib.images import BUSYBOX
from lib.nvml import CUT, SECOND, WHOLE
from lib.stack import visible_devices
from lib.waiting import wait_until

# The driver is asked each second and may take one more.
STACK = {"nvml": True, "daemon": {"gpu": {"read_every_s": 1, "read_limit_s": 6}}}

SLEEP = [BUSYBOX, "sleep", "600"]


def usual(stack):
    return slots(stack) == ["0", "1:0", "1:1"] and not stale(stack)


@pytest.fixture(autouse=True)
def machine(stack):
    wait_until(lambda: usual(stack), 40, "the first reading")  # the sockets do not wait for it
    yield stack.machine
    stack.engine.remove_all()  # what is leased would be shown without its GPU
    stack.machine.become(WHOLE + CUT)
    stack.machine.set_library(True)
    if stack.daemon.gpus != "nvml":
        stack.daemon.gpus = "nvml"
        stack.daemon.restart()
    wait_until(lambda: usual(stack), 40, "the usual GPUs again")


def slots(stack):
    return [gpu["slot"] for gpu in stack.daemon.status()["gpus"]]


def states(stack):
    return {gpu["slot"]: gpu["state"] for gpu in stack.daemon.status()["gpus"]}


def stale(stack):
    return stack.daemon.status()["gpu_problem"]


def wait_for(stack, expected, what):
    wait_until(lambda: states(stack) == expected, 20, f"{what}: {states(stack)}")


def child_of(stack):
    """Process id of the reader, or None."""
    pid = stack.daemon.child.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


def health_events(stack, since=0):
    return [e["details"]["state"] for e in stack.daemon.events()[since:] if e["event_type"] == "gpu.health_check"]


def test_Root_Docker_the_slots_are_those_of_nvidia_smi(stack, alice):
    gpus = {gpu["slot"]: gpu for gpu in stack.daemon.status()["gpus"]}
    assert list(gpus) == ["0", "1:0", "1:1"]
    assert (gpus["0"]["uuid"], gpus["0"]["profile"], gpus["0"]["gpueq"]) == ("GPU-a", "full", 1)
    assert gpus["0"]["model"] == "NVIDIA H100 80GB HBM3"
    assert (gpus["1:0"]["uuid"], gpus["1:0"]["profile"], gpus["1:0"]["gpueq"]) == ("MIG-a", "1g.10gb", 0.142857)
    assert (gpus["1:1"]["profile"], gpus["1:1"]["gpueq"]) == ("3g.40gb", 0.428571)
    alice.out("run", "-d", "--name", "small", "--gpus", "1", *SLEEP)
    assert visible_devices(stack.engine.inspect("small")) == ["MIG-a"]
    alice.out("run", "-d", "--name", "named", "--gpus", "device=0", *SLEEP)
    assert visible_devices(stack.engine.inspect("named")) == ["GPU-a"]


def test_Root_Docker_a_gpu_that_appears_can_be_used(stack, machine, alice):
    before = len(stack.daemon.events())
    machine.become(WHOLE + SECOND)
    wait_for(stack, {"0": "free", "1": "free"}, "the other GPU")
    alice.out("run", "-d", "--name", "both", "--gpus", "2", *SLEEP)
    assert set(visible_devices(stack.engine.inspect("both"))) == {"GPU-a", "GPU-b"}
    told = health_events(stack, before)
    assert told.count("disappeared") == 2 and "appeared" in told


def test_Root_Docker_a_gpu_that_disappears_keeps_its_lease_and_its_container(stack, machine, alice, bob):
    alice.out("run", "-d", "--name", "train", "--gpus", "device=0", *SLEEP)
    machine.become("")
    wait_for(stack, {"0": "stale"}, "nothing but what is leased")
    row = stack.daemon.status()["gpus"][0]
    assert (row["uuid"], row["user"], row["container"]) == ("GPU-a", alice.user.name, "train")
    assert stack.engine.inspect("train")["State"]["Running"]
    assert "this machine has no GPU to give" in bob.refused("create", "--gpus", "1", *SLEEP)
    machine.become(WHOLE + CUT)
    wait_for(stack, {"0": "held", "1:0": "free", "1:1": "free"}, "the GPUs again")
    alice.out("rm", "-f", "train")
    wait_for(stack, {"0": "free", "1:0": "free", "1:1": "free"}, "given back")


def test_Root_Docker_a_sick_gpu_is_not_given_away(stack, machine, alice):
    machine.become(WHOLE + SECOND + "fail nvmlDeviceGetHandleByIndex_v2 15 0\n")
    wait_for(stack, {"0": "sick", "1": "free"}, "a lost GPU")
    assert "fallen off the bus" in stack.daemon.status()["gpus"][0]["problem"]
    assert "fallen off the bus" in stack.daemon.ds01("status").stdout
    text = alice.refused("create", "--gpus", "device=0", *SLEEP)
    assert "out of order" in text and "fallen off the bus" in text, text
    alice.out("run", "-d", "--name", "train", "--gpus", "1", *SLEEP)
    assert visible_devices(stack.engine.inspect("train")) == ["GPU-b"]


def refused_for_now(client, reason):
    text = client.refused("create", "--gpus", "1", *SLEEP)
    assert "No GPU can be given at the moment" in text and reason in text, text
    with client.raw() as raw:
        request = {"Driver": "", "Count": 1, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}}
        body = {"Image": BUSYBOX, "Cmd": ["true"], "HostConfig": {"DeviceRequests": [request]}}
        assert raw.ask("POST", "/containers/create", body).status == 503


def test_Root_Docker_a_hung_driver_stops_nobody_else(stack, machine, alice, bob):
    alice.out("run", "-d", "--name", "train", "--gpus", "device=0", *SLEEP)
    before = len(stack.daemon.events())
    machine.become(WHOLE + CUT + "hang nvmlDeviceGetCount_v2\n")
    wait_for(stack, {"0": "stale", "1:0": "stale", "1:1": "stale"}, "a stale inventory")
    assert stale(stack) == "the NVIDIA driver does not answer"
    assert "the NVIDIA driver does not answer" in stack.daemon.ds01("status", client=alice).stdout
    assert stack.daemon.status()["gpus"][0]["user"] == alice.user.name
    assert alice.out("exec", "train", "echo", "goes on").strip() == "goes on"
    refused_for_now(bob, "the NVIDIA driver does not answer")
    bob.out("run", "--rm", BUSYBOX, "true")
    machine.become(WHOLE + CUT)
    wait_for(stack, {"0": "held", "1:0": "free", "1:1": "free"}, "the driver answers again")
    bob.out("run", "-d", "--name", "mine", "--gpus", "1", *SLEEP)
    told = health_events(stack, before)
    assert "stale" in told and told[-1] == "ok", told


def test_Root_Docker_a_driver_that_says_no_is_quoted(stack, machine, alice):
    machine.become("fail nvmlInit_v2 9\n")
    wait_until(lambda: stale(stack), 20, "a stale inventory")
    refused_for_now(alice, "Driver Not Loaded")
    assert "Driver Not Loaded" in stack.daemon.ds01("status").stdout


def test_Root_Docker_a_killed_child_is_replaced(stack, alice):
    first = wait_until(lambda: child_of(stack), 10, "a child")
    before = len(stack.daemon.events())
    os.kill(first, signal.SIGKILL)
    second = wait_until(lambda: child_of(stack) not in (None, first) and child_of(stack), 20, "another child")
    assert second != first
    assert not stale(stack)
    assert health_events(stack, before) == []
    alice.out("run", "-d", "--name", "train", "--gpus", "1", *SLEEP)


def test_Root_Docker_a_stopped_child_is_killed_and_replaced(stack, alice):
    first = wait_until(lambda: child_of(stack), 10, "a child")
    os.kill(first, signal.SIGSTOP)
    wait_until(lambda: not Path(f"/proc/{first}").exists(), 20, "the stopped child gone")
    wait_until(lambda: not stale(stack), 20, "a fresh inventory")
    alice.out("run", "-d", "--name", "train", "--gpus", "1", *SLEEP)


def test_Root_Docker_a_hung_driver_does_not_delay_the_start(stack, machine, alice):
    alice.out("run", "-d", "--name", "train", "--gpus", "device=0", *SLEEP)
    machine.become(WHOLE + CUT + "hang nvmlInit_v2\n")
    stack.daemon.stop()
    begin = time.monotonic()
    stack.daemon.start()
    assert time.monotonic() - begin < 2
    assert stale(stack)
    refused_for_now(alice, "the NVIDIA driver")
    alice.out("run", "--rm", BUSYBOX, "true")
    [row] = stack.daemon.status()["gpus"]
    assert (row["uuid"], row["state"], row["user"]) == ("GPU-a", "stale", alice.user.name)
    machine.become(WHOLE + CUT)
    wait_for(stack, {"0": "held", "1:0": "free", "1:1": "free"}, "the lease in its place")


def test_Root_Docker_the_child_has_no_rights_and_nothing_of_the_daemon(stack):
    child = wait_until(lambda: child_of(stack), 10, "a child")
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{child}/status").read_text().splitlines() if ":\t" in line)
    assert status["Name"] == "ds01d-nvml"
    for sort in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[sort], 16) == 0, sort
    assert status["NoNewPrivs"] == "1"
    assert os.getsid(child) == child

    def descriptors():
        found = {}
        for fd in Path(f"/proc/{child}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found[fd.name] = os.readlink(fd)
        return found

    # What a reading opens is closed again at its end; what came from the daemon would stay.
    targets = wait_until(lambda: (found := descriptors()).keys() == {"0", "1", "2", "3"} and found, 10, "four descriptors")
    assert targets["0"] == targets["1"] == "/dev/null"
    assert targets["3"].startswith("socket:")


def test_Root_Docker_the_child_ends_with_the_daemon(stack):
    child = wait_until(lambda: child_of(stack), 10, "a child")
    stack.daemon.kill()

    def gone():
        try:
            os.waitpid(child, os.WNOHANG)  # it is the tests' own now
        except ChildProcessError:
            pass
        return not Path(f"/proc/{child}").exists()

    wait_until(gone, 10, "the child gone")
    stack.daemon.start()


@pytest.mark.parametrize("present", [True, False], ids=["library", "no-library"])
def test_Root_Docker_without_gpus_the_library_decides(stack, machine, alice, present):
    machine.set_library(present)
    stack.daemon.gpus = None
    stack.daemon.restart()
    if present:
        wait_for(stack, {"0": "free", "1:0": "free", "1:1": "free"}, "the driver's GPUs")
        return
    wait_until(lambda: stale(stack) is None, 10, "an answer")
    assert slots(stack) == []
    assert "this machine has no GPU to give" in alice.refused("create", "--gpus", "1", *SLEEP)
    assert child_of(stack) is None


def test_Root_Docker_nvml_that_is_asked_for_must_be_there(stack, machine, alice):
    machine.set_library(False)
    stack.daemon.restart()
    wait_until(lambda: "libnvidia-ml.so.1" in (stale(stack) or ""), 10, "an answer")
    refused_for_now(alice, "libnvidia-ml.so.1")
    stack.daemon.gpus = None  # so that the library is set again and ds01d restarted


def test_Root_Docker_the_internal_option_does_nothing_for_others(stack, alice):
    """Whoever runs the child by hand has it with their own rights, and no daemon listens to it."""
    copy = stack.daemon.base / "ds01d-copy"  # the build folder may be private
    shutil.copy(stack.daemon.argv()[0], copy)
    copy.chmod(0o755)
    done = alice.run([copy, "--nvml-child", "1000"], check=False)
    assert done.stdout == "" and done.returncode in (0, 1)
    assert unix_http.is_listening(stack.daemon.socket)
