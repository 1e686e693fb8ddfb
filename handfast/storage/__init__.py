"""Content by its address: add, get, pin and verify by CID, locally, in Kubo or over HTTP."""
