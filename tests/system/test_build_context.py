"""The classic builder's context: the Engine unpacks it as root, and opens the Dockerfile whatever it is."""

import gzip
import io
import tarfile

import pytest
from lib.differential import direct_client
from lib.images import BUSYBOX

pytestmark = pytest.mark.usefixtures("stack")

TAR = {"Content-Type": "application/x-tar"}
# Its driver says so when it is opened without a terminal; /dev/watchdog would have the host restarted.
TERMINAL = (5, 0)


def entry(name, kind, contents=b"", device=(0, 0)):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode = kind, len(contents), 0o644
    info.devmajor, info.devminor = device
    return info, contents


def archive(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for info, contents in entries:
            tar.addfile(info, io.BytesIO(contents))
    return out.getvalue()


DOCKERFILE = entry("Dockerfile", tarfile.REGTYPE, f"FROM {BUSYBOX}\nCOPY . /ctx\n".encode())
DEVICE = entry("Dockerfile", tarfile.CHRTYPE, device=TERMINAL)
FIFO = entry("pipe", tarfile.FIFOTYPE)


def build(client, body):
    with client.raw(timeout=60) as raw:
        return raw.ask("POST", "/build?rm=1&forcerm=1", body, TAR)


def test_Root_Docker_a_device_as_Dockerfile_is_opened_by_the_Engine_and_not_through_us(stack, alice):
    direct = build(direct_client(stack), archive(DEVICE))
    assert "no such device or address" in direct.body.decode(), "the attempt must succeed on the bare Engine"
    reply = build(alice, archive(DEVICE))
    assert reply.status == 403, reply.body
    assert '\\"Dockerfile\\" is a device file or a FIFO' in reply.body.decode()


def test_Root_Docker_a_fifo_in_a_context_is_refused_by_name(alice):
    reply = build(alice, archive(DOCKERFILE, FIFO))
    assert reply.status == 403, reply.body
    assert '\\"pipe\\" is a device file or a FIFO' in reply.body.decode()


def test_Root_Docker_a_context_of_files_and_links_is_built(alice):
    link = entry("link", tarfile.SYMTYPE)
    link[0].linkname = "../../etc/passwd"
    reply = build(alice, archive(DOCKERFILE, entry("folder", tarfile.DIRTYPE), link))
    assert reply.status == 200 and "Successfully built" in reply.body.decode(), reply.body


def test_Root_Docker_a_compressed_context_is_refused_with_the_way_out(alice):
    reply = build(alice, gzip.compress(archive(DEVICE)))
    assert reply.status == 400, reply.body
    assert "leave --compress away" in reply.body.decode()


def test_Root_Docker_a_context_on_stdin_is_built(alice):
    done = alice.docker("build", "-", stdin=archive(DOCKERFILE).decode("latin-1"), env={"DOCKER_BUILDKIT": "0"}, check=False)
    assert done.returncode == 0, done.stderr
