-- When a snoozed alert comes back. A row whose alert has been dealt with meanwhile does nothing.
CREATE TABLE snooze (
    tenant TEXT NOT NULL,
    alert_id TEXT NOT NULL,
    wakes_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, alert_id, wakes_at)
);
CREATE INDEX snooze_due ON snooze (wakes_at);
