-- The full-text index of messages. Its terms are a message's words and, told apart from them by a
-- colon, its tenant and its conversation: so a search reads one tenant's entries only. A search
-- must name the same expression.

CREATE INDEX message_search ON message USING gin (
    array_to_tsvector(string_to_array(rtrim('t:' || tenant || ' c:' || conversation_id || ' ' || words), ' '))
);
