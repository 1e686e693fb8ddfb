"""What the papers' figures and tables show, measured on this system: one module each."""
