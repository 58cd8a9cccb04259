#!/usr/bin/env bash
# Makes the small system that tests/it/systemd.rs boots, of the distribution that this machine runs,
# and prints where it is. It is kept between runs, looked over before each, and made anew where it
# is broken or no longer what this script makes. Needs root, debootstrap and a package mirror.
set -euo pipefail

cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/musicfs-tests
tree=$cache/systemd
packages=systemd-sysv,dbus,dbus-user-session,libpam-systemd,fuse3

# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
recipe=$suite-$(sha256sum "$0" | cut -d' ' -f1)

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

# Every file of every package is as its package has it.
is_sound() {
  [ "$(cat "$tree.recipe" 2>/dev/null)" = "$recipe" ] &&
    [ -z "$(dpkg --root="$tree" --verify 2>&1)" ] &&
    [ -d "$tree/home/ann" ]
}

if ! is_sound; then
  # The mirror that this machine uses itself; its signatures are checked.
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' |
    awk -v suite="$suite" '$2 == suite && $3 == "main" { print $1; exit }')
  rm -rf "$tree" "$tree.new" "$tree.recipe"
  if ! debootstrap --force-check-gpg --variant=minbase --include="$packages" \
    "$suite" "$tree.new" "$mirror" >"$cache/debootstrap.log" 2>&1; then
    tail -n 20 "$cache/debootstrap.log" >&2
    echo "error: debootstrap failed; all that it said is in $cache/debootstrap.log" >&2
    exit 1
  fi
  rm -f "$tree.new"/var/cache/apt/archives/*.deb "$tree.new"/var/lib/apt/lists/*_*
  chroot "$tree.new" useradd --create-home --uid 1000 ann
  # What an administrator does so that a user's services start with the machine (loginctl(1)).
  mkdir -p "$tree.new/var/lib/systemd/linger"
  touch "$tree.new/var/lib/systemd/linger/ann"
  mv "$tree.new" "$tree"
  echo "$recipe" >"$tree.recipe"
fi
echo "$tree"
