#include "admission/json_guard.h"

#include <bitset>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "admission/body_schema.h"
#include "admission/json_access.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxBody = 4U << 20;
constexpr std::size_t kMaxDepth = 64;

// Boost grows an object or list by half each time, and hashes all keys of the object anew.
template <typename Container>
void makeRoom(Container& container) {
  static constexpr std::size_t kMany = 64;
  static constexpr std::size_t kGrowth = 4;
  if (container.size() == container.capacity() && container.size() >= kMany) {
    container.reserve(kGrowth * container.size());
  }
}

// Builds the value while the parser runs and stops it at the first thing that Go would read differently. One object or
// list that is still open is one Frame. A body has room for a million values, so what is done for each costs little:
// no allocation but for what is kept, one hash per key.
class Handler {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
  using error_code = boost::system::error_code;

  Handler(const SchemaNode& root, const GuardOptions& options) : root_node_(root), options_(options) {}

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& ec) { return open(json::value(json::object_kind), ec); }
  bool on_array_begin(error_code& ec) { return open(json::value(json::array_kind), ec); }
  bool on_object_end(std::size_t, error_code& ec) { return close(ec); }
  bool on_array_end(std::size_t, error_code& ec) { return close(ec); }
  bool on_key_part(json::string_view part, std::size_t, error_code&) { return append(part); }
  bool on_key(json::string_view part, std::size_t, error_code& ec) {
    if (text_.empty()) return key({part.data(), part.size()}, ec);
    append(part);
    const bool good = key(text_, ec);
    text_.clear();
    return good;
  }
  bool on_string_part(json::string_view part, std::size_t, error_code&) { return append(part); }
  bool on_string(json::string_view part, std::size_t, error_code& ec) {
    if (text_.empty()) return scalar(json::value(part), ec);
    append(part);
    const json::string_view whole(text_.data(), text_.size());
    const bool good = scalar(json::value(whole), ec);
    text_.clear();
    return good;
  }
  bool on_number_part(json::string_view part, error_code&) { return append(part); }
  bool on_int64(std::int64_t number, json::string_view, error_code& ec) {
    text_.clear();
    return scalar(json::value(number), ec);
  }
  bool on_uint64(std::uint64_t number, json::string_view, error_code& ec) {
    text_.clear();
    return scalar(json::value(number), ec);
  }
  bool on_double(double number, json::string_view part, error_code& ec);
  bool on_bool(bool truth, error_code& ec) { return scalar(json::value(truth), ec); }
  bool on_null(error_code& ec) { return scalar(json::value(nullptr), ec); }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }

  std::optional<Denial> denial;  // set whenever the handler stopped the parser
  json::value result;

 private:
  struct Frame {
    const SchemaNode* node = nullptr;  // null: nobody described this value
    bool map = false;                  // keys are data, not fields
    json::value value;
    std::string key;                              // of the member that is being read
    const SchemaNode* member = nullptr;           // what describes that member
    std::optional<std::size_t> at;                // where that member stands already, as null
    std::bitset<SchemaNode::kMostFields> fields;  // of a struct: whose numbers were there
    // The keys that neither `fields` nor `value` remembers: folded (struct) or exact (map) → as written.
    json::object others;
  };

  bool append(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }

  bool stop(error_code& ec, std::string reason, std::string text) {
    denial = malformed(std::move(reason), std::move(text));
    ec = boost::system::errc::make_error_code(boost::system::errc::bad_message);
    return false;
  }

  const SchemaNode* expected() const {
    if (depth_ == 0) return &root_node_;
    const Frame& top = frames_[depth_ - 1];
    if (!top.value.is_array()) return top.member;
    return top.node != nullptr ? top.node->element.get() : nullptr;
  }

  std::string where() const;
  bool open(json::value&& empty, error_code& ec);
  bool close(error_code& ec);
  bool key(std::string_view name, error_code& ec);
  bool mapKey(Frame& frame, std::string_view name, error_code& ec);
  bool structKey(Frame& frame, std::string_view name, error_code& ec);
  bool twice(std::string_view before, std::string_view name, error_code& ec);
  bool scalar(json::value&& value, error_code& ec);
  bool checkType(const SchemaNode* node, const json::value& value, error_code& ec);
  bool finish(json::value&& value, error_code& ec);
  bool staysOut(const SchemaNode& node) const;
  bool keep(const SchemaNode* node, const json::value& value, bool& kept, error_code& ec);

  const SchemaNode& root_node_;  // static data
  const GuardOptions& options_;  // outlives the one guardBody() call that owns this handler
  std::vector<Frame> frames_;    // the first depth_ are open, the others keep their memory for the next
  std::size_t depth_ = 0;
  std::string text_;  // pieces of the key, string or number that is being read
};

// "HostConfig.Mounts[1].Type": the place of the value that is being read.
std::string Handler::where() const {
  std::string path;
  for (std::size_t i = 0; i < depth_; ++i) {
    const Frame& frame = frames_[i];
    if (frame.value.is_array()) {
      path += fmt::format("[{}]", frame.value.get_array().size());
    } else {
      if (!path.empty()) path += '.';
      path += shown(frame.key);
    }
  }
  return path.empty() ? "the body" : path;
}

bool Handler::open(json::value&& empty, error_code& ec) {
  if (depth_ >= kMaxDepth) {
    return stop(ec, "body_depth", fmt::format("the body is nested deeper than {} levels", kMaxDepth));
  }
  const SchemaNode* node = expected();
  if (!checkType(node, empty, ec)) return false;
  if (frames_.size() == depth_) frames_.emplace_back();
  Frame& frame = frames_[depth_++];
  frame.node = node;
  frame.map = node != nullptr && (node->type == FieldType::Map || (node->any != nullptr && node->fields.empty()));
  frame.value = std::move(empty);
  frame.key.clear();
  frame.member = nullptr;
  frame.at.reset();
  frame.fields.reset();
  if (!frame.others.empty()) frame.others = json::object();
  return true;
}

bool Handler::close(error_code& ec) {
  --depth_;
  return finish(std::move(frames_[depth_].value), ec);
}

bool Handler::key(std::string_view name, error_code& ec) {
  Frame& frame = frames_[depth_ - 1];
  frame.key = name;
  frame.at.reset();
  if (name.find('\0') != std::string_view::npos) {
    return stop(ec, "body_nul", fmt::format("the key {} holds a NUL character", shown(name)));
  }
  return frame.map ? mapKey(frame, name, ec) : structKey(frame, name, ec);
}

bool Handler::twice(std::string_view before, std::string_view name, error_code& ec) {
  if (before == name) {
    return stop(ec, "duplicate_field", fmt::format("the field {} stands there twice", where()));
  }
  return stop(ec, "field_spelling",
              fmt::format("the field {} stands there twice, as {} and as {}, which Docker takes for one", where(),
                          shown(before), shown(name)));
}

bool Handler::mapKey(Frame& frame, std::string_view name, error_code& ec) {
  frame.member = frame.node->any.get();
  const bool remembered = frame.member == nullptr || !staysOut(*frame.member);
  json::object& keys = remembered ? frame.value.get_object() : frame.others;
  makeRoom(keys);
  const auto [place, is_new] = keys.emplace(name, nullptr);
  if (!is_new) return stop(ec, "duplicate_field", fmt::format("the key {} stands there twice", where()));
  if (remembered) frame.at = static_cast<std::size_t>(place - keys.begin());
  return true;
}

bool Handler::structKey(Frame& frame, std::string_view name, error_code& ec) {
  frame.member = frame.node != nullptr ? frame.node->field(name) : nullptr;
  if (frame.member != nullptr) {
    if (frame.fields.test(frame.member->number)) return twice(name, name, ec);
    frame.fields.set(frame.member->number);
    return true;
  }
  const std::string folded = foldKey(name);
  if (frame.node != nullptr) {
    const auto known = frame.node->folded.find(folded);
    if (known != frame.node->folded.end()) {
      if (frame.fields.test(frame.node->field(known->second)->number)) return twice(known->second, name, ec);
      return stop(ec, "field_spelling",
                  fmt::format("the field {} must be spelled {}, not {}", where(), known->second, shown(name)));
    }
  }
  makeRoom(frame.others);
  const auto [before, is_new] = frame.others.emplace(folded, name);
  if (!is_new) return twice(view(before->value().get_string()), name, ec);
  if (options_.admin) return true;
  if (frame.node != nullptr && frame.node->any != nullptr) {
    frame.member = frame.node->any.get();
    return true;
  }
  return stop(ec, "unknown_field", fmt::format("the field {} is in no published version of the Docker API", where()));
}

bool Handler::on_double(double number, json::string_view part, error_code& ec) {
  append(part);
  const std::string text = std::exchange(text_, {});
  if (text.find_first_of(".eE") == std::string::npos) {
    return stop(ec, "number_range", fmt::format("{}: the number {} does not fit 64 bits", where(), shown(text)));
  }
  if (number > std::numeric_limits<double>::max() || number < std::numeric_limits<double>::lowest()) {
    return stop(ec, "number_range", fmt::format("{}: the number {} is too large", where(), shown(text)));
  }
  return scalar(json::value(number), ec);
}

bool Handler::scalar(json::value&& value, error_code& ec) {
  if (value.is_string() && view(value.get_string()).find('\0') != std::string_view::npos) {
    return stop(ec, "body_nul", fmt::format("{} holds a NUL character", where()));
  }
  return checkType(expected(), value, ec) && finish(std::move(value), ec);
}

bool Handler::checkType(const SchemaNode* node, const json::value& value, error_code& ec) {
  // Go leaves a field as it is when it reads null.
  if (node == nullptr || value.is_null()) return true;
  bool fits = true;
  switch (node->type) {
    case FieldType::Any:
      break;
    case FieldType::Boolean:
      fits = value.is_bool();
      break;
    case FieldType::Integer:
      if (value.is_uint64()) {
        return stop(ec, "number_range", fmt::format("{}: the number {} is too large", where(), value.get_uint64()));
      }
      fits = value.is_int64();
      break;
    case FieldType::Number:
      fits = value.is_number();
      break;
    case FieldType::String:
      fits = value.is_string();
      break;
    case FieldType::Array:
      fits = value.is_array();
      break;
    case FieldType::Object:
    case FieldType::Map:
      fits = value.is_object();
      break;
    case FieldType::StringOrArray:
      fits = value.is_string() || value.is_array();
      break;
  }
  return fits || stop(ec, "field_type", fmt::format("{} must be {}", where(), toString(node->type)));
}

bool Handler::finish(json::value&& value, error_code& ec) {
  if (depth_ == 0) {
    result = std::move(value);
    return true;
  }
  bool kept = true;
  if (!keep(expected(), value, kept, ec)) return false;
  Frame& top = frames_[depth_ - 1];
  if (top.value.is_array()) {
    json::array& list = top.value.get_array();
    makeRoom(list);
    list.push_back(std::move(value));
  } else if (top.at) {
    top.value.get_object().begin()[static_cast<std::ptrdiff_t>(*top.at)].value() = std::move(value);
  } else if (kept) {
    top.value.get_object().emplace(top.key, std::move(value));
  }
  return true;
}

// True: what `node` describes is not sent on, whatever it holds.
bool Handler::staysOut(const SchemaNode& node) const {
  return node.rule != FieldRule::Since || node.since > options_.engine;
}

// Whether a complete value stays in the body under the rule of its field.
bool Handler::keep(const SchemaNode* node, const json::value& value, bool& kept, error_code& ec) {
  if (node == nullptr) return true;
  switch (node->rule) {
    case FieldRule::Drop:
      kept = false;
      return true;
    case FieldRule::Zero:
      kept = false;
      return zeroLike(value) || stop(ec, "field_refused", fmt::format("the field {} cannot be set here", where()));
    case FieldRule::Since:
      break;
  }
  kept = !staysOut(*node);
  return kept || zeroLike(value) ||
         stop(ec, "newer_field",
              fmt::format("the field {} needs version {}.{} of the Docker API; this Engine speaks {}.{}", where(),
                          node->since.major, node->since.minor, options_.engine.major, options_.engine.minor));
}

bool blank(std::string_view bytes) {
  return bytes.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

std::expected<json::object, Denial> guardBody(std::string_view method, std::string_view path, std::string_view bytes,
                                              const GuardOptions& options) {
  const SchemaNode* schema = bodySchema(method, path);
  if (schema == nullptr) {
    return std::unexpected(malformed("body_unexpected", fmt::format("{} {} takes no JSON body", method, path)));
  }
  if (bytes.size() > kMaxBody) {
    return std::unexpected(malformed("body_size", fmt::format("the body is larger than {} MiB", kMaxBody >> 20)));
  }
  if (blank(bytes)) return json::object();

  json::parse_options parse;
  parse.max_depth = kMaxDepth + 1;  // the handler's own limit is reached first and can say where
  json::basic_parser<Handler> parser(parse, *schema, options);
  boost::system::error_code ec;
  const std::size_t read = parser.write_some(false, bytes.data(), bytes.size(), ec);
  Handler& handler = parser.handler();
  if (handler.denial) return std::unexpected(std::move(*handler.denial));
  if (ec) {
    return std::unexpected(
        malformed("body_syntax", fmt::format("the body is not valid JSON at byte {}: {}", read, ec.message())));
  }
  if (!blank(bytes.substr(read))) {
    return std::unexpected(malformed("body_syntax", fmt::format("something follows the JSON body at byte {}", read)));
  }
  if (handler.result.is_null()) return json::object();
  return std::move(handler.result.get_object());
}

}  // namespace ds01::admission
