#!/usr/bin/env python3
"""Looks for what banned.txt forbids, in the code of src/ and tests/ (not in comments and literals), and for notes of
unfinished work in comments (rule: unfinished)."""

import argparse
import re
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from check_layers import Table
from cpp_source import AllowList, Finding, code_only, report, sources, table_rows

SCOPES = {"all", "src", "headers", "pure"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


@dataclass(frozen=True)
class Rule:
    name: str
    scope: str
    places: tuple
    pattern: re.Pattern
    instead: str

    def applies(self, path, kind):
        """`kind` is that of the file's folder in layers.txt, None outside src/."""
        if any(fnmatch(str(path), glob) for glob in self.places):
            return False
        if self.scope == "headers":
            return path.suffix == ".h"
        if self.scope == "pure":
            return kind == "pure"
        return self.scope == "all" or path.parts[0] == "src"


def read_rules(path):
    rules = []
    for number, (name, scope, places, pattern, instead) in table_rows(path, 5):
        if scope not in SCOPES:
            raise ValueError(f"{path}:{number}: scope {scope}")
        rules.append(Rule(name, scope, () if places == "-" else tuple(places.split()), re.compile(pattern), instead))
    return rules


def check(root, rules, table, allow):
    findings = []
    for path in sources(root, "src", "tests"):
        text = (Path(root) / path).read_text(encoding="utf-8")
        folder = table.folder_of(path.relative_to("src")) if path.parts[0] == "src" else None
        mine = [r for r in rules if r.applies(path, table.kind.get(folder))]
        for number, line in enumerate(code_only(text).splitlines(), 1):
            for rule in mine:
                match = rule.pattern.search(line)
                if match and not allow.permits(path, rule.name):
                    findings.append(Finding(str(path), number, rule.name, f"{match.group(0).strip()} — {rule.instead}"))
        for number, line in enumerate(text.splitlines(), 1):
            if UNFINISHED.search(line) and not allow.permits(path, "unfinished"):
                findings.append(Finding(str(path), number, "unfinished", "finish it, or write an issue"))
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).resolve().parent
    parser.add_argument("--root", type=Path, default=here.parents[1])
    parser.add_argument("--tables", type=Path, default=here, help="folder of banned.txt and layers.txt")
    args = parser.parse_args()
    allow = AllowList(args.root)
    rules = read_rules(args.tables / "banned.txt")
    findings = check(args.root, rules, Table(args.tables), allow)
    return report(findings + allow.unused([r.name for r in rules] + ["unfinished"]), "banned")


if __name__ == "__main__":
    sys.exit(main())
