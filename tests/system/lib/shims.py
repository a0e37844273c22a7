"""containerd's shims, and what runs below them. A dockerd that is killed while it starts a container knows nothing of it
afterwards: to the next one it does not run, it is removed as if it did not, and its processes go on for ever."""

import os
import signal
from pathlib import Path

from .waiting import wait_until


def _words(pid):
    try:
        return (Path("/proc") / pid / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _children(parent):
    """Those that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, ppid = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(ppid) == parent and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


def below(base):
    """Shims of the Engine with its files below `base`: container id → pids, first the shim's own."""
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        words = _words(directory.name)
        if words[0:1] and "containerd-shim" in words[0] and any(word.startswith(f"{base}/") for word in words):
            pid = int(directory.name)
            found[words[words.index("-id") + 1]] = [pid, *_children(pid)]
    return found


def end(shims):
    """Of `below`: the containers' processes, then the shims."""
    for shim, *processes in shims.values():
        for pid in [*processes, shim]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def end_forgotten(engine):
    """Ends processes of containers that do not run as far as the Engine knows, and says which containers those are.
    Only when nothing is being started or stopped."""

    def forgotten():
        shims = below(engine.base)  # before the list: a container that ends in between is not forgotten
        running = {item["Id"] for item in engine.api("GET", "/containers/json").json()}
        return {id_: pids for id_, pids in shims.items() if id_ not in running and len(pids) > 1}

    ended = forgotten()
    end(ended)
    wait_until(lambda: not forgotten(), 10, "processes that the Engine does not know to end", 0.05)
    return set(ended)
