// A LoginReport as JSON and back; the rules are those of codec.h.
#pragma once

#include <optional>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"
#include "model/login_report.h"

namespace ds01::control {

std::string_view toString(ReportLayer layer);  // "built-in", "defaults", "group", …
std::optional<ReportLayer> parseReportLayer(std::string_view text);

boost::json::object toJson(const LoginReport& report);
Result<LoginReport> loginReportFromJson(const boost::json::value& value);

}  // namespace ds01::control
