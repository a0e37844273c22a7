"""A site's own policies: a real OPA server decides beside the built-in rules, and what happens while it does not."""

import json
import re

import pytest
from lib import opa
from lib.images import BUSYBOX
from lib.unix_http import exchange
from lib.waiting import wait_until

SLEEP = [BUSYBOX, "sleep", "600"]

# What a site may write: nobody runs `forbidden`, and students get no GPU for a container whose name begins with "toy".
SITE = """
package lab

default verdict := {"verdict": "none"}

verdict := {"verdict": "deny", "reason": "this lab does not run `forbidden`"} if {
	input.request.path == "/containers/create"
	"forbidden" in input.body.Cmd
} else := {"verdict": "deny", "reason": "no GPU for toys"} if {
	input.user.limits_group == "student"
	some name in input.request.query.name
	startswith(name, "toy")
	input.gpu.slots
} else := {"verdict": "deny", "reason": "not this one"} if {
	endswith(input.request.path, "/stop")
	input.target.name == "keep"
}
"""
BROKEN = 'package lab\n\nverdict := {"verdict": "allow"}\n\nverdict := {"verdict": "deny"} if input.version == 1\n'


def decision_in(text):
    return re.search(r"\(decision (D[0-9a-f]{12})\)", text)[1]


@pytest.fixture(scope="module")
def server(module_stack):
    site = module_stack.base / "site.rego"
    site.write_text(SITE)
    server = opa.Opa(module_stack.base / "o", opa.SHIPPED)
    server.start()
    server.site = site
    yield server
    if server.child is not None:
        server.thaw()
    server.stop()


def ask(stack, server, rule="docker/authz/verdict", fail=None, **settings):
    policy = {"opa": f"unix://{server.socket}", "decision": rule, "limit_s": 1, **settings}
    stack.daemon.configure(policy=policy, fail=fail or {})
    stack.daemon.reload()


@pytest.fixture
def shipped(stack, server):
    if server.policies != [opa.SHIPPED]:
        server.restart_with(opa.SHIPPED)
    ask(stack, server)
    return server


@pytest.fixture
def site(stack, server):
    if server.policies != [server.site]:
        server.restart_with(server.site)
    ask(stack, server, "lab/verdict")
    return server


def failures(stack):
    return stack.daemon.status()["counters"]["unanswered_policy"]


def test_what_ships_is_formatted_checked_and_tested():
    directory = opa.SHIPPED.parent
    for command in (("check", "--strict"), ("fmt", "--fail", "--list"), ("test", "--fail-on-empty")):
        done = opa.run(*command, directory)
        assert done.returncode == 0, f"opa {' '.join(command)}\n{done.stdout}{done.stderr}"
    coverage = json.loads(opa.run("test", "--coverage", directory).stdout)
    policy = next(report for file, report in coverage["files"].items() if file.endswith("docker-authz.rego"))
    assert not policy.get("not_covered"), f"lines that no test reaches: {policy['not_covered']}"


def test_Root_Docker_ordinary_work_goes_on_under_what_ships(stack, alice, bob, shipped, tmp_path):
    before = failures(stack)
    assert alice.out("run", "--rm", BUSYBOX, "echo", "hello") == "hello"
    alice.out("run", "-d", "--name", "train", "--gpus", "1", *SLEEP)
    assert alice.out("exec", "train", "echo", "inside") == "inside"
    assert alice.out("run", "-i", "--rm", BUSYBOX, "cat", stdin="through attach") == "through attach"
    assert "train" in alice.out("ps", "--format", "{{.Names}}")
    assert alice.out("inspect", "-f", "{{.Name}}", "train") == "/train"
    alice.out("cp", "train:/etc/hostname", "-")
    alice.out("volume", "create", "v1")
    alice.out("network", "create", "n1")
    alice.docker("build", "-t", "policy-built", "-", stdin=f"FROM {BUSYBOX}\nRUN true\n", env={"DOCKER_BUILDKIT": "0"})
    bob.refused("stop", "train")
    stack.engine.api("GET", "/containers/train/json")
    alice.out("restart", "-t", "0", "train")
    alice.out("stop", "-t", "0", "train")
    alice.out("rm", "train")
    alice.out("container", "prune", "-f")
    alice.out("network", "rm", "n1")
    alice.out("volume", "rm", "v1")
    alice.out("rmi", "policy-built")
    assert failures(stack) == before
    asked = [d["input"]["request"]["path"] for d in shipped.decisions()]
    for path in ("/containers/create", "/volumes/create", "/networks/create", "/build", "/_ping"):
        assert path in asked, f"{path} was not asked about"
    assert any(re.fullmatch(r"/containers/[0-9a-f]{64}/stop", path) for path in asked), "a name was asked about"


def test_Root_Docker_a_sites_own_rule_refuses_with_its_reason(stack, alice, site):
    text = alice.refused("run", "--name", "toy1", "--gpus", "1", *SLEEP)
    assert "ds01: the policy of this server does not allow it: no GPU for toys (decision D" in text
    assert not stack.daemon.held(), "the GPU was given back"
    assert not stack.containers_of(alice.user)
    assert "does not run `forbidden`" in alice.refused("run", "--rm", BUSYBOX, "forbidden")
    alice.out("run", "-d", "--name", "toy2", *SLEEP)
    alice.out("run", "-d", "--name", "keep", *SLEEP)
    assert "not this one" in alice.refused("stop", "-t", "0", "keep")
    assert alice.out("inspect", "-f", "{{.State.Running}}", "keep") == "true"
    alice.out("stop", "-t", "0", "toy2")


def test_Root_Docker_both_logs_have_both_ids_and_explain_shows_them(stack, alice, site):
    ours = decision_in(alice.refused("run", "--name", "toy", "--gpus", "1", *SLEEP))
    logged = site.decision(ours)
    refusals = [e for e in stack.daemon.events() if e["event_type"] == "auth.denied"]
    assert [e["details"]["reason"] for e in refusals if e["details"].get("decision") == ours] == ["policy"]
    told = json.loads(stack.daemon.ds01("explain", ours, "--json", client=alice, check=False).stdout)
    assert (told["outcome"], told["reason"]) == ("refused", "policy")
    facts = {fact["name"]: fact["value"] for fact in told["facts"]}
    assert facts["policy decision"] == logged["decision_id"]
    assert logged["input"]["gpu"]["slots"], "the GPU that it would have been"


def test_Root_Docker_a_dry_run_asks_too(stack, alice, site):
    done = stack.daemon.ds01(
        *("explain", "--dry-run", "--json", "--", "docker", "run", "--name", "toy", "--gpus", "1", BUSYBOX),
        client=alice,
        check=False,
    )
    told = json.loads(done.stdout)["creates"][0]
    assert (told["outcome"], told["reason"]) == ("refused", "policy"), told


def test_Root_Docker_secrets_reach_neither_the_server_nor_its_log(stack, alice, shipped):
    alice.docker("run", "--rm", "-e", "KEY=s3cret-env", BUSYBOX, "true")
    alice.out("run", "-d", "--name", "xx", *SLEEP)
    alice.out("exec", "-e", "KEY=s3cret-exec", "xx", "true")
    alice.docker(
        "build",
        "--build-arg",
        "TOKEN=s3cret-arg",
        "-",
        stdin=f"FROM {BUSYBOX}\nARG TOKEN\n",
        env={"DOCKER_BUILDKIT": "0"},
    )
    login = {"username": "u", "password": "s3cret-login", "serveraddress": "localhost:1"}
    with alice.raw() as connection:
        connection.ask("POST", "/auth", login)
    ours = decision_in(alice.refused("run", "--privileged", "--rm", "-e", "K=s3cret-denied", BUSYBOX, "true"))
    assert ours
    wait_until(lambda: any(d["input"]["request"]["path"] == "/auth" for d in shipped.decisions()), 10, "all is logged")
    assert "s3cret" not in shipped.log.read_text()
    assert "s3cret" not in (stack.daemon.logs / "events.jsonl").read_text()


def test_Root_Docker_while_it_hangs_looking_goes_on_and_nothing_is_made(stack, alice, shipped):
    alice.out("run", "-d", "--name", "runs", *SLEEP)
    follower = alice.follow("attach", "--no-stdin", "runs")
    before = failures(stack)
    shipped.freeze()
    try:
        assert "runs" in alice.out("ps", "--format", "{{.Names}}")
        text = alice.refused("run", "--gpus", "1", *SLEEP)
        assert "the policy server of this machine, which must allow this, does not answer" in text
        alice.refused("stop", "-t", "0", "runs")
        assert not stack.daemon.held()
        root = exchange(stack.daemon.socket, "POST", "/v1.41/containers/runs/pause")
        assert root.status == 204, "administrators go on"
        exchange(stack.daemon.socket, "POST", "/v1.41/containers/runs/unpause")
    finally:
        shipped.thaw()
    assert failures(stack) > before
    alice.out("stop", "-t", "0", "runs")
    follower.process.wait(20)


def test_Root_Docker_while_it_is_away_the_fail_directions_count(stack, alice, shipped):
    shipped.stop()
    try:
        alice.refused("run", "--rm", BUSYBOX, "true")
        alice.out("ps")
        ask(stack, shipped, fail={"policy_make": "open", "policy_change": "open", "policy_look": "closed"})
        assert exchange(stack.daemon.socket, "GET", "/_ping").status == 200, "administrators"
        with alice.raw() as connection:
            assert connection.ask("GET", "/v1.41/containers/json").status == 503
            assert connection.ask("POST", "/v1.41/containers/create?name=made", {"Image": BUSYBOX}).status == 201
    finally:
        shipped.start()
        ask(stack, shipped)
    assert alice.out("run", "--rm", BUSYBOX, "echo", "again") == "again"


@pytest.mark.parametrize("what", ["no such rule", "rules that disagree"])
def test_Root_Docker_a_policy_that_does_not_answer_allows_nothing(stack, alice, server, what):
    if what == "no such rule":
        server.restart_with(opa.SHIPPED)
        ask(stack, server, "nowhere/verdict")
    else:
        broken = stack.base / "broken.rego"
        broken.write_text(BROKEN)
        server.restart_with(broken)
        ask(stack, server, "lab/verdict")
    assert "does not answer" in alice.refused("run", "--rm", BUSYBOX, "true")
    alice.out("ps")


def test_Root_Docker_no_user_can_reach_it_or_take_its_place(stack, alice, bob, shipped):
    done = alice.run(["curl", "-s", "--unix-socket", str(shipped.socket), "http://x/v1/data"], check=False)
    assert done.returncode != 0
    shipped.base.chmod(0o777)
    try:
        ask(stack, shipped)
        wait_until(lambda: "can be written by others" in stack.daemon.stderr.read_text(), 10, "it is said in the log")
        assert "does not answer" in alice.refused("run", "--rm", BUSYBOX, "true")
    finally:
        shipped.base.chmod(0o755)
    wait_until(lambda: alice.docker("run", "--rm", BUSYBOX, "true", check=False).returncode == 0, 20, "it is trusted again")


def test_Root_Docker_a_reload_switches_it_on_and_off(stack, alice, site):
    alice.refused("run", "--rm", BUSYBOX, "forbidden")
    stack.daemon.configure(policy={})
    stack.daemon.reload()
    assert "forbidden" in alice.refused("run", "--rm", BUSYBOX, "forbidden"), "there is no such program, and no policy"
    assert "does not run" not in alice.refused("run", "--rm", BUSYBOX, "forbidden")


def test_Root_Docker_it_knows_whose_each_container_is_also_after_a_restart(stack, alice, shipped):
    alice.out("run", "-d", "--name", "hers", *SLEEP)

    def owner():
        entry = shipped.data("ds01/owners/containers/hers")
        return entry and entry["owner"]

    wait_until(lambda: owner() == alice.user.name, 15, "the server has the owner")
    shipped.stop()
    shipped.start()
    assert owner() is None
    wait_until(lambda: owner() == alice.user.name, 15, "the server that was started anew has the owner")
    alice.out("rm", "-f", "hers")
    wait_until(lambda: owner() is None, 15, "what is gone is gone there too")


def test_Root_Docker_a_refused_create_leaves_no_volume(stack, alice, site):
    alice.refused("run", "--rm", "-v", "squatted:/x", BUSYBOX, "forbidden")
    assert "squatted" not in alice.out("volume", "ls", "-q")
