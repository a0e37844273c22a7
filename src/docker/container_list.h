// Reads the answer to GET /containers/json in pieces, as it comes in: it repeats every container's command and labels,
// which users write, so its length has no bound that would not let one user stop the start-up comparison for all.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/engine.h"

namespace ds01::docker {

// 64 digits, as the Engine writes ids: no name, no prefix.
bool isFullId(std::string_view id);

// Keeps the ids and DS01's own labels (ds01.*, but for the requests of users, ds01.request.*) and drops the rest.
class ContainerListReader {
 public:
  ContainerListReader();
  ContainerListReader(const ContainerListReader&) = delete;
  ContainerListReader& operator=(const ContainerListReader&) = delete;
  ~ContainerListReader();

  // Malformed if it is no list of containers, each with a full Id; nothing can be relied on after that.
  Status feed(std::string_view bytes);
  // After the last piece. Malformed if something is missing: half a list must not pass for a whole one.
  Result<std::vector<ContainerSummary>> finish();

 private:
  struct Parsing;
  std::unique_ptr<Parsing> parsing_;
};

}  // namespace ds01::docker
