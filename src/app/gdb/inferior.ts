import { signalName } from "../../core/abi/signal.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { type KnownProcessor, processorBySetSize } from "../../core/rsp/layouts.ts";
import { EventReader } from "./event-reader.ts";
import { Patches } from "./patches.ts";
import { Points } from "./points.ts";
import type { ProcessFiles } from "./process-files.ts";
import { type Happening, parseStopLine, type StopHappening } from "./stop-line.ts";
import { ThreadRegisters } from "./thread-registers.ts";

/** How a stopped process is to go on. */
export interface Going {
  readonly how: "run" | "step";
  /** Whose step it is, and who is given the signal. */
  readonly tid: number;
  /** Of the host; 0 is none. */
  readonly signal: number;
  /** A step is followed by another one while this says so of where it has led. */
  goesOn?(pc: number): boolean;
}

/** More bytes than any general register set has. */
const MOST_REGISTERS = 4096;

/** A process under control: what it does is told by its `events`, what it is to do by words. */
export class Inferior {
  readonly files: ProcessFiles;
  readonly processor: KnownProcessor;
  readonly registers: ThreadRegisters;
  readonly patches: Patches;
  readonly points: Points;
  readonly #events: EventReader;
  /** Signals of the host that go to the process without a word to the client. */
  passed: ReadonlySet<number> = new Set();
  /** Why it stands, the last time that it stopped. */
  stop: StopHappening;
  /** Its end has come, or its control is another's. */
  end: Exclude<Happening, StopHappening> | undefined;
  /** The thread that the tree's words are about. */
  #current: number;
  /** Signals that were taken from the process while it did a step: it gets them when it runs. */
  readonly #owed: number[] = [];
  /** It is being let go: no word about it is said any more. */
  #isLeft = false;
  #isInterrupted = false;
  /** An interrupt has come before what it is to interrupt. */
  #isInterruptDue = false;
  #isRunning = false;

  private constructor(files: ProcessFiles, processor: KnownProcessor, events: EventReader, stop: StopHappening) {
    this.files = files;
    this.processor = processor;
    this.#events = events;
    this.stop = stop;
    this.#current = stop.tid;
    this.registers = new ThreadRegisters(files, processor);
    this.patches = new Patches(files, processor.layout.trap);
    this.points = new Points(files);
  }

  /**
   * Takes control and waits until it has stopped. EBUSY, EPERM, ESRCH and whatever else the tree says; EINTR when `given` is up. Nothing
   * is left under control when it fails.
   */
  static async attach(files: ProcessFiles, given?: AbortSignal): Promise<Inferior> {
    const events = await EventReader.open(files, given);
    let isAttached = false;
    try {
      await files.tell("attach");
      isAttached = true;
      const stop = await events.next();
      if (stop.kind !== "stop") throw new Errno("ESRCH", `process ${files.pid} has ended or was let go: ${stop.kind}`);
      const { length } = await files.read("regs", 0, MOST_REGISTERS);
      const processor = processorBySetSize(length);
      if (!processor) throw new Errno("EOPNOTSUPP", `no processor is known whose register set has ${length} bytes`);
      await leaveLibrarySignals(files);
      return new Inferior(files, processor, events, stop);
    } catch (error) {
      if (isAttached) await files.tell("detach").catch(() => {});
      await events.close();
      await files.forget();
      throw error;
    }
  }

  get pid(): number {
    return this.files.pid;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  async threads(): Promise<readonly number[]> {
    return (await this.files.list("lwp")).map(Number);
  }

  /** Lets it go on, and tells what happens next. Signals that are {@link passed} are passed. */
  async go(going: Going): Promise<Happening> {
    if (this.end) return this.end;
    try {
      // A step executes what is there: a breakpoint is in memory only while all run.
      if (going.how === "run") await this.points.settle();
      this.#isInterrupted = this.#isInterruptDue;
      this.#isInterruptDue = false;
      this.#isRunning = true;
      let signal = going.signal;
      for (;;) {
        const happening = await this.#goOnce(going, signal);
        if (happening.kind !== "stop" || this.#isInterrupted) return happening;
        const [first = ""] = happening.words;
        if (happening.why === "signal" && this.passed.has(Number(first))) signal = Number(first);
        else if (happening.why === "step" && going.goesOn?.(happening.pc ?? 0)) signal = 0;
        else return happening;
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Stops it, if it runs, which {@link go} tells then; else what goes next. */
  async interrupt(): Promise<void> {
    if (!this.#isRunning) this.#isInterruptDue = true;
    else if (!this.#isInterrupted) {
      this.#isInterrupted = true;
      await this.files.tell("halt");
    }
  }

  /** Nothing goes: whoever has interrupted that has been answered. */
  forgetInterrupt(): void {
    this.#isInterruptDue = false;
  }

  get isInterrupted(): boolean {
    return this.#isInterrupted;
  }

  /** What the client has written over the program itself is taken back; the process runs on. */
  async detach(): Promise<void> {
    this.#isLeft = true;
    try {
      if (!this.end) {
        await this.patches.restore();
        await this.#postOwed();
        await this.files.tell("detach");
      }
    } catch (error) {
      // It has ended, or its tree has.
      if (!isErrno(error, "ESRCH", "ENOENT", "EIO")) throw error;
    } finally {
      await this.#events.close();
      await this.files.forget();
    }
  }

  async kill(): Promise<void> {
    await this.files.post("kill");
    while (!this.end) await this.#note(await this.#events.next());
  }

  async #goOnce({ how, tid }: Going, signal: number): Promise<Happening> {
    const words = tid === this.#current ? [] : [`thread ${tid}`];
    if (how === "run") await this.#postOwed();
    else if (signal !== 0) this.#owed.push(signal);
    words.push(how === "step" || signal === 0 ? how : signalName(signal));
    this.registers.forget();
    if (this.#isLeft) return { kind: "detached" };
    this.#events.ask();
    try {
      await this.files.tell(...words, ...(this.#isInterrupted ? ["halt"] : []));
    } catch (error) {
      // What has become of it is among the events, unless it was a thread that is not there.
      if (!isErrno(error, "ESRCH", "ENOENT") || (await this.#stands())) throw error;
    }
    const happening = await this.#events.next();
    await this.#note(happening);
    return happening;
  }

  async #stands(): Promise<boolean> {
    const line = await this.files.text("stop").catch(() => "gone");
    return parseStopLine(line.trimEnd())?.kind === "stop";
  }

  async #postOwed(): Promise<void> {
    for (const signal of this.#owed.splice(0)) await this.files.post(signalName(signal));
  }

  async #note(happening: Happening): Promise<void> {
    if (happening.kind !== "stop") {
      this.end = happening;
      return;
    }
    this.stop = happening;
    this.#current = happening.tid;
    if (happening.why !== "exec") return;
    this.patches.forget();
    this.points.forget();
    await this.files.forget();
  }
}

/** SIGCANCEL and SIGSETXID, by which a library's threads tell each other: they have no name in ctl, and are nothing to a debugger. */
const LIBRARY_SIGNALS = [32, 33];

async function leaveLibrarySignals(files: ProcessFiles): Promise<void> {
  try {
    await files.tell(`ignore ${LIBRARY_SIGNALS.map(signalName).join(" ")}`);
  } catch (error) {
    // A tree of before that word: they stop the process.
    if (!isErrno(error, "EOPNOTSUPP")) throw error;
  }
}
