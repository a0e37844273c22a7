import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/system"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib.need import need, need_program  # noqa: E402
from machine import Machine  # noqa: E402

UNIT = """[Unit]
After=local-fs.target
Before=docker.service
[Service]
ExecStart=/opt/bin/ds01d
RuntimeDirectory=ds01
RuntimeDirectoryPreserve=yes
StateDirectory=ds01
LogsDirectory=ds01
PrivateTmp=yes
ProtectSystem=strict
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""
# Asks the gateway from wherever it runs, since busybox knows no Unix sockets: the status and the containers' names.
CALL = """import http.client, json, socket
c = http.client.HTTPConnection("docker")
c.sock = socket.socket(socket.AF_UNIX)
c.sock.connect("/run/ds01/docker.sock")
c.request("GET", "/v1.41/containers/json?all=1")
r = c.getresponse()
body = json.load(r)
print(r.status, *sorted(n for x in body for n in x["Names"]) if r.status == 200 else [body])
"""


def image_directory():
    command = 'source "$1"; vm_image_dir'
    return Path(subprocess.run(["bash", "-c", command, "_", str(ROOT / "tools/lib/vm.sh")],
                               capture_output=True, text=True, check=True).stdout.strip())  # fmt: skip


def ptrace_probe(directory):
    """Static, since the image has no libraries."""
    path = directory / "ptrace_probe"
    subprocess.run(["gcc", "-static", "-O2", "-Wall", "-Werror", "-o", path, ROOT / "tests/vm/ptrace_probe.c"], check=True)
    return path


def busybox_rootfs(directory):
    """What `docker import` makes an image of."""
    path = directory / "busybox.tar"
    with tarfile.open(path, "w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
        tar.add(ptrace_probe(directory), "bin/ptrace_probe")
        for name in ("sh", "sleep", "cat", "id", "touch", "ls"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return path


def payload(directory):
    binaries = Path(os.environ["DS01_BIN_DIR"])
    (directory / "ds01d.service").write_text(UNIT)
    (directory / "call.py").write_text(CALL)
    (directory / "ds01d.yaml").write_text('gpu: {source: "sim:/etc/ds01/gpus.yaml", emitter: sim}\n')
    service = (ROOT / "packaging/systemd/ds01-authz.service.in").read_text()
    (directory / "ds01-authz.service").write_text(service.replace("@CMAKE_INSTALL_FULL_BINDIR@", "/opt/bin"))
    path = directory / "payload.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("ds01d", "ds01", "ds01-authz"):
            stripped = directory / name
            subprocess.run(["strip", "-o", stripped, binaries / name], check=True)
            tar.add(stripped, f"bin/{name}")
        for source in (ROOT / "packaging/systemd/ds01-authz.socket", directory / "ds01-authz.service",
                       directory / "ds01d.service", directory / "call.py", busybox_rootfs(directory)):  # fmt: skip
            tar.add(source, source.name)
        for source, name in ((ROOT / "config/resource-limits.yaml", "resource-limits.yaml"),
                             (ROOT / "config/sim/gpus-4.yaml", "gpus.yaml"), (directory / "ds01d.yaml", "ds01d.yaml")):  # fmt: skip
            tar.add(source, f"config/{name}")
    size = path.stat().st_size
    os.truncate(path, (size + 511) // 512 * 512)  # a disk has whole blocks
    return path


@pytest.fixture(scope="session")
def machine(tmp_path_factory):
    need_program("qemu-system-x86_64")
    image = image_directory()
    need(image.exists(), f"needs the disk image {image}, which `sudo tools/dev vm` makes")
    directory = tmp_path_factory.mktemp("vm")
    results = ROOT / "build/results"
    results.mkdir(parents=True, exist_ok=True)
    legacy = os.environ.get("DS01_VM_CGROUPS", "2") == "1"
    made = Machine(image, payload(directory), results / "vm-console.log", legacy)
    try:
        made.out("cp -r /opt/config /etc/ds01 && cp /opt/*.service /opt/*.socket /etc/systemd/system/")
        made.out("docker import /opt/busybox.tar bb:1")
        made.out("systemctl daemon-reload && systemctl enable --now ds01d", 120)
        made.wait_until("test -S /run/ds01/docker.sock && python3 /opt/call.py", 60)
        yield made
    finally:
        made.stop()


@pytest.fixture(autouse=True)
def _clean(machine):
    yield
    machine.run("export DOCKER_HOST=unix:///run/ds01/docker.sock; docker ps -aq | xargs -r docker rm -f")
