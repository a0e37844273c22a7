// The slice names of the logins, kept in the state directory. A name is on disk before the first container is put
// there: after a crash it must still be that login's. What the file does not know is learned from the containers, whose
// places only root and we choose. I/O thread only.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "daemon/saved_text.h"
#include "model/engine.h"
#include "slices/name_map.h"

namespace ds01::daemon {

struct SavedNames {
  std::optional<slices::NameMap> names;  // unset: there was no file, or it could not be understood
  std::string warning;
};

// An unreadable file is set aside (set_aside.h). Errors: Io and the like, with the path.
Result<SavedNames> readSavedNames(const std::filesystem::path& file);

class SliceNames {
 public:
  SliceNames(boost::asio::any_io_executor executor, SaveText save);

  // What was on disk. Without it no new name is given before all containers have been seen: another login may have it.
  void restore(slices::NameMap names);
  void allContainersSeen() { complete_ = true; }

  // The USER part of a login, given now if it has none. Unavailable: not yet, see restore(). Io: it is not on disk.
  // InvalidArgument, Conflict: with a sentence.
  boost::asio::awaitable<Result<std::string>> partOf(std::string login);

  // Whose container it is (ownership/owner.h), by the names that are known. A login that has no name yet gets the one
  // that this container shows.
  std::optional<std::string> provenOwner(const ContainerView& view);

 private:
  bool isPlaceOf(std::string_view cgroup_parent, std::string_view login);

  boost::asio::any_io_executor executor_;
  SaveText save_;
  slices::NameMap names_;
  std::set<std::string, std::less<>> unsaved_;  // logins whose name is not known to be on disk
  bool complete_ = false;
};

}  // namespace ds01::daemon
