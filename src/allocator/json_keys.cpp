#include "allocator/json_keys.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/system/error_code.hpp>

namespace ds01::allocator {
namespace {

using boost::json::string_view;
using boost::system::error_code;

// The callbacks that boost::json::basic_parser wants of its handler; false stops the parser.
struct KeyWatch {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  std::vector<std::set<std::string>> open_objects;
  std::string key;  // its parts so far
  std::optional<std::string> duplicate;

  bool on_object_begin(error_code&) { return open_objects.emplace_back(), true; }
  bool on_object_end(std::size_t, error_code&) { return open_objects.pop_back(), true; }
  bool on_key_part(string_view part, std::size_t, error_code&) { return key.append(part.data(), part.size()), true; }
  bool on_key(string_view part, std::size_t, error_code& error) {
    key.append(part.data(), part.size());
    if (!open_objects.back().insert(key).second) {
      duplicate = key;
      error = boost::system::errc::make_error_code(boost::system::errc::invalid_argument);
      return false;
    }
    key.clear();
    return true;
  }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_string_part(string_view, std::size_t, error_code&) { return true; }
  bool on_string(string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, string_view, error_code&) { return true; }
  bool on_double(double, string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
};

}  // namespace

std::optional<std::string> duplicateKey(std::string_view text) {
  boost::json::basic_parser<KeyWatch> parser(boost::json::parse_options{});
  error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  return parser.handler().duplicate;
}

}  // namespace ds01::allocator
