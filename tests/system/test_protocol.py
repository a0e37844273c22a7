"""Broken and crafted HTTP: each gets one clear sentence or a closed connection, nothing that was not checked reaches the
Engine, and ds01d goes on."""

import json
import re

import pytest
from lib.images import BUSYBOX

pytestmark = pytest.mark.usefixtures("stack")

SENTENCE = re.compile(r"ds01: \S.*\(decision D[0-9a-f]{12}\)")

PRIVILEGED = json.dumps({"Image": BUSYBOX, "HostConfig": {"Privileged": True}}).encode()
PLAIN = json.dumps({"Image": BUSYBOX}).encode()


def post(body, target="/containers/create", headers=b"Content-Type: application/json\r\n", length=None):
    length = len(body) if length is None else length
    head = f"POST {target} HTTP/1.1\r\nHost: docker\r\nContent-Length: {length}\r\n".encode()
    return head + headers + b"\r\n" + body


HEADS = {
    "no request line": b"\x00\x01\x02\r\n\r\n",
    "words": b"GARBAGE\r\n\r\n",
    "no version": b"GET /_ping\r\n\r\n",
    "version 2": b"GET /_ping HTTP/2.0\r\nHost: docker\r\n\r\n",
    "header without colon": b"GET /_ping HTTP/1.1\r\nHost docker\r\n\r\n",
    "space before the colon": b"POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Length : 5\r\n\r\nabcde",
    "folded header": b"GET /_ping HTTP/1.1\r\nHost: docker\r\nX-A: b\r\n c\r\n\r\n",
    "bare line feeds": b"GET /_ping HTTP/1.1\nHost: docker\n\n",
    "null byte": b"GET /_ping HTTP/1.1\r\nHost: doc\x00ker\r\n\r\n",
    "two lengths": b"POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}abc",
    "length and chunked": b"POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": b"POST /containers/create HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "another transfer coding": b"POST /containers/create HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "negative length": b"POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Length: -1\r\n\r\n",
    "length with a sign": b"POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Length: +2\r\n\r\n{}",
    "absolute form": b"GET http://docker/containers/json HTTP/1.1\r\nHost: docker\r\n\r\n",
    "authority form": b"CONNECT docker:80 HTTP/1.1\r\nHost: docker\r\n\r\n",
    "dot segments": b"GET /containers/../info HTTP/1.1\r\nHost: docker\r\n\r\n",
    "encoded dots": b"GET /containers/%2e%2e/info HTTP/1.1\r\nHost: docker\r\n\r\n",
    "encoded slash": b"GET /containers/a%2fb/json HTTP/1.1\r\nHost: docker\r\n\r\n",
    "double slash": b"GET //containers/json HTTP/1.1\r\nHost: docker\r\n\r\n",
    "bad escape": b"GET /containers/%zz/json HTTP/1.1\r\nHost: docker\r\n\r\n",
    "encoded null": b"GET /containers/a%00b/json HTTP/1.1\r\nHost: docker\r\n\r\n",
    "fragment": b"GET /containers/json#x HTTP/1.1\r\nHost: docker\r\n\r\n",
}

JSONS = {
    "nothing closed": b"{",
    "list": b"[]",
    "string": b'"x"',
    "two values": PLAIN + PLAIN,
    "trailing words": PLAIN + b" and more",
    "comment": b'{"Image":"x" /* c */}',
    "single quotes": b"{'Image':'x'}",
    "not UTF-8": b'{"Image":"\xff\xfe"}',
    "lone surrogate key": b'{"\\ud800":1,"Image":"x"}',
    "wrong type": b'{"Image":"x","HostConfig":[]}',
    "number for text": b'{"Image":7}',
    "text for number": b'{"Image":"x","HostConfig":{"Memory":"lots"}}',
    "deep": b'{"Labels":' + b"[" * 100000 + b"]" * 100000 + b"}",
}


def error_of(reply):
    assert reply.status >= 400, (reply.status, reply.body[:300])
    message = reply.json()["message"]
    assert SENTENCE.fullmatch(message), message
    return message


@pytest.fixture(autouse=True)
def goes_on(stack, alice):
    yield
    with alice.raw() as raw:
        assert raw.ask("GET", "/_ping").status == 200
    assert stack.daemon.running()


@pytest.mark.parametrize("name", HEADS)
def test_Root_Docker_malformed_head_gets_one_sentence(stack, alice, name):
    with alice.raw() as raw:
        raw.try_send(HEADS[name])
        replies = raw.replies_until_closed()
    assert len(replies) == 1, [(r.status, r.body[:100]) for r in replies]
    error_of(replies[0])
    assert replies[0].status in (400, 403, 501, 505), replies[0].status
    assert not stack.engine.containers()


@pytest.mark.parametrize("name", JSONS)
def test_Root_Docker_malformed_json_gets_one_sentence(stack, alice, name):
    with alice.raw() as raw:
        raw.try_send(post(JSONS[name]))
        reply = raw.reply()
    error_of(reply)
    assert reply.status == 400
    assert not stack.engine.containers()


def test_Root_Docker_head_without_end_is_refused(alice):
    with alice.raw() as raw:
        raw.try_send(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nX-Long: " + b"a" * (600 << 10))
        replies = raw.replies_until_closed(1)
    assert len(replies) == 1
    error_of(replies[0])


def test_Root_Docker_body_over_the_limit_is_refused_before_it_is_sent(alice):
    with alice.raw() as raw:
        raw.try_send(post(b"", length=1 << 40))
        error_of(raw.reply())


def test_Root_Docker_body_of_chunks_over_the_limit_is_refused(alice):
    with alice.raw() as raw:
        raw.try_send(
            b"POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b'{"Labels":{"a":"' + b"a" * ((1 << 20) - 16)
        for _ in range(6):
            raw.try_send(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        error_of(raw.reply())


@pytest.mark.parametrize("size", [b"zz", b"-1", b"0x10", b"ffffffffffffffffff", b" 10", b""])
def test_Root_Docker_bad_chunk_size_is_refused(stack, alice, size):
    with alice.raw() as raw:
        raw.try_send(
            b"POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n" + PLAIN + b"\r\n0\r\n\r\n"
        )
        replies = raw.replies_until_closed(2)
    assert len(replies) <= 1
    if replies:
        error_of(replies[0])
    assert not stack.engine.containers()


def test_Root_Docker_second_request_on_a_connection_is_checked_too(stack, alice):
    with alice.raw() as raw:
        for _ in range(3):
            assert raw.ask("GET", "/_ping").status == 200
        assert raw.ask("POST", "/containers/create", PRIVILEGED).status in (400, 403)
        # A refusal does not end the connection's use, and what follows is still checked.
        assert raw.ask("POST", "/containers/create?name=plain", PLAIN).status == 201
        assert raw.ask("POST", "/containers/create", PRIVILEGED).status in (400, 403)
    assert [c["Name"] for c in stack.engine.containers()] == ["/plain"]


def test_Root_Docker_pipelined_requests_are_checked_one_by_one(stack, alice):
    with alice.raw() as raw:
        raw.send(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n" + post(PRIVILEGED) + post(PLAIN, "/containers/create?name=plain"))
        first = raw.reply()
        rest = raw.replies_until_closed(2)
    assert first.status == 200
    assert all(r.status in (201, 400, 403) for r in rest)
    assert not rest or rest[0].status != 201
    assert not [c for c in stack.engine.containers() if c["HostConfig"]["Privileged"]]


@pytest.mark.parametrize("order", ["length first", "chunked first"])
@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b" chunked ", b"\tchunked", b"identity, chunked"])
def test_Root_Docker_two_framings_smuggle_nothing(stack, alice, order, coding):
    hidden = post(PRIVILEGED)
    fields = [b"Content-Length: %d" % (len(hidden) + 5), b"Transfer-Encoding: " + coding]
    if order == "chunked first":
        fields.reverse()
    with alice.raw() as raw:
        raw.try_send(
            b"POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
            + b"\r\n".join(fields)
            + b"\r\n\r\n0\r\n\r\n"
            + hidden
        )
        replies = raw.replies_until_closed()
    assert len(replies) == 1
    error_of(replies[0])
    assert not stack.engine.containers()


def test_Root_Docker_a_body_on_a_request_without_one_is_no_second_request(stack, alice):
    hidden = post(PRIVILEGED)
    with alice.raw() as raw:
        raw.try_send(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden)
        first = raw.reply()
        assert raw.silent(0.5) or raw.replies_until_closed(1) == []
    assert first.status in (200, 400)
    assert not stack.engine.containers()


@pytest.mark.parametrize("kind", [b"application/x-www-form-urlencoded", b"text/plain", b"multipart/form-data; boundary=x"])
def test_Root_Docker_body_of_another_type_makes_nothing(stack, alice, kind):
    with alice.raw() as raw:
        raw.send(post(PRIVILEGED, headers=b"Content-Type: " + kind + b"\r\n"))
        assert raw.reply().status >= 400
    assert not stack.engine.containers()


def test_Root_Docker_form_body_overrides_no_query(stack, alice, bob):
    """Go merges a form body into the query's parameters: what was checked must be what counts."""
    bob.out("run", "-d", "--name", "bobs-own", BUSYBOX, "sleep", "600")
    alice.out("run", "-d", "--name", "plain", BUSYBOX, "sleep", "600")
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    with alice.raw() as raw:
        raw.send(post(b"container=bobs-own&repo=ds01test/stolen", "/commit?container=plain&repo=ds01test/fine", headers=form))
        raw.reply()
    with alice.raw() as raw:
        raw.send(post(b"name=taken", "/containers/plain/rename?name=renamed", headers=form))
        raw.reply()
    assert stack.engine.api("GET", "/images/ds01test/stolen/json", expect=None).status == 404
    assert not stack.engine.exists("taken")


def test_Root_Docker_a_parameter_given_twice_is_not_two_meanings(stack, alice, bob):
    bob.out("run", "-d", "--name", "bobs-own", BUSYBOX, "sleep", "600")
    alice.out("run", "-d", "--name", "plain", BUSYBOX, "sleep", "600")
    for query in ("container=plain&container=bobs-own", "container=bobs-own&container=plain"):
        with alice.raw() as raw:
            reply = raw.ask("POST", f"/commit?{query}&repo=ds01test/stolen", b"{}")
        assert reply.status in (400, 404), (reply.status, reply.message())
    assert stack.engine.api("GET", "/images/ds01test/stolen/json", expect=None).status == 404


def test_Root_Docker_a_reply_that_ends_the_connection_says_so(alice):
    for target, body in (("/commit?container=a&container=b", b"{}"), ("/containers/create", b"{"), ("/swarm/init", b"{}")):
        with alice.raw() as raw:
            reply = raw.ask("POST", target, body)
            assert reply.status >= 400
            if reply.headers.get("connection", "").lower() != "close":
                assert raw.ask("GET", "/_ping").status == 200


def test_Root_Docker_upgrade_on_a_plain_route_opens_no_tunnel(stack, alice):
    with alice.raw() as raw:
        raw.send(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        first = raw.replies_until_closed(1)
        raw.try_send(post(PRIVILEGED))
        raw.replies_until_closed(1)
    assert not first or first[0].status != 101
    assert not stack.engine.containers()


def test_Root_Docker_after_a_refused_upgrade_what_follows_is_checked(stack, alice):
    """A peer that believes in a tunnel the Engine refused must not get one."""
    with alice.raw() as raw:
        raw.try_send(
            b"POST /containers/nope/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n"
            b"Upgrade: tcp\r\nContent-Length: 0\r\n\r\n" + post(PRIVILEGED)
        )
        replies = raw.replies_until_closed(2)
    assert replies[0].status == 404
    assert all(reply.status in (400, 403) for reply in replies[1:])
    assert not stack.engine.containers()


def test_Root_Docker_attach_by_raw_upgrade_carries_the_stream(alice):
    alice.out("create", "-i", "--name", "echo", BUSYBOX, "cat")
    alice.out("start", "echo")
    with alice.raw() as raw:
        raw.send(
            b"POST /containers/echo/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n"
            b"Upgrade: tcp\r\nContent-Length: 0\r\n\r\n"
        )
        assert raw.reply().status == 101
        raw.send(b"hello\n")
        raw.half_close()
        assert raw.stream() == b"\x01\0\0\0\0\0\0\x06hello\n"


def test_Root_Docker_attach_the_old_way_carries_the_stream(alice):
    alice.out("create", "-i", "--name", "echo", BUSYBOX, "cat")
    alice.out("start", "echo")
    with alice.raw() as raw:
        raw.send(b"POST /containers/echo/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n")
        assert b"200" in raw._line()
        while raw._line():
            pass
        raw.send(b"hello\n")
        raw.half_close()
        assert raw.stream() == b"\x01\0\0\0\0\0\0\x06hello\n"


def test_Root_Docker_a_request_in_single_bytes_is_understood(stack, alice):
    with alice.raw() as raw:
        for byte in post(PLAIN, "/containers/create?name=slow"):
            raw.send(bytes([byte]))
        assert raw.reply().status == 201
    assert stack.engine.exists("slow")


def test_Root_Docker_chunked_body_is_understood(stack, alice):
    with alice.raw() as raw:
        raw.send(
            b"POST /containers/create?name=chunks HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for start in range(0, len(PLAIN), 7):
            piece = PLAIN[start : start + 7]
            raw.send(f"{len(piece):x};x=y\r\n".encode() + piece + b"\r\n")
        raw.send(b"0\r\nX-Trailer: 1\r\n\r\n")
        reply = raw.reply()
    assert reply.status in (201, 400), reply.message()
    assert stack.engine.exists("chunks") == (reply.status == 201)


def test_Root_Docker_expect_continue_is_answered(stack, alice):
    with alice.raw() as raw:
        raw.send(post(b"", "/containers/create?name=patient", b"Content-Type: application/json\r\nExpect: 100-continue\r\n", len(PLAIN)))
        assert raw._line() == b"HTTP/1.1 100 Continue"
        raw._line()
        raw.send(PLAIN)
        assert raw.reply().status == 201


def test_Root_Docker_many_idle_connections_keep_nobody_out(alice, bob):
    held = [alice.raw() for _ in range(40)]
    try:
        assert bob.out("ps", "-q") == ""
    finally:
        for raw in held:
            raw.close()
