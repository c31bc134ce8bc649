-- A message's words are in the index alone: its row isn't written anew when they are found. Up to where a
-- tenant's messages have theirs, its inbox says; before, an index held every message that had none.

ALTER TABLE inbox ADD COLUMN worded BIGINT NOT NULL DEFAULT 0;

DROP TRIGGER message_search_insert;
DROP TRIGGER message_search_words;
DROP INDEX message_without_words;

-- The beginnings of one letter are indexed; two or three letters are few enough terms to go through, and
-- their indexes were half of what it cost to store a message's words. All messages get theirs anew.
DROP TABLE message_search;
CREATE VIRTUAL TABLE message_search USING fts5 (
    terms,
    content = '',
    contentless_delete = 1,
    detail = none,
    prefix = '1',
    tokenize = "ascii tokenchars '._:@-'"
);
DELETE FROM message_document;
