"""What people do with docker-py, in the interpreter that runs this: `sdk_work.py PIECE` prints one JSON line a step. Not
a test itself: test_client_sdk.py runs it against the bare Engine and through ds01d, with docker-py 5 and 7."""

import io
import json
import os
import re
import sys
import tarfile
import threading
import time

import docker
from docker.types import DeviceRequest, Mount

IMAGE = "ds01test/busybox:latest"


def say(step, value=None):
    print(json.dumps([step, value], default=str), flush=True)


def error(step, call):
    """The class, status and text of what the call raises."""
    try:
        say(step, ["no error", call()])
    except docker.errors.APIError as raised:
        text = re.sub(r"[0-9a-f]{64}", "ID", str(raised.explanation))
        say(step, [type(raised).__name__, raised.status_code, text])


def sleeper(client, **options):
    return client.containers.run(IMAGE, ["sh", "-c", "echo ready; exec sleep 600"], detach=True, **options)


def containers(client):
    say("output", client.containers.run(IMAGE, "echo hi", remove=True).decode())
    try:
        client.containers.run(IMAGE, ["sh", "-c", "echo why >&2; exit 3"], remove=True)
    except docker.errors.ContainerError as raised:
        say("exit status", [raised.exit_status, raised.stderr.decode()])
    error("no image", lambda: client.containers.create("ds01test/absent:1"))
    box = sleeper(client, name="app", labels={"a": "b"}, environment={"A": "1"}, mem_limit="64m", nano_cpus=500000000)
    say("found", [c.name for c in client.containers.list(filters={"label": "a=b"})])
    say("all", [c.name for c in client.containers.list(all=True, filters={"name": "app", "status": ["running"]})])
    say("by prefix", client.containers.get(box.id[:12]).name)
    say("attributes", [box.name, box.labels.get("a"), box.image.tags, box.attrs["HostConfig"]["Memory"]])
    error("conflict", lambda: sleeper(client, name="app"))
    deadline = time.monotonic() + 10
    while (process := box.top()["Processes"][0][-1]).startswith("sh ") and time.monotonic() < deadline:
        time.sleep(0.02)  # the shell becomes `sleep` in a moment
    say("top", process)
    say("changed", box.diff())
    for verb in ("pause", "unpause", "restart", "stop", "start", "kill"):
        getattr(box, verb)(**({"timeout": 0} if verb in ("restart", "stop") else {}))
        box.reload()
        say(verb, box.status)
    say("wait", box.wait()["StatusCode"])
    box.rename("renamed")
    say("renamed", client.containers.get("renamed").name)
    box.remove(v=True)
    error("gone", lambda: client.containers.get("renamed"))


def inside(client):
    box = sleeper(client, name="app")
    say("exec", [box.exec_run("sh -c 'echo out; exit 4'").exit_code, box.exec_run("echo out").output.decode()])
    say("demuxed", box.exec_run(["sh", "-c", "echo o; echo e >&2"], demux=True).output)
    say("streamed", b"".join(box.exec_run(["seq", "3"], stream=True).output).decode())
    say("environment", box.exec_run(["sh", "-c", "echo $B; pwd; id -u"], environment={"B": "2"}, workdir="/tmp",
                                    user="1000").output.decode())  # fmt: skip
    handle = client.api.exec_create(box.id, ["cat"], stdin=True)
    stream = client.api.exec_start(handle["Id"], socket=True)
    raw = getattr(stream, "_sock", stream)
    raw.sendall(b"through\n")
    raw.shutdown(1)
    say("hijacked", raw.recv(8192)[8:].decode())
    say("inspected", client.api.exec_inspect(handle["Id"])["ProcessConfig"]["entrypoint"])
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        entry = tarfile.TarInfo("put.txt")
        entry.size = 1 << 20
        tar.addfile(entry, io.BytesIO(b"x" * (1 << 20)))
    say("put", box.put_archive("/tmp", data.getvalue()))
    stream, stat = box.get_archive("/tmp/put.txt")
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        say("got", [stat["name"], stat["size"], tar.getmembers()[0].size])
    error("absent", lambda: box.get_archive("/absent"))
    say("logs", [box.logs().decode(), box.logs(tail=0).decode(), box.logs(since=int(time.time()) + 60).decode()])
    say("stats", sorted(key for key in box.stats(stream=False) if key in ("name", "memory_stats", "cpu_stats")))
    say("stats streamed", next(box.stats(stream=True, decode=True))["name"])


def streams(client):
    since = int(time.time())
    name = f"streamer-{os.getpid()}"  # events of the second before are told too
    box = client.containers.create(IMAGE, ["sh", "-c", "read x; echo one; read x; echo two"], stdin_open=True, name=name)
    attached = client.api.attach_socket(box.id, params={"stdin": 1, "stream": 1})
    box.start()
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(line.decode() for line in box.logs(stream=True, follow=True)))
    reader.start()
    getattr(attached, "_sock", attached).sendall(b"\n\n")
    reader.join(30)
    say("followed", "".join(seen))
    say("waited", box.wait(condition="not-running")["StatusCode"])
    box.remove()
    filters = {"type": "container", "event": ["create", "start", "die", "destroy"]}
    told = client.events(since=since, until=int(time.time()) + 1, decode=True, filters=filters)
    say("events", [event["Action"] for event in told if event["Actor"]["Attributes"]["name"] == name])
    say("attached", client.containers.run(IMAGE, "seq 2", stream=False, remove=True).decode())
    lines = client.containers.run(IMAGE, "seq 3", stream=True, remove=False, detach=False)
    say("lines", [line.decode() for line in lines])
    client.close()
    say("closed", client.ping())


def networks_and_volumes(client):
    lab = client.networks.create("lab", labels={"a": "b"}, driver="bridge")
    say("networks", [n.name for n in client.networks.list(filters={"label": "a=b"})])
    cache = client.volumes.create("cache", labels={"a": "b"})
    say("volumes", [v.name for v in client.volumes.list(filters={"label": "a=b"})])
    app = sleeper(client, name="app", network="lab", volumes={"cache": {"bind": "/cache", "mode": "rw"}})
    peer = sleeper(client, name="peer", mounts=[Mount("/cache", "cache", read_only=True)], tmpfs={"/fast": "size=1m"})
    app.exec_run(["sh", "-c", "echo kept > /cache/file"])
    say("shared", peer.exec_run("cat /cache/file").output.decode())
    say("read-only", peer.exec_run("touch /cache/x").exit_code)
    lab.connect(peer, aliases=["late"])
    lab.reload()
    say("members", sorted(c.name for c in lab.containers))
    say("reached", app.exec_run("ping -c 1 -W 5 late").exit_code)
    lab.disconnect(peer)
    error("network in use", lambda: str(lab.remove()))
    error("volume in use", lambda: len(str(cache.remove())))
    for box in (app, peer):
        box.remove(force=True)
    lab.remove()
    cache.remove()
    error("no network", lambda: client.networks.get("lab"))


def images(client):
    say("tags", sorted(tag for image in client.images.list() for tag in image.tags if tag.startswith("ds01test/")))
    dockerfile = io.BytesIO(f"FROM {IMAGE}\nRUN echo built > /built\nLABEL colour=blue\n".encode())
    image, log = client.images.build(fileobj=dockerfile, tag="ds01test/sdk:1", rm=True)
    say("built", [image.labels["colour"], any("Successfully built" in line.get("stream", "") for line in log)])
    say("run", client.containers.run("ds01test/sdk:1", "cat /built", remove=True).decode())
    say("tagged", image.tag("ds01test/sdk", "2"))
    saved = b"".join(image.save(named=True))
    for tag in ("1", "2"):
        client.images.remove(f"ds01test/sdk:{tag}")
    say("loaded", len(client.images.load(saved)))
    box = sleeper(client, name="app")
    box.exec_run("touch /kept")
    say("committed", box.commit("ds01test/sdk", "3").tags)
    say("exported", len(b"".join(box.export())) > 100000)
    for image in client.images.list("ds01test/sdk"):
        client.images.remove(image.id, force=False)
    error("no image", lambda: client.images.get("ds01test/sdk:3"))


def low_level(client):
    api = client.api
    say("ping", [api.ping(), sorted(set(api.version()) & {"ApiVersion", "Version", "Os"})])
    say("information", sorted(set(api.info()) & {"NCPU", "MemTotal", "ServerVersion", "Name"}))
    host = api.create_host_config(binds=["cache:/cache"], port_bindings={8888: ("127.0.0.1", None)}, cap_drop=["ALL"])
    made = api.create_container(IMAGE, ["sleep", "600"], name="app", host_config=host, ports=[8888], tty=True)
    api.start(made["Id"])
    say("port", [p["HostIp"] for p in api.port(made["Id"], 8888)])
    say("resize", api.resize(made["Id"], 30, 100))
    say("inspect", api.inspect_container("app")["State"]["Status"])
    error("update", lambda: api.update_container("app", restart_policy={"Name": "on-failure", "MaximumRetryCount": 2}))
    api.remove_container("app", force=True, v=True)
    error("removed", lambda: api.inspect_container("app"))


def gpu(client):
    request = [DeviceRequest(count=1, capabilities=[["gpu"]])]
    output = client.containers.run(IMAGE, "env", device_requests=request, remove=True).decode()
    say("visible", [line.split("=")[1] for line in output.splitlines() if line.startswith("NVIDIA_VISIBLE_DEVICES=")])
    box = sleeper(client, name="train", device_requests=request)
    say("type", box.labels["ds01.container_type"])
    error("too many", lambda: sleeper(client, device_requests=[DeviceRequest(count=3, capabilities=[["gpu"]])]))


PIECES = {piece.__name__: piece for piece in
          (containers, inside, streams, networks_and_volumes, images, low_level, gpu)}  # fmt: skip

if __name__ == "__main__":
    if sys.argv[1:]:
        PIECES[sys.argv[1]](docker.from_env())
    else:
        print(docker.__version__)
