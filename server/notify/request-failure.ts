import { EgressError } from './egress-error.ts';
import type { FailureReason } from './notifier.ts';

type Failure = { reason: FailureReason; detail: string };

const known: Record<string, Failure> = {
  ENOTFOUND: { reason: 'dns', detail: 'the host name does not exist' },
  EAI_AGAIN: { reason: 'dns', detail: 'the host name could not be looked up' },
  EAI_FAIL: { reason: 'dns', detail: 'the host name could not be looked up' },
  EAI_NODATA: { reason: 'dns', detail: 'the host name has no address' },
  ECONNREFUSED: { reason: 'network', detail: 'connection refused' },
  ECONNRESET: { reason: 'network', detail: 'connection closed before the answer was complete' },
  EPIPE: { reason: 'network', detail: 'connection closed before the answer was complete' },
  EHOSTUNREACH: { reason: 'network', detail: 'host unreachable' },
  ENETUNREACH: { reason: 'network', detail: 'network unreachable' },
  ETIMEDOUT: { reason: 'timeout', detail: 'connecting took too long' },
  HPE_HEADER_OVERFLOW: { reason: 'protocol', detail: 'the headers of the answer are too large' },
  DEPTH_ZERO_SELF_SIGNED_CERT: { reason: 'tls', detail: 'the certificate is self-signed' },
  SELF_SIGNED_CERT_IN_CHAIN: { reason: 'tls', detail: 'the certificate comes from an unknown authority' },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { reason: 'tls', detail: 'the certificate comes from an unknown authority' },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: { reason: 'tls', detail: 'the certificate comes from an unknown authority' },
  CERT_HAS_EXPIRED: { reason: 'tls', detail: 'the certificate has expired' },
  CERT_NOT_YET_VALID: { reason: 'tls', detail: 'the certificate is not valid yet' },
  ERR_TLS_CERT_ALTNAME_INVALID: { reason: 'tls', detail: 'the certificate is for another host' },
  ERR_SSL_WRONG_VERSION_NUMBER: { reason: 'tls', detail: 'the port does not speak TLS' },
  ERR_INVALID_CHAR: { reason: 'internal', detail: 'a header of the request has characters that it must not have' },
  EPROTO: { reason: 'tls', detail: 'the TLS handshake failed' },
};

/**
 * Says in plain words why a request failed, or reading its answer. Texts of errors are not used, as they may hold the URL,
 * except for ours.
 */
export function explainRequestFailure(error: unknown): Failure {
  if (error instanceof EgressError) return { reason: error.reason, detail: error.message };
  const code = codeOf(error);
  if (code === '') return { reason: 'network', detail: 'the request failed' };
  const failure = known[code];
  if (failure) return { reason: failure.reason, detail: `${failure.detail} (${code})` };
  if (/^(ERR_SSL|ERR_TLS|CERT_|UNABLE_TO_)|CERT/.test(code)) return { reason: 'tls', detail: `TLS failed (${code})` };
  if (code.startsWith('HPE_')) return { reason: 'protocol', detail: `the answer is not valid HTTP (${code})` };
  return { reason: 'network', detail: `the request failed (${code})` };
}

/** The code of an error of Node; codes are upper-case words, so nothing secret fits in. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_/]{0,60}$/.test(code) ? code : '';
}
