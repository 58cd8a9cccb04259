#!/usr/bin/env bash
# apache.sh DIR ROOT PORT: WebDAV by Apache at http://127.0.0.1:PORT/, user `user`, password
# `secret`. It keeps what it needs in DIR.
set -euo pipefail
dir=$1 root=$2 port=$3
. "$(dirname "$0")/serve.sh"
PATH=$PATH:/usr/sbin
need apache2 htpasswd

modules=/usr/lib/apache2/modules
mkdir -p "$dir"
htpasswd -bc "$dir/users" user secret 2>/dev/null
{
  for module in mpm_event authn_core authn_file authz_core authz_user auth_basic dav dav_fs; do
    echo "LoadModule ${module}_module $modules/mod_$module.so"
  done
  cat <<CONF
ServerRoot "$dir"
ServerName localhost
Listen 127.0.0.1:$port
PidFile "$dir/pid"
ErrorLog "$dir/errors"
DavLockDB "$dir/locks"
DocumentRoot "$root"
KeepAliveTimeout 60
<Directory "$root">
  Dav On
  AuthType Basic
  AuthName music
  AuthUserFile "$dir/users"
  Require valid-user
</Directory>
CONF
} >"$dir/conf"
# As root it takes on a user of its own, who has to reach what it keeps.
if [ "$(id -u)" = 0 ]; then
  printf 'User www-data\nGroup www-data\n' >>"$dir/conf"
  chmod 755 "$dir"
fi
serve apache2 -f "$dir/conf" -DFOREGROUND
