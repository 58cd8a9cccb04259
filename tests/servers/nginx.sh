#!/usr/bin/env bash
# nginx.sh DIR ROOT PORT: WebDAV by nginx at http://127.0.0.1:PORT/, open to all. It tells no entity
# tags in listings, and refuses to list at any depth.
set -euo pipefail
dir=$1 root=$2 port=$3
. "$(dirname "$0")/serve.sh"
PATH=$PATH:/usr/sbin
need nginx

mkdir -p "$dir"
user=""
[ "$(id -u)" != 0 ] || user="user root;"
cat >"$dir/conf" <<CONF
load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
$user
daemon off;
pid $dir/pid;
error_log $dir/errors;
events {}
http {
  access_log off;
  client_body_temp_path $dir/body;
  proxy_temp_path $dir/proxy;
  fastcgi_temp_path $dir/fastcgi;
  uwsgi_temp_path $dir/uwsgi;
  scgi_temp_path $dir/scgi;
  server {
    listen 127.0.0.1:$port;
    location / {
      root $root;
      dav_ext_methods PROPFIND OPTIONS;
    }
  }
}
CONF
serve nginx -c "$dir/conf" -e "$dir/errors"
