#include "policy/verdict.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace ds01::policy {

namespace json = boost::json;

namespace {

constexpr std::size_t kLongestReason = 500;  // bytes

// A reason goes into an answer and a log: one line, and not longer than somebody reads.
std::string oneLine(std::string_view text) {
  std::string out(text.substr(0, kLongestReason));
  // Not in the middle of a character.
  if (text.size() > kLongestReason) {
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0U) == 0x80U) out.pop_back();
    if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0U) out.pop_back();
  }
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  while (out.ends_with('.') || out.ends_with(' ')) out.pop_back();
  return out;
}

std::string textAt(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? oneLine(value->get_string()) : std::string();
}

}  // namespace

Result<Answer> decodeAnswer(std::string_view body) {
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  const json::object* const whole = error ? nullptr : value.if_object();
  if (whole == nullptr) return fail(ErrorCode::Malformed, "the policy server's answer is not a JSON object");
  Answer answer;
  answer.decision = textAt(*whole, "decision_id");
  const json::value* const result = whole->if_contains("result");
  if (result == nullptr) {
    return fail(ErrorCode::Malformed, "the policy server has no answer: the policy is not loaded, or it has an error");
  }
  if (result->is_bool()) {
    answer.verdict = result->get_bool() ? Verdict::Allow : Verdict::Deny;
    return answer;
  }
  const json::object* const object = result->if_object();
  const json::value* const verdict = object != nullptr ? object->if_contains("verdict") : nullptr;
  const std::string_view text =
      verdict != nullptr && verdict->is_string() ? std::string_view(verdict->get_string()) : std::string_view();
  if (text == "allow") {
    answer.verdict = Verdict::Allow;
  } else if (text == "deny") {
    answer.verdict = Verdict::Deny;
  } else if (text == "none") {
    answer.verdict = Verdict::None;
  } else {
    return fail(ErrorCode::Malformed, "the policy's result has no verdict of allow, deny or none");
  }
  answer.reason = textAt(*object, "reason");
  return answer;
}

}  // namespace ds01::policy
