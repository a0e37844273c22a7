#include "gateway/json_lines.h"

#include <utility>

#include <fmt/format.h>

namespace ds01::gateway {

namespace asio = boost::asio;

std::string JsonLines::begin() {
  if (std::exchange(begun_, true)) return {};
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n{}\r\n",
                     close_ ? "Connection: close\r\n" : "");
}

asio::awaitable<void> JsonLines::send(std::string_view document) {
  constexpr std::string_view kNewline = "\r\n";
  std::string head = begin();
  head += fmt::format("{:x}\r\n", document.size() + kNewline.size());
  if (broken_) co_return;
  const Status written = co_await writeAll(client_, head, document, "\r\n\r\n");
  broken_ = !written;
}

asio::awaitable<void> JsonLines::end() {
  const std::string head = begin();
  if (broken_) co_return;
  const Status written = co_await writeAll(client_, head, "0\r\n\r\n");
  broken_ = !written;
}

}  // namespace ds01::gateway
