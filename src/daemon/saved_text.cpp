#include "daemon/saved_text.h"

#include <memory>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ds01::daemon {

namespace asio = boost::asio;

asio::awaitable<Status> saveText(asio::any_io_executor executor, const SaveText& save, std::string text) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Status)>(
      [executor, &save](auto handler, std::string image) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        // Tracked: a loop that has nothing else to do waits for the answer.
        const asio::any_io_executor loop = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        save(std::move(image), [loop, shared](Status written) {
          asio::post(loop, [shared, written = std::move(written)]() mutable { (*shared)(std::move(written)); });
        });
      },
      asio::use_awaitable, std::move(text));
}

}  // namespace ds01::daemon
