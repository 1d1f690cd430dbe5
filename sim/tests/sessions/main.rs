//! Sessions compared, drawn and turned into HAR files.

mod diff;
mod har;
mod report;
mod sample;
