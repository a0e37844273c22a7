"""A docker command line of 20.10 with its own BuildKit (DOCKER_BUILDKIT=1): it serves its files by POST /session and asks
by POST /build?version=2, which ds01d asks BuildKit for in its place. What the user sees is what the Engine shows."""

import re
import signal
import subprocess
from pathlib import Path

import pytest
from lib.client import OLD_CLI
from lib.daemon import BUILDKIT
from lib.differential import compare, direct_client, normalised
from lib.images import BUSYBOX
from lib.need import need
from lib.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stack")

STEP = "sleep 6173"  # of no other test
SYNTAX = "ds01test/no-such-frontend:1"


def with_buildkit(client):
    need(Path(OLD_CLI).exists(), "needs a docker client with a BuildKit of its own")
    return client.with_cli(OLD_CLI).with_env({"DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"})


@pytest.fixture
def docker(alice):
    return with_buildkit(alice)


def context(client, *lines, name="context"):
    folder = client.user.home / name
    client.run(["mkdir", "-p", folder])
    client.run(["tee", folder / "file.txt"], stdin="from the context\n")
    client.run(["tee", folder / "Dockerfile"], stdin="\n".join([f"FROM {BUSYBOX}", *lines]) + "\n")
    return str(folder)


def build(client, *args, **keywords):
    return client.docker("build", *args, timeout=120, **keywords)


# What BuildKit numbers, times and digests as it comes, and how far it got when it told so.
_PASSING = re.compile(r"^(sha256:|DONE|CACHED|CANCELED|\[internal\]|transferring|exporting|writing|naming|resolve|$)")


def shown(done):
    """What a build has told, without order: its parts run beside each other."""
    lines = (re.sub(r"^(#\d+ )?(\d+\.\d+ )?", "", line) for line in done.stderr.splitlines())
    text = "\n".join(sorted({line for line in lines if not _PASSING.match(line)}))
    return re.sub(r"buildkit-mount\d+", "MOUNT", text)


def builds(seen):
    client = seen.client
    folder = context(
        client,
        "ARG WORD=none",
        "COPY file.txt /file.txt",
        "RUN echo $WORD > /word && cat /file.txt",
        "FROM scratch",
        "COPY --from=0 /word /only",
    )
    first = folder + "/first"
    client.run(["sh", "-c", f"sed 's/^FROM ds01.*/& AS first/' {folder}/Dockerfile > {first}"])
    iid = client.user.home / "iid"
    for args in (
        [],
        ["-q"],
        ["-t", "ds01test/made:1", "-t", "ds01test/made:2"],
        ["-f", first, "--target", "first", "--build-arg", "WORD=given", "--label", "a=b c", "-t", "ds01test/made:3"],
        ["--iidfile", iid, "--network", "none", "--pull=false"],
        ["-q", "--iidfile", iid],
    ):
        done = build(client, "--no-cache", *args, folder, check=False)
        seen.note(" ".join(map(str, args[:1])), (done.returncode, normalised(done.stdout, client.user.home), shown(done)))
    image = iid.read_text()
    seen.note("id", client.out("image", "inspect", "-f", "{{.Id}}", image) == image)
    for name in ("ds01test/made:1", "ds01test/made:2", "ds01test/made:3"):
        seen.docker("image", "inspect", "-f", "{{json .Config.Labels}} {{len .RepoTags}}", name)
    seen.docker("run", "--rm", "ds01test/made:3", "cat", "/word", "/file.txt")
    seen.docker("rmi", "ds01test/made:1", "ds01test/made:2", "ds01test/made:3", output=False)


def failures(seen):
    client = seen.client
    folder = context(client, "RUN echo this is why && exit 7")
    for args in ([], ["-q"], ["--target", "none"], ["-f", folder + "/none"], ["-t", "BAD NAME"]):
        done = build(client, *args, folder, check=False)
        mine = re.sub(r"/tmp/\S*/data", "DATA", shown(done))
        seen.note(" ".join(args[:1]), (done.returncode, normalised(done.stdout, client.user.home), mine))
        assert done.returncode != 0


@pytest.mark.parametrize("work", [builds, failures], ids=lambda work: work.__name__)
def test_Root_Docker_a_build_is_as_on_the_bare_engine(stack, work):
    compare(stack, lambda seen: work(WithBuildKit(seen)), OLD_CLI)


class WithBuildKit:
    """A Seen whose client builds by BuildKit."""

    def __init__(self, seen):
        self.seen = seen
        seen.client = with_buildkit(seen.client)

    def __getattr__(self, name):
        return getattr(self.seen, name)


def test_Root_Docker_what_is_made_is_the_callers(docker, bob):
    build(docker, "-t", "ds01test/built:1", context(docker, "COPY file.txt /", "RUN cat /file.txt > /copy"))
    assert docker.out("run", "--rm", "ds01test/built:1", "cat", "/copy") == "from the context"
    assert "brought to this server by somebody else" in bob.refused("rmi", "ds01test/built:1")
    docker.docker("rmi", "ds01test/built:1")


def test_Root_Docker_no_image_gets_somebody_elses_name(docker, bob):
    bob.docker("tag", BUSYBOX, "ds01test/of-bob:1")
    before = bob.out("image", "inspect", "-f", "{{.Id}}", "ds01test/of-bob:1")
    folder = context(docker, "RUN true")
    assert "ds01: the image name ds01test/of-bob:1 is taken" in docker.refused("build", "-t", "ds01test/of-bob:1", folder)
    output = "type=image,name=ds01test/of-bob:1"
    assert "ds01: the image name ds01test/of-bob:1 is taken" in docker.refused("build", "-o", output, folder)
    assert bob.out("image", "inspect", "-f", "{{.Id}}", "ds01test/of-bob:1") == before
    bob.docker("rmi", "ds01test/of-bob:1")


@pytest.mark.parametrize("options", [[], ["--build-arg", f"BUILDKIT_SYNTAX={SYNTAX}"]], ids=["directive", "argument"])
def test_Root_Docker_a_frontend_of_ones_own_is_passed_over(docker, options):
    folder = context(docker, "RUN echo by the own > /made")
    path = folder + "/Dockerfile"
    docker.run(["sh", "-c", f"{{ echo '# syntax={SYNTAX}'; cat {path}; }} > {path}.new && mv {path}.new {path}"])
    build(docker, *options, "-t", "ds01test/made:1", folder)
    assert docker.out("run", "--rm", "ds01test/made:1", "cat", "/made") == "by the own"
    docker.docker("rmi", "ds01test/made:1")


def test_Root_Docker_files_and_hosts_and_secrets(docker):
    secret = docker.user.home / "secret"
    docker.run(["tee", secret], stdin="a word")
    folder = context(docker, "RUN --mount=type=secret,id=s cat /run/secrets/s > /s && cat /etc/hosts > /h", "FROM scratch",
                     "COPY --from=0 /s /h /")  # fmt: skip
    out = docker.user.home / "made"
    hosts = ["--add-host", "one:192.0.2.1", "--add-host", "two:2001:db8::1"]
    build(docker, "--secret", f"id=s,src={secret}", *hosts, "-o", out, folder)
    assert docker.run(["cat", out / "s"]).stdout == "a word"
    lines = [line.split() for line in docker.run(["cat", out / "h"]).stdout.splitlines()]
    assert ["192.0.2.1", "one"] in lines and ["2001:db8::1", "two"] in lines


def test_Root_Docker_what_is_not_open_says_so(docker):
    folder = context(docker, "RUN true")
    for options, sentence in (
        (["--network", "host"], "may not use the network"),
        (["--network", "mine"], "BuildKit knows no network mode mine"),
        (["--cgroup-parent", "/x"], "the cgroup of a build is set by this server"),
        (["--add-host", "x:host-gateway"], "give the address"),
        (["--ulimit", "rtprio=9"], "before everybody else's"),
        (["--platform", "x/y/z/a"], "cannot parse platform specifier"),
        (["-o", "type=registry,name=x"], "outputs of this build are not understood"),
    ):
        assert sentence in docker.refused("build", *options, folder, timeout=120), options
    archive = docker.user.home / "context.tar"
    docker.run(["tar", "-cf", archive, "-C", folder, "."])
    done = docker.run(["sh", "-c", f"{docker.cli} build - < {archive}"], check=False, timeout=120)
    assert done.returncode != 0 and "unpack it" in done.stderr
    assert "the Engine may not fetch" in docker.refused("build", "http://192.0.2.1/x.tar", timeout=120)


def interrupted(client, how, tag, other=None):
    """Ends a build within a step; exit status, and the end of what it told."""
    folder = context(client, f"RUN {STEP}")
    with client.follow("build", "--no-cache", "-t", tag, folder) as building:
        while f"RUN {STEP}" not in building.line():
            pass
        if other is not None:
            assert "ds01: the image name" in other.refused("tag", BUSYBOX, tag)
        building.process.send_signal(how)
        lines = building.rest()
        return building.process.wait(20), lines[-1:]


def test_Root_Docker_a_build_that_is_given_up_ends(stack, docker, bob):
    tag = "ds01test/given-up:1"
    ended = interrupted(docker, signal.SIGINT, tag, bob)
    assert ended == interrupted(with_buildkit(direct_client(stack)), signal.SIGINT, "ds01test/bare:1")
    wait_until(lambda: bob.docker("tag", BUSYBOX, tag, check=False).returncode == 0, 30, "the tag to be free")
    bob.docker("rmi", tag)
    interrupted(docker, signal.SIGKILL, tag, bob)
    wait_until(lambda: bob.docker("tag", BUSYBOX, tag, check=False).returncode == 0, 30, "the tag to be free")
    bob.docker("rmi", tag)
    wait_until(lambda: subprocess.run(["pgrep", "-f", STEP], check=False).returncode == 1, 30, "the steps to end")


def test_Root_Docker_where_buildkit_is_closed_this_is(stack, docker):
    limits = stack.daemon.config / "resource-limits.yaml"
    opened = limits.read_text()
    limits.write_text(opened.replace(BUILDKIT, "", 1))
    stack.daemon.reload("the configuration was reloaded")
    refused = docker.refused("build", context(docker), timeout=120)
    limits.write_text(opened)
    stack.daemon.reload("the configuration was reloaded")
    assert "DOCKER_BUILDKIT=0" in refused
