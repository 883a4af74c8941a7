"""The bytes that are hashed: one form of input and result, whatever the files looked like."""
