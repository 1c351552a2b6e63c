import type { Database } from './database.ts';

/** Of what a digest told, once it is sent: what is kept, and what a list shows. */
export const shownMembers = 100;

export type DeliveryStatements = ReturnType<typeof prepareDeliveryStatements>;

const settled = 'state > 0';
const newestSettled = `SELECT seq FROM deliveries WHERE state = ? AND ${settled} AND seq < ? ORDER BY seq DESC LIMIT ?`;

/** Of the tables of deliveries. States: see migrations.ts. */
export function prepareDeliveryStatements(db: Database) {
  const pendingFrom = db.prepare(
    `SELECT seq, id, monitor_id, channel, created_ms, next_attempt_ms, error <> '',
       iif(claimed, '', notice ->> '$.type') FROM deliveries
     WHERE seq > ? AND state = 0 ORDER BY seq LIMIT ?`,
  );
  pendingFrom.setReturnArrays(true);
  return {
    bounds: db.prepare(
      `SELECT max(coalesce((SELECT max(seq) FROM deliveries), 0), coalesce((SELECT max(number) FROM digests), 0)) AS seq,
         (SELECT count(*) FROM deliveries WHERE state = 1 AND ${settled}) AS sent,
         (SELECT coalesce(sum(min(notices, ${shownMembers})), 0) FROM deliveries WHERE state = 1 AND ${settled}) AS sentNotices,
         (SELECT count(*) FROM deliveries WHERE state = 2 AND ${settled}) AS buried,
         (SELECT coalesce(sum(notices), 0) FROM deliveries WHERE state = 2 AND ${settled}) AS buriedNotices`,
    ),
    pendingFrom,
    insert: db.prepare(
      `INSERT INTO deliveries (seq, id, monitor_id, channel, created_ms, next_attempt_ms, notice)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    insertBuried: db.prepare(
      `INSERT INTO deliveries (seq, id, monitor_id, channel, created_ms, next_attempt_ms, notice, state, settled_ms, error)
       VALUES (?, ?, ?, ?, ?, ?, ?, 2, ?, ?)`,
    ),
    insertDigest: db.prepare(
      `INSERT INTO deliveries (seq, id, monitor_id, channel, created_ms, next_attempt_ms, notice, claimed, notices)
       VALUES (?, ?, 0, ?, ?, ?, '', 1, ?)`,
    ),
    notice: db.prepare('SELECT notice FROM deliveries WHERE seq = ?'),
    claimed: db.prepare('SELECT notice, attempts FROM deliveries WHERE seq = ?'),
    markClaimed: db.prepare('UPDATE deliveries SET claimed = 1 WHERE seq = ?'),
    retry: db.prepare(
      `UPDATE deliveries SET next_attempt_ms = ?, error = ?, attempts = attempts + ?, claimed = 1 WHERE seq = ?`,
    ),
    end: db.prepare(
      'UPDATE deliveries SET state = ?, settled_ms = ?, error = ?, attempts = attempts + ? WHERE seq = ?',
    ),
    remove: db.prepare('DELETE FROM deliveries WHERE seq = ?'),
    // The time it was made moves too: its age counts on.
    shift: db.prepare(
      'UPDATE deliveries SET next_attempt_ms = next_attempt_ms + ?, created_ms = created_ms + ? WHERE state = 0',
    ),
    error: db.prepare('SELECT error FROM deliveries WHERE seq = ?'),

    addAttempt: db.prepare(
      `INSERT INTO attempts (seq, number, at_ms, latency_ms, outcome, reason, detail, http_status, answer)
       VALUES (?1, coalesce((SELECT max(number) FROM attempts WHERE seq = ?1), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
    ),
    trimAttempts: db.prepare(
      'DELETE FROM attempts WHERE seq = ?1 AND number <= (SELECT max(number) FROM attempts WHERE seq = ?1) - 50',
    ),
    removeAttempts: db.prepare('DELETE FROM attempts WHERE seq = ?'),
    attempts: db.prepare(
      `SELECT number, at_ms AS atMs, latency_ms AS latencyMs, outcome, reason, detail, http_status AS httpStatus, answer
       FROM attempts WHERE seq = ? ORDER BY number`,
    ),

    addDigest: db.prepare('INSERT INTO digests (number, seq, id, channel, members) VALUES (?, ?, ?, ?, ?)'),
    digests: db.prepare(
      'SELECT number, seq, id, channel, iif(holds, members, NULL) AS members FROM digests ORDER BY number',
    ),
    digest: db.prepare('SELECT number, members FROM digests WHERE seq = ?'),
    endMember: db.prepare('UPDATE deliveries SET state = -1 WHERE seq = ?'),
    endDigest: db.prepare('UPDATE digests SET members = ?, holds = 0 WHERE number = ?'),
    emptyDigest: db.prepare("UPDATE digests SET members = x'' WHERE seq = ?"),
    removeDigest: db.prepare('DELETE FROM digests WHERE number = ?'),

    record: db.prepare(
      `SELECT id, channel, state, created_ms AS createdMs, settled_ms AS settledMs, next_attempt_ms AS nextAttemptMs,
         notices, error, notice FROM deliveries WHERE seq = ?`,
    ),
    monitorOf: db.prepare('SELECT monitor_id AS monitorId FROM deliveries WHERE seq = ?'),
    noticesOf: db.prepare('SELECT notices FROM deliveries WHERE seq = ?'),
    stateOf: db.prepare('SELECT state FROM deliveries WHERE seq = ?'),
    settledById: db.prepare(`SELECT seq, state FROM deliveries WHERE id = ? AND ${settled}`),
    newestSettled: db.prepare(newestSettled),
    newestSettledOf: db.prepare(newestSettled.replace('WHERE', 'WHERE channel = ? AND')),
    oldestSettled: db.prepare(
      `SELECT seq, notices FROM deliveries WHERE state = ? AND ${settled} ORDER BY seq LIMIT ?`,
    ),
    redeliver: db.prepare(
      `UPDATE deliveries SET seq = ?1, state = 0, settled_ms = NULL, created_ms = ?2, next_attempt_ms = ?2, claimed = 1
       WHERE seq = ?3`,
    ),
    moveAttempts: db.prepare('UPDATE attempts SET seq = ? WHERE seq = ?'),
    moveDigest: db.prepare('UPDATE digests SET seq = ? WHERE seq = ?'),

    tellIncident: db.prepare(
      `INSERT OR IGNORE INTO digest_incidents (incident_id, digest)
       SELECT notice ->> '$.incidentId', ? FROM deliveries WHERE seq = ?`,
    ),
    tellingDigests: db.prepare('SELECT digest FROM digest_incidents WHERE incident_id = ?'),
    endIncident: db.prepare('DELETE FROM digest_incidents WHERE incident_id = ? AND digest = ?'),
    forgetIncidents: db.prepare('DELETE FROM digest_incidents WHERE digest = ?'),
    removeLostIncidents: db.prepare('DELETE FROM digest_incidents WHERE digest NOT IN (SELECT number FROM digests)'),
    countIncidents: db.prepare('SELECT digest, count(*) AS open FROM digest_incidents GROUP BY digest'),
  };
}
