// The process at the other end of a Unix stream socket, as the kernel shows it (unix(7), pidfd_open(2), proc(5)).
//
// The order matters. The pidfd comes first: from SO_PEERPIDFD (Linux 6.5), which is made from the very process that
// connected. Then /proc/PID is read, and then the pidfd must still be alive: so the number belonged to that process all
// the time. A kernel without SO_PEERPIDFD gives a pidfd only by number, which may have been reused before we asked;
// there one of the process's user ids must be the one that connected, which leaves only processes of the same user.
// What remains open on such a kernel is a reused number within one uid.
//
// The host's namespaces are those of PID 1; where its links are kept from us, our own (see readHostNamespaces).
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "identity/decide.h"

namespace ds01::identity::posix {

// Where the facts are read; what is not the default serves tests.
struct PeerSource {
  std::string proc = "/proc";
  bool use_peer_pidfd = true;  // false: as on a kernel that has no SO_PEERPIDFD
};

struct PosixPeer {
  PeerFacts facts;
  Fd pidfd;  // invalid unless facts.proof is Proven
};

// Whose connection it seems to be, for caps alone: the peer may have gone, and its number may be another's.
struct SeemingPeer {
  std::uint32_t uid = 0;            // -1 if not even that is known
  std::uint64_t pid_namespace = 0;  // its inode; 0 if that is not known
  bool on_host = false;             // in our own pid namespace
};
SeemingPeer seemingPeer(int socket, const PeerSource& source = {});

// `socket` is a connected Unix stream socket. Reads a few files of `source.proc`; never blocks on another machine.
PosixPeer readPeer(int socket, const PeerSource& source = {});

}  // namespace ds01::identity::posix
