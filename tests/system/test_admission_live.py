"""What clients were recorded to send, through ds01d to a real dockerd 20.10: it takes what admission makes of each request,
with the limits, the CPUs and the kernel of this machine; what admission refuses never gets there."""

import pytest
from lib import recorded

STACK = {"nvidia": True}

pytestmark = pytest.mark.usefixtures("stack")


def test_Root_Docker_the_engine_takes_what_admission_makes_of_recorded_requests(stack, alice):
    wrong = recorded.send_all(stack, alice, recorded.with_engine("20.10"))
    assert not wrong, "\n".join(wrong)
    assert not stack.engine.containers()
    assert not stack.daemon.held()


def test_Root_Docker_update_goes_down_and_up_to_the_limit(stack, alice):
    alice.out("run", "-d", "--name", "plain", "ds01test/busybox:latest", "sleep", "600")
    alice.out("update", "--memory", "1g", "--cpus", "0.5", "--pids-limit", "50", "plain")
    host = stack.engine.inspect("plain")["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (1 << 30, 500_000_000, 50)
    said = alice.docker("update", "--pids-limit", "-1", "--cpus", "4000", "plain").stdout
    assert "process limit unlimited is above your limit" in said, said
    host = stack.engine.inspect("plain")["HostConfig"]
    assert 0 < host["PidsLimit"] <= 4096
    assert 0 < host["NanoCpus"] <= 32_000_000_000


def test_Root_Docker_a_template_for_the_log_is_not_run(stack, alice):
    tag = "tag={{pad .ID 1000000000 0}}"
    said = alice.refused("run", "-d", "--log-opt", tag, "ds01test/busybox:latest", "true")
    assert "plain text with fields" in said, said
    alice.out("run", "--rm", "--log-opt", "tag={{.Name}}", "ds01test/busybox:latest", "true")


def test_Root_Docker_a_name_with_two_dots_is_a_name(stack, alice):
    alice.out("create", "--name", "a..b", "ds01test/busybox:latest", "true")
    assert alice.out("inspect", "--format", "{{.Name}}", "a..b") == "/a..b"
    alice.out("rm", "a..b")
