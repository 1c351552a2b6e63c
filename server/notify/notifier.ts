import type { Notice } from '../engine/domain/notice.ts';

/** One attempt to deliver. */
export type Attempt = {
  /** Idempotency key: the same on every attempt of a delivery. */
  id: string;
  notice: Notice;
  /** 1 for the first attempt. */
  attempt: number;
};

/**
 * Why an attempt failed. `http_status`: the receiver answered, and not with a 2xx. `protocol`: it answered something
 * that is not HTTP. `bad_port`: fetch never connects to this port. `aborted`: cut off by its signal. `internal`: a fault of ours.
 */
export type FailureReason =
  | 'network'
  | 'dns'
  | 'tls'
  | 'timeout'
  | 'protocol'
  | 'http_status'
  | 'redirect'
  | 'bad_port'
  | 'no_channel'
  | 'aborted'
  | 'internal';

/** What became of an attempt. `detail` is a plain text of up to 300 characters, free of secrets, for operators. */
export type Verdict =
  | { kind: 'ok'; detail: string; httpStatus?: number }
  | {
      /** `permanent`: the receiver wants no more of it, so another attempt is pointless. */
      kind: 'retryable' | 'permanent';
      reason: FailureReason;
      detail: string;
      httpStatus?: number;
      /** How long the receiver asked to wait, ms. */
      retryAfterMs?: number;
    };

/**
 * A way to reach people. It only tries and classifies; when to try again, and whether, is the outbox's business.
 *
 * `send` never rejects, and settles by itself within a time limit of its own (well under the outbox's lease), or soon
 * after `signal` is aborted.
 */
export interface Notifier {
  send(attempt: Attempt, signal: AbortSignal): Promise<Verdict>;
}
