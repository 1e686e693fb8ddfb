"""Train what handfast.inference ships, and measure it. Needs the development dependencies."""
