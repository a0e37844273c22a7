// Who brought which image here, kept in the state directory. I/O thread only.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "daemon/saved_text.h"
#include "gateway/image_ownership.h"

namespace ds01::daemon {

struct SavedImageOwners {
  std::optional<ownership::ImageOwners> owners;  // unset: there was no file, or it could not be understood
  std::string warning;
};

// An unreadable file is set aside (set_aside.h): all images are the administrators' then. Errors: Io and the like, with
// the path.
Result<SavedImageOwners> readSavedImageOwners(const std::filesystem::path& file);

class ImageOwnerService final : public gateway::ImageOwnership {
 public:
  ImageOwnerService(boost::asio::any_io_executor executor, SaveText save);
  void restore(ownership::ImageOwners owners) { owners_ = std::move(owners); }

  std::optional<ownership::TagOwner> ofTag(const std::string& tag) const override { return owners_.ofTag(tag); }
  std::vector<std::string> tags() const override;
  std::optional<std::string> ofImage(const std::string& id) const override { return owners_.ofImage(id); }
  boost::asio::awaitable<Status> change(gateway::ImageChange change) override;

 private:
  boost::asio::any_io_executor executor_;
  SaveText save_;
  ownership::ImageOwners owners_;
};

}  // namespace ds01::daemon
