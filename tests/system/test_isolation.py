"""Another user's container is not there: every way of naming it gives exactly what a name nobody uses gives, and
nothing happens to it."""

import json

import pytest
from lib import users
from lib.images import BUSYBOX
from lib.unix_http import RawConnection, exchange

pytestmark = pytest.mark.usefixtures("stack")

MISSING_NAME = "nobodys-container"
MISSING_ID = "0badcafe" * 8

# {} is the container.
VERBS = [
    "container inspect {}",
    "exec {} touch /touched",
    "exec -it {} true",
    "logs {}",
    "logs --tail 10 {}",
    "rm {}",
    "rm -f {}",
    "rm -f -v {}",
    "stop -t 0 {}",
    "start {}",
    "restart -t 0 {}",
    "kill {}",
    "kill -s USR1 {}",
    "pause {}",
    "unpause {}",
    "cp {}:/etc/passwd -",
    "cp /etc/hostname {}:/touched",
    "commit {} ds01test/stolen:1",
    "rename {} stolen",
    "attach --no-stdin {}",
    "wait {}",
    "update --cpus 1 {}",
    "top {}",
    "stats --no-stream {}",
    "export {}",
    "diff {}",
    "port {}",
]

# Requests no CLI verb makes.
ROUTES = [
    ("GET", "/containers/{}/json?size=1", None),
    ("GET", "/containers/{}/archive?path=/etc/passwd", None),
    ("HEAD", "/containers/{}/archive?path=/etc/passwd", None),
    ("PUT", "/containers/{}/archive?path=/", b""),
    ("GET", "/containers/{}/attach/ws?stream=1", None),
    ("POST", "/containers/{}/resize?h=10&w=10", b""),
    ("POST", "/containers/{}/exec", {"Cmd": ["true"]}),
    ("GET", "/containers/{}/stats?stream=0", None),
    ("GET", "/containers/{}/top", None),
    ("GET", "/containers/{}/changes", None),
]


@pytest.fixture
def theirs(bob):
    """bob's running container: (name, full id)."""
    identity = bob.out("run", "-d", "--name", "bobs-own", BUSYBOX, "sh", "-c", "echo secret; sleep 600")
    return "bobs-own", identity


def forms(theirs):
    name, identity = theirs
    return {
        "name": (name, MISSING_NAME),
        "slash": ("/" + name, "/" + MISSING_NAME),
        "id": (identity, MISSING_ID),
        "prefix": (identity[:12], MISSING_ID[:12]),
        "short": (identity[:5], MISSING_ID[:5]),
    }


def essence(container):
    """What must stay the same."""
    state = container["State"]
    host = container["HostConfig"]
    return {
        "id": container["Id"],
        "name": container["Name"],
        "running": (state["Status"], state["Pid"], state["StartedAt"]),
        "limits": (host["NanoCpus"], host["Memory"], host["RestartPolicy"]),
        "labels": container["Config"]["Labels"],
    }


def told(done, ref):
    # The newer client also logs, with the time, that its upload was cut short; or not, depending on who is faster.
    lines = [line for line in done.stderr.splitlines() if not line.startswith("time=")]
    return done.returncode, done.stdout, [line.replace(ref, "REF") for line in lines]


@pytest.mark.parametrize("form", ["name", "id", "prefix"])
def test_Root_Docker_no_verb_finds_the_others_container(stack, alice, each_cli, theirs, form):
    alice = alice.with_cli(each_cli)
    ref, missing = forms(theirs)[form]
    before = essence(stack.engine.inspect(theirs[1]))
    wrong = []
    for verb in VERBS:
        for_theirs = alice.docker(*verb.format(ref).split(), check=False)
        for_nobodys = alice.docker(*verb.format(missing).split(), check=False)
        seen = told(for_theirs, ref)
        expected = told(for_nobodys, missing)
        # docker exec -it and cp to a container hide the Engine's sentence; what they say is compared all the same.
        clear = "No such container" in for_nobodys.stderr or verb.startswith(("exec -it", "cp /"))
        if seen != expected or not clear:
            wrong.append(f"{verb}: {seen}, but nobody's gives {expected}")
    assert not wrong, "\n".join(wrong)
    assert essence(stack.engine.inspect(theirs[1])) == before
    changed = [change["Path"] for change in stack.engine.api("GET", f"/containers/{theirs[1]}/changes").json() or []]
    assert "/touched" not in changed
    assert stack.engine.api("GET", "/images/ds01test/stolen:1/json", expect=None).status == 404


@pytest.mark.parametrize("form", ["name", "slash", "id", "prefix", "short"])
def test_Root_Docker_no_route_finds_the_others_container(stack, alice, theirs, form):
    ref, missing = forms(theirs)[form]
    before = essence(stack.engine.inspect(theirs[1]))
    wrong = []
    for method, target, body in ROUTES:
        for version in ("", "/v1.24", "/v1.41"):
            answers = []
            for name in (ref, missing):
                with alice.raw() as raw:
                    raw.request(method, version + target.format(name), body)
                    if method == "HEAD":
                        answers.append((int(raw._line().split()[1]), ""))
                    else:
                        reply = raw.reply()
                        text = strip_decision(reply.message())
                        answers.append((reply.status, text.replace(name.strip("/"), "REF")))
            ours, nobodys = answers
            if ours != nobodys or ours[0] < 400:
                wrong.append(f"{method} {version}{target}: {ours}, but nobody's gives {nobodys}")
    assert not wrong, "\n".join(wrong)
    assert essence(stack.engine.inspect(theirs[1])) == before


def test_Root_Docker_inspect_of_several_shows_only_ones_own(alice, theirs):
    alice.out("run", "-d", "--name", "alices-own", BUSYBOX, "sleep", "600")
    done = alice.docker("container", "inspect", "alices-own", theirs[0], check=False)
    assert done.returncode != 0
    assert [c["Name"] for c in json.loads(done.stdout)] == ["/alices-own"]
    done = alice.docker("stats", "--no-stream", "--format", "{{.Name}}", "alices-own", theirs[0], check=False)
    assert "bobs-own" not in done.stdout


def test_Root_Docker_lists_show_only_ones_own(stack, alice, each_cli, theirs):
    alice = alice.with_cli(each_cli)
    alice.out("create", "--name", "alices-own", BUSYBOX)
    assert alice.out("ps", "-a", "--format", "{{.Names}}") == "alices-own"
    assert alice.out("ps", "-a", "--filter", f"name={theirs[0]}", "--format", "{{.Names}}") == ""
    assert alice.out("ps", "-a", "--filter", f"id={theirs[1]}", "--format", "{{.Names}}") == ""
    assert alice.out("ps", "-a", "--filter", f"label=ds01.user={stack.bob.user.name}", "--format", "{{.Names}}") == ""
    assert alice.out("ps", "-n", "1", "--format", "{{.Names}}") == "alices-own"
    assert alice.out("ps", "-a", "--filter", "name=own", "--format", "{{.Names}}") == "alices-own"
    assert stack.bob.out("ps", "--format", "{{.Names}}") == theirs[0]


def test_Root_Docker_root_sees_and_may_stop_all(stack, theirs):
    stack.alice.out("create", "--name", "alices-own", BUSYBOX)
    reply = exchange(stack.daemon.socket, "GET", "/containers/json?all=1")
    assert {c["Names"][0] for c in reply.json()} == {"/alices-own", "/bobs-own"}
    assert exchange(stack.daemon.socket, "POST", f"/containers/{theirs[0]}/kill").status == 204


def test_Root_Docker_a_container_nobody_owns_is_the_admins(stack, alice):
    stack.engine.api("POST", "/containers/create?name=unowned", {"Image": BUSYBOX, "Cmd": ["sleep", "600"]})
    assert alice.out("ps", "-aq") == ""
    assert "No such container" in alice.refused("container", "inspect", "unowned")
    reply = exchange(stack.daemon.socket, "GET", "/containers/unowned/json")
    assert reply.status == 200


def test_Root_Docker_an_owners_label_set_behind_our_back_gives_no_way_in(stack, alice, bob):
    """It names her, so she may be rid of it (test_tracker), and she owns it no more than before."""
    labels = {"ds01.user": alice.user.name, "ds01.lease": "L0123456789abcdef"}
    body = {"Image": BUSYBOX, "Cmd": ["sleep", "600"], "Labels": labels, "Env": ["TOKEN=s3cret"]}
    stack.engine.api("POST", "/containers/create?name=forged", body)
    assert "No such container" in bob.refused("container", "inspect", "forged")
    alice.refused("start", "forged")
    stack.engine.api("POST", "/containers/forged/start")
    for attempt in (["exec", "forged", "true"], ["cp", "forged:/etc/passwd", "-"], ["logs", "forged"], ["commit", "forged"]):
        alice.refused(*attempt)
    assert "s3cret" not in alice.docker("container", "inspect", "forged", check=False).stdout


def test_Root_Docker_the_others_exec_is_not_there(stack, alice, bob, theirs):
    identity = exchange_exec(bob, theirs[0])
    for method, verb, body in (("GET", "json", None), ("POST", "start", {"Detach": True}), ("POST", "resize?h=1&w=1", b"")):
        answers = []
        for name in (identity, MISSING_ID):
            with alice.raw() as raw:
                reply = raw.ask(method, f"/exec/{name}/{verb}", body)
            answers.append((reply.status, strip_decision(reply.message()).replace(name, "REF")))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
    assert not stack.engine.api("GET", f"/exec/{identity}/json").json()["Running"]
    with bob.raw() as raw:
        assert raw.ask("GET", f"/exec/{identity}/json").status == 200


def exchange_exec(client, container):
    with client.raw() as raw:
        reply = raw.ask("POST", f"/containers/{container}/exec", {"Cmd": ["sleep", "1"]})
    assert reply.status == 201, reply.message()
    return reply.json()["Id"]


def test_Root_Docker_a_name_in_use_by_the_other_is_refused_by_the_engine(alice, theirs):
    text = alice.refused("create", "--name", theirs[0], BUSYBOX)
    assert "is already in use" in text
    assert theirs[1] not in text, "the refusal tells the id of somebody else's container"


@pytest.mark.parametrize("flag", ["--network", "--ipc", "--pid"])
def test_Root_Docker_namespaces_of_the_other_are_not_there(alice, theirs, flag):
    for ref in (theirs[0], theirs[1], theirs[1][:12]):
        text = alice.refused("create", flag, f"container:{ref}", BUSYBOX)
        assert "No such container" in text or "ds01:" in text
        other = alice.refused("create", flag, f"container:{MISSING_NAME}", BUSYBOX)
        assert strip_decision(text).replace(ref, "REF") == strip_decision(other).replace(MISSING_NAME, "REF")


def strip_decision(text):
    return text.split(" (decision D")[0]


def test_Root_Docker_volumes_and_links_of_the_other_are_not_there(alice, theirs):
    for argv in (["--volumes-from", theirs[0]], ["--link", f"{theirs[0]}:x"]):
        alice.refused("create", *argv, BUSYBOX)


def test_Root_Docker_namespaces_of_ones_own_container_work(alice):
    alice.out("run", "-d", "--name", "first", BUSYBOX, "sleep", "600")
    assert "sleep 600" in alice.out("run", "--rm", "--pid", "container:first", BUSYBOX, "ps")


def test_Root_Docker_prunes_leave_the_other_alone(stack, alice, bob):
    bob.out("create", "--name", "bobs-stopped", BUSYBOX)
    alice.out("create", "--name", "alices-stopped", BUSYBOX)
    alice.docker("container", "prune", "-f", check=False)
    alice.docker("system", "prune", "-f", check=False)
    assert stack.engine.exists("bobs-stopped")


def test_Root_Docker_prune_goes_by_the_owner_and_not_by_a_label(stack, alice):
    labels = {"ds01.user": alice.user.name}
    stack.engine.api("POST", "/containers/create?name=roots", {"Image": BUSYBOX, "Labels": labels})
    alice.out("create", "--name", "old", "--label", "keep=no", BUSYBOX)
    alice.out("create", "--name", "kept", "--label", "keep=yes", BUSYBOX)
    alice.out("run", "-d", "--name", "runs", BUSYBOX, "sleep", "600")
    old = stack.engine.inspect("old")["Id"]
    said = alice.out("container", "prune", "-f", "--filter", "label!=keep=yes")
    assert old in said and "Total reclaimed space: 0B" in said
    assert not stack.engine.exists("old")
    assert all(stack.engine.exists(name) for name in ("roots", "kept", "runs"))
    assert "Total reclaimed" in alice.out("container", "prune", "-f", "--filter", "until=1h")
    assert stack.engine.exists("kept")
    alice.out("container", "prune", "-f")
    assert not stack.engine.exists("kept")
    assert stack.engine.exists("roots")


def test_Root_Docker_a_login_the_machine_does_not_know_is_refused(stack):
    uid = users.nobodys_uid()
    ghost = users.User("a uid without login", uid, uid, stack.alice.user.home)
    with RawConnection(ghost, stack.daemon.socket) as raw:
        reply = raw.ask("GET", "/containers/json")
    assert reply.status == 403
    assert reply.message().startswith("ds01: ")
    assert str(uid) in reply.message()


def test_Root_Docker_a_connection_whose_opener_has_gone_is_refused(alice):
    raw = alice.raw()
    try:
        assert raw.ask("GET", "/_ping").status == 200
        raw.end_opener()
        raw.request("GET", "/containers/json")
        replies = raw.replies_until_closed(1)
        assert not replies or replies[0].status == 403
    finally:
        raw.socket.close()
