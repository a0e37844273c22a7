"""What ds01d is given when it starts: each mistake ends it with one clear sentence and an exit status that says whose
mistake it was (78: configuration)."""

import re
import shutil
import socket

import pytest
from lib.daemon import Daemon

CONFIG = 78

DUPLICATE = """gpus:
  - {index: 0, uuid: GPU-00000000-0000-4000-8000-000000000000, model: A, memory_mib: 81920}
  - {index: 1, uuid: GPU-00000000-0000-4000-8000-000000000000, model: A, memory_mib: 81920}
"""


@pytest.fixture
def daemon(workdir, programs, two_users):
    """Not started; its Engine does not exist."""
    base = workdir / "input"
    made = Daemon(base, base / "no-engine.sock", {two_users["alice"].name: "student"})
    yield made
    if made.running():
        made.kill()
    shutil.rmtree(base)


def limits(daemon):
    return daemon.config / "resource-limits.yaml"


def edit(daemon, old, new):
    text = limits(daemon).read_text()
    assert old in text
    limits(daemon).write_text(text.replace(old, new, 1))


def refuses(daemon, *words, status=None, **changed):
    code, _, err = daemon.try_start(**changed)
    assert code != 0
    if status is not None:
        assert code == status, (code, err)
    for word in words:
        assert word in err, f"{word!r} is not in: {err}"
    assert "what()" not in err and "std::" not in err and "exception" not in err.lower(), err
    assert not daemon.socket.exists()
    return err


def test_Root_check_config_accepts_the_sites_files(daemon):
    code, out, err = daemon.check_config()
    assert code == 0, out + err


def test_Root_check_config_reports_every_mistake_at_once_with_file_line_and_key(daemon):
    edit(daemon, "memory: 32g", "memory: 32 bananas")
    edit(daemon, "pids_limit: 4096", "pids_limit: many")
    code, out, err = daemon.check_config()
    assert code == CONFIG
    report = out + err
    for key in ("memory", "pids_limit"):
        assert re.search(rf"resource-limits\.yaml:\d+.*{key}", report), report


def test_Root_check_config_starts_nothing(daemon):
    daemon.check_config()
    assert not daemon.socket.exists()
    assert not list(daemon.state.iterdir())


@pytest.mark.parametrize(
    "old, new, word",
    [
        ("defaults:", "defaults: [", "resource-limits.yaml"),
        ("memory: 32g", "memory: 32q", "memory"),
        ("max_gpu_equivalents: 1.0", "max_gpu_equivalents: -1", "max_gpu_equivalents"),
        ("cpu_quota: 9600%", "cpu_quota: 96 cores", "cpu_quota"),
        ("max_runtime_h: 24", "max_runtime_h: soon", "max_runtime"),
        ("max_containers_per_user: 3", "max_containers_per_user: 3\n  max_containers_per_user: 9", "max_containers_per_user"),
        ("default_group: student", "default_group: nobodys", "nobodys"),
    ],
    ids=["syntax", "unit", "negative", "percent", "duration", "twice", "group"],
)
def test_Root_bad_limits_end_it_with_78(daemon, old, new, word):
    edit(daemon, old, new)
    refuses(daemon, word, status=CONFIG)


def test_Root_missing_configuration_ends_it(daemon):
    refuses(daemon, "/no/such/dir", status=CONFIG, config_dir="/no/such/dir")


def test_Root_unreadable_yaml_bytes_end_it(daemon):
    limits(daemon).write_bytes(b"\xff\xfe\x00defaults\x00")
    refuses(daemon, "resource-limits.yaml", status=CONFIG)


def test_Root_gpu_file_with_a_uuid_twice_ends_it(daemon):
    path = daemon.base / "gpus.yaml"
    path.write_text(DUPLICATE)
    refuses(daemon, "GPU-00000000-0000-4000-8000-000000000000", status=CONFIG, gpus=f"sim:{path}")


def test_Root_gpu_file_that_is_missing_ends_it(daemon):
    refuses(daemon, "/no/such/gpus.yaml", status=CONFIG, gpus="sim:/no/such/gpus.yaml")


@pytest.mark.parametrize("gpus", ["sim", "magic", "sim:"])
def test_Root_gpu_option_that_means_nothing_is_a_usage_error(daemon, gpus):
    refuses(daemon, gpus=gpus)


@pytest.mark.parametrize(
    "option, value",
    [("listen", "tcp://0.0.0.0:2375"), ("listen", "unix://relative"), ("listen", "unix:///tmp/" + "x" * 120), ("engine", "http://x")],
)
def test_Root_socket_options_that_are_no_socket_are_refused(daemon, option, value):
    refuses(daemon, **{option: value})


def test_Root_unknown_option_is_a_usage_error(daemon):
    code, _, err = daemon.run_once(daemon.argv() + ["--frobnicate"])
    assert code == 2
    assert "--frobnicate" in err


def test_Root_a_live_socket_in_its_place_is_left_alone(daemon):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(daemon.socket))
        other.listen()
        code, _, err = daemon.try_start()
        assert code != 0
        assert str(daemon.socket) in err
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.connect(str(daemon.socket))


def test_Root_a_dead_socket_in_its_place_is_replaced(daemon):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(daemon.socket))
    daemon.start()
    daemon.stop()


def test_Root_a_file_in_the_sockets_place_is_not_removed(daemon):
    daemon.socket.write_text("precious")
    code, _, err = daemon.try_start()
    assert code != 0
    assert str(daemon.socket) in err
    assert daemon.socket.read_text() == "precious"


def test_Root_a_second_ds01d_over_the_same_state_is_refused(daemon):
    daemon.start()
    other = daemon.base / "r2"
    other.mkdir()
    code, _, err = daemon.try_start(run_dir=other, listen=f"unix://{other}/docker.sock")
    daemon.stop()
    assert code != 0
    assert str(daemon.state) in err


def test_Root_state_directory_that_cannot_be_written_ends_it(daemon):
    blocked = daemon.base / "blocked"
    blocked.write_text("a file, not a directory")
    err = refuses(daemon, "blocked", state_dir=blocked)
    told = [line for line in err.splitlines() if ": note: " not in line]
    assert len(told) == 1, told
    refuses(daemon, "/proc/ds01-state", state_dir="/proc/ds01-state")


def test_Root_state_file_that_is_damaged_is_kept_and_told(daemon):
    """The containers' labels are the second source; what could not be read stays for the administrator to look at."""
    damaged = '{"leases": ['
    (daemon.state / "gpu-state.json").write_text(damaged)
    daemon.start()
    daemon.stop()
    assert damaged in [path.read_text() for path in daemon.state.iterdir() if path.is_file()]
    assert "gpu-state.json" in daemon.child.output()


def test_Root_stops_cleanly_without_an_engine(daemon):
    daemon.start()
    daemon.stop()
