#!/usr/bin/env bash
# s3.sh DIR ROOT PORT: S3 by a Ceph gateway at http://127.0.0.1:PORT/, key AKAKAKAK and SKSKSKSK.
# Objects are kept in memory; ROOT is not used. Ports of its own are above PORT.
set -euo pipefail
dir=$1 port=$3
. "$(dirname "$0")/serve.sh"
need ceph ceph-mon ceph-osd monmaptool radosgw radosgw-admin

mkdir -p "$dir"/{mon,osd,run,log,gateway}
export CEPH_CONF=$dir/ceph.conf
: >"$dir/keyring"
exec >>"$dir/log/out" 2>&1
cluster=$(cat /proc/sys/kernel/random/uuid)
monitor=$((port + 1))
cat >"$CEPH_CONF" <<CONF
[global]
fsid = $cluster
mon host = v1:127.0.0.1:$monitor
public network = 127.0.0.0/8
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
ms bind port min = $((port + 2))
ms bind port max = $((port + 20))
auth cluster required = none
auth service required = none
auth client required = none
run dir = $dir/run
admin socket = $dir/run/\$name.asok
log file = $dir/log/\$name
mon data = $dir/mon
mon allow pool size one = true
# Else it ends where less than a twentieth of the disk is free.
mon data avail crit = 1
mon max pg per osd = 2000
mon warn on insecure global id reclaim = false
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 1073741824
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd crush chooseleaf type = 0
# Else it asks for its place before it knows the cluster, at times, and ends.
osd crush update on start = false
osd class update on start = false
[client.admin]
keyring = $dir/keyring
[client.rgw]
rgw data = $dir/gateway
rgw dns name = localhost
CONF

# Tries until a command succeeds, for a minute or so.
until_works() {
  local end=$((SECONDS + 60))
  until timeout 30 "$@"; do
    if [ "$SECONDS" -gt "$end" ]; then
      echo "error: this did not succeed within a minute: $*" >&2
      exit 1
    fi
    sleep 0.2
  done
}

monmaptool --create --fsid "$cluster" --addv a "v1:127.0.0.1:$monitor" "$dir/monmap"
ceph-mon --mkfs -i a --monmap "$dir/monmap"
# At times it hangs while it starts; then another does not.
for attempt in 1 2 3 4 5 6; do
  ceph-mon -f -i a &
  monitoring=$!
  for try in 1 2 3; do
    timeout 4 ceph status && break 2
  done
  echo "attempt $attempt of the monitor failed"
  kill -KILL "$monitoring" 2>/dev/null || true
done
watched+=("$monitoring")
until_works ceph status
disk=$(cat /proc/sys/kernel/random/uuid)
ceph osd new "$disk"
ceph-osd -i 0 --mkfs --osd-uuid "$disk"
ceph osd crush add osd.0 1.0 root=default host=here
start ceph-osd -f -i 0
until_works sh -c "ceph osd stat 2>/dev/null | grep -q '1 up'"
until_works radosgw-admin user create --uid t --display-name t \
  --access-key AKAKAKAK --secret SKSKSKSK
serve radosgw -f -n client.rgw --rgw-frontends "beast endpoint=127.0.0.1:$port"
