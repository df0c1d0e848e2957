# What CI runs, in the same order.
ci:
    bash .ci/run

# Everything of cargo-deny, with the advisory database (needs the network).
deny:
    cargo deny check

# All benchmarks, one table each.
bench:
    cargo bench

# The backtest beside backtesting.py 0.6.6 on the same bars and rule.
bench-peers:
    bash benches/peers/run

# A database cut at every byte (about 10 minutes).
torn-wal:
    cargo test --release --lib -- --ignored s7_every_byte
