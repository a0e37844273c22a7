"""Every attempt to get past the rules gets through where there are none, and does not get through ds01d."""

import pytest
from lib.daemon import ROOT
from runner import data, table
from runner.run import BROKEN, HELD, NOT_HERE, THROUGH

ATTEMPTS, TITLES = data.load()
DOCUMENT = ROOT / "docs/security.md"


def each_of(attempts):
    return pytest.mark.parametrize("attempt", attempts, ids=lambda attempt: f"{attempt.class_name}-{attempt.id}")


def expect(result, verdict):
    if result.verdict == NOT_HERE:
        pytest.skip(f"{result.detail}, which this machine or its Engine has not")
    if result.verdict != verdict:
        pytest.fail(f"{result.verdict}: {result.attempt.tries}\n{result.detail}", pytrace=False)


def test_there_are_enough_of_them():
    assert len(ATTEMPTS) >= 250
    assert all(attempt.tries.endswith((".", "?")) for attempt in ATTEMPTS)


@each_of([attempt for attempt in ATTEMPTS if "ds01" not in attempt.needs])
def test_Root_Docker_gets_through_to_the_bare_engine(runs, attempt):
    """Else it is blunt, and proves nothing where it is held."""
    expect(runs.at("bare")[attempt.id], THROUGH)


@each_of([attempt for attempt in ATTEMPTS if "ds01" in attempt.needs])
def test_Root_Docker_gets_through_for_root(runs, attempt):
    """The same for what is only where ds01d is."""
    expect(runs.at("permitted")[attempt.id], THROUGH)


@each_of(ATTEMPTS)
def test_Root_Docker_is_held_by_ds01d(runs, attempt):
    expect(runs.at("ours")[attempt.id], THROUGH if attempt.known_open else HELD)


def test_Root_Docker_all_can_be_made_behind_haproxy(runs):
    broken = [f"{each.attempt.id}: {each.detail}" for each in runs.at("haproxy").values() if each.verdict == BROKEN]
    assert not broken, "\n".join(broken)


def test_table_has_all_attempts():
    rows = [line.split("|")[1:3] for line in table.read_from(DOCUMENT.read_text()).splitlines() if line.startswith("|")]
    counts = {name.strip(): int(number) for name, number in rows[2:]}
    expected = {title: sum(each.class_name == name for each in ATTEMPTS) for name, title in TITLES.items()}
    expected["**all of these**"] = sum(not each.known_open for each in ATTEMPTS)
    assert counts == expected, "run: tests/corpus/run --write"


def test_Root_Docker_table_is_current(runs):
    """With other versions some attempts may not be applicable, or be held by a peer."""
    written = table.read_from(DOCUMENT.read_text())
    results = {name: list(runs.at(name).values()) for name in table.HEADINGS}
    if len(results["ours"]) < len(ATTEMPTS):
        pytest.skip("not all attempts were made")
    if runs.versions() not in written:
        pytest.skip(f"the table was made with other versions than {runs.versions()}")
    assert table.document_part(TITLES, results, runs.versions()) == written, "run: tests/corpus/run --write"
