"""One user does what he can against the service; another one works beside, and nothing grows."""

import collections
import json
import os
import random
import re
import threading

import pytest
from lib import peer
from lib.crowd import connections, read_all, status_of, try_send
from lib.images import BUSYBOX
from lib.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stack")

CLOSE = b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"
MOST_OF_ONE_USER = 256  # docs/admin/limits.md
TOLD = 16
MIB = 1 << 20


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.child.pid}/fd"))


def resident(daemon):
    with open(f"/proc/{daemon.child.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def create_head(length):
    return (
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n" + length + "\r\n\r\n"
    ).encode()


def work(client):
    """What a user does all day."""
    assert client.out("run", "--rm", BUSYBOX, "echo", "done") == "done"
    assert client.out("ps", "-q") == ""


def test_Root_Docker_a_thousand_connections_of_one_user(stack, alice, bob):
    work(alice)
    before = descriptors(stack.daemon)
    with connections(bob, 1000) as crowd:
        work(alice)
        for connection in crowd:
            try_send(connection, CLOSE)
        # The first ones wait until the last ones have been answered or closed.
        answers = [read_all(connection) for connection in reversed(crowd)]
        work(alice)
    counts = collections.Counter(status_of(answer) for answer in answers)
    assert counts[200] >= MOST_OF_ONE_USER, counts
    assert counts[200] + counts[503] + counts[None] == 1000, counts
    refused = [answer for answer in answers if status_of(answer) == 503]
    assert all(b"you have 256 connections open, which is as many as one user may" in answer for answer in refused)
    wait_until(lambda: descriptors(stack.daemon) <= before, 20, f"{before} descriptors again")


def test_Root_Docker_silent_connections_up_to_the_cap(stack, alice, bob):
    with connections(bob, MOST_OF_ONE_USER + TOLD + 50) as crowd:
        # The last ones are closed without a word, which shows that all have been accepted.
        assert read_all(crowd[-1]) == b""
        try_send(crowd[MOST_OF_ONE_USER], CLOSE)
        assert b"you have 256 connections open" in read_all(crowd[MOST_OF_ONE_USER])
        work(alice)
        crowd[0].sendall(CLOSE)
        assert status_of(read_all(crowd[0])) == 200, "silence is no reason to close a connection within the cap"


def test_Root_Docker_heads_that_never_end(stack, alice, bob):
    before = descriptors(stack.daemon)
    with connections(bob, 200) as crowd:
        for connection in crowd:
            connection.sendall(b"GET /_ping HTTP/1.1\r\nHost: ")
        work(alice)
        answers = [read_all(connection) for connection in crowd]
    assert {status_of(answer) for answer in answers} == {408}
    wait_until(lambda: descriptors(stack.daemon) <= before, 20, f"{before} descriptors again")


def test_Root_Docker_answers_that_nobody_reads(stack, alice, bob):
    """Each is 20 MB; what a client does not take stays with the Engine."""
    text = "head -c 20000000 /dev/zero | tr '\\0' x | fold -w 1000"
    name = bob.out("create", BUSYBOX, "sh", "-c", text)
    bob.docker("start", "-a", name, timeout=120)
    before = resident(stack.daemon)
    with connections(bob, 20) as crowd:
        for connection in crowd:
            connection.sendall(f"GET /containers/{name}/logs?stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n".encode())
        for connection in crowd:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        for _ in range(5):
            work(alice)
        grown = resident(stack.daemon) - before
        assert grown < 20 * 4 * MIB, f"grown by {grown // MIB} MiB"
        # And they are all there for whoever reads on.
        crowd[7].settimeout(60)
        size = 0
        while size < 20_000_000:
            size += len(crowd[7].recv(MIB))


def test_Root_Docker_bodies_that_never_end(stack, alice, bob):
    with connections(bob, 4) as crowd:
        answers = []

        def flood(connection):
            connection.sendall(create_head("Transfer-Encoding: chunked"))
            for _ in range(1000):
                try_send(connection, b"10000\r\n" + b" " * 65536 + b"\r\n")
            answers.append(status_of(read_all(connection)))

        threads = [threading.Thread(target=flood, args=(connection,)) for connection in crowd]
        for thread in threads:
            thread.start()
        work(alice)
        for thread in threads:
            thread.join(60)
    # Too large, or more than one user may have at once: nobody's was taken.
    assert len(answers) == 4 and set(answers) <= {413, 503, None}, answers
    assert set(answers) & {413, 503}, answers


def test_Root_Docker_bodies_that_fall_silent(stack, alice, bob):
    """They hold what bob may hold, and not for ever."""
    with connections(bob, 2, timeout=60) as crowd:
        for connection in crowd:
            connection.sendall(create_head(f"Content-Length: {4 * MIB}") + b"{")
        work(alice)
        with bob.raw() as raw:
            assert raw.ask("POST", "/containers/create", {"Image": "missing", "Cmd": ["x" * MIB]}).status == 503
        answers = [read_all(connection) for connection in crowd]
        assert {status_of(answer) for answer in answers} == {408}
        assert all(b"ds01: the request body did not arrive in time" in answer for answer in answers)
        with bob.raw() as raw:
            assert raw.ask("POST", "/containers/create", {"Image": "missing", "Cmd": ["x" * MIB]}).status == 404


def test_Root_Docker_memory_that_is_asked_for_and_not_used(stack, alice, bob):
    before = resident(stack.daemon)
    size = 4 * MIB
    with connections(bob, 50) as crowd:
        for connection in crowd:
            connection.sendall(create_head(f"Content-Length: {size}\r\nExpect: 100-continue"))
        answers = [connection.recv(4096) for connection in crowd]
        counts = collections.Counter(status_of(answer) for answer in answers)
        assert counts == {100: 2, 503: 48}
        refused = next(answer for answer in answers if status_of(answer) == 503)
        assert b"ds01: this needs 64 MiB of this service's memory, and your other requests hold 128" in refused
        # An ordinary request of his own, and anything of others.
        work(bob)
        work(alice)
        labels = {"Image": "missing", "Labels": {f"{i}": "x" * 100 for i in range(200)}}
        with alice.raw() as raw:
            assert raw.ask("POST", "/containers/create", labels).status == 404
        assert resident(stack.daemon) - before < 64 * MIB

    def given_back():
        with bob.raw() as raw:
            return raw.ask("POST", "/containers/create", {"Image": "missing", "Cmd": ["x" * MIB]}).status == 404

    wait_until(given_back, 20, "bob may ask for much again")


# Keeps so many connections busy until its standard input ends; prints how many answers of each status there were.
FLOOD = """
import collections, http.client, json, socket, sys, threading
path, count = sys.argv[1], int(sys.argv[2])
ended = threading.Event()
statuses = collections.Counter()
def one():
    connection = http.client.HTTPConnection("d")
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(path)
    while not ended.is_set():
        connection.request("GET", "/containers/json?all=1")
        answer = connection.getresponse()
        answer.read()
        statuses[answer.status] += 1
threads = [threading.Thread(target=one) for _ in range(count)]
for thread in threads: thread.start()
print("begun", flush=True)
sys.stdin.read()
ended.set()
for thread in threads: thread.join()
print(json.dumps(statuses), flush=True)
"""


def test_Root_Docker_a_flood_beside_work(stack, alice, bob):
    flood = bob.spawn(["python3", "-c", FLOOD, bob.socket, 100], stdin=-1)
    try:
        assert flood.stdout.readline() == "begun\n"
        for _ in range(5):
            work(alice)
        name = alice.out("run", "-d", "--gpus", "1", BUSYBOX, "sleep", "600")
        assert alice.out("exec", name, "echo", "hi") == "hi"
    finally:
        out, err = flood.communicate("", timeout=60)
    assert flood.returncode == 0, err
    statuses = json.loads(out)
    # He waits behind himself; he is not refused either.
    assert set(statuses) == {"200"} and statuses["200"] > 100, statuses


def test_Root_Docker_refusals_do_not_fill_the_log(stack, alice, bob):
    times = 1500
    with bob.raw() as raw:
        for _ in range(times):
            assert raw.ask("GET", "/swarm").status == 403
    with alice.raw() as raw:
        assert raw.ask("GET", "/swarm").status == 403
    stack.daemon.restart()  # writes what is left to say

    def recorded(event_type, user):
        return [e["details"] for e in stack.daemon.events() if (e["event_type"], e.get("user")) == (event_type, user.name)]

    asked = [details for details in recorded("auth.denied", bob.user) if details.get("path") == "/swarm"]
    assert len(asked) < times and len(recorded("auth.denied", bob.user)) >= 600
    assert len(asked) + sum(details["count"] for details in recorded("auth.suppressed", bob.user)) == times
    assert recorded("auth.denied", alice.user) and not recorded("auth.suppressed", alice.user)


def test_Root_Docker_no_answer_reaches_the_wrong_client(stack, alice, bob):
    """Requests that are given up half-way, answers that come late, requests sent before the answer to the one before."""
    seed = 20261126
    names = {}
    for client in (alice, bob):
        names[client.user.name] = [client.out("create", BUSYBOX, "true") for _ in range(3)]
    wrong = []
    answered = collections.Counter()

    def hurry(client, mine, number):
        chance = random.Random(seed + number)
        for _ in range(8):
            with client.raw() as raw:
                asked = [chance.choice(mine) for _ in range(6)]
                for name in asked:
                    raw.request("GET", f"/containers/{name}/json")
                for name in asked[: chance.randint(0, 6)]:
                    found = raw.reply().json().get("Id")
                    answered[found == name] += 1
                    if found != name:
                        wrong.append((name, found))
                # The others are given up.

    threads = [
        threading.Thread(target=hurry, args=(client, names[client.user.name], number))
        for number, client in enumerate([alice, bob] * 4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not wrong
    assert answered[True] > 50


# Last: so many refusals use up what bob may have written down in a minute.
def test_Root_Docker_a_flood_of_many_uids_in_a_container_is_its_owners(stack, alice, bob):
    """300 connections of 30 uids, none of them his own: they are one user's, as if he had opened them himself."""
    tools = bob.user.home / "tools"
    tools.mkdir(exist_ok=True)
    os.chown(peer.build(tools), bob.user.uid, bob.user.gid)
    work(alice)
    flood = bob.out("run", "-d", "-v", f"{tools}:/tools:ro", "-v", f"{bob.socket}:/s", BUSYBOX,
                    "/tools/peer", "crowd", "/s", "/containers/json")  # fmt: skip

    def first_answers():
        # Not through ds01d, where he has no place left.
        logs = stack.engine.api("GET", f"/containers/{flood}/logs?stdout=1&stderr=1").body.decode(errors="replace")
        return re.findall(r"(\d+) (HTTP/1\.1 \d+|closed)", logs)

    answers = wait_until(lambda: len(found := first_answers()) == 300 and found, 60, "each connection's first answer", 0.2)
    counts = collections.Counter(answer for _, answer in answers)
    assert len({uid for uid, _ in answers}) == 30
    assert set(counts) <= {"HTTP/1.1 200", "HTTP/1.1 503", "closed"}, counts
    assert 200 <= counts["HTTP/1.1 200"] <= MOST_OF_ONE_USER, counts
    # It goes on, and nobody else notices.
    for _ in range(3):
        work(alice)
    with connections(bob, 1) as own:
        try_send(own[0], CLOSE)
        refused = read_all(own[0])
    # He is told in a sentence, if not too many of his are being told already.
    assert refused == b"" or b"you have 256 connections open" in refused, refused
    told = [e for e in stack.daemon.events() if e["details"].get("from_container") == flood]
    assert {(e["user"], e["details"].get("reason")) for e in told} <= {(bob.user.name, "too_many_connections")}, told
    stack.engine.api("POST", f"/containers/{flood}/kill")
    wait_until(lambda: bob.docker("ps", "-q", check=False).returncode == 0, 20, "bob to have his places back")
