//! What a comparison leaves out, by name and with the reason. Nothing is left out that is not in
//! this list, and whoever compares is shown the list.

use std::fmt;
use std::str::FromStr;

/// One thing that can be left out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Rule {
    /// When things happened.
    Times,
    /// Body bytes of an exchange that the TV hung up.
    HangUpBytes,
    /// The pieces that a body came in.
    Pieces,
    /// When an exchange was over, relative to what other exchanges did meanwhile.
    ClosingOrder,
    /// Upper and lower case of header names.
    HeaderCase,
    /// `Date` headers.
    Date,
    /// `level` lines of a trace.
    Levels,
    /// Positions in the film.
    Positions,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Times,
        Self::HangUpBytes,
        Self::Pieces,
        Self::ClosingOrder,
        Self::HeaderCase,
        Self::Date,
        Self::Levels,
        Self::Positions,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Times => "times",
            Self::HangUpBytes => "hang-up-bytes",
            Self::Pieces => "pieces",
            Self::ClosingOrder => "closing-order",
            Self::HeaderCase => "header-case",
            Self::Date => "date",
            Self::Levels => "levels",
            Self::Positions => "positions",
        }
    }

    /// What is left out, and why that is no difference.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Times => {
                "when things happened and for how long, and where playing ran dry: a real network takes \
                 its own time"
            }
            Self::HangUpBytes => {
                "what an exchange brought that the TV hung up: how many pieces had come by then is \
                 the driver's affair"
            }
            Self::Pieces => {
                "the pieces that a body came in, and pauses between them: every driver has a buffer of \
                 its own"
            }
            Self::ClosingOrder => {
                "when an exchange was over relative to what the others did: the last bytes of a \
                 redirect's body race with the exchange that follows"
            }
            Self::HeaderCase => {
                "upper and lower case of header names: HTTP ignores it, and libraries change it"
            }
            Self::Date => "Date headers: they tell the server's clock and nothing else",
            Self::Levels => "how full the window was: noted for drawing only",
            Self::Positions => {
                "positions in the film: somebody who joins a running schedule comes in where it is \
                 by then"
            }
        }
    }
}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(name: &str) -> Result<Self, UnknownRule> {
        Self::ALL.into_iter().find(|rule| rule.name() == name).ok_or(UnknownRule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No rule has that name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnknownRule;

impl fmt::Display for UnknownRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing of that name can be ignored; expected one of")?;
        for (n, rule) in Rule::ALL.into_iter().enumerate() {
            write!(f, "{} {rule}", if n == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownRule {}

/// The rules of one comparison.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ignore {
    /// In the order of [`Rule::ALL`].
    rules: [bool; Rule::ALL.len()],
}

impl Ignore {
    /// Nothing is left out, to the microsecond.
    pub const fn none() -> Self {
        Self { rules: [false; Rule::ALL.len()] }
    }

    /// What must be the same when one session runs over a modelled network, a simulated one and real
    /// sockets: everything the TV decided, and in which order.
    pub fn across_drivers() -> Self {
        use Rule::{ClosingOrder, Date, HangUpBytes, HeaderCase, Levels, Pieces, Times};
        [Times, HangUpBytes, Pieces, ClosingOrder, HeaderCase, Date, Levels]
            .into_iter()
            .fold(Self::none(), Self::with)
    }

    /// This rule too.
    #[must_use]
    pub const fn with(mut self, rule: Rule) -> Self {
        self.rules[rule as usize] = true;
        self
    }

    /// Not this rule.
    #[must_use]
    pub const fn without(mut self, rule: Rule) -> Self {
        self.rules[rule as usize] = false;
        self
    }

    /// Whether this is left out.
    pub const fn has(&self, rule: Rule) -> bool {
        self.rules[rule as usize]
    }

    /// The rules that hold.
    pub fn rules(&self) -> impl Iterator<Item = Rule> {
        Rule::ALL.into_iter().filter(|rule| self.has(*rule))
    }
}

impl Default for Ignore {
    /// Exact, but for what is noted for drawing only.
    fn default() -> Self {
        Self::none().with(Rule::Levels)
    }
}

impl fmt::Display for Ignore {
    /// What is left out and what could be: a line for each rule, its name, and why.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, is_ignored) in [("Ignored:", true), ("Compared:", false)] {
            let mut rules = Rule::ALL.into_iter().filter(|rule| self.has(*rule) == is_ignored);
            if let Some(first) = rules.next() {
                writeln!(f, "{title}")?;
                for rule in std::iter::once(first).chain(rules) {
                    writeln!(f, "  {:<14} {}", rule.name(), rule.reason())?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_by_name_added_and_removed() {
        for rule in Rule::ALL {
            assert_eq!(rule.name().parse(), Ok(rule));
            assert!(!Ignore::none().has(rule));
            assert!(Ignore::none().with(rule).has(rule));
            assert_eq!(Ignore::none().with(rule).rules().collect::<Vec<_>>(), [rule]);
            assert_eq!(Ignore::none().with(rule).without(rule), Ignore::none());
        }
        let error = "time".parse::<Rule>().unwrap_err().to_string();
        assert!(
            error.ends_with(
                "expected one of times, hang-up-bytes, pieces, closing-order, \
             header-case, date, levels, positions"
            ),
            "{error}"
        );
    }

    #[test]
    fn what_is_ignored_is_printed_with_the_reason_and_so_is_what_could_be() {
        let compared = Ignore::none().to_string();
        assert_eq!(compared.lines().next(), Some("Compared:"));
        assert_eq!(compared.lines().count(), 1 + Rule::ALL.len());
        let text = Ignore::none().with(Rule::Date).with(Rule::Levels).to_string();
        let (ignored, compared) = text.split_once("Compared:\n").unwrap();
        assert_eq!(
            ignored,
            "Ignored:\n  date           Date headers: they tell the server's clock and nothing else\n  \
             levels         how full the window was: noted for drawing only\n"
        );
        assert_eq!(compared.lines().count(), Rule::ALL.len() - 2);
        assert!(compared.starts_with("  times          when things happened"), "{compared}");
    }
}
