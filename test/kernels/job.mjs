// What a guest does, as a script for bash: each row of the table between a line that begins it and one that ends it.

/** Those of the tests that know a kernel from another. */
export const SHORT = [
  "src/host/",
  "live/abi-facts",
  "live/control",
  "live/limits.",
  "live/memory",
  "live/run-launch",
  "live/words",
  "root/limits-uids",
  "root/permission",
];
export const LONG = [
  ...SHORT,
  "conformance/fuse",
  "live/daemon",
  "live/inject",
  "live/keeper",
  "live/lifecycle",
  "live/limits-escapes",
  "live/limits-traps",
  "live/status",
  "live/tree",
];
/** Yama's. */
export const SCOPES = [0, 1, 2];
/** Seconds for all the tests. */
export const PATIENCE = 2400;

const MEMORY_ERROR = `
blocks = []
try:
    while True: blocks.append(bytearray(1 << 20))
except MemoryError: print("refused at", len(blocks), "MiB")`;

export function jobScript(parts) {
  return `
cd /app
export HOME=/tmp
program=/app/dist/test/programs/counter
# row SECONDS NAME COMMAND
row() {
  local seconds=$1 name=$2 begun=$SECONDS status; shift 2
  echo "== begin $name"
  timeout $seconds "$@"; status=$?
  echo "== end $name $status $((SECONDS - begun))"
}
ordinary() { setpriv --reuid 61001 --regid 61001 --clear-groups env LYONNAIS_RUNTIME_DIR=/tmp/ordinary-$scope XDG_STATE_HOME=/tmp/ordinary-$scope "$@"; }
# A whole session of debugging by words, through a mount: words env 0, or words ordinary 61001.
words() {
  local status=0 mnt=/tmp/mnt-$scope-$2
  mkdir -p $mnt /tmp/ordinary-$scope; chown $2 $mnt; chown 61001 /tmp/ordinary-$scope
  $1 /app/bin/lyonnais mount $mnt || return
  $1 bash -x /app/test/live/session.sh $mnt $program || status=$?
  $1 /app/bin/lyonnais umount $mnt || status=$?
  return $status
}
# An ordinary user's program meets its limit, and goes on.
limit() {
  mkdir -p /tmp/ordinary-$scope; chown 61001 /tmp/ordinary-$scope
  ordinary /app/bin/lyonnais run -w 256m -- python3 -c '${MEMORY_ERROR}' | tee /tmp/said
  grep -q '^refused at 2[0-9][0-9] MiB$' /tmp/said
}
export -f words limit ordinary; export program
uname -rm
row 300 doctor bin/lyonnais doctor
# Compiles what is not there, as for another processor than this machine's.
row 300 program node --input-type=module -e 'import { program } from "/app/dist/test/support/programs.js"; program("counter")'
row ${PATIENCE} tests node scripts/test.mjs ${parts.join(" ")}
for scope in ${SCOPES.join(" ")}; do
  export scope
  echo $scope > /proc/sys/kernel/yama/ptrace_scope
  row 300 "words root yama $scope" bash -c 'words env 0'
  # Yama lets a server of an ordinary user control its own children alone (1), or nobody (2).
  if [ $scope = 0 ]; then row 300 "words user yama 0" bash -c 'words ordinary 61001'
  else row 300 "words user yama $scope: refused" bash -c '! words ordinary 61001'; fi
  # A listener is taken by pidfd_getfd(2), which asks Yama as well.
  if [ $scope = 2 ]; then row 300 "limit user yama 2: refused" bash -c '! limit'
  else row 300 "limit user yama $scope" bash -c limit; fi
done
`;
}
