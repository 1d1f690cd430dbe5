//! The archive, the way to it and a viewer, all in one process and in virtual time: what the TV does
//! on a good day and on a bad one, the same every time and thousands of times faster than watching.
//!
//! [`heap`] is a network without sockets, [`viewer`] somebody who watches a film over it, and
//! [`timeline`] what can be read about it afterwards.

#![forbid(unsafe_code)]

pub mod heap;
pub mod timeline;
pub mod viewer;
