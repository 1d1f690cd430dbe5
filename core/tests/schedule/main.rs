//! The schedule, as everyone sees it: its promises for any line-up, and its vectors.

extern crate alloc;

mod arranged;
mod golden;
mod promises;
mod vectors;
mod vectors_2;
