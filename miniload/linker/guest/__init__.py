"""Libraries for other machines, in an emulated CPU: loaded by the same Loader, called from Python by their own calling convention."""
