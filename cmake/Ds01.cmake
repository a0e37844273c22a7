# Build rules shared by all folders: one C++ standard, one set of warnings, sanitizers set once on the target that
# every other target links (ds01_options), and three helpers: ds01_library, ds01_program, ds01_test.
include_guard()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

option(DS01_BUILD_TESTS "build the unit tests" ON)
option(DS01_BUILD_BENCH "build what measures; needs Google Benchmark (preset bench)" OFF)
option(DS01_FUZZ "build the libFuzzer targets instead; needs Clang (preset fuzz)" OFF)
option(DS01_WARNINGS_AS_ERRORS "off for packagers with another compiler" ON)
set(DS01_SANITIZE "" CACHE STRING "value for -fsanitize=, e.g. address,undefined")

find_program(DS01_CCACHE ccache)
if(DS01_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${DS01_CCACHE}")
endif()

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json system)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(PkgConfig REQUIRED)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)

add_library(ds01_options INTERFACE)
target_include_directories(ds01_options INTERFACE "${PROJECT_SOURCE_DIR}/src")
target_compile_options(
  ds01_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
                         $<$<BOOL:${DS01_WARNINGS_AS_ERRORS}>:-Werror>)
target_compile_definitions(ds01_options INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>
                                                  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
                                                  BOOST_BEAST_SEPARATE_COMPILATION)
target_link_libraries(ds01_options INTERFACE fmt::fmt Threads::Threads)
if(DS01_SANITIZE)
  target_compile_options(ds01_options INTERFACE -fsanitize=${DS01_SANITIZE} -fno-omit-frame-pointer
                                                -fno-sanitize-recover=all)
  target_link_options(ds01_options INTERFACE -fsanitize=${DS01_SANITIZE})
  if(DS01_SANITIZE MATCHES "thread")
    # GCC warns that atomic_thread_fence, which Asio uses, is not modelled by ThreadSanitizer.
    target_compile_options(ds01_options INTERFACE -Wno-tsan)
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12's -Wmaybe-uninitialized reports false positives in inlined std::expected under the sanitizers.
    target_compile_options(ds01_options INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Optimising, GCC 12 sees uninitialised and overlapping bytes in std::optional, std::variant and std::string, and
  # takes the frames of Asio's coroutines for memory that is freed by another function than it was taken by.
  target_compile_options(ds01_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:-Wno-maybe-uninitialized>
                                                $<$<NOT:$<CONFIG:Debug>>:-Wno-restrict>
                                                $<$<NOT:$<CONFIG:Debug>>:-Wno-mismatched-new-delete>)
endif()

if(DS01_FUZZ)
  target_compile_options(ds01_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# ds01_library(name SOURCES … HEADERS … DEPS …): static library `name`. Every header must compile alone: the target
# all_verify_interface_header_sets proves it.
function(ds01_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;HEADERS;DEPS")
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(${name} ${scope} ds01_options ${arg_DEPS})
  if(arg_HEADERS)
    target_sources(${name} ${scope} FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/src" FILES ${arg_HEADERS})
    set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()
  string(REGEX REPLACE "^ds01_" "ds01::" alias ${name})
  add_library(${alias} ALIAS ${name})
endfunction()

# ds01_program(name OUTPUT file SOURCES … DEPS …): an executable in bin/.
function(ds01_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUTPUT" "SOURCES;DEPS")
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES OUTPUT_NAME ${arg_OUTPUT})
  target_link_libraries(${name} PRIVATE ds01_options ${arg_DEPS})
  install(TARGETS ${name} RUNTIME)
endfunction()

# ds01_test(name SOURCES … DEPS …): a GoogleTest binary, each case a ctest with label `unit`.
function(ds01_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_compile_definitions(${name} PRIVATE DS01_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ds01_options ${arg_DEPS} GTest::gmock GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

# ds01_fuzz(name SOURCES … DEPS …): the libFuzzer target fuzz_<name>. Its ctest, with label `fuzz`, takes
# tests/fuzz/corpus/<name> and DS01_FUZZ_RUNS inputs in all; the seed is fixed, so a failure can be repeated. New inputs
# go to a folder of the build, which tools/dev empties before.
set(DS01_FUZZ_RUNS 6000 CACHE STRING "inputs per target in ctest")
function(ds01_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  set(target fuzz_${name})
  add_executable(${target} ${arg_SOURCES})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${target} PRIVATE ds01_options ${arg_DEPS})
  set(here "${PROJECT_SOURCE_DIR}/tests/fuzz")
  add_test(NAME fuzz.${name}
           COMMAND ${target} -seed=1 -runs=${DS01_FUZZ_RUNS} -max_len=4096 -print_final_stats=1 -verbosity=0
                   -artifact_prefix=${CMAKE_BINARY_DIR}/fuzz/${name}- -dict=${here}/dictionaries/${name}.dict
                   "${CMAKE_BINARY_DIR}/fuzz/new/${name}" "${here}/corpus/${name}")
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 600)
endfunction()
