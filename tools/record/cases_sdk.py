"""Runs one case with the docker-py of the interpreter: `cases_sdk.py NAME`. As people write it in notebooks."""

import sys

import docker
from docker.types import DeviceRequest, LogConfig, Mount, Ulimit

IMAGE = "ds01test/busybox:latest"
SLEEP = ["sleep", "600"]


def run(client, **options):
    client.containers.run(IMAGE, SLEEP, detach=True, name="train", **options)


def low_level(client, **host):
    api = client.api
    made = api.create_container(IMAGE, SLEEP, name="train", host_config=api.create_host_config(**host))
    api.start(made["Id"])


CASES = {
    "run": lambda c: c.containers.run(IMAGE, "echo hi", remove=True),
    "run-detached": lambda c: run(c, labels={"a": "b"}, environment={"A": "1"}, working_dir="/tmp", user="1000"),
    "create": lambda c: c.containers.create(IMAGE),
    "terminal": lambda c: run(c, tty=True, stdin_open=True),
    "limits": lambda c: run(c, mem_limit="2g", memswap_limit="3g", nano_cpus=1500000000, pids_limit=100, shm_size="1g",
                            mem_reservation="1g", ulimits=[Ulimit(name="memlock", soft=-1, hard=-1)]),
    "limits-quota-pair": lambda c: run(c, cpu_period=50000, cpu_quota=75000),
    "gpu-one": lambda c: run(c, device_requests=[DeviceRequest(count=1, capabilities=[["gpu"]])]),
    "gpu-all": lambda c: run(c, device_requests=[DeviceRequest(count=-1, capabilities=[["gpu"]])]),
    "gpu-ids": lambda c: run(c, device_requests=[DeviceRequest(device_ids=["0", "1"], capabilities=[["gpu"]])]),
    "volumes": lambda c: run(c, volumes={"/home/alice/data": {"bind": "/data", "mode": "ro"},
                                         "cache": {"bind": "/cache", "mode": "rw"}}),
    "mounts": lambda c: run(c, mounts=[Mount("/data", "/home/alice/data", type="bind", read_only=True),
                                       Mount("/cache", "cache"), Mount("/scratch", None, type="tmpfs")]),
    "ports": lambda c: run(c, ports={"8888/tcp": ("127.0.0.1", 8888), "6006/tcp": None}),
    "network": lambda c: run(c, network="lab", hostname="box"),
    "restart-and-logs": lambda c: run(c, restart_policy={"Name": "on-failure", "MaximumRetryCount": 3},
                                      log_config=LogConfig(type="json-file", config={"max-size": "10m"})),
    "privileged": lambda c: c.containers.create(IMAGE, SLEEP, privileged=True, pid_mode="host", network_mode="host"),
    "low-level": lambda c: low_level(c, binds=["/home/alice/data:/data"], mem_limit="1g", cap_drop=["ALL"]),
    "low-level-gpu": lambda c: low_level(c, device_requests=[{"Driver": "nvidia", "Count": 1, "DeviceIDs": None,
                                                              "Capabilities": [["gpu", "compute"]], "Options": None}]),
}  # fmt: skip


def main():
    if sys.argv[1:] == []:
        print(docker.__version__, *CASES)
    else:
        CASES[sys.argv[1]](docker.from_env())


if __name__ == "__main__":
    main()
