#!/bin/sh
# Runs one command as a user inside another root, and tells whether a process is left behind.
# Meant to be process 1 of new mount and pid namespaces: see scripts/fresh.py, which calls
#   unshare --mount --pid --fork --kill-child sh scripts/enter_root.sh ROOT USER FOLDER ENVFILE COMMAND…
# The root is entered by pivot_root: in a plain chroot the kernel refuses user namespaces, and with them
# Chromium's sandbox and bubblewrap. ROOT/.binds lists folders of the host to show inside, read-only.
set -eu
root=$1 user=$2 folder=$3 envfile=$4
shift 4

if [ -n "${FRESH_NETWORK_CUT:-}" ]; then
    python3 - <<'UP'
import fcntl, socket, struct  # a new network namespace has its loopback switched off
link = socket.socket()
fcntl.ioctl(link, 0x8914, struct.pack("16sH14s", b"lo", 0x1 | 0x40, b""))
UP
fi

mount --bind "$root" "$root"
while read -r shown; do
    mkdir -p "$root$shown"
    mount --bind "$shown" "$root$shown"
    mount -o remount,bind,ro "$root$shown"
done <"$root/.binds"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
    : >"$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm" "$root/.old"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"

cd "$root"
pivot_root . .old
cd /
umount -l /.old
rmdir /.old

code=0
trap : INT  # Ctrl-C is for the command; this shell stays to look who is left
# shellcheck disable=SC2016  # the inner shell expands these, not this one
setpriv --reuid="$user" --regid="$user" --init-groups \
    env -i sh -c 'set -a; . "$1"; set +a; cd "$2"; shift 2; exec "$@"' sh "$envfile" "$folder" "$@" || code=$?

# Whoever is still there after the command was left behind. (This shell and its children do not count.)
left=""
for status in /proc/[0-9]*/status; do
    pid=${status#/proc/}
    pid=${pid%/status}
    [ "$pid" = 1 ] && continue
    case $(cat "$status" 2>/dev/null) in
    "" | *"State:	Z"*) continue ;;
    esac
    left="$left $pid:$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c1-80)"
done
[ -z "$left" ] || echo "LEFT BEHIND:$left"
exit "$code"
