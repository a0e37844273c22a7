"""Connections that stay: a terminal that is left and taken up again, its size, and attach over a WebSocket as web
front ends do it."""

import base64
import os

import pytest
from lib.images import BUSYBOX

pytestmark = pytest.mark.usefixtures("stack")


def test_Root_Docker_a_terminal_is_left_and_taken_up_again(stack, alice, each_cli):
    client = alice.with_cli(each_cli)
    terminal = client.terminal("run", "-it", "--name", "shell", BUSYBOX, "sh")
    terminal.read_until(b"# ")
    terminal.type("word=kept\n")
    terminal.read_until(b"# ")
    terminal.type("\x10\x11")  # the keys that leave: ctrl-p ctrl-q
    assert terminal.wait() == 0
    assert stack.engine.inspect("shell")["State"]["Running"]
    again = client.terminal("attach", "shell")
    again.type("echo the word is $word\n")
    again.read_until(b"the word is kept")
    again.type("exit 4\n")
    assert again.wait() == 4


def test_Root_Docker_a_terminal_has_the_size_of_the_users(alice, each_cli):
    client = alice.with_cli(each_cli)
    client.out("run", "-d", "--name", "app", BUSYBOX, "sleep", "600")
    terminal = client.terminal("exec", "-it", "app", "sh", size=(33, 111))
    terminal.read_until(b"# ")
    # The client tells the size after the start; asked until it has arrived.
    terminal.type("until stty size | grep -x '33 111'; do :; done\n")
    terminal.read_until(b"\n33 111")
    terminal.type("exit\n")
    terminal.wait()


def frame(text):
    """A masked text frame, as a client must send it (RFC 6455, 5.2)."""
    mask = os.urandom(4)
    return bytes([0x81, 0x80 | len(text)]) + mask + bytes(c ^ mask[i % 4] for i, c in enumerate(text))


def test_Root_Docker_attach_over_a_websocket(alice):
    alice.out("create", "-i", "--name", "echo", BUSYBOX, "sh", "-c", "read x; echo you said $x")
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Origin": "http://localhost",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    with alice.raw() as connection:
        reply = connection.ask("GET", "/v1.41/containers/echo/attach/ws?stream=1&stdin=1&stdout=1", headers=headers)
        assert reply.status == 101
        assert reply.headers["upgrade"].lower() == "websocket"
        alice.out("start", "echo")
        connection.send(frame(b"hello\n"))
        assert b"you said hello" in connection.stream()
