"""What people type at the docker command line: name → arguments, `run -it` on a terminal, others without."""

from lib.images import BUSYBOX

DETACHED = ["run", "-d", "--name", "train"]
SLEEP = [BUSYBOX, "sleep", "600"]

PREPARE = [["network", "create", "lab"], ["volume", "create", "cache"]]

CASES = {
    "run-plain": ["run", BUSYBOX, "true"],
    "run-remove": ["run", "--rm", BUSYBOX, "echo", "hi"],
    "run-terminal": ["run", "-it", "--rm", BUSYBOX, "true"],
    "run-stdin": ["run", "-i", "--rm", BUSYBOX, "cat"],
    "create": ["create", "--name", "later", BUSYBOX],
    "limits": [*DETACHED, "--memory", "2g", "--memory-swap", "3g", "--memory-reservation", "1g", "--cpus", "1.5",
               "--pids-limit", "100", "--cpu-shares", "512", *SLEEP],
    "limits-quota-pair": [*DETACHED, "--cpu-period", "50000", "--cpu-quota", "75000", "--cpuset-cpus", "0", *SLEEP],
    "limits-unlimited": ["create", "--memory-swap", "-1", "--memory", "1g", "--pids-limit", "-1", *SLEEP],
    "gpus-one": [*DETACHED, "--gpus", "1", *SLEEP],
    "gpus-all": [*DETACHED, "--gpus", "all", *SLEEP],
    "gpus-devices": [*DETACHED, "--gpus", '"device=0,1"', *SLEEP],
    "gpus-capabilities": [*DETACHED, "--gpus", '"capabilities=compute,utility","count=2"', *SLEEP],
    "gpus-profile-label": [*DETACHED, "--gpus", "1", "--label", "ds01.request.profile=2g.20gb", *SLEEP],
    "gpus-by-environment": [*DETACHED, "-e", "NVIDIA_VISIBLE_DEVICES=all", *SLEEP],
    "bind": [*DETACHED, "-v", "/home/alice/data:/data", "-v", "/home/alice/data:/ro:ro", *SLEEP],
    "volume": [*DETACHED, "-v", "cache:/cache", "-v", "/anonymous", *SLEEP],
    "mount-bind": [*DETACHED, "--mount", "type=bind,source=/home/alice/data,target=/data,readonly", *SLEEP],
    "mount-volume": [*DETACHED, "--mount", "type=volume,source=cache,target=/cache", *SLEEP],
    "mount-tmpfs": [*DETACHED, "--mount", "type=tmpfs,target=/scratch,tmpfs-size=64m", "--tmpfs", "/fast", *SLEEP],
    "ports": [*DETACHED, "-p", "127.0.0.1:8888:8888", "-p", "6006", "--expose", "9000", *SLEEP],
    "environment": [*DETACHED, "-e", "A=1", "-e", "GREETING=héllo \"you\"", "--env-file", "/home/alice/env", *SLEEP],
    "shm-and-ulimits": [*DETACHED, "--shm-size", "1g", "--ulimit", "nofile=1024:2048", "--ulimit", "memlock=-1:-1",
                        *SLEEP],
    "ipc-host": ["create", "--ipc", "host", *SLEEP],
    "network": [*DETACHED, "--network", "lab", "--network-alias", "model", "--hostname", "box", *SLEEP],
    "network-host": ["create", "--network", "host", *SLEEP],
    "network-none": [*DETACHED, "--network", "none", *SLEEP],
    "names": [*DETACHED, "--add-host", "db:10.0.0.7", "--dns", "10.0.0.1", "--dns-search", "example.edu", *SLEEP],
    "user-and-entrypoint": [*DETACHED, "-u", "1000:1000", "-w", "/tmp", "-l", "a=b", "--entrypoint", "sleep", BUSYBOX,
                            "600"],
    "restart": [*DETACHED, "--restart", "unless-stopped", *SLEEP],
    "health": [*DETACHED, "--health-cmd", "true", "--health-interval", "30s", "--health-retries", "2", *SLEEP],
    "hardened": [*DETACHED, "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt",
                 "no-new-privileges", *SLEEP],
    "stopping": [*DETACHED, "--init", "--stop-signal", "SIGINT", "--stop-timeout", "30", *SLEEP],
    "logging": [*DETACHED, "--log-driver", "json-file", "--log-opt", "max-size=10m", *SLEEP],
    "platform": [*DETACHED, "--platform", "linux/amd64", *SLEEP],
    "privileged": ["create", "--privileged", *SLEEP],
    "device": ["create", "--device", "/dev/null:/dev/nvidia0", "--cap-add", "SYS_ADMIN", *SLEEP],
    "cgroup-parent": ["create", "--cgroup-parent", "/elsewhere", *SLEEP],
    "jupyter": ["run", "-d", "--name", "jupyter-alice", "--gpus", "1", "-p", "127.0.0.1:8889:8888", "-v",
                "/home/alice/data:/home/jovyan/work", "-e", "JUPYTER_TOKEN=secret", "--label",
                "hub.jupyter.org/username=alice", *SLEEP],
}  # fmt: skip
