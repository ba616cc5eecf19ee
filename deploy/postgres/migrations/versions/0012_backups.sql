-- One row a night; a backup that was removed since has its row still.

CREATE TABLE backup (
    made_at timestamptz PRIMARY KEY,  -- the moment that it shows
    bytes bigint NOT NULL
);

GRANT SELECT ON backup TO cityhum_reader;
