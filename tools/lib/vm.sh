# shellcheck shell=bash
# tools/dev vm [-k EXPRESSION]: tests on a virtual machine as labs have them (tests/vm): systemd, cgroup v2 (v1 with
# DS01_VM_CGROUPS=1), a reboot. Some ten minutes; not part of tools/dev test.

readonly VM_PACKAGES=(
  linux-image-cloud-amd64 systemd systemd-sysv udev dbus docker.io iptables ca-certificates procps iproute2 kmod
  apparmor util-linux python3 initramfs-tools curl passwd libpam-systemd
  libyaml-cpp0.7 libssl3 libboost-json1.81.0 libspdlog1.10 libfmt9 libnghttp2-14 libstdc++6
)
readonly VM_HOST_PACKAGES=(qemu-system-x86 seabios ipxe-qemu mmdebstrap e2fsprogs busybox-static)

# Where the disk lies; its name changes with what is on it.
vm_image_dir() {
  echo "${DS01_CACHE:-/var/cache/ds01-dev}/vm-bookworm-$(printf '%s\n' "${VM_PACKAGES[@]}" | sort | sha256sum | cut -c 1-12)"
}

make_vm_image() {
  local work=$1/work
  mkdir "$work"
  # shellcheck disable=SC2016  # $1 is mmdebstrap's
  mmdebstrap --quiet --variant=minbase --components=main --include="$(IFS=,; echo "${VM_PACKAGES[*]}")" \
    --customize-hook='sed -i "s#^root:[^:]*:#root::#" "$1/etc/shadow"; echo vm > "$1/etc/hostname"; : > "$1/etc/fstab"' \
    --customize-hook='mkdir -p "$1/etc/docker"; echo "{\"exec-opts\": [\"native.cgroupdriver=systemd\"]}" > "$1/etc/docker/daemon.json"' \
    --customize-hook='chroot "$1" systemctl disable apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service' \
    --customize-hook='chroot "$1" sh -c "useradd -m -s /bin/sh alice; useradd -m -s /bin/sh bob"' \
    --customize-hook="download vmlinuz $1/vmlinuz" --customize-hook="download initrd.img $1/initrd.img" \
    bookworm "$work/root.tar" "${DS01_BOOKWORM_MIRROR:-http://deb.debian.org/debian}" || return 1
  mkdir "$work/root"
  tar -C "$work/root" -xf "$work/root.tar"
  mke2fs -q -t ext4 -O ^has_journal -d "$work/root" "$1/disk.img" 3G || return 1
  rm -rf "$work"
}

dev_vm() {
  local missing=() package directory
  is_root || die "vm: needs root, to make the machine's disk; run: sudo tools/dev vm"
  # shellcheck source=tools/lib/setup.sh
  source "$DS01_ROOT/tools/lib/setup.sh"
  # shellcheck source=tools/lib/build.sh
  source "$DS01_ROOT/tools/lib/build.sh"
  dev_setup
  for package in "${VM_HOST_PACKAGES[@]}"; do
    installed "$package" || missing+=("$package")
  done
  if ((${#missing[@]} > 0)); then
    apt_update
    say "vm: installing ${missing[*]}"
    apt_get install -y --no-install-recommends --no-remove "${missing[@]}"
  fi
  directory=$(vm_image_dir)
  if [[ ! -d $directory ]]; then
    say "vm: making the disk of the machine, $directory"
    rm -rf "$directory.part"
    mkdir -p "$directory.part"
    make_vm_image "$directory.part" || die "vm: the disk could not be made"
    mv "$directory.part" "$directory"
  fi
  [[ -n ${DS01_BIN_DIR:-} ]] || dev_build dev ds01d ds01_cli ds01_authz_program
  DS01_BIN_DIR=${DS01_BIN_DIR:-$DS01_ROOT/build/dev/bin} PYTHONDONTWRITEBYTECODE=1 \
    "$DS01_PYTHON" -m pytest -q -p no:cacheprovider "$DS01_ROOT/tests/vm" "$@"
}
