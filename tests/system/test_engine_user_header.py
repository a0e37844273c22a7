"""policy.engine_user_header: an authorization plugin of the Engine's learns from ds01d whose each request is."""

import os

import pytest
from lib import authz, peer
from lib.authz import direct, engine_prefix, reload_engine
from lib.daemon import bin_dir
from lib.images import BUSYBOX
from lib.need import need
from lib.recording_plugin import NAME, RecordingPlugin
from lib.waiting import wait_until

HEADER = "Authz-User"
STACK = {"daemon": {"policy": {"engine_user_header": HEADER}}}
USUAL = "/var/run/docker.sock"
DENIED = f"authorization denied by plugin {NAME}: not for this user"


@pytest.fixture(scope="module")
def recording(module_stack):
    engine, daemon = module_stack.engine, module_stack.daemon
    made = RecordingPlugin(engine.base / "plugins")
    # The same Engine, started again with the plugin; so is ds01d, whose first questions are seen then.
    daemon.stop()
    engine.child.stop()
    engine.within = [*engine.within, *engine_prefix(made.directory)]
    configured = engine.configuration()
    engine.configuration = lambda: {**configured, "authorization-plugins": [NAME]}
    engine.start()
    made.forget()
    daemon.start()
    wait_until(lambda: daemon.ds01("status", check=False).returncode == 0, 15, "ds01d answers")
    made.at_start = made.seen()
    yield made
    made.stop()


@pytest.fixture
def plugin(stack, recording):
    recording.forget()
    yield recording
    recording.deny = lambda seen: False


def users(seen):
    return {record.headers.get(HEADER) for record in seen}


def through_ds01d(plugin):
    """What the tests themselves ask the Engine has no User-Agent."""
    return [seen for seen in plugin.seen() if "User-Agent" in seen.headers]


def test_Root_Docker_each_request_says_whose_it_is(stack, plugin, alice, bob):
    for client in (alice, bob):
        plugin.forget()
        name, other = f"of-{client.user.name}", alice if client is bob else bob
        client.out("run", "-d", "--name", name, "--gpus", "1", BUSYBOX, "sleep", "600")
        assert client.out("exec", name, "echo", "within") == "within"
        assert client.docker("run", "-i", "--rm", BUSYBOX, "cat", stdin="hijacked\n").stdout == "hijacked\n"
        client.out("logs", name)
        client.out("volume", "create", f"v-{name}")
        client.docker("build", "-", stdin=f"FROM {BUSYBOX}\nRUN true\n", env={"DOCKER_BUILDKIT": "0"})
        client.out("stop", "-t", "0", name)
        for method, part in [
            ("POST", "/containers/create?name="),
            ("POST", "/start"),
            ("POST", "/exec"),
            ("POST", "/exec/"),
            ("POST", "/attach"),
            ("GET", "/logs"),
            ("POST", "/volumes/create"),
            ("POST", "/build"),
            ("POST", "/stop"),
        ]:
            seen = plugin.seen(method, part)
            assert seen and users(seen) == {client.user.name}, (method, part, seen)
        assert users(through_ds01d(plugin)) == {client.user.name, "root"}
        assert other.user.name not in users(plugin.seen())


def test_Root_Docker_what_ds01d_asks_itself_is_roots(stack, plugin, alice):
    own = [seen for seen in plugin.at_start if seen.headers.get("User-Agent") == "ds01"]
    asked = {seen.target.split("?")[0] for seen in own}
    assert {"/version", "/info", "/events", "/containers/json"} <= asked
    assert users(own) == {"root"}
    alice.out("create", "--name", "gone", BUSYBOX, "true")
    plugin.forget()
    alice.docker("container", "prune", "-f")
    assert users(plugin.seen("GET", "/containers/json?all=1")) == {"root"}, "asked beside alice's request"
    removed = plugin.seen("DELETE", "/containers/")
    assert len(removed) == 1 and users(removed) == {alice.user.name}
    assert users(through_ds01d(plugin)) == {alice.user.name, "root"}


def test_Root_Docker_a_container_with_the_socket_is_its_owner(stack, plugin, alice):
    tools = alice.user.home / "header-tools"
    tools.mkdir()
    for path in (peer.build(tools), tools):
        os.chown(path, alice.user.uid, alice.user.gid)
    alice.docker("run", "-d", "--name", "inside", "-v", f"{tools}:/tools", "-v", f"{USUAL}:{USUAL}", BUSYBOX, "sleep", "600")
    plugin.forget()
    answer = alice.out("exec", "-u", "0:0", "inside", "/tools/peer", "get", USUAL, "/images/json")
    assert answer.startswith("HTTP/1.1 200")
    assert users(plugin.seen("GET", "/images/json")) == {alice.user.name}


def test_Root_Docker_a_clients_own_header_goes_nowhere(plugin, alice, bob):
    with alice.raw() as raw:
        for name in (HEADER, HEADER.lower(), HEADER.upper(), HEADER.replace("-", "_"), f"X-Docker-A: b\r\n{HEADER}"):
            assert raw.ask("GET", "/info", headers={name: bob.user.name}).status == 200
    seen = plugin.seen("GET", "/info")
    assert len(seen) == 5
    for record in seen:
        told = {name: value for name, value in record.headers.items() if name.lower().replace("_", "-") == HEADER.lower()}
        assert told == {HEADER: alice.user.name}


def test_Root_Docker_users_share_connections_to_the_Engine_and_no_names(plugin, alice, bob):
    for _ in range(5):
        for client in (alice, bob):
            with client.raw() as raw:
                assert raw.ask("GET", f"/info?of={client.user.name}").status == 200
    for client in (alice, bob):
        seen = plugin.seen("GET", f"/info?of={client.user.name}")
        assert len(seen) == 5 and users(seen) == {client.user.name}


def test_Root_Docker_what_the_plugin_refuses_is_refused(stack, plugin, alice, bob):
    before = stack.daemon.status()["counters"]["unanswered_engine"]
    # As a policy with deny as its default.
    allowed = {alice.user.name, "root"}
    plugin.deny = lambda seen: "User-Agent" in seen.headers and seen.headers.get(HEADER) not in allowed
    assert alice.out("run", "--rm", "--gpus", "1", BUSYBOX, "echo", "may") == "may"
    assert DENIED in bob.refused("ps")
    assert DENIED in bob.refused("run", "--gpus", "1", BUSYBOX, "true")
    assert not stack.daemon.held(), "a create that was refused holds no GPU"
    assert stack.daemon.status()["counters"]["unanswered_engine"] == before


def test_Root_Docker_tickets_and_users_go_together(stack, plugin, alice):
    need((bin_dir() / authz.NAME).exists(), f"needs {authz.NAME}")
    engine = stack.engine
    tickets = authz.Plugin(engine.base / "authz", stack.daemon.run_dir)
    tickets.socket = plugin.directory / tickets.socket.name
    tickets.start()
    try:
        reload_engine(engine, [authz.NAME, NAME])
        plugin.forget()
        assert alice.out("run", "--rm", BUSYBOX, "echo", "hello") == "hello"
        created = plugin.seen("POST", "/containers/create")
        assert users(created) == {alice.user.name} and authz.HEADER in created[0].headers
        forged = direct(engine, "GET", "/info", headers={HEADER: alice.user.name})
        assert authz.is_denied(forged, "has no ticket"), "with ds01-authz before it the header cannot be forged"
    finally:
        reload_engine(engine, [NAME], closed=False)
        tickets.stop()


def test_Root_Docker_sighup_changes_it(stack, plugin, alice):
    def told():
        plugin.forget()
        with alice.raw() as raw:
            assert raw.ask("GET", "/info").status == 200
        return plugin.seen("GET", "/info")[0].headers

    try:
        stack.daemon.configure(policy={"engine_user_header": "X-Other"})
        stack.daemon.reload()
        assert told().get("X-Other") == alice.user.name and HEADER not in told()
        stack.daemon.configure(policy={})
        stack.daemon.reload()
        assert not {HEADER, "X-Other"} & told().keys()
        stack.daemon.configure(policy={"engine_user_header": "X-Docker-User"})
        assert "policy.engine_user_header: X-Docker-User has a meaning already" in stack.daemon.reload("was not reloaded")
        assert not {HEADER, "X-Other", "X-Docker-User"} & told().keys()
    finally:
        stack.daemon.configure(**STACK["daemon"])
        stack.daemon.reload()
    assert told()[HEADER] == alice.user.name


def test_Root_Docker_past_ds01d_root_says_what_it_likes(stack, plugin, alice):
    """What docs/admin/policy.md warns of: the header is worth something while nobody but root reaches the Engine."""
    assert direct(stack.engine, "GET", "/info", headers={HEADER: alice.user.name}).status == 200
    assert users(plugin.seen("GET", "/info")) == {alice.user.name}
