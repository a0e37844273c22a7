#include "daemon/slice_names.h"

#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "allocator/file/state_file.h"
#include "daemon/set_aside.h"
#include "ownership/owner.h"
#include "slices/names.h"

namespace ds01::daemon {

namespace asio = boost::asio;

Result<SavedNames> readSavedNames(const std::filesystem::path& file) {
  SavedNames saved;
  const Result<std::optional<std::string>> text = allocator::StateFile(file.native()).read();
  if (!text) return fail(text.error());
  if (!*text) return saved;
  Result<slices::NameMap> names = slices::decodeNames(**text);
  if (names) {
    saved.names = std::move(*names);
    return saved;
  }
  const Result<std::string> aside = setAside(file);
  if (!aside) return fail(aside.error());
  saved.warning = fmt::format("{}: {}; {} and the names are learned from the Engine's containers", file.native(),
                              names.error().message(), *aside);
  return saved;
}

SliceNames::SliceNames(asio::any_io_executor executor, SaveText save)
    : executor_(std::move(executor)), save_(std::move(save)) {}

void SliceNames::restore(slices::NameMap names) {
  names_ = std::move(names);
  complete_ = true;
}

asio::awaitable<Result<std::string>> SliceNames::partOf(std::string login) {
  std::optional<std::string> part = names_.find(login);
  if (!part) {
    if (!complete_) {
      co_return fail(ErrorCode::Unavailable, "which slice names are in use is being found out; try again in a moment");
    }
    Result<std::string> given = names_.assign(login);
    if (!given) co_return given;
    part = std::move(*given);
    unsaved_.insert(login);
  }
  if (unsaved_.contains(login)) {
    // If it fails the name stays the login's, unused, and the next request tries again.
    if (const Status saved = co_await saveText(executor_, save_, slices::encodeNames(names_)); !saved) {
      spdlog::error("the slice name of {} is not on disk: {}", login, saved.error().message());
      co_return fail(ErrorCode::Io, "the slice name could not be written to disk; tell your administrator");
    }
    unsaved_.erase(login);
  }
  co_return *part;
}

std::optional<std::string> SliceNames::provenOwner(const ContainerView& view) {
  return ownership::ownerOf(
      view, [this](std::string_view parent, std::string_view login) { return isPlaceOf(parent, login); });
}

bool SliceNames::isPlaceOf(std::string_view cgroup_parent, std::string_view login) {
  const std::optional<std::string> part = slices::userPartOf(cgroup_parent);
  if (!part) return false;
  const bool known = names_.find(login).has_value();
  if (!names_.learn(login, *part)) return false;
  if (!known) unsaved_.emplace(login);
  return true;
}

}  // namespace ds01::daemon
