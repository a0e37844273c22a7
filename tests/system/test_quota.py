"""GPUs within the quota: what a student may hold, what the refusal says, and when a slot comes back.

The inventory is the site's: slots 0 and 3 are whole GPUs, 1:0 to 1:2 are 2g.20gb, 2:0 and 2:1 are 3g.40gb. A student may
hold 2 GPU equivalents, 2 slots a container, 3 containers."""

import re

import pytest
from lib.images import BUSYBOX
from lib.stack import visible_devices
from lib.waiting import wait_until

# What a refusal says; waiting is test_queue.py's.
STACK = {"daemon": {"queue": {"wait_s": 0}}}

pytestmark = pytest.mark.usefixtures("stack")

SLEEP = [BUSYBOX, "sleep", "600"]
GPU0 = "GPU-00000000-0000-4000-8000-000000000000"
GPU3 = "GPU-00000000-0000-4000-8000-000000000003"


def take(client, name, gpus="1"):
    client.out("run", "-d", "--name", name, "--gpus", gpus, *SLEEP)
    return name


def devices(stack, name):
    return visible_devices(stack.engine.inspect(name))


def conflict(client, *args):
    """A refusal by raw request, for its status; returns the text."""
    text = client.refused("create", *args, *SLEEP)
    assert re.search(r"ds01: .*\(decision D[0-9a-f]{12}\)", text), text
    return text


def all_free(stack):
    return not stack.daemon.held()


def test_Root_Docker_one_gpu_is_a_mig_slot_two_are_whole_gpus(stack, alice, bob):
    take(alice, "small")
    take(bob, "big", "2")
    assert devices(stack, "small")[0].startswith("MIG-")
    assert set(devices(stack, "big")) == {GPU0, GPU3}


def test_Root_Docker_two_users_hold_different_slots(stack, alice, bob):
    names = [take(alice, "a1"), take(alice, "a2"), take(bob, "b1"), take(bob, "b2")]
    held = [device for name in names for device in devices(stack, name)]
    assert len(held) == 4
    assert len(set(held)) == 4


def test_Root_Docker_over_quota_says_held_asked_and_limit(stack, alice):
    take(alice, "both", "2")
    text = conflict(alice, "--gpus", "1")
    assert re.search(r"\b2\b", text), text  # held, and the limit
    assert "0.428571" in text or "0.285714" in text, text
    assert "max_gpu_equivalents" in text or "gpu_limit" in text, text
    assert "both" in text, f"does not name what holds the GPUs: {text}"
    with alice.raw() as raw:
        reply = raw.ask("POST", "/containers/create", gpu_body(1))
    assert reply.status == 409
    assert len(stack.engine.containers()) == 1


def gpu_body(count, **host):
    request = {"Driver": "", "Count": count, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}}
    return {"Image": BUSYBOX, "Cmd": ["sleep", "600"], "HostConfig": {"DeviceRequests": [request], **host}}


def test_Root_Docker_within_quota_again_after_giving_back(stack, alice):
    take(alice, "both", "2")
    conflict(alice, "--gpus", "1")
    alice.out("rm", "-f", "both")
    take(alice, "again")


def test_Root_Docker_more_slots_than_a_container_may_have(stack, alice):
    text = conflict(alice, "--gpus", "3")
    assert "3" in text and "2" in text and "max_gpu_slots_per_container" in text
    assert all_free(stack)


def test_Root_Docker_three_containers_and_no_fourth(stack, alice, bob):
    for number in range(3):
        alice.out("create", "--name", f"c{number}", BUSYBOX)
    text = conflict(alice)
    assert "max_containers_per_user" in text and "3" in text
    assert "docker rm" in text, "does not say what would work"
    bob.out("create", "--name", "bobs", BUSYBOX)
    alice.out("rm", "c0")
    alice.out("create", "--name", "c3", BUSYBOX)


def test_Root_Docker_container_limit_is_not_beaten_by_asking_at_once(stack, alice):
    running = [alice.start("create", BUSYBOX) for _ in range(8)]
    done = [process.communicate(timeout=60) + (process.returncode,) for process in running]
    assert sum(1 for _, _, status in done if status == 0) == 3, done
    assert len(stack.containers_of(alice.user)) == 3


def test_Root_Docker_gpus_are_not_granted_twice_by_asking_at_once(stack, alice, bob):
    running = [client.start("run", "-d", "--gpus", "1", *SLEEP) for _ in range(4) for client in (alice, bob)]
    for process in running:
        process.communicate(timeout=60)
    held = [device for container in stack.engine.containers() for device in visible_devices(container)]
    assert len(held) == 6  # three containers each
    assert len(set(held)) == 6


def test_Root_Docker_no_whole_gpu_free_is_a_conflict(stack, alice, bob):
    take(alice, "both", "2")
    with bob.raw(timeout=60) as raw:
        reply = raw.ask("POST", "/containers/create", gpu_body(2))
    assert reply.status == 409
    assert re.match(r"ds01: .*\(decision D", reply.message())
    assert alice.user.name not in stack.engine.containers()[0]["Name"]
    assert not stack.containers_of(bob.user)


def test_Root_Docker_a_device_by_slot_index_and_uuid(stack, alice):
    for asked, expected in (("2:1", "MIG-00000000-0000-5000-8000-000000000021"), ("0", GPU0), (GPU3, GPU3)):
        take(alice, "chosen", f'"device={asked}"')
        assert devices(stack, "chosen") == [expected]
        alice.out("rm", "-f", "chosen")


def test_Root_Docker_a_device_that_is_held_or_unknown(stack, alice, bob):
    take(alice, "mine", '"device=0"')
    assert "0" in conflict(bob, "--gpus", '"device=0"')
    assert "0" in conflict(bob, "--gpus", f'"device={GPU0}"')
    assert "GPU-nope" in conflict(bob, "--gpus", '"device=GPU-nope"')
    assert set(stack.daemon.held()) == {GPU0}


def test_Root_Docker_a_kind_of_gpu_by_label(stack, alice):
    alice.out("run", "-d", "--name", "whole", "--gpus", "1", "-l", "ds01.request.profile=full", *SLEEP)
    assert devices(stack, "whole")[0] in (GPU0, GPU3)
    alice.out("run", "-d", "--name", "third", "--gpus", "1", "-l", "ds01.request.profile=2g.20gb", *SLEEP)
    assert devices(stack, "third")[0].startswith("MIG-00000000-0000-5000-8000-00000000001")


def test_Root_Docker_all_gpus_stays_within_the_quota(stack, alice, bob):
    take(bob, "bobs")
    take(alice, "greedy", "all")
    greedy = devices(stack, "greedy")
    assert 1 <= len(greedy) <= 2
    assert not set(greedy) & set(devices(stack, "bobs"))


def back(stack, what):
    wait_until(lambda: all_free(stack), 10, f"slot back after {what}")


def test_Root_Docker_slot_is_back_at_once_after_rm(stack, alice):
    take(alice, "train")
    alice.out("rm", "-f", "train")
    assert all_free(stack), "the slot is free when docker rm has returned"


def test_Root_Docker_slot_is_back_after_rm_on_exit(stack, alice):
    alice.out("run", "--rm", "--gpus", "1", BUSYBOX, "true")
    back(stack, "the end of docker run --rm")


def test_Root_Docker_slot_is_back_after_removal_behind_our_back(stack, alice):
    take(alice, "train")
    stack.engine.api("DELETE", "/containers/train?force=1")
    back(stack, "a removal on the Engine's own socket")


def test_Root_Docker_slot_is_back_after_kill_of_a_container_with_rm(stack, alice):
    alice.out("run", "-d", "--rm", "--name", "train", "--gpus", "1", *SLEEP)
    alice.out("kill", "train")
    back(stack, "docker kill")


def test_Root_Docker_slot_stays_while_stopped_and_over_a_restart(stack, alice):
    take(alice, "train")
    before = devices(stack, "train")
    alice.out("kill", "train")
    assert list(stack.daemon.held()) == before
    alice.out("start", "train")
    assert devices(stack, "train") == before
    alice.out("restart", "-t", "0", "train")
    assert list(stack.daemon.held()) == before
    alice.out("rm", "-f", "train")
    back(stack, "docker rm")


def test_Root_Docker_slot_is_back_after_a_create_that_the_engine_refused(stack, alice):
    alice.refused("create", "--gpus", "1", "--name", "///", *SLEEP)
    alice.refused("create", "--gpus", "1", "ds01test/missing:1")
    alice.refused("run", "--gpus", "1", "--rm", BUSYBOX, "/no/such/program")
    back(stack, "refused creates")


def test_Root_Docker_an_image_that_is_missing_takes_no_slot(stack, alice):
    with alice.raw() as raw:
        body = gpu_body(1)
        body["Image"] = "ds01test/missing:1"
        reply = raw.ask("POST", "/containers/create", body)
    assert (reply.status, "No such image" in reply.message()) == (404, True)
    assert all_free(stack)


def test_Root_Docker_slot_of_a_client_that_goes_away_is_not_lost(stack, alice):
    for number in range(5):
        process = alice.start("run", "-d", "--name", f"gone-{number}", "--gpus", "1", *SLEEP)
        wait_until(lambda: stack.daemon.held() or process.poll() is not None, 20, "the slot to be taken")
        process.kill()
        process.communicate()

        def removed_and_free():
            # What the Engine was asked for may be made only after its client has gone.
            stack.engine.remove_all()
            return all_free(stack)

        wait_until(removed_and_free, 10, "the slot to be free")


def test_Root_Docker_leases_survive_a_clean_restart(stack, alice, bob):
    take(alice, "a1")
    take(bob, "b1")
    before = stack.daemon.held()
    stack.daemon.restart()
    assert stack.daemon.held() == before
    assert set(devices(stack, "a1") + devices(stack, "b1")) == set(before)
