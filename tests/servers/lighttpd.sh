#!/usr/bin/env bash
# lighttpd.sh DIR ROOT PORT: WebDAV by lighttpd at http://127.0.0.1:PORT/, open to all. Its answers
# to GET have no entity tag, and it refuses to list at any depth.
set -euo pipefail
dir=$1 root=$2 port=$3
. "$(dirname "$0")/serve.sh"
PATH=$PATH:/usr/sbin
need lighttpd

mkdir -p "$dir"
cat >"$dir/conf" <<CONF
server.modules = ("mod_webdav")
server.document-root = "$root"
server.bind = "127.0.0.1"
server.port = $port
server.errorlog = "$dir/errors"
server.upload-dirs = ("$dir")
webdav.activate = "enable"
webdav.is-readonly = "enable"
CONF
serve lighttpd -D -f "$dir/conf"
