-- A message's words are found after it was stored. It gets its row number in the index then, in the
-- order of its tenant's offsets as before.

DROP TRIGGER message_search_insert;
CREATE TRIGGER message_search_insert AFTER INSERT ON message WHEN new.words IS NOT NULL BEGIN
    INSERT INTO message_document (tenant, inbox_offset) VALUES (new.tenant, new.inbox_offset);
    INSERT INTO message_search (rowid, terms)
        SELECT id, 't:' || new.tenant || ' c:' || new.conversation_id || ' ' || new.words FROM message_document
        WHERE tenant = new.tenant AND inbox_offset = new.inbox_offset;
END;

DROP TRIGGER message_search_words;
CREATE TRIGGER message_search_words AFTER UPDATE OF words ON message WHEN old.words IS NULL BEGIN
    -- One that was stored before this migration has its number.
    INSERT OR IGNORE INTO message_document (tenant, inbox_offset) VALUES (new.tenant, new.inbox_offset);
    INSERT INTO message_search (rowid, terms)
        SELECT id, 't:' || new.tenant || ' c:' || new.conversation_id || ' ' || new.words FROM message_document
        WHERE tenant = new.tenant AND inbox_offset = new.inbox_offset AND new.words IS NOT NULL;
END;
