"""As test_build_frontend, with Docker 26."""

from test_build_frontend import *  # noqa: F403

STACK = {"engine26": True}
