-- Whoever follows the outbox without a delivery row of its own (records/live.py) asks for what a
-- snapshot has not seen: ids alone are given out before their transactions commit.

ALTER TABLE outbox ADD txid xid8 NOT NULL DEFAULT pg_current_xact_id();

CREATE INDEX outbox_alerts ON outbox (txid) WHERE kind = 'alert';
