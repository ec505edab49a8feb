# Short names for people. Each recipe calls the test command of the README, which .ci/run calls as well.

# Everything.
test:
    ./test.sh

# Format and lints only.
lint:
    ./test.sh format lint

# Unit, integration, documentation and result-file tests.
rust:
    ./test.sh rust

# pyarrow, ADBC, pyvo, curl and the snippets of the README against the built binary.
clients:
    ./test.sh clients

# Serves the bundled sky.
serve *OPTIONS:
    cargo run --bin sidereus -- serve {{OPTIONS}}

# Builds the bundled catalogs and their answers again (in an environment with testdata/requirements.txt).
testdata:
    python3 testdata/build.py
    python3 testdata/truth/compute.py
