// Images of alice's, bob's and root's at one Engine; who connects is alice.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {

inline std::string imageId(char digit) {
  return "sha256:" + std::string(64, digit);
}
inline std::string hub(const std::string& name) {
  return "docker.io/library/" + name;
}

class ImagesTest : public testing::Test {
 protected:
  ImagesTest() {
    h.ownership.add("mine", fullId('a'), "alice");
    h.ownership.add("bobs-box", fullId('b'), "bob");
    add("mine:1", 'a', ownership::TagOwner{"alice", true});
    add("bobs:1", 'b', ownership::TagOwner{"bob", true});
    add("pulled:1", 'c', ownership::TagOwner{"bob", false});
    add("root:1", 'd', std::nullopt);
    add("registry:1", 'e', std::nullopt);
    h.engine_client.image_views[hub("registry:1")].digests = {"registry@" + imageId('9')};
  }
  void add(const std::string& tag, char digit, std::optional<ownership::TagOwner> owner) {
    ImageView view;
    view.id = imageId(digit);
    view.tags = {tag};
    const std::lock_guard lock(h.engine_client.mutex);
    for (const std::string& ref : {hub(tag), tag, view.id, view.id.substr(0, 19), view.id.substr(7, 12)}) {
      h.engine_client.image_views[ref] = view;
    }
    if (owner) h.images.owners.putTag(hub(tag), *owner);
  }
  // The Engine has it from now on.
  void appears(const std::string& tag, char digit) { add(tag, digit, std::nullopt); }
  std::vector<std::string> sent() {
    std::vector<std::string> out;
    for (const auto& request : h.engine().requests()) out.push_back(request.method + " " + request.target);
    return out;
  }
  std::optional<ownership::TagOwner> owner(const std::string& tag) { return h.images.ofTag(hub(tag)); }

  Harness h;
};

}  // namespace ds01::gateway::test
