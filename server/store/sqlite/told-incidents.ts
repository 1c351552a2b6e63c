import type { Notice } from '../../engine/domain/notice.ts';
import type { ClaimedDelivery } from '../../outbox/delivery-queue.ts';
import type { DeliveryStatements } from './delivery-statements.ts';

/** A digest that told of incidents which are not over yet, as far as was told. */
type Telling = {
  id: string;
  channel: string;
  /** How many. */
  open: number;
  /** Those of which the end is on its way. */
  over: Set<string>;
  /** Those that were told by themselves as well. Not stored. */
  alone: Set<string>;
};

/** Which incidents were told of by which digest, of channels whose receivers keep what is open. */
export class ToldIncidents {
  readonly #statements: DeliveryStatements;
  /** By the digest's number. */
  readonly #tellings = new Map<number, Telling>();

  constructor(statements: DeliveryStatements) {
    this.#statements = statements;
  }

  /** Incidents in all. */
  get size(): number {
    let size = 0;
    for (const { open } of this.#tellings.values()) size += open;
    return size;
  }

  /** The oldest digest that has any. */
  get oldest(): number | undefined {
    return this.#tellings.keys().next().value;
  }

  has(number: number): boolean {
    return this.#tellings.has(number);
  }

  /** From now on a digest tells of so many. */
  open(number: number, { id, channel, open }: Omit<Telling, 'over' | 'alone'>): void {
    if (open > 0) this.#tellings.set(number, { id, channel, open, over: new Set(), alone: new Set() });
  }

  forget(number: number): void {
    this.#tellings.delete(number);
  }

  /** Whether any digest of the channel tells of something. */
  concerns(channel: string): boolean {
    for (const telling of this.#tellings.values()) if (telling.channel === channel) return true;
    return false;
  }

  /** A notice is about to be told: what digests have to do with it. */
  claimed(channel: string, { type, incidentId }: Notice): Pick<ClaimedDelivery, 'toldInDigest' | 'endedDigests'> {
    const numbers = this.numbersOf(channel, incidentId);
    const endedDigests: string[] = [];
    for (const number of type === 'up' || type === 'closed' ? numbers : []) {
      const { id, open, over } = this.#tellings.get(number)!;
      over.add(incidentId);
      if (over.size === open) endedDigests.push(id);
    }
    const isAlone = numbers.some((number) => this.#tellings.get(number)!.alone.has(incidentId));
    return { toldInDigest: numbers.length > 0 && !isAlone, endedDigests };
  }

  /** Digests of the channel that told of an incident. */
  numbersOf(channel: string, incidentId: string): number[] {
    if (!this.concerns(channel)) return [];
    const rows = this.#statements.tellingDigests.all(incidentId) as { digest: number }[];
    const numbers = rows.map(({ digest }) => digest).filter((each) => this.#tellings.get(each)?.channel === channel);
    return numbers.sort((a, b) => a - b);
  }

  /** An incident that digests told of was told by itself, too: so its end must be. */
  toldAlone(numbers: readonly number[], incidentId: string): void {
    for (const number of numbers) this.#tellings.get(number)?.alone.add(incidentId);
  }

  /** It was told that an incident is over, and stored so. */
  ended(numbers: readonly number[], incidentId: string): void {
    for (const number of numbers) {
      const telling = this.#tellings.get(number);
      if (!telling) continue;
      telling.over.delete(incidentId);
      telling.alone.delete(incidentId);
      telling.open -= 1;
      if (telling.open === 0) this.#tellings.delete(number);
    }
  }
}
