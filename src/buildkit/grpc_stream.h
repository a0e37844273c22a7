// gRPC as far as the answers of calls of our own are read; as grpc.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ds01::buildkit {

// Takes a stream of messages apart. Holds no more than the message that is coming.
class MessageSplitter {
 public:
  explicit MessageSplitter(std::size_t longest) : longest_(longest) {}

  // Those that are whole now. Longer ones are left out, and compressed ones, which nobody has asked for.
  std::vector<std::string> feed(std::string_view piece);

 private:
  void beginMessage();

  std::size_t longest_;
  std::string prefix_;
  std::string message_;
  std::uint64_t missing_ = 0;  // of the message
  bool skipping_ = false;
};

// Of the header grpc-message; what is no escape stays as it is.
std::string percentDecoded(std::string_view text);

}  // namespace ds01::buildkit
