//! The schedule, as everyone sees it: its promises for any line-up, and its vectors.

mod golden;
mod promises;
