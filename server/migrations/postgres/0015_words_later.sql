-- Here a message is stored with its words, as before: an update would write its row twice.
SELECT 1;
