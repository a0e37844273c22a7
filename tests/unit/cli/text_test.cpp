#include "cli/text.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace ds01::cli {
namespace {

using namespace std::chrono_literals;
using namespace test;

TEST(PrintableTest, ShowsWhatSteersATerminal) {
  EXPECT_EQ(printable("plain Zoë 李 😀 \\"), "plain Zoë 李 😀 \\");
  EXPECT_EQ(printable("\x1b[31mred\r\n\t\b\x7f"), "\\x1b[31mred\\x0d\\x0a\\x09\\x08\\x7f");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\x9b31m");  // CSI in UTF-8
  EXPECT_EQ(printable("\x9B"
                      "31m"),
            "\\x9b31m");  // CSI as a bare byte
  EXPECT_EQ(printable("\xE2\x80\xAE"
                      "cod"),
            "\\u202ecod");  // right-to-left override
  EXPECT_EQ(printable("\xC0\xAF\xED\xA0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80");
}

TEST(DisplayWidthTest, CountsColumns) {
  EXPECT_EQ(displayWidth(""), 0U);
  EXPECT_EQ(displayWidth("abc"), 3U);
  EXPECT_EQ(displayWidth("Zoë"), 3U);
  EXPECT_EQ(displayWidth("e\xCC\x81"), 1U);
  EXPECT_EQ(displayWidth("李明"), 4U);
  EXPECT_EQ(displayWidth("한"), 2U);
  EXPECT_EQ(displayWidth("😀"), 2U);
  EXPECT_EQ(displayWidth("█░●○◐✕…"), 7U);
}

TEST(CutToTest, KeepsCharactersWhole) {
  EXPECT_EQ(cutTo("abcdef", 6, "…"), "abcdef");
  EXPECT_EQ(cutTo("abcdef", 5, "…"), "abcd…");
  EXPECT_EQ(cutTo("李明李", 4, "…"), "李…");
  EXPECT_EQ(cutTo("李明", 1, "~"), "~");
  EXPECT_EQ(cutTo("ab", 0, "~"), "");
}

TEST(DurationTest, UsesTheTwoBiggestUnits) {
  EXPECT_EQ(duration(-5s), "0 s");
  EXPECT_EQ(duration(59999ms), "59 s");
  EXPECT_EQ(duration(60s), "1 min");
  EXPECT_EQ(duration(3599s), "59 min");
  EXPECT_EQ(duration(1h), "1 h");
  EXPECT_EQ(duration(23h + 59min), "23 h 59 min");
  EXPECT_EQ(duration(24h), "1 d");
  EXPECT_EQ(duration(76h), "3 d 4 h");
  EXPECT_EQ(duration(7 * 24h + 5h), "7 d");
}

TEST(AgoTest, TheFutureIsNow) {
  EXPECT_EQ(ago(now() + 10s, now()), "just now");
  EXPECT_EQ(ago(now() - 1s, now()), "just now");
  EXPECT_EQ(ago(now() - 2s, now()), "2 s ago");
}

TEST(LocalTimeTest, IsInTheReadersZone) {
  Paper paper = plainPaper();
  EXPECT_EQ(localTime(now(), paper), "2026-11-23 14:05");
  paper.utc_offset = [](TimePoint) { return std::chrono::seconds{-14h}; };
  EXPECT_EQ(localTime(now(), paper), "2026-11-22 23:05");
  paper.utc_offset = nullptr;
  EXPECT_EQ(localTime(TimePoint{} - 1us, paper), "1969-12-31 23:59");
}

TEST(ShortGpusTest, HasTwoDecimalsAtMost) {
  EXPECT_EQ(shortGpus({0}), "0");
  EXPECT_EQ(shortGpus({1}), "<0.01");
  EXPECT_EQ(shortGpus({285'714}), "0.29");
  EXPECT_EQ(shortGpus({1'285'714}), "1.29");
  EXPECT_EQ(shortGpus({1'500'000}), "1.5");
  EXPECT_EQ(shortGpus({1'999'999}), "2");
  EXPECT_EQ(shortGpus(GpuEq::whole(16)), "16");
}

TEST(CountedTest, KnowsOneFromMany) {
  EXPECT_EQ(counted(0, "GPU"), "0 GPUs");
  EXPECT_EQ(counted(1, "GPU"), "1 GPU");
  EXPECT_EQ(counted(2, "user"), "2 users");
}

TEST(ShortModelTest, LeavesTheMakerOut) {
  EXPECT_EQ(shortModel("NVIDIA H100 PCIe"), "H100 PCIe");
  EXPECT_EQ(shortModel("Tesla T4"), "Tesla T4");
  EXPECT_EQ(shortModel("NVIDIA "), "NVIDIA ");
}

}  // namespace
}  // namespace ds01::cli
