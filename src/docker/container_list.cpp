#include "docker/container_list.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

namespace ds01::docker {

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kIdDigits = 64;

bool isOurs(std::string_view label) {
  return label.starts_with("ds01.") && !label.starts_with("ds01.request.");
}

Error malformed(std::string_view why) {
  return {ErrorCode::Malformed, fmt::format("the Engine's container list: {}", why)};
}

// [ {"Id": …, "Labels": {…}, …}, … ]: the list is at depth 1, a container at 2, its labels at 3.
class Handler {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
  using error_code = boost::system::error_code;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& ec) {
    if (depth_ == 0) return stop(ec, "not an array");
    if (depth_ == 1) containers.emplace_back();
    in_labels_ = depth_ == 2 && field_ == "Labels";
    ++depth_;
    return true;
  }
  bool on_object_end(std::size_t, error_code& ec) {
    --depth_;
    if (depth_ == 2) in_labels_ = false;
    return depth_ != 1 || isFullId(containers.back().id.str()) || stop(ec, "an item without a full Id");
  }
  bool on_array_begin(error_code& ec) {
    if (depth_ == 1) return stop(ec, "an item that is no object");
    ++depth_;
    return true;
  }
  bool on_array_end(std::size_t, error_code&) {
    --depth_;
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, error_code&) { return keep(part, depth_ == 2 || isLabel()); }
  bool on_key(json::string_view part, std::size_t, error_code&) {
    keep(part, depth_ == 2 || isLabel());
    if (depth_ == 2) field_ = std::exchange(text_, {});
    if (isLabel()) label_ = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, error_code& ec) {
    return isItem(ec) && keep(part, isId() || (isLabel() && isOurs(label_)));
  }
  bool on_string(json::string_view part, std::size_t, error_code& ec) {
    if (!on_string_part(part, 0, ec)) return false;
    if (isId()) containers.back().id = ContainerId(std::exchange(text_, {}));
    if (isLabel() && isOurs(label_)) containers.back().labels[label_] = std::exchange(text_, {});
    return true;
  }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, error_code& ec) { return isItem(ec); }
  bool on_uint64(std::uint64_t, json::string_view, error_code& ec) { return isItem(ec); }
  bool on_double(double, json::string_view, error_code& ec) { return isItem(ec); }
  bool on_bool(bool, error_code& ec) { return isItem(ec); }
  bool on_null(error_code& ec) { return depth_ == 0 || isItem(ec); }  // null alone: Go's nil slice
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }

  std::vector<ContainerSummary> containers;
  std::string refusal;  // set whenever the handler stopped the parser

 private:
  bool isLabel() const { return in_labels_ && depth_ == 3; }
  bool isId() const { return depth_ == 2 && field_ == "Id"; }
  bool isItem(error_code& ec) { return depth_ >= 2 || stop(ec, "an item that is no object"); }

  bool keep(json::string_view part, bool wanted) {
    if (wanted) text_.append(part.data(), part.size());
    return true;
  }
  bool stop(error_code& ec, std::string why) {
    refusal = std::move(why);
    ec = boost::system::errc::make_error_code(boost::system::errc::bad_message);
    return false;
  }

  std::size_t depth_ = 0;
  bool in_labels_ = false;
  std::string field_;  // of the container that is being read
  std::string label_;
  std::string text_;  // pieces of the key or string that is being read
};

json::parse_options limits() {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  return options;
}

}  // namespace

bool isFullId(std::string_view id) {
  return id.size() == kIdDigits && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

struct ContainerListReader::Parsing {
  json::basic_parser<Handler> parser{limits()};

  Status write(bool more, std::string_view bytes) {
    boost::system::error_code ec;
    const std::size_t read = parser.write_some(more, bytes.data(), bytes.size(), ec);
    if (!parser.handler().refusal.empty()) return fail(malformed(parser.handler().refusal));
    if (ec) return fail(malformed(ec.message()));
    const bool blank = bytes.find_first_not_of(" \t\r\n", read) == std::string_view::npos;
    return blank ? Status{} : fail(malformed("something follows it"));
  }
};

ContainerListReader::ContainerListReader() : parsing_(std::make_unique<Parsing>()) {}
ContainerListReader::~ContainerListReader() = default;

Status ContainerListReader::feed(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (!parsing_->parser.done()) return parsing_->write(true, bytes);
  const bool blank = bytes.find_first_not_of(" \t\r\n") == std::string_view::npos;
  return blank ? Status{} : fail(malformed("something follows it"));
}

Result<std::vector<ContainerSummary>> ContainerListReader::finish() {
  if (!parsing_->parser.done()) {
    if (const Status ended = parsing_->write(false, {}); !ended) return fail(ended.error());
  }
  return std::move(parsing_->parser.handler().containers);
}

}  // namespace ds01::docker
