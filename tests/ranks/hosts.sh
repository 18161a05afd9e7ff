#!/bin/sh
# Two hosts on this machine, node1 and node2: network namespaces with names of their own, a link between them and sshd
# in each, for what docs/scaling.md says about several machines. Runs a command on node1; afterwards nothing is left.
#
#     tests/ranks/hosts.sh COMMAND...      by root, with iproute2, openssh-server and openssh-client
#
# RATE: bits a second of the link (1gbit; "": as fast as it goes). DELAY: on the way from one to the other (0.1ms),
# where the kernel has netem; else the rate alone is kept.
set -eu

if [ "${HOSTS_INSIDE:-}" = '' ]; then
	for tool in ip tc ssh ssh-keygen unshare; do
		command -v $tool >/dev/null || { echo "hosts: $tool is missing" >&2; exit 3; }
	done
	[ -x /usr/sbin/sshd ] || { echo 'hosts: sshd is missing (openssh-server)' >&2; exit 3; }
	[ "$(id -u)" = 0 ] || { echo 'hosts: only root can make network namespaces' >&2; exit 3; }
	HOSTS_FOLDER=$(mktemp -d)
	trap 'rm -rf "$HOSTS_FOLDER"' EXIT
	export HOSTS_FOLDER HOSTS_INSIDE=1
	status=0
	# Mounts, namespaces and processes of the inside end with it.
	unshare --mount --pid --fork --mount-proc --net --kill-child sh "$0" "$@" || status=$?
	exit $status
fi

folder=$HOSTS_FOLDER
home=$(getent passwd 0 | cut -d: -f6)
mount -t tmpfs none /run
mkdir -p /run/netns /run/sshd "$folder/ssh"
printf '127.0.0.1 localhost\n10.9.0.1 node1\n10.9.0.2 node2\n' >"$folder/hosts"
mount --bind "$folder/hosts" /etc/hosts

# A key that lets root in, and hosts that are known.
ssh-keygen -q -t ed25519 -N '' -f "$folder/ssh/id_ed25519"
ssh-keygen -q -t ed25519 -N '' -f "$folder/host"
cp "$folder/ssh/id_ed25519.pub" "$folder/ssh/authorized_keys"
echo "node1,node2 $(cat "$folder/host.pub")" >"$folder/ssh/known_hosts"
mkdir -p "$home/.ssh"
chmod 700 "$folder/ssh"
mount --bind "$folder/ssh" "$home/.ssh"
cat >"$folder/sshd" <<END
HostKey $folder/host
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
END

for i in 1 2; do
	ip netns add node$i
	ip -n node$i link set lo up
done
ip link add to2 netns node1 type veth peer name to1 netns node2
ip -n node1 addr add 10.9.0.1/24 dev to2
ip -n node2 addr add 10.9.0.2/24 dev to1
ip -n node1 link set to2 up
ip -n node2 link set to1 up
rate=${RATE-1gbit}
for i in 1 2; do
	[ "$rate" ] || continue
	to=to$((3 - i))
	tc -n node$i qdisc add dev $to root netem rate "$rate" delay "${DELAY:-0.1ms}" 2>/dev/null ||
		tc -n node$i qdisc add dev $to root tbf rate "$rate" burst 256kb latency 50ms
done

# A host has its name, and a process that sshd started must see it, too.
on() {
	host=$1
	shift
	ip netns exec "$host" unshare --uts sh -c 'hostname "$0"; exec "$@"' "$host" "$@"
}
for i in 1 2; do
	on node$i /usr/sbin/sshd -f "$folder/sshd" -E "$folder/sshd.log"
done
on node1 "$@"
