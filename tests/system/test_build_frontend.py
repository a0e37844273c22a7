"""Builds with BuildKit are made by the Engine's own frontend for Dockerfiles: one of a user's own (`# syntax=IMAGE`) could
ask for what BuildKit does not check, such as a file anywhere on the host that is written as root (Debian's 20.10.24 and
26.1.5), and a step without seccomp or in somebody else's cgroup."""

import re

import pytest
from lib import compose
from lib.daemon import BUILDKIT
from lib.differential import direct_client
from lib.images import BUSYBOX

pytestmark = pytest.mark.usefixtures("stack")

SYNTAX = "ds01test/no-such-frontend:1"


def write(client, text):
    folder = client.user.home / "frontend"
    client.run(["mkdir", "-p", folder])
    client.run(["tee", folder / "Dockerfile"], stdin=text)
    return str(folder)


def buildx(client):
    return client.with_env(compose.plugins(client) | {"BUILDKIT_PROGRESS": "plain"})


@pytest.mark.parametrize("options", [[], ["--build-arg", f"BUILDKIT_SYNTAX={SYNTAX}"]], ids=["directive", "argument"])
def test_Root_Docker_a_frontend_of_ones_own_is_not_run(stack, alice, options):
    folder = write(alice, f"# syntax={SYNTAX}\nFROM {BUSYBOX}\nRUN echo by the own > /made\n")
    argv = ["buildx", "build", *options, "-t", "ds01test/made:1", folder]
    buildx(alice).docker(*argv, timeout=120)
    assert alice.out("run", "--rm", "ds01test/made:1", "cat", "/made") == "by the own"
    root = buildx(direct_client(stack))
    assert SYNTAX.split(":")[0] in root.refused(*argv, timeout=120), "the Engine itself would run it"


def test_Root_Docker_the_cache_of_a_mount_is_each_users_own(alice, bob):
    """Its name, or its path if there is none, is all that BuildKit tells them apart by."""
    for client, word in ((bob, "bob"), (alice, "alice"), (bob, "bob again")):
        step = f"RUN --mount=type=cache,target=/cache echo of {word} >> /cache/x && cat /cache/x"
        done = buildx(client).docker("buildx", "build", write(client, f"FROM {BUSYBOX}\n{step}\n"), timeout=120)
        seen = re.findall(r"^#\d+ [\d.]+ (of .*)$", done.stdout + done.stderr, re.MULTILINE)
        assert seen == {"bob": ["of bob"], "alice": ["of alice"], "bob again": ["of bob", "of bob again"]}[word]


def test_Root_Docker_buildkit_is_closed_unless_it_is_opened(stack, alice):
    limits = stack.daemon.config / "resource-limits.yaml"
    opened = limits.read_text()
    limits.write_text(opened.replace(BUILDKIT, "", 1))
    stack.daemon.reload("the configuration was reloaded")
    # Where its default way is closed, buildx tries a BuildKit of its own, from an image that it finds here in place of the
    # internet.
    stack.engine.api("POST", f"/images/{BUSYBOX}/tag?repo=moby/buildkit&tag=buildx-stable-1")
    refused = buildx(alice).refused("buildx", "build", write(alice, f"FROM {BUSYBOX}\n"), timeout=120)
    limits.write_text(opened)
    stack.daemon.reload("the configuration was reloaded")
    assert "DOCKER_BUILDKIT=0" in refused
