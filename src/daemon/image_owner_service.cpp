#include "daemon/image_owner_service.h"

#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "allocator/file/state_file.h"
#include "daemon/set_aside.h"

namespace ds01::daemon {

namespace asio = boost::asio;

Result<SavedImageOwners> readSavedImageOwners(const std::filesystem::path& file) {
  SavedImageOwners saved;
  const Result<std::optional<std::string>> text = allocator::StateFile(file.native()).read();
  if (!text) return fail(text.error());
  if (!*text) return saved;
  Result<ownership::ImageOwners> owners = ownership::decodeImageOwners(**text);
  if (owners) {
    saved.owners = std::move(*owners);
    return saved;
  }
  const Result<std::string> aside = setAside(file);
  if (!aside) return fail(aside.error());
  saved.warning = fmt::format("{}: {}; {} and all images are the administrators' until somebody brings them anew",
                              file.native(), owners.error().message(), *aside);
  return saved;
}

ImageOwnerService::ImageOwnerService(asio::any_io_executor executor, SaveText save)
    : executor_(std::move(executor)), save_(std::move(save)) {}

std::vector<std::string> ImageOwnerService::tags() const {
  std::vector<std::string> out;
  for (const auto& [tag, owner] : owners_.tags()) out.push_back(tag);
  return out;
}

asio::awaitable<Status> ImageOwnerService::change(gateway::ImageChange change) {
  ownership::ImageOwners next = owners_;
  for (auto& [tag, owner] : change.tags) {
    if (next.putTag(std::move(tag), std::move(owner))) continue;
    co_return fail(
        ErrorCode::Exhausted,
        fmt::format("you have {} tags of images on this server, which is as many as anybody may have; remove "
                    "some first",
                    ownership::ImageOwners::kMostTags));
  }
  for (auto& [id, login] : change.images) next.putImage(std::move(id), std::move(login));
  for (const std::string& tag : change.tags_gone) next.dropTag(tag);
  for (const std::string& id : change.images_gone) next.dropImage(id);
  owners_ = std::move(next);
  const Status saved = co_await saveText(executor_, save_, ownership::encodeImageOwners(owners_));
  if (!saved) {
    spdlog::error("who brought which image here is not on disk: {}", saved.error().message());
    co_return fail(ErrorCode::Io, "who brings this image could not be written to disk; tell your administrator");
  }
  co_return Status{};
}

}  // namespace ds01::daemon
