import { ConnectError } from '@connectrpc/connect';
import { BadRequestSchema } from '../../gen/ts/google/rpc/error_details_pb.ts';
import type { FieldViolation } from '../service/call-error.ts';

/**
 * For the message and for its field violations, bytes of UTF-8. gRPC sends the message as a header field, percent-encoded
 * (up to three times as long), and both in base64 in another: 7 KiB at the most, and grpc-java takes 8 KiB of headers.
 */
export const errorTextBytesMax = 1_024;
export const violationBytesMax = 2_048;

/** Cuts what an error says to what headers can hold. Changes `error` in place, as `reviseParseError` does. */
export function boundErrorText(error: unknown): void {
  if (!(error instanceof ConnectError)) return;
  const rawMessage = cutText(error.rawMessage, errorTextBytesMax);
  if (rawMessage !== error.rawMessage) {
    Object.assign(error, { rawMessage, message: error.message.replace(error.rawMessage, () => rawMessage) });
  }
  const violations = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const fitting = cutViolations(violations);
  if (fitting !== violations) error.details = [{ desc: BadRequestSchema, value: { fieldViolations: fitting } }];
}

/** As many as fit, but at least the first, cut. The same list when all do. */
function cutViolations<V extends FieldViolation>(violations: V[]): FieldViolation[] {
  let bytes = 0;
  const fitting = violations.filter(({ field, description }) => {
    bytes += Buffer.byteLength(field) + Buffer.byteLength(description);
    return bytes <= violationBytesMax;
  });
  if (fitting.length === violations.length) return violations;
  if (fitting.length > 0) return fitting;
  const { field, description } = violations[0]!;
  const half = violationBytesMax / 2;
  return [{ field: cutText(field, half), description: cutText(description, half) }];
}

/** Cut between characters, with an ellipsis. */
function cutText(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytesMax - 3));
  return `${text.slice(0, read)}…`;
}
