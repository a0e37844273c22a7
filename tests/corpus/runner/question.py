"""What is asked afterwards, at the Engine's own socket or on the host: never what the proxy answered."""

import os
import stat
from pathlib import Path

_ABSENT = object()


def at(value, path):
    """The value at a dotted path; numbers are places in lists."""
    for part in path.split("."):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, ValueError, TypeError):
            return _ABSENT
    return value


def _includes(actual, wanted):
    """Whether a list has it, a text contains it, or an object has these members."""
    if isinstance(wanted, dict) and isinstance(actual, dict):
        return all(key in actual and matches(actual[key], value) for key, value in wanted.items())
    if isinstance(actual, list):
        return any(_includes(each, wanted) if isinstance(wanted, dict) else each == wanted for each in actual)
    return actual is not None and actual is not _ABSENT and str(wanted) in str(actual)


_OPERATORS = {
    "has": _includes,
    "lacks": lambda actual, value: actual is not _ABSENT and not _includes(actual, value),
    "not": lambda actual, value: actual is not _ABSENT and actual != value,
    "mentions": lambda actual, value: actual is not _ABSENT and value.lower() in str(actual).lower(),
    "in": lambda actual, value: actual in value,
    "above": lambda actual, value: isinstance(actual, (int, float)) and actual > value,
}


def matches(actual, wanted):
    """Equal, or as the one operator says: {has: x}, {lacks: x}, {not: x}, {mentions: text}, {in: list}, {above: n}."""
    if isinstance(wanted, dict) and len(wanted) == 1 and next(iter(wanted)) in _OPERATORS:
        operator, value = next(iter(wanted.items()))
        return _OPERATORS[operator](actual, value)
    if isinstance(wanted, dict):  # The Engine adds fields that nobody named.
        return isinstance(actual, dict) and all(matches(actual.get(key, _ABSENT), each) for key, each in wanted.items())
    if isinstance(wanted, list):
        same = isinstance(actual, list) and len(actual) == len(wanted)
        return same and all(map(matches, actual, wanted))
    return actual == wanted


def _has_capabilities(path):
    """Whether the file gives any to whoever runs it on the host: version 2 of the attribute, or version 3 for uid 0 (for
    another uid it works only in a user namespace of theirs)."""
    try:
        value = os.getxattr(path, "security.capability", follow_symlinks=False)
    except OSError:
        return False
    return value[3] == 2 or (value[3] == 3 and not any(value[20:24]))


def _host_file(wanted):
    """{path, is: there | gone | device | setuid root | with capabilities, or a uid} on the host."""
    try:
        found = Path(wanted["path"]).lstat()
    except FileNotFoundError:
        return wanted["is"] == "gone"
    if wanted["is"] == "device":
        return stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode)
    if wanted["is"] == "setuid root":
        return found.st_uid == 0 and bool(found.st_mode & stat.S_ISUID)
    if wanted["is"] == "with capabilities":
        return _has_capabilities(wanted["path"])
    return wanted["is"] in ("there", str(found.st_uid))


class Question:
    def __init__(self, engine, words, asked):
        self.engine, self.words, self.asked = engine, words, asked
        self._before = None

    def _reply(self):
        return self.engine.api("GET", self.asked["ask"], expect=None)

    def remember(self):
        """The state before; False if the answer is yes already, so that it would prove nothing."""
        if "ask" in self.asked:
            self._before = self._reply()
        return not self._engine_says_yes() if self.asked.keys() & {"shows", "status", "host", "execs"} else True

    def _container_execs(self):
        shown = self.engine.api("GET", f"/containers/{self.asked['execs']['of']}/json", expect=None)
        for identity in (shown.status == 200 and shown.json()["ExecIDs"]) or []:
            reply = self.engine.api("GET", f"/exec/{identity}/json", expect=None)
            if reply.status == 200:
                yield reply.json()

    def _engine_says_yes(self):
        asked, answers = self.asked, []
        if "ask" in asked:
            reply = self._reply()
            answers.append(reply.status == asked.get("status", 200))
            if answers[0] and reply.status == 200 and (asked.keys() & {"shows", "differs"}):
                value = reply.json()
                answers += [matches(at(value, path), wanted) for path, wanted in asked.get("shows", {}).items()]
                before = self._before.json() if self._before and self._before.status == 200 else {}
                answers += [at(value, path) != at(before, path) for path in asked.get("differs", [])]
            if "body_has" in asked:
                answers.append(asked["body_has"].encode() in reply.body)
        if "host" in asked:
            answers.append(_host_file(asked["host"]))
        if "execs" in asked:
            shows = asked["execs"]["shows"].items()
            execs = self._container_execs()
            answers.append(any(all(matches(at(each, path), value) for path, value in shows) for each in execs))
        if "logs" in asked:
            reply = self.engine.api("GET", f"/containers/{self.words['mine']}/logs?stdout=1&stderr=1", expect=None)
            answers.append(reply.status == 200 and asked["logs"].encode() in reply.body)
        return all(answers)

    def answered_yes(self, came_back):
        """Whether the attempt got through. `came_back`: all bytes that the attacker has received."""
        if "told" in self.asked and self.asked["told"].encode() not in came_back:
            return False
        return self._engine_says_yes()
