#!/usr/bin/env bash
# An SFTP server for tests: sshd on 127.0.0.1, with keys of its own, that cannot write.
#
#   tests/servers/sshd.sh DIR ROOT PORT [OPTION VALUE]...
#
# In DIR, made where it is missing: host_ed25519, host_rsa, host_ecdsa (the server's keys), user (the
# key that it lets in), known_hosts (its keys), log. Sessions begin in ROOT. Further options are those
# of sshd_config, such as: HostKeyAlgorithms rsa-sha2-512; and LogReads FILE, for a log of how many
# bytes of each file were read, where the user who logs in has a shell.
#
# Says "ready" once it answers. Ends, with all its sessions, when its standard input ends or it is sent
# SIGTERM.
set -euo pipefail
dir=$1 root=$2 port=$3
shift 3

sftp_server() {
  local found
  for found in /usr/lib/openssh/sftp-server /usr/libexec/{openssh/,}sftp-server; do
    [ ! -x "$found" ] || echo "$found"
  done | head -n 1
}

mkdir -p "$dir"
# Whoever logs in has to read which keys let in.
chmod 755 "$dir"
for type in ed25519 rsa ecdsa; do
  [ -f "$dir/host_$type" ] || ssh-keygen -q -t "$type" -N '' -C '' -f "$dir/host_$type"
done
[ -f "$dir/user" ] || ssh-keygen -q -t ed25519 -N '' -C user -f "$dir/user"
cp "$dir/user.pub" "$dir/authorized_keys"
for key in "$dir"/host_*.pub; do
  echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$key")"
done >"$dir/known_hosts"

subsystem="internal-sftp -R -d $root"
{
  while [ $# -ge 2 ]; do
    case $1 in
      # The server inside sshd can only log to the system.
      LogReads) subsystem="$(sftp_server) -R -d $root -e -l VERBOSE 2>>$2" ;;
      *) echo "$1 $2" ;;
    esac
    shift 2
  done
  cat <<END
Port $port
ListenAddress 127.0.0.1
HostKey $dir/host_ed25519
HostKey $dir/host_rsa
HostKey $dir/host_ecdsa
PidFile none
AuthorizedKeysFile $dir/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
Subsystem sftp $subsystem
LogLevel VERBOSE
END
} >"$dir/sshd_config"

# Where sshd of root keeps what has no rights.
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd

"$(command -v sshd || echo /usr/sbin/sshd)" -D -E "$dir/log" -f "$dir/sshd_config" &
server=$!

# With its sessions, which are no group of their own, the youngest last, so that none gets away.
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
  kill -0 "$server" 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
  sleep 0.05
done
while read -r _; do :; done
end
