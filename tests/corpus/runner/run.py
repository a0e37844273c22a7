"""Runs attempts against one socket and says what became of each."""

import concurrent.futures
import contextlib
import dataclasses
import shutil
import time
import traceback

from lib import hosts
from lib.waiting import wait_until

from .act import perform
from .question import Question
from .things import NotPrepared, Things
from .words import filled

THROUGH, HELD, NOT_HERE, BROKEN = "through", "held", "not applicable here", "broken"
WORKERS = 4


@dataclasses.dataclass
class Result:
    attempt: object
    verdict: str
    detail: str = ""
    seconds: float = 0.0


def _is_there(need, site):
    if need == "gcc":  # for a client in containers that have none
        return shutil.which("gcc") is not None
    if need == "buildx":
        return hosts.buildx().exists()
    if need == "ds01":  # a part of ds01's own, which is nowhere else
        return site.ours is not None
    if need == "policy":  # a rule of the site's that nobody else was told
        return site.has_policy
    what, *below, wanted = need.split()
    assert what == "api" and below in ([], ["below"]), need
    shown = site.engine.api("GET", "/version").json()["ApiVersion"]
    shown, wanted = (tuple(map(int, text.split("."))) for text in (shown, wanted))
    return shown < wanted if below else shown >= wanted


def _ended(engine, name):
    """The end of a container that may never have been made or started."""

    def ended():
        shown = engine.api("GET", f"/containers/{name}/json", expect=None)
        return shown.status == 404 or not shown.json()["State"]["Running"]

    wait_until(ended, 20, f"{name} ends")


def _attempted(attempt, things, site):
    person = site.people[attempt.who]
    things.make(attempt.given)
    for argv in filled(list(attempt.before), things.words):
        person.client.run(argv)
    question = Question(site.engine, things.words, filled(attempt.question, things.words))
    if not question.remember():
        return BROKEN, "the question is answered with yes before anything was tried"
    things.words["now"] = f"{time.time():.6f}"
    came_back = b""
    with contextlib.ExitStack() as kept:
        for step in filled(list(attempt.steps), things.words):
            step["_told"] = question.asked.get("told", "").encode()
            if "as" in step:  # in between, somebody else does something; what they are told is not the attacker's
                perform(step, site.people[step["as"]], site.engine, kept)
            else:
                came_back += perform(step, person, site.engine, kept)
        if attempt.waits:
            _ended(site.engine, things.words["mine"])
        through = question.answered_yes(came_back)
    return (THROUGH if through else HELD), came_back[-600:].decode(errors="replace")


def run_one(attempt, number, site):
    begin = time.monotonic()
    missing = [need for need in attempt.needs if not _is_there(need, site)]
    if missing:
        return Result(attempt, NOT_HERE, f"needs {missing[0]}")
    things = Things(site, str(number))
    try:
        verdict, detail = _attempted(attempt, things, site)
    except NotPrepared as error:
        verdict, detail = BROKEN, str(error)
    except Exception:  # one attempt's failure is its own, and is reported with its name
        verdict, detail = BROKEN, traceback.format_exc(limit=-3)
    finally:
        things.clean(attempt.undo)
    return Result(attempt, verdict, detail, time.monotonic() - begin)


FEW = 20


def run_all(attempts, site, workers=WORKERS):
    """In the order given. Those that would disturb others come last, one after the other."""
    numbered = list(enumerate(attempts))
    results = {}
    site.prepare()
    try:
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            futures = {number: pool.submit(run_one, each, number, site) for number, each in numbered if not each.alone}
            results = {number: future.result() for number, future in futures.items()}
        for number, each in numbered:
            if each.alone:
                results[number] = run_one(each, number, site)
        # Where nearly all get through, those that did not may have been in each other's way ("is already running").
        again = [number for number, result in results.items() if result.verdict in (HELD, BROKEN)]
        if len(again) <= FEW:
            for number in again:
                results[number] = run_one(attempts[number], len(attempts) + number, site)
    finally:
        site.clean()
    return [results[number] for number, _ in numbered]
