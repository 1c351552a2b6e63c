import type { FailureReason } from './notifier.ts';

type Failure = { reason: FailureReason; detail: string };

const known: Record<string, Failure> = {
  ENOTFOUND: { reason: 'dns', detail: 'the host name does not exist' },
  EAI_AGAIN: { reason: 'dns', detail: 'the host name could not be looked up' },
  EAI_FAIL: { reason: 'dns', detail: 'the host name could not be looked up' },
  EAI_NODATA: { reason: 'dns', detail: 'the host name has no address' },
  ECONNREFUSED: { reason: 'network', detail: 'connection refused' },
  ECONNRESET: { reason: 'network', detail: 'connection reset' },
  EPIPE: { reason: 'network', detail: 'connection reset' },
  UND_ERR_SOCKET: { reason: 'network', detail: 'connection closed before the answer was complete' },
  EHOSTUNREACH: { reason: 'network', detail: 'host unreachable' },
  ENETUNREACH: { reason: 'network', detail: 'network unreachable' },
  ETIMEDOUT: { reason: 'timeout', detail: 'connecting took too long' },
  UND_ERR_CONNECT_TIMEOUT: { reason: 'timeout', detail: 'connecting took too long' },
  UND_ERR_HEADERS_OVERFLOW: { reason: 'protocol', detail: 'the headers of the answer are too large' },
  ERR_ASSERTION: { reason: 'protocol', detail: 'the answer is not valid HTTP' },
  DEPTH_ZERO_SELF_SIGNED_CERT: { reason: 'tls', detail: 'the certificate is self-signed' },
  SELF_SIGNED_CERT_IN_CHAIN: { reason: 'tls', detail: 'the certificate comes from an unknown authority' },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { reason: 'tls', detail: 'the certificate comes from an unknown authority' },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: { reason: 'tls', detail: 'the certificate comes from an unknown authority' },
  CERT_HAS_EXPIRED: { reason: 'tls', detail: 'the certificate has expired' },
  CERT_NOT_YET_VALID: { reason: 'tls', detail: 'the certificate is not valid yet' },
  ERR_TLS_CERT_ALTNAME_INVALID: { reason: 'tls', detail: 'the certificate is for another host' },
  ERR_SSL_WRONG_VERSION_NUMBER: { reason: 'tls', detail: 'the port does not speak TLS' },
  EPROTO: { reason: 'tls', detail: 'the TLS handshake failed' },
};

/**
 * Says in plain words why `fetch` of `url`, or reading its answer, failed. Texts of the error are not used: they hold the
 * URL; of that, only the port is told.
 */
export function explainFetchFailure(error: unknown, url: string): Failure {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = codeOf(cause);
  if (code !== '') {
    const failure = known[code];
    if (failure) return { reason: failure.reason, detail: `${failure.detail} (${code})` };
    if (/^(ERR_SSL|ERR_TLS|CERT_|UNABLE_TO_)|CERT/.test(code)) return { reason: 'tls', detail: `TLS failed (${code})` };
    if (/^(HPE_|Z_)/.test(code)) return { reason: 'protocol', detail: `the answer is not valid HTTP (${code})` };
    return { reason: 'network', detail: `the request failed (${code})` };
  }
  if (cause instanceof Error && cause.name === 'HTTPParserError') {
    return { reason: 'protocol', detail: 'the answer is not valid HTTP' };
  }
  if (cause instanceof Error && cause.message === 'bad port') {
    const { port } = new URL(url);
    return { reason: 'bad_port', detail: `port ${port} is one that HTTP clients refuse (fetch standard): use another` };
  }
  return { reason: 'network', detail: 'the request failed' };
}

/** The system's or undici's code of an error; codes are upper-case words, so nothing secret fits in. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_/]{0,60}$/.test(code) ? code : '';
}
