#!/usr/bin/env bash
# Installs what is missing, builds MusicFS, and mounts a tidy view of a folder of music.
#
#   dist/try.sh MUSIC [MOUNTPOINT]     MOUNTPOINT defaults to MUSIC-view
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "usage: dist/try.sh MUSIC [MOUNTPOINT]" >&2
  exit 2
fi
music=$(realpath -- "$1")
view=${2:-$music-view}
here=$(cd "$(dirname "$0")/.." && pwd)

"$here/dist/setup.sh"
cargo build --release --locked --manifest-path "$here/Cargo.toml"
target=${CARGO_TARGET_DIR:-$here/target}

mkdir -p -- "$view"
"$target/release/musicfs" mount "$view" --origin "$music" --daemon
echo "$music is shown at $view; unmount it with: fusermount3 -u '$view'"
echo "the tool is $target/release/musicfs; try: '$target/release/musicfs' status"
