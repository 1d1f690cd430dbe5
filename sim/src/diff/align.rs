//! Puts two sequences side by side, so that what one of them has more is seen as that, and not as
//! everything after it being different. Never asks what the elements are: a weight says how well
//! two of them go together.
//!
//! The alignment is one of greatest total weight (Needleman and Wunsch 1970, gaps for free), and the
//! same one every time. Its cost is bounded for sequences of any length: no more than [`WINDOW`]
//! elements of each side are looked at at once.

/// How far ahead a pair is looked for. Two sessions that differ for longer than that in a row are
/// not the same session any more.
const WINDOW: usize = 1024;

/// An element of one side, of the other, or of both.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// They belong together: their places on either side.
    Pair(usize, usize),
    /// Only the left side has it.
    Left(usize),
    /// Only the right side has it.
    Right(usize),
}

/// Aligns sequences of these lengths. `weight` says how well a left and a right element go together:
/// 0 not at all, `best` perfectly and never more.
pub fn align(
    left: usize,
    right: usize,
    best: u32,
    weight: impl Fn(usize, usize) -> u32,
) -> Vec<Step> {
    let mut steps = Vec::with_capacity(left.max(right));
    let (mut i, mut j) = (0, 0);
    while i < left || j < right {
        // To pair two that go together perfectly is never worse than not to.
        if i < left && j < right && weight(i, j) == best {
            steps.push(Step::Pair(i, j));
            (i, j) = (i + 1, j + 1);
            continue;
        }
        let (rows, columns) = ((left - i).min(WINDOW), (right - j).min(WINDOW));
        let table = Table::fill(rows, columns, |row, column| weight(i + row, j + column));
        // What lies near the end of the window might be paired better by what lies behind it.
        let is_last = i + rows == left && j + columns == right;
        let (mut row, mut column) = (0, 0);
        while (row, column) != (rows, columns) && (is_last || row.max(column) < WINDOW / 2) {
            match table.step(row, column) {
                Step::Pair(..) => {
                    steps.push(Step::Pair(i + row, j + column));
                    (row, column) = (row + 1, column + 1);
                }
                Step::Left(_) => {
                    steps.push(Step::Left(i + row));
                    row += 1;
                }
                Step::Right(_) => {
                    steps.push(Step::Right(j + column));
                    column += 1;
                }
            }
        }
        (i, j) = (i + row, j + column);
    }
    steps
}

/// The greatest total weight that can be had from each place on.
struct Table {
    columns: usize,
    rows: usize,
    totals: Vec<u32>,
    paired: Vec<bool>,
}

impl Table {
    fn fill(rows: usize, columns: usize, weight: impl Fn(usize, usize) -> u32) -> Self {
        let width = columns + 1;
        let mut totals = vec![0; (rows + 1) * width];
        let mut paired = vec![false; (rows + 1) * width];
        for row in (0..rows).rev() {
            for column in (0..columns).rev() {
                let at = row * width + column;
                let alone = totals[at + width].max(totals[at + 1]);
                let weight = weight(row, column);
                let together = totals[at + width + 1] + weight;
                paired[at] = weight > 0 && together >= alone;
                totals[at] = if paired[at] { together } else { alone };
            }
        }
        Self { columns, rows, totals, paired }
    }

    /// The first step of the best way from here on.
    fn step(&self, row: usize, column: usize) -> Step {
        let width = self.columns + 1;
        let at = row * width + column;
        if row == self.rows {
            Step::Right(column)
        } else if column == self.columns {
            Step::Left(row)
        } else if self.paired[at] {
            Step::Pair(row, column)
        } else if self.totals[at + width] >= self.totals[at + 1] {
            Step::Left(row)
        } else {
            Step::Right(column)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters go together with themselves, and poorly with themselves in the other case.
    fn aligned(left: &str, right: &str) -> String {
        let (left, right) = (left.as_bytes(), right.as_bytes());
        let weight = |i: usize, j: usize| match (left[i], right[j]) {
            (a, b) if a == b => 9,
            (a, b) if a.eq_ignore_ascii_case(&b) => 4,
            _ => 0,
        };
        let steps = align(left.len(), right.len(), 9, weight);
        let text = |step: &Step| match *step {
            Step::Pair(i, j) if left[i] == right[j] => char::from(left[i]).to_string(),
            Step::Pair(i, j) => format!("[{}{}]", char::from(left[i]), char::from(right[j])),
            Step::Left(i) => format!("-{}", char::from(left[i])),
            Step::Right(j) => format!("+{}", char::from(right[j])),
        };
        steps.iter().map(text).collect()
    }

    #[test]
    fn one_more_is_one_more_and_not_everything_after_it() {
        assert_eq!(aligned("abcdef", "abxcdef"), "ab+xcdef");
        assert_eq!(aligned("abxcdef", "abcdef"), "ab-xcdef");
        assert_eq!(aligned("", "abc"), "+a+b+c");
        assert_eq!(aligned("abc", ""), "-a-b-c");
    }

    #[test]
    fn one_that_changed_is_paired_with_what_it_became_unless_a_better_one_comes() {
        assert_eq!(aligned("abc", "aBc"), "a[bB]c");
        assert_eq!(aligned("abc", "aBbc"), "a+Bbc");
    }

    #[test]
    fn among_equals_what_begins_alike_is_paired() {
        assert_eq!(aligned("ab", "abab"), "ab+a+b");
        assert_eq!(aligned("aab", "ab"), "a-ab");
    }

    #[test]
    fn sequences_longer_than_the_window_are_aligned_piece_by_piece() {
        let right: Vec<usize> = (0..10_000).filter(|n| n % 1000 != 7).collect();
        let weight = |i: usize, j: usize| u32::from(i == right[j]);
        let steps = align(10_000, right.len(), 1, weight);
        let alone = |step: &&Step| !matches!(step, Step::Pair(..));
        let alone: Vec<Step> = steps.iter().filter(alone).copied().collect();
        let expected: Vec<Step> = (0..10).map(|n| Step::Left(n * 1000 + 7)).collect();
        assert_eq!(alone, expected);
    }

    #[test]
    fn sequences_with_nothing_in_common_come_to_an_end() {
        let steps = align(5000, 3000, 1, |_, _| 0);
        assert_eq!(steps.len(), 8000);
        let mut lefts = 0;
        let mut rights = 0;
        for step in steps {
            match step {
                Step::Left(i) => {
                    assert_eq!(i, lefts);
                    lefts += 1;
                }
                Step::Right(j) => {
                    assert_eq!(j, rights);
                    rights += 1;
                }
                Step::Pair(..) => panic!("nothing goes together"),
            }
        }
    }
}
