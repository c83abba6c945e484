/** Where the keeper, and through it the next daemon, finds what it inherits. */
export const INHERITED = { sendEnd: 3, receiveEnd: 4, lock: 5, life: 6 } as const;

/** Names the keeper, by its process id, to the daemon that it starts. */
export const KEEPER_VARIABLE = "LYONNAIS_KEEPER";

export interface Patience {
  /** Starts within a minute; one more is too many. */
  readonly perMinute: number;
  /** Starts of them without a pause; before the later ones it waits for 1, 2, 4 and then 8 seconds. */
  readonly atOnce: number;
}

/**
 * The keeper, a program for sh(1): arguments are the two of {@link Patience}, then the command to start. It is no Node
 * program because all that it does is to have descriptors open and to wait, for which the shell takes a hundredth of the
 * memory (docs/decisions/010). `read` returns when the daemon that started it has died: nothing is ever written there. The
 * daemons after that are its children. What it runs beside them gets no descriptor, so that none outlives it.
 */
export const KEEPER_SCRIPT: string = `
per_minute=$1 at_once=$2
shift 2
{ printf lyonnais >/proc/$$/comm; } 2>/dev/null
read -r nothing <&${INHERITED.life}
exec ${INHERITED.life}<&-
how='without a word' starts=0 since=0
while :; do
  read -r now rest </proc/uptime
  now=\${now%.*}
  if [ $((now - since)) -ge 60 ]; then since=$now starts=0; fi
  starts=$((starts + 1))
  if [ $starts -gt $per_minute ]; then
    echo "lyonnais: keeper: the daemon ended $how, $starts times within a minute; giving up: what it kept is closed" >&2
    exit 1
  fi
  echo "lyonnais: keeper: the daemon ended $how; starting it again" >&2
  pause=0
  if [ $starts -gt $at_once ]; then pause=$((1 << (starts - at_once - 1))); fi
  if [ $pause -gt 8 ]; then pause=8; fi
  if [ $pause -gt 0 ]; then
    sleep $pause ${INHERITED.sendEnd}>&- ${INHERITED.receiveEnd}>&- ${INHERITED.lock}>&-
  fi
  ${KEEPER_VARIABLE}=$$ "$@"
  how="with status $?"
done
`;
