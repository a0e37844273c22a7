#!/usr/bin/env python3
"""Checks the size of files: a warning at the budget, a finding at twice the budget (CONTRIBUTING.md), and that every
header of src/ is named in a CMakeLists.txt, without which nothing proves that it compiles alone."""

import argparse
import sys
from pathlib import Path

from cpp_source import AllowList, Finding, report, sources

BUDGET_HEADER, BUDGET_SOURCE, BUDGET_TEST = 200, 400, 600


def budget(path):
    if path.parts[0] == "tests":
        return BUDGET_TEST
    return BUDGET_HEADER if path.suffix == ".h" else BUDGET_SOURCE


def check_sizes(root, allow):
    """(warnings, findings)"""
    warnings, findings = [], []
    for path in sources(root, "src", "tests"):
        lines = len((Path(root) / path).read_text(encoding="utf-8").splitlines())
        limit = budget(path)
        if lines >= 2 * limit and not allow.permits(path, "size"):
            findings.append(Finding(str(path), lines, "size", f"{lines} lines, budget {limit}: split it"))
        elif lines > limit:
            warnings.append(Finding(str(path), lines, "size", f"warning: {lines} lines, budget {limit}"))
    return warnings, findings


def check_listed(root, allow):
    findings = []
    for path in sources(root, "src"):
        if path.suffix != ".h":
            continue
        folder = (Path(root) / path).parent
        names = [p.read_text(encoding="utf-8") for p in (folder / "CMakeLists.txt", folder.parent / "CMakeLists.txt")
                 if p.is_file()]
        if not any(path.name in text.replace("(", " ").replace(")", " ").replace("/", " ").split() for text in names):
            if not allow.permits(path, "unlisted"):
                findings.append(Finding(str(path), 1, "unlisted", "not under HEADERS in the folder's CMakeLists.txt"))
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    args = parser.parse_args()
    allow = AllowList(args.root)
    warnings, findings = check_sizes(args.root, allow)
    for warning in warnings:
        print(warning)
    return report(findings + check_listed(args.root, allow) + allow.unused(["size", "unlisted"]), "sizes")


if __name__ == "__main__":
    sys.exit(main())
