// Facts, leases and requests written as JSON, so that golden cases are plain files and unit cases short literals.
#pragma once

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

}  // namespace ds01::admission::test
