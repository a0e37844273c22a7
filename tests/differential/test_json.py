"""Bodies: whatever our JSON guard lets pass, as we then write it, means to Go's encoding/json what the client's bytes mean."""

import json
import random

from peers import Peer

STRUCT = {
    "Image": "text", "User": "text", "Env": "texts", "Labels": "map", "Volumes": "set", "Tty": "flag", "StopTimeout": "number",
    "HostConfig": {
        "Binds": "texts", "Memory": "number", "NanoCpus": "number", "Privileged": "flag", "NetworkMode": "text",
        "OomKillDisable": "flag", "PidsLimit": "number", "Sysctls": "map", "RestartPolicy": {"Name": "text", "MaximumRetryCount": "number"},
        "LogConfig": {"Type": "text", "Config": "map"},
        "Mounts": [{"Type": "text", "Source": "text", "Target": "text", "ReadOnly": "flag", "BindOptions": {"Propagation": "text"}}],
        "Devices": [{"PathOnHost": "text", "PathInContainer": "text", "CgroupPermissions": "text"}],
    },
    "NetworkingConfig": {"EndpointsConfig": {"*": {"Aliases": "texts", "NetworkID": "text", "DriverOpts": "map"}}},
}  # fmt: skip
TEXTS = ["", "busybox", "host", "a b", "é", "\\u00e9", "\\ud83d\\ude00", "\\ud800", "\\u0000", "\\n", "\\/", "\ud7ff", "Kſ", "x" * 50]
NUMBERS = ["0", "-1", "1", "007", "1e3", "1.0", "1.5", "-0", "9223372036854775807", "9223372036854775808", "1E400", "+1", ".5", "1."]
SPACES = [""] * 20 + [" ", "\n", "\t", "\r", "\x0b", "\u00a0", "/**/"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, values):
        return self.random.choice(values)

    def space(self):
        return self.pick(SPACES) if self.random.random() < 0.2 else ""

    def key(self, key):
        chance = self.random.random()
        if chance < 0.9:
            return key
        if chance < 0.93:
            return self.pick([key.lower(), key.upper(), key.swapcase()])
        if chance < 0.96:
            return key.replace("s", "ſ", 1).replace("k", "K", 1)
        if chance < 0.98 and key:
            return f"\\u{ord(key[0]):04x}{key[1:]}"
        return key + self.pick([" ", "\\u0000", "X", ""])

    def object(self, items):
        entries = [f'{self.space()}"{key}"{self.space()}:{self.space()}{value}{self.space()}' for key, value in items]
        return "{" + ",".join(entries) + self.pick([""] * 60 + [","]) + "}"

    def value(self, kind):
        if self.random.random() < 0.04:
            return self.pick(["null", "0", '""', "[]", "{}", "false", "tru", "'x'"])
        if isinstance(kind, dict) and "*" in kind:
            return self.object((self.pick(["net", "Net", "nEt", "other"]), self.value(kind["*"])) for _ in range(self.random.randint(0, 3)))
        if isinstance(kind, dict):
            chosen = [self.pick(list(kind)) for _ in range(self.random.randint(0, 4))]
            if self.random.random() < 0.8:
                chosen = list(dict.fromkeys(chosen))
            return self.object((self.key(key), self.value(kind[key])) for key in chosen)
        if isinstance(kind, list):
            return "[" + ",".join(self.value(kind[0]) for _ in range(self.random.randint(0, 3))) + "]"
        if kind in ("map", "set"):
            value = (lambda: self.value("text")) if kind == "map" else (lambda: "{}")
            return self.object((self.pick(["a", "A", "b", "ſ", "s", "\\u0061"]), value()) for _ in range(self.random.randint(0, 3)))
        if kind == "texts":
            return "[" + ",".join(self.value("text") for _ in range(self.random.randint(0, 3))) + "]"
        if kind == "number":
            return self.pick(NUMBERS)
        return '"' + self.pick(TEXTS) + '"' if kind == "text" else self.pick(["true", "false"])

    def body(self):
        text = self.space() + self.value(STRUCT) + self.pick([""] * 40 + [" ", "{}", "x", "\n", "null"])
        raw = text.encode("utf-8", "surrogatepass")
        if self.random.random() < 0.03:
            at = self.random.randrange(len(raw) + 1)
            raw = raw[:at] + self.pick([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\0", b"\xef\xbb\xbf", b'"', b"\\"]) + raw[at:]
        return raw


def without_defaults(meaning):
    """A field that the Engine is too old for may be left out by us if it says nothing; to Go that is the same."""
    if isinstance(meaning, dict):
        kept = {key: without_defaults(value) for key, value in meaning.items()}
        return {key: value for key, value in kept.items() if value not in (None, "", 0, False, [], {})}
    return [without_defaults(each) for each in meaning] if isinstance(meaning, list) else meaning


def test_bodies_that_pass_mean_to_go_what_they_meant(programs):
    maker = Maker(1)
    with Peer(programs.ours, "json") as ours, Peer(programs.go, "json") as go:
        passed = meant = 0
        for _ in range(30000):
            body = maker.body()
            (answer,) = ours.ask(body)
            if answer == "refused":
                continue
            passed += 1
            sent = bytes.fromhex(answer.removeprefix("sent "))
            (before,), (after,) = go.ask(body), go.ask(sent)
            assert before.split(" ")[0] == after.split(" ")[0], (body, sent, before, after)
            if not before.startswith("means "):
                continue
            meant += 1
            before, after = (json.loads(text.removeprefix("means ")) for text in (before, after))
            assert without_defaults(before) == without_defaults(after), (body, sent)
    # Else it would compare nothing.
    assert passed > 5000 and meant > 3000, (passed, meant)
