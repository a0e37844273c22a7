#include "config/yaml/document.h"

#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace ds01::config::yaml {
namespace {

constexpr std::size_t kDeepest = 32;
constexpr std::size_t kMostNodes = 50'000;

Position positionOf(const YAML::Mark& mark) {
  return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1};
}

// Builds the tree from the parser's events. Throws YAML::ParserException for what we refuse: it unwinds the parser's
// own recursion before its depth can matter, and takes the same way as the parser's errors.
class Builder : public YAML::EventHandler {
 public:
  Node take() { return std::move(root_); }
  // Where the last scalar that is not plain began, as the parser counts bytes.
  const YAML::Mark& lastQuoted() const { return last_quoted_; }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuseAnchor(mark, anchor);
    add({.kind = Node::Kind::Null, .text = {}, .quoted = false, .at = positionOf(mark), .items = {}}, mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    throw YAML::ParserException(mark, "aliases (*name) are not supported; write the value out");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuseAnchor(mark, anchor);
    refuseTag(mark, tag);
    if (tag == "!") last_quoted_ = mark;
    add({.kind = Node::Kind::Scalar, .text = value, .quoted = tag == "!", .at = positionOf(mark), .items = {}}, mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::Sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::Map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  static void refuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) throw YAML::ParserException(mark, "anchors (&name) are not supported");
  }

  // The parser reports "?" and "!" for values without a tag, plain and quoted.
  static void refuseTag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw YAML::ParserException(mark, fmt::format("tags are not supported, found {}", tag));
    }
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuseAnchor(mark, anchor);
    refuseTag(mark, tag);
    if (open_.size() >= kDeepest) throw YAML::ParserException(mark, fmt::format("is nested over {} deep", kDeepest));
    count(mark);
    open_.push_back({.kind = kind, .text = {}, .quoted = false, .at = positionOf(mark), .items = {}});
  }

  void close() {
    Node done = std::move(open_.back());
    open_.pop_back();
    place(std::move(done));
  }

  void add(Node node, const YAML::Mark& mark) {
    count(mark);
    place(std::move(node));
  }

  void place(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else {
      open_.back().items.push_back(std::move(node));
    }
  }

  void count(const YAML::Mark& mark) {
    if (++nodes_ > kMostNodes) throw YAML::ParserException(mark, fmt::format("has more than {} values", kMostNodes));
  }

  Node root_;
  std::vector<Node> open_;  // the path from the root to where the parser is
  YAML::Mark last_quoted_;
  std::size_t nodes_ = 0;
};

// The parser takes the byte 4 for the end of the file, NUL for a sign of UTF-16, and lets most others through.
std::optional<Position> controlCharacter(std::string_view text) {
  Position at{1, 1};
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < ' ' && c != '\n' && c != '\t' && c != '\r') || byte == 0x7f || byte == 0xfe || byte == 0xff) return at;
    if (c == '\n') {
      at = {at.line + 1, 1};
    } else {
      ++at.column;
    }
  }
  return std::nullopt;
}

// The parser takes the end of the file for a closing quote if a line end stands before it. Such a text is always the
// file's last value. `from` is where it begins; what does not begin with a quote (a block scalar) is closed.
bool closed(std::string_view text, std::size_t from) {
  if (from >= text.size() || (text[from] != '"' && text[from] != '\'')) return true;
  const char quote = text[from];
  for (std::size_t i = from + 1; i < text.size(); ++i) {
    const bool escape = quote == '"' ? text[i] == '\\' : text.substr(i, 2) == "''";
    if (escape) {
      ++i;
    } else if (text[i] == quote) {
      return true;
    }
  }
  return false;
}

std::unexpected<Diagnostic> refused(const std::string& file, Position at, std::string message) {
  return std::unexpected(Diagnostic{.severity = Severity::Error,
                                    .file = file,
                                    .line = at.line,
                                    .column = at.column,
                                    .key = {},
                                    .message = std::move(message)});
}

}  // namespace

std::expected<Node, Diagnostic> parse(std::string_view text, const std::string& file) {
  if (const std::optional<Position> at = controlCharacter(text)) {
    return refused(file, *at, "has a character that cannot stand in a text file in UTF-8");
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder first;
    if (!parser.HandleNextDocument(first)) return Node{};
    Builder second;
    if (parser.HandleNextDocument(second)) {
      const Node extra = second.take();
      return refused(file, extra.at, "has a second document; expected one");
    }
    if (!closed(text, static_cast<std::size_t>(first.lastQuoted().pos))) {
      return refused(file, positionOf(first.lastQuoted()), "has a quote that is never closed");
    }
    return first.take();
  } catch (const YAML::Exception& error) {
    return refused(file, positionOf(error.mark), fmt::format("is not valid YAML here: {}", error.msg));
  } catch (const std::exception& error) {
    return refused(file, {}, fmt::format("cannot be parsed: {}", error.what()));
  }
}

}  // namespace ds01::config::yaml
