"""Images are everybody's to use; a tag is set, moved and removed by whoever brought it."""

import io
import json
import tarfile
from itertools import count

import pytest
from lib.client import Client
from lib.differential import direct_client
from lib.images import BUSYBOX
from lib.waiting import wait_until

NUMBERS = count(1)
TAR = {"Content-Type": "application/x-tar"}


def tags(stack):
    return {tag for image in stack.engine.api("GET", "/images/json").json() for tag in image["RepoTags"] or []}


@pytest.fixture
def tag(stack):
    """A name that is free; what is there afterwards and was not there before goes."""
    before = tags(stack)
    yield f"ds01test/owned{next(NUMBERS)}:1"
    stack.remove_everything()
    for new in tags(stack) - before - {"<none>:<none>"}:
        stack.engine.api("DELETE", f"/images/{new}?force=1", expect=(200, 404))


def ask(client, method, target, body=None, headers=None):
    with client.raw(timeout=60) as raw:
        return raw.ask(method, target, body, headers)


def id_of(stack, ref):
    reply = stack.engine.api("GET", f"/images/{ref}/json", expect=(200, 404))
    return reply.json()["Id"] if reply.status == 200 else None


def build(client, text, *options):
    """With the classic builder, in which each instruction is an image."""
    folder = client.user.home / "context"
    client.run(["mkdir", "-p", folder])
    client.run(["sh", "-c", f"cat > {folder}/Dockerfile"], stdin=f"FROM {BUSYBOX}\n{text}\n")
    return client.docker("build", *options, str(folder), env={"DOCKER_BUILDKIT": "0"}, timeout=120).stdout


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return out.getvalue()


def saved(stack, ref):
    """The files of docker save, and what manifest.json says of the one image."""
    reply = stack.engine.api("GET", f"/images/{ref}/get")
    with tarfile.open(fileobj=io.BytesIO(reply.body)) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
    files.pop("repositories", None)
    return files, json.loads(files.pop("manifest.json"))[0]


def retagged(stack, source, tag):
    files, manifest = saved(stack, source)
    return archive({**files, "manifest.json": json.dumps([{**manifest, "RepoTags": [tag]}]).encode()})


WITHOUT_MORE = ("tag", "commit", "import", "build", "load")


def ways_to_take(client, stack, tag):
    """Each sets `tag`, and says how it went."""
    repo, version = tag.rsplit(":", 1)
    context = archive({"Dockerfile": f"FROM {BUSYBOX}\nENV WHOSE={client.user.name}\n".encode()})
    source = client.out("run", "-d", BUSYBOX, "sleep", "600")
    yield "tag", lambda: ask(client, "POST", f"/images/{BUSYBOX}/tag?repo={repo}&tag={version}")
    yield "commit", lambda: ask(client, "POST", f"/commit?container={source}&repo={repo}&tag={version}", {})
    yield "import", lambda: ask(client, "POST", f"/images/create?fromSrc=-&repo={repo}&tag={version}", archive({"f": b"x"}), TAR)
    yield "build", lambda: ask(client, "POST", f"/build?t={tag}", context, TAR)
    yield "build of two", lambda: ask(client, "POST", f"/build?t=ds01test/else:1&t=docker.io/{tag}", context, TAR)
    yield "load", lambda: ask(client, "POST", "/images/load", retagged(stack, BUSYBOX, tag), TAR)
    yield "pull", lambda: ask(client, "POST", f"/images/create?fromImage={repo}&tag={version}")
    yield "pull of all", lambda: ask(client, "POST", f"/images/create?fromImage={repo}")


def test_Root_Docker_nobody_moves_what_somebody_made(stack, alice, bob, tag):
    build(alice, "ENV WHOSE=alice", "-t", tag)
    made = id_of(stack, tag)
    assert made
    for way, take in ways_to_take(bob, stack, tag):
        reply = take()
        assert reply.status == 409, (way, reply.status, reply.body)
        assert tag in reply.json()["message"], way
        assert "alice" not in reply.json()["message"], way
        assert id_of(stack, tag) == made, way
    assert bob.out("run", "--rm", tag, "sh", "-c", "echo $WHOSE") == "alice", "everybody may use it"
    # For her each of them works that needs neither a registry nor BuildKit's session.
    for way, take in ways_to_take(alice, stack, tag):
        if way in WITHOUT_MORE:
            before, reply = id_of(stack, tag), take()
            assert reply.status in (200, 201), (way, reply.body)
            assert id_of(stack, tag) != before, (way, reply.body)
        else:
            assert take().status != 409, way


def test_Root_Docker_whoever_takes_a_free_name_has_it(stack, alice, bob, tag):
    for way, take in ways_to_take(alice, stack, tag):
        if way not in WITHOUT_MORE:
            continue
        assert take().status in (200, 201), way
        assert id_of(stack, tag), way
        refused = bob.docker("rmi", tag, check=False)
        assert refused.returncode != 0, way
        assert "brought to this server by somebody else" in refused.stderr, way
        alice.out("rmi", tag)
        assert id_of(stack, tag) is None, way
    bob.docker("tag", BUSYBOX, tag)
    assert alice.docker("rmi", tag, check=False).returncode != 0
    bob.docker("rmi", tag)


def test_Root_Docker_nobody_removes_what_somebody_brought(stack, alice, bob, tag):
    build(alice, "ENV WHOSE=alice", "-t", tag)
    made = id_of(stack, tag)
    digits = made.removeprefix("sha256:")
    for ref in (tag, f"docker.io/{tag}", f"index.docker.io/{tag}", made, digits, digits[:12], made[:20]):
        reply = ask(bob, "DELETE", f"/images/{ref}")
        assert reply.status == 403, (ref, reply.body)
        assert id_of(stack, tag) == made, ref
    assert ask(bob, "DELETE", f"/images/{tag}?force=1").status == 403
    # A name of his own for it does not make it his.
    bob.docker("tag", tag, "ds01test/his:1")
    for ref in (made, digits[:12]):
        reply = ask(bob, "DELETE", f"/images/{ref}")
        assert (reply.status, "several names" in reply.json()["message"]) == (409, True), ref
    bob.docker("rmi", "ds01test/his:1")
    assert id_of(stack, tag) == made
    # While his container needs it she reads why not, and nothing of him.
    container = bob.out("run", "-d", tag, "sleep", "600")
    reply = ask(alice, "DELETE", f"/images/{tag}")
    assert reply.status == 409
    assert "container of another user" in reply.json()["message"]
    assert container[:12] not in reply.json()["message"]
    bob.out("rm", "-f", container)
    alice.out("rmi", digits[:12])
    assert id_of(stack, made) is None


def test_Root_Docker_what_root_made_stays(stack, alice, tag):
    root = direct_client(stack)
    root.docker("tag", BUSYBOX, tag)
    made = id_of(stack, tag)
    assert ask(alice, "DELETE", f"/images/{tag}").status == 403
    assert ask(alice, "POST", f"/images/{BUSYBOX}/tag?repo={tag}").status == 409
    assert ask(alice, "DELETE", f"/images/{BUSYBOX}").status == 403
    assert id_of(stack, tag) == made
    root.docker("rmi", tag)
    alice.docker("tag", BUSYBOX, tag)
    alice.docker("rmi", tag)


def test_Root_Docker_what_has_no_name_is_of_who_built_it(stack, alice, bob, tag):
    built = build(alice, f"ENV UNNAMED={tag}", "-q").strip()
    assert id_of(stack, built) == built
    assert ask(bob, "DELETE", f"/images/{built}").status == 403
    # Built again, from the cache, it is still hers.
    assert build(bob, f"ENV UNNAMED={tag}", "-q").strip() == built
    assert ask(bob, "DELETE", f"/images/{built}").status == 403
    alice.out("rmi", built)
    assert id_of(stack, built) is None


def test_Root_Docker_a_prune_removes_ones_own(stack, alice, bob, tag):
    hers, his = build(alice, "ENV A=hers", "-q").strip(), build(bob, "ENV A=his", "-q").strip()
    used = build(alice, "ENV A=used", "-q").strip()
    alice.out("run", "-d", used, "sleep", "600")
    bob.docker("tag", BUSYBOX, tag)
    alice.docker("tag", BUSYBOX, "ds01test/hers:1")
    assert f"deleted: {hers}" in alice.out("image", "prune", "-f")
    assert [bool(id_of(stack, each)) for each in (hers, his, used, "ds01test/hers:1")] == [False, True, True, True]
    assert "untagged: ds01test/hers:1" in alice.out("image", "prune", "-f", "-a")
    assert id_of(stack, "ds01test/hers:1") is None
    assert id_of(stack, tag) == id_of(stack, BUSYBOX), "his tag and root's image stay"
    assert id_of(stack, his)
    assert id_of(stack, used)
    bob.out("rmi", his)


def test_Root_Docker_owners_outlive_the_daemon(stack, alice, bob, tag):
    alice.docker("tag", BUSYBOX, tag)
    stack.daemon.restart()
    assert ask(bob, "DELETE", f"/images/{tag}").status == 403
    alice.out("rmi", tag)


def test_Root_Docker_who_hangs_up_leaves_no_tag_to_others(stack, alice, bob, tag):
    """The Engine goes on with an archive that it has whole; whose tag it sets then is not left to who is faster."""
    loaded = retagged(stack, BUSYBOX, tag)
    for _ in range(5):
        with alice.raw(timeout=60) as raw:
            head = f"POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: {len(loaded)}\r\n\r\n"
            raw.send(head.encode() + loaded)
        reply = ask(bob, "POST", f"/images/{BUSYBOX}/tag?repo={tag}")
        wait_until(lambda: ask(bob, "POST", f"/images/{BUSYBOX}/tag?repo={tag}").body.find(b"at this moment") < 0, 20, "the load")
        whose = [client for client in (alice, bob) if ask(client, "DELETE", f"/images/{tag}").status == 200]
        assert len(whose) == 1, reply.body
        assert id_of(stack, tag) is None


def test_Root_Docker_a_build_moves_no_tag_by_its_base(stack, bob, tag):
    refused = bob.docker("build", "--pull", "-", stdin=f"FROM {BUSYBOX}\n", check=False, env={"DOCKER_BUILDKIT": "0"})
    assert refused.returncode != 0
    assert "docker pull" in refused.stderr


def test_Root_Docker_what_an_admin_sets_is_no_users_any_more(stack, alice, tag):
    root = direct_client(stack)
    admin = Client(root.user, stack.daemon.socket, root.cli)
    alice.docker("tag", BUSYBOX, tag)
    build(admin, "ENV WHOSE=admin", "-t", tag)
    assert ask(alice, "DELETE", f"/images/{tag}").status == 403
    admin.out("rmi", tag)
    alice.docker("tag", BUSYBOX, tag)
    alice.out("rmi", tag)


# Tags that hide from a reader who is not as exact as the Engine.
HIDDEN = {
    "a second key": b'[{"Config":"%(config)s","Layers":%(layers)s,"RepoTags":["ds01test/fine:1"],"RepoTags":["%(tag)s"]}]',
    "another case": b'[{"Config":"%(config)s","Layers":%(layers)s,"repoTAGS":["%(tag)s"]}]',
    "a folded letter": '[{"Config":"%(config)s","Layers":%(layers)s,"RepoTag\u017f":["%(tag)s"]}]'.encode(),
    "a long form": b'[{"Config":"%(config)s","Layers":%(layers)s,"RepoTags":["index.docker.io/%(tag)s"]}]',
    "an escape": b'[{"Config":"%(config)s","Layers":%(layers)s,"RepoTags":["\\u0064%(rest)s"]}]',
}


@pytest.mark.parametrize("how", HIDDEN)
def test_Root_Docker_no_archive_hides_a_tag(stack, alice, bob, tag, how):
    alice.docker("tag", BUSYBOX, tag)
    build(alice, "ENV WHOSE=alice", "-t", tag)
    made = id_of(stack, tag)
    files, manifest = saved(stack, BUSYBOX)
    values = {b"config": manifest["Config"].encode(), b"layers": json.dumps(manifest["Layers"]).encode(),
              b"tag": tag.encode(), b"rest": tag[1:].encode()}
    files["manifest.json"] = HIDDEN[how] % values
    loaded = archive(files)
    assert ask(bob, "POST", "/images/load", loaded, TAR).status == 409
    assert id_of(stack, tag) == made
    # At the Engine itself it does move the tag: the attempt is a real one.
    stack.engine.api("POST", "/images/load", loaded, headers=TAR)
    assert id_of(stack, tag) != made
