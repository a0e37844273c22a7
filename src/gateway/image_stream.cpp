#include "gateway/image_stream.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "docker/image_reference.h"

namespace ds01::gateway {

namespace json = boost::json;

namespace {

constexpr std::size_t kMostIds = 1024;  // of one answer
constexpr std::size_t kLongest = 512;   // of an object that names an id
constexpr std::string_view kLoaded = "Loaded image ID: ";

std::string_view textAt(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

}  // namespace

boost::asio::awaitable<std::string> ImageIds::pass(std::string_view piece) {
  if (!broken_) broken_ = !splitter_.feed(piece, [this](std::string_view text) { look(text); });
  co_return std::string(piece);
}

boost::asio::awaitable<void> ImageIds::end() {
  if (std::exchange(ended_, true)) co_return;
  if (of_ == Of::QuietBuild && objects_ != 1) ids_.clear();
  co_await settle_(std::move(ids_));
}

void ImageIds::look(std::string_view text) {
  ++objects_;
  if (text.size() > kLongest || ids_.size() >= kMostIds || text.find("sha256:") == std::string_view::npos) return;
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  const json::object* const object = error ? nullptr : value.if_object();
  if (object == nullptr) return;
  const json::value* const aux = object->if_contains("aux");
  std::string_view id = textAt(*object, "Id");
  if (id.empty()) id = textAt(*object, "status");
  if (aux != nullptr && aux->is_object()) id = textAt(aux->get_object(), "ID");
  std::string_view told = textAt(*object, "stream");
  if (told.ends_with('\n')) told.remove_suffix(1);
  if (of_ == Of::QuietBuild) id = told;
  if (of_ == Of::Load && told.starts_with(kLoaded)) id = told.substr(kLoaded.size());
  if (docker::isImageId(id)) ids_.emplace_back(id);
}

}  // namespace ds01::gateway
