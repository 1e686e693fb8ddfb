"""The provider's process: serves a model for a fee."""
