-- The full-text index of messages. Its terms are a message's words and, told apart from them by a
-- colon, its tenant and its conversation: so a search reads one tenant's entries only.

-- The row numbers that the index needs. Those of `message` are not fixed: VACUUM may change them.
-- They follow a tenant's offsets, so that the newest is the last in the index, too.
CREATE TABLE message_document (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    inbox_offset BIGINT NOT NULL,
    UNIQUE (tenant, inbox_offset)
);
INSERT INTO message_document (tenant, inbox_offset) SELECT tenant, inbox_offset FROM message ORDER BY tenant, inbox_offset;

-- Words come folded. The tokenizer only parts them: every byte beyond ASCII is part of one.
CREATE VIRTUAL TABLE message_search USING fts5 (
    terms,
    content = '',
    contentless_delete = 1,
    detail = none,
    prefix = '1 2 3',
    tokenize = "ascii tokenchars '._:@-'"
);

CREATE TRIGGER message_search_insert AFTER INSERT ON message BEGIN
    INSERT INTO message_document (tenant, inbox_offset) VALUES (new.tenant, new.inbox_offset);
    INSERT INTO message_search (rowid, terms)
        SELECT id, 't:' || new.tenant || ' c:' || new.conversation_id || ' ' || new.words FROM message_document
        WHERE tenant = new.tenant AND inbox_offset = new.inbox_offset AND new.words IS NOT NULL;
END;

CREATE TRIGGER message_search_words AFTER UPDATE OF words ON message WHEN old.words IS NULL BEGIN
    INSERT INTO message_search (rowid, terms)
        SELECT id, 't:' || new.tenant || ' c:' || new.conversation_id || ' ' || new.words FROM message_document
        WHERE tenant = new.tenant AND inbox_offset = new.inbox_offset AND new.words IS NOT NULL;
END;

CREATE TRIGGER message_search_delete AFTER DELETE ON message BEGIN
    DELETE FROM message_search WHERE rowid =
        (SELECT id FROM message_document WHERE tenant = old.tenant AND inbox_offset = old.inbox_offset);
    DELETE FROM message_document WHERE tenant = old.tenant AND inbox_offset = old.inbox_offset;
END;
