// Small readers over JSON objects that the guard has passed. "Unset" is what Go makes of absence: absent or null.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "model/denial.h"

namespace ds01::admission {

Denial malformed(std::string reason, std::string text);  // 400
Denial forbidden(std::string reason, std::string text);  // 403

// What `ds01 explain` shows of a field that was refused: its path in the body, what stood there, and what may.
struct Field {
  std::string path;
  std::string value;
  std::string allowed;
};
// `remedy`: the smallest change that would work, a sentence.
Denial explained(Denial denial, Field field, std::string remedy);

// Null, false, 0, "", [] or {}.
bool zeroLike(const boost::json::value& value);

// The member, or null if it is unset.
const boost::json::value* get(const boost::json::object& object, std::string_view key);

// True if the member holds more than a zero value.
bool isSet(const boost::json::object& object, std::string_view key);

// "" if unset or no string. The view lives as long as the member.
std::string_view text(const boost::json::object& object, std::string_view key);

// 0 if unset; a 400 that names the field if it is no signed 64-bit integer. `in` is the path before `key`.
std::expected<std::int64_t, Denial> integer(const boost::json::object& object, std::string_view key,
                                            std::string_view in);

// Null if unset or of another type.
const boost::json::object* object(const boost::json::object& object, std::string_view key);
const boost::json::array* array(const boost::json::object& object, std::string_view key);
boost::json::object* object(boost::json::object& object, std::string_view key);
boost::json::array* array(boost::json::object& object, std::string_view key);

// The elements of a list of strings, [] if unset; a 400 if it is no list or an element is no string.
std::expected<std::vector<std::string>, Denial> strings(const boost::json::object& object, std::string_view key,
                                                        std::string_view in);

// User-given text for use in a sentence: control characters escaped, quotation marks around anything but plain words,
// cut to a readable length.
std::string shown(std::string_view user_text);

std::string_view view(const boost::json::string& text);

}  // namespace ds01::admission
