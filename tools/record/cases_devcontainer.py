"""Dev container workspaces: name → files below /home/alice/NAME."""

import json

from lib.images import BUSYBOX


def _workspace(dockerfile=None, **configuration):
    files = {".devcontainer/devcontainer.json": json.dumps(configuration, indent=2)}
    if dockerfile:
        files[".devcontainer/Dockerfile"] = dockerfile
    return files


CASES = {
    "image": _workspace(image=BUSYBOX),
    "image-options": _workspace(
        image=BUSYBOX,
        runArgs=["--memory=2g", "--shm-size=1g", "--network=none"],
        containerEnv={"A": "1"},
        mounts=["source=cache,target=/cache,type=volume", {"source": "/home/alice/data", "target": "/data", "type": "bind"}],
        forwardPorts=[8888],
        appPort=[6006],
        init=True,
        capAdd=["SYS_PTRACE"],
        securityOpt=["seccomp=unconfined"],
    ),
    "image-gpus-argument": _workspace(image=BUSYBOX, runArgs=["--gpus", "1"]),
    "image-gpu-required": _workspace(image=BUSYBOX, hostRequirements={"gpu": True}),
    "build": _workspace(f"FROM {BUSYBOX}\nRUN echo built > /built\n", build={"dockerfile": "Dockerfile"}),
    "build-gpu-optional": _workspace(
        f"FROM {BUSYBOX}\n", build={"dockerfile": "Dockerfile"}, hostRequirements={"gpu": "optional"}, name="lab"
    ),
}
