-- Times are milliseconds since 1970. Booleans are 0 or 1. One SQL for SQLite and PostgreSQL.

CREATE TABLE app_user (
    tenant TEXT NOT NULL,
    user_id TEXT NOT NULL,
    email TEXT,
    name TEXT,
    role TEXT NOT NULL,
    driver_id TEXT,
    password_hash TEXT,
    disabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id)
);
CREATE UNIQUE INDEX app_user_email ON app_user (email, tenant);

-- One row a refresh token. A rotated one that comes back revokes its whole family.
CREATE TABLE refresh_token (
    token_hash TEXT NOT NULL PRIMARY KEY,
    family TEXT NOT NULL,
    tenant TEXT NOT NULL,
    user_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used BIGINT NOT NULL
);
CREATE INDEX refresh_token_family ON refresh_token (family);

CREATE TABLE log_tenant (
    tenant TEXT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    head BIGINT NOT NULL
);

-- A row whose kind is empty is a gap: events may have been missed before it.
CREATE TABLE log_event (
    tenant TEXT NOT NULL,
    log_offset BIGINT NOT NULL,
    kind TEXT NOT NULL,
    readers TEXT NOT NULL,
    json TEXT NOT NULL,
    logged_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, log_offset)
);
CREATE INDEX log_event_age ON log_event (logged_at);

-- Publishers' event ids, for as long as a repeat counts once.
CREATE TABLE log_repeat (
    tenant TEXT NOT NULL,
    event_id TEXT NOT NULL,
    log_offset BIGINT NOT NULL,
    logged_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, event_id)
);
CREATE INDEX log_repeat_age ON log_repeat (logged_at);

-- The compacted log: the newest event of each slot.
CREATE TABLE log_slot (
    tenant TEXT NOT NULL,
    slot TEXT NOT NULL,
    entity TEXT NOT NULL,
    log_offset BIGINT NOT NULL,
    readers TEXT NOT NULL,
    json TEXT NOT NULL,
    -- Whether the same event fills both sides' slots of a conversation.
    shared BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    leaves_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, slot)
);
CREATE INDEX log_slot_entity ON log_slot (tenant, entity);
CREATE INDEX log_slot_age ON log_slot (leaves_at);

-- Answers to requests with an Idempotency-Key.
CREATE TABLE publish_answer (
    publisher TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    answer TEXT NOT NULL,
    answered_at BIGINT NOT NULL,
    PRIMARY KEY (publisher, idempotency_key)
);

CREATE TABLE inbox (
    tenant TEXT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    head BIGINT NOT NULL
);

CREATE TABLE conversation (
    tenant TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    -- Up to where each side has read.
    driver_read_seq BIGINT NOT NULL,
    dispatch_read_seq BIGINT NOT NULL,
    PRIMARY KEY (tenant, conversation_id)
);

CREATE TABLE message (
    tenant TEXT NOT NULL,
    inbox_offset BIGINT NOT NULL,
    conversation_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    sender_role TEXT NOT NULL,
    sender_name TEXT,
    recipient_id TEXT NOT NULL,
    content TEXT NOT NULL,
    priority TEXT NOT NULL,
    requires_ack BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    client_message_id TEXT NOT NULL,
    alert_id TEXT,
    route_plan_id TEXT,
    PRIMARY KEY (tenant, inbox_offset)
);
CREATE UNIQUE INDEX message_seq ON message (tenant, conversation_id, seq);
CREATE UNIQUE INDEX message_repeat ON message (tenant, sender_id, client_message_id, conversation_id);
CREATE UNIQUE INDEX message_by_id ON message (tenant, message_id);

-- Up to where a user has received and read a conversation.
CREATE TABLE receipt (
    tenant TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    delivered_seq BIGINT NOT NULL,
    read_seq BIGINT NOT NULL,
    PRIMARY KEY (tenant, conversation_id, user_id)
);

CREATE TABLE acknowledgement (
    tenant TEXT NOT NULL,
    message_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    acknowledged_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, message_id, user_id)
);
