-- Counts, not letters: a device gone wild writes one row an hour, and what it sent stays in Kafka.

CREATE TABLE dead_letter (
    origin text NOT NULL,  -- the device that sent them, or the Kafka topic in which they were found
    reason text NOT NULL,
    hour timestamptz NOT NULL,  -- in which they came
    messages bigint NOT NULL,
    newest_at timestamptz NOT NULL,
    newest_detail text NOT NULL,  -- what was wrong with the newest of them
    PRIMARY KEY (origin, reason, hour)
);

GRANT SELECT, INSERT, UPDATE ON dead_letter TO cityhum_archive;
GRANT SELECT ON dead_letter TO cityhum_reader;
