"""Requests that must be refused, as data: where they go, what they carry, how a build or a container is asked for."""

import json
from urllib.parse import quote


def quoted(value):
    return quote(json.dumps(value))


# {id}: the full id of bob's container, {short}: its first 12 digits, {upper}: in capitals. Expected: 404 unless noted.
FOREIGN = [
    ("GET", "/containers/{id}/json", None),
    ("GET", "/containers/{short}/json", None),
    ("GET", "/containers/{upper}/json", None),
    ("GET", "/containers/bobs-own/json", None),
    ("GET", "/containers/%62obs-own/json", None),
    ("GET", "/containers/bobs-own%20/json", None),
    ("GET", "/v1.24/containers/{id}/json", None),
    ("GET", "/v1.99/containers/{id}/top", None),
    ("GET", "/containers/{id}/logs?stdout=1", None),
    ("GET", "/containers/{id}/changes", None),
    ("GET", "/containers/{id}/export", None),
    ("GET", "/containers/{id}/stats?stream=0", None),
    ("GET", "/containers/{id}/archive?path=/etc/passwd", None),
    ("GET", "/containers/{id}/attach/ws?stream=1&stdout=1", None),
    ("POST", "/containers/{id}/attach?logs=1&stdout=1", None),
    ("POST", "/containers/{id}/start", None),
    ("POST", "/containers/{id}/start", {}),
    ("POST", "/containers/{id}/stop", None),
    ("POST", "/containers/{id}/restart", None),
    ("POST", "/containers/{id}/kill?signal=9", None),
    ("POST", "/containers/{id}/pause", None),
    ("POST", "/containers/{id}/unpause", None),
    ("POST", "/containers/{id}/wait?condition=not-running", None),
    ("POST", "/containers/{id}/resize?h=1&w=1", None),
    ("POST", "/containers/{id}/rename?name=mine", None),
    ("POST", "/containers/{id}/exec", {"Cmd": ["id"]}),
    ("POST", "/containers/{id}/update", {"RestartPolicy": {"Name": "no"}}),
    ("PUT", "/containers/{id}/archive?path=/", b"\0" * 1024),
    ("DELETE", "/containers/{id}?force=1", None),
    ("DELETE", "/containers/{short}?force=1&v=1", None),
    ("POST", "/commit?container={id}&repo=stolen", {}),
    ("POST", "/commit?container=bobs-own&repo=stolen", None),
    ("POST", "/networks/bridge/connect", {"Container": "{id}"}),
    ("POST", "/networks/bridge/disconnect", {"Container": "bobs-own", "Force": True}),
    ("GET", "/containers/json?all=1&filters=" + quoted({"since": ["{id}"]}), None),
    ("GET", "/containers/json?all=1&filters=" + quoted({"before": ["bobs-own"]}), None),
]

# Refused whatever they name: the status may be any of these.
MALFORMED = [
    ("GET", "//containers/{id}/json"),
    ("GET", "/containers//{id}/json"),
    ("GET", "/containers/{id}/json/"),
    ("GET", "/containers/./{id}/json"),
    ("GET", "/containers/x/../{id}/json"),
    ("GET", "/containers/x%2f..%2f{id}/json"),
    ("GET", "/containers/%2e%2e/containers/{id}/json"),
    ("GET", "/v1.41/../containers/{id}/json"),
    ("GET", "/v1.41//containers/{id}/json"),
    ("GET", "/v1.41/v1.41/containers/{id}/json"),
    ("GET", "/v1.12/containers/{id}/json"),
    ("GET", "/v1.041.0/containers/{id}/json"),
    ("GET", "/V1.41/containers/{id}/json"),
    ("GET", "/Containers/{id}/json"),
    ("GET", "/containers/{id}/JSON"),
    ("GET", "/containers/{id}%00/json"),
    ("GET", "/containers/%2F{id}/json"),
    ("GET", "/containers/{id}/json;x"),
    ("GET", "/containers/{id}/checkpoints"),
    ("POST", "/commit?container=x&container={id}"),
    ("POST", "/commit?container=x;container={id}"),
    ("POST", "/commit?container=x&%63ontainer={id}"),
    ("HEAD", "/containers/{id}/json"),
    ("OPTIONS", "/containers/{id}/json"),
    ("PATCH", "/containers/{id}/update"),
    ("GET", "/debug/pprof/heap"),
    ("GET", "/metrics"),
    ("POST", "/grpc"),
    ("POST", "/session"),
    ("GET", "/_ping?" + "&".join(f"{i:x}" for i in range(20000))),
    ("GET", "/a" * 50000),
]

BUILDS = [
    "networkmode=host",
    "networkmode=container:{id}",
    "networkmode=ns:/proc/1/ns/net",
    "securityopt=" + quoted(["seccomp=unconfined"]),
    "cgroupparent=/",
    "remote=http://127.0.0.1/x",
    "remote=file:///etc",
    "ulimits=" + quoted([{"Name": "rtprio", "Soft": 99, "Hard": 99}]),
    "ulimits=" + quoted([{"Name": "RtPrio", "Soft": 99, "Hard": 99}]),
    "ulimits=" + quoted([{"name": "NICE", "Soft": 40, "Hard": 40}]),
    "ulimits=" + quoted({"Name": "nice"}),
]

# Host configurations of a create; {home}: alice's home.
HOST_CONFIGS = {
    "real-time priority": {"Ulimits": [{"Name": "rtprio", "Soft": 99, "Hard": 99}]},
    "real-time priority in capitals": {"Ulimits": [{"Name": "RTPRIO", "Soft": 99, "Hard": 99}]},
    "niceness in mixed case": {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 1}, {"Name": "Nice", "Hard": 40}]},
    "network of another's container": {"NetworkMode": "container:{id}"},
    "network of another's container by name": {"NetworkMode": "container:bobs-own"},
    "network of another's container by a prefix": {"NetworkMode": "container:{short}"},
    "IPC of another's container": {"IpcMode": "container:{id}"},
    "PIDs of another's container": {"PidMode": "container:bobs-own"},
    "link to another's container": {"Links": ["bobs-own:db"]},
    "link to another's container, as listed": {"Links": ["/bobs-own:/x/db"]},
    "link by a path": {"Links": ["x/../bobs-own:db"]},
    "volumes from another's container": {"VolumesFrom": ["{id}:rw"]},
    "bind through VolumeOptions": {
        "Mounts": [
            {
                "Type": "volume",
                "Target": "/x",
                "VolumeOptions": {"DriverConfig": {"Options": {"type": "none", "o": "bind", "device": "/etc"}}},
            }
        ]
    },
    "bind by a relative path": {"Mounts": [{"Type": "bind", "Source": "../../etc", "Target": "/x"}]},
    "bind as a volume": {"Mounts": [{"Type": "volume", "Source": "/etc", "Target": "/x"}]},
    "bind of another type": {"Mounts": [{"Type": "Bind", "Source": "/etc", "Target": "/x"}]},
    "bind without a type": {"Mounts": [{"Source": "/etc", "Target": "/x"}]},
    "volume subpath": {
        "Mounts": [{"Type": "volume", "Source": "vv", "Target": "/x", "VolumeOptions": {"Subpath": "../../../etc"}}]
    },
    "cluster volume": {"Mounts": [{"Type": "cluster", "Source": "vv", "Target": "/x"}]},
    "propagation": {
        "Mounts": [{"Type": "bind", "Source": "{home}", "Target": "/x", "BindOptions": {"Propagation": "rshared"}}]
    },
    "GPU list by mounts": {"Binds": ["vv:/var/run/nvidia-container-devices/all"]},
    "GPU list by uncleaned mounts": {"Binds": ["vv:/var/../run//nvidia-container-devices/./all"]},
    "GPU by CDI": {"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=all"]}]},
    "GPU by negative count": {"DeviceRequests": [{"Count": -2, "Capabilities": [["gpu"]]}]},
    "GPU by no capabilities": {"DeviceRequests": [{"Count": 1, "Capabilities": [[]]}]},
    "GPU options": {"DeviceRequests": [{"Count": 1, "Capabilities": [["gpu"]], "Options": {"visible": "all"}}]},
    "number as a string": {"Memory": "1g"},
    "number beyond 64 bits": {"Memory": 36893488147419103232},
    "list for an object": {"LogConfig": []},
    "object for a list": {"Binds": {"0": "/etc:/x"}},
    "runtime": {"Runtime": "io.containerd.runc.v2"},
    "annotations": {"Annotations": {"run.oci.keep_original_groups": "1"}},
    "log driver": {"LogConfig": {"Type": "syslog", "Config": {"syslog-address": "unix:///run/x.sock"}}},
    "log option without a driver": {"LogConfig": {"Type": "", "Config": {"fluentd-address": "unix:///run/x"}}},
    "endless binds": {"Binds": [f"/{i}:/x" for i in range(20000)]},
    "nested beyond sense": None,
}
