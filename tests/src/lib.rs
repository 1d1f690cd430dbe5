//! What crosses crates: see the tests.
