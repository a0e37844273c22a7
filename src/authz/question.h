// What dockerd asks an authorization plugin: the JSON object that it posts to AuthZPlugin.AuthZReq and AuthZRes
// (https://docs.docker.com/engine/extend/plugins_authorization/). Three things of it are read; bodies, which may be as
// long as an answer of the Engine, are passed over as they come and never held.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::authz {

struct Question {
  std::string method;
  std::string target;  // RequestUri: the request line's target as dockerd read it
  std::optional<std::string> ticket;
};

class QuestionReader {
 public:
  QuestionReader();
  QuestionReader(const QuestionReader&) = delete;
  QuestionReader& operator=(const QuestionReader&) = delete;
  ~QuestionReader();

  void feed(std::string_view bytes);
  // Malformed: not one such object, without method or target, or with one of the three twice.
  Result<Question> finish();

 private:
  struct Parsing;
  std::unique_ptr<Parsing> parsing_;
};

}  // namespace ds01::authz
