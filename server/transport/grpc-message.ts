/**
 * Encodes the text of a `grpc-message` trailer. Only what is not printable ASCII, and "%", is to be escaped; Connect
 * escapes all punctuation, which some clients (grpc-js) show to people as it is.
 */
export function encodeGrpcMessage(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]+/gu, (run) =>
    Buffer.from(run).reduce((escaped, byte) => `${escaped}%${byte.toString(16).toUpperCase().padStart(2, '0')}`, ''),
  );
}

/** Makes trailers keep a `grpc-message` that Connect sets in the form of `encodeGrpcMessage`. */
export function encodePlainly(trailers: Headers): void {
  const set = trailers.set.bind(trailers);
  const setPlainly = (name: string, value: string): void => {
    set(name, name.toLowerCase() === 'grpc-message' ? encodeGrpcMessage(decodeURIComponent(value)) : value);
  };
  Object.assign(trailers, { set: setPlainly });
}
