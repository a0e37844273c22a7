"""As test_foreign, with Docker 26: it gives a privileged container what capabilities the host has, where Docker 20 wants
all that the kernel knows."""

import pytest
from lib.images import BUSYBOX
from lib.waiting import wait_until

STACK = {"nvidia": True, "engine26": True}

pytestmark = pytest.mark.usefixtures("stack")


def states(stack):
    return {gpu["state"] for gpu in stack.daemon.status()["gpus"]}


def test_Root_Docker_a_privileged_container_occupies_every_gpu(stack):
    body = {"Image": BUSYBOX, "Cmd": ["sleep", "600"], "HostConfig": {"Privileged": True}}
    stack.engine.api("POST", "/containers/create?name=roots", body)
    stack.engine.api("POST", "/containers/roots/start")
    wait_until(lambda: states(stack) == {"foreign"}, 10, "every slot to be foreign")
    stack.engine.api("DELETE", "/containers/roots?force=1")
    wait_until(lambda: "foreign" not in states(stack), 10, "all slots to be free again")
