import { isIP } from 'node:net';
import { z } from 'zod';
import type { ChannelKind } from '../channel-kind.ts';
import { parseEmailAddress } from './email-address.ts';
import { EmailNotifier } from './email-notifier.ts';

export type EmailSettings = {
  /** Name or address of the SMTP server. */
  host: string;
  /** 0: the usual one, 465 with `implicit`, else 587. */
  port: number;
  /**
   * `starttls` and `implicit` check the certificate. `opportunistic` does not, and sends unencrypted if the server offers no
   * STARTTLS: it only keeps out who merely listens.
   */
  tls: 'starttls' | 'implicit' | 'opportunistic' | 'none';
  /** '' without authentication. */
  username: string;
  password: string;
  from: string;
  to: string[];
};

const validAddress = 'must be one address, such as ops@example.org or Tocsin <tocsin@example.org>';
const address = z.string().refine((text) => parseEmailAddress(text) !== null, { error: validAddress });
const hostName = /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?$/;

const settings = z
  .strictObject({
    host: z.string().refine((text) => isIP(text) > 0 || (text.length <= 253 && hostName.test(text)), {
      error: 'must be a host name or an IP address, without scheme and port',
    }),
    port: z.int().min(0).max(65535, { error: 'must be a port, 1 to 65535' }).default(0),
    tls: z
      .enum(['', 'starttls', 'implicit', 'opportunistic', 'none'], {
        error: 'must be one of starttls, implicit, opportunistic, none',
      })
      .transform((text) => text || 'starttls')
      .default('starttls'),
    username: z.string().max(256).default(''),
    password: z.string().max(1024).default(''),
    from: address,
    to: z
      .array(address)
      .min(1, { error: 'must have 1 to 50 addresses' })
      .max(50, { error: 'must have 1 to 50 addresses' }),
  })
  .refine(({ username, password }) => username === '' || password !== '', {
    path: ['password'],
    error: 'must be set, as there is a username',
  })
  .refine(({ username, password }) => password === '' || username !== '', {
    path: ['username'],
    error: 'must be set, as there is a password',
  });

/** E-mail, through an SMTP server. */
export const emailKind: ChannelKind<EmailSettings> = {
  settings,
  secrets: ['password'],
  isKeyed: false,
  refreshMs: null,
  notifier: (settings, ports) => new EmailNotifier({ settings, ports }),
};
