"""One paid round between a client and a provider: request, prompt, announcement, lock, verdict."""
