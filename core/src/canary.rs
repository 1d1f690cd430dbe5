//! Bugs to plant on purpose, so that the sweep can be seen to find them: a test that has never failed
//! proves nothing. Each is a mistake that was made once, here or elsewhere, at the very place where
//! it would be made again. Without the feature `canaries` none can be planted, and every
//! `planted` compiles to nothing.

macro_rules! canaries {
    ($($(#[$doc:meta])* $name:ident = $kebab:literal,)*) => {
        /// A bug that can be planted.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Canary { $($(#[$doc])* $name,)* }

        #[cfg(feature = "canaries")]
        impl Canary {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name on a command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $kebab,)* }
            }
        }
    };
}

canaries! {
    /// A fresh start goes to the node that the last redirect led to, not to the archive. Guards the
    /// lesson of the stale address: a node's URL dies with its token.
    NodeKept = "node-kept",
    /// A body that resumes is taken to begin a byte before where it does.
    ResumeOffByOne = "resume-off-by-one",
    /// Looking how far the bytes have come counts as having consumed them. Guards the lesson of the
    /// throttle deadlock: probing moves nothing.
    ScoutReleases = "scout-releases",
    /// What was promised counts as there when the connection is cut: a decoder sees zeros or worse.
    PromiseTaken = "promise-taken",
    /// A body cut short counts as the end of the file.
    CutIsTheEnd = "cut-is-the-end",
    /// Once the window was full, the network is never read again.
    ThrottleForEver = "throttle-for-ever",
    /// Silence that we asked for counts as a stall: the long throttle of a film of few bits.
    ThrottleIsAStall = "throttle-is-a-stall",
    /// A 200 with the whole file is taken for the range that was asked for.
    WholeForTheRange = "whole-for-the-range",
    /// A 206 for other bytes is taken for those that were asked for.
    AnyRange = "any-range",
    /// Nobody looks whether the file is still the same.
    ChangeIgnored = "change-ignored",
    /// What was read of the old file is kept when it has changed.
    WindowKept = "window-kept",
    /// A redirect's exchange is never ended.
    RedirectLeaked = "redirect-leaked",
    /// A redirect may lead anywhere.
    StrangerFollowed = "stranger-followed",
    /// Whatever failed is tried again at once.
    NoPause = "no-pause",
    /// A server that asks for a pause gets the usual one.
    RetryAfterIgnored = "retry-after-ignored",
    /// A failure counts as progress: nothing is ever given up.
    FailureForgiven = "failure-forgiven",
    /// A track ends a sample before its end.
    EndOffByOne = "end-off-by-one",
    /// The sample that a seek leads to is skipped.
    SampleSkipped = "sample-skipped",
    /// A sample that playing ran dry on is handed out twice.
    SampleTwice = "sample-twice",
    /// Pictures are shown in the order in which they are decoded.
    DecodeOrder = "decode-order",
    /// A live viewer never skips to what is on.
    NeverSkips = "never-skips",
}

/// Whether this bug is planted.
#[cfg(not(feature = "canaries"))]
#[inline(always)]
pub(crate) const fn planted(_: Canary) -> bool {
    false
}

#[cfg(feature = "canaries")]
pub use switch::plant;
#[cfg(feature = "canaries")]
pub(crate) use switch::planted;

#[cfg(feature = "canaries")]
mod switch {
    use core::sync::atomic::{AtomicU8, Ordering};

    use super::Canary;

    /// 0 for none, otherwise one more than the canary's number.
    static PLANTED: AtomicU8 = AtomicU8::new(0);

    /// Plants this bug instead of any other, or none, in the whole process.
    pub fn plant(canary: Option<Canary>) {
        PLANTED.store(canary.map_or(0, number), Ordering::Relaxed);
    }

    /// Whether this bug is planted.
    pub(crate) fn planted(canary: Canary) -> bool {
        PLANTED.load(Ordering::Relaxed) == number(canary)
    }

    const fn number(canary: Canary) -> u8 {
        canary as u8 + 1
    }
}
