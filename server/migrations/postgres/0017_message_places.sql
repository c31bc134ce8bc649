-- Here every message takes its place in a transaction of several statements, as before.
SELECT 1;
