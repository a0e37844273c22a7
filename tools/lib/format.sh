# shellcheck shell=bash
# tools/dev format

dev_format() {
  have clang-format-19 || die "format: clang-format-19 is missing; run: sudo tools/dev setup"
  cpp_files | as_owner xargs -0 -r clang-format-19 -i
}
