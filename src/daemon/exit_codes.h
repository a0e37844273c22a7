// Exit statuses of ds01d; the numbers above 2 are those of sysexits.h.
#pragma once

namespace ds01::daemon {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitConfig = 78;

}  // namespace ds01::daemon
