"""Images made here, so that no test needs a network."""

import io
import subprocess
import tarfile

BUSYBOX = "ds01test/busybox:latest"
WITH_ENV = "ds01test/env:latest"  # asks for all GPUs, as CUDA images do
WITH_NODES = "ds01test/nodes:latest"  # has device files of its own, see gpu_nodes.py
WITH_LABELS = "ds01test/labels:latest"  # claims an owner and a lease


def busybox_tar():
    """A root file system with a static busybox and a link for each of its tools."""
    applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, mode in (("bin", 0o755), ("tmp", 0o1777), ("etc", 0o755), ("root", 0o700)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        program = tar.gettarinfo("/bin/busybox", "bin/busybox")
        program.uid = program.gid = 0
        with open("/bin/busybox", "rb") as file:
            tar.addfile(program, file)
        for applet in applets:
            if applet != "busybox":
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
        for name, text in (("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"), ("etc/group", "root:x:0:\n")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return data.getvalue()


def load_all(engine, tar):
    base = ["ENV PATH=/bin", 'CMD ["/bin/sh"]']
    engine.import_image(BUSYBOX, tar, base)
    engine.import_image(WITH_ENV, tar, base + ["ENV NVIDIA_VISIBLE_DEVICES=all", "ENV nvidia_visible_devices=all"])
    engine.import_image(
        WITH_LABELS, tar, base + ["LABEL ds01.user=root", "LABEL ds01.lease=L0123456789abcdef", "LABEL colour=green"]
    )
