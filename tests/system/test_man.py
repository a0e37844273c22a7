"""The manual pages and the programs agree about the options, and each program that is installed has a page."""

import re
import subprocess

import pytest
from lib.daemon import ROOT, bin_dir
from lib.need import need

PAGES = {path.name.split(".")[0]: path for path in (ROOT / "docs/man").glob("*.md")}


def options(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def test_every_installed_program_has_a_page():
    programs = set()
    for path in ROOT.glob("src/**/CMakeLists.txt"):
        programs.update(re.findall(r"^ds01_program\(\w+ OUTPUT ([\w-]+)", path.read_text(), re.MULTILINE))
    assert len(programs) >= 3 and sorted(programs - PAGES.keys()) == []


@pytest.mark.parametrize("program", ["ds01d", "ds01-authz"])
def test_a_page_has_the_options_that_there_are(program):
    need((bin_dir() / program).exists(), f"needs {program}, which is not in {bin_dir()}")
    shown = subprocess.run([bin_dir() / program, "--help"], capture_output=True, text=True, check=True).stdout
    page = PAGES[program].read_text()
    entries = options("\n".join(line for line in page.split("# OPTIONS")[1].split("\n# ")[0].splitlines() if line.startswith("**")))
    assert entries == options(shown)


@pytest.mark.parametrize("program", sorted(PAGES))
def test_a_page_has_its_parts(program):
    text = PAGES[program].read_text()
    section = PAGES[program].name.split(".")[1]
    assert text.startswith(f"% {program.upper()}({section})\n\n# NAME\n\n{program} - ")
    for part in ("SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "FILES", "SEE ALSO"):
        assert f"\n# {part}\n" in text, part
    for name, number in re.findall(r"\*\*(ds01[\w-]*)\*\*\((\d)\)", text):
        assert PAGES[name].name.split(".")[1] == number, f"there is no {name}({number})"
