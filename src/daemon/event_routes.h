// GET /v1/events: the log, searched or followed. Users see their own events, admins all.
#pragma once

#include "control/router.h"
#include "daemon/event_log.h"
#include "daemon/recent_events.h"

namespace ds01::daemon {

// All must outlive the router and its answers.
void addEventRoutes(control::Router& router, EventLog& log, RecentEvents& recent);

}  // namespace ds01::daemon
