import type { Notice } from '../../engine/domain/notice.ts';
import type { Database } from './database.ts';
import { type DeliveryDigests, seqsOf } from './delivery-digests.ts';
import type { DeliveryStatements } from './delivery-statements.ts';
import type { PendingDeliveries } from './pending-deliveries.ts';
import { type PendingDelivery, pendingDelivery } from './pending-delivery.ts';
import type { ToldIncidents } from './told-incidents.ts';

/** Rows read at once at start. */
const pageRows = 5_000;

type Cells = [
  seq: number,
  id: string,
  monitorId: number,
  channel: string,
  createdMs: number,
  claimMs: number,
  failed: number,
  /** '' when it was claimed before. */
  type: Notice['type'] | '',
];
type DigestRow = { number: number; seq: number; id: string; channel: string; members: Uint8Array | null };

/** What there is. */
export type DeliveryBounds = { seq: number; sent: number; sentNotices: number; buried: number; buriedNotices: number };

/** Reads what is pending; returns the highest seq there is, and how many were sent and given up, with the notices kept of them. */
export function readPending({
  db,
  statements,
  pending,
  told,
  digests: formed,
}: {
  db: Database;
  statements: DeliveryStatements;
  pending: PendingDeliveries;
  told: ToldIncidents;
  digests: DeliveryDigests;
}): DeliveryBounds {
  // What a digest that was never there told of.
  db.transaction(() => statements.removeLostIncidents.run());
  /** By the seq of a member. */
  const digestOf = new Map<number, PendingDelivery>();
  const digests = new Map<number, PendingDelivery>();
  const rows = statements.digests.all() as DigestRow[];
  const open = new Map(
    (statements.countIncidents.all() as { digest: number; open: number }[]).map((r) => [r.digest, r.open]),
  );
  for (const { number, seq, id, channel, members } of rows) {
    const state = (statements.stateOf.get(seq) as { state: number } | undefined)?.state;
    const made = { seq, id, monitorId: 0, channel, createdMs: 0, claimMs: 0, kind: 'tried' as const };
    const digest = pendingDelivery(made, []);
    if (state === 0) digests.set(seq, digest);
    if (members && state === 0) for (const member of seqsOf(members)) digestOf.set(member, digest);
    // The process ended while it was settled: the rest of that.
    if (members && state !== 0) {
      for (const _ of formed.settling({ number, seqs: seqsOf(members) }, { isSent: state === 1 }));
    }
    told.open(number, { id, channel, open: open.get(number) ?? 0 });
  }
  for (let from = 0, cells: Cells[]; ; from = cells.at(-1)![0]) {
    cells = statements.pendingFrom.all(from, pageRows) as unknown as Cells[];
    for (const [seq, id, monitorId, channel, createdMs, claimMs, failed, type] of cells) {
      const digest = digestOf.get(seq);
      const kind = type === '' ? 'tried' : type === 'down' || type === 'flapping' ? 'down' : 'other';
      const item = digests.get(seq) ?? pendingDelivery({ seq, id, monitorId, channel, createdMs, claimMs, kind });
      Object.assign(item, { createdMs, claimMs });
      if (digest) {
        item.digest = digest;
        digest.members!.push(item);
      }
      pending.add(item, { failed: failed === 1 });
    }
    if (cells.length < pageRows) break;
  }
  return statements.bounds.get() as DeliveryBounds;
}
