"""As test_volumes_from, with Docker 26."""

from test_volumes_from import *  # noqa: F403

STACK = {"engine26": True}

del test_Root_Docker_compose_volumes_from_is_that_of_the_bare_engine  # noqa: F821
