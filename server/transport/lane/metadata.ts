import type { ConnectError } from '@connectrpc/connect';

/** Headers that the protocols use themselves; errors cannot set them. */
const protocolHeaders = new Set([
  'accept-encoding',
  'connect-accept-encoding',
  'connect-content-encoding',
  'connect-protocol-version',
  'connect-timeout-ms',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'grpc-accept-encoding',
  'grpc-encoding',
  'grpc-message',
  'grpc-status',
  'grpc-status-details-bin',
  'grpc-timeout',
  'host',
  'trailer',
  'trailer-',
  'user-agent',
]);

/** Adds what an error says beside its code and message to headers or trailers. */
export function copyMetadata(error: ConnectError, headers: Record<string, string>): void {
  error.metadata.forEach((value, name) => {
    if (!protocolHeaders.has(name)) headers[name] = value;
  });
}
