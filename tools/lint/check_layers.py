#!/usr/bin/env python3
"""Checks the include lines of src/ and tests/ against layers.txt, libraries.txt and allow.txt.

All targets share one include root, so the link lists of CMake prove nothing about who includes whom. Rules:
  folder          src/a includes "b/x.h" only where layers.txt says a may include b
  include-form    quoted includes are written from src/ (tests: from src/ or tests/), never relative
  library         a foreign header only in the folders that name its library
  system-header   no operating-system header in a pure folder, none unknown anywhere
  impure-header   no thread, file or stream header of the C++ library in a pure folder
  cycle           neither folders nor headers include each other in a circle
  product-test    src/ includes nothing of tests/, and no test library
  test-layer      tests of one folder use the real parts (sub-folders) of that folder only
"""

import argparse
import sys
from pathlib import Path

from cpp_source import AllowList, Finding, includes, report, sources, table_rows

RULES = (
    "folder include-form library system-header impure-header cycle product-test test-layer".split()
)
KINDS = {"pure", "io", "root"}

CPP_HEADERS = set(
    """algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes climits
    clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint
    cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution expected filesystem format forward_list
    fstream functional future generator initializer_list iomanip ios iosfwd iostream istream iterator latch limits list
    locale map memory memory_resource mutex new numbers numeric optional ostream print queue random ranges ratio regex
    scoped_allocator semaphore set shared_mutex source_location span spanstream sstream stack stacktrace stdexcept
    stdfloat stop_token streambuf string string_view strstream syncstream system_error thread tuple type_traits
    typeindex typeinfo unordered_map unordered_set utility valarray variant vector version""".split()
)
IMPURE_HEADERS = set(
    """barrier condition_variable csetjmp csignal cstdio ctime filesystem fstream future iostream latch mutex print random
    semaphore shared_mutex stop_token syncstream thread""".split()
)
# Parts of a library that come with another one.
IMPLIED = {"asio-awaitable": {"asio"}, "error-code": {"asio", "json"}}
SYSTEM_PREFIXES = ("sys/", "linux/", "netinet/", "arpa/", "net/if", "asm/", "bits/", "sanitizer/")
SYSTEM_HEADERS = set(
    """dirent.h dlfcn.h endian.h errno.h fcntl.h grp.h limits.h mntent.h poll.h pthread.h pwd.h sched.h signal.h spawn.h
    stdio.h stdlib.h string.h termios.h time.h unistd.h""".split()
)


class Table:
    """layers.txt and libraries.txt, read and checked for sense."""

    def __init__(self, folder):
        self.findings = []
        self.kind, self.allowed, self.libraries = {}, {}, {}
        rows = table_rows(folder / "layers.txt", 4)
        names = [cells[0] for _, cells in rows]
        self.prefixes = sorted(
            ((prefix, lib) for _, (lib, prefix) in table_rows(folder / "libraries.txt", 2)), key=lambda p: -len(p[0])
        )
        known = {lib for _, lib in self.prefixes}
        for number, (name, kind, uses, libs) in rows:
            uses = [] if uses == "-" else uses.split()
            libs = [] if libs == "-" else libs.split()
            wrong = [u for u in uses if u != "*" and u not in names] + [x for x in libs if x not in known]
            if kind not in KINDS:
                wrong.append(kind)
            if name in self.kind:
                wrong.append(f"{name} (twice)")
            for word in wrong:
                self.findings.append(Finding("tools/lint/layers.txt", number, "table", f"unknown: {word}"))
            self.kind[name] = kind
            self.allowed[name] = set(names) if "*" in uses else set(uses) | {name}
            self.libraries[name] = set(libs)

    def folder_of(self, path):
        """The row that a path below src/ belongs to: the longest that fits, or None."""
        parts = Path(path).parts[:-1]
        for length in range(len(parts), 0, -1):
            name = "/".join(parts[:length])
            if name in self.kind:
                return name
        return None

    def library_of(self, header):
        return next((lib for prefix, lib in self.prefixes if header.startswith(prefix)), None)


class Checker:
    def __init__(self, root, table, allow):
        self.root, self.table, self.allow = Path(root), table, allow
        self.findings = list(table.findings)
        self.folder_edges = {}  # (from, to) -> first place seen
        self.header_edges = {}  # header -> [(header, line)]

    def add(self, path, line, rule, text):
        if not self.allow.permits(path, rule):
            self.findings.append(Finding(str(path), line, rule, text))

    def run(self):
        for path in sources(self.root, "src"):
            self.check_product(path)
        for path in sources(self.root, "tests"):
            self.check_test(path)
        self.check_cycles()
        return self.findings

    def read(self, path):
        return includes((self.root / path).read_text(encoding="utf-8"))

    def check_product(self, path):
        inside = path.relative_to("src")
        folder = self.table.folder_of(inside)
        if folder is None or (len(inside.parts) > 2 and folder == inside.parts[0]):
            self.add(path, 1, "folder", f"{inside.parent} has no row in tools/lint/layers.txt")
            return
        for inc in self.read(path):
            if inc.quoted:
                self.check_own(path, inside, folder, inc)
            else:
                self.check_foreign(path, folder, inc)

    def check_own(self, path, inside, folder, inc):
        if inc.path.startswith("support/") or inc.path.startswith("tests/"):
            self.add(path, inc.line, "product-test", f'"{inc.path}" belongs to the tests')
            return
        target = self.table.folder_of(inc.path)
        if target is None or ".." in Path(inc.path).parts:
            self.add(path, inc.line, "include-form", f'"{inc.path}": write the path from src/, <> for other libraries')
            return
        if target not in self.table.allowed[folder]:
            self.add(path, inc.line, "folder", f'{folder} may not include {target} ("{inc.path}")')
        if target != folder:
            self.folder_edges.setdefault((folder, target), (path, inc.line))
        self.header_edges.setdefault(str(inside), []).append((inc.path, inc.line))

    def check_foreign(self, path, folder, inc):
        pure = self.table.kind[folder] == "pure"
        if inc.path in CPP_HEADERS:
            if pure and inc.path in IMPURE_HEADERS:
                self.add(path, inc.line, "impure-header", f"<{inc.path}> in the pure folder {folder}")
            return
        library = self.table.library_of(inc.path)
        if library == "gtest":
            self.add(path, inc.line, "product-test", f"<{inc.path}> in the product")
        elif library is not None:
            granted = self.table.libraries[folder]
            if library not in granted and not granted & IMPLIED.get(library, set()):
                self.add(path, inc.line, "library", f"{folder} may not use {library} (<{inc.path}>)")
        elif self.is_system(inc.path):
            if pure:
                self.add(path, inc.line, "system-header", f"<{inc.path}> in the pure folder {folder}")
        else:
            self.add(path, inc.line, "library", f"<{inc.path}> is of no library in tools/lint/libraries.txt")

    @staticmethod
    def is_system(header):
        return header in SYSTEM_HEADERS or header.startswith(SYSTEM_PREFIXES)

    def check_test(self, path):
        # tests/unit/FOLDER/… speaks of src/FOLDER; other folders below tests/ (support, system, …) use what they need.
        own = path.parts[2] if len(path.parts) > 3 and path.parts[1] == "unit" else None
        for inc in self.read(path):
            if not inc.quoted:
                if inc.path not in CPP_HEADERS and not self.is_system(inc.path) and not self.table.library_of(inc.path):
                    self.add(path, inc.line, "library", f"<{inc.path}> is of no library in tools/lint/libraries.txt")
                continue
            target = self.table.folder_of(inc.path)
            from_tests = (self.root / "tests" / inc.path).is_file() or (self.root / path.parent / inc.path).is_file()
            if (target is None and not from_tests) or ".." in Path(inc.path).parts:
                self.add(path, inc.line, "include-form", f'"{inc.path}": write the path from src/ or tests/')
            elif own is not None and own != "daemon" and target is not None and "/" in target:
                if target.split("/")[0] != own:
                    self.add(path, inc.line, "test-layer", f'tests of {own} use {target}: take a fake from tests/support')

    def check_cycles(self):
        edges = {}
        for source, target in self.folder_edges:
            edges.setdefault(source, []).append(target)
        for cycle in find_cycles(edges):
            path, line = self.folder_edges[(cycle[0], cycle[1])]
            self.add(path, line, "cycle", "folders: " + " → ".join(cycle))
        headers = {h: [t for t, _ in targets] for h, targets in self.header_edges.items()}
        for cycle in find_cycles(headers):
            line = next(n for t, n in self.header_edges[cycle[0]] if t == cycle[1])
            self.add(Path("src") / cycle[0], line, "cycle", "headers: " + " → ".join(cycle))


def find_cycles(edges):
    """One cycle per strongly connected knot, as [a, b, …, a]; found by depth-first search with a path."""
    done, cycles = set(), []

    def visit(node, path):
        if node in path:
            cycles.append(path[path.index(node):] + [node])
            return
        if node in done:
            return
        for target in sorted(set(edges.get(node, ()))):
            visit(target, path + [node])
        done.add(node)

    for start in sorted(edges):
        visit(start, [])
    return cycles


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).resolve().parent
    parser.add_argument("--root", type=Path, default=here.parents[1])
    parser.add_argument("--tables", type=Path, default=here, help="folder of layers.txt and libraries.txt")
    args = parser.parse_args()
    allow = AllowList(args.root)
    findings = Checker(args.root, Table(args.tables), allow).run()
    return report(findings + allow.findings + allow.unused(RULES), "layers")


if __name__ == "__main__":
    sys.exit(main())
