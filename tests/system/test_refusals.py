"""What a container may not ask for, each through the docker CLI or as a raw request: refused with one sentence that
names it, and nothing is made. And what may be asked, but means nothing: labels and variables that claim to be ours."""

import json
import re
import shlex

import pytest
from lib.client import NEW_CLI
from lib.images import BUSYBOX, WITH_ENV, WITH_LABELS
from lib.stack import visible_devices

pytestmark = pytest.mark.usefixtures("stack")

SENTENCE = re.compile(r"ds01: \S.*\(decision D[0-9a-f]{12}\)")

# Flags of docker create; {home}: a home with a link `link` → /etc in it, {bobs}: another user's running container.
FLAGS = [
    "--privileged",
    "--cap-add SYS_ADMIN",
    "--cap-add ALL",
    "--cap-add cap_sys_rawio",
    "--cap-add MKNOD",
    "--device /dev/null",
    "--device /dev/nvidia0",
    "--device-cgroup-rule 'c 195:* rwm'",
    "--device-cgroup-rule 'a *:* rwm'",
    "--security-opt seccomp=unconfined",
    "--security-opt apparmor=unconfined",
    "--security-opt systempaths=unconfined",
    "--security-opt label=disable",
    "--sysctl net.ipv4.ip_forward=1",
    "--sysctl kernel.msgmax=65536",
    "--runtime nvidia",
    "--pid host",
    "--ipc host",
    "--network host",
    "--net=host",
    "--uts host",
    "--userns host",
    "--cgroupns host",
    "--cgroup-parent /",
    "--cgroup-parent /docker",
    "--cgroup-parent ds01-admin.slice",
    "--volumes-from {bobs}",
    "--oom-score-adj=-500",
    "--volume-driver local-persist -v data:/data",
    "-v /:/host",
    "-v /etc:/mnt",
    "-v /etc/shadow:/mnt:ro",
    "-v /var/run:/mnt",
    "-v {home}/link:/mnt",
    "-v {home}/link/ssl:/mnt",
    "-v {home}/../..:/mnt",
    "-v {home}/./../../etc:/mnt",
    "-v {bobs_home}:/mnt",
    "-v {home}:/mnt:shared",
    "--mount type=bind,src=/etc,dst=/mnt",
    "--mount type=bind,src={home}/link,dst=/mnt",
    "--mount type=bind,src={home},dst=/mnt,bind-propagation=rshared",
    "--mount type=volume,dst=/mnt,volume-driver=local,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/etc",
    "-v /dev/null:/var/run/nvidia-container-devices/all",
    "--gpus all,driver=other",
]

# Bodies of POST /containers/create, merged into one that is allowed. Strings are sent as they stand.
BODIES = {
    "privileged in lower case": '{"Image":"IMAGE","HostConfig":{"privileged":true}}',
    "privileged in mixed case": '{"Image":"IMAGE","hostconfig":{"PRIVILEGED":true}}',
    "privileged, the last wins": '{"Image":"IMAGE","HostConfig":{"Privileged":false,"Privileged":true}}',
    "HostConfig twice": '{"Image":"IMAGE","HostConfig":{},"HostConfig":{"Privileged":true}}',
    "HostConfig in two cases": '{"Image":"IMAGE","HostConfig":{},"hostConfig":{"Privileged":true}}',
    "long s": '{"Image":"IMAGE","Ho\u017ftConfig":{"Privileged":true}}',
    "kelvin sign": '{"Image":"IMAGE","HostConfig":{"Networ\u212aMode":"host"}}',
    "escaped key": '{"Image":"IMAGE","HostConfig":{"\\u0050rivileged":true}}',
    "a field nobody published": '{"Image":"IMAGE","HostConfig":{"Superuser":true}}',
    "CDI annotation": '{"Image":"IMAGE","HostConfig":{"Annotations":{"cdi.k8s.io/x":"nvidia.com/gpu=all"}}}',
    "two device requests": '{"Image":"IMAGE","HostConfig":{"DeviceRequests":['
    '{"Count":1,"Capabilities":[["gpu"]]},{"Count":-1,"Capabilities":[["gpu"]]}]}}',
    "device request for another driver": '{"Image":"IMAGE","HostConfig":{"DeviceRequests":['
    '{"Driver":"cdi","DeviceIDs":["nvidia.com/gpu=all"]}]}}',
    "empty mask of paths": '{"Image":"IMAGE","HostConfig":{"MaskedPaths":[]}}',
    "empty list of read-only paths": '{"Image":"IMAGE","HostConfig":{"ReadonlyPaths":[]}}',
    "capabilities of 1.40": '{"Image":"IMAGE","HostConfig":{"Capabilities":["CAP_SYS_ADMIN"]}}',
    "CDI device by raw request": '{"Image":"IMAGE","HostConfig":{"Devices":['
    '{"PathOnHost":"nvidia.com/gpu=all","PathInContainer":"nvidia.com/gpu=all","CgroupPermissions":"rwm"}]}}',
    "device by raw request": '{"Image":"IMAGE","HostConfig":{"Devices":['
    '{"PathOnHost":"/dev/vda","PathInContainer":"/dev/x","CgroupPermissions":"rwm"}]}}',
    "bind with an uncleaned path": '{"Image":"IMAGE","HostConfig":{"Binds":["//etc/:/mnt"]}}',
    "a null byte in a path": '{"Image":"IMAGE","HostConfig":{"Binds":["/home/x\\u0000/../../etc:/mnt"]}}',
}

ROUTES = [
    ("POST", "/swarm/init", {"ListenAddr": "0.0.0.0:2377"}),
    ("POST", "/plugins/pull?remote=vieux/sshfs", []),
    ("POST", "/services/create", {}),
    ("GET", "/secrets", None),
    ("GET", "/no/such/thing", None),
    ("POST", "/containers/create/extra", {}),
    ("POST", "/volumes/create", {"Name": "x", "DriverOpts": {"type": "none", "o": "bind", "device": "/etc"}}),
    ("POST", "/volumes/create", {"Name": "x", "driveropts": {"type": "none", "o": "bind", "device": "/etc"}}),
    ("DELETE", "/_ping", None),
    ("TRACE", "/containers/json", None),
]


@pytest.fixture
def surroundings(alice, bob):
    """What FLAGS name."""
    link = alice.user.home / "link"
    if not link.is_symlink():
        alice.run(["ln", "-s", "/etc", link])
    bob.out("run", "-d", "--name", "bobs-own", BUSYBOX, "sleep", "600")
    return {"home": alice.user.home, "bobs": "bobs-own", "bobs_home": bob.user.home}


def test_Root_Docker_flags_that_lead_out_of_the_container_are_refused(stack, alice, each_cli, surroundings):
    alice = alice.with_cli(each_cli)
    wrong = []
    for flags in FLAGS:
        argv = shlex.split(flags.format(**surroundings))
        done = alice.docker("create", *argv, BUSYBOX, check=False)
        missing = "No such container" in done.stderr and "{bobs}" in flags
        # What a client itself does not accept never gets here.
        if done.returncode == 0 or not (SENTENCE.search(done.stderr) or missing):
            wrong.append(f"{flags}: exit {done.returncode}: {done.stdout}{done.stderr}".strip())
    made = [container["Id"] for container in stack.containers_of(alice.user)]
    assert not wrong, "\n".join(wrong)
    assert not made


def test_Root_Docker_the_sentence_names_what_is_refused(alice, surroundings):
    for flags, word in (
        ("--privileged", "privileged"),
        ("--cap-add SYS_ADMIN", "cap-add"),
        ("--device /dev/null", "--device"),
        ("--pid host", "pid"),
        ("-v /etc:/mnt", "/etc"),
        ("--runtime nvidia", "runtime"),
    ):
        text = alice.refused("create", *flags.split(), BUSYBOX)
        assert word.lower() in SENTENCE.search(text)[0].lower(), text


@pytest.mark.parametrize("name", BODIES)
def test_Root_Docker_body_is_refused(stack, alice, name):
    with alice.raw() as raw:
        reply = raw.ask("POST", "/containers/create", BODIES[name].replace("IMAGE", BUSYBOX).encode())
    assert reply.status in (400, 403), (reply.status, reply.message())
    assert SENTENCE.fullmatch(reply.message()), reply.message()
    assert not stack.engine.containers()


@pytest.mark.parametrize("version", ["/v1.12", "/v1.24", "/v1.41"])
def test_Root_Docker_old_api_versions_are_no_way_round(stack, alice, version):
    with alice.raw() as raw:
        reply = raw.ask("POST", f"{version}/containers/create", {"Image": BUSYBOX, "HostConfig": {"Privileged": True}})
    assert reply.status in (400, 403), (reply.status, reply.message())
    assert not stack.engine.containers()


def test_Root_Docker_start_with_a_host_config_is_refused(stack, alice):
    alice.out("create", "--name", "plain", BUSYBOX, "sleep", "600")
    for version in ("/v1.12", "/v1.23", ""):
        with alice.raw() as raw:
            reply = raw.ask("POST", f"{version}/containers/plain/start", {"Privileged": True, "Binds": ["/etc:/mnt"]})
        inspected = stack.engine.inspect("plain")
        assert reply.status >= 400 or not inspected["HostConfig"]["Privileged"]
        assert not inspected["HostConfig"]["Binds"]


def test_Root_Docker_exec_privileged_is_refused(stack, alice):
    alice.out("run", "-d", "--name", "plain", BUSYBOX, "sleep", "600")
    assert SENTENCE.search(alice.refused("exec", "--privileged", "plain", "true"))
    with alice.raw() as raw:
        for body in (b'{"Cmd":["true"],"privileged":true}', b'{"Cmd":["true"],"Privileged":false,"Privileged":true}'):
            reply = raw.ask("POST", "/containers/plain/exec", body)
            assert reply.status in (400, 403), (reply.status, reply.message())


def test_Root_Docker_update_lifts_no_limit(stack, alice):
    alice.out("create", "--name", "plain", BUSYBOX)
    before = stack.engine.inspect("plain")["HostConfig"]
    for flags in ("--memory 64g --memory-swap -1", "--memory-swap -1", "--pids-limit -1", "--restart always --cpus 0"):
        alice.docker("update", *flags.split(), "plain", check=False)
    after = stack.engine.inspect("plain")["HostConfig"]
    assert after["Memory"] == before["Memory"]
    assert after["MemorySwap"] == before["MemorySwap"]
    assert after["PidsLimit"] == before["PidsLimit"]
    assert after["NanoCpus"] == before["NanoCpus"]


def test_Root_Docker_update_takes_no_devices(stack, alice):
    alice.out("create", "--name", "plain", BUSYBOX)
    with alice.raw() as raw:
        for body in (
            {"Devices": [{"PathOnHost": "/dev/vda", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}]},
            {"DeviceCgroupRules": ["a *:* rwm"]},
            {"CgroupParent": "/"},
        ):
            raw.ask("POST", "/containers/plain/update", body)
    host = stack.engine.inspect("plain")["HostConfig"]
    assert not host["Devices"]
    assert not host["DeviceCgroupRules"]
    assert "ds01.slice" in host["CgroupParent"]


@pytest.mark.parametrize("method, target, body", ROUTES, ids=[f"{m} {t}" for m, t, _ in ROUTES])
def test_Root_Docker_route_is_refused(alice, method, target, body):
    with alice.raw() as raw:
        reply = raw.ask(method, target, body)
    assert reply.status in (400, 403), (reply.status, reply.message())
    assert SENTENCE.fullmatch(reply.message()), reply.message()


def test_Root_Docker_build_takes_no_host_network_and_no_cgroup(alice):
    for query in ("networkmode=host", "cgroupparent=/", "NetworkMode=host&networkmode=host", "networkmode=container:x"):
        with alice.raw() as raw:
            reply = raw.ask("POST", f"/build?{query}", b"", {"Content-Type": "application/x-tar"})
        assert reply.status >= 400, query
        assert SENTENCE.fullmatch(reply.message()), reply.message()


def test_Root_Docker_labels_that_claim_to_be_ours_are_overwritten(stack, alice, bob):
    forged = ["-l", f"ds01.user={bob.user.name}", "-l", "ds01.lease=L0123456789abcdef", "-l", "ds01.protected=true"]
    forged += ["-l", "ds01.managed=false", "-l", "ds01.gpu.uuids=GPU-x", "-l", "ds01.monitoring=true", "-l", "colour=red"]
    done = alice.docker("create", "--name", "forged", *forged, BUSYBOX, check=False)
    if done.returncode == 0:
        labels = stack.engine.inspect("forged")["Config"]["Labels"]
        assert labels["ds01.user"] == alice.user.name
        assert labels["ds01.managed"] == "true"
        assert labels["colour"] == "red"
        # Empty is as good as absent, and keeps what an image says from showing through.
        for name in ("ds01.lease", "ds01.protected", "ds01.monitoring", "ds01.gpu.uuids"):
            assert not labels.get(name), (name, labels)
        assert alice.out("ps", "-aq", "--no-trunc") and not bob.out("ps", "-aq")
    else:
        assert SENTENCE.search(done.stderr)


def test_Root_Docker_labels_of_an_image_give_no_owner_and_no_lease(stack, alice, bob):
    alice.out("create", "--name", "labelled", WITH_LABELS)
    labels = stack.engine.inspect("labelled")["Config"]["Labels"]
    assert labels["ds01.user"] == alice.user.name
    assert labels["colour"] == "green"
    assert labels.get("ds01.lease") in (None, "")
    assert not stack.daemon.held()
    assert bob.out("ps", "-aq") == ""


def test_Root_Docker_labels_by_raw_request_in_other_spellings(stack, alice, bob):
    labels = {"DS01.USER": bob.user.name, "ds01.user": bob.user.name, "ds01.user ": bob.user.name}
    with alice.raw() as raw:
        reply = raw.ask("POST", "/containers/create?name=spelt", {"Image": BUSYBOX, "labels": labels})
        assert reply.status in (201, 400), reply.message()
        reply = raw.ask("POST", "/containers/create?name=spelt", {"Image": BUSYBOX, "Labels": labels})
    if reply.status == 201:
        assert stack.engine.inspect("spelt")["Config"]["Labels"]["ds01.user"] == alice.user.name
    assert bob.out("ps", "-aq") == ""


@pytest.mark.parametrize("image", [BUSYBOX, WITH_ENV])
@pytest.mark.parametrize("way", ["none", "flag", "case", "file", "twice", "bare"])
def test_Root_Docker_variables_give_no_gpu(stack, alice, image, way):
    listed = alice.user.home / "env.list"
    alice.run(["sh", "-c", f"cat > {listed}"], stdin="NVIDIA_VISIBLE_DEVICES=all\nNVIDIA_MIG_CONFIG_DEVICES=all\n")
    argv = {
        "none": [],
        "flag": ["-e", "NVIDIA_VISIBLE_DEVICES=all"],
        "case": ["-e", "nvidia_visible_devices=all", "-e", "Nvidia_Visible_Devices=all"],
        "file": ["--env-file", str(listed)],
        "twice": ["-e", "NVIDIA_VISIBLE_DEVICES=void", "-e", "NVIDIA_VISIBLE_DEVICES=all"],
        "bare": ["-e", "NVIDIA_VISIBLE_DEVICES"],
    }[way]
    done = alice.docker("run", "--rm", *argv, image, "env", check=False)
    if done.returncode == 0:
        seen = [line for line in done.stdout.splitlines() if line.upper().startswith("NVIDIA_")]
        assert [line for line in seen if line.startswith("NVIDIA_VISIBLE_DEVICES=")] == ["NVIDIA_VISIBLE_DEVICES=void"]
        assert not [line for line in seen if line.upper().startswith(("NVIDIA_MIG", "NVIDIA_IMEX"))]
        assert not [line for line in seen if line.endswith("=all")]
    else:
        assert SENTENCE.search(done.stderr)
    assert not stack.daemon.held()


def test_Root_Docker_variables_add_nothing_to_a_lease(stack, alice):
    alice.out("run", "-d", "--name", "one", "--gpus", "1", "-e", "NVIDIA_VISIBLE_DEVICES=all", WITH_ENV, "sleep", "600")
    devices = visible_devices(stack.engine.inspect("one"))
    assert len(devices) == 1
    assert devices == list(stack.daemon.held())


def test_Root_Docker_an_exec_takes_no_gpu_by_variable(alice):
    alice.out("run", "-d", "--name", "plain", BUSYBOX, "sleep", "600")
    done = alice.docker("exec", "-e", "NVIDIA_VISIBLE_DEVICES=all", "plain", "env", check=False)
    # An exec runs in the container's cgroup and sees its devices, whatever the variable says.
    assert done.returncode != 0 or "NVIDIA_VISIBLE_DEVICES" in done.stdout


def test_Root_Docker_a_newer_clients_empty_fields_pass(stack, alice):
    body = {"Image": BUSYBOX, "HostConfig": {"Annotations": None}}
    with alice.raw() as raw:
        reply = raw.ask("POST", "/containers/create", body)
    assert reply.status == 201, reply.message()
    assert json.dumps(stack.engine.inspect(reply.json()["Id"]))


def test_Root_Docker_refusals_are_the_same_for_both_clients(alice):
    if alice.cli == NEW_CLI:
        pytest.skip("only one docker client is installed")
    texts = set()
    for cli in (alice.cli, NEW_CLI):
        done = alice.with_cli(cli).docker("create", "--privileged", BUSYBOX, check=False)
        texts.add(SENTENCE.search(done.stderr)[0].split(" (decision")[0])
    assert len(texts) == 1
