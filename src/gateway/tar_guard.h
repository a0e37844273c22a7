// Looks through a tar while it is streamed to the Engine, which unpacks it as root of the host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/body_guard.h"
#include "model/denial.h"

namespace ds01::gateway {

struct TarEntry {
  char type = '0';  // a file; '1' and '2' links, '3' and '4' devices, '5' a directory, '6' a FIFO
  // All that its headers call it and what it links to. Which of them counts is the reader's choice.
  std::vector<std::string> names;
  std::vector<std::string> links;
};

// 400.
Denial notUnderstood(std::string_view what);

// Holds one header at most, or one extended header (1 MiB). What Go's archive/tar could delimit otherwise than we do is
// refused: compression, sparse files, unknown types, extended headers that are doubled.
class TarGuard : public BodyGuard {
 public:
  std::optional<Denial> feed(std::string_view piece) override;

 protected:
  // Each entry once its headers are complete, and then, of files, the contents; `last` with the last byte, for an empty
  // file at once.
  virtual std::optional<Denial> onEntry(const TarEntry& entry) = 0;
  virtual std::optional<Denial> onContents(std::string_view bytes, bool last) = 0;
  virtual Denial compressed() const { return notUnderstood("send it without compression"); }

 private:
  enum class Collecting { Nothing, Extended, Name, Link };

  std::optional<Denial> header();
  std::optional<Denial> entry(char type, std::uint64_t size);
  bool isPlainFile() const;
  void addHeaderNames(TarEntry& entry) const;
  std::optional<Denial> contents(std::string_view bytes);
  void beginCollecting(Collecting what, std::uint64_t size);
  std::optional<Denial> collect(std::string_view bytes);
  std::optional<Denial> extended(std::string_view rest);

  bool first_ = true;  // the first header is not complete
  bool ended_ = false;
  std::string block_;
  std::uint64_t skip_ = 0;      // of contents and padding
  std::uint64_t contents_ = 0;  // of `skip_`, without the padding
  Collecting collecting_ = Collecting::Nothing;
  std::uint64_t extended_bytes_ = 0;
  std::string extended_;
  bool renamed_ = false;   // a long name waits for its entry
  bool relinked_ = false;  // a long target of a link does
  bool amended_ = false;   // an extended header does
  std::optional<std::uint64_t> size_;
  TarEntry entry_;  // what came before its header
};

}  // namespace ds01::gateway
