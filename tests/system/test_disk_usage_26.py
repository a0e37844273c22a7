"""As test_disk_usage, with Docker 26: its API knows kinds, and records of its build cache have several parents."""

import pytest
import test_disk_usage as usage
from test_disk_usage import cache, things  # noqa: F401  (fixtures)

STACK = {"engine26": True}

pytestmark = pytest.mark.usefixtures("stack")

test_Root_Docker_it_tells_of_ones_own = usage.test_Root_Docker_it_tells_of_ones_own
test_Root_Docker_the_client_shows_it = usage.test_Root_Docker_the_client_shows_it
test_Root_Docker_the_kinds_asked_for_alone = usage.test_Root_Docker_the_kinds_asked_for_alone
test_Root_Docker_an_admin_sees_all = usage.test_Root_Docker_an_admin_sees_all
test_Root_Docker_a_prune_of_everything_ends_well = usage.test_Root_Docker_a_prune_of_everything_ends_well
test_Root_Docker_the_sdk_is_told_too = usage.test_Root_Docker_the_sdk_is_told_too
