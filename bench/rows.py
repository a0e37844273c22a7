"""The rows of the table: each function measures at a stand and returns a list of dictionaries, see `row`."""

import io
import json
import os
import subprocess
import tarfile
import threading
import time
import urllib.parse
from dataclasses import dataclass

import stats
from stand import BIG_IMAGE, hosts, images

FLOODING = 200  # connections
QUIET = {"HostConfig": {"NetworkMode": "none"}}
NO_OPA = "there is no OPA here: sudo tools/dev setup"


@dataclass(frozen=True)
class Size:
    rounds: int
    requests: int  # in each round
    new_connections: int
    payload_mib: int
    containers: int  # at the restart
    restarts: int
    streams: int
    seconds: float  # of each benchmark without a socket


FULL = Size(rounds=40, requests=200, new_connections=100, payload_mib=64, containers=1000, restarts=30, streams=200, seconds=2)
QUICK = Size(rounds=2, requests=20, new_connections=10, payload_mib=2, containers=10, restarts=2, streams=10, seconds=0.005)


def row(what, bar, value, met, unit="ratio", peers=None, note=""):
    """`value`: median, low, high, rounds. `bar`: a number in `unit` or None. `met`: the interval's end that is nearer to
    the good side is within the bar; None without a bar. `peers`: name → p50 and p99 in milliseconds."""
    return {"what": what, "unit": unit, "bar": bar, "value": value, "met": met, "peers": peers or {}, "note": note}


def latencies(times):
    return {
        peer: {
            "p50_ms": stats.median(stats.flat(rounds)) / 1e3,
            "p99_ms": stats.percentile(stats.flat(rounds), 0.99) / 1e3,
        }
        for peer, rounds in times.items()
    }


def compared(what, bar, times, peer, note=""):
    value = stats.summary(stats.ratios(times["ds01d"], times[peer]))
    return row(what, bar, value, value["low"] <= bar, peers=latencies(times), note=note)


def small_requests(stand, size):
    """Through the gateway and through HAProxy, which decides nothing."""
    made = [stand.create(f"idle-{i}", {"Image": images.BUSYBOX, "Cmd": ["true"], **QUIET}) for i in range(3)]
    filters = urllib.parse.quote(json.dumps({"label": [f"ds01.user={stand.user.name}"]}))
    targets = {"/_ping": "/_ping", "containers/json": f"/v1.41/containers/json?all=1&filters={filters}"}
    rows = []
    for name, target in targets.items():
        for fresh in (False, True):
            options = ["--rounds", size.rounds, "--target", target]
            options += ["--count", size.new_connections, "--fresh"] if fresh else ["--count", size.requests]
            times = stand.pairs("requests", ("ds01d", "haproxy", "direct"), *options)
            kind = "new connections" if fresh else "keep-alive"
            rows.append(compared(f"GET {name}, {kind}, against HAProxy", 1.0, times, "haproxy"))
    for ref in made:
        stand.engine.api("DELETE", f"/containers/{ref}?force=1")
    return rows


def lifecycle_bodies():
    plain = {"Image": images.BUSYBOX, "Cmd": ["true"], **QUIET}
    gpu = {**plain, "HostConfig": {**QUIET["HostConfig"], "DeviceRequests": [{"Count": 1, "Capabilities": [["gpu"]]}]}}
    return plain, gpu


def timed_lives(stand, size, what, bar, body, note=""):
    """`body` through ds01d, against a plain one at the Engine."""
    plain, _ = lifecycle_bodies()
    bodies = [f"--body=ds01d={json.dumps(body)}", f"--body=direct={json.dumps(plain)}"]
    times = stand.pairs("containers", ("ds01d", "direct"), "--rounds", size.rounds, *bodies)
    return compared(f"create, start, wait: {what}, against direct", bar, times, "direct", note)


def lifecycle(stand, size):
    """create, start, wait until it has ended; the removal is not timed."""
    plain, gpu = lifecycle_bodies()
    return [
        timed_lives(stand, size, "no GPU", 1.02, plain),
        timed_lives(stand, size, "a GPU from the ledger (simulated)", 1.04, gpu),
    ]


def policy(stand, size):
    """The same with a GPU while a real OPA server decides beside the built-in rules, by the policy that ships; and a list
    with and without asking it about looking. Each answer of OPA's is a line in its log, as it ships."""
    lives, listing = "with OPA", "GET containers/json, keep-alive, with OPA, against without"
    if not hosts.has_opa():
        missing = row(f"create, start, wait: {lives}, against direct", 1.06, None, None, note=NO_OPA)
        return [missing, row(listing, None, None, None, note=NO_OPA)]
    _, gpu = lifecycle_bodies()
    made = [stand.create(f"idle-{i}", {"Image": images.BUSYBOX, "Cmd": ["true"], **QUIET}) for i in range(3)]
    options = ("--rounds", 1, "--count", size.requests, "--target", "/v1.41/containers/json?all=1")
    times = {"asked": [], "not asked": []}
    with stand.policies() as ask_about_looking:
        ask_about_looking(True)
        rows = [timed_lives(stand, size, lives, 1.06, gpu, "the policy that ships; with a GPU from the ledger (simulated)")]
        for number in range(size.rounds):
            for name in ("asked", "not asked") if number % 2 else ("not asked", "asked"):
                ask_about_looking(name == "asked")
                times[name] += stand.pairs("requests", ("ds01d",), *options)["ds01d"]
    for ref in made:
        stand.engine.api("DELETE", f"/containers/{ref}?force=1")
    value = stats.summary(stats.ratios(times["asked"], times["not asked"]))
    note = f"without is `policy.ask_about_looking: false`; OPA took {stand.decided} decisions for both rows"
    rows.append(row(listing, None, value, None, peers=latencies(times), note=note))
    return rows


def tar_of(mib, name, more=()):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for entry_name, content in [(name, os.urandom(mib << 20)), *more]:
            entry = tarfile.TarInfo(entry_name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return data.getvalue()


def streaming(stand, size):
    """The bar is 0.9 of the direct throughput, which is 1.11 of the time."""
    payload = stand.base / "payload.tar"
    context = stand.base / "context.tar"
    payload.write_bytes(tar_of(size.payload_mib, "big"))
    context.write_bytes(tar_of(size.payload_mib, "big", [("Dockerfile", f"FROM {images.BUSYBOX}\n".encode())]))
    stand.engine.import_image(BIG_IMAGE, payload.read_bytes(), ['CMD ["/big"]'])
    ref = stand.create("streaming", {"Image": images.BUSYBOX, "Cmd": ["true"], **QUIET})
    stand.engine.api("PUT", f"/containers/{ref}/archive?path=/tmp", payload.read_bytes())
    least = size.payload_mib << 20
    kinds = {
        "docker cp into a container": ("uploads", "--target", f"/v1.41/containers/{ref}/archive?path=/tmp", "--file", payload),
        "docker cp out of a container": ("downloads", "--target", f"/v1.41/containers/{ref}/archive?path=/tmp/big", "--bytes", least),
        "docker save": ("downloads", "--target", f"/v1.41/images/{BIG_IMAGE}/get", "--bytes", least),
        "build context": ("uploads", "--method", "POST", "--target", "/v1.41/build?q=1", "--file", context),
    }
    rows = []
    rounds = min(size.rounds, 30)
    stand.client("downloads", *stand.sockets("ds01d"), "--rounds", 1, "--target", f"/v1.41/images/{BIG_IMAGE}/get")
    before, _ = stand.memory()
    stand.reset_memory()
    for what, (mode, *options) in kinds.items():
        times = stand.pairs(mode, ("ds01d", "direct"), "--rounds", rounds, *options)
        rows.append(compared(f"{what}, {size.payload_mib} MiB: time against direct", round(1 / 0.9, 3), times, "direct"))
    _, most = stand.memory()
    grown = (most - before) / 1024
    moved = rounds * len(kinds) * size.payload_mib
    rows.append(absolute("memory that streaming adds", None, [grown], "MiB", f"{moved} MiB went through; peak above the start"))
    stand.engine.api("DELETE", f"/containers/{ref}?force=1")
    return rows


def absolute(what, bar, values, unit, note="", peers=None):
    value = stats.summary(values)
    met = None if bar is None else value["low"] <= bar
    return row(what, bar, value, met, unit, peers, note)


def micro(stand, size):
    """What needs no socket, by Google Benchmark; the state file is written where ds01d writes it."""
    program = stand.base / "ds01-bench-micro"
    if not program.exists():
        return [row("allocation decision", 50, None, None, "µs", note="ds01-bench-micro was not built: no Google Benchmark")]
    env = {**os.environ, "TMPDIR": str(stand.daemon.state)}
    argv = [str(program), "--benchmark_format=json", f"--benchmark_min_time={size.seconds}"]
    if size is QUICK:
        argv.append("--benchmark_filter=Decision|StateFile|Ordinary")
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=env, timeout=600)
    found = {entry["name"].split("/")[0]: entry for entry in json.loads(done.stdout)["benchmarks"]}
    for entry in found.values():
        if entry.get("error_occurred"):
            raise RuntimeError(f"{entry['name']}: {entry['error_message']}")
    rows = []

    def add(name, what, bar, counter="p99_us", unit="µs", divisor=1, note=""):
        entry = found.get(name)
        if entry is None:
            return
        value = entry[counter] / divisor
        rows.append(
            row(
                what,
                bar,
                {"median": value, "low": value, "high": value, "rounds": entry["iterations"]},
                None if bar is None else value <= bar,
                unit,
                {"ds01d": {"p50_ms": entry["p50_us"] / 1e3, "p99_ms": entry["p99_us"] / 1e3}},
                note,
            )
        )

    for name, how in (
        ("Granted", "granted, half of the slots held"),
        ("TheLastSlot", "granted, one slot free"),
        ("NoneFree", "refused, none free"),
        ("OverQuota", "refused, over quota"),
    ):
        add(f"Decision_{name}", f"allocation decision, 1,000 leases × 128 slots, p99: {how}", 50)
    add("StateFile_Write", "state file made durable (write, fsync, rename, fsync), p50", None, "p50_us", "ms", 1e3,
        f"1,000 leases, {int(found['StateFile_Write']['bytes']) // 1024} KiB; changes that wait share one")
    add("Admission_Ordinary", "admission of an ordinary create body, p99", None)
    for name, how in (("ManyLabels", "labels"), ("ManyMounts", "mounts"), ("ManyObjects", "empty objects")):
        add(f"Guard_{name}", f"reading the worst 4 MiB body ({how}), p50; not on the I/O thread", None, "p50_us", "ms", 1e3)
    return rows


def many_containers(stand, count):
    """Straight at the Engine, in the user's cgroup and with the labels as ds01d sets them; seconds that it took."""
    ref = stand.create("template", {"Image": images.BUSYBOX, "Cmd": ["true"], **QUIET})
    made = stand.engine.inspect(ref)
    body = {"Image": images.BUSYBOX, "Cmd": ["true"], "Labels": made["Config"]["Labels"], "Env": made["Config"]["Env"]}
    body["HostConfig"] = {**QUIET["HostConfig"], "CgroupParent": made["HostConfig"]["CgroupParent"]}
    numbers = iter(range(count - 1))
    lock = threading.Lock()
    failed = []

    def work():
        while not failed:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                stand.engine.api("POST", f"/containers/create?name=many-{number}", body)
            except (AssertionError, OSError) as error:
                failed.append(error)

    begin = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return time.monotonic() - begin


def restart(stand, size):
    took = many_containers(stand, size.containers)
    seconds = [stand.restart_until_answer() for _ in range(size.restarts)]
    answer = f"/v1.41/containers/json?all=1"
    listing = stand.pairs("requests", ("direct",), "--rounds", 5, "--count", 3, "--target", answer)
    note = (
        f"real containers, made in {took:.0f} s; the Engine's own list of them takes "
        f"{latencies(listing)['direct']['p50_ms']:.0f} ms"
    )
    rows = [absolute(f"restart with {size.containers} containers to the first answer", 300, [s * 1e3 for s in seconds], "ms", note)]
    resident, _ = stand.memory()
    rows.append(absolute(f"resident memory after that restart", None, [resident / 1024], "MiB"))
    stand.engine.remove_all()
    return rows


def memory(stand, size):
    """Of a ds01d that was just started, and with streams of all kinds open."""
    stand.restart_until_answer()
    resident, _ = stand.memory()
    rows = [absolute("resident memory, idle", 20, [resident / 1024], "MiB")]
    script = "head -c 1048576 /dev/zero | tr '\\0' x; sleep 100000"
    ref = stand.create("talks", {"Image": images.BUSYBOX, "Cmd": ["sh", "-c", script], **QUIET})
    stand.start(ref)
    half = size.streams // 2
    peer = f"--peer=ds01d={stand.daemon.socket}"
    kinds = [
        ["--method", "GET", "--target", f"/v1.41/containers/{ref}/logs?follow=1&stdout=1", "--bytes", 1 << 20],
        ["--method", "POST", "--upgrade", "--target", f"/v1.41/containers/{ref}/attach?stream=1&stdout=1"],
    ]
    stand.reset_memory()
    holders = []
    try:
        for options in kinds:
            holder = stand.begin("streams", peer, "--count", half, *options)
            holders.append(holder)
            if holder.stdout.readline().strip() != "open":
                raise RuntimeError(f"the streams were not opened: {options}")
        resident, most = stand.memory()
    finally:
        for holder in holders:
            holder.stdin.close()
            holder.wait(30)
            holder.stdout.close()
    note = f"half follow logs (1 MiB each has passed), half are attached; at most {most / 1024:.1f} MiB on the way"
    rows.append(absolute(f"resident memory, {2 * half} open streams", 60, [resident / 1024], "MiB", note))
    stand.engine.api("DELETE", f"/containers/{ref}?force=1")
    return rows


def flood(stand, size):
    """The same work with another user's flood and without it, in turn."""
    plain = {"Image": images.BUSYBOX, "Cmd": ["true"], **QUIET}
    work = {
        "containers/json": ("requests", "--target", "/v1.41/containers/json?all=1", "--count", size.requests),
        "create, start, wait": ("containers", f"--body=ds01d={json.dumps(plain)}"),
    }
    rows = []
    for kind, target in (("lists", "/v1.41/containers/json?all=1"), ("pings", "/_ping")):
        for what, (mode, *options) in work.items():
            times = {"flooded": [], "idle": []}
            with stand.flood(FLOODING, target) as switch:
                for number in range(size.rounds):
                    for name in ("flooded", "idle") if number % 2 else ("idle", "flooded"):
                        switch(name == "flooded")
                        times[name] += stand.pairs(mode, ("ds01d",), "--rounds", 1, *options)["ds01d"]
            value = stats.summary(stats.ratios(times["flooded"], times["idle"]))
            note = f"{sum(stand.flooded.values())} answers to the flood"
            what = f"{what}, beside {FLOODING} connections of another user that ask for {kind}, against without"
            rows.append(row(what, 2.0, value, value["low"] <= 2.0, peers=latencies(times), note=note))
    return rows


ALL = {
    "requests": small_requests,
    "lifecycle": lifecycle,
    "policy": policy,
    "streaming": streaming,
    "micro": micro,
    "memory": memory,
    "flood": flood,
    "restart": restart,
}
