/** Where the keeper, and through it the next daemon, finds what it inherits. */
export const INHERITED = { sendEnd: 3, receiveEnd: 4, lock: 5, life: 6, guardLife: 7, guard: 8 } as const;

/** Names the keeper, by its process id, to the daemon that it starts, and says whether it has a guard. */
export const KEEPER_VARIABLE = "LYONNAIS_KEEPER";

/**
 * `keeper` and `guard` are the same program. The keeper waits for the end of the daemon, the guard for the end of daemon and
 * keeper: so two of the three can be killed, and nothing is lost. A guard that has had to start a daemon is a keeper without a
 * guard; that daemon makes a new pair.
 */
export const ROLES = { keeper: "guarded", guard: "alone" } as const;

/** How a daemon ends that is not needed, because another one is there: its keeper ends, too. */
export const SURPLUS_STATUS = 75;

export interface Patience {
  /** Starts within a minute; one more is too many. */
  readonly perMinute: number;
  /** Starts of them without a pause; before the later ones it waits for 1, 2, 4 and then 8 seconds. */
  readonly atOnce: number;
}

/**
 * The keeper, a program for sh(1): arguments are its word of {@link ROLES}, the two of {@link Patience}, then the command to start. It is no Node
 * program because all that it does is to have descriptors open and to wait, for which the shell takes a hundredth of the
 * memory (docs/decisions/010). `read` returns when nobody has the other end any more: what is written
 * there is for a guard, whose keeper gives up. Of a keeper's the daemon
 * that started it has it; of a guard's that daemon, the keeper, and through it the daemons that one starts. The
 * daemons after that are its children. What it runs beside them gets no descriptor, so that none outlives it.
 */
export const KEEPER_SCRIPT: string = `
role=$1 per_minute=$2 at_once=$3
shift 3
{ printf lyonnais >/proc/$$/comm; } 2>/dev/null
if read -r nothing <&${INHERITED.life}; then exit; fi
exec ${INHERITED.life}<&-
how='without a word' starts=0 since=0
while :; do
  read -r now rest </proc/uptime
  now=\${now%.*}
  if [ $((now - since)) -ge 60 ]; then since=$now starts=0; fi
  starts=$((starts + 1))
  if [ $starts -gt $per_minute ]; then
    echo "lyonnais: keeper: the daemon ended $how, $starts times within a minute; giving up: what it kept is closed" >&2
    if [ "$role" = ${ROLES.keeper} ]; then echo >&${INHERITED.guardLife}; fi
    exit 1
  fi
  echo "lyonnais: keeper: the daemon ended $how; starting it again" >&2
  pause=0
  if [ $starts -gt $at_once ]; then pause=$((1 << (starts - at_once - 1))); fi
  if [ $pause -gt 8 ]; then pause=8; fi
  if [ $pause -gt 0 ]; then
    sleep $pause ${INHERITED.sendEnd}>&- ${INHERITED.receiveEnd}>&- ${INHERITED.lock}>&- \\
      ${INHERITED.guardLife}>&- ${INHERITED.guard}>&-
  fi
  ${KEEPER_VARIABLE}="$$ $role" "$@"
  status=$?
  if [ $status -eq ${SURPLUS_STATUS} ]; then exit; fi
  how="with status $status"
done
`;
