"""The back door: with ds01-authz dockerd takes no request but those that came through ds01d."""

import concurrent.futures
import datetime
import json
import os
import select
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from lib import compose, unix_http
from lib.authz import DENIED, HEADER, NAME, Plugin, direct, engine_prefix, is_denied, reload_engine
from lib.daemon import bin_dir
from lib.images import BUSYBOX
from lib.need import need
from lib.waiting import wait_until

CREATE = json.dumps({"Image": BUSYBOX, "Cmd": ["true"]}).encode()
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def plugin(module_stack):
    need((bin_dir() / NAME).exists(), f"needs {NAME}")
    engine = module_stack.engine
    made = Plugin(engine.base / "authz", module_stack.daemon.run_dir)
    # The same Engine, started again where it finds our plugin and no other's.
    engine.child.stop()
    engine.within = [*engine.within, *engine_prefix(made.socket.parent)]
    engine.start()
    made.start()
    wait_until(lambda: module_stack.daemon.ds01("status", check=False).returncode == 0, 15, "ds01d answers")
    yield made
    made.stop()


@pytest.fixture
def on(stack, plugin):
    reload_engine(stack.engine, [NAME])
    # Whoever follows the Engine's events does so since before.
    yield plugin
    if not plugin.child.running():
        plugin.start()
    if not stack.daemon.running():
        stack.daemon.start()
    reload_engine(stack.engine, [])


def in_future(**span):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**span)).isoformat()


def test_Root_Docker_ordinary_work_passes_through_ds01d(stack, on, alice):
    assert alice.out("run", "--rm", BUSYBOX, "echo", "hello") == "hello"
    alice.out("run", "-d", "--name", "long", BUSYBOX, "sh", "-c", "echo begun; sleep 600")
    assert alice.out("exec", "long", "echo", "within") == "within"
    with alice.follow("logs", "-f", "long") as logs:
        assert logs.line() == "begun"
        with alice.follow("events", "--filter", "type=container") as events:
            wait_until(lambda: alice.docker("kill", "long", check=False) and events.line(), 15, "an event")
        assert logs.rest() == []
    assert alice.docker("run", "-i", "--rm", BUSYBOX, "cat", stdin="through a hijacked stream\n").stdout == (
        "through a hijacked stream\n"
    )
    source = alice.user.home / "file"
    alice.run(["sh", "-c", "echo contents > file"])
    alice.docker("cp", source, "long:/file")
    alice.docker("cp", "long:/file", alice.user.home / "back")
    assert (alice.user.home / "back").read_text() == "contents\n"
    alice.run(["sh", "-c", f"mkdir -p ctx && printf 'FROM {BUSYBOX}\\nRUN echo built > /built\\n' > ctx/Dockerfile"])
    builders = [alice.with_env({"DOCKER_BUILDKIT": "0"}), alice.with_env(compose.plugins(alice))]
    for number, (build, verb) in enumerate(zip(builders, (["build"], ["buildx", "build"]), strict=True)):
        build.docker(*verb, "--no-cache", "-t", f"mine:{number}", "ctx", timeout=120)
        assert alice.out("run", "--rm", f"mine:{number}", "cat", "/built") == "built"
    alice.docker("save", "-o", "saved.tar", "mine:0")
    assert (alice.user.home / "saved.tar").stat().st_size > 100_000
    assert alice.out("wait", "long") == "137"
    assert alice.docker("rm", "long").returncode == 0
    assert "refused" not in on.said().rsplit("/_ping", 1)[-1]  # but the look whether it is on


def test_Root_Docker_a_terminal_passes(on, alice):
    terminal = alice.terminal("run", "-it", "--rm", BUSYBOX, "sh")
    terminal.read_until(b"# ")
    terminal.type("echo a$((6*7))b\n")
    terminal.read_until(b"a42b")
    terminal.type("exit\n")
    assert terminal.wait() == 0


def test_Root_Docker_root_past_ds01d_is_refused_with_what_to_do(stack, on):
    for method, target, body in [
        ("GET", "/_ping", None),
        ("GET", "/v1.41/containers/json", None),
        ("POST", "/containers/create", CREATE),
        ("POST", "/v1.41/images/prune", None),
        ("GET", "/events?since=1&until=2", None),
    ]:
        reply = direct(stack.engine, method, target, body, headers=JSON if body else None)
        assert is_denied(reply, "has no ticket"), (method, target, reply.status, reply.body[:300])
        assert "DOCKER_HOST" in reply.message() and "docs/admin/authz.md" in reply.message()
    done = subprocess.run(
        ["docker", "--host", f"unix://{stack.engine.socket}", "ps"], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0 and DENIED in done.stderr
    wait_until(lambda: "refused: GET /v1.41/containers/json: " in on.said(), 5, "the refusal is logged")


def test_Root_Docker_a_ticket_is_good_once_and_for_its_request_only(stack, on):
    engine, target = stack.engine, "/v1.41/containers/json?all=1"
    once = on.headers("GET", target)
    assert direct(engine, "GET", target, headers=once).status == 200
    assert is_denied(direct(engine, "GET", target, headers=once), "used before")
    for method, other in [
        ("HEAD", target),
        ("GET", "/v1.41/containers/json?all=0"),
        ("GET", "/v1.41/containers/json"),
        ("GET", "/v1.40/containers/json?all=1"),
        ("GET", "/v1.41/containers/json?all=%31"),
        ("GET", "//v1.41/containers/json?all=1"),
    ]:
        reply = direct(engine, method, other, headers=on.headers("GET", target))
        assert reply.status in (301, 403, 404) and reply.status != 200, (method, other, reply.status)
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert is_denied(direct(engine, "GET", target, headers=on.headers("GET", target, issued_s=now - 61)), "too old")
    assert is_denied(direct(engine, "GET", target, headers=on.headers("GET", target, issued_s=now + 30)), "future")
    good = on.ticket("GET", target)
    for broken in ["", "1", good[:-1], good + "0", good.upper(), good.replace("1.", "2.", 1), f"{good}, {good}"]:
        assert is_denied(direct(engine, "GET", target, headers={HEADER: broken})), broken
    assert direct(engine, "GET", target, headers={HEADER: good}).status == 200


def test_Root_Docker_one_ticket_on_many_connections_opens_one(stack, on):
    target = "/containers/json"
    header = on.headers("GET", target)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: direct(stack.engine, "GET", target, headers=header).status, range(16)))
    assert sorted(replies) == [200] + [403] * 15


def test_Root_Docker_a_clients_own_ticket_goes_nowhere(stack, on, alice):
    target = "/v1.41/containers/json"
    good = on.ticket("GET", target)
    with alice.raw() as raw:
        for name in (HEADER, HEADER.lower(), HEADER.upper()):
            for value in ("nonsense", good):
                assert raw.ask("GET", target, headers={name: value}).status == 200
    # It was not spent, so it was not sent.
    assert direct(stack.engine, "GET", target, headers={HEADER: good}).status == 200
    # Nor does it open anything that ds01d refuses.
    with alice.raw() as raw:
        body = json.dumps({"Image": BUSYBOX, "HostConfig": {"Privileged": True}}).encode()
        reply = raw.ask("POST", "/containers/create", body, {HEADER: on.ticket("POST", "/containers/create")})
        assert reply.status in (400, 403)


def test_Root_Docker_users_cannot_read_the_key_or_reach_the_plugin(on, alice):
    assert stat.S_IMODE(on.key.stat().st_mode) == 0o600 and on.key.stat().st_uid == 0
    assert on.key.stat().st_size == 32
    assert alice.run(["cat", on.key], check=False).returncode != 0
    assert stat.S_IMODE(on.socket.stat().st_mode) == 0o600
    # Also where the socket's own mode lets them in, and the way to it.
    places = [on.socket, on.socket.parent, on.base, on.base.parent]
    modes = [stat.S_IMODE(place.stat().st_mode) for place in places]
    try:
        for place in places:
            place.chmod(0o777)
        with alice_connection(alice, on.socket) as raw:
            raw.try_send(b"POST /Plugin.Activate HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            assert raw.replies_until_closed() == []
    finally:
        for place, mode in zip(places, modes):
            place.chmod(mode)


def alice_connection(alice, path):
    return unix_http.RawConnection(alice.user, path)


def test_Root_Docker_it_refuses_also_while_ds01d_is_down(stack, on):
    stack.daemon.stop()
    assert is_denied(direct(stack.engine, "GET", "/containers/json"), "start it")
    assert is_denied(direct(stack.engine, "POST", "/containers/create", CREATE, headers=JSON), "start it")
    stack.daemon.start()
    assert stack.alice.out("run", "--rm", BUSYBOX, "echo", "again") == "again"


def test_Root_Docker_break_glass_lets_pass_until_its_end_and_is_logged(stack, on):
    with on.breaking_glass(in_future(seconds=4)):
        assert direct(stack.engine, "GET", "/v1.41/containers/json?all=1").status == 200
        created = direct(stack.engine, "POST", "/containers/create?name=glass", CREATE, headers=JSON)
        assert created.status == 201
        began_waiting = direct(stack.engine, "POST", f"/containers/{created.json()['Id']}/start")
        assert began_waiting.status == 204
        wait_until(lambda: is_denied(direct(stack.engine, "GET", "/_ping")), 15, "the glass is whole again")
    said = on.said()
    assert "lets every request pass until" in said
    assert "break-glass: passed until" in said
    for line in ("GET /v1.41/containers/json:", "POST /containers/create:", "/start:"):
        assert line in said
    assert "all=1" not in said, "queries do not belong into the log"
    assert "break-glass: closed" in said


def test_Root_Docker_an_answer_after_the_end_of_break_glass_still_goes_out(stack, on):
    with on.breaking_glass(in_future(seconds=3)):
        body = json.dumps({"Image": BUSYBOX, "Cmd": ["sleep", "6"]}).encode()
        made = direct(stack.engine, "POST", "/containers/create", body, headers=JSON).json()["Id"]
        assert direct(stack.engine, "POST", f"/containers/{made}/start").status == 204
        waited = direct(stack.engine, "POST", f"/containers/{made}/wait")
    assert waited.status == 200 and waited.json()["StatusCode"] == 0
    assert is_denied(direct(stack.engine, "GET", "/_ping"))


@pytest.mark.parametrize("how", ["empty", "words", "over", "two days", "writable", "not root's", "link", "directory", "fifo"])
def test_Root_Docker_a_bad_break_glass_file_opens_nothing(stack, on, alice, how):
    text = {"empty": "", "words": "yes, please", "over": in_future(hours=-1), "two days": in_future(hours=25)}
    glass = on.glass
    elsewhere = glass.with_name("elsewhere")
    try:
        if how == "directory":
            glass.mkdir()
        elif how == "fifo":
            os.mkfifo(glass, 0o600)
        elif how == "link":
            elsewhere.write_text(in_future(hours=1))
            glass.symlink_to(elsewhere)
        else:
            glass.write_text(text.get(how, in_future(hours=1)))
            glass.chmod(0o666 if how == "writable" else 0o600)
            if how == "not root's":
                os.chown(glass, alice.user.uid, alice.user.gid)
        assert is_denied(direct(stack.engine, "GET", "/_ping"))
        assert "break-glass: closed; " in on.said()
    finally:
        if glass.is_dir():
            glass.rmdir()
        else:
            glass.unlink()
        elsewhere.unlink(missing_ok=True)


def test_Root_Docker_on_and_off_by_sighup(stack, plugin, alice):
    engine, pid = stack.engine, stack.engine.child.pid
    for _ in range(2):
        assert direct(engine, "GET", "/_ping").status == 200
        with alice.follow("run", "--rm", "-i", BUSYBOX, "sh", "-c", "echo up; sleep 2; echo down") as run:
            assert run.line() == "up"
            reload_engine(engine, [NAME])  # under a stream that runs
            assert is_denied(direct(engine, "GET", "/_ping"))
            assert alice.docker("ps").returncode == 0
            assert run.rest() == ["down"]
        reload_engine(engine, [])
    assert engine.child.running() and engine.child.pid == pid


def test_Root_Docker_bodies_that_the_plugin_is_not_shown(stack, on, alice):
    """3 MB, and one that dockerd shows: neither has a part in the decision."""
    for size in (100, 3_000_000):
        body = json.dumps({"Image": BUSYBOX, "Cmd": ["true", "x" * size]}).encode()
        assert is_denied(direct(stack.engine, "POST", "/containers/create", body, headers=JSON), "has no ticket")
        with alice.raw() as raw:
            assert raw.ask("POST", "/containers/create", body).status == 201
        ticket = on.headers("POST", "/containers/create")
        assert direct(stack.engine, "POST", "/containers/create", body, headers={**JSON, **ticket}).status == 201
    assert len(alice.out("ps", "-aq").split()) == 2
    # An answer of megabytes, all of which goes to the plugin.
    assert "x" * 3_000_000 in alice.out("inspect", *alice.out("ps", "-aq").split())


def test_Root_Docker_restarts_of_the_plugin_and_of_ds01d(stack, on, alice):
    key = on.key.read_bytes()
    old = on.headers("GET", "/containers/json")
    with alice.follow("run", "--rm", "-i", BUSYBOX, "sh", "-c", "echo up; sleep 3; echo down") as run:
        assert run.line() == "up"
        waiting = alice.start("wait", *alice.out("ps", "-q").split())
        select.select([], [], [], 0.5)
        on.child.kill()
        on.start()
        assert on.key.read_bytes() == key
        # Nobody knows whether it was used before.
        assert is_denied(direct(stack.engine, "GET", "/containers/json", headers=old), "started again")
        assert run.rest() == ["down"]
        assert waiting.communicate(timeout=20)[0].strip() == "0"
    assert alice.out("run", "--rm", BUSYBOX, "echo", "on") == "on"
    stack.daemon.restart()
    assert alice.out("run", "--rm", BUSYBOX, "echo", "on") == "on"


def test_Root_Docker_a_key_that_is_lost_or_spoilt(stack, on, alice):
    key = on.key.read_bytes()
    on.key.unlink()
    assert is_denied(direct(stack.engine, "GET", "/_ping"))  # which puts it back
    assert on.key.read_bytes() == key and stat.S_IMODE(on.key.stat().st_mode) == 0o600
    assert alice.docker("ps").returncode == 0
    on.key.chmod(0o644)
    try:
        assert DENIED in alice.refused("ps")
        assert is_denied(direct(stack.engine, "GET", "/_ping"), "cannot tell")
        with on.breaking_glass(in_future(minutes=1)):
            assert direct(stack.engine, "GET", "/_ping").status == 200
            assert alice.docker("ps").returncode == 0
            on.stop()
            on.start()  # it must come, or dockerd would not
            assert direct(stack.engine, "GET", "/_ping").status == 200
        assert is_denied(direct(stack.engine, "GET", "/_ping"), "cannot tell")
    finally:
        on.key.chmod(0o600)
    assert alice.docker("ps").returncode == 0


QUESTION = {"RequestMethod": "GET", "RequestUri": "/info", "RequestHeaders": {"User-Agent": "x"}}


@pytest.mark.parametrize(
    "question",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b'{"RequestMethod":"GET"}',
        b'{"RequestMethod":7,"RequestUri":"/info"}',
        b'{"RequestMethod":"GET","RequestUri":"/info","RequestUri":"/info"}',
        b'{"a":' * 100000,
        b'{"RequestUri":"' + b"a" * (2 << 20) + b'"}',
        b'{"RequestMethod":"GET","RequestUri":"/info"}{}',
    ],
    ids=lambda question: str(question[:12]),
)
def test_Root_Docker_what_is_no_question_is_refused(plugin, question):
    for call in ("AuthZPlugin.AuthZReq", "AuthZPlugin.AuthZRes"):
        answer = plugin.ask(call, question)
        assert answer["Allow"] is False and answer["Msg"]


def test_Root_Docker_questions_as_dockerd_asks_them(plugin):
    assert plugin.ask("Plugin.Activate", b"") == {"Implements": ["authz"]}
    before = plugin.most_resident_kib()
    assert plugin.ask("AuthZPlugin.AuthZRes", QUESTION)["Allow"] is False
    with_ticket = {**QUESTION, "RequestHeaders": plugin.headers("GET", "/info"), "RequestBody": "x" * 1_400_000}
    assert plugin.ask("AuthZPlugin.AuthZRes", with_ticket)["Allow"] is False, "an answer to what was not let in"
    assert plugin.ask("AuthZPlugin.AuthZReq", with_ticket) == {"Allow": True}
    with_answer = {**with_ticket, "ResponseBody": "x" * 50_000_000}
    assert plugin.ask("AuthZPlugin.AuthZRes", with_answer) == {"Allow": True}
    assert plugin.ask("AuthZPlugin.AuthZRes", with_answer)["Allow"] is False
    grown = plugin.most_resident_kib() - before
    assert grown < 16_000, f"{grown} KiB more, for an answer of 50 MB"


def test_Root_Docker_a_peer_that_hangs_holds_up_nobody(plugin):
    import socket

    hung = []
    for _ in range(200):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(plugin.socket))
        connection.sendall(b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        hung.append(connection)
    assert plugin.ask("AuthZPlugin.AuthZReq", QUESTION, timeout=2)["Allow"] is False
    for connection in hung:
        connection.close()


def test_Root_Docker_dockerd_starts_with_it_and_not_without(stack, plugin, monkeypatch):
    engine = stack.engine
    configured = engine.configuration()
    engine.child.stop()
    monkeypatch.setattr(engine, "configuration", lambda: {**configured, "authorization-plugins": [NAME]})
    monkeypatch.setattr(engine, "answers", lambda: pings(engine) == 403)
    stack.daemon.stop()  # nothing depends on ds01d
    plugin.stop()
    try:
        with pytest.raises(AssertionError):
            engine.start()
        plugin.start()
        engine.start()
        stack.daemon.start()
        assert stack.alice.out("run", "--rm", BUSYBOX, "echo", "on") == "on"
    finally:
        if not plugin.child.running():
            plugin.start()
        if engine.child.running():
            engine.child.stop()
        monkeypatch.undo()
        engine.start()
        if not stack.daemon.running():
            stack.daemon.start()


def test_Root_Docker_dockerd_told_to_use_it_while_it_is_away_ends(stack, plugin):
    """What docs/admin/authz.md warns of. Not ours to change."""
    engine = stack.engine
    plugin.stop()
    try:
        settings = json.loads((engine.base / "daemon.json").read_text())
        (engine.base / "daemon.json").write_text(json.dumps({**settings, "authorization-plugins": [NAME]}))
        os.kill(engine.child.pid, signal.SIGHUP)
        wait_until(lambda: not engine.child.running(), 60, "dockerd ends")
    finally:
        plugin.start()
        engine.kill()  # also its containerd, which it leaves behind
        engine.start()


def pings(engine):
    try:
        return unix_http.exchange(engine.socket, "GET", "/_ping", timeout=5).status
    except OSError:
        return 0


def test_Root_Docker_a_socket_from_the_service_manager(plugin):
    """As systemd hands it over: descriptor 3, LISTEN_FDS and LISTEN_PID."""
    script = (
        "import os, socket, sys\n"
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\n"
        "if s.fileno() != 3: os.dup2(s.fileno(), 3)\n"
        "os.set_inheritable(3, True)\n"
        "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\n"
        "os.execv(sys.argv[2], sys.argv[2:])\n"
    )
    path = plugin.base / "activated.sock"
    argv = ["python3", "-c", script, str(path), *map(str, plugin.argv())]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: unix_http.is_listening(path), 10, "the socket")
        reply = unix_http.exchange(path, "POST", "/Plugin.Activate", b"")
        assert reply.json() == {"Implements": ["authz"]}
    finally:
        process.terminate()
        assert process.wait(10) == 0, process.stderr.read()
    assert path.exists(), "the socket is the service manager's"
    path.unlink()


def test_Root_Docker_while_the_plugin_is_away_requests_wait_then_fail(stack, on, alice):
    on.child.kill()
    waiting = alice.start("ps")
    reply = direct(stack.engine, "GET", "/containers/json", headers=on.headers("GET", "/containers/json"), timeout=40)
    assert reply.status == 500 and f"plugin {NAME} failed with error" in reply.message()
    on.start()
    waiting.communicate(timeout=60)
    assert alice.docker("ps").returncode == 0
