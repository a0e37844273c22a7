"""What stands around a ds01d in attempts that need it: a policy server with a rule of the site's, and dockerd's
authorization plugin with the Engine's own socket open to everybody, so that the plugin alone guards it."""

import contextlib
import dataclasses
from pathlib import Path

from lib import authz
from lib.daemon import Daemon
from lib.opa import Opa

from .engines import AnyEngine

POLICY = Path(__file__).resolve().parents[1] / "policy.rego"


@dataclasses.dataclass
class Ours:
    """What is only where ds01d is."""

    daemon: Daemon
    opa: Opa = None
    plugin: authz.Plugin = None

    def words(self):
        daemon = self.daemon
        words = {"control": daemon.run_dir / "ds01.sock", "run_dir": daemon.run_dir, "state": daemon.state, "logs": daemon.logs,
                 "config": daemon.config, "ds01": daemon.program()}  # fmt: skip
        if self.opa:
            words |= {"opa": self.opa.socket, "opa_dir": self.opa.base}
        if self.plugin:
            plugin = self.plugin
            words |= {"plugin": plugin.socket, "plugin_dir": plugin.socket.parent, "key": plugin.key, "glass": plugin.glass}
            words["key_spaced"] = plugin.key.read_bytes().hex(" ")
        return words


class TicketedEngine(AnyEngine):
    """As root may ask it where the plugin wants to see a ticket."""

    def __init__(self, socket, plugin):
        super().__init__(socket)
        self._plugin = plugin

    def api(self, method, target, body=None, headers=None, **keywords):
        headers = {**(headers or {}), **self._plugin.headers(method, target)}
        return super().api(method, target, body, headers=headers, **keywords)


@contextlib.contextmanager
def policy_server(base):
    """Asked by a ds01d with these settings: (server, settings)."""
    server = Opa(base, POLICY)
    server.start()
    try:
        yield server, {"policy": {"opa": f"unix://{server.socket}", "decision": "corpus/verdict", "limit_s": 10}}
    finally:
        server.stop()


@contextlib.contextmanager
def plugin(engine, daemon):
    """`engine` started anew with ds01-authz, and its socket open to everybody, as if the group docker were full again."""
    made = authz.Plugin(daemon.base / "p", daemon.run_dir)
    for place in (made.base, made.socket.parent):  # closed where it is installed; here its socket has to hold by itself
        place.chmod(0o755)
    within = engine.within
    engine.child.stop()
    engine.within = [*within, *authz.engine_prefix(made.socket.parent)]
    engine.start()
    made.start()
    try:
        daemon.start()
        authz.reload_engine(engine, [authz.NAME])
        engine.base.chmod(0o755)
        engine.socket.chmod(0o666)
        yield made
    finally:
        engine.base.chmod(0o700)
        authz.reload_engine(engine, [])
        engine.child.stop()
        made.stop()
        engine.within = within
        engine.start()
