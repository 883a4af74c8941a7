"""Tables in files and in memory: columns of text and numbers, read and written in streams, each cell checked."""
