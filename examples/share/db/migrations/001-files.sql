SET ROLE share;

CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL UNIQUE,
    password text NOT NULL,
    is_admin boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE invitations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('first', 'member')),
    email text NOT NULL,
    fingerprint text NOT NULL UNIQUE,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE TABLE files (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name text NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'ready', 'failed')),
    sha256 text,
    has_thumbnail boolean NOT NULL DEFAULT false,
    problem text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (state <> 'ready' OR sha256 IS NOT NULL)
);
CREATE INDEX ON files (owner_id, created_at DESC);
CREATE INDEX ON files (created_at) WHERE state = 'waiting';

CREATE TABLE shares (
    id uuid PRIMARY KEY,
    file_id uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    fingerprint text NOT NULL UNIQUE,
    expires_at timestamptz,
    downloads bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON shares (file_id);

GRANT SELECT, INSERT, DELETE ON users, invitations, files, shares TO web;
GRANT UPDATE (password) ON users TO web;
GRANT UPDATE (used_at) ON invitations TO web;
GRANT UPDATE (downloads) ON shares TO web;

GRANT SELECT (id, name, size_bytes, state, created_at) ON files TO worker;
GRANT UPDATE (state, sha256, has_thumbnail, problem) ON files TO worker;
