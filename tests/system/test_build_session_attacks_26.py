"""As test_build_session_attacks, with Docker 26."""

from test_build_session_attacks import *  # noqa: F403

STACK = {"engine26": True}
