"""As test_build_session, with Docker 26."""

from test_build_session import *  # noqa: F403

STACK = {"engine26": True}
