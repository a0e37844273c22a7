"""Whether everybody says the same about who has which GPU: the ledger (`ds01 status`), its file, the labels and
environments of the containers."""

import json

import pytest

from .stack import visible_devices
from .waiting import Timeout, wait_until

STOPPED = ("exited", "dead")


def lease_label(container):
    return (container["Config"]["Labels"] or {}).get("ds01.lease")


def saved_leases(stack):
    """Of the ledger's file, by id."""
    file = stack.daemon.state / "gpu-state.json"
    return {lease["id"]: lease for lease in json.loads(file.read_text())["leases"]} if file.exists() else {}


def not_on_disk(stack):
    """Slots of containers without a line in the ledger's file. A reservation whose write is under way, or just failing, has
    no container yet: the Engine is not asked before."""
    held, saved = stack.daemon.held(), saved_leases(stack).values()
    on_disk = {(uuid, lease["login"]) for lease in saved for uuid in lease["uuids"]}
    return [gpu for uuid, gpu in held.items() if gpu["container_id"] and (uuid, gpu["user"]) not in on_disk]


def _about_container(container, held, saved):
    """What is wrong with its lease, if anything; a stopped one may have given its slots back."""
    name, devices, lease = container["Name"].lstrip("/"), set(visible_devices(container)), lease_label(container)
    if bool(lease) != bool(devices):
        return f"{name} has devices {devices} and lease {lease}"
    if not lease:
        return None
    mine = {uuid for uuid, gpu in held.items() if gpu["container"] == name}
    users = {held[uuid]["user"] for uuid in mine} - {container["Config"]["Labels"]["ds01.user"]}
    line = saved.get(lease)
    parked = not mine and container["State"]["Status"] in STOPPED
    if not parked and mine != devices:
        return f"{name} has {devices} and holds {mine}"
    if users:
        return f"{name} is held for {users}"
    if line is None or line["container"] != container["Id"]:
        return f"{name}: its lease {lease} is not on disk, or another's: {line}"
    if set(line["written" if parked else "uuids"]) != devices or (line["state"] == "parked") != parked:
        return f"{name}: its lease on disk is {line}"
    return None


def disagreements(stack):
    """Empty when all agree. Only when nothing goes on can they: else wait with `settled`."""
    status, saved, containers = stack.daemon.status(), saved_leases(stack), stack.engine.containers()
    # What the ledger held of itself must never have been wrong.
    assert status["counters"]["invariants_broken"] == 0, status["counters"]
    held = {gpu["uuid"]: gpu for gpu in status["gpus"] if gpu["state"] != "free"}
    running = [d for c in containers if c["State"]["Running"] for d in visible_devices(c)]
    twice = {device for device in running if running.count(device) > 1}
    if twice:
        pytest.fail(f"in two containers that run: {twice}")
    found = [wrong for container in containers if (wrong := _about_container(container, held, saved))]
    names, leases = {c["Name"].lstrip("/") for c in containers}, {lease_label(c) for c in containers}
    for gpu in held.values():
        if gpu["state"] != "held" or gpu["container"] not in names:
            found.append(f"{gpu['slot']} is {gpu['state']} by {gpu['user']} for {gpu['container']}, which is not there")
    return found + [f"a lease on disk without a container: {saved[lease]}" for lease in saved.keys() - leases]


def settled(stack, what, timeout=25):
    """Waits until all agree. A create that broke off may take ten seconds until it is known that no container came of
    it."""
    last = []

    def agree():
        last[:] = disagreements(stack)
        return not last

    try:
        wait_until(agree, timeout, what, 0.05)
    except Timeout:
        pytest.fail(f"{what}: {last}")


def counter(stack, name):
    return stack.daemon.status()["counters"][name]
