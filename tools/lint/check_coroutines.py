#!/usr/bin/env python3
"""Looks for lambdas and braced initialisers in what a co_await waits for, and for co_await in a branch of `? :`. GCC 12
and 13 keep such temporaries in the coroutine's frame and destroy them twice, or take a copy of their bytes; a named
variable is destroyed once. A GCC that is not wrong about it compiles the named form just as well."""

import argparse
import re
import sys
from pathlib import Path

from cpp_source import AllowList, Finding, code_only, report, sources

RULE = "co-await-temporary"
_CO_AWAIT = re.compile(r"(?<!\w)co_await(?!\w)")
_IN_A_BRANCH = re.compile(r"\?\s*co_await(?!\w)")
_SECOND_BRANCH = re.compile(r"\?[^;{}?]*[^:]:\s*co_await(?!\w)")
_OPEN = {"(": ")", "[": "]", "{": "}"}
_INSTEAD = "GCC destroys it twice: give it a name in a line before"


def _skip_balanced(code, at):
    """One past the bracket that closes the one at `at`."""
    closers = []
    for i in range(at, len(code)):
        if code[i] in _OPEN:
            closers.append(_OPEN[code[i]])
        elif closers and code[i] == closers[-1]:
            closers.pop()
            if not closers:
                return i + 1
    return len(code)


def _begins_lambda(code, at):
    """Whether the `[` at `at` is a lambda's and not an index's or an attribute's."""
    before = code[:at].rstrip()
    subscript = before[-1:].isalnum() or before[-1:] in "_)]\"" or before[-1:] == ">" and not before.endswith("->")
    keyword = re.search(r"(?<!\w)(return|co_return|co_await|co_yield)$", before)
    return (not subscript or keyword is not None) and not code.startswith("[[", at)


def temporaries(code):
    """(offset, what) of each lambda and braced initialiser inside the operand of a co_await, and of each `? :` with one."""
    found = {}
    for match in _CO_AWAIT.finditer(code):
        depth, i = 0, match.end()
        while i < len(code):
            c = code[i]
            if c == "[" and _begins_lambda(code, i):
                found[i] = "a lambda"
                # What is inside its body is another expression; parameters and body are passed over.
                i = _skip_balanced(code, i)
                body = code.find("{", i)
                i = _skip_balanced(code, body) if body >= 0 else len(code)
                continue
            if c == "{":
                if depth == 0:
                    # `co_await f() {` does not occur; `if (co_await f()) {` closed the parenthesis before.
                    break
                found[i] = "a braced initialiser"
                i = _skip_balanced(code, i)
                continue
            if c in "([":
                depth += 1
            elif c in ")]":
                depth -= 1
                if depth < 0:
                    break
            elif depth == 0 and c in ";,?":
                break
            i += 1
    found |= {match.start(): "an operand of ? :" for match in _IN_A_BRANCH.finditer(code)}
    found |= {match.start(): "an operand of ? :" for match in _SECOND_BRANCH.finditer(code)}
    return sorted(found.items())


def check(root, allow):
    findings = []
    for path in sources(root, "src", "tests"):
        code = code_only((Path(root) / path).read_text(encoding="utf-8"))
        for offset, what in temporaries(code):
            if not allow.permits(path, RULE):
                line = code.count("\n", 0, offset) + 1
                findings.append(Finding(str(path), line, RULE, f"{what} in what co_await waits for — {_INSTEAD}"))
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    args = parser.parse_args()
    allow = AllowList(args.root)
    return report(check(args.root, allow) + allow.unused([RULE]), "coroutines")


if __name__ == "__main__":
    sys.exit(main())
