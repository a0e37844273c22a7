"""The wall clock of ds01d is set, as by an administrator or a time service: what was promised for so many seconds ends
after about as many, no lease is lost or given twice, and running containers do not notice."""

import datetime
import json

import pytest
from lib.agreement import settled
from lib.holds import set_hold, slot_of
from lib.images import BUSYBOX
from lib.load import Load
from lib.moved_clock import MovedClock
from lib.slot_locks import SlotLocks
from lib.waiting import wait_until

STACK = {"daemon": {"queue": {"wait_s": 4}}}
HOUR = 3600
SLEEP = [BUSYBOX, "sleep", "600"]

pytestmark = pytest.mark.usefixtures("stack")


@pytest.fixture(scope="module")
def movable(module_stack):
    clock = MovedClock(module_stack)
    module_stack.daemon.use_whole_gpus(4)
    module_stack.daemon.restart()
    yield clock


@pytest.fixture
def clock(movable, stack):
    yield movable
    movable.set(0)
    set_hold(stack, None)


def time_of_last_event(stack):
    return datetime.datetime.fromisoformat(stack.daemon.events()[-1]["timestamp"].replace("Z", "+00:00"))


def test_Root_Docker_the_clock_of_these_tests_is_the_one_that_ds01d_reads(stack, clock):
    now = datetime.datetime.now(datetime.timezone.utc)
    clock.set(-HOUR)
    stack.alice.out("run", "--rm", BUSYBOX, "true")
    assert abs((now - time_of_last_event(stack)).total_seconds() - HOUR) < 120


@pytest.mark.parametrize("by", [-HOUR, HOUR], ids=["back", "forward"])
def test_Root_Docker_a_hold_ends_when_the_clock_has_been_set(stack, clock, by):
    set_hold(stack, 3)
    stack.alice.out("run", "-d", "--name", "train", "--gpus", "1", *SLEEP)
    stack.alice.out("run", "-d", "--name", "runs-on", "--gpus", "1", *SLEEP)
    kept = slot_of(stack, "runs-on")
    stack.alice.out("stop", "-t", "0", "train")
    clock.set(by)
    wait_until(lambda: slot_of(stack, "train") is None, 25, "the hold to end", 0.1)
    assert slot_of(stack, "runs-on") == kept
    stack.alice.out("start", "train")
    assert slot_of(stack, "train") is not None


def queue(stack):
    return json.loads(stack.daemon.ds01("queue", "--json").stdout)["queue"]


@pytest.mark.parametrize("by", [-HOUR, HOUR], ids=["back", "forward"])
def test_Root_Docker_whoever_waits_is_answered_when_the_clock_has_been_set(stack, clock, by):
    set_hold(stack, 0)
    for i in range(4):
        stack.bob.out("run", "-d", "--name", f"held-{i}", "--gpus", "1", *SLEEP)
    waiting = stack.alice.start("run", "-d", "--gpus", "1", *SLEEP)
    wait_until(lambda: queue(stack), 15, "alice to wait", 0.02)
    clock.set(by)
    _, err = waiting.communicate(timeout=25)
    assert waiting.returncode != 0 and "ds01: " in err, err
    assert not queue(stack)
    stack.bob.out("rm", "-f", "held-0")
    stack.alice.out("run", "-d", "--gpus", "1", *SLEEP)


def test_Root_Docker_the_clock_jumps_under_load(stack, clock):
    set_hold(stack, 0)
    locks = SlotLocks(stack)
    stack.alice.out("run", "-d", "--name", "lasting", "--gpus", "1", *SLEEP)
    before, slot = stack.engine.inspect("lasting")["State"], slot_of(stack, "lasting")
    with Load([stack.alice, stack.bob], locks) as load:
        for by in (-HOUR, HOUR, -24 * HOUR, 0, 365 * 24 * HOUR, -HOUR):
            clock.set(by)
            load.wait_for(1)
        # And a start over what was written in the future.
        stack.daemon.kill()
        stack.daemon.start()
        load.wait_for(1)
    settled(stack, "after the clock had jumped")
    assert stack.engine.inspect("lasting")["State"] == before and slot_of(stack, "lasting") == slot
    assert not locks.used_twice()
    stack.daemon.configure(mounts={"roots": ["home"]})
    stack.daemon.reload()
