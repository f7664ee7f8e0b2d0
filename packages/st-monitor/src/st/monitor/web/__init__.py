"""The live page: a small server on this machine, and what it lets in."""
