#include "events/details.h"

#include <boost/json/serialize.hpp>

namespace ds01::events {
namespace {

constexpr std::size_t kMostFacts = 32;
constexpr std::size_t kLongestName = 48;
constexpr std::size_t kLongestValue = 240;
constexpr std::size_t kLongestText = 1200;
constexpr std::size_t kShortText = 400;  // when nothing else helps

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

std::string cut(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  std::size_t size = bytes;
  while (size > 0 && bytes - size < 3 && continues(text[size])) --size;
  return std::string(text.substr(0, size)) + "…";
}

boost::json::array factsJson(const Facts& facts) {
  boost::json::array out;
  for (const auto& [name, value] : facts) {
    if (out.size() == kMostFacts) break;
    boost::json::array pair;
    pair.emplace_back(cut(name, kLongestName));
    pair.emplace_back(cut(value, kLongestValue));
    out.emplace_back(std::move(pair));
  }
  return out;
}

Facts factsOf(const boost::json::object& details) {
  Facts facts;
  const boost::json::value* value = details.if_contains("facts");
  const boost::json::array* pairs = value != nullptr ? value->if_array() : nullptr;
  if (pairs == nullptr) return facts;
  for (const boost::json::value& item : *pairs) {
    const boost::json::array* pair = item.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string()) continue;
    facts.emplace_back((*pair)[0].get_string(), (*pair)[1].get_string());
  }
  return facts;
}

boost::json::object denialDetails(const Denial& denial, const DecisionId& decision) {
  boost::json::object details{{"reason", denial.reason},
                              {"status", denial.http_status},
                              {"text", cut(denial.text, kLongestText)},
                              {"decision", decision.str()}};
  if (!denial.part.empty()) details["part"] = denial.part;
  if (!denial.facts.empty()) details["facts"] = factsJson(denial.facts);
  if (!denial.remedy.empty()) details["remedy"] = cut(denial.remedy, kLongestText);
  return details;
}

bool shrink(boost::json::object& details, std::size_t bytes) {
  const auto fits = [&] { return boost::json::serialize(details).size() <= bytes; };
  if (boost::json::value* facts = details.if_contains("facts"); facts != nullptr && facts->is_array()) {
    while (!facts->get_array().empty() && !fits()) facts->get_array().pop_back();
  }
  if (fits()) return true;
  for (boost::json::key_value_pair& member : details) {
    if (member.value().is_string()) member.value() = cut(std::string(member.value().get_string()), kShortText);
  }
  return fits();
}

}  // namespace ds01::events
