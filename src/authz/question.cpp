#include "authz/question.h"

#include <cstdint>
#include <limits>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include "authz/ticket.h"

namespace ds01::authz {

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxTextBytes = 1024 * 1024;  // a target; dockerd itself takes heads of a megabyte

// {"RequestMethod": …, "RequestUri": …, "RequestHeaders": {"X-Ds01-Ticket": …, …}, …}
class Handler {
 public:
  // NOLINTBEGIN(readability-identifier-naming): Boost.JSON calls them so
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
  using error_code = boost::system::error_code;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& ec) {
    if (wanted() != nullptr) return stop(ec, "a text is an object");
    in_headers_ = depth_ == 1 && field_ == "RequestHeaders";
    ++depth_;
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    --depth_;
    if (depth_ == 1) in_headers_ = false;
    return true;
  }
  bool on_array_begin(error_code& ec) {
    if (depth_ == 0) return stop(ec, "not an object");
    if (wanted() != nullptr) return stop(ec, "a text is a list");
    ++depth_;
    return true;
  }
  bool on_array_end(std::size_t, error_code&) {
    --depth_;
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, error_code& ec) { return keep(part, isKey(), ec); }
  bool on_key(json::string_view part, std::size_t, error_code& ec) {
    if (!keep(part, isKey(), ec)) return false;
    if (depth_ == 1) field_ = std::exchange(text_, {});
    if (depth_ == 2 && in_headers_) header_ = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, error_code& ec) {
    if (depth_ == 0) return stop(ec, "not an object");
    return keep(part, wanted() != nullptr, ec);
  }
  bool on_string(json::string_view part, std::size_t, error_code& ec) {
    if (!on_string_part(part, 0, ec)) return false;
    std::optional<std::string>* slot = wanted();
    if (slot == nullptr) return true;
    if (slot->has_value()) return stop(ec, "a text stands twice");
    *slot = std::exchange(text_, {});
    return true;
  }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, error_code& ec) { return other(ec); }
  bool on_uint64(std::uint64_t, json::string_view, error_code& ec) { return other(ec); }
  bool on_double(double, json::string_view, error_code& ec) { return other(ec); }
  bool on_bool(bool, error_code& ec) { return other(ec); }
  bool on_null(error_code& ec) { return other(ec); }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
  // NOLINTEND(readability-identifier-naming)

  std::optional<std::string> method;
  std::optional<std::string> target;
  std::optional<std::string> ticket;
  std::string refusal;  // set whenever the handler stopped the parser

 private:
  bool isKey() const { return depth_ == 1 || (depth_ == 2 && in_headers_); }

  // Where the value goes that comes next; nullptr for what is passed over.
  std::optional<std::string>* wanted() {
    if (depth_ == 1 && field_ == "RequestMethod") return &method;
    if (depth_ == 1 && field_ == "RequestUri") return &target;
    if (depth_ == 2 && in_headers_ && header_ == kTicketHeader) return &ticket;
    return nullptr;
  }
  bool other(error_code& ec) {
    if (depth_ == 0) return stop(ec, "not an object");
    return wanted() == nullptr || stop(ec, "a text is none");
  }
  bool keep(json::string_view part, bool wanted, error_code& ec) {
    if (!wanted) return true;
    if (text_.size() + part.size() > kMaxTextBytes) return stop(ec, "a text is longer than a megabyte");
    text_.append(part.data(), part.size());
    return true;
  }
  bool stop(error_code& ec, std::string why) {
    refusal = std::move(why);
    ec = boost::system::errc::make_error_code(boost::system::errc::bad_message);
    return false;
  }

  std::size_t depth_ = 0;
  bool in_headers_ = false;
  std::string field_;   // at depth 1
  std::string header_;  // within RequestHeaders
  std::string text_;    // pieces of the key or string that is being read
};

json::parse_options limits() {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  return options;
}

Error malformed(std::string_view why) {
  return {ErrorCode::Malformed, fmt::format("dockerd's question was not understood: {}", why)};
}

}  // namespace

struct QuestionReader::Parsing {
  json::basic_parser<Handler> parser{limits()};
  std::optional<Error> broken;

  void write(bool more, std::string_view bytes) {
    if (broken) return;
    if (parser.done()) {
      if (bytes.find_first_not_of(" \t\r\n") != std::string_view::npos) broken = malformed("something follows it");
      return;
    }
    boost::system::error_code ec;
    const std::size_t read = parser.write_some(more, bytes.data(), bytes.size(), ec);
    const std::string& refusal = parser.handler().refusal;
    if (!refusal.empty()) {
      broken = malformed(refusal);
    } else if (ec) {
      broken = malformed(ec.message());
    } else if (bytes.find_first_not_of(" \t\r\n", read) != std::string_view::npos) {
      broken = malformed("something follows it");
    }
  }
};

QuestionReader::QuestionReader() : parsing_(std::make_unique<Parsing>()) {}
QuestionReader::~QuestionReader() = default;

void QuestionReader::feed(std::string_view bytes) {
  if (!bytes.empty()) parsing_->write(true, bytes);
}

Result<Question> QuestionReader::finish() {
  parsing_->write(false, {});
  if (parsing_->broken) return fail(*parsing_->broken);
  Handler& handler = parsing_->parser.handler();
  if (!handler.method || handler.method->empty()) return fail(malformed("no RequestMethod"));
  if (!handler.target || handler.target->empty()) return fail(malformed("no RequestUri"));
  return Question{*std::move(handler.method), *std::move(handler.target), std::move(handler.ticket)};
}

}  // namespace ds01::authz
