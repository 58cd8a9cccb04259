#!/usr/bin/env bash
# An SMB server for tests: smbd on 127.0.0.1, that cannot write.
#
#   tests/servers/samba.sh DIR ROOT PORT [OPTION VALUE]...
#
# Shares of ROOT: "music" for guests, "private" for the user who starts it, password "open sesame".
# Further options are those of the global section of smb.conf. DIR, made where it is missing, holds
# the server's own files and log.
#
# Says "ready" once it answers. Ends, with all its sessions, when its standard input ends or it is sent
# SIGTERM.
set -euo pipefail
dir=$1 root=$2 port=$3
shift 3

mkdir -p "$dir"/{private,state,cache,lock,pid,ncalrpc}
chmod 700 "$dir/private"
user=$(id -un)
{
  echo "[global]"
  cat <<END
workgroup = WORKGROUP
server role = standalone server
interfaces = lo
bind interfaces only = yes
smb ports = $port
private dir = $dir/private
state directory = $dir/state
cache directory = $dir/cache
lock directory = $dir/lock
pid directory = $dir/pid
ncalrpc dir = $dir/ncalrpc
passdb backend = tdbsam:$dir/private/passdb.tdb
log file = $dir/log
max log size = 0
map to guest = Bad User
guest account = $user
load printers = no
printing = bsd
printcap name = /dev/null
disable spoolss = yes
read only = yes
# As macOS names what SMB forbids, and servers for it do.
vfs objects = catia
catia:mappings = 0x01:0xf001,0x0a:0xf00a,0x0d:0xf00d,0x22:0xf020,0x2a:0xf021,0x3a:0xf022,0x3c:0xf023,0x3e:0xf024,0x3f:0xf025,0x5c:0xf026,0x7c:0xf027
END
  while [ $# -ge 2 ]; do
    echo "$1 = $2"
    shift 2
  done
  cat <<END

[music]
path = $root
guest ok = yes

[private]
path = $root
valid users = $user
END
} >"$dir/smb.conf"

printf 'open sesame\nopen sesame\n' |
  pdbedit -s "$dir/smb.conf" -a -u "$user" -t >"$dir/pdbedit" 2>&1 || { cat "$dir/pdbedit" >&2; exit 1; }

"$(command -v smbd || echo /usr/sbin/smbd)" -F --no-process-group -s "$dir/smb.conf" \
  >"$dir/out" 2>&1 </dev/null &
server=$!

end() {
  kill_tree "$server"
  exit 0
}
kill_tree() {
  local child
  kill -STOP "$1" 2>/dev/null || return 0
  for child in $(pgrep -P "$1"); do kill_tree "$child"; done
  kill -KILL "$1" 2>/dev/null || true
}
trap end TERM INT

for _ in $(seq 200); do
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    echo ready
    break
  fi
  kill -0 "$server" 2>/dev/null || { cat "$dir/out" >&2; exit 1; }
  sleep 0.05
done
while read -r _; do :; done
end
