import type { Notice } from '../engine/domain/notice.ts';

/** One attempt to deliver. */
export type Attempt = {
  /** Idempotency key: the same on every attempt of a delivery. */
  id: string;
  /** One; or many, which are to be told as one digest, oldest first: there may be several of one monitor. */
  notices: readonly [Notice, ...Notice[]];
  /** 1 for the first attempt. */
  attempt: number;
  /**
   * Ids of digests that are over with this recovery: each monitor that they told of as down has recovered. Only for kinds of
   * which receivers keep what is open (`isKeyed`).
   */
  endedDigests: readonly string[];
};

/**
 * Why an attempt failed. `http_status`: the receiver answered, and not with a 2xx. `protocol`: it answered something
 * that is not of its protocol. `refused_address`: TOCSIN_EGRESS_ALLOW and DENY do not let requests go there. `secret`: what a
 * secret refers to is not there. `receiver`: it answered, and said no in its own way (SMTP, an API that says so with HTTP 200,
 * the exit code of a program). `aborted`: cut off by its signal. `internal`: a fault of ours.
 */
export type FailureReason =
  | 'network'
  | 'dns'
  | 'tls'
  | 'timeout'
  | 'protocol'
  | 'http_status'
  | 'redirect'
  | 'no_channel'
  | 'refused_address'
  | 'secret'
  | 'receiver'
  | 'aborted'
  | 'internal';

/**
 * What became of an attempt. `detail` is a plain text of up to 300 characters, `answer` how the receiver's answer began, up to
 * 500; both are free of secrets, for operators.
 */
export type Verdict =
  | { kind: 'ok'; detail: string; httpStatus?: number; answer?: string }
  | {
      /** `permanent`: the receiver wants no more of it, so another attempt is pointless. */
      kind: 'retryable' | 'permanent';
      reason: FailureReason;
      detail: string;
      httpStatus?: number;
      answer?: string;
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
