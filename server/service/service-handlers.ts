import type { DescMethod, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { CallContext } from './call-context.ts';

/**
 * The handler of one method. Requests have passed validation. What it throws reaches the caller as it is when it is a
 * ConnectError (see `callError`), and as "internal error" otherwise.
 */
export type MethodHandler<M extends DescMethod> = M extends { methodKind: 'unary' }
  ? (request: MessageShape<M['input']>, context: CallContext) => Promise<MessageInitShape<M['output']>>
  : M extends { methodKind: 'server_streaming' }
    ? (request: MessageShape<M['input']>, context: CallContext) => AsyncIterable<MessageInitShape<M['output']>>
    : M extends { methodKind: 'client_streaming' }
      ? (
          requests: AsyncIterable<MessageShape<M['input']>>,
          context: CallContext,
        ) => Promise<MessageInitShape<M['output']>>
      : (
          requests: AsyncIterable<MessageShape<M['input']>>,
          context: CallContext,
        ) => AsyncIterable<MessageInitShape<M['output']>>;

/** A handler for every method of a service, by the method's local name. */
export type ServiceHandlers<S extends DescService> = {
  [K in keyof S['method']]: MethodHandler<S['method'][K]>;
};

/** A service with its handlers, of whatever type: what the transport serves. Made by `bindService`. */
export type BoundService = {
  descriptor: DescService;
  handlers: Record<string, (request: never, context: CallContext) => unknown>;
  /** Open services answer without a token. */
  open: boolean;
  /** Local names of methods with side effects that pages of other origins may call too, where no token is needed. */
  forPages: ReadonlySet<string>;
};

/** Puts a service and its handlers together, checking that they fit. */
export function bindService<S extends DescService>(
  descriptor: S,
  handlers: ServiceHandlers<S>,
  options: { open?: boolean; forPages?: readonly (keyof S['method'] & string)[] } = {},
): BoundService {
  const bound: BoundService['handlers'] = {};
  for (const method of descriptor.methods) {
    const handler = (handlers as Record<string, unknown>)[method.localName];
    if (typeof handler !== 'function') throw new Error(`${descriptor.typeName}.${method.name} has no handler`);
    bound[method.localName] = handler.bind(handlers);
  }
  return { descriptor, handlers: bound, open: options.open ?? false, forPages: new Set(options.forPages) };
}
