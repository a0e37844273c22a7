#!/usr/bin/python3
"""Stands where nvidia-container-runtime-hook stands and gives no device to anybody: it writes down, for each start of
a container with a GPU request, which devices the real hook would have been asked for.

dockerd puts the hook into the OCI spec when the program is in its PATH at start-up, and passes its own environment on.
The runtime runs it as a prestart hook with the container's state (id, pid, bundle) on standard input."""

import json
import os
import sys


def main():
    state = json.load(sys.stdin)
    with open(os.path.join(state["bundle"], "config.json"), encoding="utf-8") as file:
        process = json.load(file)["process"]
    values = [line.split("=", 1)[1] for line in process["env"] if line.startswith("NVIDIA_VISIBLE_DEVICES=")]
    record = {"id": state["id"], "pid": state["pid"], "visible": values}
    descriptor = os.open(os.environ["DS01_HOOK_RECORD"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, (json.dumps(record) + "\n").encode())
    os.close(descriptor)


if __name__ == "__main__":
    main()
