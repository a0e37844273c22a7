"""The docker command line, each version that is here: a day's work through ds01d gives the same exit statuses and the
same texts as on the bare Engine."""

import json

import pytest
from lib.differential import compare, direct_client
from lib.images import BUSYBOX

pytestmark = pytest.mark.usefixtures("stack")

LONG = ["sh", "-c", "echo ready; echo problem >&2; exec sleep 600"]


def running(docker, *options, name="app"):
    docker("run", "-d", "--name", name, *options, BUSYBOX, *LONG)
    docker("exec", name, "true")


def look_at_containers(seen):
    docker = seen.docker
    running(docker, "--label", "project=x", "--hostname", "box", "-e", "A=1", "-w", "/tmp", "--memory", "64m")
    docker("create", "--name", "other", "--label", "project=y", BUSYBOX)
    names = ["--format", "{{.Names}} {{.Image}} {{.Command}} {{.State}}"]
    docker("ps", *names)
    docker("ps", "-a", *names, unordered=True)
    for condition in ("label=project=x", "label=project", "name=app", "status=created", "ancestor=" + BUSYBOX,
                      "before=other", "since=app", "network=bridge", "health=none", "exited=0"):  # fmt: skip
        docker("ps", "-a", "--filter", condition, *names, unordered=True)
    docker("ps", "-n", "1", "-q")
    docker("ps", "-l", "-q")
    docker("ps", "-a", "--no-trunc", "-q")
    docker("ps", "--filter", "nonsense=1")
    docker("info", "-f", "{{.ServerVersion}} {{.Driver}} {{.CgroupDriver}} {{.NCPU}}")
    docker("version", "-f", "{{.Client.Version}} {{.Server.Version}} {{.Server.APIVersion}}")
    docker("logs", "app")
    docker("logs", "--since", "1h", "-t", "app")
    docker("logs", "--tail", "0", "app")
    docker("top", "app", "-o", "pid,args", output=False)
    docker("port", "app")
    docker("diff", "other")
    docker("inspect", "-f", "{{.Name}} {{.Config.Hostname}} {{.Config.WorkingDir}} {{.HostConfig.Memory}}", "app")
    docker("inspect", "-s", "-f", "{{.SizeRw}}", "app", output=False)
    docker("stats", "--no-stream", "--format", "{{.Name}}", "app")


def change_containers(seen):
    docker = seen.docker
    running(docker)
    for verb in (["pause"], ["unpause"], ["kill", "-s", "USR1"], ["restart", "-t", "0"], ["stop", "-t", "0"], ["start"]):
        docker(*verb, "app")
        docker("inspect", "-f", "{{.State.Status}} {{.State.Paused}}", "app")
    docker("update", "--restart", "on-failure:3", "app")
    docker("inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", "app")
    docker("rename", "app", "renamed")
    docker("rm", "renamed")
    docker("kill", "renamed")
    docker("wait", "renamed")
    docker("rm", "-v", "renamed")
    docker("container", "prune", "-f", output=False)


def work_inside(seen):
    docker, home = seen.docker, seen.client.user.home
    running(docker)
    docker("exec", "-e", "B=2", "-w", "/bin", "-u", "1000:1000", "app", "sh", "-c", "echo $B; pwd; id -u; exit 3")
    docker("exec", "-i", "app", "cat", stdin="through\n")
    docker("exec", "-d", "app", "touch", "/detached")
    docker("exec", "app", "no-such-program")
    seen.run("sh", "-c", f"mkdir -p {home}/tree/sub && echo a > {home}/tree/a && ln -sf a {home}/tree/link")
    docker("cp", f"{home}/tree", "app:/tree", output=False)
    docker("exec", "app", "ls", "-l", "/tree/link", output=False)
    docker("cp", "app:/tree/link", f"{home}/copied", output=False)
    docker("cp", "-L", "app:/tree/link", "-", output=False)
    docker("cp", "app:/absent", "-", output=False)  # names the container by the id that ds01d sends on
    docker("cp", f"{home}/absent", "app:/")
    seen.run("sh", "-c", f"cat {home}/copied; tar -cC {home} tree | {seen.client.cli} cp - app:/bin && echo done")
    docker("exec", "app", "cat", "/bin/tree/a")


def how_runs_end(seen):
    docker = seen.docker
    docker("run", "--rm", BUSYBOX, "sh", "-c", "exit 42")
    docker("run", "--rm", BUSYBOX, "no-such-program")
    docker("run", "--rm", BUSYBOX, "/etc/passwd")
    docker("run", "--rm", "-u", "nobody-here", BUSYBOX, "true")
    docker("run", "--rm", "--network", "absent", BUSYBOX, "true", output=False)  # refused in ds01d's words
    docker("run", "--rm", "-v", "relative/path:/x", BUSYBOX, "true", output=False)  # refused in ds01d's words
    docker("run", "--rm", "--memory", "1k", BUSYBOX, "true")
    docker("run", "--rm", "--no-such-flag", BUSYBOX)
    docker("run", "--rm", "-i", BUSYBOX, "sh", stdin="echo typed; exit 5\n")
    docker("run", "--rm", "--init", "--read-only", "--tmpfs", "/tmp", BUSYBOX, "touch", "/tmp/x", "/y")
    docker("run", "--name", "twice", BUSYBOX, "true")
    docker("run", "--name", "twice", BUSYBOX, "true")
    docker("start", "-a", "twice")
    docker("run", "-d", "--rm", "--name", "brief", BUSYBOX, "sh", "-c", "exit 6")
    docker("inspect", "absent")
    docker("exec", "twice", "true")
    docker("rm", "absent")


def networks_and_volumes(seen):
    docker = seen.docker
    docker("network", "create", "--label", "a=b", "lab")
    docker("network", "create", "lab")
    identity = docker("network", "inspect", "-f", "{{.Id}}", "lab").stdout.strip()
    docker("volume", "create", "--label", "a=b", "cache")
    running(docker, "--network", "lab", "--network-alias", "model", "-v", "cache:/cache", name="app")
    running(docker, "--network", identity, "--mount", "type=volume,src=cache,dst=/cache,readonly", name="peer")
    docker("exec", "app", "sh", "-c", "echo kept > /cache/file")
    docker("exec", "peer", "sh", "-c", "cat /cache/file; touch /cache/other")
    docker("exec", "peer", "ping", "-c", "1", "-W", "5", "model", output=False)
    docker("ps", "--filter", "network=lab", "--filter", "volume=cache", "-q")
    docker("ps", "--filter", f"network={identity}", "--format", "{{.Names}}", unordered=True)
    docker("network", "ls", "--filter", "label=a=b", "--format", "{{.Name}} {{.Driver}} {{.Scope}}")
    docker("network", "inspect", "-f", "{{range .Containers}}{{println .Name}}{{end}}", "lab", unordered=True)
    docker("network", "rm", "lab")
    docker("volume", "rm", "cache", output=False)
    docker("network", "connect", "--alias", "late", "bridge", "app")
    docker("network", "connect", "bridge", "app")
    docker("network", "disconnect", "bridge", "app")
    docker("network", "disconnect", identity, "peer")
    docker("network", "inspect", "absent")
    docker("volume", "inspect", "-f", '{{.Name}} {{index .Labels "a"}} {{.Driver}}', "cache")
    docker("volume", "ls", "--filter", "label=a=b", "-q")
    docker("volume", "inspect", "absent")
    docker("rm", "-f", "app", "peer")
    docker("network", "rm", identity)
    docker("volume", "rm", "cache")
    docker("run", "--rm", "-p", "127.0.0.1:18080:80", BUSYBOX, "true")


def images(seen):
    docker, home = seen.docker, seen.client.user.home
    docker("images", "--format", "{{.Repository}}:{{.Tag}}", "ds01test/*", unordered=True)
    docker("images", "-q", "--filter", "reference=ds01test/busy*")
    docker("images", "--filter", "label=colour=green", "--format", "{{.Repository}}")
    docker("tag", BUSYBOX, "ds01test/mine:1")
    docker("image", "inspect", "-f", "{{.Config.Cmd}} {{.Os}} {{.RepoTags}}", "ds01test/mine:1", output=False)
    docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", "ds01test/mine:1")
    running(docker)
    docker("exec", "app", "touch", "/kept")
    docker("commit", "-m", "why", "-c", "ENV A=1", "app", "ds01test/kept:1", output=False)
    docker("run", "--rm", "ds01test/kept:1", "sh", "-c", "echo $A; ls /kept")
    docker("save", "-o", f"{home}/kept.tar", "ds01test/kept:1")
    docker("rmi", "ds01test/mine:1")
    docker("rmi", "ds01test/kept:1", output=False)
    docker("load", "-i", f"{home}/kept.tar", output=False)
    docker("rmi", "ds01test/kept:1", output=False)
    docker("rmi", "ds01test/absent:1")
    docker("image", "inspect", "absent")
    seen.run("sh", "-c", f"{seen.client.cli} export app | {seen.client.cli} import - ds01test/imported:1", output=False)
    docker("rmi", "ds01test/imported:1", output=False)


@pytest.mark.parametrize(
    "work",
    [look_at_containers, change_containers, work_inside, how_runs_end, networks_and_volumes, images],
    ids=lambda work: work.__name__,
)
def test_Root_Docker_the_cli_sees_what_it_sees_on_the_bare_engine(stack, each_cli, work):
    compare(stack, work, each_cli)


def flat(value, path=""):
    """Leaves of a JSON document by path."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from flat(item, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from flat(item, f"{path}[{index}]")
    else:
        yield path, value


# What ds01d gives a container beyond what was asked for, and what no two containers share.
GIVEN = (".Config.Labels.ds01.", ".Config.Env[", ".HostConfig.CgroupParent", ".HostConfig.Memory", ".HostConfig.NanoCpus",
         ".HostConfig.PidsLimit", ".HostConfig.ShmSize", ".HostConfig.CapDrop")  # fmt: skip
OWN = (".Id", ".Created", ".State.Pid", ".State.StartedAt", ".ResolvConfPath", ".HostnamePath", ".HostsPath", ".LogPath",
       ".GraphDriver", ".NetworkSettings", ".Config.Hostname", ".Image")  # fmt: skip


def test_Root_Docker_inspect_differs_in_what_ds01_gives_alone(stack, each_cli):
    shown = []
    for client in (direct_client(stack, each_cli), stack.alice.with_cli(each_cli)):
        client.out("run", "-d", "--name", "app", "-e", "A=1", "-l", "b=c", "--restart", "on-failure", BUSYBOX, *LONG)
        [container] = json.loads(client.out("inspect", "app"))
        shown.append(dict(flat(container)))
        stack.remove_everything()
    bare, gated = shown
    changed = {path for path in bare.keys() | gated.keys() if bare.get(path, "-") != gated.get(path, "-")}
    assert {path for path in changed if not path.startswith(GIVEN + OWN)} == set()
    assert {path for path in changed if path.startswith(GIVEN)}
