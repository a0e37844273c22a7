"""What came of the attempts, by class, as the table of docs/security.md."""

import re

from .run import NOT_HERE, THROUGH

BEGIN, END = "<!-- made by tests/corpus/run --write -->", "<!-- end -->"
HEADINGS = {"bare": "to the bare Engine", "haproxy": "HAProxy", "ours": "DS01"}


def _row(title, columns, belongs):
    first = next(iter(columns.values()))
    numbers = [sum(map(belongs, (each.attempt for each in first)))]
    for results in columns.values():
        made = [each for each in results if belongs(each.attempt) and each.verdict != NOT_HERE]
        numbers.append(sum(each.verdict == THROUGH for each in made) if made else "–")
    return f"| {title} | " + " | ".join(map(str, numbers)) + " |" if numbers[0] else ""


def table(titles, columns):
    """`columns`: heading → results of the same attempts."""
    lines = ["| Class | Attempts | " + " | ".join(f"Through {name}" for name in columns) + " |"]
    lines.append("|---|" + "---:|" * (len(columns) + 1))
    rows, known_open = [], []
    for name, title in titles.items():
        of_class = [each.attempt for each in next(iter(columns.values())) if each.attempt.class_name == name]
        row = _row(title, columns, lambda attempt, name=name: attempt.class_name == name)
        (known_open if of_class and of_class[0].known_open else rows).append(row)
    rows.append(_row("**all of these**", columns, lambda attempt: not attempt.known_open))
    return "\n".join(lines + [row for row in rows + known_open if row])


def document_part(titles, results, versions):
    """What docs/security.md shows: `results` of all of HEADINGS."""
    part = table(titles, {heading: results[name] for name, heading in HEADINGS.items()})
    not_here = sum(each.verdict == NOT_HERE for each in results["bare"])
    own = sum("ds01" in each.attempt.needs for each in results["bare"])
    return (
        f"{part}\n\n{versions}. Of the attempts {own} are at parts that only DS01 has, {not_here - own} need another version of "
        "the Engine; both are counted as attempts only."
    )


def written_into(text, new):
    """The document with the table in place of the old one."""
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    assert pattern.search(text), f"no {BEGIN}"
    return pattern.sub(lambda _: f"{BEGIN}\n{new}\n{END}", text)


def read_from(text):
    return text.split(BEGIN, 1)[1].split(END, 1)[0].strip("\n")
