-- The dispatch team's notes in a conversation. They are no messages: a driver never sees one.
CREATE TABLE note (
    tenant TEXT NOT NULL,
    note_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT,
    content TEXT NOT NULL,
    noted_at BIGINT NOT NULL,
    client_note_id TEXT NOT NULL,
    PRIMARY KEY (tenant, note_id)
);
CREATE INDEX note_order ON note (tenant, conversation_id, noted_at, note_id);
CREATE UNIQUE INDEX note_repeat ON note (tenant, author_id, client_note_id);
