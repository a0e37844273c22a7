#include "control/json_text.h"

#include <cmath>
#include <iterator>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "base/utf8.h"
#include "control/terminal.h"

namespace ds01::control {
namespace {

class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  void write(const boost::json::value& value) {
    switch (value.kind()) {
      case boost::json::kind::null:
        out_ += "null";
        break;
      case boost::json::kind::bool_:
        out_ += value.get_bool() ? "true" : "false";
        break;
      case boost::json::kind::int64:
        fmt::format_to(std::back_inserter(out_), "{}", value.get_int64());
        break;
      case boost::json::kind::uint64:
        fmt::format_to(std::back_inserter(out_), "{}", value.get_uint64());
        break;
      case boost::json::kind::double_:
        writeDouble(value.get_double());
        break;
      case boost::json::kind::string:
        writeString(value.get_string());
        break;
      case boost::json::kind::array:
        writeArray(value.get_array());
        break;
      case boost::json::kind::object:
        writeObject(value.get_object());
        break;
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void writeDouble(double number) {
    // JSON has no infinities and no NaN.
    out_ += std::isfinite(number) ? fmt::format("{}", number) : "null";
  }

  void writeString(std::string_view text) {
    out_ += '"';
    while (!text.empty()) {
      const CodePoint next = firstCodePoint(text);
      const std::string_view bytes = text.substr(0, next.length);
      text.remove_prefix(next.length);
      if (!next.valid) {
        out_ += "\xEF\xBF\xBD";
      } else if (next.value == '"' || next.value == '\\') {
        out_ += '\\';
        out_ += bytes;
      } else if (steersTerminal(next.value)) {
        fmt::format_to(std::back_inserter(out_), "\\u{:04x}", static_cast<unsigned>(next.value));
      } else {
        out_ += bytes;
      }
    }
    out_ += '"';
  }

  void writeArray(const boost::json::array& array) {
    list('[', ']', array, [this](const boost::json::value& item) { write(item); });
  }

  void writeObject(const boost::json::object& object) {
    list('{', '}', object, [this](const boost::json::key_value_pair& member) {
      writeString(member.key());
      out_ += indent_ > 0 ? ": " : ":";
      write(member.value());
    });
  }

  template <typename Container, typename WriteItem>
  void list(char open, char close, const Container& items, WriteItem write_item) {
    out_ += open;
    ++depth_;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += ',';
      first = false;
      newLine();
      write_item(item);
    }
    --depth_;
    if (!first) newLine();
    out_ += close;
  }

  void newLine() {
    if (indent_ <= 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(indent_) * depth_, ' ');
  }

  int indent_;
  std::size_t depth_ = 0;
  std::string out_;
};

}  // namespace

std::string jsonText(const boost::json::value& value, int indent) {
  Writer writer(indent);
  writer.write(value);
  return writer.take();
}

}  // namespace ds01::control
