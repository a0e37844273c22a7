"""What tests of stopped containers share: whose hold is how long, which slot a container has, starts past ds01d."""

from .waiting import wait_until


_MARK = "# for alice and bob, of this test\n"


def set_hold(stack, seconds):
    """How long the stopped containers of alice and bob keep their GPU; as many GPUs for each as there are. None: the
    site's own limits again."""
    file = stack.daemon.config / "user-overrides.yaml"
    text = file.read_text().partition(_MARK)[0]
    if seconds is not None:
        text += _MARK
        for client in (stack.alice, stack.bob):
            text += f"{client.user.name}:\n  gpu_hold_after_stop_s: {seconds}\n"
            text += "  max_gpu_equivalents: 4.0\n  aggregate: {gpu_limit: 4.0}\n  max_containers_per_user: 6\n"
    file.write_text(text)
    stack.daemon.reload()


def slot_of(stack, name):
    """The slot that is leased to the container; None without."""
    found = [gpu["slot"] for gpu in stack.daemon.status()["gpus"] if gpu["state"] == "held" and gpu["container"] == name]
    assert len(found) <= 1, found
    return found[0] if found else None


def state_of(stack, slot):
    [state] = [gpu["state"] for gpu in stack.daemon.status()["gpus"] if gpu["slot"] == slot]
    return state


def stop_and_park(stack, user, name):
    user.out("stop", "-t", "0", name)
    wait_until(lambda: slot_of(stack, name) is None, 20, f"the slot of {name} to be given back")


def policy(stack, name):
    """The restart policy that the Engine has."""
    return stack.engine.inspect(name)["HostConfig"]["RestartPolicy"]["Name"]


def policy_shown(user, name):
    return user.out("inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", name)


def runs(stack, name):
    return stack.engine.inspect(name)["State"]["Running"]


def past_us(stack, name, action="start", expect=(204, 304)):
    """Asked of the Engine itself, as root may."""
    return stack.engine.api("POST", f"/containers/{name}/{action}", expect=expect)


def events_about(stack, name, event_type, after=0):
    """Details of the events of this type, but for the first `after` of all."""
    return [
        event["details"]
        for event in stack.daemon.events()[after:]
        if event["event_type"] == event_type and event["details"].get("container") == name
    ]
