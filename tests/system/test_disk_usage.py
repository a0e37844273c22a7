"""`docker system df` tells of what is one's own, and what clears up everything one has ends well."""

import json

import pytest
from lib import compose, hosts
from lib.images import BUSYBOX
from lib.unix_http import exchange

pytestmark = pytest.mark.usefixtures("stack")


@pytest.fixture
def cache(stack, bob):
    """What a build of bob's has left, which is told of by its commands."""
    folder = bob.user.home / "context"
    bob.run(["mkdir", "-p", folder])
    bob.run(["tee", folder / "Dockerfile"], stdin=f"FROM {BUSYBOX}\nRUN echo bobs-token > /made\n")
    bob.with_env(compose.plugins(bob)).docker("buildx", "build", "-t", "ds01test/bobs:1", str(folder), timeout=120)
    yield lambda: stack.engine.api("GET", "/system/df").json()["BuildCache"]
    stack.engine.api("POST", "/build/prune?all=1")
    stack.engine.api("DELETE", "/images/ds01test/bobs:1?force=1", expect=(200, 404))


@pytest.fixture
def things(stack, alice, bob):
    """A container and a volume of each, a container of root's; how large alice's volume is, the Engine knows."""
    for client, name in ((alice, "hers"), (bob, "his")):
        command = f"echo {'x' * 999} > /data/file; echo {'y' * 499} > /file; sleep 600"
        client.out("run", "-d", "--name", name, "-v", f"{name}-data:/data", BUSYBOX, "sh", "-c", command)
        client.out("volume", "create", f"{name}-unused")
    stack.engine.api("POST", "/containers/create?name=roots", {"Image": BUSYBOX})
    stack.engine.api("POST", "/volumes/create", {"Name": "roots-data"})
    yield
    stack.remove_everything()


def names(usage):
    containers = {name.strip("/") for each in usage["Containers"] for name in each["Names"]}
    return containers, {each["Name"] for each in usage["Volumes"]}



@pytest.mark.usefixtures("things", "cache")
def test_Root_Docker_it_tells_of_ones_own(stack, alice):
    with alice.raw() as raw:
        usage = raw.ask("GET", "/system/df").json()
    everything = stack.engine.api("GET", "/system/df").json()
    assert names(usage) == ({"hers"}, {"hers-data", "hers-unused"})
    assert names(everything)[0] == {"hers", "his", "roots"}
    assert usage.keys() == everything.keys()
    assert usage["BuildCache"] == [] and everything["BuildCache"]
    sizes = {each["Name"]: each["UsageData"] for each in everything["Volumes"]}
    assert {each["Name"]: each["UsageData"] for each in usage["Volumes"]} == {
        name: sizes[name] for name in ("hers-data", "hers-unused")
    }
    assert sizes["hers-data"]["Size"] == 1000
    assert [each["SizeRw"] for each in usage["Containers"]] == [500]
    assert usage["LayersSize"] == everything["LayersSize"]
    counts = {each["Id"]: each["Containers"] for each in usage["Images"]}
    assert counts.keys() == {each["Id"] for each in everything["Images"]}
    used = stack.engine.inspect("hers")["Image"]
    assert counts[used] == 1 and sum(counts.values()) == 1


@pytest.mark.usefixtures("things", "cache")
def test_Root_Docker_the_client_shows_it(alice, bob, each_cli):
    alice = alice.with_cli(each_cli)
    rows = [json.loads(line) for line in alice.out("system", "df", "--format", "{{json .}}").splitlines()]
    assert {row["Type"]: (row["TotalCount"], row["Active"]) for row in rows if row["Type"] != "Images"} == {
        "Containers": ("1", "1"), "Local Volumes": ("2", "1"), "Build Cache": ("0", "0"),
    }  # fmt: skip
    assert {row["Type"]: row["Size"] for row in rows}["Containers"] == "500B"
    text = alice.out("system", "df", "-v")
    assert "hers-data" in text and "1kB" in text
    assert "his" not in text and "roots" not in text and "bobs-token" not in text
    assert "TYPE" in bob.with_cli(each_cli).out("system", "df")


@pytest.mark.usefixtures("things")
def test_Root_Docker_the_kinds_asked_for_alone(stack, alice):
    if stack.engine.api("GET", "/version").json()["ApiVersion"] < "1.42":
        pytest.skip("this Engine tells of all kinds")
    with alice.raw() as raw:
        usage = raw.ask("GET", "/v1.45/system/df?type=volume&type=image").json()
        assert {each["Name"] for each in usage["Volumes"]} == {"hers-data", "hers-unused"}
        assert usage["Containers"] is None and usage["BuildCache"] is None
        assert {each["Containers"] for each in usage["Images"]} == {-1}
        assert raw.ask("GET", "/v1.45/system/df?type=x").status == 400


@pytest.mark.usefixtures("things")
def test_Root_Docker_an_admin_sees_all(stack):
    usage = exchange(stack.daemon.socket, "GET", "/system/df").json()
    assert names(usage)[0] == {"hers", "his", "roots"}


@pytest.mark.usefixtures("things")
def test_Root_Docker_a_prune_of_everything_ends_well(stack, alice, each_cli, cache):
    before = len(cache())
    alice = alice.with_cli(each_cli)
    alice.out("create", "--name", "old", BUSYBOX)
    text = alice.out("system", "prune", "-f")
    assert "Total reclaimed space" in text
    assert not stack.engine.exists("old")
    assert all(stack.engine.exists(name) for name in ("hers", "his", "roots"))
    # The client's own verb, without the plugin that speaks to BuildKit itself.
    with alice.raw() as raw:
        reply = raw.ask("POST", "/v1.41/build/prune?all=1")
        assert (reply.status, reply.json()) == (200, {"CachesDeleted": None, "SpaceReclaimed": 0})
    assert len(cache()) == before > 0
    exchange(stack.daemon.socket, "POST", "/build/prune?all=1")
    assert not cache()


@pytest.mark.usefixtures("things")
def test_Root_Docker_the_sdk_is_told_too(alice):
    python = str(hosts.docker_py_python())
    text = "import docker, json; print(json.dumps(docker.from_env().df()))"
    assert names(json.loads(alice.run([python, "-c", text]).stdout)) == ({"hers"}, {"hers-data", "hers-unused"})
