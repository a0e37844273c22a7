"""The attempts, read from attempts/*.yaml. docs/security.md says what each key means."""

import dataclasses
from pathlib import Path

import yaml

from . import grpc

FOLDER = Path(__file__).resolve().parents[1] / "attempts"

_STEP = {"as", "to", "send", "json", "body", "headers", "tar", "load", "argv", "raw", "then_hex", "answers",
         "grpc", "stays"}  # fmt: skip
_QUESTION = {"ask", "status", "shows", "differs", "body_has", "told", "logs", "host", "execs"}
_OTHER = {"id", "tries", "given", "before", "create", "host_config", "run", "needs", "alone", "undo"}


class BadData(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Attempt:
    id: str
    class_name: str
    tries: str  # one sentence
    who: str
    given: tuple  # what there is before: names in things.py
    before: tuple  # argv lists, run as the attacker
    steps: tuple
    waits: bool  # for the end of {mine}, at the Engine
    question: dict
    needs: tuple  # of "gcc", "buildx", "ds01", "policy", "api 1.44", "api below 1.44"
    alone: bool  # what it does would disturb the others
    undo: tuple  # requests at the Engine, for what cleaning up by name does not find
    known_open: bool  # of a class that SECURITY.md says ds01d does not hold
    guarded: bool  # of a class for a ds01d with a policy, the plugin and rules that are only watched


def _created(raw):
    """`host_config: H` and `create: C` are a create of {mine}; `run: C` is one that is started and waited for."""
    body = dict(raw.get("create") or raw.get("run") or {})
    if "host_config" in raw:
        body["HostConfig"] = raw["host_config"]
    steps = [{"send": "POST /containers/create?name={mine}", "json": {"Image": "{image}", **body}}]
    if "run" in raw:
        steps.append({"send": "POST /containers/{mine}/start"})
    return steps


def _steps(raw):
    if raw.keys() & {"create", "host_config", "run"}:
        return _created(raw)
    if isinstance(raw.get("send"), list):
        return raw["send"]
    return [{key: raw[key] for key in raw.keys() & _STEP - {"as"}}]


def _question(raw):
    question = {key: raw[key] for key in raw.keys() & _QUESTION}
    if raw.keys() & {"create", "host_config"}:
        question.setdefault("ask", "/containers/{mine}/json")
        # Unless something else is said: the container is there and has what was asked for.
        if "host_config" in raw and question.keys() == {"ask"}:
            question["shows"] = {f"HostConfig.{key}": value for key, value in raw["host_config"].items()}
    return question


def _tuple(value):
    return (value,) if isinstance(value, str) else tuple(value)


def _attempt(raw, class_name, known_open, guarded):
    unknown = raw.keys() - _STEP - _QUESTION - _OTHER
    if unknown or not raw.get("id") or not raw.get("tries"):
        raise BadData(f"{class_name}/{raw.get('id')}: unknown keys {sorted(unknown)}, or id or tries missing")
    steps, question = _steps(raw), _question(raw)
    for step in steps:
        if step.keys() - _STEP or not step.keys() & {"send", "argv", "raw", "grpc"}:
            raise BadData(f"{raw['id']}: not a step: {step}")
        if any(call.keys() - grpc.KEYS for call in step.get("grpc", [])):
            raise BadData(f"{raw['id']}: not calls: {step['grpc']}")
    if not question.keys() - {"ask"}:
        raise BadData(f"{raw['id']}: no question")
    return Attempt(
        id=raw["id"],
        class_name=class_name,
        tries=raw["tries"],
        who=raw.get("as", "alice"),
        given=_tuple(raw.get("given", [])),
        before=tuple(raw.get("before", [])),
        steps=tuple(steps),
        waits="run" in raw,
        question=question,
        needs=_tuple(raw.get("needs", [])),
        alone=raw.get("alone", False),
        undo=tuple(raw.get("undo", [])),
        known_open=known_open,
        guarded=guarded,
    )


def load(folder=FOLDER):
    """All attempts in the order of files and lines, and the titles of their classes."""
    attempts, titles = [], {}
    for path in sorted(Path(folder).glob("*.yaml")):
        text = yaml.safe_load(path.read_text(encoding="utf-8"))
        titles[path.stem] = text["title"]
        kind = (path.stem, text.get("known_open", False), text.get("guarded", False))
        attempts += [_attempt(raw, *kind) for raw in text["attempts"]]
    ids = [attempt.id for attempt in attempts]
    twice = {each for each in ids if ids.count(each) > 1}
    if twice:
        raise BadData(f"ids that stand twice: {sorted(twice)}")
    return attempts, titles
