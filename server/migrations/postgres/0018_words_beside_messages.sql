-- Here the index is made of a message's row, in which its words stand, as before.
SELECT 1;
