import type { DescField } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus, errorToJson } from '@connectrpc/connect/protocol-connect';
import type { FastifyReply } from 'fastify';
import { BadRequestSchema } from '../../gen/ts/google/rpc/error_details_pb.ts';
import { callError, fieldOf } from '../service/call-error.ts';

/** An error as REST answers it: Connect's JSON and status, and the offending field by itself. */
export function restErrorAnswer(
  error: ConnectError,
  status = codeToHttpStatus(error.code),
): { status: number; headers: Record<string, string>; body: string } {
  const { code, message = '', details } = errorToJson(error, undefined) as Record<string, unknown>;
  const field = fieldOf(error);
  const body = {
    code,
    message,
    ...(field === undefined ? {} : { field }),
    ...(details === undefined ? {} : { details }),
  };
  const headers: Record<string, string> = {};
  error.metadata.forEach((value, name) => {
    headers[name] = value;
  });
  headers['content-type'] = 'application/json; charset=utf-8';
  headers['cache-control'] = 'no-store';
  return { status, headers, body: JSON.stringify(body) };
}

/**
 * The error of a request whose body is its field `bodyField`: to the caller, who never wrote its name, the fields begin
 * there ("tags[1]" for "monitor.tags[1]").
 */
export function fromBody(error: ConnectError, bodyField: DescField | null): ConnectError {
  const violations = error.findDetails(BadRequestSchema)[0]?.fieldViolations ?? [];
  const lead = bodyField === null ? '' : `${bodyField.name}.`;
  if (bodyField === null || !violations.some(({ field }) => field.startsWith(lead))) return error;
  const short = (text: string) => (text.startsWith(lead) ? text.slice(lead.length) : text);
  const revised = callError({
    code: error.code,
    message: short(error.rawMessage),
    violations: violations.map(({ field, description }) => ({ field: short(field), description })),
    cause: error.cause,
  });
  error.metadata.forEach((value, name) => {
    revised.metadata.append(name, value);
  });
  return revised;
}

/** Answers a REST request with an error. */
export function sendRestError(reply: FastifyReply, error: ConnectError, status?: number): FastifyReply {
  const answer = restErrorAnswer(error, status);
  return reply.code(answer.status).headers(answer.headers).send(answer.body);
}

/** An error that HTTP has a status of its own for; elsewhere the status follows from the code. */
export class HttpError extends Error {
  readonly status: number;
  readonly error: ConnectError;

  constructor(status: number, error: ConnectError) {
    super(error.message);
    this.name = 'HttpError';
    this.status = status;
    this.error = error;
  }
}

/** What Fastify itself refuses (a body over the limit, a malformed URL, …) in the same form as everything else. */
export function frameworkError(error: { code?: string; statusCode?: number }): HttpError | null {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HttpError(413, new ConnectError('body: is over the limit', Code.ResourceExhausted));
    case 'FST_ERR_BAD_URL':
      return new HttpError(
        400,
        new ConnectError('path: holds invalid percent-encoding or is not valid UTF-8', Code.InvalidArgument),
      );
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new HttpError(414, new ConnectError('path: is too long', Code.InvalidArgument));
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new HttpError(415, new ConnectError('content-type: is not a media type', Code.InvalidArgument));
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new HttpError(
        400,
        new ConnectError('content-length: differs from the size of the body', Code.InvalidArgument),
      );
  }
  const status = error.statusCode ?? 500;
  return status >= 400 && status < 500
    ? new HttpError(status, new ConnectError('bad request', Code.InvalidArgument))
    : null;
}
