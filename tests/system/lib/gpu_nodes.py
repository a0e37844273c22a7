"""Character devices that stand for the device files of simulated GPUs. Each has a kernel driver behind it, so that it
can be opened, and is none that every container may open."""

import io
import os
import stat
import tarfile

from .need import need

_LIKE = ("/dev/fuse", "/dev/loop-control", "/dev/cpu_dma_latency", "/dev/btrfs-control", "/dev/autofs")


def _openable(path):
    try:
        os.close(os.open(path, os.O_RDONLY))
        return True
    except OSError:
        return False


class GpuNodes:
    """Whole GPUs "0", "1", … with one device file each."""

    def __init__(self, count=3):
        like = [path for path in _LIKE if os.path.exists(path) and _openable(path)]
        need(len(like) >= count, f"needs {count} of {', '.join(_LIKE)}, to stand for GPUs")
        self.numbers = [os.stat(path).st_rdev for path in like[:count]]
        self.paths = [f"/dev/ds01t{os.getpid()}gpu{i}" for i in range(count)]
        for path, number in zip(self.paths, self.numbers, strict=True):
            os.mknod(path, stat.S_IFCHR | 0o666, number)
            os.chmod(path, 0o666)

    def uuid(self, index):
        return f"GPU-00000000-0000-4000-8000-0000000000{index:02d}"

    def node_of(self, uuid):
        return self.paths[int(uuid[-2:])]

    def write_inventory(self, file):
        lines = ["gpus:"]
        for i, path in enumerate(self.paths):
            lines.append(
                f"  - {{index: {i}, uuid: {self.uuid(i)}, model: Test, memory_mib: 1024, device_nodes: [{path}]}}"
            )
        file.write_text("\n".join(lines) + "\n")

    def add_to_image(self, tar):
        """The same devices once more, as files of the image: what somebody who made device files would have."""
        data = io.BytesIO(tar)
        with tarfile.open(fileobj=data, mode="a") as image:
            for i, number in enumerate(self.numbers):
                entry = tarfile.TarInfo(f"made{i}")
                entry.type, entry.mode = tarfile.CHRTYPE, 0o666
                entry.devmajor, entry.devminor = os.major(number), os.minor(number)
                image.addfile(entry)
        return data.getvalue()

    def remove(self):
        for path in self.paths:
            os.unlink(path)
