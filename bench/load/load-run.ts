import { LatencyHistogram } from '../measure/latency-histogram.ts';
import { GrpcConnection } from './grpc-connection.ts';
import { Http1Connection } from './http1-connection.ts';
import { http1Requests } from './http1-requests.ts';
import type { AnswerListener, LoadConnection } from './load-connection.ts';
import type { LoadPlan, LoadReport, LoadResult } from './load-plan.ts';
import { randomNumbers } from './random-numbers.ts';

const ownDelayEveryMs = 5;
const problemsMax = 1_000;
/** At the end, calls under way get so long to be answered, ms. */
const drainMs = 2_000;

/** Carries out one plan and reports on it. */
export class LoadRun {
  readonly #plan: LoadPlan;
  readonly #report: (report: LoadReport) => void;
  readonly #connections: LoadConnection[] = [];
  /** Connections (once per stream) that can begin a call; only used at a fixed rate. */
  readonly #free: LoadConnection[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #histogram = new LatencyHistogram();
  #measuring = false;
  #ended = false;
  #underWay = 0;
  #finish: (() => void) | null = null;
  #begunMs = 0;
  #begun = 0;
  #measuredFromMs = 0;
  #lastAnswerMs = 0;
  #maxGapMs = 0;
  #ownDelayMs = 0;
  #errors = 0;
  #firstError = '';
  #cpu = process.cpuUsage();

  constructor(options: { plan: LoadPlan; report: (report: LoadReport) => void }) {
    this.#plan = options.plan;
    this.#report = options.report;
  }

  start(): void {
    const { warmUpMs, measureFromMs, ratePerS } = this.#plan;
    this.#connect();
    this.#begunMs = performance.now();
    if (ratePerS === undefined) this.#beginAll();
    else this.#timers.push(setInterval(() => this.#pace(performance.now()), 1));
    const untilMs = measureFromMs === undefined ? warmUpMs : measureFromMs - Date.now();
    this.#timers.push(setTimeout(() => this.#measure(), Math.max(0, untilMs)));
  }

  /**
   * Ends the measured time now. Connections are closed when their calls have been answered: cut off in the middle, some
   * servers fail (node:http2 throws the ECONNRESET of streams that nobody listens to), and what they still worked on
   * would count for whoever is measured next.
   */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const timer of this.#timers) clearInterval(timer);
    const result = this.#result();
    const impatient = setTimeout(() => this.#finish?.(), drainMs);
    this.#finish = () => {
      this.#finish = null;
      clearTimeout(impatient);
      for (const connection of this.#connections) connection.close();
      this.#report({ kind: 'done', result });
    };
    if (this.#underWay === 0) this.#finish();
  }

  #connect(): void {
    const { port, call, connections, names } = this.#plan;
    const events = { port, onAnswer: this.#onAnswer, onBroken: (problem: string) => this.#broken(problem) };
    const nextNumber = randomNumbers(names);
    const requests = call === 'grpc' ? undefined : http1Requests(this.#plan);
    for (let index = 0; index < connections; index++) {
      this.#connections.push(
        requests
          ? new Http1Connection({ ...events, nextRequest: requests() })
          : new GrpcConnection({ ...events, nextNumber }),
      );
    }
    for (let stream = 0; stream < this.#streams(); stream++) this.#free.push(...this.#connections);
  }

  #streams(): number {
    return this.#plan.call === 'grpc' ? (this.#plan.streams ?? 1) : 1;
  }

  #beginAll(): void {
    for (const connection of this.#free.splice(0)) this.#send(connection, this.#begunMs);
    for (const connection of this.#connections) connection.flush();
  }

  /** Begins all calls whose time has come, as far as connections are free; the others follow with the next answers. */
  #pace(nowMs: number): void {
    const { ratePerS } = this.#plan;
    const dueCount = Math.floor(((nowMs - this.#begunMs) * ratePerS!) / 1000);
    while (this.#begun < dueCount && this.#free.length > 0) {
      // In turn, so that none stays silent for so long that the server lets go of it.
      const connection = this.#free.shift()!;
      this.#begun += 1;
      this.#send(connection, this.#begunMs + (this.#begun * 1000) / ratePerS!);
      connection.flush();
    }
  }

  #measure(): void {
    this.#histogram = new LatencyHistogram();
    this.#measuring = true;
    this.#measuredFromMs = performance.now();
    this.#lastAnswerMs = this.#measuredFromMs;
    this.#cpu = process.cpuUsage();
    this.#report({ kind: 'measuring' });
    this.#watchOwnDelay();
    this.#timers.push(setTimeout(() => this.stop(), this.#plan.measureMs));
    let seen = 0;
    this.#timers.push(
      setInterval(() => {
        this.#report({ kind: 'second', answers: this.#histogram.count - seen });
        seen = this.#histogram.count;
      }, 1000),
    );
  }

  #watchOwnDelay(): void {
    let lastMs = performance.now();
    const timer = setInterval(() => {
      const nowMs = performance.now();
      this.#ownDelayMs = Math.max(this.#ownDelayMs, nowMs - lastMs - ownDelayEveryMs);
      lastMs = nowMs;
    }, ownDelayEveryMs);
    this.#timers.push(timer);
  }

  #send(connection: LoadConnection, startedMs: number): void {
    this.#underWay += 1;
    connection.send(startedMs);
  }

  readonly #onAnswer: AnswerListener = ({ connection, startedMs, nowMs, problem }) => {
    this.#underWay -= 1;
    if (this.#ended) {
      if (this.#underWay === 0) this.#finish?.();
      return;
    }
    if (problem !== null) this.#fail(problem);
    else if (this.#measuring) {
      this.#histogram.record(nowMs - startedMs);
      this.#maxGapMs = Math.max(this.#maxGapMs, nowMs - this.#lastAnswerMs);
      this.#lastAnswerMs = nowMs;
    }
    if (this.#plan.ratePerS === undefined) {
      this.#send(connection, nowMs);
    } else {
      this.#free.push(connection);
      this.#pace(nowMs);
    }
  };

  #fail(problem: string): void {
    this.#errors += 1;
    if (this.#errors === 1) this.#firstError = problem;
    if (this.#errors >= problemsMax) this.stop();
  }

  #broken(problem: string): void {
    this.#fail(problem);
    this.stop();
    // Its calls will not be answered any more.
    this.#finish?.();
  }

  #result(): LoadResult {
    const elapsedMs = performance.now() - this.#measuredFromMs;
    const { user, system } = process.cpuUsage(this.#cpu);
    const histogram = this.#histogram;
    return {
      answers: histogram.count,
      elapsedMs,
      errors: this.#errors,
      firstError: this.#firstError,
      p50Ms: histogram.quantileMs(0.5),
      p99Ms: histogram.quantileMs(0.99),
      p999Ms: histogram.quantileMs(0.999),
      maxMs: histogram.maxMs,
      maxGapMs: this.#maxGapMs,
      ownDelayMs: this.#ownDelayMs,
      busy: (user + system) / 1000 / elapsedMs,
    };
  }
}
