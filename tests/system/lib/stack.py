"""One Engine with one ds01d in front and the clients of two users: what most tests work on."""

import os
import shutil
from pathlib import Path

from . import images
from .client import Client, installed_clis
from .daemon import Daemon
from .engine import Engine, Engine26, remove_empty_cgroups, unmount_below
from .gpu_nodes import GpuNodes
from .nvml import Machine
from .waiting import wait_until


class Stack:
    def __init__(
        self,
        base,
        tar,
        users,
        nvidia=False,
        live_restore=False,
        engine26=False,
        cdi=False,
        nodes=0,
        nvml=False,
        daemon=None,
    ):
        """`cdi`: GPUs by CDI (with engine26). `nodes`: so many whole GPUs, each with a device file, in place of the
        site's; the image WITH_NODES then has the same devices as files. `nvml`: GPUs from a driver's library of the
        tests'. `daemon`: more for ds01d.yaml."""
        self.base = Path(base)
        self.base.mkdir()
        self.base.chmod(0o755)  # the users' sockets are below
        self.users = users
        self.nodes = None
        self.engine = (Engine26 if engine26 else Engine)(self.base / "e", nvidia=nvidia, live_restore=live_restore)
        self.engine.start()
        try:
            images.load_all(self.engine, tar)
            groups = {user.name: "student" for user in users.values()}
            settings = {"gpu": {"cdi_dir": str(self.engine.cdi_dir)}} if cdi else daemon
            emitter = "cdi" if cdi else "nvidia" if nvidia else "sim"
            self.daemon = Daemon(self.base / "d", self.engine.socket, groups, emitter, settings)
            if nvml:
                self.machine = Machine(self.base / "n")
                self.daemon.gpus, self.daemon.env, self.daemon.within = "nvml", self.machine.env, self.machine.within
            if nodes:
                self.nodes = GpuNodes(nodes)
                self.nodes.write_inventory(self.daemon.config / "gpus-nodes.yaml")
                self.daemon.gpus = f"sim:{self.daemon.config / 'gpus-nodes.yaml'}"
                self.engine.import_image(images.WITH_NODES, self.nodes.add_to_image(tar), ["ENV PATH=/bin"])
            self.daemon.start()
        except BaseException:
            self._remove_nodes()
            self.engine.stop()
            raise
        cli = installed_clis()[0]
        self.alice = Client(users["alice"], self.daemon.socket, cli)
        self.bob = Client(users["bob"], self.daemon.socket, cli)

    def _remove_nodes(self):
        if self.nodes:
            self.nodes.remove()

    def containers_of(self, user):
        return [c for c in self.engine.containers() if (c["Config"]["Labels"] or {}).get("ds01.user") == user.name]

    def remove_everything(self):
        """Containers, networks and volumes; images stay."""
        self.engine.remove_all()
        self.engine.api("POST", "/networks/prune")
        for volume in self.engine.api("GET", "/volumes").json()["Volumes"] or []:
            self.engine.api("DELETE", f"/volumes/{volume['Name']}", expect=(204, 404))
        wait_until(lambda: not self.daemon.held(), 15, "all slots free again")

    def clean(self):
        """Between tests: no containers, all slots free. A ds01d that died is an error, and is started again so that the
        tests after it can tell something."""
        if not self.engine.child.running():
            self.engine.start()
        died = not self.daemon.running()
        if died:
            log = self.daemon.stderr.read_text(errors="replace")[-3000:]
            self.daemon.start()
        self.engine.remove_all()
        wait_until(lambda: not self.daemon.held(), 15, "all slots free again")
        assert not died, f"ds01d had died:\n{log}"

    def stop(self):
        try:
            self.daemon.stop()
        finally:
            if self.daemon.running():
                self.daemon.kill()
            self.engine.stop()
            self._remove_nodes()
            remove_empty_cgroups("ds01.slice")
            keep = os.environ.get("DS01_TEST_LOGS")
            if keep:
                Path(keep).mkdir(parents=True, exist_ok=True)
                shutil.copy(self.daemon.stderr, Path(keep) / f"{self.base.name}.ds01d.log")
            unmount_below(self.base)  # pins, through which the removal would reach the users' homes
            shutil.rmtree(self.base, ignore_errors=True)


def visible_devices(container):
    """The UUIDs a container's configuration names, from inspect (`sim` emitter)."""
    values = [e.split("=", 1)[1] for e in container["Config"]["Env"] or [] if e.startswith("NVIDIA_VISIBLE_DEVICES=")]
    assert len(values) <= 1, f"NVIDIA_VISIBLE_DEVICES stands {len(values)} times in {container['Name']}"
    return [] if not values or values[0] in ("void", "") else values[0].split(",")
