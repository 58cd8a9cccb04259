#!/usr/bin/env bash
# rclone-webdav.sh DIR ROOT PORT: WebDAV by rclone at http://127.0.0.1:PORT/, user `user`, password
# `secret`. It looks at the disk each time, and tells MD5 sums as entity tags.
set -euo pipefail
dir=$1 root=$2 port=$3
. "$(dirname "$0")/serve.sh"
need rclone

mkdir -p "$dir"
exec 2>>"$dir/errors"
serve rclone serve webdav "$root" --config "$dir/none" --cache-dir "$dir/cache" \
  --addr "127.0.0.1:$port" --user user --pass secret --read-only \
  --dir-cache-time 0s --poll-interval 0 --etag-hash MD5
