"""What everybody relies on breaks under load: the Engine crashes, disks are full, the ledger's file is spoilt. Two users
create, start, stop and remove containers all the while. Afterwards the ledger, its file, the labels and the Engine
agree; at no moment were two processes on one slot, but for those that a crashed Engine has forgotten; and nobody hangs."""

import json
import re
import os
import random
import time

import pytest
from lib.agreement import counter, not_on_disk, settled
from lib.holds import runs, set_hold, slot_of
from lib.images import BUSYBOX
from lib.load import Load
from lib.shims import end_forgotten
from lib.slot_locks import SlotLocks
from lib.small_disk import small_disk
from lib.waiting import wait_until

STACK = {"live_restore": True}
SEED = int(os.environ.get("DS01_FAULT_SEED", "20260418"))
CRASHES = int(os.environ.get("DS01_FAULT_ROUNDS", "2"))

# Why something may be refused.
TAKEN = "That slot is written into this container and cannot be changed"  # given back at the stop, and somebody else's now
ENGINES_OWN = "Error response from daemon: (?!ds01: )"  # such as that a container does not run, or "already exists"
UNSAVED = "ds01: (the GPU reservation|which folders a container mounts) could not be written to disk, so nothing was started"
UNRECORDED = "ds01: this server records who starts what, and cannot write it down now"

pytestmark = pytest.mark.usefixtures("stack")


@pytest.fixture
def locks(stack):
    found = SlotLocks(stack)
    yield found
    twice = found.used_twice(excused=end_forgotten(stack.engine))
    set_hold(stack, None)
    stack.daemon.configure(mounts={"roots": ["home"]})
    stack.daemon.reload()
    assert not twice


class Lasting:
    """A container of each user that lives through everything."""

    def __init__(self, stack, locks, *options):
        self._stack = stack
        self.names = {"alices-lasting": stack.alice, "bobs-lasting": stack.bob}
        for name, client in self.names.items():
            client.out("run", "-d", "--name", name, "--gpus", "1", *options, *locks.options, BUSYBOX, *locks.command)
        self._before = self._lives()
        self.slots = {name: slot_of(stack, name) for name in self.names}

    def _lives(self):
        states = {name: self._stack.engine.inspect(name)["State"] for name in self.names}
        return {name: (state["Pid"], state["StartedAt"], state["Running"]) for name, state in states.items()}

    def have_not_noticed(self):
        return self._lives() == self._before and self.keep_their_slots()

    def keep_their_slots(self):
        return {name: slot_of(self._stack, name) for name in self.names} == self.slots


def contradictions(stack):
    """Events that tell of what ought not to be: containers that were stopped because they ran without their lease."""
    return [event["details"] for event in stack.daemon.events() if event["event_type"] == "state.validation"]


def pause(seconds):
    """A moment and not a readiness: the time itself is what the round is about."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def set_live_restore(stack, wanted):
    if stack.engine.live_restore != wanted:
        stack.engine.child.stop(timeout=60)
        stack.engine.live_restore = wanted
        stack.engine.start()
    for client in (stack.alice, stack.bob):
        wait_until(lambda: client.docker("create", "--name", "probe", BUSYBOX, check=False).returncode == 0, 20)  # noqa: B023
        client.out("rm", "probe")


def crash_engine(stack, load, rounds):
    moment = random.Random(SEED)
    for _ in range(rounds):
        load.wait_for(2)
        pause(moment.uniform(0, 0.3))
        stack.engine.kill()
        stack.engine.start()
        yield
    load.wait_for(2)


def test_Root_Docker_dockerd_crashes_and_containers_live_on(stack, locks):
    set_live_restore(stack, True)
    set_hold(stack, 0)
    lasting = Lasting(stack, locks)
    with Load([stack.alice, stack.bob], locks) as load:
        for _ in crash_engine(stack, load, CRASHES):
            assert lasting.have_not_noticed()
    assert not load.surprises(TAKEN, ENGINES_OWN)
    settled(stack, f"after {CRASHES} crashes of dockerd (seed {SEED})")
    assert not contradictions(stack)
    assert lasting.have_not_noticed()


def test_Root_Docker_dockerd_crashes_and_containers_end(stack, locks):
    """Without live-restore: those without a restart policy are stopped and keep their slots for the hold."""
    set_live_restore(stack, False)
    set_hold(stack, 900)
    lasting = Lasting(stack, locks)
    stack.alice.out("run", "-d", "--name", "again", "--restart", "always", "--gpus", "1", *locks.options, BUSYBOX, *locks.command)
    again = slot_of(stack, "again")
    with Load([stack.alice, stack.bob], locks) as load:
        for _ in crash_engine(stack, load, CRASHES):
            wait_until(lambda: runs(stack, "again"), 20, "the Engine to start what its policy says", 0.05)
            assert lasting.keep_their_slots() and slot_of(stack, "again") == again
    assert not load.surprises(ENGINES_OWN)
    settled(stack, f"after {CRASHES} crashes of dockerd (seed {SEED})")
    assert not contradictions(stack)
    for name, client in lasting.names.items():
        assert not runs(stack, name)
        client.out("start", name)
    assert lasting.keep_their_slots()


def fill(stack, disk, what):
    """Until ds01d has noticed, and nothing is left of what it gave back before."""
    wait_until(lambda: disk.fill() == 0 and counter(stack, what) > 0, 30, f"a full disk to be noticed: {what}", 0.05)


def fill_state(stack, disk):
    """The same for good: no container of those at work is left, nor the record of its folders, that would give something
    back when it goes. A file that is being replaced gives back the room of the old one. What went after the disk was
    filled would do for one more create, so it is filled again, and looked at again."""

    def at_rest():
        containers = stack.engine.containers()
        if any(c["Name"].startswith("/load-") for c in containers):
            return False
        with_folders = [c for c in containers if any(m["Type"] == "bind" for m in c["Mounts"])]
        return len(records()) == len(with_folders) and not list(stack.daemon.state.rglob("*.tmp"))

    def records():
        return list((stack.daemon.state / "pins").glob("*.json"))

    def full():
        disk.fill()
        return at_rest() and disk.fill() == 0 and at_rest() and counter(stack, "unwritten_state") > 0

    wait_until(full, 30, "a full disk to be noticed", 0.05)


def test_Root_Docker_the_disk_of_the_state_is_full(stack, locks):
    set_hold(stack, 0)
    with small_disk(stack.daemon, stack.daemon.state) as disk:
        lasting = Lasting(stack, locks)
        with Load([stack.alice, stack.bob], locks) as load:
            load.wait_for(2)
            fill_state(stack, disk)
            made, refused = load.count("create"), len(load.texts("create"))
            load.wait_for(8, "create", good=False)
            assert load.count("create") == made
            for text in load.texts("create")[refused:]:
                assert re.search(UNSAVED, text)
            assert not not_on_disk(stack)
            assert lasting.have_not_noticed()
            stack.alice.out("run", "--rm", BUSYBOX, "true")
            assert not load.surprises(TAKEN, UNSAVED)

            # What was given back meanwhile stands in the file as held, and comes to light in the comparison.
            stack.daemon.kill()
            stack.daemon.start()
            assert lasting.have_not_noticed() and not not_on_disk(stack)
            fill_state(stack, disk)
            made = load.count("create")
            load.wait_for(4, "create", good=False)
            assert load.count("create") == made and not not_on_disk(stack)

            disk.free()
            load.wait_for(2)
        settled(stack, "after there was space again")
        assert lasting.have_not_noticed() and not contradictions(stack)
        stack.engine.remove_all()


def lines_of_the_log(stack):
    """Events, and how many lines were cut short."""
    events, torn = [], 0
    for line in (stack.daemon.logs / "events.jsonl").read_text().splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            torn += 1
    return events, torn


def test_Root_Docker_the_disk_of_the_log_is_full(stack, locks):
    """By default nobody is stopped by that, and how much is missing is told."""
    set_hold(stack, 0)
    with small_disk(stack.daemon, stack.daemon.logs) as disk:
        lasting = Lasting(stack, locks)
        with Load([stack.alice, stack.bob], locks) as load:
            load.wait_for(1)
            fill(stack, disk, "unwritten_events")
            load.wait_for(4)
            lost = counter(stack, "unwritten_events")
            assert lost > 8
            disk.free()
            load.wait_for(2)
        assert not load.surprises(TAKEN)
        settled(stack, "after there was space again")
        assert lasting.have_not_noticed()
        events, torn = lines_of_the_log(stack)
        told = sum(event["details"]["count"] for event in events if event["event_type"] == "events.lost")
        assert told == counter(stack, "unwritten_events") >= lost
        assert torn <= 1


def test_Root_Docker_nothing_starts_unrecorded_when_the_site_says_so(stack, locks):
    set_hold(stack, 0)
    stack.daemon.configure(fail={"events": "closed"})
    try:
        with small_disk(stack.daemon, stack.daemon.logs) as disk:
            lasting = Lasting(stack, locks)
            stack.alice.out("create", "--name", "ready", BUSYBOX, "true")
            with Load([stack.alice, stack.bob], locks, each=1) as load:
                load.wait_for(1)
                fill(stack, disk, "unwritten_events")
                for command in (["create", BUSYBOX], ["start", "ready"], ["restart", "ready"], ["exec", "alices-lasting", "true"]):
                    assert UNRECORDED in stack.alice.refused(*command)
                # What was let in before that may still be on its way.
                load.wait_for(6, "create", good=False)
                made, started = load.count("create"), load.count("start")
                load.wait_for(6, "create", good=False)
                assert (load.count("create"), load.count("start")) == (made, started)
                # What ends something goes on.
                stack.alice.out("ps")
                stack.alice.out("stop", "-t", "0", "alices-lasting")
                stack.alice.out("rm", "alices-lasting")
                disk.free()
                load.wait_for(2)
            settled(stack, "after there was space again")
            stack.alice.out("start", "ready")
            assert runs(stack, "bobs-lasting") and not load.surprises(TAKEN, UNRECORDED)
            stack.engine.remove_all()
    finally:
        stack.daemon.configure(fail={"events": "open"})


def garbage(text):
    return os.urandom(len(text))


def cut_in_half(text):
    return text[: len(text) // 2]


def empty(_):
    return b""


def test_Root_Docker_a_ledger_file_that_is_spoilt_costs_no_lease(stack, locks):
    """Each spoilt file is kept, the first one too."""
    set_hold(stack, 0)
    lasting = Lasting(stack, locks)
    file = stack.daemon.state / "gpu-state.json"
    kept = {}
    with Load([stack.alice, stack.bob], locks) as load:
        for number, spoil in enumerate((garbage, cut_in_half, empty)):
            load.wait_for(1)
            stack.daemon.kill()
            file.write_bytes(spoil(file.read_bytes()))
            kept[file.with_name(f"{file.name}.unreadable" + (f".{number}" if number else ""))] = file.read_bytes()
            stack.daemon.start()
            wait_until(lasting.have_not_noticed, 10, f"the leases to be found again, {spoil.__name__}", 0.05)
            assert "the leases are taken from the labels" in stack.daemon.child.output()
            assert {path: path.read_bytes() for path in kept} == kept
        load.wait_for(2)
    settled(stack, "after the file was spoilt")
    assert lasting.have_not_noticed()
    for path in kept:
        path.unlink()
