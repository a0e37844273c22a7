"""As test_authz, with Docker 26."""

import test_authz
from lib.images import BUSYBOX
from test_authz import on, plugin  # noqa: F401  (fixtures)

STACK = {"engine26": True}

test_Root_Docker_a_terminal_passes = test_authz.test_Root_Docker_a_terminal_passes
test_Root_Docker_root_past_ds01d_is_refused_with_what_to_do = (
    test_authz.test_Root_Docker_root_past_ds01d_is_refused_with_what_to_do
)
test_Root_Docker_a_clients_own_ticket_goes_nowhere = test_authz.test_Root_Docker_a_clients_own_ticket_goes_nowhere
test_Root_Docker_on_and_off_by_sighup = test_authz.test_Root_Docker_on_and_off_by_sighup
test_Root_Docker_bodies_that_the_plugin_is_not_shown = test_authz.test_Root_Docker_bodies_that_the_plugin_is_not_shown
test_Root_Docker_an_answer_after_the_end_of_break_glass_still_goes_out = (
    test_authz.test_Root_Docker_an_answer_after_the_end_of_break_glass_still_goes_out
)


def test_Root_Docker_streams_pass(on, alice):  # noqa: F811
    assert alice.docker("run", "-i", "--rm", BUSYBOX, "cat", stdin="hijacked\n").stdout == "hijacked\n"
    alice.out("run", "-d", "--name", "long", BUSYBOX, "sh", "-c", "echo begun; sleep 600")
    with alice.follow("logs", "-f", "long") as logs:
        assert logs.line() == "begun"
        alice.run(["sh", "-c", "head -c 20000000 /dev/urandom > big"])
        alice.docker("cp", alice.user.home / "big", "long:/big")
        alice.docker("cp", "long:/big", alice.user.home / "back")
        assert (alice.user.home / "back").read_bytes() == (alice.user.home / "big").read_bytes()
        alice.docker("rm", "-f", "long")
        assert logs.rest() == []
