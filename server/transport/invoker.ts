import type { DescMethod, Message } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import type { FastifyBaseLogger } from 'fastify';
import type { Clock } from '../clock.ts';
import type { CallContext } from '../service/call-context.ts';
import type { RequestValidator } from '../service/request-validator.ts';
import type { BoundService } from '../service/service-handlers.ts';
import type { Authenticator } from './authenticator.ts';
import type { CallMetrics } from './call-metrics.ts';
import type { CallerHeaders } from './caller-headers.ts';
import { refuseForeignPage } from './foreign-page.ts';
import { abortError, untilAborted } from './until-aborted.ts';

/** A call as an adapter hands it over. */
export interface InvokeContext extends CallContext {
  /**
   * Ends the call when aborted, even if the handler ignores it: the caller's deadline, or that it left. Null when neither
   * can change the answer (REST has no deadlines, and a client that left needs none), which spares the hot path a signal.
   */
  readonly deadline: AbortSignal | null;
}

/** Hears what became of a call: its answer, which may be partial (an init shape of the output), or why there is none. */
export interface CallReceiver {
  answer(answer: object): void;
  fail(error: ConnectError): void;
}

type Handler = (request: unknown, context: CallContext) => unknown;

export type InvokerOptions = {
  services: readonly BoundService[];
  authenticator: Authenticator;
  validator: RequestValidator;
  clock: Clock;
  metrics: CallMetrics;
  logger: FastifyBaseLogger;
  /** Aborted when the server begins to shut down: streams end, unary calls are finished. */
  shutdownSignal: AbortSignal;
  /** How long a stream's handler may take to answer what it has after `shutdownSignal`, ms. */
  streamDrainMs: number;
};

/**
 * The one place that every call goes through, whatever adapter read it from the wire: auth (asked by the adapter before
 * it reads the body), validation, deadline, metrics, and the masking of errors that are not meant for callers.
 */
export class Invoker {
  readonly #options: InvokerOptions;
  readonly #handlers = new Map<DescMethod, Handler>();
  readonly #open = new Set<DescMethod>();
  /** Not for pages of other origins, which a token would keep out. */
  readonly #guarded = new Set<DescMethod>();

  constructor(options: InvokerOptions) {
    this.#options = options;
    for (const service of options.services) {
      for (const method of service.descriptor.methods) {
        this.#handlers.set(method, service.handlers[method.localName] as Handler);
        if (service.open) this.#open.add(method);
        const harmless = method.idempotency === Idempotency.NO_SIDE_EFFECTS || service.forPages.has(method.localName);
        if (options.authenticator.isOpen && !service.open && !harmless) this.#guarded.add(method);
        options.validator.warmUp(method.input);
      }
    }
  }

  /**
   * Null when the caller may call `method`, else UNAUTHENTICATED; or PERMISSION_DENIED for a page of another origin, where
   * there is no token. Needs only the headers, so ask before reading the body.
   */
  authorize(method: DescMethod, headers: CallerHeaders): ConnectError | null {
    if (this.#open.has(method)) return null;
    if (this.#guarded.has(method)) return refuseForeignPage(headers);
    return this.#options.authenticator.check(headers.header('authorization'));
  }

  /** Counts a call that will not come to `run`: `authorize` refused it, or its message could not be read. */
  refused(method: DescMethod, error: ConnectError): void {
    this.#options.metrics.ended(method, error.code, 0);
  }

  /** Serves a unary call. Rejects with a ConnectError only. The answer may be partial: an init shape of the output. */
  unary(method: DescMethod, message: Message, context: InvokeContext): Promise<object> {
    return new Promise((resolve, reject) => {
      this.run(method, { message, context, receiver: { answer: resolve, fail: reject } });
    });
  }

  /** The same for adapters on the hot path, where every promise shows: the outcome is handed to `receiver`. */
  run(method: DescMethod, call: { message: Message; context: InvokeContext; receiver: CallReceiver }): void {
    const { message, context, receiver } = call;
    const { deadline } = context;
    const { clock, metrics } = this.#options;
    const begunMs = clock.monotonicMs();
    const failed = (error: unknown): void => {
      const told = this.#callerError(error, method, deadline);
      metrics.ended(method, told.code, clock.monotonicMs() - begunMs);
      receiver.fail(told);
    };
    try {
      const invalid = this.#options.validator.check(method.input, message);
      if (invalid !== null) throw invalid;
      if (deadline?.aborted) throw abortError(deadline);
      const answer = this.#handler(method)(message, context) as Promise<object>;
      const bounded = deadline === null ? answer : untilAborted(this.#logLate(answer, method, deadline), deadline);
      bounded.then((value) => {
        try {
          receiver.answer(value);
        } catch (error) {
          failed(error);
          return;
        }
        metrics.ended(method, null, clock.monotonicMs() - begunMs);
      }, failed);
    } catch (error) {
      failed(error);
    }
  }

  /**
   * Serves a stream: `request` is one message (server streaming) or an iterable of them (client and bidi streaming). The
   * answers end with UNAVAILABLE when the server shut down meanwhile.
   */
  async *stream(
    method: DescMethod,
    request: Message | AsyncIterable<Message>,
    context: InvokeContext,
  ): AsyncGenerator<object> {
    const { shutdownSignal, clock, metrics, streamDrainMs } = this.#options;
    const begunMs = clock.monotonicMs();
    // Until it ends: a caller that does not read on ends it as well.
    let outcome: Code | null = Code.Canceled;
    const deadline = context.deadline ?? context.signal;
    const stop = AbortSignal.any([deadline, shutdownSignal]);
    const cut = new AbortController();
    const onDeadline = (): void => cut.abort(abortError(deadline));
    let drain: { cancel(): void } | null = null;
    const onShutdown = (): void => {
      drain = clock.after(streamDrainMs, () => cut.abort(abortError(shutdownSignal)));
    };
    if (deadline.aborted) onDeadline();
    else deadline.addEventListener('abort', onDeadline, { once: true });
    if (shutdownSignal.aborted) onShutdown();
    else shutdownSignal.addEventListener('abort', onShutdown, { once: true });

    let answers: AsyncIterator<object> | null = null;
    try {
      const input =
        Symbol.asyncIterator in request ? this.#checked(method, request, stop) : this.#checkedOne(method, request);
      answers = this.#start(method, input, streamContext(context, stop));
      for (;;) {
        const next = await untilAborted(answers.next(), cut.signal);
        if (next.done) break;
        // Its caller takes one answer and reads no further.
        if (method.methodKind === 'client_streaming') outcome = null;
        yield next.value;
      }
      if (shutdownSignal.aborted) throw abortError(shutdownSignal);
      outcome = null;
    } catch (error) {
      const told = this.#callerError(error, method, cut.signal);
      outcome = told.code;
      throw told;
    } finally {
      metrics.ended(method, outcome, clock.monotonicMs() - begunMs);
      deadline.removeEventListener('abort', onDeadline);
      shutdownSignal.removeEventListener('abort', onShutdown);
      (drain as { cancel(): void } | null)?.cancel();
      // Not awaited: a handler that ignores its signal must not hold the answer back.
      answers?.return?.().catch(() => {});
    }
  }

  #start(method: DescMethod, input: unknown, context: CallContext): AsyncIterator<object> {
    const answer = this.#handler(method)(input, context);
    if (method.methodKind !== 'client_streaming') return (answer as AsyncIterable<object>)[Symbol.asyncIterator]();
    return once(answer as Promise<object>);
  }

  #checkedOne(method: DescMethod, message: Message): Message {
    const invalid = this.#options.validator.check(method.input, message);
    if (invalid !== null) throw invalid;
    return message;
  }

  /** The requests of a stream, each validated; they end at shutdown as if the caller had closed its side. */
  async *#checked(method: DescMethod, requests: AsyncIterable<Message>, stop: AbortSignal): AsyncGenerator<Message> {
    const iterator = requests[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await untilAborted(iterator.next(), stop);
        if (next.done) return;
        yield this.#checkedOne(method, next.value);
      }
    } catch (error) {
      if (stop.aborted && this.#options.shutdownSignal.aborted) return;
      throw error;
    }
  }

  #handler(method: DescMethod): Handler {
    const handler = this.#handlers.get(method);
    if (!handler) throw new ConnectError(`${method.parent.typeName}.${method.name} is not served`, Code.Unimplemented);
    return handler;
  }

  /** Once the deadline has answered the caller, a failure of the handler would go unseen. */
  #logLate(answer: Promise<object>, method: DescMethod, deadline: AbortSignal): Promise<object> {
    answer.catch((error) => {
      if (deadline.aborted && !(error instanceof ConnectError) && !isAbort(error)) this.#logFault(error, method);
    });
    return answer;
  }

  #callerError(error: unknown, method: DescMethod, deadline: AbortSignal | null): ConnectError {
    if (error instanceof ConnectError) return error;
    if (deadline?.aborted) return abortError(deadline);
    this.#logFault(error, method);
    return new ConnectError('internal error', Code.Internal);
  }

  #logFault(error: unknown, method: DescMethod): void {
    this.#options.logger.error({ err: error, method: `${method.parent.typeName}.${method.name}` }, 'call failed');
  }
}

function streamContext(context: CallContext, signal: AbortSignal): CallContext {
  const { receivedMs, remoteAddress, userAgent } = context;
  return { signal, receivedMs, remoteAddress, userAgent, header: (name) => context.header(name) };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

async function* once(answer: Promise<object>): AsyncGenerator<object> {
  yield await answer;
}
