# Turns data/docker-api/body-fields.tsv and body-fields-extra.tsv into a C++ table, so that the schema the guard applies
# is exactly the data in the tree and needs no file at run time. Runs at configure time, again when the data changes.

# Each line becomes one aggregate of the struct BodyField (body_schema.h); `last` and reasons are for readers only.
function(ds01_body_field_rows file columns out)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  file(READ "${file}" text)
  string(REGEX REPLACE "#[^\n]*\n" "" text "${text}")
  string(REGEX REPLACE "^method\t[^\n]*\n" "" text "${text}")
  set(cell "([^\t\n]+)")
  string(REGEX REPLACE "${cell}\t${cell}\t${cell}\t${cell}\t${cell}\t[^\n]*\n"
                       "    {\"\\1\", \"\\2\", \"\\3\", \"\\4\", \"\\5\"},\n" rows "${text}")
  if(rows MATCHES "\t" OR NOT rows MATCHES "^    {")
    message(FATAL_ERROR "${file}: every line needs ${columns}, separated by tabs")
  endif()
  set(${out} "${rows}" PARENT_SCOPE)
endfunction()

function(ds01_embed_body_fields target)
  set(data "${PROJECT_SOURCE_DIR}/data/docker-api")
  ds01_body_field_rows("${data}/body-fields.tsv" "method path field type first last" published)
  ds01_body_field_rows("${data}/body-fields-extra.tsv" "method path field type rule reason" extra)
  file(CONFIGURE OUTPUT "${target}" @ONLY CONTENT [[
// Made from data/docker-api/*.tsv; do not edit.
#include "admission/body_schema.h"

namespace ds01::admission {
namespace {

constexpr BodyField kFields[] = {
@published@@extra@};

}  // namespace

std::span<const BodyField> bodyFields() { return kFields; }

}  // namespace ds01::admission
]])
endfunction()
