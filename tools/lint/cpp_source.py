"""What the checks in this folder share: finding the sources, and reading one with comments and literals blanked."""

import re
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = {".h", ".cpp"}

_TOKENS = re.compile(
    r"""
    (?P<line>//[^\n]*)
  | (?P<block>/\*.*?\*/)
  | (?P<raw>(?:u8|[uUL])?R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)")
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<char>(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+')
    """,
    re.VERBOSE | re.DOTALL,
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?P<open>[<"])(?P<path>[^>"\n]+)[>"]', re.MULTILINE)


@dataclass(frozen=True)
class Include:
    line: int
    path: str
    quoted: bool


@dataclass(frozen=True)
class Finding:
    path: str  # relative to the root
    line: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.rule}] {self.text}"


def _blank(match):
    text = match.group(0)
    if match.group("line") or match.group("block"):
        return re.sub(r"[^\n]", " ", text)
    # Quotes stay, so that the shape of the code is still there; the newlines of a raw string keep line numbers right.
    return text[0] + re.sub(r"[^\n]", " ", text[1:-1]) + text[-1]


def code_only(text):
    """The text with the inside of comments, strings and characters replaced by blanks; line numbers stay."""
    return _TOKENS.sub(_blank, text)


def without_comments(text):
    """Only comments are blanked: include lines keep their names."""
    return _TOKENS.sub(lambda m: _blank(m) if m.group("line") or m.group("block") else m.group(0), text)


def includes(text):
    clean = without_comments(text)
    return [
        Include(clean.count("\n", 0, m.start()) + 1, m.group("path"), m.group("open") == '"')
        for m in _INCLUDE.finditer(clean)
    ]


def sources(root, *folders):
    """All C++ files below the given folders of `root`, as paths relative to it, sorted."""
    found = []
    for folder in folders:
        base = Path(root) / folder
        found += [p.relative_to(root) for p in base.rglob("*") if p.suffix in SUFFIXES and p.is_file()]
    return sorted(found)


def table_rows(path, columns):
    """Rows of a `|` separated table with # comments, as (line number, cells). ValueError on a row of another width."""
    rows = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        # A doubled bar is a literal one, for regular expressions.
        cells = [c.strip().replace("\0", "|") for c in line.replace("||", "\0").split("|")]
        if len(cells) != columns:
            raise ValueError(f"{path}:{number}: {len(cells)} columns, {columns} expected")
        rows.append((number, cells))
    return rows


class AllowList:
    """tools/lint/allow.txt: exceptions, each with a reason. An entry that excuses nothing is itself a finding."""

    NAME = "tools/lint/allow.txt"

    def __init__(self, root):
        self.entries = {}
        self.used = set()
        self.findings = []
        path = Path(root) / self.NAME
        if not path.exists():
            return
        for number, (where, rule, reason) in table_rows(path, 3):
            if len(reason) < 10:
                self.findings.append(Finding(self.NAME, number, "allow", f"{where} {rule}: the reason is missing"))
            self.entries[(where, rule)] = number

    def permits(self, path, rule):
        key = (str(path), rule)
        if key in self.entries:
            self.used.add(key)
        return key in self.entries

    def unused(self, rules):
        """Entries for one of `rules` that nothing needed in this run."""
        return [
            Finding(self.NAME, number, "allow", f"{where} {rule}: excuses nothing any more, remove it")
            for (where, rule), number in self.entries.items()
            if rule in rules and (where, rule) not in self.used
        ]


def report(findings, what):
    """Prints findings; the process's exit status."""
    for finding in sorted(findings, key=lambda f: (f.path, f.line, f.text)):
        print(finding)
    print(f"{what}: {len(findings)} finding{'' if len(findings) == 1 else 's'}")
    return 1 if findings else 0
