"""bench/run, so that it does not rot: all of it once, with so few rounds that the numbers mean nothing."""

import json
import os
import subprocess
import sys

import pytest
from lib import hosts
from lib.daemon import ROOT, bin_dir
from lib.need import need, need_program

sys.path.insert(0, str(ROOT / "bench"))

import report  # noqa: E402
import stats  # noqa: E402

# The rows of the design, by how their names begin; how often each.
ROWS = {
    "GET /_ping, ": 2,
    "GET containers/json, keep-alive, against HAProxy": 1,
    "GET containers/json, new connections, against HAProxy": 1,
    "GET containers/json, keep-alive, with OPA": 1,
    "create, start, wait: no GPU": 1,
    "create, start, wait: a GPU": 1,
    "create, start, wait: with OPA": 1,
    "docker cp into": 1,
    "docker cp out": 1,
    "docker save": 1,
    "build context": 1,
    "allocation decision": 4,
    "state file": 1,
    "restart with ": 1,
    "resident memory, idle": 1,
    "resident memory, 10 open streams": 1,
}


@pytest.mark.parametrize(
    ("count", "ranks"),
    # 95 % intervals of the median, as tables of order statistics have them (ranks from one).
    [(6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (30, (10, 21)), (40, (14, 27)), (100, (40, 61))],
)
def test_the_interval_of_a_median(count, ranks):
    values = list(range(1, count + 1))
    assert stats.interval(values[::-1]) == ranks


def test_few_values_have_their_whole_range_for_an_interval():
    assert stats.interval([3.0]) == (3.0, 3.0)
    assert stats.interval([3.0, 1.0]) == (1.0, 3.0)


def test_medians_and_percentiles():
    assert stats.median([5, 1, 3]) == 3
    assert stats.median([4, 1, 3, 2]) == 2.5
    assert stats.percentile(range(1, 101), 0.99) == 99
    assert stats.percentile([7], 0.99) == 7
    assert stats.ratios([[2, 4, 6], [9]], [[2, 2, 2], [3]]) == [2, 3]


def test_a_table_says_what_is_missed():
    value = {"median": 1.5, "low": 1.2, "high": 1.9, "rounds": 30}
    rows = [{"what": "a", "unit": "ratio", "bar": 1.02, "value": value, "met": False, "peers": {}, "note": ""}]
    machine = dict.fromkeys(["commit", "cpus", "cpu", "memory_gib", "kernel", "dockerd", "haproxy"], "x")
    results = {"date": "d", "machine": machine, "load_before": [0.1], "load_after": [0.2], "quick": False, "rows": rows}
    assert "| a | ≤ 1.02 × | 1.500 × [1.200, 1.900] | **no** |" in report.table(results)


def test_Root_Docker_every_row_of_the_bench_is_measured(root_and_docker, programs, tmp_path):
    need_program("haproxy")
    need((bin_dir() / "ds01-bench").exists(), f"needs ds01-bench, which is not in {bin_dir()}")
    need(hosts.has_opa(), "needs OPA, which `sudo tools/dev setup` makes")
    done = subprocess.run(
        [sys.executable, ROOT / "bench/run", "--quick", "--output", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,  # ends a run that hangs
        env={**os.environ, "DS01_BIN_DIR": str(bin_dir())},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = json.loads((tmp_path / "bench.json").read_text())["rows"]
    if not (bin_dir() / "ds01-bench-micro").exists():  # no Google Benchmark here; the table says so in one row
        ROWS.update({"allocation decision": 1, "state file": 0})
    for begin, count in ROWS.items():
        found = [row for row in rows if row["what"].startswith(begin)]
        assert len(found) == count, f"{begin}: {[row['what'] for row in rows]}"
    for row in rows:
        if row["value"] is None:
            assert row["note"] == "ds01-bench-micro was not built: no Google Benchmark", row
            continue
        assert row["value"]["low"] <= row["value"]["median"] <= row["value"]["high"], row
        assert row["value"]["median"] > 0 or row["what"].startswith("memory that"), row
        for peer in row["peers"].values():
            assert 0 < peer["p50_ms"] <= peer["p99_ms"], row
    assert "these numbers mean nothing" in done.stdout
