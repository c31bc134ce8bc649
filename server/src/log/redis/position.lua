-- Says where the log stands, and nothing else.

return answer({})
