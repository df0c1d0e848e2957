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

# The list of licences that the program comes with, made anew after a change of dependencies.
licenses:
    ARBION_WRITE_LICENSES=1 cargo test --test it c3_

# The bill of materials of a release (CycloneDX).
sbom:
    cargo run --quiet --release -- licenses --sbom

# The same commit built twice, and compared.
reproducible:
    bash .ci/reproducible

# What a release is, in dist/: the program, its bill of materials, checksums, and their signature by a secret key of minisign.
release key="":
    bash .ci/release {{key}}

# Everything that is read from outside, with changed inputs, for so many seconds a target.
fuzz seconds="60":
    FUZZ_SECONDS={{seconds}} cargo test --release c6_

# The connectors' tests over a network that delays, loses, doubles and reorders: a loopback of their own, which takes root.
netem:
    bash tests/netem
