"""The same work on the bare Engine and through ds01d: what a user sees must be the same, apart from what is hidden."""

import re

from .client import Client
from .users import User

ROOT_HOME = "direct-home"

# What differs from one run to the next also on the same Engine. Ids keep their order of appearance, so that a command
# that answers with another container's id is seen.
_VARYING = [
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:?\d\d( \w+)?)?"), "TIME"),
    (re.compile(r"\b(Less than a second|About an? \w+|\d+ (seconds?|minutes?|hours?|milliseconds?))( ago)?"), "AGO"),
    (re.compile(r"\b\d+(\.\d+)?m?s\b"), "DURATION"),
    (re.compile(r"\b(\d{1,3}\.){3}\d{1,3}\b"), "ADDRESS"),
    (re.compile(r"\b(32[789]\d\d|3[3-9]\d{3}|4\d{4}|5\d{4}|60\d{3})\b"), "PORT"),
]
# A goroutine of the client prints this when the client's own end cancels its wait: it comes before the exit or does not.
_CLIENT_RACE = re.compile(r'^time="[^"]*" level=error msg="error waiting for container: context canceled"\n', re.MULTILINE)
_ID = re.compile(r"\b(?:sha256:)?([0-9a-f]{64}|[0-9a-f]{12})\b")


def normalised(text, home):
    text = _CLIENT_RACE.sub("", text.replace(str(home), "HOME"))
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    names = {}

    def name_of(match):
        return names.setdefault(match[1][:12], f"ID{len(names)}")

    return _ID.sub(name_of, text)


class Seen:
    """One client's answers, step by step."""

    def __init__(self, client):
        self.client = client
        self.steps = []

    def note(self, what, value):
        self.steps.append((what, value))

    def run(self, *argv, output=True, unordered=False, **keywords):
        """Runs a program and keeps exit status and what it printed: `output=False` where that is a matter of timing or
        of sizes, `unordered` where lines come in any order (what was made within the same second)."""
        done = self.client.run(argv, check=False, **keywords)
        shown = [normalised(text, self.client.user.home) for text in (done.stdout, done.stderr)] if output else []
        if unordered:
            shown = [sorted(text.splitlines()) for text in shown]
        self.note(normalised(" ".join(map(str, argv)), self.client.user.home), (done.returncode, *shown))
        return done

    def docker(self, *args, **keywords):
        return self.run(self.client.cli, *args, **keywords)


def direct_client(stack, cli=None):
    """Root at the Engine's own socket, as people without DS01 work."""
    home = stack.base / ROOT_HOME
    home.mkdir(exist_ok=True)
    return Client(User("root", 0, 0, home), stack.engine.socket, cli or stack.alice.cli)


def compare(stack, work, cli=None, expected_differences=()):
    """`work(seen)` on the bare Engine and as alice. Steps must be equal; `expected_differences` are names of steps."""
    answers = []
    for client in (direct_client(stack, cli), stack.alice.with_cli(cli or stack.alice.cli)):
        seen = Seen(client)
        work(seen)
        answers.append(seen.steps)
        stack.remove_everything()
    bare, gated = answers
    assert [what for what, _ in bare] == [what for what, _ in gated]
    wrong = [
        f"{what}\n   bare: {expected!r}\n  ds01d: {found!r}"
        for (what, expected), (_, found) in zip(bare, gated, strict=True)
        if expected != found and what not in expected_differences
    ]
    assert not wrong, "\n".join(wrong)
    return bare, gated
