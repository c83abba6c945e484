/**
 * Programs from Debian that have to behave under accounting as they do without: same output, same exit status. Each script runs in
 * an empty directory of its own, as an ordinary user, and prints only what does not depend on time, place or process numbers.
 */
export interface RealProgram {
  readonly name: string;
  /** Debian's packages that it needs. */
  readonly packages: readonly string[];
  /** A command that is there when they are. */
  readonly command: string;
  /** Text for /bin/bash -eu -o pipefail. */
  readonly script: string;
  /** Not among those that run in CI: it takes long, or needs much installed. */
  readonly long?: true;
}

/** C sources and a makefile: forty objects and a program of them. */
const SOURCES = `for i in $(seq 40); do
  printf '#include <stdio.h>\\n#include <stdlib.h>\\n#include <string.h>\\nint f%d(int n){char*p=malloc(n+1);memset(p,%d,n);int s=0;for(int i=0;i<n;i++)s+=p[i];free(p);return s;}\\n' $i $i > f$i.c
done
{ for i in $(seq 40); do echo "int f$i(int);"; done; echo '#include <stdio.h>'; echo 'int main(void){int s=0;'
  for i in $(seq 40); do echo "s+=f$i($i);"; done; echo 'printf("%d\\n",s);return 0;}'; } > main.c
printf 'OBJ=$(patsubst %%.c,%%.o,$(wildcard *.c))\\nsum: $(OBJ)\\n\\t$(CC) -o $@ $^\\n%%.o: %%.c\\n\\t$(CC) -O2 -c -o $@ $<\\n' > Makefile`;

export const REAL_PROGRAMS: readonly RealProgram[] = [
  {
    name: "dash pipelines",
    packages: ["dash"],
    command: "dash",
    script: `dash -c 'for i in $(seq 150); do echo $i | tr 1 2 | cat | wc -c; done' | md5sum`,
  },
  {
    name: "dash substitutions and traps",
    packages: ["dash"],
    command: "dash",
    script: `dash -c 'trap "echo usr" USR1; for i in $(seq 60); do x=$( (echo 1; echo 2) | tr 1 2 | cat); [ "$x" = "2
2" ] || echo wrong; kill -USR1 $$; done' | sort | uniq -c`,
  },
  {
    name: "bash jobs",
    packages: [],
    command: "bash",
    script: `pids=; for i in $(seq 40); do (sleep 0.01; exit $((i % 7))) & pids="$pids $!"; done; s=0; for p in $pids; do wait $p || s=$((s + $?)); done; echo $s
seq 2000 | xargs -P 4 -n 50 echo | tr ' ' '\\n' | sort -n | md5sum`,
  },
  {
    name: "configure under dash",
    packages: ["autoconf", "automake", "make", "gcc"],
    command: "autoconf",
    script: `printf '%s\\n' 'AC_INIT([a],[1])' 'AC_CONFIG_HEADERS([config.h])' 'AC_PROG_CC' 'AC_CHECK_HEADERS([stdint.h stdlib.h sys/mman.h sys/epoll.h sys/event.h pthread.h fcntl.h poll.h])' \\
  'AC_CHECK_FUNCS([mmap munmap mremap madvise fork vfork epoll_wait kqueue strlcpy memfd_create pthread_create])' 'AC_CHECK_SIZEOF([long])' 'AC_CHECK_SIZEOF([void *])' 'AC_C_BIGENDIAN' 'AC_TYPE_SIZE_T' 'AC_OUTPUT' > configure.ac
autoheader 2> autoheader.log; autoconf 2> autoconf.log; CONFIG_SHELL=/bin/dash dash ./configure > configure.log; md5sum config.h; grep -c checking configure.log`,
  },
  {
    name: "gcc and make -j4",
    packages: ["gcc", "make"],
    command: "make",
    script: `${SOURCES}
make -s -j4; ./sum; cat $(ls *.o) | md5sum`,
  },
  {
    name: "git",
    packages: ["git"],
    command: "git",
    script: `export HOME=$PWD GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' GIT_AUTHOR_NAME=a GIT_COMMITTER_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_EMAIL=a
git init -q -b main r; cd r
for i in $(seq 30); do seq $((i * 100)) > f$((i % 5)); git add .; git commit -q -m "$i"; done
git gc -q --aggressive; git fsck 2>&1; git rev-parse HEAD; git clone -q . ../c; git -C ../c log --oneline | wc -l; git grep -c 7 | sort | md5sum`,
  },
  {
    name: "perl with timers and children",
    packages: ["perl"],
    command: "perl",
    script: `perl -e 'use Time::HiRes qw(setitimer ITIMER_REAL); my $n=0; $SIG{ALRM}=sub{$n++}; setitimer(ITIMER_REAL,0.002,0.002);
my @a; for my $i (1..30000) { push @a, "x" x (100 + $i % 1000); @a = () if @a > 3000 } print $n > 0 ? "ticked\\n" : "never\\n"; print scalar(@a), "\\n";
$SIG{CHLD}=sub{}; my $s=0; for (1..100) { my $p=fork(); die "fork: $!" unless defined $p; exit($_ % 11) unless $p; my $w; do { $w = waitpid($p,0) } while ($w < 0 && $!{EINTR}); $s += $? >> 8 } print "$s\\n"'`,
  },
  {
    name: "python: asyncio, multiprocessing, setitimer",
    packages: ["python3"],
    command: "python3",
    script: `cat > p.py <<'END'
import asyncio, multiprocessing, signal, subprocess, threading, mmap
ticks = 0
def tick(*_):
    global ticks; ticks += 1
def square(n): return n * n
async def child(i):
    p = await asyncio.create_subprocess_exec("/bin/echo", str(i), stdout=asyncio.subprocess.PIPE)
    return int((await p.communicate())[0])
async def children(): return sum(await asyncio.gather(*(child(i) for i in range(40))))
if __name__ == "__main__":
    signal.signal(signal.SIGALRM, tick); signal.setitimer(signal.ITIMER_REAL, .003, .003)
    data = []
    for i in range(400):
        data.append(bytearray(200000)); m = mmap.mmap(-1, 1 << 20); m[5] = 7; m.close()
        if len(data) > 20: data.clear()
    for i in range(40): assert subprocess.run(["/bin/true"]).returncode == 0
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(ticks > 0, asyncio.run(children()))
    with multiprocessing.get_context("fork").Pool(4) as pool: print(sum(pool.map(square, range(1000))))
    with multiprocessing.get_context("spawn").Pool(2) as pool: print(sum(pool.map(square, range(100))))
    total = []
    threads = [threading.Thread(target=lambda: total.append(len(bytearray(1 << 20)))) for _ in range(20)]
    [t.start() for t in threads]; [t.join() for t in threads]; print(sum(total))
END
python3 p.py`,
  },
  {
    name: "node: workers, children, zlib",
    packages: ["nodejs"],
    command: "node",
    script: `cat > n.mjs <<'END'
import { Worker } from "node:worker_threads"; import { execFileSync, spawn } from "node:child_process"; import { gzipSync, gunzipSync } from "node:zlib"; import { createHash } from "node:crypto";
const made = await Promise.all([1, 2, 3].map((n) => new Promise((done) => new Worker("const {parentPort,workerData}=require('worker_threads');let s=0;for(let i=0;i<1e6;i++)s+=i%workerData;parentPort.postMessage(s)", { eval: true, workerData: n }).on("message", done))));
console.log(made.join(" ")); for (let i = 0; i < 20; i++) if (execFileSync("/bin/echo", [String(i)]).toString() !== i + "\\n") console.log("wrong");
await Promise.all(Array.from({ length: 20 }, () => new Promise((done) => spawn("/bin/true").on("exit", done))));
const bytes = Buffer.alloc(5e6, "lyonnais"); console.log(createHash("sha256").update(gunzipSync(gzipSync(bytes))).digest("hex"));
END
node n.mjs`,
  },
  {
    name: "xz and zstd with threads",
    packages: ["xz-utils", "zstd"],
    command: "zstd",
    script: `seq 400000 > a; xz -T2 -3 -k a; xz -dc a.xz | md5sum; zstd -q -T2 a; zstd -dqc a.zst | md5sum; tar cf - a | gzip | tar xzOf - a | md5sum`,
  },
  {
    name: "sqlite",
    packages: ["sqlite3"],
    command: "sqlite3",
    script: `sqlite3 d 'create table t(a integer primary key, b text); with recursive n(i) as (select 1 union all select i+1 from n where i<50000) insert into t select i, hex(i*7) from n; create index x on t(b); select count(*), sum(length(b)) from t; pragma integrity_check'`,
  },
  {
    name: "redis with BGSAVE",
    packages: ["redis-server"],
    command: "redis-server",
    script: `redis-server --port 0 --unixsocket $PWD/s --dir $PWD --save '' --daemonize yes --pidfile $PWD/pid > log
trap 'kill $(cat pid) 2> /dev/null || true' EXIT
r() { redis-cli -s s "$@"; }
until [ "$(r ping 2> /dev/null)" = PONG ]; do :; done
r debug populate 20000 > /dev/null; r bgsave > /dev/null; until r info persistence | grep -q rdb_bgsave_in_progress:0; do :; done
r info persistence | grep rdb_last_bgsave_status | tr -d '\\r'; r dbsize; r shutdown nosave || true`,
  },
  {
    name: "nginx",
    packages: ["nginx-light", "curl"],
    command: "nginx",
    script: `mkdir w; seq 1000 > w/a; printf 'daemon on; pid %s/pid; error_log %s/e; worker_processes 2; events {} http { access_log off; client_body_temp_path %s/t1; proxy_temp_path %s/t2; fastcgi_temp_path %s/t3; uwsgi_temp_path %s/t4; scgi_temp_path %s/t5; server { listen unix:%s/s; root %s/w; } }' $PWD $PWD $PWD $PWD $PWD $PWD $PWD $PWD $PWD > c
/usr/sbin/nginx -c $PWD/c -e $PWD/e; trap 'kill $(cat pid)' EXIT
for i in $(seq 20); do curl -s --unix-socket s http://x/a; done | md5sum; kill -HUP $(cat pid); for i in $(seq 20); do curl -s --unix-socket s http://x/a; done | md5sum`,
  },
  {
    name: "PostgreSQL with pgbench",
    packages: ["postgresql"],
    command: "pg_config",
    long: true,
    script: `export PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
initdb -D d -U a --no-sync > log 2>&1; pg_ctl -D d -w -o "-k $PWD -h ''" -l l start > /dev/null; trap 'pg_ctl -D d -m immediate stop > /dev/null' EXIT
createdb -h $PWD -U a b; pgbench -h $PWD -U a -i -q b 2> /dev/null; pgbench -h $PWD -U a -c 4 -t 200 b 2> /dev/null | grep -E 'processed|failed'; psql -h $PWD -U a -At -c 'select count(*) from pgbench_history' b`,
  },
  {
    name: "ruby",
    packages: ["ruby"],
    command: "ruby",
    script: `ruby -e 'p (1..30).map { |i| Process.wait(fork { exit(i % 5) }); $?.exitstatus }.sum; Signal.trap("ALRM") { }; 20.times { p $?.success? unless system("true") }; p Array.new(200000) { |i| i.to_s }.join.size; p 4.times.map { |i| Thread.new { (1..10000).sum * i } }.sum(&:value)'`,
  },
  {
    name: "strace and gdb inside the tree",
    packages: ["strace", "gdb", "gcc"],
    command: "strace",
    script: `strace -f -e trace=execve -o log sh -c '/bin/true; /bin/echo x'; grep -c 'execve(' log
printf 'int leaf(int n){return n+1;}int main(void){return leaf(41)-42;}' > a.c; gcc -g -o a a.c
gdb -nx -q -batch -ex 'break leaf' -ex run -ex bt -ex cont a 2>&1 | grep -cE '^#[01]|exited normally'`,
  },
  {
    name: "bubblewrap",
    packages: ["bubblewrap"],
    command: "bwrap",
    script: `bwrap --ro-bind / / --dev /dev --tmpfs /tmp sh -c 'seq 3 | wc -l; python3 -c "print(len(bytearray(10000000)))"' `,
  },
  {
    name: "tmux",
    packages: ["tmux"],
    command: "tmux",
    script: `export TMUX_TMPDIR=$PWD SHELL=/bin/sh; tmux -f /dev/null new-session -d -x 80 -y 24 -c $PWD "sh -c 'seq 5 | tr 1 2 > $PWD/part; mv $PWD/part $PWD/out; cat'"; for i in $(seq 200); do [ -e out ] && break; sleep 0.05; done; cat out; tmux kill-server`,
  },
  {
    name: "OpenJDK",
    packages: ["default-jdk-headless"],
    command: "javac",
    long: true,
    script: `printf 'public class A{public static void main(String[] a)throws Exception{java.util.List<Thread> l=new java.util.ArrayList<>();long[] s=new long[8];for(int i=0;i<8;i++){int k=i;Thread t=new Thread(()->{for(int j=0;j<100000;j++)s[k]+=new byte[100].length;});l.add(t);t.start();}for(Thread t:l)t.join();System.gc();System.out.println(java.util.Arrays.stream(s).sum());System.out.println(new ProcessBuilder("/bin/true").start().waitFor());}}' > A.java; javac -J-Xmx256m A.java; java -Xmx256m A`,
  },
  {
    name: "Go",
    packages: ["golang-go"],
    command: "go",
    long: true,
    script: `export HOME=$PWD GOCACHE=$PWD/c GOFLAGS=-mod=mod GO111MODULE=off
printf 'package main\\nimport("fmt";"os/exec";"sync")\\nfunc main(){var w sync.WaitGroup;var m sync.Mutex;n:=0;for i:=0;i<40;i++{w.Add(1);go func(){defer w.Done();b:=make([]byte,1<<20);b[5]=1;if exec.Command("/bin/true").Run()==nil{m.Lock();n+=len(b);m.Unlock()}}()};w.Wait();fmt.Println(n)}' > a.go; go run a.go`,
  },
  {
    name: "ffmpeg",
    packages: ["ffmpeg"],
    command: "ffmpeg",
    long: true,
    script: `ffmpeg -nostdin -v error -f lavfi -i testsrc=duration=1:size=320x240:rate=25 -c:v mpeg2video -threads 2 -f null - ; ffmpeg -nostdin -v error -f lavfi -i testsrc=duration=1:size=320x240:rate=25 -threads 1 -bitexact -f md5 -`,
  },
  {
    name: "Chromium, headless",
    packages: ["chromium"],
    command: "chromium",
    long: true,
    script: `export HOME=$PWD; printf '<title>x</title><body><script>document.body.textContent=[1,2,3].map(x=>x*x).join("-")</script>' > a.html
chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=$PWD/u --dump-dom file://$PWD/a.html 2> /dev/null`,
  },
  {
    name: "stress-ng: signals and memory",
    packages: ["stress-ng"],
    command: "stress-ng",
    script: `for s in sigsuspend sigq sigpending sigfd itimer timer sigrt sigchld brk mmap mprotect fork vfork; do stress-ng -q --$s 2 --$s-ops 300 --timeout 20 > /dev/null 2>&1 && echo "$s ok" || echo "$s $?"; done`,
  },
];
