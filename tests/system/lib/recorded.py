"""The requests of tests/golden/recorded, to be sent again: as they came, but for the home, the images and the containers
of the test."""

import dataclasses
import functools
import json
import re
from pathlib import Path

_GOLDEN = Path(__file__).resolve().parents[2] / "golden"
_NETWORKS = ("lab", "lab_default", "lab_back", "lab_front")  # that the recorded clients had made
_SOME_ID = b"0123456789abcdef" * 4


@dataclasses.dataclass(frozen=True)
class Recorded:
    folder: str
    case: str
    method: str
    target: str
    headers: dict
    body: bytes

    def __str__(self):
        return f"{self.folder}/{self.case}"

    @property
    def image(self):
        return json.loads(self.body)["Image"]

    def denied(self):
        """Whether admission refuses it on any Engine: the expectations (tests/golden/expected) of the same kind of client
        say so."""
        kind = _kind(self.folder)
        files = [p for p in (_GOLDEN / "expected").glob(f"*/{self.case}.json") if _kind(p.parent.name) == kind]
        assert files, f"nothing is expected of {self}"
        return any("denied" in json.loads(path.read_text()) for path in files)

    def sent_by(self, user, container):
        """The bytes for this user's home, for a container that is joined, and for GPUs that are whole on the simulated
        machine."""
        body = self.body.replace(b"/home/alice", str(user.home).encode())
        body = body.replace(b"container:" + _SOME_ID, b"container:" + container.encode())
        return re.sub(rb'(?<="DeviceIDs":)\s*\["0",\s*"1"\]', b'["0","3"]', body)


def _kind(folder):
    return re.sub(r"-[\d.]+-engine-.*", "", folder)


@functools.cache
def with_engine(version):
    """Those that clients sent to this version of the Engine."""
    found = []
    for path in sorted((_GOLDEN / "recorded").glob(f"*-engine-{version}/*.json")):
        request = json.loads(path.read_text())["request"]
        # The home changes the length.
        headers = {name: value for name, value in request["headers"].items() if name not in ("Content-Length", "Host")}
        body = request["body"].encode()
        found.append(Recorded(path.parent.name, path.stem, request["method"], request["target"], headers, body))
    assert len(found) > 60, f"{len(found)} recorded requests for Engine {version}"
    return found


def prepare(stack, client, requests):
    """The images and the folders that they name. Returns the folders' topmost ones, to be removed."""
    for image in {request.image for request in requests}:
        if stack.engine.api("GET", f"/images/{image}/json", expect=(200, 404)).status == 404:
            name, _, tag = image.partition(":")
            stack.engine.api("POST", f"/images/ds01test/busybox:latest/tag?repo={name}&tag={tag or 'latest'}")
    named = set()
    for request in requests:
        named |= set(re.findall(rb'"/home/alice/([^":]+)', request.body))
    folders = {client.user.home / name.decode() for name in named}
    # What the recorded clients had there as files stands for itself as a folder, and must not meet other tests' files.
    tops = {client.user.home / folder.relative_to(client.user.home).parts[0] for folder in folders}
    client.run(["rm", "-rf", *tops])
    client.run(["mkdir", "-p", *folders])
    return tops


def send_all(stack, client, requests):
    """Sends each through ds01d as the client's user. What was made is looked at in the Engine and removed. Returns what
    was wrong, one line each."""
    tops = prepare(stack, client, requests)
    for network in _NETWORKS:
        client.out("network", "create", network)
    other = client.out("create", "--name", "joined", "ds01test/busybox:latest", "sleep", "600")
    wrong = []
    for request in requests:
        with client.raw(60) as raw:
            reply = raw.ask(request.method, request.target, request.sent_by(client.user, other), request.headers)
        said = f"{request}: {reply.status} {reply.message()[:300]}"
        if request.denied():
            if reply.status not in (400, 403) or "ds01: " not in reply.message():
                wrong.append(said)
            continue
        if reply.status != 201:
            wrong.append(said)
            continue
        wrong += [f"{request}: {what}" for what in _wrong_with(stack.engine.inspect(reply.json()["Id"]), client.user)]
        client.docker("rm", "-f", "-v", reply.json()["Id"])
    client.docker("rm", "-f", other)
    client.out("network", "rm", *_NETWORKS)
    client.run(["rm", "-rf", *tops])
    return wrong


def _wrong_with(made, user):
    host, labels = made["HostConfig"], made["Config"]["Labels"]
    visible = [v for v in made["Config"]["Env"] if v.upper().startswith("NVIDIA_VISIBLE_DEVICES=")]
    leased = labels.get("ds01.gpu.uuids", "")
    checks = {
        "the owner": labels.get("ds01.user") == user.name,
        "the cgroup parent": "ds01" in host["CgroupParent"] and user.name.replace("-", "_") in host["CgroupParent"],
        "MKNOD": bool({"MKNOD", "CAP_MKNOD", "ALL"} & set(host["CapDrop"] or [])),
        "privileged": not host["Privileged"],
        "memory": 0 < host["Memory"] <= 32 << 30,
        "processes": 0 < host["PidsLimit"] <= 4096,
        "CPUs": host["NanoCpus"] > 0 or host["CpuQuota"] > 0,
        "visible devices": visible == [f"NVIDIA_VISIBLE_DEVICES={leased or 'void'}"],
        "device requests": [r["DeviceIDs"] for r in host["DeviceRequests"] or []] == ([leased.split(",")] if leased else []),
    }
    return [what for what, fine in checks.items() if not fine]
