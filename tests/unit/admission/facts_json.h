// Facts, leases and requests written as JSON, so that golden cases are plain files and unit cases short literals.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "admission/admission.h"

namespace ds01::admission::test {

struct Scenario {
  Facts facts;
  Completion completion;
};

// What is absent has the defaults of `student()`. Throws if the text is no JSON: a broken test.
Scenario readScenario(const boost::json::object& from);

// A student with the shipped limits on an Engine 20.10 with 64 CPUs.
Facts student();

boost::json::object parseObject(std::string_view text);

// As the golden files are written: one member or element a line, one space for each level.
std::string pretty(const boost::json::value& value, std::size_t level = 0);

}  // namespace ds01::admission::test
