"""A build's files come from the user's own process, which BuildKit asks for them over `POST /session`, and the Engine
makes them as root of the host: with a client of one's own that sets, writes and reads what is outside of the build."""

import dataclasses
import hashlib
import os
import stat
import struct
from pathlib import Path

import pytest
from lib.build_session import Entry, directory, hard_link, need_h2, regular, symlink
from lib.builds import NUMBERS, OF_THE_HOST, OURS, Host, as_user, at, build, content_of, dockerfile
from lib.differential import direct_client
from lib.engine import Engine26
from lib.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stack")

# As setcap writes it (linux/capability.h): revision 2, all of the first 32 capabilities, effective.
CAPABILITIES = struct.pack("<IIIII", 0x02000001, 0xFFFFFFFF, 0, 0, 0)
TERMINAL, NULL = (5, 0), (1, 3)  # /dev/tty, which cannot be opened without a terminal, and /dev/null


@pytest.fixture(autouse=True)
def _h2():
    need_h2()


@dataclasses.dataclass(frozen=True)
class Attack:
    """`context` is made for a Host. `deadly`: the Engine does not survive it. `passes`: what is left of it without the
    attack is a good build."""

    name: str
    context: object
    deadly: bool = False
    passes: bool = False
    compressed: bool = False

    def __str__(self):
        return self.name

    def run(self, connect, host):
        return build(connect, self.context(host), timeout=30, compressed=self.compressed)


def capabilities_by_link(host):
    return [symlink("link", host.program, xattrs={"security.capability": CAPABILITIES, "trusted.x": b"y"})]


ATTACKS = [
    Attack("attributes_through_a_link", capabilities_by_link, passes=True),
    Attack("attributes_through_a_link,_compressed", capabilities_by_link, compressed=True),
    Attack("the_folder_above_opened", lambda host: [directory("..", 0o777)]),
    Attack("the_folder_above_becomes_a_link",
           lambda host: [symlink("..", host.folder), regular("evil", "x", 0o4755)], deadly=True),
    Attack("the_folder_itself_becomes_a_link",
           lambda host: [symlink(".", host.folder), regular("evil", "x", 0o4755)], deadly=True),
    Attack("the_folder_itself_becomes_a_link,_told_twice",
           lambda host: [symlink("fine", host.folder, again="."), regular("evil", "x")], deadly=True),
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_Root_Docker_a_context_reaches_nothing_of_the_host(stack, alice, attack, request):
    engine = request.getfixturevalue("spare") if attack.deadly else stack.engine
    host = Host(engine, stack.base)
    attack.run(at(engine), host)
    inflates = isinstance(stack.engine, Engine26)  # 20.10 does not know compressed messages
    assert bool(host.changed()) == (inflates or not attack.compressed), "the Engine itself would do it"
    host = Host(stack.engine, stack.base)
    outcome, _ = attack.run(as_user(alice), host)
    assert not host.changed()
    assert outcome.status is not None, outcome
    assert (outcome.status == 0) == attack.passes, outcome
    assert attack.passes or attack.compressed or OURS in outcome.message
    assert stack.engine.answers()


# What the Engine's own checks refuse as well, and what harms in other ways.
UNFIT = {
    "a_path_above": [regular("../evil", "x")],
    "an_absolute_path": [regular("/tmp/evil", "x")],
    "a_path_by_way_of_above": [directory("d"), regular("d/../../evil", "x")],
    "an_unclean_path": [regular("./evil", "x")],
    "no_path": [regular("", "x")],
    "a_nul": [regular("a\0b", "x")],
    "below_a_link": [symlink("link", "/tmp"), regular("link/evil", "x")],
    "below_a_link_in_a_folder": [directory("m"), symlink("m/link", "/tmp"), regular("m/link/evil", "x")],
    "below_nothing": [regular("nothing/evil", "x")],
    "a_device": [Entry("device", stat.S_IFCHR | 0o666, device=NULL)],
    "a_disk": [Entry("disk", stat.S_IFBLK | 0o666, device=(7, 255))],
    "a_pipe": [Entry("pipe", stat.S_IFIFO | 0o666)],
    "a_socket": [Entry("socket", stat.S_IFSOCK | 0o666)],
    "the_folder_itself": [directory(".", 0o777)],
    "the_folder_itself_as_a_file": [regular(".", "x")],
}


@pytest.mark.parametrize("context", UNFIT.values(), ids=UNFIT.keys())
def test_Root_Docker_a_context_has_files_folders_and_links_alone(stack, alice, context):
    outcome, session = build(as_user(alice), context, timeout=30)
    assert outcome.status not in (0, None), outcome
    assert OURS in outcome.message, "the Engine has seen the entry"
    assert not [path for path in session.asked if path != "Dockerfile"]
    assert stack.engine.answers()


def test_Root_Docker_a_file_named_as_the_folder_ends_the_engine(spare):
    """So that it is known when another version does not."""
    build(at(spare), UNFIT["the_folder_itself_as_a_file"], timeout=30)
    wait_until(lambda: not spare.child.running(), 30, "the Engine to end")


SPECIAL = {"terminal": Entry("Dockerfile", stat.S_IFCHR | 0o666, device=TERMINAL),
           "null": Entry("Dockerfile", stat.S_IFCHR | 0o666, device=NULL)}  # fmt: skip


def test_Root_Docker_a_dockerfile_is_no_device(stack, alice):
    """A disk's first line would be in the message, and /dev/zero all the memory of the Engine."""
    outcome, _ = build(at(stack.engine), [], [SPECIAL["terminal"]])
    assert "no such device or address" in outcome.message, "the Engine itself opens it"
    outcome, _ = build(at(stack.engine), [], [SPECIAL["null"]])
    assert "cannot be empty" in outcome.message, "the Engine itself reads it"
    for entry in SPECIAL.values():
        outcome, _ = build(as_user(alice), [], [entry])
        assert OURS in outcome.message, outcome


def test_Root_Docker_links_of_a_context_lead_out_of_it_nowhere(stack, alice):
    """The Engine's own rule, on which ours counts: links pass."""
    host = Host(stack.engine, stack.base)
    links = [symlink("folder", host.folder), symlink("program", host.program)]
    recipes = [
        ([symlink("Dockerfile", host.program)], None),
        ([symlink("folder", host.folder)], {"filename": "folder/program"}),
        (dockerfile("COPY program /program"), None),
        (dockerfile("COPY folder/program /program"), None),
        (dockerfile("RUN --mount=type=bind,source=folder,target=/m cat /m/program"), None),
        (dockerfile("RUN --mount=type=bind,source=program,target=/m cat /m"), None),
    ]
    for connect in (at(stack.engine), as_user(alice)):
        for recipe, options in recipes:
            outcome, _ = build(connect, links, recipe, options=options)
            assert outcome.status not in (0, None), (recipe, outcome)
            assert OF_THE_HOST.split()[0] not in outcome.message
    assert not host.changed()


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore"])
def test_Root_Docker_a_build_does_not_wait_for_a_pipe(alice, spare, name):
    """It would for ever, with a thread of the Engine."""
    pipe = Entry(name, stat.S_IFIFO | 0o644)
    folders = ([], [pipe]) if name == "Dockerfile" else ([pipe], dockerfile())
    outcome, _ = build(at(spare), *folders, timeout=5)
    assert outcome.status is None, "the Engine itself waits"
    outcome, _ = build(as_user(alice), *folders, timeout=20)
    assert OURS in outcome.message, outcome


def test_Root_Docker_nobody_builds_from_what_another_one_has_sent(stack, alice, bob):
    """The Engine keeps a context for the next build, under a key that the client chooses, and asks for no file that looks
    as it did."""
    secret, other = "what bob knows", "of alice's own"

    def steal(owner, thief, thiefs, key):
        build(owner, [regular("secret", secret)], image=f"ds01test/theirs-{key}:1", shared_key=key)
        image = f"ds01test/stolen-{key}:1"
        outcome, session = build(thief, [regular("secret", other)], image=image, shared_key=key)
        assert outcome.status == 0, outcome
        return content_of(thiefs, image, "/ctx/secret"), session

    direct = at(stack.engine)
    assert steal(direct, direct, direct_client(stack), "bare")[0] == secret, "the Engine itself would give it"
    found, session = steal(as_user(bob), as_user(alice), alice, "ours")
    assert found == other
    assert "secret" in session.asked


def honest_context():
    large = hashlib.shake_256(b"large").digest(5 << 20)
    return [
        regular(" a name with spaces ", "spaces"),
        regular("Größe-日本語", "UTF-8"),
        symlink("absolute", "/etc/passwd"),
        directory("bin"),
        regular("bin/run", "#!/bin/sh\necho ran\n", 0o755),
        symlink("dangling", "nowhere/at all"),
        directory("deep", 0o750),
        directory("deep/er", 0o711),
        regular("deep/er/private", "private", 0o600),
        symlink("deep/up", "../bin/run"),
        regular("empty"),
        regular("first", "one file of two names"),
        regular("large", large),
        directory("many"),
        *(regular(f"many/{number:03}", f"number {number}") for number in range(300)),
        hard_link("second", "first", "one file of two names"),
        regular("setuid", "x", 0o4755),
        directory("shared", 0o1777),
    ]


def listed(client, image):
    """Mode, name, target and contents of what was copied."""
    look = (
        "cd /ctx && find . | sort | while IFS= read -r name; do"
        ' echo "$(stat -c %a:%u:%F "$name") $name -> $(readlink "$name") $([ -f "$name" ] && [ ! -L "$name" ] &&'
        ' sha256sum < "$name")"; done; bin/run'
    )
    return client.out("run", "--rm", image, "sh", "-c", look).splitlines()


def test_Root_Docker_an_honest_context_is_built_as_on_the_bare_engine(stack, alice):
    found = []
    for connect, client in ((at(stack.engine), direct_client(stack)), (as_user(alice), alice)):
        image = f"ds01test/honest{next(NUMBERS)}:1"
        outcome, _ = build(connect, honest_context(), image=image)
        assert outcome.status == 0, outcome
        found.append(listed(client, image))
    bare, gated = found
    assert gated == bare
    assert gated[-1] == "ran"
    assert len(gated) == len(honest_context()) + 2
    for entry in honest_context():
        line = next(line for line in gated if f" ./{entry.path} -> " in line)
        assert line.startswith("777:" if stat.S_ISLNK(entry.mode) else f"{stat.S_IMODE(entry.mode):o}:0:")
        if stat.S_ISREG(entry.mode):
            assert hashlib.sha256(entry.data).hexdigest() in line
        elif stat.S_ISLNK(entry.mode):
            assert f"-> {entry.linkname} " in line


def test_Root_Docker_files_of_a_context_carry_no_attributes(stack, alice):
    """As with the classic builder. On the bare Engine they are in the image."""
    names = []
    for connect in (at(stack.engine), as_user(alice)):
        image = f"ds01test/attributes{next(NUMBERS)}:1"
        context = [regular("program", image, 0o755, xattrs={"user.x": b"y"})]  # else the first layer would serve both
        outcome, _ = build(connect, context, dockerfile("COPY program /"), image=image)
        assert outcome.status == 0, outcome
        layer = stack.engine.api("GET", f"/images/{image}/json").json()["GraphDriver"]["Data"]["UpperDir"]
        names.append(sorted(os.listxattr(Path(layer, "program"))))
    assert names == [["user.x"], []]


def test_Root_Docker_words_that_are_no_http2_end_a_session(stack, alice):
    with alice.raw() as raw:
        headers = {"Connection": "Upgrade", "Upgrade": "h2c", "X-Docker-Expose-Session-Uuid": "none"}
        raw.request("POST", "/session", headers=headers)
        assert raw.reply().status == 101
        raw.try_send(b"HTTP/1.1 200 OK\r\n\r\n" * 100)
        raw.stream()
    assert build(as_user(alice), [regular("file", "x")])[0].status == 0
