"""Requests that are work: whoever sends them waits for them, and nobody else does."""

import contextlib
import json
import threading

import pytest
from lib.images import BUSYBOX

pytestmark = pytest.mark.usefixtures("stack")


def test_Bypass_big_requests_do_not_stop_the_daemon_for_others(alice, bob):
    """Each was minutes of work for the one thread that serves everybody; a connection waits for seconds."""
    binds = {"Image": BUSYBOX, "HostConfig": {"Binds": [f"/{i}:/x" for i in range(100000)]}}
    with alice.raw() as raw:
        assert raw.ask("POST", "/containers/create", binds).status == 400
    with alice.raw() as raw:
        assert raw.ask("GET", "/_ping?" + "&".join(f"{i:x}" for i in range(40000))).status == 400
    with bob.raw() as raw:
        assert raw.ask("GET", "/_ping").status == 200


def test_Bypass_others_are_served_while_big_requests_are_worked_on(alice, bob):
    """Were they worked on by the thread that serves everybody, bob would have a turn between two of them, and not again
    and again while each is worked on."""
    labels = {"Image": "missing", "Labels": {f"{i}": "" for i in range(100000)}}
    binds = {"Image": BUSYBOX, "HostConfig": {"Binds": [f"/{i}:/x" for i in range(90000)]}}
    bodies = [json.dumps(body, separators=(",", ":")).encode() for body in (labels, binds)] * 2
    answered = []

    def finish(raw, body):
        raw.socket.sendall(body[-1:])
        answered.append(raw.reply().status)

    with contextlib.ExitStack() as connections:
        threads = []
        for body in bodies:
            assert 1 << 20 < len(body) < 2 << 20  # seconds each where the sanitizers watch; much more than the 16 KiB
            raw = connections.enter_context(alice.raw(120))
            head = f"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {len(body)}\r\n\r\n"
            raw.socket.sendall(head.encode() + body[:-1])
            threads.append(threading.Thread(target=finish, args=(raw, body)))
        with bob.raw() as raw:
            assert raw.ask("GET", "/_ping").status == 200
            for thread in threads:
                thread.start()
            served = 0
            while any(thread.is_alive() for thread in threads):
                for target in ("/_ping", "/containers/json"):
                    assert raw.ask("GET", target).status == 200
                    served += len(answered) < len(bodies)
        for thread in threads:
            thread.join()
    assert sorted(answered) == [400] * 2 + [404] * 2, "they were looked at to the end"
    assert served >= 5 * len(bodies), f"bob was served {served} times while {len(bodies)} big requests were worked on"
