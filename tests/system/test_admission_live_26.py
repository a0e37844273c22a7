"""As test_admission_live, with Docker 26."""

import pytest
from lib import recorded

STACK = {"nvidia": True, "engine26": True}

pytestmark = pytest.mark.usefixtures("stack")


def test_Root_Docker_engine_26_takes_what_admission_makes_of_recorded_requests(stack, alice):
    wrong = recorded.send_all(stack, alice, recorded.with_engine("26.1"))
    assert not wrong, "\n".join(wrong)
    assert not stack.engine.containers()
    assert not stack.daemon.held()
