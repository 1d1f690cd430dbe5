//! The program as a person or a script runs it, against an archive on this machine: what comes out
//! of the screen, the speaker, the trace and the shell. SDL's dummy display and file-backed speaker
//! stand in for devices; time is real, because the program's is.

mod bad_input;
mod display;
mod in_step;
mod installed;
mod listings;
mod logs;
mod outage;
mod pinned;
mod radio;
mod recorded;
mod run;
mod schedule;
mod served;
mod stopped;
mod uneven;
mod window;
