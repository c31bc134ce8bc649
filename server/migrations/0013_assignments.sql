-- Who of the dispatch team looks after a conversation. One without a row is nobody's.
CREATE TABLE assignment (
    tenant TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (tenant, conversation_id)
);
