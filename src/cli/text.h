// Pieces of text for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/units.h"
#include "cli/paper.h"

namespace ds01::cli {

// `text` from elsewhere (logins, container names, the daemon's sentences) made safe to print: what steers a terminal or
// is not UTF-8 is shown as \x1b or \u202e.
std::string printable(std::string_view text);

// Columns that `text`, already printable, takes on a terminal: 2 for wide East Asian characters and emoji, 0 for
// combining marks.
std::size_t displayWidth(std::string_view text);

// The start of `text` that fits into `width` columns, its last one being `mark` if something was cut off.
std::string cutTo(std::string_view text, std::size_t width, std::string_view mark);

// "3 min", "2 h 10 min", "5 d": the two biggest units while they say something. Negative ones count as zero.
std::string duration(std::chrono::microseconds length);

// "3 min ago"; "just now" below two seconds.
std::string ago(TimePoint at, TimePoint now);

// "2026-11-23 14:02" in the reader's time zone.
std::string localTime(TimePoint at, const Paper& paper);

// "14:02:07" in the reader's time zone.
std::string localSeconds(TimePoint at, const Paper& paper);

// `text`, already printable, broken between words so that no line is wider than `width` (0: never). It begins in
// `column`; the lines that follow are indented to there, or to `indent`. A word that is too long stays whole.
std::string wrapped(std::string_view text, std::size_t width, std::size_t column,
                    std::optional<std::size_t> indent = {});

// The known word that differs in at most two letters; empty if none does.
std::string nearest(std::string_view word, std::span<const std::string_view> known);

// "1.29": two decimals at most; what would round to nothing is "<0.01".
std::string shortGpus(GpuEq amount);

// "1 GPU", "4 GPUs"; plural is the singular with an s.
std::string counted(std::size_t count, std::string_view noun);

// The driver's model without the maker's name in front: "A100-SXM4-80GB".
std::string_view shortModel(std::string_view model);

}  // namespace ds01::cli
