/* Prints what the C headers of this machine say about the facts of src/core/abi: one "name value" a line. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <elf.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/rseq.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/user.h>
#include <poll.h>
#include <sys/wait.h>

#define FACT(name, value) printf("%s %lld\n", name, (long long)(value))
#define SIGNAL(name, constant) FACT("signal." name, constant)

#if defined(__x86_64__)
#define NATIVE_AUDIT_ARCH AUDIT_ARCH_X86_64
#define REGS struct user_regs_struct
#define REG(field) FACT("register." #field, offsetof(REGS, field))
static void registers(void) {
  REG(r15); REG(r14); REG(r13); REG(r12); REG(rbp); REG(rbx); REG(r11); REG(r10); REG(r9); REG(r8);
  REG(rax); REG(rcx); REG(rdx); REG(rsi); REG(rdi); REG(orig_rax); REG(rip); REG(cs); REG(eflags); REG(rsp); REG(ss);
  REG(fs_base); REG(gs_base); REG(ds); REG(es); REG(fs); REG(gs);
}
#define FP(name, field) FACT("floating." name, offsetof(struct user_fpregs_struct, field))
static void floating(void) {
  FP("fcw", cwd), FP("fsw", swd), FP("ftw", ftw), FP("fop", fop), FP("fip", rip), FP("fdp", rdp), FP("mxcsr", mxcsr);
  FP("mxcsr_mask", mxcr_mask), FP("st0", st_space), FP("xmm0", xmm_space);
  FACT("floatingSize", sizeof(struct user_fpregs_struct));
}
#elif defined(__aarch64__)
#define NATIVE_AUDIT_ARCH AUDIT_ARCH_AARCH64
#define FP(name, field) FACT("floating." name, offsetof(struct user_fpsimd_struct, field))
static void floating(void) {
  FP("v0", vregs), FP("fpsr", fpsr), FP("fpcr", fpcr);
  FACT("floatingSize", sizeof(struct user_fpsimd_struct));
}
#define REGS struct user_regs_struct
static void registers(void) {
  for (int i = 0; i < 31; i++) printf("register.x%d %zu\n", i, offsetof(REGS, regs) + 8 * i);
  FACT("register.sp", offsetof(REGS, sp));
  FACT("register.pc", offsetof(REGS, pc));
  FACT("register.pstate", offsetof(REGS, pstate));
}
#endif

int main(void) {
  registers();
  floating();
  FACT("registerSize", sizeof(REGS));
  FACT("ntPrfpreg", NT_PRFPREG);
  FACT("poll.POLLIN", POLLIN);
  FACT("poll.POLLPRI", POLLPRI);
  FACT("poll.POLLOUT", POLLOUT);
  FACT("poll.POLLHUP", POLLHUP);
  FACT("poll.POLLRDNORM", POLLRDNORM);
  FACT("poll.POLLWRNORM", POLLWRNORM);
  FACT("used.SIGINFO_PID", offsetof(siginfo_t, si_pid));
  FACT("used.SIGINFO_UID", offsetof(siginfo_t, si_uid));
  FACT("used.SIGINFO_ADDRESS", offsetof(siginfo_t, si_addr));
  FACT("ntPrstatus", NT_PRSTATUS);
  FACT("sysSeccomp", SYS_seccomp);
  FACT("call.sysPrctl", SYS_prctl);
  FACT("call.sysClose", SYS_close);
  FACT("call.auditArch", NATIVE_AUDIT_ARCH);
#define CALL(name) FACT("native." #name, __NR_##name)
  CALL(kcmp), CALL(mmap), CALL(mprotect), CALL(brk), CALL(mremap), CALL(shmget), CALL(clone), CALL(execve);
  CALL(ftruncate), CALL(setuid), CALL(setreuid), CALL(setresuid), CALL(fallocate), CALL(execveat), CALL(pkey_mprotect);
  CALL(clone3), CALL(prctl), CALL(rt_sigaction), CALL(ptrace);
#ifdef __NR_fork
  CALL(fork), CALL(vfork);
#endif
  FACT("PTRACE_TRACEME", PTRACE_TRACEME);
  FACT("PTRACE_ATTACH", PTRACE_ATTACH);
  FACT("PTRACE_LISTEN", PTRACE_LISTEN);
  FACT("PTRACE_O_TRACEFORK", PTRACE_O_TRACEFORK);
  FACT("PTRACE_O_TRACEVFORK", PTRACE_O_TRACEVFORK);
  FACT("PTRACE_O_TRACEVFORKDONE", PTRACE_O_TRACEVFORKDONE);
  FACT("PTRACE_EVENT_FORK", PTRACE_EVENT_FORK);
  FACT("PTRACE_EVENT_VFORK", PTRACE_EVENT_VFORK);
  FACT("PTRACE_EVENT_VFORK_DONE", PTRACE_EVENT_VFORK_DONE);
  FACT("PTRACE_PEEKUSER", PTRACE_PEEKUSER);
  FACT("PTRACE_POKEUSER", PTRACE_POKEUSER);
  FACT("PTRACE_CONT", PTRACE_CONT);
  FACT("PTRACE_SETOPTIONS", PTRACE_SETOPTIONS);
  FACT("PTRACE_SINGLESTEP", PTRACE_SINGLESTEP);
  FACT("PTRACE_DETACH", PTRACE_DETACH);
  FACT("PTRACE_SYSCALL", PTRACE_SYSCALL);
  FACT("PTRACE_GETSIGINFO", PTRACE_GETSIGINFO);
  FACT("PTRACE_GETSIGMASK", PTRACE_GETSIGMASK);
  FACT("PTRACE_SETSIGMASK", PTRACE_SETSIGMASK);
  FACT("PTRACE_SECCOMP_GET_FILTER", PTRACE_SECCOMP_GET_FILTER);
  FACT("PTRACE_GET_SYSCALL_INFO", PTRACE_GET_SYSCALL_INFO);
  FACT("callInfo.size", sizeof(struct __ptrace_syscall_info));
  FACT("callInfo.op", offsetof(struct __ptrace_syscall_info, op));
  FACT("callInfo.entry", PTRACE_SYSCALL_INFO_ENTRY);
  FACT("callInfo.exit", PTRACE_SYSCALL_INFO_EXIT);
  FACT("callInfo.number", offsetof(struct __ptrace_syscall_info, entry.nr));
  FACT("callInfo.args", offsetof(struct __ptrace_syscall_info, entry.args));
  FACT("callInfo.result", offsetof(struct __ptrace_syscall_info, exit.rval));
  FACT("PTRACE_GET_RSEQ_CONFIGURATION", PTRACE_GET_RSEQ_CONFIGURATION);
  FACT("PTRACE_O_TRACESYSGOOD", PTRACE_O_TRACESYSGOOD);
  FACT("PTRACE_RSEQ_CONFIGURATION_SIZE", sizeof(struct __ptrace_rseq_configuration));
  FACT("RSEQ_CS", offsetof(struct rseq, rseq_cs));
  FACT("SYSCALL_STOP", 0x80);
  FACT("PTRACE_GETEVENTMSG", PTRACE_GETEVENTMSG);
  FACT("PTRACE_GETREGSET", PTRACE_GETREGSET);
  FACT("PTRACE_SETREGSET", PTRACE_SETREGSET);
  FACT("PTRACE_SEIZE", PTRACE_SEIZE);
  FACT("PTRACE_INTERRUPT", PTRACE_INTERRUPT);
  FACT("PTRACE_O_TRACECLONE", PTRACE_O_TRACECLONE);
  FACT("PTRACE_O_TRACEEXEC", PTRACE_O_TRACEEXEC);
  FACT("PTRACE_EVENT_CLONE", PTRACE_EVENT_CLONE);
  FACT("PTRACE_EVENT_EXEC", PTRACE_EVENT_EXEC);
  FACT("PTRACE_EVENT_STOP", PTRACE_EVENT_STOP);
  FACT("used.SIGINFO_SIZE", sizeof(siginfo_t));
  FACT("used.SIGINFO_CODE", offsetof(siginfo_t, si_code));
  FACT("used.SECCOMP_DATA_SIZE", sizeof(struct seccomp_data));
  FACT("used.SECCOMP_DATA_IP", offsetof(struct seccomp_data, instruction_pointer));
  FACT("used.SECCOMP_DATA_ARGS", offsetof(struct seccomp_data, args));
  FACT("used.SECCOMP_SET_MODE_FILTER", SECCOMP_SET_MODE_FILTER);
  FACT("used.SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC);
  FACT("used.SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  FACT("used.SECCOMP_FILTER_FLAG_NEW_LISTENER", SECCOMP_FILTER_FLAG_NEW_LISTENER);
  FACT("used.SECCOMP_FILTER_FLAG_TSYNC_ESRCH", SECCOMP_FILTER_FLAG_TSYNC_ESRCH);
  FACT("used.SECCOMP_RET_USER_NOTIF", SECCOMP_RET_USER_NOTIF);
  FACT("used.SECCOMP_RET_LOG", SECCOMP_RET_LOG);
  FACT("used.SECCOMP_RET_ALLOW", SECCOMP_RET_ALLOW);
  FACT("used.SECCOMP_RET_ACTION_FULL", SECCOMP_RET_ACTION_FULL);
  FACT("used.PR_SET_NO_NEW_PRIVS", PR_SET_NO_NEW_PRIVS);
  FACT("used.CAP_SYS_ADMIN", CAP_SYS_ADMIN);
  FACT("used.AT_SYSINFO_EHDR", AT_SYSINFO_EHDR);
  FACT("WNOHANG", WNOHANG);
  FACT("WALL", __WALL);
  FACT("WEXITED", WEXITED);
  FACT("P_PID", P_PID);
  SIGNAL("hup", SIGHUP); SIGNAL("int", SIGINT); SIGNAL("quit", SIGQUIT); SIGNAL("ill", SIGILL);
  SIGNAL("trap", SIGTRAP); SIGNAL("abrt", SIGABRT); SIGNAL("iot", SIGIOT); SIGNAL("bus", SIGBUS);
  SIGNAL("fpe", SIGFPE); SIGNAL("kill", SIGKILL); SIGNAL("usr1", SIGUSR1); SIGNAL("segv", SIGSEGV);
  SIGNAL("usr2", SIGUSR2); SIGNAL("pipe", SIGPIPE); SIGNAL("alrm", SIGALRM); SIGNAL("term", SIGTERM);
  SIGNAL("stkflt", SIGSTKFLT); SIGNAL("chld", SIGCHLD); SIGNAL("cont", SIGCONT); SIGNAL("stop", SIGSTOP);
  SIGNAL("tstp", SIGTSTP); SIGNAL("ttin", SIGTTIN); SIGNAL("ttou", SIGTTOU); SIGNAL("urg", SIGURG);
  SIGNAL("xcpu", SIGXCPU); SIGNAL("xfsz", SIGXFSZ); SIGNAL("vtalrm", SIGVTALRM); SIGNAL("prof", SIGPROF);
  SIGNAL("winch", SIGWINCH); SIGNAL("io", SIGIO); SIGNAL("pwr", SIGPWR); SIGNAL("sys", SIGSYS);
  return 0;
}
