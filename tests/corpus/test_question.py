"""What the runner takes for an answer, without an Engine."""

import pytest
from runner import data
from runner.act import _whole_replies
from runner.question import at, matches
from runner.words import filled

SHOWN = {
    "HostConfig": {"Binds": ["/a:/b"], "Memory": 5, "Empty": None},
    "Mounts": [{"Source": "/a", "RW": True}],
    "Labels": {"a.b": "c"},
}


@pytest.mark.parametrize("path, wanted, expected", [
    ("HostConfig.Memory", 5, True), ("HostConfig.Memory", 6, False), ("HostConfig.Nothing", None, False),
    ("HostConfig.Binds", ["/a:/b"], True), ("HostConfig.Binds", [], False), ("HostConfig.Binds", {"has": "/a:/b"}, True),
    ("HostConfig.Binds", {"has": "/a"}, False), ("HostConfig.Binds", {"mentions": "/A"}, True),
    ("HostConfig.Empty", {"has": "x"}, False), ("HostConfig.Empty", {"in": [None, 0]}, True),
    ("HostConfig.Memory", {"above": 4}, True), ("HostConfig.Memory", {"above": 5}, False),
    ("Nothing", {"not": 1}, False), ("Nothing", {"lacks": 1}, False), ("Nothing", {"in": [None]}, False),
    ("Mounts", {"has": {"Source": "/a"}}, True), ("Mounts", {"has": {"Source": "/b"}}, False),
    ("Mounts.0.Source", "/a", True), ("Mounts.1.Source", "/a", False), ("Mounts", [{"Source": "/a"}], True),
    ("Labels", {"has": {"a.b": "c"}}, True), ("Labels", {"lacks": {"a.b": "c"}}, False),
    ("Labels", {"lacks": {"x": "c"}}, True),
])  # fmt: skip
def test_question_matches(path, wanted, expected):
    assert matches(at(SHOWN, path), wanted) is expected


def test_words_are_filled_in_and_other_braces_stay():
    value = filled({"{a}": ['{"x":{a}}', "{b.c}", "{unknown}"]}, {"a": 1, "b.c": "d"})
    assert value == {"1": ['{"x":1}', "d", "{unknown}"]}


@pytest.mark.parametrize("data_, count", [
    (b"", 0), (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nO", 0), (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", 1),
    (b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 2),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 1), (b"HTTP/1.1 101 UPGRADED\r\n\r\nxyz", 0),
])  # fmt: skip
def test_whole_replies_are_counted(data_, count):
    assert _whole_replies(data_) == count


@pytest.mark.parametrize("raw", [
    {"id": "a", "tries": "A.", "send": "GET /_ping"},  # no question
    {"id": "a", "tries": "A.", "ask": "/info", "status": 200},  # nothing is done
    {"id": "a", "tries": "A.", "send": "GET /_ping", "told": "x", "shwos": {}},  # a key that nobody reads
])  # fmt: skip
def test_bad_data_is_an_error(tmp_path, raw):
    (tmp_path / "x.yaml").write_text(f"title: x\nattempts: [{raw}]\n")
    with pytest.raises(data.BadData):
        data.load(tmp_path)
