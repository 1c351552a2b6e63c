/**
 * The schema, a step a version: `migrations[n]` leads from version n to n + 1 (`PRAGMA user_version`). A step that has
 * landed is never edited. Times are Unix milliseconds.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE monitors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,      -- never reused: history of a removed monitor cannot join a new one
    kind TEXT NOT NULL DEFAULT 'ping',         -- (kind, name) is the identity: object "1" is not the ping named "1"
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    frequency_ms INTEGER NOT NULL,
    grace_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    last_beat_ms INTEGER,
    due_ms INTEGER,
    deadline_ms INTEGER,
    hold_until_ms INTEGER,
    hold_blind_from_ms INTEGER,
    hold_blind_to_ms INTEGER,
    incident_id TEXT,
    incident_started_ms INTEGER,
    incident_reason TEXT,
    repeat_ms INTEGER,
    repeats INTEGER NOT NULL,
    journal_id INTEGER NOT NULL,               -- the row holds what beats up to this id did
    UNIQUE (kind, name)
  ) STRICT;
  -- Written on flips only, so a ping pays nothing for it.
  CREATE INDEX monitors_down ON monitors (kind, name) WHERE status = 'down';

  CREATE TABLE beats (
    id INTEGER PRIMARY KEY,
    monitor_id INTEGER NOT NULL,
    status TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    message TEXT NOT NULL,
    duration_ms INTEGER,
    exit_code INTEGER,
    run TEXT NOT NULL,
    beat_id TEXT NOT NULL,
    -- Set on a beat whose whole effect was to move its monitor (up, due one frequency after at_ms): the journal.
    frequency_ms INTEGER,
    grace_ms INTEGER
  ) STRICT;
  -- Only beats that carry an id are looked up; the others pay nothing for the index.
  CREATE UNIQUE INDEX beats_by_beat_id ON beats (monitor_id, beat_id) WHERE beat_id <> '';

  CREATE TABLE incidents (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    monitor_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX incidents_open ON incidents (monitor_id) WHERE ended_ms IS NULL;

  CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    monitor_id INTEGER NOT NULL,
    channel TEXT NOT NULL,
    notice TEXT NOT NULL,                      -- JSON
    created_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    claim_ms INTEGER,                          -- claimable from then on; NULL behind another of its queue, or buried
    leased INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    buried_ms INTEGER
  ) STRICT;
  CREATE INDEX deliveries_claimable ON deliveries (claim_ms, seq) WHERE claim_ms IS NOT NULL;
  CREATE INDEX deliveries_queue ON deliveries (monitor_id, channel, seq) WHERE buried_ms IS NULL;

  CREATE TABLE blind_intervals (
    id INTEGER PRIMARY KEY,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL
  ) STRICT;

  -- Every row of monitors holds what beats up to this id did; later ones are replayed at start.
  CREATE TABLE journal (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    written_up_to INTEGER NOT NULL
  ) STRICT;
  INSERT INTO journal VALUES (1, 0);

  CREATE TABLE listening (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at_ms INTEGER NOT NULL
  ) STRICT;
  `,
  // Fewer pages per flip: an incident is closed by its monitor, not by its id, and memory holds the order of deliveries.
  `
  CREATE TABLE new_incidents (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    monitor_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER
  ) STRICT;
  INSERT INTO new_incidents SELECT seq, id, monitor_id, reason, started_ms, ended_ms FROM incidents ORDER BY seq;
  DROP TABLE incidents;
  ALTER TABLE new_incidents RENAME TO incidents;
  CREATE UNIQUE INDEX incidents_open ON incidents (monitor_id) WHERE ended_ms IS NULL;

  CREATE TABLE new_deliveries (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    monitor_id INTEGER NOT NULL,
    channel TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    next_attempt_ms INTEGER NOT NULL,          -- if it is the oldest of its monitor and channel
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    buried_ms INTEGER,
    notice TEXT NOT NULL                       -- JSON
  ) STRICT;
  INSERT INTO new_deliveries
    SELECT seq, id, monitor_id, channel, created_ms, iif(leased, created_ms, coalesce(claim_ms, created_ms)), attempts,
      error, buried_ms, notice
    FROM deliveries ORDER BY seq;
  DROP TABLE deliveries;
  ALTER TABLE new_deliveries RENAME TO deliveries;
  CREATE INDEX deliveries_buried ON deliveries (seq) WHERE buried_ms IS NOT NULL;
  `,
  `
  -- Beats have a journal and a history of their own. What the tail of the old journal did goes into the rows.
  UPDATE monitors SET
    version = version + tail.moves,
    status = 'up',
    frequency_ms = tail.frequency_ms,
    grace_ms = tail.grace_ms,
    last_beat_ms = tail.at_ms,
    due_ms = tail.at_ms + tail.frequency_ms,
    deadline_ms = tail.at_ms + tail.frequency_ms + tail.grace_ms,
    hold_until_ms = NULL,
    hold_blind_from_ms = NULL,
    hold_blind_to_ms = NULL,
    journal_id = tail.id
  FROM (
    -- The other columns are those of the row with the highest id.
    SELECT monitor_id, max(beats.id) AS id, count(*) AS moves, at_ms, beats.frequency_ms, beats.grace_ms
    FROM beats JOIN monitors ON monitors.id = monitor_id
    WHERE beats.frequency_ms IS NOT NULL AND beats.id > journal_id
    GROUP BY monitor_id
  ) AS tail
  WHERE monitors.id = tail.monitor_id;
  ALTER TABLE journal ADD COLUMN transaction_id INTEGER NOT NULL DEFAULT 0;  -- see journal/beat-frame.ts
  UPDATE journal SET written_up_to = max(written_up_to, (SELECT coalesce(max(id), 0) FROM beats));
  DROP TABLE beats;
  `,
  // Monitors in full. JSON is null for a monitor that has nothing but a period, and is in the middle of nothing.
  `
  ALTER TABLE monitors ADD COLUMN first_beat_ms INTEGER;
  ALTER TABLE monitors ADD COLUMN incident_message TEXT;
  ALTER TABLE monitors ADD COLUMN incident_exit_code INTEGER;
  ALTER TABLE monitors ADD COLUMN config TEXT;
  ALTER TABLE monitors ADD COLUMN progress TEXT;
  -- The nearest that is known: when it was made.
  UPDATE monitors SET first_beat_ms = created_ms WHERE last_beat_ms IS NOT NULL;
  UPDATE monitors SET incident_message = '' WHERE incident_id IS NOT NULL;

  ALTER TABLE incidents ADD COLUMN message TEXT NOT NULL DEFAULT '';
  ALTER TABLE incidents ADD COLUMN exit_code INTEGER;
  ALTER TABLE incidents ADD COLUMN held_by TEXT NOT NULL DEFAULT '';
  CREATE INDEX incidents_by_monitor ON incidents (monitor_id, seq);

  CREATE TABLE pauses (
    seq INTEGER PRIMARY KEY,
    monitor_id INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER                              -- NULL while it lasts
  ) STRICT;
  CREATE INDEX pauses_by_monitor ON pauses (monitor_id, seq);

  CREATE TABLE monitor_tags (
    tag TEXT NOT NULL,
    name TEXT NOT NULL,                        -- of the monitor: a page of a tag is a part of this table
    monitor_id INTEGER NOT NULL,
    PRIMARY KEY (tag, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX monitor_tags_by_monitor ON monitor_tags (monitor_id);
  `,
  `
  -- Channels, routes and silences: little, and read whole at start.
  CREATE TABLE catalog (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
  ) STRICT, WITHOUT ROWID;
  `,
  // What is told of an open incident is part of the progress of its monitor.
  `
  UPDATE monitors SET progress = json_set(
    coalesce(progress, '{}'), '$.alert', json_object(
      'open', json_object(
        'incident', json_object('id', incident_id, 'startedMs', incident_started_ms, 'reason', incident_reason),
        'sinceMs', incident_started_ms,
        'told', json((
          SELECT json_group_array(json_object('channel', value, 'said', 'down', 'atMs', incident_started_ms,
            'lastMs', unixepoch() * 1000, 'reminders', repeats))
          FROM json_each(iif(coalesce(json_array_length(config, '$.channels'), 0) = 0, '["default"]',
            json_extract(config, '$.channels')))
        )),
        'ack', NULL,
        'blind', NULL,
        'heldBy', '',
        'flaps', 0
      ),
      'downs', json('[]'),
      'flapping', NULL,
      'nextMs', repeat_ms
    )
  )
  WHERE incident_id IS NOT NULL AND json_extract(coalesce(progress, '{}'), '$.held') IS NULL;
  ALTER TABLE monitors DROP COLUMN repeat_ms;
  ALTER TABLE monitors DROP COLUMN repeats;
  `,
  // Deliveries are kept when they were sent, with their attempts; many may go as one digest.
  `
  CREATE TABLE new_deliveries (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    monitor_id INTEGER NOT NULL,               -- 0: a digest
    channel TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    next_attempt_ms INTEGER NOT NULL,          -- if it is the oldest of its monitor and channel
    attempts INTEGER NOT NULL DEFAULT 0,       -- that failed
    claimed INTEGER NOT NULL DEFAULT 0,        -- 1: it may have been attempted
    state INTEGER NOT NULL DEFAULT 0,          -- 0: pending, or part of a digest, 1: sent, 2: given up
    settled_ms INTEGER,
    notices INTEGER NOT NULL DEFAULT 1,
    error TEXT NOT NULL DEFAULT '',
    notice TEXT NOT NULL                       -- JSON; '' of a digest
  ) STRICT;
  INSERT INTO new_deliveries
    SELECT seq, id, monitor_id, channel, created_ms, next_attempt_ms, attempts, 1, iif(buried_ms IS NULL, 0, 2), buried_ms, 1,
      error, notice
    FROM deliveries ORDER BY seq;
  DROP TABLE deliveries;
  ALTER TABLE new_deliveries RENAME TO deliveries;
  -- Only of what is settled: a flip pays nothing for them.
  CREATE INDEX deliveries_settled ON deliveries (state, seq) WHERE state <> 0;
  CREATE INDEX deliveries_settled_of ON deliveries (channel, state, seq) WHERE state <> 0;
  CREATE INDEX deliveries_settled_by_id ON deliveries (id) WHERE state <> 0;

  CREATE TABLE attempts (
    seq INTEGER NOT NULL,                      -- of the delivery
    number INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    latency_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    http_status INTEGER NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (seq, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE digests (
    number INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,               -- of the delivery
    id TEXT NOT NULL,
    channel TEXT NOT NULL,
    holds INTEGER NOT NULL DEFAULT 1,          -- what comes later of its monitors waits for it while it is pending
    members BLOB NOT NULL                      -- seqs of what it tells of, as far as these are kept; 64-bit floats
  ) STRICT;
  -- Incidents that a digest told of and that are not told to be over.
  CREATE TABLE digest_incidents (
    incident_id TEXT NOT NULL,
    digest INTEGER NOT NULL,                   -- its number
    PRIMARY KEY (incident_id, digest)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX digest_incidents_by_digest ON digest_incidents (digest);
  `,
  // What a settled digest told of is not looked at by a start (-1); the indexes are of deliveries, so not of that.
  `
  DROP INDEX deliveries_settled;
  DROP INDEX deliveries_settled_of;
  DROP INDEX deliveries_settled_by_id;
  CREATE INDEX deliveries_settled ON deliveries (state, seq) WHERE state > 0;
  CREATE INDEX deliveries_settled_of ON deliveries (channel, state, seq) WHERE state > 0;
  CREATE INDEX deliveries_settled_by_id ON deliveries (id) WHERE state > 0;
  -- 1: what it tells of may be pending. The next start settles what is not.
  UPDATE digests SET holds = 1;
  `,
];
