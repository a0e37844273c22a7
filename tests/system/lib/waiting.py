"""Waiting for something observable instead of for a time to pass."""

import select
import time


class Timeout(AssertionError):
    pass


def wait_until(condition, timeout=10.0, what="", interval=0.01):
    """Calls `condition` until it returns something true, and returns that. Exceptions of `condition` are not caught."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Timeout(f"not within {timeout:g} s: {what or condition}")
        select.select([], [], [], interval)
