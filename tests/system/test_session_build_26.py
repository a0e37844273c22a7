"""As test_session_build, with Docker 26."""

from test_session_build import *  # noqa: F403

STACK = {"engine26": True}
