// What dockerd asks an authorization plugin, whoever sent the request that it asks about: the question in any pieces,
// and the ticket in it.
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>

#include "authz/judge.h"
#include "authz/question.h"
#include "authz/ticket.h"
#include "fuzz/property.h"

namespace ds01::authz {
namespace {

using fuzz::require;
using namespace std::chrono_literals;

// Differs wherever the text does, for what is tried here.
Mac lengthAndSum(std::string_view text) {
  Mac mac{};
  for (std::size_t i = 0; i < text.size(); ++i) {
    mac[i % mac.size()] = static_cast<unsigned char>(mac[i % mac.size()] * 31U + static_cast<unsigned char>(text[i]));
  }
  return mac;
}

Result<Question> read(std::string_view text, std::size_t piece) {
  QuestionReader reader;
  for (std::size_t at = 0; at < text.size(); at += piece) reader.feed(text.substr(at, piece));
  return reader.finish();
}

void checkQuestion(std::string_view text) {
  const auto whole = read(text, text.size() + 1);
  const auto pieces = read(text, 1);
  require(whole.has_value() == pieces.has_value(), "pieces make no difference", text);
  if (!whole) return;
  require(whole->method == pieces->method && whole->target == pieces->target && whole->ticket == pieces->ticket,
          "pieces make no difference to what was read", text);
  boost::system::error_code ec;
  const boost::json::value tree = boost::json::parse(text, ec);
  require(!ec && tree.is_object(), "what is taken is JSON", text);
  require(tree.as_object().at("RequestMethod").as_string() == whole->method, "the method is the one there", text);
  require(tree.as_object().at("RequestUri").as_string() == whole->target, "the target is the one there", text);
}

// With a key that nobody has told, nothing that is made up opens anything, and break-glass opens everything.
void checkJudge(std::string_view text) {
  const auto question = read(text, text.size() + 1);
  if (!question) return;
  Judge judge(0s);
  const MacFunction mac = lengthAndSum;
  const Verdict verdict = judge.request(*question, mac, 10s, {});
  const bool signed_well = question->ticket && readTicket(*question->ticket, question->method, question->target, mac);
  require(!verdict.allow || signed_well, "only a ticket passes", text);
  require(verdict.allow || !verdict.message.empty(), "a refusal has a sentence", text);
  require(judge.request(*question, mac, 10s, {.until = TimePoint(1h), .problem = {}}).allow, "break-glass passes",
          text);
  for (const char c : loggedTarget(*question)) require(c >= ' ' || c < 0, "what is logged is one line", text);
}

void checkTicket(std::string_view text) {
  const auto ticket = readTicket(text, "GET", "/", lengthAndSum);
  if (ticket) require(writeTicket(*ticket, "GET", "/", lengthAndSum) == text, "a ticket has one spelling", text);
  const Ticket made{.issued = Moment(static_cast<std::int64_t>(text.size())), .nonce = std::string(32, 'a')};
  const std::string written = writeTicket(made, "POST", text, lengthAndSum);
  const auto again = readTicket(written, "POST", text, lengthAndSum);
  require(again && *again == made, "what is written is read", written);
}

}  // namespace
}  // namespace ds01::authz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = ds01::fuzz::asText(data, size);
  ds01::authz::checkQuestion(text);
  ds01::authz::checkJudge(text);
  ds01::authz::checkTicket(text);
  return 0;
}
