-- A message's words are in the index alone: its row isn't written anew when they are found. Up to where a
-- tenant's messages have theirs, its inbox says; before, an index held every message that had none.

ALTER TABLE inbox ADD COLUMN worded BIGINT NOT NULL DEFAULT 0;
UPDATE inbox SET worded = COALESCE(
    (SELECT MIN(m.inbox_offset) - 1 FROM message m WHERE m.tenant = inbox.tenant AND m.words IS NULL), head);

-- What lies beyond is given its words, and its row number, in the order of the tenant's offsets.
DELETE FROM message_search WHERE rowid IN (
    SELECT d.id FROM inbox i CROSS JOIN message_document d WHERE d.tenant = i.tenant AND d.inbox_offset > i.worded);
DELETE FROM message_document WHERE id IN (
    SELECT d.id FROM inbox i CROSS JOIN message_document d WHERE d.tenant = i.tenant AND d.inbox_offset > i.worded);

DROP TRIGGER message_search_insert;
DROP TRIGGER message_search_words;
DROP INDEX message_without_words;
