"""SECURITY.md names for each line of its threat model what holds it; what it names is there, and no line is left out."""

import re

import pytest
from lib.daemon import ROOT
from runner import data

TEXT = (ROOT / "SECURITY.md").read_text()
HEADING = "## What holds each line"
UNTRIED = "not tried:"


def part(title, text=TEXT):
    """A section, without its heading."""
    return text.split(f"\n{title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text):
    """Of all tables, without their headings; cells as they stand."""
    found, lines = [], text.splitlines()
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if line.startswith("|") and not line.startswith("|---") and not below.startswith("|---"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def name_of(text):
    """By what a line is known: up to what explains it."""
    return re.split(r"[:(]", text.replace("`", ""))[0].strip().rstrip(".,")


def lines_of_the_model(text=TEXT):
    """Rows of tables, and what paragraphs and items begin with in bold."""
    found = []
    for title in ("## Who is trusted with what", "## How identity is proven", "## What is decided where", "## Still open"):
        section = part(title, text)
        found += [name_of(cells[0]) for cells in rows(section)]
        found += [name_of(bold) for bold in re.findall(r"^(?:- )?\*\*([^*]+)\*\*", section, re.MULTILINE)]
    return found


def held(text=TEXT):
    """(line, claim, what holds it) of the table."""
    line, found = "", []
    for cells in rows(part(HEADING, text)):
        line = name_of(cells[0]) or line
        found.append((line, cells[1], cells[2]))
    return found


class Names:
    """All attempts and tests that there are."""

    def __init__(self):
        attempts, _ = data.load()
        self.attempts = {attempt.id for attempt in attempts}
        self.functions = {}
        for path in (file for folder in ("system", "differential", "vm") for file in ROOT.glob(f"tests/{folder}/test_*.py")):
            self.functions[path.name] = re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
        text = "".join(path.read_text() for path in ROOT.glob("tests/unit/**/*.cpp"))
        self.suites = {f"{suite}.{name}" for suite, name in re.findall(r"^TEST(?:_[FP])?\((\w+),\s*(\w+)\)", text, re.MULTILINE)}

    def has(self, name):
        """An attempt; test_file.py, or test_file.py::a test's name without what it begins with (test_Root_Docker_);
        Suite.Test. With a star at its end: at least one that begins so."""
        if name.startswith("test_"):
            file, _, end = name.partition("::")
            whole = re.compile(r"test_(?:[A-Z][A-Za-z]+\d*_)*" + re.escape(end))
            return file in self.functions and (not end or any(map(whole.fullmatch, self.functions[file])))
        known = self.suites if "." in name else self.attempts
        return any(each.startswith(name[:-1]) for each in known) if name.endswith("*") else name in known


NAMES = Names()


def references(text):
    return re.findall(r"`([^`]+)`", text)


def missing(text):
    return [f"{claim}: {name}" for _, claim, holds in held(text) for name in references(holds) if not NAMES.has(name)]


def test_what_it_names_is_there():
    assert not missing(TEXT), "SECURITY.md names attempts or tests that do not exist"


def test_files_named_elsewhere_in_it_are_there():
    files = re.findall(r"tests/\w+/test_\w+\.py", TEXT)
    assert files and [file for file in files if not (ROOT / file).exists()] == []


def test_each_line_has_its_row_and_each_row_its_line():
    model, table = lines_of_the_model(), [line for line, _, _ in held()]
    assert len(model) > 50
    assert sorted(set(model) - set(table)) == [], "lines of SECURITY.md without a row in its last table"
    assert sorted(set(table) - set(model)) == [], "rows in that table about lines that are not there"


@pytest.mark.parametrize("row", held(), ids=lambda row: row[1][:40])
def test_each_row_is_held_or_says_that_it_was_not_tried(row):
    _, claim, holds = row
    assert claim
    assert references(holds) or (holds.startswith(UNTRIED) and len(holds) > len(UNTRIED) + 10)


@pytest.mark.parametrize("name, there", [
    ("privileged", True), ("no-such-attempt", False), ("named-*", True), ("no-such-*", False), ("test_pins.py", True),
    ("test_none.py", False), ("test_authz.py::one_ticket_on_many_connections_opens_one", True), ("test_authz.py::nothing", False),
    ("Tracker.RootOwnsNothing", True), ("Tracker.Nothing", False), ("Tracker.*", True), ("NoSuite.*", False),
])  # fmt: skip
def test_a_name_that_is_not_there_is_noticed(name, there):
    assert NAMES.has(name) is there


def test_a_text_that_names_what_is_gone_fails():
    assert missing(TEXT.replace("`privileged*`", "`privilegedd*`"))
    changed = TEXT.replace("\n## Still open\n", "\n## Still open\n\n- **Something new.** Text.\n", 1)
    assert "Something new" in set(lines_of_the_model(changed)) - {line for line, _, _ in held(changed)}
