#!/bin/bash
# The seed's whole debugging sequence with nothing but a shell: session.sh MOUNT PROGRAM
# PROGRAM is test/programs/counter: it counts while `go` is set, then prints `text` and leaves with status 7.
set -euo pipefail
mount=$1 program=$2
address() { echo $((16#$(nm "$program" | awk -v name="$1" '$3 == name { print $1 }'))); }
# Which of the registers, 8 bytes each, says where the next instruction is.
case $(uname -m) in x86_64) counter=16 ;; aarch64) counter=32 ;; esac
pc() { dd if=regs bs=8 skip=$counter count=1 status=none | xxd -p; }

out=$(mktemp)
"$program" > "$out" &
pid=$!
trap 'kill -9 $pid 2> /dev/null || true; rm -f "$out"' EXIT
until grep -q ready "$out"; do sleep 0.01; done
cd "$mount/$pid"

echo attach > ctl
echo wait > ctl
echo "text: $(dd if=mem bs=1 skip="$(address text)" count=6 status=none 2> /dev/null)"
printf 'after\0' | dd of=mem bs=1 seek="$(address text)" conv=notrunc status=none
before=$(pc)
/bin/echo step > ctl
echo wait | cat > ctl
after=$(pc)
[ "$before" != "$after" ] && echo "stepped"

echo run > ctl
echo stop > ctl
echo wait > ctl
printf '\0\0\0\0' | dd of=mem bs=1 seek="$(address go)" conv=notrunc status=none
echo detach > ctl
cd /
status=0
wait $pid || status=$?
echo "status $status"
cat "$out"
