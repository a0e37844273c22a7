"""Prerequisites. A test that lacks one is skipped with a sentence; in CI, which promises all of them, it fails."""

import os
import shutil

import pytest


def need(present, sentence):
    if present:
        return
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(f"prerequisite missing: {sentence}", pytrace=False)
    pytest.skip(sentence)


def need_program(name):
    path = shutil.which(name)
    need(path, f"needs the program {name}, which is not installed")
    return path
