"""The feed: which horses are followed, what is new of them, and that as Atom."""
