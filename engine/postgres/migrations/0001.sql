-- Generations are never used twice, so that a record that was removed and made anew is not taken for the former one.
CREATE SEQUENCE daytona.generations;

-- One row per sandbox. A change names the generation that it was made from, so that of two at once only one takes effect.
CREATE TABLE daytona.sandboxes (
    id text PRIMARY KEY,
    -- Empty for the installation's own organization.
    organization text NOT NULL,
    name text NOT NULL,
    -- Grows with each change.
    generation bigint NOT NULL DEFAULT nextval('daytona.generations'),
    -- Where it is meant to go, and where it is: the API's words.
    desired text NOT NULL,
    observed text NOT NULL,
    -- All of it, as JSON.
    record text NOT NULL,
    -- Made for each change, to recognise one whose outcome was lost with the connection.
    change uuid NOT NULL
);
CREATE UNIQUE INDEX sandboxes_by_name ON daytona.sandboxes (organization, name);

-- Records and documents of which nothing is asked but their ids, changed in the same way.
CREATE TABLE daytona.records (
    kind text NOT NULL,
    id text NOT NULL,
    generation bigint NOT NULL DEFAULT nextval('daytona.generations'),
    record text NOT NULL,
    change uuid NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE daytona.settings (name text PRIMARY KEY, value text NOT NULL);

-- Who reconciles a shard, and until when. `epoch` grows with each new holder, so that a former one can be told apart.
CREATE TABLE daytona.leases (
    shard integer PRIMARY KEY,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL
);

-- What is due when. Whoever takes one claims it for a while, so that another takes it if the first one dies.
CREATE TABLE daytona.timers (
    subject text NOT NULL,
    kind text NOT NULL,
    due_at timestamptz NOT NULL,
    claim uuid,
    claimed_until timestamptz,
    PRIMARY KEY (subject, kind)
);
CREATE INDEX timers_by_time ON daytona.timers (due_at);

-- What happened, in the order of the transactions that wrote it. Numbers alone would not do: a transaction may commit after one with a
-- higher number, and whoever had read that far would miss it.
CREATE TABLE daytona.outbox (
    transaction bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    number bigint GENERATED ALWAYS AS IDENTITY,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The control plane that wrote it.
    origin text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    -- After the change; null when the subject is gone.
    generation bigint,
    PRIMARY KEY (transaction, number)
);
CREATE INDEX outbox_by_time ON daytona.outbox (written_at);

-- Up to where events have been removed.
CREATE TABLE daytona.outbox_floor (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    transaction bigint NOT NULL,
    number bigint NOT NULL
);
INSERT INTO daytona.outbox_floor (transaction, number) VALUES (0, 0);
