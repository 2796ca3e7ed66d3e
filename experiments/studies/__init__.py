"""Studies of one spec or strategy: what latency, lags, depth, defence and size cost it."""
