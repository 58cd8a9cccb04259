#!/usr/bin/env bash
# Installs what MusicFS needs on Debian or Ubuntu, where it is missing.
#
#   dist/setup.sh          to build and mount: a C compiler, FUSE
#   dist/setup.sh tests    also what the tests use: encoders, players, other filesystems
set -euo pipefail

packages=(gcc libc6-dev make fuse3)
if [ "${1:-}" = tests ]; then
  packages+=(bindfs ffmpeg flac lame opus-tools vorbis-tools wavpack musepack-tools speex
    # A file manager that makes thumbnails, and a screen for it.
    thunar tumbler xvfb dbus
    mpv mpd mpc openssl prometheus rsync attr util-linux python3 python3-mutagen procps
    debootstrap systemd-container
    # Servers of origins on other machines.
    openssh-server openssh-client samba samba-vfs-modules
    apache2 apache2-utils nginx-light libnginx-mod-http-dav-ext lighttpd lighttpd-mod-webdav rclone
    ceph-mon ceph-osd ceph-common radosgw)
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

if [ "${#missing[@]}" -gt 0 ]; then
  echo "installing ${missing[*]}"
  as_root apt-get update -qq
  # Tests start the servers themselves: until the end of this script, none starts by being installed.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
    as_root chmod 755 /usr/sbin/policy-rc.d
  fi
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! command -v cargo >/dev/null; then
  echo "error: cargo is missing; install Rust from https://rustup.rs and run this again" >&2
  exit 1
fi

if [ ! -e /dev/fuse ]; then
  echo "error: /dev/fuse is missing; load the kernel module with: modprobe fuse" >&2
  exit 1
fi

# What udev does where it runs: every user may mount.
if [ "$(stat -c %a /dev/fuse)" != 666 ]; then
  as_root chmod 666 /dev/fuse
fi
