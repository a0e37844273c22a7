"""What there is before an attempt: containers, volumes, networks and images of the victim and of the attacker, made
through the socket under test as their owner. Everything made for an attempt carries its stem in its name."""

import json
import os
import re
import secrets
import shutil
import socket
import struct
import subprocess
import time
from urllib.parse import quote

from lib import hosts, peer, unix_http
from lib.engine import remove_empty_cgroups
from lib.waiting import wait_until

from . import bodies, past
from .words import filled

# Prints and keeps the secret, and ends at once when it is told to.
_HOLDER = "trap 'exit 0' TERM; echo {secret}; echo {secret} > /secret; sleep 3600 & wait"


class NotPrepared(Exception):
    pass


class Site:
    """What all attempts of a run share."""

    def __init__(self, engine, people, image, directory, ours=None, has_policy=False):
        """`ours`: what is only where ds01d is. `has_policy`: the rule of policy.rego is in force, or there are none."""
        self.engine, self.people, self.image, self.directory = engine, people, image, directory
        self.ours, self.has_policy = ours, has_policy
        self.token = secrets.token_hex(3)
        self.secret = f"secret{secrets.token_hex(12)}"
        self.shared = {}
        self.words = {}

    def prepare(self):
        alice, bob = (self.people[role].user for role in ("alice", "bob"))
        home, vault = alice.home / f"corpus-{self.token}", self.directory / "vault"
        bobs = bob.home / f"corpus-{self.token}"
        for path, owner, mode in ((home, alice, 0o755), (bobs, bob, 0o700), (vault, None, 0o700)):
            path.mkdir(mode=mode)
            path.chmod(mode)
            (path / "secret").write_text(self.secret if path != home else "alice's own\n")
            if owner:
                os.chown(path, owner.uid, owner.gid)
                os.chown(path / "secret", owner.uid, owner.gid)
        if shutil.which("gcc"):
            os.chown(peer.build(home), alice.uid, alice.gid)
        info = self.engine.api("GET", "/info").json()
        self.words = {
            "image": self.image, "buildx": hosts.buildx(), "home": home, "peer": home / "peer", "vault": vault,
            "alice": alice.name, "alice_uid": alice.uid,
            "bob": bob.name, "bob_uid": bob.uid, "bob_gid": bob.gid, "bob_home": bobs,
            "bob_encoded": f"%{ord(bob.name[0]):02x}{bob.name[1:]}",
            "engine": self.engine.socket,
            "socket": self.people["alice"].client.socket, "engine_dir": os.path.dirname(self.engine.socket),
            "root": info["DockerRootDir"], "secret": self.secret, "token": self.token, "large": "x" * 400_000,
            "deep": "[" * 100 + "]" * 100, "engine_netns": os.readlink(f"/proc/{self._engine_pid()}/ns/net"),
            **(self.ours.words() if self.ours else {}),
        }  # fmt: skip
        self.shared = Things(self, "shared").make(["running", "exec"])

    def _engine_pid(self):
        """Of whoever listens on its socket."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(self.engine.socket))
            return struct.unpack("iII", asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def clean(self):
        Things(self, "shared").clean()
        remove_empty_cgroups(f"x{self.token}")
        for role in ("alice", "bob"):
            shutil.rmtree(self.people[role].user.home / f"corpus-{self.token}", ignore_errors=True)
        shutil.rmtree(self.directory / "vault", ignore_errors=True)


class Things:
    """Of one attempt."""

    def __init__(self, site, identity):
        self.site = site
        self.engine = site.engine
        self.stem = f"c{site.token}-{identity}"
        stem = self.stem
        self.words = {
            **site.words,
            **(site.shared.words_of_victim() if site.shared else {}),
            "stem": stem, "mine": f"{stem}-a", "mine_rest": f"{stem[1:]}-a", "new": f"{stem}-x", "tag": f"ds01corpus/{stem}:1",
            "repo": f"ds01corpus/{stem}", "volume": f"{stem}-v", "network": f"{stem}-n", "newtag": f"ds01corpus/{stem}:new",
        }  # fmt: skip

    def words_of_victim(self):
        return {key: value for key, value in self.words.items() if key.startswith(("theirs", "exec"))}

    def _asked(self, who, method, target, body=None, headers=None, expect=(200, 201, 204, 304)):
        reply = self.site.people[who].ask(method, target, body, headers)
        if reply.status not in expect:
            raise NotPrepared(f"as {who}: {method} {target}: {reply.status} {reply.message()[:300]}")
        return reply

    def make(self, kinds):
        for kind in kinds:
            if kind in past.KINDS:
                past.make(self, kind)
            else:
                getattr(self, f"_make_{kind}")()
        return self

    def _container(self, who, name, start, **more):
        told = self.site.secret if who == "bob" else "nothing"
        command = ["sh", "-c", _HOLDER.format(secret=told)]
        body = {"Image": self.site.image, "Cmd": command, "OpenStdin": True, "Labels": {"note": told}, **more}
        identity = self._asked(who, "POST", f"/containers/create?name={name}", body).json()["Id"]
        if start:
            self._asked(who, "POST", f"/containers/{identity}/start")
            wait_until(lambda: told in self.logs(identity), 20, f"{name} says its secret")
        return identity

    def logs(self, ref):
        return self.engine.api("GET", f"/containers/{ref}/logs?stdout=1&stderr=1").body.decode(errors="replace")

    def _victim(self, start, **more):
        identity = self._container("bob", f"{self.stem}-b", start, **more)
        pid = self.engine.inspect(identity)["State"]["Pid"]
        self.words |= {"theirs": f"{self.stem}-b", "theirs.id": identity, "theirs.short": identity[:12], "theirs.pid": pid}
        self.words |= {"theirs.upper": identity.upper(), "theirs.name_encoded": f"%{ord('c'):02x}{self.stem[1:]}-b"}
        if start:
            self.words["theirs.netns"] = os.readlink(f"/proc/{pid}/ns/net")

    def _make_running(self):
        self._victim(True)

    def _make_stopped(self):
        self._victim(False)

    def _make_shareable(self):
        self._victim(True, HostConfig={"IpcMode": "shareable"})

    def _make_with_volume(self):
        """Bob's container, not started, with a volume in which the secret is."""
        self._make_volume()
        mount = {"Type": "volume", "Source": self.words["volume"], "Target": "/data"}
        self._victim(False, HostConfig={"Mounts": [mount]})
        data = bodies.tar_of([{"name": "secret", "text": self.site.secret}])
        headers = {"Content-Type": "application/x-tar"}
        self._asked("bob", "PUT", f"/containers/{self.words['theirs.id']}/archive?path=/data", data, headers)

    def _make_exec(self):
        """Of bob's container, not started, and it would tell the secret."""
        body = {"Cmd": ["cat", "/secret"], "AttachStdout": True}
        reply = self._asked("bob", "POST", f"/containers/{self.words['theirs.id']}/exec", body)
        self.words["exec"] = reply.json()["Id"]

    def _make_volume(self):
        self._asked("bob", "POST", "/volumes/create", {"Name": self.words["volume"], "Labels": {"note": self.site.secret}})

    def _make_network(self):
        body = {"Name": self.words["network"], "Labels": {"note": self.site.secret}}
        self.words["network.id"] = self._asked("bob", "POST", "/networks/create", body).json()["Id"]
        self.words["network.short"] = self.words["network.id"][:12]

    def _make_on_network(self):
        """Bob's container, on a network of his."""
        self._make_network()
        self._victim(False, HostConfig={"NetworkMode": self.words["network"]})

    def _make_image(self):
        """A tag of bob's on an image of his own, without a container in between."""
        label = quote(f"LABEL note={self.site.secret}")
        source = bodies.tar_of([{"name": "etc/bobs", "text": "bob"}])
        target = f"/images/create?fromSrc=-&repo={self.words['repo']}&tag=1&changes={label}"
        self._asked("bob", "POST", target, source, {"Content-Type": "application/x-tar"})
        self.words["tag.id"] = self.engine.api("GET", f"/images/{self.words['tag']}/json").json()["Id"]

    def _make_dangling(self):
        """An image of bob's that no tag names any more."""
        self._make_image()
        source = bodies.tar_of([{"name": "etc/bobs", "text": "bob again"}])
        target = f"/images/create?fromSrc=-&repo={self.words['repo']}&tag=1"
        self._asked("bob", "POST", target, source, {"Content-Type": "application/x-tar"})

    def _make_build_cache(self):
        """What somebody's build has left, with the secret in a command and an argument. At the Engine: the cache has no
        owner, and not every socket lets a client with a BuildKit of its own build."""
        folder = self.words["vault"] / self.stem
        folder.mkdir()
        (folder / "Dockerfile").write_text(f"FROM {self.site.image}\nARG told\nRUN echo {self.site.secret} > /made\n")
        argv = [self.site.people["bob"].client.cli, "build", "-t", f"{self.words['repo']}:built"]
        argv += ["--build-arg", f"told={self.site.secret}", folder]
        env = {**os.environ, "DOCKER_HOST": f"unix://{self.engine.socket}", "DOCKER_BUILDKIT": "1"}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise NotPrepared(f"a build at the Engine: {done.stderr[-300:]}")

    def _make_mine(self):
        self.words["mine.id"] = self._container("alice", self.words["mine"], False)

    def _make_mine_running(self):
        self.words["mine.id"] = self._container("alice", self.words["mine"], True)

    def _make_mine_small(self):
        more = {"HostConfig": {"Memory": 64 << 20, "PidsLimit": 64, "NanoCpus": 500000000}}
        self.words["mine.id"] = self._container("alice", self.words["mine"], False, **more)

    def _make_mine_with_home(self):
        """Alice's container, not started, with her directory at /home."""
        more = {"HostConfig": {"Binds": [f"{self.words['home']}:/home"]}}
        self.words["mine.id"] = self._container("alice", self.words["mine"], False, **more)

    def _make_closed_folder(self):
        """A folder of alice's that is open to all, and in it what is not: bob's, his group's and root's."""
        alice, bob = (self.site.people[role].user for role in ("alice", "bob"))
        outer = self.words["home"] / self.stem
        for path, owner, mode in ((outer, alice, 0o777), (outer / "closed", bob, 0o700)):
            path.mkdir()
            path.chmod(mode)
            os.chown(path, owner.uid, owner.gid)
        (outer / "closed/secret").write_text(self.site.secret)
        for name, owner, group, mode in (("group", bob.uid, bob.gid, 0o640), ("roots", 0, 0, 0o600)):
            (outer / name).write_text(self.site.secret)
            (outer / name).chmod(mode)
            os.chown(outer / name, owner, group)

    def _make_mine_running_with_home(self):
        more = {"HostConfig": {"Binds": [f"{self.words['home']}:/home"]}}
        self.words["mine.id"] = self._container("alice", self.words["mine"], True, **more)

    def _make_with_gpu(self):
        """Bob's container, with a GPU."""
        self._victim(True, HostConfig={"DeviceRequests": [{"Count": 1, "Capabilities": [["gpu"]]}]})

    def _make_refused(self):
        """Something of bob's that ds01d has refused, and its decision."""
        reply = self.site.people["bob"].ask("POST", "/containers/create", {"Image": self.site.image, "HostConfig": {"PidMode": "host"}})
        found = re.search(r"\(decision (D[0-9a-f]+)\)", reply.message())
        if not found:
            raise NotPrepared(f"no decision in {reply.status} {reply.message()[:300]}")
        self.words["decision"] = found[1]

    def _make_tickets(self):
        """What somebody might have seen of ds01d's: a ticket for a look at bob's container that was not used yet, one that
        was, one from two minutes ago, one for a ping."""
        target = f"/containers/{self.words['theirs.id']}/json"
        plugin = self.site.ours and self.site.ours.plugin
        if not plugin:
            self.words |= dict.fromkeys(("ticket", "ticket.spent", "ticket.old", "ticket.ping"), "none")
            return
        headers = plugin.headers("GET", target)
        reply = unix_http.exchange(self.engine.socket, "GET", target, headers=headers)
        if reply.status != 200:
            raise NotPrepared(f"a ticket was not taken: {reply.status} {reply.message()[:300]}")
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.words |= {"ticket": plugin.ticket("GET", target), "ticket.spent": next(iter(headers.values()))}
        self.words |= {"ticket.old": plugin.ticket("GET", target, now - 120), "ticket.ping": plugin.ticket("GET", "/_ping")}

    def _make_swarm(self):
        body = {"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1"}
        self.engine.api("POST", "/swarm/init", body)

    def _make_root_secret(self):
        """A secret of the swarm's, root's."""
        body = {"Name": f"{self.stem}-s", "Data": "eA==", "Labels": {"note": self.site.secret}}
        self.engine.api("POST", "/secrets/create", body)

    def _make_plugin(self):
        """An Engine plugin of root's, not enabled."""
        headers = {"Content-Type": "application/x-tar"}
        self.engine.api("POST", f"/plugins/create?name={self.stem}-p", plugin(self.stem), headers=headers)

    def clean(self, undo=()):
        """At the Engine, whatever the attempt has become of."""
        for request in undo:
            self.engine.api(*filled(request, self.words).split(" ", 1), expect=None)
        clauses = quote(json.dumps({"name": [self.stem]}))
        for each in self.engine.api("GET", f"/containers/json?all=1&filters={clauses}").json():
            self.engine.api("DELETE", f"/containers/{each['Id']}?force=1&v=1", expect=None)
        for each in self.engine.api("GET", f"/volumes?filters={clauses}").json()["Volumes"] or []:
            self.engine.api("DELETE", f"/volumes/{each['Name']}?force=1", expect=None)
        networks = self.engine.api("GET", f"/networks?filters={clauses}").json()
        # One may be the configuration of another, and stays until that is gone.
        for each in networks + networks:
            self.engine.api("DELETE", f"/networks/{each['Id']}", expect=None)
        clauses = quote(json.dumps({"reference": [f"*/{self.stem}"]}))
        for each in self.engine.api("GET", f"/images/json?filters={clauses}").json():
            for tag in each["RepoTags"] or []:
                if self.stem in tag:
                    self.engine.api("DELETE", f"/images/{tag}?force=1", expect=None)


def plugin(description):
    interface = {"types": ["docker.volumedriver/1.0"], "socket": "p.sock"}
    settable = [{"name": "DEBUG", "settable": ["value"], "value": "0"}]
    config = {"description": description, "entrypoint": ["/p"], "interface": interface, "env": settable}
    files = [{"name": "config.json", "text": json.dumps(config)}, {"name": "rootfs/p", "mode": 0o755, "text": description}]
    return bodies.tar_of(files)
