/** A request that must not be made, or whose host has no address. The message is for people and free of secrets. */
export class EgressError extends Error {
  override readonly name = 'EgressError';
  readonly reason: 'dns' | 'refused_address';

  constructor(reason: EgressError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}
