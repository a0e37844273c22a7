"""Ways past the rules that somebody with the socket, curl and an evening would try. Each must be refused, or find
nothing, and must leave another user's container and what is known of it alone."""

import io
import json
import re
import select
import socket
import subprocess
import tarfile
import threading
import time

import pytest
from lib.attempts import BUILDS, FOREIGN, HOST_CONFIGS, MALFORMED, quoted
from lib.images import BUSYBOX, WITH_LABELS
from lib.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stack")

SENTENCE = re.compile(r"ds01: \S.*\(decision D[0-9a-f]{12}\)")


@pytest.fixture
def bobs(bob):
    """Bob's running container: its id."""
    return bob.out("run", "-d", "--name", "bobs-own", "-l", "secret=bobs-secret", BUSYBOX, "sleep", "600")


def filled(value, alice, bobs):
    text = json.dumps(value) if not isinstance(value, (str, bytes)) else value
    if isinstance(text, bytes):
        return text
    for name, word in (
        ("id", bobs),
        ("short", bobs[:12]),
        ("upper", bobs.upper()),
        ("home", str(alice.user.home)),
    ):
        text = text.replace("{" + name + "}", word).replace("%7B" + name + "%7D", word)
    return text if isinstance(value, str) else text.encode()


def state(stack):
    """All that alice could have changed about bob's container."""
    shown = stack.engine.inspect("bobs-own")
    return {key: shown[key] for key in ("Id", "Name", "HostConfig", "Config", "Mounts")} | {
        "started": shown["State"]["StartedAt"],
        "status": shown["State"]["Status"],
        "execs": shown["ExecIDs"],
        "networks": sorted(shown["NetworkSettings"]["Networks"]),
    }


def test_Bypass_another_users_container_does_not_exist(stack, alice, bobs):
    before = state(stack)
    wrong = []
    for method, target, body in FOREIGN:
        with alice.raw() as raw:
            reply = raw.ask(method, filled(target, alice, bobs), None if body is None else filled(body, alice, bobs))
            told = reply.body.decode(errors="replace")
            if reply.status != 404 or "bobs-secret" in told or "No such container: " not in told:
                wrong.append(f"{method} {target}: {reply.status} {told[:200]}")
    assert not wrong, "\n".join(wrong)
    assert state(stack) == before
    assert not stack.engine.containers() or [c["Id"] for c in stack.engine.containers()] == [bobs]


def test_Bypass_targets_that_two_readers_could_take_differently_are_refused(stack, alice, bobs):
    before = state(stack)
    wrong = []
    for method, target in MALFORMED:
        with alice.raw() as raw:
            raw.send(f"{method} {filled(target, alice, bobs)} HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n".encode())
            status = int(raw.socket.recv(65536).split(b" ", 2)[1])
        if status not in (400, 403, 404, 431):
            wrong.append(f"{method} {target[:100]}: {status}")
    assert not wrong, "\n".join(wrong)
    assert state(stack) == before


def test_Bypass_host_configs_are_refused(stack, alice, bobs):
    wrong = []
    for name, host in HOST_CONFIGS.items():
        body = b'{"Image":' + b"[" * 3000 + b"]" * 3000 + b"}"
        if host is not None:
            body = filled({"Image": BUSYBOX, "HostConfig": host}, alice, bobs)
        with alice.raw() as raw:
            reply = raw.ask("POST", "/containers/create", body)
        if reply.status not in (400, 403) or not SENTENCE.fullmatch(reply.message()):
            wrong.append(f"{name}: {reply.status} {reply.message()[:200]}")
    assert not wrong, "\n".join(wrong)
    assert not stack.containers_of(alice.user)
    assert not stack.daemon.held()


@pytest.mark.parametrize("query", BUILDS, ids=lambda query: query[:40])
def test_Bypass_build_query_is_refused(alice, bobs, query):
    with alice.raw() as raw:
        reply = raw.ask("POST", "/build?" + filled(query, alice, bobs), b"", {"Content-Type": "application/x-tar"})
    assert reply.status in (400, 403), reply.message()
    assert SENTENCE.fullmatch(reply.message()), reply.message()


def smuggled(bobs):
    return f"GET /containers/{bobs}/json HTTP/1.1\r\nHost: d\r\n\r\n".encode()


# The head and body of a first request, behind which another one waits.
FRAMINGS = {
    "both lengths": b"POST /containers/prune HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST /auth HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\nContent-Length: 2\r\n\r\n{}",
    "list of lengths": b"POST /auth HTTP/1.1\r\nHost: d\r\nContent-Length: 2, 2\r\n\r\n{}",
    "signed length": b"POST /auth HTTP/1.1\r\nHost: d\r\nContent-Length: +2\r\n\r\n{}",
    "unknown coding": b"POST /auth HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": b"POST /auth HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "space before colon": b"POST /auth HTTP/1.1\r\nHost: d\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded": b"POST /auth HTTP/1.1\r\nHost: d\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare line feeds": b"GET /_ping HTTP/1.1\nHost: d\n\n",
    "chunk of negative size": b"POST /build/cancel HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "chunk of endless size": b"POST /build/cancel HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
    "chunk longer than said": b"POST /build/cancel HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}X\r\n0\r\n\r\n",
    "form": b"POST /build/cancel HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 4\r\n\r\nid=1",
    "version 1.0": b"GET /_ping HTTP/1.0\r\nHost: d\r\nConnection: keep-alive\r\n\r\n",
    "absolute form": b"GET http://d/_ping HTTP/1.1\r\nHost: d\r\n\r\n",
    "no host": b"GET /_ping HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("name", FRAMINGS)
def test_Bypass_broken_framing_ends_the_connection(alice, bobs, name):
    with alice.raw() as raw:
        raw.try_send(FRAMINGS[name] + smuggled(bobs))
        answers = raw.stream()
    statuses = re.findall(rb"HTTP/1.1 (\d{3}) ", answers)
    assert len(statuses) <= 1 and not [status for status in statuses if status < b"400"], answers
    assert b"bobs-secret" not in answers


def test_Bypass_what_follows_a_refused_upgrade_is_judged_as_a_request(alice, bobs):
    upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n"
    for first in (
        f"POST /containers/{bobs}/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: d\r\n{upgrade}\r\n",
        f"POST /exec/{'a' * 64}/start HTTP/1.1\r\nHost: d\r\n{upgrade}\r\n",
        f"GET /_ping HTTP/1.1\r\nHost: d\r\n{upgrade}\r\n",
        "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    ):
        with alice.raw() as raw:
            raw.send(first.encode() + smuggled(bobs))
            answers = [reply.status for reply in (raw.reply(), raw.reply())]
        assert answers[1] == 404, (first, answers)


def test_Bypass_lists_and_events_tell_nothing_of_others(stack, alice, bob, bobs):
    bob.out("exec", "bobs-own", "true")
    filters = [
        {},
        {"id": [bobs]},
        {"name": ["bobs-own"]},
        {"label": [f"ds01.user={bob.user.name}"]},
        {"label": {f"ds01.user={bob.user.name}": True}},
        {"network": ["bridge"]},
        {"ancestor": [BUSYBOX]},
        {"status": ["running"]},
    ]
    targets = [f"/containers/json?all=1&size=1&filters={quoted(f)}" for f in filters]
    targets += [f"/events?since=0&until={int(time.time()) + 1}", "/networks", "/networks/bridge?verbose=1", "/info"]
    with alice.raw() as raw:
        for target in targets:
            reply = raw.ask("GET", target)
            assert reply.status == 200, (target, reply.message())
            told = reply.body.decode(errors="replace")
            assert bobs[:12] not in told and "bobs-" not in told, (target, told[:500])
        for target in ("label%21", "bogus", "ID"):
            assert raw.ask("GET", f"/containers/json?filters=%7B%22{target}%22%3A%5B%22x%22%5D%7D").status == 400


def archive(*entries, compress=""):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:" + compress) as tar:
        for name, kind in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.devmajor, entry.devminor = kind, 0o666, 1, 3
            tar.addfile(entry)
    return data.getvalue()


@pytest.mark.parametrize("compress", ["", "gz", "bz2", "xz"])
def test_Bypass_no_device_file_comes_into_the_home_by_an_archive(alice, compress):
    alice.out("create", "--name", "copied", "-v", f"{alice.user.home}:/mnt", BUSYBOX, "sleep", "600")
    for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        data = archive(("plain", tarfile.REGTYPE), ("device", kind), compress=compress)
        with alice.raw() as raw:
            raw.request("PUT", "/containers/copied/archive?path=/mnt", data, {"Content-Type": "application/x-tar"})
            reply = raw.reply()
        assert reply.status in (400, 403), reply.message()
        assert SENTENCE.fullmatch(reply.message()), reply.message()
    assert not (alice.user.home / "device").exists()


def test_Bypass_ordinary_archives_are_copied(alice, each_cli):
    alice = alice.with_cli(each_cli)
    alice.run(["sh", "-c", "rm -rf tree; mkdir -p tree/sub; seq 200000 > tree/sub/big; ln -s big tree/sub/l; ln tree/sub/big tree/h"])
    alice.out("run", "-d", "--name", "copied", BUSYBOX, "sleep", "600")
    alice.out("cp", "tree", "copied:/tmp/tree")
    assert alice.out("exec", "copied", "wc", "-l", "/tmp/tree/sub/l").split()[0] == "200000"


def test_Bypass_a_name_does_not_shadow_the_id_of_another(alice, bob, bobs):
    assert SENTENCE.search(alice.refused("create", "--name", bobs[:12], BUSYBOX))
    alice.out("create", "--name", "mine", BUSYBOX)
    assert SENTENCE.search(alice.refused("rename", "mine", bobs[:12]))
    assert bob.out("inspect", "-f", "{{.Name}}", bobs[:12]) == "/bobs-own"


def test_Bypass_no_start_from_a_checkpoint(alice):
    alice.out("create", "--name", "mine", BUSYBOX)
    with alice.raw() as raw:
        for query in ("checkpoint=c", f"checkpoint-dir={alice.user.home}"):
            reply = raw.ask("POST", f"/containers/mine/start?{query}")
            assert reply.status == 403, reply.message()
            assert SENTENCE.fullmatch(reply.message())


def test_Bypass_an_image_that_changes_meanwhile_lends_no_lease(stack, alice):
    """The tag moves to and fro between the look at the image and the create."""
    stop = threading.Event()

    def move():
        with alice.raw() as raw:
            while not stop.is_set():
                for image in (WITH_LABELS, BUSYBOX):
                    raw.ask("POST", f"/images/{image}/tag?repo=ds01test/moving&tag=latest")

    with alice.raw() as raw:
        assert raw.ask("POST", f"/images/{BUSYBOX}/tag?repo=ds01test/moving&tag=latest").status == 201
        mover = threading.Thread(target=move)
        mover.start()
        try:
            for _ in range(20):
                reply = raw.ask("POST", "/containers/create", {"Image": "ds01test/moving"})
                assert reply.status == 201, reply.message()
                labels = stack.engine.inspect(reply.json()["Id"])["Config"]["Labels"]
                assert not labels.get("ds01.lease") and labels["ds01.user"] == alice.user.name
                assert raw.ask("DELETE", f"/containers/{reply.json()['Id']}").status == 204
        finally:
            stop.set()
            mover.join()


def test_Bypass_idle_connections_of_one_user_shut_nobody_out(stack, alice, bob):
    program = (
        "import socket,sys\n"
        "held=[]\n"
        "for _ in range(1200):\n"
        "    s=socket.socket(socket.AF_UNIX); s.settimeout(1)\n"
        "    try: s.connect(sys.argv[1])\n"
        "    except OSError: break\n"
        "    held.append(s)\n"
        "print('held',flush=True); sys.stdin.read()"
    )
    for before in ([], ["unshare", "-Ur"]):
        argv = [*before, "/usr/bin/python3", "-c", program, str(alice.socket)]
        pipe = subprocess.PIPE
        owner = {"user": alice.user.uid, "group": alice.user.gid, "extra_groups": [], "cwd": "/"}
        hoarder = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, **owner)
        try:
            assert hoarder.stdout.readline().strip() == "held"
            with bob.raw() as raw:
                assert raw.ask("GET", "/_ping").status == 200
        finally:
            hoarder.communicate(timeout=20)


def test_Bypass_a_connection_is_its_openers_only(alice):
    with alice.raw() as raw:
        assert raw.ask("GET", "/_ping").status == 200
        raw.end_opener()
        raw.try_send(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
        assert [reply.status for reply in raw.replies_until_closed()] in ([403], [])


@pytest.mark.parametrize("flags", ["-Ur", "-Urpf", "-Urn"])
def test_Bypass_a_namespace_of_ones_own_makes_nobody_root(alice, flags):
    done = alice.run(["unshare", flags, "curl", "-s", "--unix-socket", str(alice.socket), "http://d/containers/json"], check=False)
    if "unshare" in done.stderr:
        pytest.skip("user namespaces are closed here")
    assert SENTENCE.search(done.stdout), done.stdout


def test_Bypass_clients_that_go_in_the_middle_leave_no_slot_behind(stack, alice):
    body = json.dumps({"Image": BUSYBOX, "HostConfig": {"DeviceRequests": [{"Count": 1, "Capabilities": [["gpu"]]}]}}).encode()
    head = f"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    untouched = stack.daemon.held()

    def answered(raw):
        return bool(select.select([raw.socket], [], [], 0)[0])

    # When the client goes: with half a body, at once, once a slot is taken, once a container is made or refused.
    moments = {
        "half": lambda raw: True,
        "at once": lambda raw: True,
        "reserved": lambda raw: answered(raw) or stack.daemon.held() != untouched,
        "made": lambda raw: answered(raw) or stack.engine.containers(),
    }
    for moment, reached in [*moments.items()] * 3:
        stack.engine.remove_all()
        with alice.raw() as raw:
            raw.socket.sendall(head + body[: len(body) - (moment == "half")])
            wait_until(lambda: reached(raw), what=moment)
            raw.socket.shutdown(socket.SHUT_RDWR)
    stack.engine.remove_all()
    stack.clean()  # waits until all slots are free
