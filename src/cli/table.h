// Text in aligned columns, two blanks apart. Everything that goes into a cell is made printable here, so a table cannot
// be used to steer the reader's terminal.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/paper.h"
#include "cli/text.h"

namespace ds01::cli {

enum class Tone { Plain, Head, Free, Held, Busy, Bad, Soft };

// `text` in the colour of its tone, if the paper has colours.
std::string toned(std::string_view text, Tone tone, const Paper& paper);

struct Cell {
  Cell() = default;
  // Not explicit: rows are written as lists of text.
  template <std::convertible_to<std::string_view> Text>
  Cell(const Text& from, Tone with = Tone::Plain)  // NOLINT(google-explicit-constructor)
      : text(printable(from)), tone(with) {}

  std::string text;  // printable
  Tone tone = Tone::Plain;
};

struct Column {
  std::string title;
  bool right = false;
  std::size_t min_width = 0;  // may be cut down to this on a narrow terminal; 0: never cut
  bool optional = false;      // left out, the last such first, where cutting is not enough
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // Missing cells at the end are empty; there must not be more than columns.
  void add(std::vector<Cell> row);

  // Lines with their newlines, the titles first. A column without any text in its cells is left out.
  std::string render(const Paper& paper) const;

 private:
  struct Layout {
    std::vector<std::size_t> shown;   // columns with text
    std::vector<std::size_t> widths;  // of those
  };
  Layout layout(const Paper& paper) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace ds01::cli
