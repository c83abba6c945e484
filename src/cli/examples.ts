/** An example of each command for its --help: what one wants, and what one types. */
export const EXAMPLES: Readonly<Record<string, readonly [wish: string, ...lines: string[]]>> = {
  start: ["look at this machine's processes below ./proc", "lyonnais start"],
  mount: ["let every user look, each with its own rights", "lyonnais mount -o allow_other /mnt"],
  umount: ["what mount did, undone", "lyonnais umount /mnt"],
  daemon: ["one that stays, for accounts and history that last", "lyonnais daemon"],
  stop: ["end the daemon, and lift the limits of what runs", "lyonnais stop --force"],
  serve: ["to other hosts, whoever has a certificate", "lyonnais serve -l tls:0.0.0.0:5640 --tls server.toml"],
  shell: ["a script of words", "echo 'cat curproc/status' | lyonnais shell"],
  ls: ["the files of process 1293, with their modes", "lyonnais ls -l 1293"],
  cat: ["who has reserved how much", "lyonnais cat accounts"],
  write: ["stop process 1293, and wait until it has stopped", "lyonnais write 1293/ctl 'attach; wait'"],
  bt: ["where each thread of process 1293 is", "lyonnais bt -a 1293"],
  regs: ["the registers of process 1293, for a program", "lyonnais regs --json 1293"],
  gdb: ["debug process 1293", "lyonnais gdb 1293"],
  run: ["give a build and all its processes one gigabyte together", "lyonnais run -j 1g -- make -j4"],
  jobs: ["the trees of processes under accounting, with their limits", "lyonnais jobs"],
  agent: ["take in containers that run under the profile", "lyonnais agent"],
  "oci-profile": [
    "a seccomp profile for containers of one gigabyte each",
    "lyonnais oci-profile --swap 1g > profile.json",
  ],
  enrol: [
    "hold everybody who logs in to the limits, in /etc/pam.d/sshd",
    "session required pam_exec.so /usr/local/bin/lyonnais enrol",
  ],
  metrics: [
    "for node_exporter's textfile collector, every minute",
    "* * * * * root lyonnais metrics > /run/lyonnais.new && mv /run/lyonnais.new /var/lib/prometheus/node-exporter/lyonnais.prom",
  ],
  report: [
    "who was refused memory in the last twelve hours, and by which limit",
    "lyonnais report --since 12h --refusals",
  ],
  suggest: ["a limit that would have been enough for uid 1000 since last week", "lyonnais suggest 1000"],
  limits: ["what holds for alice, and which line says so", "lyonnais limits show alice"],
  md: ["half a gigabyte of memory as a disk, charged to uid 1000", "lyonnais md create -s 512m -u 1000"],
  vm: [
    "what FreeBSD charges in a scenario, step by step",
    "lyonnais vm run --step --rules freebsd test/vectors/freebsd.json",
  ],
  completion: ["in ~/.bashrc", "source <(lyonnais completion bash)"],
  doctor: ["what works here, for a program", "lyonnais doctor --json"],
};

/** What `--help` of a command ends with; nothing where there is no example. */
export function exampleText(name: string): string {
  const [wish, ...lines] = EXAMPLES[name] ?? [];
  return wish === undefined ? "" : `\nExample: ${wish}\n${lines.map((line) => `  ${line}`).join("\n")}`;
}
