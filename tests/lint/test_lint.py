"""The checks of tools/lint find what they promise: each case plants one violation in a small tree."""

import subprocess
import sys
from pathlib import Path

import pytest

LINT = Path(__file__).resolve().parents[2] / "tools" / "lint"
sys.path.insert(0, str(LINT))

import check_banned  # noqa: E402
import check_coroutines  # noqa: E402
import check_layers  # noqa: E402
import check_sizes  # noqa: E402
from cpp_source import AllowList, code_only, includes, table_rows  # noqa: E402


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def layers(root, files):
    write(root, files)
    allow = AllowList(root)
    found = check_layers.Checker(root, check_layers.Table(LINT), allow).run()
    return sorted(f.rule for f in found + allow.findings + allow.unused(check_layers.RULES))


def banned(root, files):
    write(root, files)
    allow = AllowList(root)
    rules = check_banned.read_rules(LINT / "banned.txt")
    return [(f.rule, f.line) for f in check_banned.check(root, rules, check_layers.Table(LINT), allow)]


GOOD = {
    "src/base/error.h": "#pragma once\n#include <string>\n",
    "src/model/user.h": '#pragma once\n#include "base/error.h"\n',
    "src/config/compile.cpp": '#include <map>\n#include <fmt/format.h>\n#include "model/user.h"\n',
    "src/config/yaml/reader.cpp": '#include <yaml-cpp/yaml.h>\n#include <fstream>\n#include "config/raw.h"\n',
    "src/net/http.cpp": "#include <sys/socket.h>\n#include <boost/asio/read.hpp>\n#include <boost/beast/http.hpp>\n",
    "src/docker/engine_client.h": "#include <boost/asio/awaitable.hpp>\n",
    "src/daemon/main.cpp": '#include "config/yaml/reader.h"\n#include "docker/uds/client.h"\n#include <spdlog/spdlog.h>\n',
    "tests/unit/config/reader_test.cpp": '#include <gtest/gtest.h>\n#include "config/yaml/reader.h"\n#include "support/t.h"\n',
    "tests/support/t.h": "#pragma once\n",
}


def test_a_good_tree_passes(tmp_path):
    assert layers(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("src/allocator/x.cpp", '#include "config/raw.h"\n', "folder"),  # siblings meet in model
        ("src/admission/x.cpp", '#include "docker/engine_client.h"\n', "folder"),
        ("src/gateway/x.cpp", '#include "docker/uds/client.h"\n', "folder"),  # the real parts belong to daemon
        ("src/newfolder/x.cpp", "#include <string>\n", "folder"),
        ("src/config/newsub/x.cpp", "#include <string>\n", "folder"),
        ("src/config/x.cpp", '#include "raw.h"\n', "include-form"),
        ("src/config/x.cpp", '#include "../model/user.h"\n', "include-form"),
        ("src/config/x.cpp", '#include "fmt/format.h"\n', "include-form"),
        ("src/config/x.cpp", "#include <yaml-cpp/yaml.h>\n", "library"),
        ("src/inventory/sim/x.cpp", "#include <yaml-cpp/yaml.h>\n", "library"),
        ("src/admission/x.cpp", "#include <boost/asio/awaitable.hpp>\n", "library"),
        ("src/docker/x.h", "#include <boost/asio/post.hpp>\n", "library"),  # awaitable only
        ("src/mounts/posix/x.cpp", "#include <boost/beast/http.hpp>\n", "library"),
        ("src/gateway/x.cpp", "#include <CLI/CLI.hpp>\n", "library"),
        ("src/admission/x.cpp", "#include <spdlog/spdlog.h>\n", "library"),
        ("src/daemon/x.cpp", "#include <nlohmann/json.hpp>\n", "library"),
        ("src/allocator/x.cpp", "#include <unistd.h>\n", "system-header"),
        ("src/identity/x.cpp", "  #  include <sys/stat.h>\n", "system-header"),
        ("src/allocator/x.cpp", "#include <mutex>\n", "impure-header"),
        ("src/slices/x.cpp", "#include <fstream>\n", "impure-header"),
        ("src/events/x.cpp", "#include <iostream>\n", "impure-header"),
        ("src/daemon/x.cpp", "#include <gtest/gtest.h>\n", "product-test"),
        ("src/daemon/x.cpp", '#include "support/t.h"\n', "product-test"),
        ("tests/unit/gateway/x_test.cpp", '#include "docker/uds/client.h"\n', "test-layer"),
        ("tests/unit/gateway/x_test.cpp", '#include "nowhere/client.h"\n', "include-form"),
    ],
)
def test_one_violation_is_found(tmp_path, path, text, rule):
    assert layers(tmp_path, GOOD | {path: text}) == [rule]


def test_includes_in_comments_and_in_strings_do_not_count(tmp_path):
    text = '// #include <unistd.h>\n/*\n#include <mutex>\n*/\nconst char* k = "#include <thread>";\n'
    assert layers(tmp_path, GOOD | {"src/allocator/x.cpp": text}) == []


def test_headers_in_a_circle_are_found(tmp_path):
    files = {
        "src/config/a.h": '#include "config/b.h"\n',
        "src/config/b.h": '#include "config/c.h"\n',
        "src/config/c.h": '#include "config/a.h"\n',
    }
    assert layers(tmp_path, GOOD | files) == ["cycle"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/base/x.h", '#include "model/user.h"\n'),  # upward
        ("src/config/x.cpp", '#include "config/yaml/reader.h"\n'),  # the pure half knows no reader
    ],
)
def test_folders_in_a_circle_are_found(tmp_path, path, text):
    # The table alone forbids it; that they now form a circle is said too.
    assert layers(tmp_path, GOOD | {path: text}) == ["cycle", "folder"]


def test_an_exception_needs_a_reason_and_a_use(tmp_path):
    bad = {"src/allocator/x.cpp": "#include <mutex>\n"}
    row = "src/allocator/x.cpp | impure-header | "
    assert layers(tmp_path, GOOD | bad | {AllowList.NAME: row + "measured: the lock is needed here\n"}) == []
    assert layers(tmp_path, {AllowList.NAME: row + "why not\n"}) == ["allow"]
    assert layers(tmp_path, {"src/allocator/x.cpp": "", AllowList.NAME: row + "measured: needed here\n"}) == ["allow"]


def test_a_table_with_an_unknown_name_is_found(tmp_path):
    write(tmp_path, {"layers.txt": "base | pure | modle | fmt\n", "libraries.txt": "fmt | fmt/\n"})
    assert [f.text for f in check_layers.Table(tmp_path).findings] == ["unknown: modle"]
    write(tmp_path, {"layers.txt": "base | pure | -\n"})
    with pytest.raises(ValueError, match="4 expected"):
        check_layers.Table(tmp_path)


@pytest.mark.parametrize(
    ("path", "line", "rule"),
    [
        ("src/gateway/x.cpp", "auto t = std::chrono::steady_clock::now();", "clock"),
        ("tests/unit/net/x_test.cpp", "auto t = std::chrono::system_clock::now();", "clock"),
        ("src/events/jsonl/x.cpp", "time_t t = time(nullptr);", "clock"),
        ("tests/unit/net/x_test.cpp", "std::this_thread::sleep_for(1ms);", "sleep"),
        ("src/net/x.cpp", "::usleep(10);", "sleep"),
        ("src/daemon/x.cpp", "getpwnam_r(a, b, c, d, e);", "userdb"),
        ("src/gateway/x.cpp", 'std::getenv("HOME");', "environment"),
        ("src/config/x.cpp", 'throw std::runtime_error("x");', "throw"),
        ("src/admission/x.cpp", 'std::regex r("a");', "regex"),
        ("src/daemon/x.cpp", 'std::system("ls");', "shell"),
        ("src/daemon/x.cpp", 'popen("ls", "r");', "shell"),
        ("src/daemon/x.cpp", "strcpy(a, b);", "cstring"),
        ("src/daemon/x.cpp", "std::atoi(a);", "cstring"),
        ("src/gateway/x.cpp", "std::abort();", "exit"),
        ("src/gateway/x.cpp", "thread.detach();", "detach"),
        ("src/gateway/x.cpp", "delete pointer;", "raw-delete"),
        ("src/gateway/x.h", "using namespace std;", "using"),
        ("tests/support/x.h", "  using namespace std;", "using"),
        ("src/allocator/x.cpp", 'fmt::print("x");', "stdout"),
        ("src/allocator/x.cpp", "int x;  // TODO later", "unfinished"),
    ],
)
def test_one_banned_call_is_found(tmp_path, path, line, rule):
    assert banned(tmp_path, {path: "int a;\n" + line + "\n"}) == [(rule, 2)]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("src/net/real_clock.cpp", "return std::chrono::system_clock::now();"),
        ("src/identity/posix/nss.cpp", "getpwuid_r(a, b, c, d, e);"),
        ("src/cli/main.cpp", 'std::getenv("NO_COLOR");'),
        ("src/net/blocking_pool.cpp", "thread.detach();"),
        ("src/net/x.cpp", "boost::system::error_code ec;"),
        ("src/net/x.cpp", "X& operator=(const X&) = delete;"),
        ("src/net/x.cpp", "// Never throw here, never sleep_for(1)"),
        ("src/net/x.cpp", 'auto s = "system(1); throw 2; delete x;";'),
        ("src/net/x.cpp", "timer.async_wait(); clock.now(); lease.exit();"),
        ("src/net/x.cpp", 'constexpr int kBig = 1\'000\'000; auto s = "delete x";'),
        ("src/daemon/main.cpp", "using namespace std::chrono_literals;"),
        ("src/cli/x.cpp", 'fmt::print("x");'),
        ("tests/unit/net/x_test.cpp", 'throw std::runtime_error("planted");'),
    ],
)
def test_what_is_allowed_passes(tmp_path, path, line):
    assert banned(tmp_path, {path: line + "\n"}) == []


def test_raw_strings_are_blanked_and_lines_keep_their_numbers(tmp_path):
    text = 'auto a = R"x(\nthrow 1; " )"\n)x";\nthrow 2;\n'
    assert banned(tmp_path, {"src/net/x.cpp": text}) == [("throw", 4)]
    assert code_only(text).count("\n") == text.count("\n")


def test_include_lines_are_read_with_their_form_and_number():
    found = includes('#include <a/b.hpp>\n\n#  include "c/d.h" // why\n')
    assert [(i.line, i.path, i.quoted) for i in found] == [(1, "a/b.hpp", False), (3, "c/d.h", True)]


def test_a_doubled_bar_is_a_bar(tmp_path):
    write(tmp_path, {"t.txt": "# c\na | b||c\n"})
    assert table_rows(tmp_path / "t.txt", 2) == [(2, ["a", "b|c"])]


def test_sizes_warn_at_the_budget_and_fail_at_twice_it(tmp_path):
    write(
        tmp_path,
        {
            "src/net/ok.cpp": "\n" * check_sizes.BUDGET_SOURCE,
            "src/net/long.cpp": "\n" * (check_sizes.BUDGET_SOURCE + 1),
            "src/net/huge.h": "\n" * (2 * check_sizes.BUDGET_HEADER),
            "tests/unit/net/long_test.cpp": "\n" * (2 * check_sizes.BUDGET_TEST - 1),
        },
    )
    warnings, findings = check_sizes.check_sizes(tmp_path, AllowList(tmp_path))
    assert sorted(w.path for w in warnings) == ["src/net/long.cpp", "tests/unit/net/long_test.cpp"]
    assert [f.path for f in findings] == ["src/net/huge.h"]


def test_a_header_that_cmake_does_not_name_is_found(tmp_path):
    write(
        tmp_path,
        {
            "src/net/CMakeLists.txt": "ds01_library(ds01_net HEADERS http.h\n client.h)\n",
            "src/net/http.h": "",
            "src/net/client.h": "",
            "src/net/http_client.h": "",
        },
    )
    assert [f.path for f in check_sizes.check_listed(tmp_path, AllowList(tmp_path))] == ["src/net/http_client.h"]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("co_await f([&] { return 1; });", ["a lambda"]),
        ("co_await f(a, [x](int y) mutable -> int { return y; }, b);", ["a lambda"]),
        ("const auto r = co_await [&]() -> awaitable<int> { co_return 1; }();", ["a lambda"]),
        ("co_return co_await f(Request{.path = p});", ["a braced initialiser"]),
        ("if (!(co_await f({1, 2}, {}))) co_return;", ["a braced initialiser", "a braced initialiser"]),
        ("co_await f(g(std::string{text}));", ["a braced initialiser"]),
        ("co_await f(\n    a,\n    {b});", ["a braced initialiser"]),
        ("co_await f([] { co_await g({}); });", ["a lambda", "a braced initialiser"]),
        ("auto x = a ? co_await f() : b;", ["an operand of ? :"]),
        ("auto x = a ? b : co_await f();", ["an operand of ? :"]),
    ],
)
def test_temporaries_that_wait_are_found(code, what):
    assert [found for _, found in check_coroutines.temporaries(code_only(code))] == what


@pytest.mark.parametrize(
    "code",
    [
        "co_await f(std::move(x), y[0], args[i](z));",
        "const Request r{.path = p}; co_await f(r);",
        "spawn(executor, [&]() -> awaitable<void> { co_await f(x); }, detached);",
        "if (co_await f(x)) { g({1}); }",
        "while (co_await next()) { h([] { return 1; }); }",
        "const bool ok = co_await f(x), other{true};",
        "for (int i : list(co_await f(x))) { g({i}); }",
        "// co_await f({})\n",
        'log("co_await f({})");',
        "const int x = a ? 1 : 2; co_await f();",
        "switch (a ? 1 : 2) { case A: co_await f(); }",
        "co_awaited f({});",
    ],
)
def test_named_arguments_of_co_await_pass(code):
    assert check_coroutines.temporaries(code_only(code)) == []


def test_a_temporary_is_reported_at_its_line(tmp_path):
    write(tmp_path, {"src/net/x.cpp": "void f() {\n  co_await g(\n      {1});\n}\n"})
    assert [(f.path, f.line) for f in check_coroutines.check(tmp_path, AllowList(tmp_path))] == [("src/net/x.cpp", 3)]


@pytest.mark.parametrize("name", ["check_layers.py", "check_banned.py", "check_sizes.py"])
def test_the_scripts_exit_with_the_result(tmp_path, name):
    write(tmp_path, {"src/allocator/x.cpp": "#include <mutex>\nthrow 1;\n" + "\n" * 1000})
    run = subprocess.run([sys.executable, LINT / name, "--root", tmp_path], capture_output=True, text=True, check=False)
    assert run.returncode == 1 and "src/allocator/x.cpp" in run.stdout
    (tmp_path / "src/allocator/x.cpp").write_text("int x;\n", encoding="utf-8")
    run = subprocess.run([sys.executable, LINT / name, "--root", tmp_path], capture_output=True, text=True, check=False)
    assert run.returncode == 0 and "0 findings" in run.stdout
