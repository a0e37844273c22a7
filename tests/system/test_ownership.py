"""Volumes and networks belong to whoever made them: to everybody else they are not there, and their names are taken."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from urllib.parse import quote

import pytest
from lib import compose
from lib.differential import direct_client
from lib.images import BUSYBOX
from lib.unix_http import Reply, exchange
from lib.waiting import wait_until

pytestmark = pytest.mark.usefixtures("name")

SLEEP = [BUSYBOX, "sleep", "600"]
MISSING_ID = "0badcafe" * 8
PREDEFINED = {"bridge", "host", "none"}
NOT_THERE = {"volume": (404, "get REF: no such volume"), "network": (404, "network REF not found")}
TAR = {"Content-Type": "application/x-tar"}
SERVICES = f'services: {{app: {{image: {BUSYBOX}, command: sleep 600, volumes: ["data:/data"]%s}}}}\nvolumes: {{data: {{}}}}'
NUMBERS = count(1)


def new_name():
    return f"thing{next(NUMBERS):04}"


@pytest.fixture
def name(stack):
    yield new_name()
    stack.remove_everything()


@pytest.fixture
def image(stack):
    """Has a volume at /vol, with a file in it."""
    root, image = direct_client(stack), "ds01test/volume:latest"
    root.out("run", "--name", "maker", BUSYBOX, "sh", "-c", "mkdir -m 750 /vol; echo kept > /vol/file; chown 7:8 /vol/file")
    root.out("commit", "--change", "VOLUME /vol", "--change", 'CMD ["/bin/sh"]', "maker", image)
    root.out("rm", "maker")
    return image


def ask(client, method, target, body=None, headers=None):
    with client.raw(timeout=60) as raw:
        return raw.ask(method, target, body, headers)


def create(client, host=None, **config):
    body = {"Image": BUSYBOX, "Cmd": SLEEP[1:], "HostConfig": host or {}, **config}
    return ask(client, "POST", "/containers/create", body)


def using(kind, name):
    return {"volume": {"Binds": [f"{name}:/x"]}, "network": {"NetworkMode": name}}[kind]


def found(stack, kind, ref):
    reply = stack.engine.api("GET", f"/{kind}s/{ref}", expect=(200, 404))
    return reply.json() if reply.status == 200 else None


def belongs(thing, client):
    labels = thing["Labels"] or {}
    return (labels.get("ds01.user"), labels.get("ds01.uid")) == (client.user.name, str(client.user.uid))


def names(stack, kind, client=None):
    """What the Engine has, or what of it is labelled as the client's."""
    filters = {"label": [f"ds01.user={client.user.name}"]} if client else {}
    answer = stack.engine.api("GET", f"/{kind}s?filters={quote(json.dumps(filters))}").json()
    return {item["Name"] for item in (answer["Volumes"] or [] if kind == "volume" else answer)} - PREDEFINED


def volumes_of(stack, ref):
    """Of a container: where → name. It has no other mounts."""
    mounts = stack.engine.inspect(ref)["Mounts"]
    assert all(mount["Type"] == "volume" for mount in mounts), mounts
    return {mount["Destination"]: mount["Name"] for mount in mounts}


def told(answer, ref):
    """All but the name and the number of the decision."""
    is_reply = isinstance(answer, Reply)
    text = answer.message() if is_reply else answer.stdout + answer.stderr
    return answer.status if is_reply else answer.returncode, re.sub(r"\bD[0-9a-f]{12}\b", "D", text).replace(ref, "REF")


def is_taken(answer, name):
    if isinstance(answer, Reply):
        assert answer.status == 409, (answer.status, answer.message())
        answer = answer.message()
    assert name in answer and "taken" in answer and "alice" not in answer, answer


def nothing_made(stack, client):
    assert not (stack.containers_of(client.user) or names(stack, "volume", client) or names(stack, "network", client))


def together(*works):
    """Each in a thread of its own, all begun at once."""
    begin = threading.Barrier(len(works))
    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(lambda work: (begin.wait(60), work())[1], works))


def all_use_their_own(stack):
    for container in stack.engine.containers():
        for name in volumes_of(stack, container["Id"]).values():
            labels = found(stack, "volume", name)["Labels"] or {}
            assert labels.get("ds01.user") == container["Config"]["Labels"]["ds01.user"], name


def remove(raw, replies):
    """The containers that were made: a user may have three."""
    for reply in replies:
        if reply.status == 201:
            assert raw.ask("DELETE", f"/containers/{reply.json()['Id']}?force=1").status == 204


def test_Root_Docker_a_volume_is_its_makers_whatever_he_says(stack, alice, bob, each_cli, name):
    alice = alice.with_cli(each_cli)
    lies = [f"--label=ds01.user={bob.user.name}", "--label=ds01.uid=0"]
    alice.out("volume", "create", *lies, "--label", "mine=yes", name)
    volume = found(stack, "volume", name)
    assert belongs(volume, alice) and volume["Labels"]["mine"] == "yes"
    assert alice.out("volume", "create", name) == name, "one's own may be asked for again"
    alice.out("run", "--rm", "-v", f"{name}:/x", BUSYBOX, "true")
    unnamed = alice.out("volume", "create", *lies)
    assert belongs(found(stack, "volume", unnamed), alice)
    assert set(alice.out("volume", "ls", "-q").split()) == {name, unnamed}
    alice.out("volume", "rm", name, unnamed)


def test_Root_Docker_the_others_volume_is_not_there(stack, alice, bob, each_cli, name):
    bob, missing = bob.with_cli(each_cli), new_name()
    alice.out("volume", "create", name)
    for filters in ([], ["--filter", f"name={name}"], ["--filter", f"label=ds01.user={alice.user.name}"]):
        assert bob.out("volume", "ls", "-q", *filters) == ""
    for verb in ("inspect", "rm", "rm -f"):
        done, expected = (bob.docker("volume", *verb.split(), each, check=False) for each in (name, missing))
        assert told(done, name) == told(expected, missing), verb
    for version in ("", "/v1.24", "/v1.41"):
        for method in ("GET", "DELETE"):
            assert told(ask(bob, method, f"{version}/volumes/{name}"), name) == NOT_THERE["volume"], (version, method)
        answers = [told(ask(bob, "DELETE", f"{version}/volumes/{each}?force=1"), each) for each in (name, missing)]
        assert answers[0] == answers[1], version
    assert belongs(found(stack, "volume", name), alice)


def test_Root_Docker_the_others_volume_cannot_be_used(stack, alice, bob, each_cli, name):
    alice.out("volume", "create", name)
    for claim in ({}, {"Labels": {"ds01.user": alice.user.name}}):
        is_taken(ask(bob, "POST", "/volumes/create", {"Name": name, **claim}), name)
        mount = {"Type": "volume", "Source": name, "Target": "/x", "VolumeOptions": claim}
        is_taken(create(bob, {"Mounts": [mount]}), name)
    for binds in ([f"{name}:/x"], [f"{name}:/x:ro"], [f"{name}:/x:nocopy"], [f"{new_name()}:/y", f"{name}:/x"]):
        is_taken(create(bob, {"Binds": binds}), name)
    bob = bob.with_cli(each_cli)
    is_taken(bob.refused("volume", "create", name), name)
    for how in (["-v", f"{name}:/x"], ["--mount", f"type=volume,src={name},dst=/x"]):
        is_taken(bob.refused("run", "-d", *how, *SLEEP), name)
    nothing_made(stack, bob)
    assert belongs(found(stack, "volume", name), alice)


@pytest.mark.parametrize("how", ["-v {}:/x", "--mount type=volume,src={},dst=/x", "API"])
def test_Root_Docker_a_volume_that_a_container_brings_is_its_owners(stack, alice, bob, name, how):
    claim = f",volume-label=ds01.user={bob.user.name},volume-label=mine=yes" if "--mount" in how else ""
    if how == "API":
        assert create(alice, using("volume", name)).status == 201
    else:
        alice.out("run", "--rm", *(how.format(name) + claim).split(), BUSYBOX, "true")
    volume = found(stack, "volume", name)
    assert belongs(volume, alice) and (not claim or volume["Labels"]["mine"] == "yes")
    is_taken(create(bob, using("volume", name)), name)
    nothing_made(stack, bob)


def test_Root_Docker_volumes_without_a_name_are_their_containers_owners(stack, alice, bob, image):
    by_cli = alice.out("run", "-d", "-v", "/data", "--mount", "type=volume,dst=/more", image, "sleep", "600")
    by_api = create(alice, {"Binds": ["/data"], "Mounts": [{"Type": "volume", "Target": "/more"}]}, Image=image)
    for ref in (by_cli, by_api.json()["Id"]):
        volumes = volumes_of(stack, ref)
        assert volumes.keys() == {"/vol", "/data", "/more"}
        for name in volumes.values():
            assert belongs(found(stack, "volume", name), alice)
            assert told(ask(bob, "GET", f"/volumes/{name}"), name) == NOT_THERE["volume"]
            is_taken(create(bob, using("volume", name)), name)
        alice.out("rm", "-f", "-v", ref)
        assert not names(stack, "volume") & set(volumes.values())
    assert not names(stack, "volume")


@pytest.mark.parametrize("how", ["-v /data", "-v {}:/vol", "-v {}:/vol:nocopy", "--mount type=volume,dst=/vol"])
def test_Root_Docker_what_the_image_has_at_a_volume_is_in_it_as_on_the_bare_engine(stack, alice, image, name, how):
    look = [image, "sh", "-c", "stat -c '%a %u %g' /vol /vol/*; cat /vol/* 2> /dev/null || echo empty"]
    bare = direct_client(stack).out("run", "--rm", *how.format(new_name()).split(), *look)
    stack.remove_everything()
    assert alice.out("run", "--rm", *how.format(name).split(), *look) == bare
    assert ("empty" in bare) == ("nocopy" in how)
    wait_until(lambda: names(stack, "volume") == ({name} if "{}" in how else set()), 10, "only volumes with a name stay")


def test_Root_Docker_a_path_that_is_covered_makes_no_volume(stack, alice, image):
    home = alice.user.home
    for cover in (f"-v {home}:/vol", f"-v {home}:/vol/", "-v {}:/vol", "-v {}:/vol/", "--mount type=volume,src={},dst=/vol",
                  "--tmpfs /vol", "--tmpfs /vol:size=1m", "--mount type=tmpfs,dst=/vol"):  # fmt: skip
        name = new_name()
        alice.out("create", "--name", "covered", *cover.format(name).split(), image)
        assert names(stack, "volume") == ({name} if "{}" in cover else set()), cover
        alice.out("rm", "covered")
        stack.engine.api("DELETE", f"/volumes/{name}", expect=(204, 404))


@pytest.mark.parametrize("kind", NOT_THERE)
def test_Root_Docker_prune_removes_ones_own(stack, alice, bob, kind):
    his, used, hers, admins = (new_name() for _ in range(4))
    for client, name in ((bob, his), (bob, used), (alice, hers)):
        client.out(kind, "create", name)
    stack.engine.api("POST", f"/{kind}s/create", {"Name": admins})
    bob.out("run", "-d", *(["-v", f"{used}:/x"] if kind == "volume" else ["--network", used]), *SLEEP)
    text = bob.out(kind, "prune", "-f")
    assert his in text and hers not in text and admins not in text
    assert names(stack, kind) == {used, hers, admins}


@pytest.mark.parametrize("kind", NOT_THERE)
def test_Root_Docker_what_has_no_owner_is_the_admins_and_they_may_label_it(stack, alice, name, kind):
    stack.engine.api("POST", f"/{kind}s/create", {"Name": name})
    assert set(alice.out(kind, "ls", "--format", "{{.Name}}").split()) == (PREDEFINED if kind == "network" else set())
    for method in ("GET", "DELETE"):
        assert told(ask(alice, method, f"/{kind}s/{name}"), name) == NOT_THERE[kind]
    is_taken(ask(alice, "POST", f"/{kind}s/create", {"Name": name}), name)
    reply = create(alice, using(kind, name))
    assert 400 <= reply.status < 500 and ("taken" if kind == "volume" else "not found") in reply.message()
    nothing_made(stack, alice)
    assert exchange(stack.daemon.socket, "GET", f"/{kind}s/{name}").status == 200
    body = {"Image": BUSYBOX, "HostConfig": using(kind, name)}
    reply = exchange(stack.daemon.socket, "POST", "/containers/create", body)
    assert reply.status == 201, reply.message()
    assert not found(stack, kind, name)["Labels"]
    labelled = new_name()
    stack.engine.api("POST", f"/{kind}s/create", {"Name": labelled, "Labels": {"ds01.user": alice.user.name}})
    assert labelled in alice.out(kind, "ls", "--format", "{{.Name}}").split()
    assert create(alice, using(kind, labelled)).status == 201


def test_Root_Docker_two_who_want_a_volume_of_one_name_do_not_share_it(stack, alice, bob):
    with alice.raw(timeout=60) as hers, bob.raw(timeout=60) as his:
        for _ in range(30):
            asked = {"Image": BUSYBOX, "HostConfig": using("volume", new_name())}
            replies = together(*(lambda raw=raw: raw.ask("POST", "/containers/create", asked) for raw in (hers, his)))
            all_use_their_own(stack)
            made, refused = sorted(replies, key=lambda reply: reply.status)
            assert (made.status, refused.status) == (201, 409), (made.message(), refused.message())
            assert "taken" in refused.message()
            remove(hers, replies[:1])
            remove(his, replies[1:])


def test_Root_Docker_a_volume_that_is_made_anew_meanwhile_is_not_given_away(stack, alice, bob):
    with alice.raw(timeout=60) as hers, bob.raw(timeout=60) as his:
        for _ in range(30):
            name = new_name()
            volume, asked = {"Name": name}, {"Image": BUSYBOX, "HostConfig": using("volume", name)}
            assert hers.ask("POST", "/volumes/create", volume).status == 201
            (gone, made), replies = together(
                lambda: (hers.ask("DELETE", f"/volumes/{name}"), hers.ask("POST", "/volumes/create", volume)),
                lambda: [his.ask("POST", "/containers/create", asked) for _ in range(3)],
            )
            all_use_their_own(stack)
            refused = [reply for reply in replies if reply.status != 201]
            for reply in refused:
                is_taken(reply, name)
            assert (gone.status, made.status) == (204, 201 if len(refused) == 3 else 409), made.message()
            remove(his, replies)


@pytest.mark.parametrize("version", compose.VERSIONS)
def test_Root_Docker_a_projects_volumes_and_networks_are_its_owners(stack, alice, bob, version):
    hers, his = compose.Project(alice, version), compose.Project(bob, version)
    hers.write(SERVICES % "")
    hers("up", "-d")
    for thing in (found(stack, "volume", "lab_data"), found(stack, "network", "lab_default")):
        assert belongs(thing, alice) and thing["Labels"]["com.docker.compose.project"] == "lab"
    for more, name in (("", "lab_default"), (", network_mode: bridge", "lab_data")):
        his.write(SERVICES % more)
        done = his("up", "-d", check=False)
        assert done.returncode != 0
        is_taken(done.stdout + done.stderr, name)
        nothing_made(stack, bob)
    hers("down", "-v", "-t", "0")
    assert not found(stack, "volume", "lab_data") and not found(stack, "network", "lab_default")


def test_Root_Docker_a_network_is_its_makers_and_to_others_not_there(stack, alice, bob, each_cli, name):
    bob = bob.with_cli(each_cli)
    identity = alice.out("network", "create", "--label", f"ds01.user={bob.user.name}", "--label", "mine=yes", name)
    network = found(stack, "network", name)
    assert belongs(network, alice) and network["Labels"]["mine"] == "yes"
    for client, seen in ((alice, PREDEFINED | {name}), (bob, PREDEFINED)):
        assert set(client.out("network", "ls", "--format", "{{.Name}}").split()) == seen
        client.out("network", "inspect", *seen)
    for condition in (f"name={name}", f"id={identity}", f"label=ds01.user={alice.user.name}"):
        assert bob.out("network", "ls", "-q", "--filter", condition) == ""
    bob.out("run", "-d", "--name", "bobs", *SLEEP)
    for ref in (name, identity, identity[:12], identity[:5]):
        missing = new_name() if ref == name else MISSING_ID[: len(ref)]
        for method, verb in (("GET", ""), ("DELETE", ""), ("POST", "/connect"), ("POST", "/disconnect")):
            asked = {"Container": "bobs"} if verb else None
            answers = [told(ask(bob, method, f"/networks/{each}{verb}", asked), each) for each in (ref, missing)]
            assert answers == [NOT_THERE["network"]] * 2, (method, ref, verb)
        for verb in ("inspect", "rm"):
            done, expected = (bob.docker("network", verb, each, check=False) for each in (ref, missing))
            assert told(done, ref) == told(expected, missing), (verb, ref)
    assert found(stack, "network", identity)["Containers"] == {}
    assert list(stack.engine.inspect("bobs")["NetworkSettings"]["Networks"]) == ["bridge"]


def test_Root_Docker_nothing_runs_on_the_others_network(stack, alice, bob, each_cli, name):
    bob, own = bob.with_cli(each_cli), new_name()
    identity = alice.out("network", "create", name)
    for ref in (name, identity, identity[:12], identity[:5], new_name(), MISSING_ID, MISSING_ID[:12]):
        endpoints = {"NetworkingConfig": {"EndpointsConfig": {ref: {}}}}
        for host, config in (({}, endpoints), ({"NetworkMode": ref}, {}), ({"NetworkMode": ref}, endpoints)):
            reply = create(bob, host, **config)
            assert 400 <= reply.status < 500 and f"network {ref} not found" in reply.message(), reply.message()
        assert f"network {ref} not found" in bob.refused("run", "-d", "--network", ref, *SLEEP)
    for asked in ({"Name": name}, {"Name": name, "CheckDuplicate": True, "Labels": {"ds01.user": alice.user.name}}):
        is_taken(ask(bob, "POST", "/networks/create", asked), name)
    is_taken(bob.refused("network", "create", name), name)
    for ref, missing in ((name, new_name()), (identity, MISSING_ID), (identity[:12], MISSING_ID[:12])):
        answers = [told(ask(bob, "POST", f"/build?networkmode={each}", b"", TAR), each) for each in (ref, missing)]
        # Without a Dockerfile no build succeeds: it must be the network that is complained of.
        assert answers[0] == answers[1] and 400 <= answers[0][0] < 500 and "REF" in answers[0][1], answers
    nothing_made(stack, bob)
    # The Engine prefers the id that stands in an endpoint to the endpoint's name.
    bob.out("network", "create", own)
    endpoints = {own: {"NetworkID": identity}}
    reply = create(bob, {"NetworkMode": own}, NetworkingConfig={"EndpointsConfig": endpoints})
    if reply.status == 201:
        ask(bob, "POST", f"/containers/{reply.json()['Id']}/start")
    assert found(stack, "network", identity)["Containers"] == {}


@pytest.mark.parametrize("steps", [
    ["create --name hers --network {name}"], ["create --name hers --network {id}"],
    ["create --name hers", "network connect {name} hers"], ["run -d --name hers --network {name}", "stop -t 0 hers"],
], ids=["name", "id", "connected", "stopped"])  # fmt: skip
def test_Root_Docker_a_new_network_of_an_old_ones_name_is_another(stack, alice, bob, name, steps):
    identity = alice.out("network", "create", name)
    for step in steps:
        words = step.format(name=name, id=identity).split()
        alice.out(*words, *(SLEEP if "--name" in words else []))
    alice.out("network", "rm", name)
    his = bob.out("network", "create", name)
    for verb in ("start", "restart"):
        alice.refused(verb, "hers")
        assert not stack.engine.inspect("hers")["State"]["Running"]
        assert found(stack, "network", his)["Containers"] == {}


def test_Root_Docker_ones_own_networks_work(stack, alice, each_cli, name):
    alice = alice.with_cli(each_cli)
    identity = alice.out("network", "create", name)
    alice.out("run", "-d", "--name", "one", "--network", name, *SLEEP)
    alice.out("run", "-d", "--name", "two", "--network", identity, *SLEEP)
    alice.out("run", "-d", "--name", "three", *SLEEP)
    alice.out("network", "connect", name, "three")
    for client, server in (("two", "one"), ("three", "two")):
        alice.out("exec", client, "ping", "-c", "1", "-W", "5", server)
    alice.out("network", "disconnect", identity[:12], "three")
    assert list(stack.engine.inspect("three")["NetworkSettings"]["Networks"]) == ["bridge"]
    alice.out("rm", "-f", "one", "two")
    alice.out("network", "rm", identity)
    alice.out("network", "create", name)
    alice.out("network", "rm", name)
    assert not names(stack, "network")


def test_Root_Docker_events_tell_of_ones_own_volumes_and_networks(alice, bob, name):
    since, his = time.time(), new_name()
    alice.out("volume", "create", name)
    identity = alice.out("network", "create", name)
    alice.out("run", "--rm", "-v", f"{name}:/x", "--network", name, BUSYBOX, "true")
    alice.out("volume", "rm", name)
    alice.out("network", "rm", name)
    bob.out("volume", "create", his)
    target = f"/events?since={since:.9f}&until={time.time():.9f}"
    hers, bobs = (ask(client, "GET", target).body.decode() for client in (alice, bob))
    assert his in bobs and name not in bobs and identity not in bobs
    seen = {(event["Type"], event["Action"], event["Actor"]["ID"]) for event in map(json.loads, hers.splitlines())}
    assert {("volume", "create", name), ("network", "create", identity)} <= seen and his not in hers
