"""Containers that root makes at the Engine's own socket, with the secret in all that they have, and that seem to be
somebody's."""

import json

from lib import images
from lib.waiting import wait_until

from .words import filled

# kind → (labels, name, HostConfig, how the tracker finds the owner). `{stem}-p` is the name if there is none.
KINDS = {
    "named": ({"ds01.user": "{alice}"}, "", {}, "ds01_label"),
    "named_exec": ({"ds01.user": "{alice}"}, "", {}, "ds01_label"),
    "named_stopped": ({"ds01.user": "{alice}"}, "", {}, "ds01_label"),
    "named_shareable": ({"ds01.user": "{alice}"}, "", {"IpcMode": "shareable"}, "ds01_label"),
    "named_with_volume": ({"ds01.user": "{alice}"}, "", {"Binds": ["{volume}:/data"]}, "ds01_label"),
    "named_by_aime": ({"aime.mlc.USER": "{alice}"}, "", {}, "aime_label"),
    "named_by_name": ({}, "{stem}._.{alice_uid}", {}, "container_name"),
    "named_protected": ({"ds01.user": "{alice}", "ds01.protected": "true"}, "", {}, "ds01_label"),
    "named_bob": ({"ds01.user": "{bob}"}, "", {}, "ds01_label"),
    "named_managed": ({"ds01.user": "{alice}", "ds01.managed": "true", "ds01.lease": "L0123456789abcdef"}, "", {}, "ds01_label"),
    "named_by_image": ({}, "", {}, "unknown"),
    "named_jupyter": ({"hub.jupyter.org/username": "{alice}"}, "jupyter-{alice}-{stem}", {}, "unknown"),
    "named_folder": ({"devcontainer.local_folder": "{home}"}, "", {}, "devcontainer"),
    "named_compose": ({"com.docker.compose.project.working_dir": "{home}"}, "", {}, "compose_dir"),
    "named_mount": ({}, "", {"Binds": ["{home}:/code"]}, "mount_path"),
}


def _image_that_says(things, labels):
    changes = ["ENV PATH=/bin", *(f"LABEL {key}={value}" for key, value in labels.items())]
    things.engine.import_image(things.words["newtag"], images.busybox_tar(), changes)
    return things.words["newtag"]


def make(things, kind):
    """Adds {named}, {named.id}, {named.short}."""
    words = things.words
    labels, name, host_config, method = filled(KINDS[kind], words)
    name = name or f"{things.stem}-p"
    image = things.site.image
    if kind == "named_by_image":
        image = _image_that_says(things, filled({"ds01.user": "{alice}", "aime.mlc.USER": "{alice}"}, words))
    secret = things.site.secret
    command = ["sh", "-c", f"trap 'exit 0' TERM; echo {secret}; echo {secret} > /secret; sleep 3600 & wait"]
    body = {"Image": image, "Cmd": command, "Labels": {**labels, "note": secret}, "Env": [f"TOKEN={secret}"], "HostConfig": host_config}
    identity = things.engine.api("POST", f"/containers/create?name={name}", body).json()["Id"]
    if kind != "named_stopped":
        things.engine.api("POST", f"/containers/{identity}/start")
        wait_until(lambda: secret in things.logs(identity), 20, f"{name} says its secret")
    words |= {"named": name, "named.id": identity, "named.short": identity[:12]}
    if kind == "named_exec":
        prepared = things.engine.api("POST", f"/containers/{identity}/exec", {"Cmd": ["cat", "/secret"], "AttachStdout": True})
        words["named.exec"] = prepared.json()["Id"]
    if things.site.ours:
        _tracked(things.site.ours.daemon, identity, method)


def _tracked(daemon, identity, method):
    """Until ds01d knows whose it seems to be: before that nobody gets anything of it."""
    path = daemon.state / "opa/container-owners.json"

    def known():
        entry = json.loads(path.read_text())["containers"].get(identity) if path.exists() else None
        return entry and entry["detection_method"] == method

    wait_until(known, 20, f"the tracker knows {identity[:12]} by {method}")
